package web

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/spelling"
)

// parameter is a member that comes in the path or the query, not in the body.
type parameter struct {
	field    int
	name     string
	query    bool     // in the query; else in the path
	min, max int      // of an integer
	enum     []string // the texts it may be, nil for any
}

// parameters reads the tags path, query, minimum, maximum and enum, from which the API description is
// made too.
func parameters(t reflect.Type) (all []parameter) {
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		p := parameter{field: i, name: tag.Get("path")}
		if name, ok := tag.Lookup("query"); ok {
			p.name, p.query = name, true
		}
		if p.name == "" {
			continue
		}
		p.min, _ = strconv.Atoi(tag.Get("minimum"))
		p.max, _ = strconv.Atoi(tag.Get("maximum"))
		if e := tag.Get("enum"); e != "" {
			p.enum = strings.Split(e, ",")
		}
		all = append(all, p)
	}
	return all
}

// bind fills in the parameters. One that is given twice, or not as its tags say, is
// refused. Where there are parameters of the query, one that is not known is refused too: a
// list whose page is asked for by another name would begin anew for ever. Where there are none,
// nothing can be misspelt, and whatever the query holds is passed over.
func bind(in reflect.Value, all []parameter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &api.Error{Kind: api.Invalid, Code: "query_invalid", Message: "The query of the address could not be read."}
	}
	if err := allKnown(query, all); err != nil {
		return err
	}
	for _, p := range all {
		text := r.PathValue(p.name)
		if p.query {
			if len(query[p.name]) > 1 {
				return invalidParameter(p, "must be given once")
			}
			if !query.Has(p.name) {
				continue
			}
			text = query.Get(p.name)
		}
		field := in.Field(p.field)
		if field.Kind() == reflect.Int {
			n, err := strconv.Atoi(text)
			if err != nil || strconv.Itoa(n) != text || n < p.min || p.max > 0 && n > p.max {
				return invalidParameter(p, "must be a whole number from "+strconv.Itoa(p.min)+" to "+strconv.Itoa(p.max))
			}
			field.SetInt(int64(n))
			continue
		}
		if field.Kind() == reflect.Bool {
			b, ok := truth(text)
			if !ok {
				return invalidParameter(p, "must be true or false")
			}
			field.SetBool(b)
			continue
		}
		if p.enum != nil && !slices.Contains(p.enum, text) {
			return invalidParameter(p, "must be one of "+strings.Join(p.enum, ", "))
		}
		field.SetString(text)
	}
	return nil
}

// truth reads a boolean as clients write it: in any case, since Python has True and False, or
// as the digit that PHP makes of it.
func truth(text string) (value, ok bool) {
	if text == "1" || text == "0" {
		return text == "1", true
	}
	for _, c := range []byte(text) {
		if c >= 0x80 { // letters that fold to those of "false"
			return false, false
		}
	}
	value = strings.EqualFold(text, "true")
	return value, value || strings.EqualFold(text, "false")
}

// allKnown refuses a query with a parameter that the operation does not have.
func allKnown(query url.Values, all []parameter) error {
	var known []string
	for _, p := range all {
		if p.query {
			known = append(known, p.name)
		}
	}
	if known == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			return unknownParameter(name, known)
		}
	}
	return nil
}

func unknownParameter(name string, known []string) error {
	e := &api.Error{Kind: api.Invalid, Code: "parameter_unknown", Rule: "the query has only parameters of the operation",
		Expected: strings.Join(known, ", ")}
	which := "A parameter of the query"
	if isPlain(name) {
		which = "The parameter " + name
	}
	e.Message = which + " is not known here; there are " + e.Expected + "."
	if nearest := spelling.Nearest(name, known); nearest != "" {
		e.Message = which + " is not known here; did you mean " + nearest + "?"
	}
	return e
}

func invalidParameter(p parameter, what string) error {
	return &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter " + p.name + " " + what + "."}
}
