package pages

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// methods are the HTTP methods that an OpenAPI path may have, in the order shown; a
// path's other members are no operations.
var methods = []string{"get", "post", "put", "patch", "delete"}

// readDocument turns OpenAPI JSON into what the reference page shows.
func readDocument(b []byte) (*document, error) {
	var raw openAPI
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	d := &document{Description: raw.Info.Description}
	groups := map[string]*group{}
	add := func(name string) *group {
		g := groups[name]
		if g == nil {
			g = &group{ID: anchor(name), Name: title(name)}
			groups[name] = g
			d.Groups = append(d.Groups, g)
		}
		return g
	}
	for _, t := range raw.Tags {
		add(t.Name)
	}
	for _, path := range slices.Sorted(maps.Keys(raw.Paths)) {
		for _, method := range methods {
			text, ok := raw.Paths[path][method]
			if !ok {
				continue
			}
			var op rawOperation
			if err := json.Unmarshal(text, &op); err != nil {
				return nil, fmt.Errorf("read the OpenAPI document: %s %s: %w", method, path, err)
			}
			tag := "other"
			if len(op.Tags) > 0 {
				tag = op.Tags[0]
			}
			g := add(tag)
			g.Operations = append(g.Operations, raw.operation(method, path, op))
		}
	}
	d.Groups = slices.DeleteFunc(d.Groups, func(g *group) bool { return len(g.Operations) == 0 })
	return d, nil
}

func (raw *openAPI) operation(method, path string, op rawOperation) operation {
	out := operation{
		ID: op.ID, Method: strings.ToUpper(method), Path: path,
		Summary: op.Summary, Description: op.Description, Access: raw.access(op.Security), Errors: op.Errors,
	}
	if out.ID == "" {
		out.ID = anchor(method + path)
	}
	if out.Summary == "" {
		out.Summary = out.Method + " " + path
	}
	for _, p := range op.Parameters {
		out.Parameters = append(out.Parameters, member{
			Name: p.Name, Required: p.Required, Description: p.Description,
			Type: raw.typeOf(p.Schema) + ", in " + p.In,
		})
	}
	out.Request = raw.members(op.RequestBody.schema())
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r = raw.Components.Responses[name]
		}
		n, err := strconv.Atoi(status)
		switch {
		case err != nil: // a range such as 4XX, of which the page's head tells
		case n >= 400:
			out.Errors = append(out.Errors, refusal{Status: n, Message: r.Description})
		default:
			if r.Description == http.StatusText(n) {
				r.Description = ""
			}
			out.Responses = append(out.Responses, response{
				Status: status, Meaning: r.Description, Members: raw.members(r.schema()),
			})
		}
	}
	out.Errors = tidy(out.Errors)
	return out
}

// tidy orders refusals by status and drops those that only repeat a status that another
// one explains by its code.
func tidy(all []refusal) []refusal {
	explained := map[int]bool{}
	for _, r := range all {
		explained[r.Status] = explained[r.Status] || r.Code != ""
	}
	all = slices.DeleteFunc(all, func(r refusal) bool { return r.Code == "" && explained[r.Status] })
	slices.SortStableFunc(all, func(a, b refusal) int { return a.Status - b.Status })
	return all
}

// access says who may call: nothing for an operation that is open to all.
func (raw *openAPI) access(security []map[string][]string) string {
	var ways []string
	for _, requirement := range security {
		for _, name := range slices.Sorted(maps.Keys(requirement)) {
			if d := raw.Components.SecuritySchemes[name].Description; d != "" {
				ways = append(ways, d)
			} else {
				ways = append(ways, name)
			}
		}
	}
	if len(ways) == 0 {
		return ""
	}
	return "Needs: " + strings.Join(ways, " or ")
}

// anchor makes an id for a link from a name.
func anchor(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
}

func title(name string) string {
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
