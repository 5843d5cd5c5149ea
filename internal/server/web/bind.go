package web

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/api"
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

// bind fills in the parameters. It refuses one that comes twice, or not as its tags say, and ignores
// unknown ones, as unknown members of a body are.
func bind(in reflect.Value, all []parameter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &api.Error{Kind: api.Invalid, Code: "query_invalid", Message: "The query of the address could not be read."}
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
		if p.enum != nil && !slices.Contains(p.enum, text) {
			return invalidParameter(p, "must be one of "+strings.Join(p.enum, ", "))
		}
		field.SetString(text)
	}
	return nil
}

func invalidParameter(p parameter, what string) error {
	return &api.Error{Kind: api.Invalid, Code: "parameter_invalid", Message: "The parameter " + p.name + " " + what + "."}
}
