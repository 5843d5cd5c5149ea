package pages

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schema is the part of JSON Schema 2020-12 that the reference shows.
type schema struct {
	Ref         string             `json:"$ref"`
	Type        typeNames          `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Const       any                `json:"const"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	AllOf       []*schema          `json:"allOf"`
	OneOf       []*schema          `json:"oneOf"`
	AnyOf       []*schema          `json:"anyOf"`
}

// typeNames is JSON Schema's "type": one name or several.
type typeNames []string

func (t *typeNames) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = typeNames{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// UnmarshalJSON also reads the two schemas that are no objects, true and false: as a
// schema that says nothing.
func (s *schema) UnmarshalJSON(b []byte) error {
	if string(b) == "true" || string(b) == "false" {
		return nil
	}
	type plain schema
	return json.Unmarshal(b, (*plain)(s))
}

// deepest is how far members of members are shown. It also ends schemas that contain
// themselves.
const deepest = 3

// members lists the members of an object, each followed by its own members. Members of
// a type that the list has already shown refer to where it did.
func (raw *openAPI) members(s *schema) members {
	l := lister{raw: raw, shown: map[string]string{}}
	l.list(s, 0)
	return l.rows
}

type lister struct {
	raw   *openAPI
	rows  members
	shown map[string]string // name of the member that showed a referenced schema first
}

func (l *lister) list(s *schema, depth int) {
	s = l.raw.object(s)
	if s == nil || depth > deepest {
		return
	}
	// Required members first: they are what a reader needs to make the call.
	names := slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		if ra, rb := slices.Contains(s.Required, a), slices.Contains(s.Required, b); ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		l.add(name, s.Properties[name], slices.Contains(s.Required, name), depth)
	}
}

func (l *lister) add(name string, p *schema, required bool, depth int) {
	target := l.raw.resolve(p)
	m := member{Name: name, Type: l.raw.typeOf(p), Depth: depth, Required: required, Description: p.Description}
	if m.Description == "" {
		m.Description = target.Description
	}
	for _, v := range target.values() {
		m.Values = append(m.Values, fmt.Sprint(v))
	}
	ref := p.Ref
	if target.Items != nil {
		ref, target = target.Items.Ref, target.Items
	}
	before, again := l.shown[ref]
	if again && l.raw.object(target) != nil {
		m.Type += ", as in " + before
	}
	l.rows = append(l.rows, m)
	if again {
		return
	}
	if ref != "" {
		l.shown[ref] = name
	}
	l.list(target, depth+1)
}

// object returns a schema with the members of all it is composed of, or nil when it is
// no object. Of alternatives it takes all members, since each may appear.
func (raw *openAPI) object(s *schema) *schema {
	s = raw.resolve(s)
	merged := &schema{Properties: map[string]*schema{}}
	raw.merge(merged, s, true, 0)
	if len(merged.Properties) == 0 {
		return nil
	}
	return merged
}

func (raw *openAPI) merge(into, s *schema, required bool, depth int) {
	s = raw.resolve(s)
	if depth > deepest {
		return
	}
	for name, p := range s.Properties {
		if p == nil {
			continue
		}
		if had := into.Properties[name]; had != nil {
			into.Properties[name] = either(had, p)
		} else {
			into.Properties[name] = p
		}
	}
	if required {
		into.Required = append(into.Required, s.Required...)
	}
	for _, part := range s.AllOf {
		raw.merge(into, part, required, depth+1)
	}
	for _, part := range slices.Concat(s.OneOf, s.AnyOf) {
		raw.merge(into, part, false, depth+1)
	}
}

// either joins what two alternatives say of one member: where each fixes a value, both
// values are possible. Of anything else the first one's word is kept.
func either(a, b *schema) *schema {
	values := a.values()
	if len(values) == 0 || len(b.values()) == 0 {
		return a
	}
	joined := *a
	joined.Const = nil
	joined.Enum = slices.Clone(values)
	for _, v := range b.values() {
		if !slices.ContainsFunc(values, func(have any) bool { return fmt.Sprint(have) == fmt.Sprint(v) }) {
			joined.Enum = append(joined.Enum, v)
		}
	}
	return &joined
}

func (s *schema) values() []any {
	if s.Const != nil {
		return []any{s.Const}
	}
	return s.Enum
}

// resolve follows references; what leads nowhere or in a circle is an empty schema.
func (raw *openAPI) resolve(s *schema) *schema {
	for range deepest {
		if s == nil || s.Ref == "" {
			break
		}
		s = raw.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	if s == nil || s.Ref != "" {
		return &schema{}
	}
	return s
}

// typeOf names the type of a value as people say it.
func (raw *openAPI) typeOf(s *schema) string {
	s = raw.resolve(s)
	types := slices.DeleteFunc(slices.Clone([]string(s.Type)), func(t string) bool { return t == "null" })
	switch {
	case len(types) == 1 && types[0] == "array" && s.Items != nil:
		return "array of " + raw.typeOf(s.Items)
	case len(types) > 0 && s.Format != "":
		return strings.Join(types, " or ") + " (" + s.Format + ")"
	case len(types) > 0:
		return strings.Join(types, " or ")
	case len(s.OneOf)+len(s.AnyOf) > 0:
		return "one of several"
	case len(s.Properties)+len(s.AllOf) > 0:
		return "object"
	case len(s.values()) > 0:
		return "string"
	}
	return "any"
}
