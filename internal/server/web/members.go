package web

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/internal/spelling"
)

// member is one of a struct, as JSON has it.
type member struct {
	name string
	kind reflect.Type
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	unmarshalerFrom = reflect.TypeFor[json.UnmarshalerFrom]()
)

// membersOf lists the members of a type, none if it is not a struct or reads its JSON itself.
func membersOf(t reflect.Type) (all []member) {
	t = pointedTo(t)
	if p := reflect.PointerTo(t); t.Kind() != reflect.Struct || p.Implements(unmarshaler) || p.Implements(unmarshalerFrom) {
		return nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name != "":
			all = append(all, member{name, field.Type})
		case field.Anonymous:
			all = append(all, membersOf(field.Type)...)
		}
	}
	return all
}

func pointedTo(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// misspelt finds a member of a body whose name is that of a known one in all but case, "_" and
// "-". It returns where it is and what it is called, "" if there is none.
func misspelt(t reflect.Type, sent any, at string) (pointer, right string) {
	switch sent := sent.(type) {
	case []any:
		if t = pointedTo(t); t.Kind() != reflect.Slice {
			return "", ""
		}
		for i, v := range sent {
			if pointer, right = misspelt(t.Elem(), v, at+"/"+strconv.Itoa(i)); right != "" {
				return pointer, right
			}
		}
	case map[string]any:
		known := membersOf(t)
		for _, name := range slices.Sorted(maps.Keys(sent)) {
			at := at + "/" + name
			i := slices.IndexFunc(known, func(m member) bool { return m.name == name })
			if i < 0 {
				if i = slices.IndexFunc(known, func(m member) bool { return spelling.Alike(m.name, name) }); i >= 0 {
					return at, known[i].name
				}
				continue
			}
			if pointer, right = misspelt(known[i].kind, sent[name], at); right != "" {
				return pointer, right
			}
		}
	}
	return "", ""
}

// namesAt lists the members that are known at a place in a body.
func namesAt(t reflect.Type, at jsontext.Pointer) (names []string) {
	for token := range at.Tokens() {
		if t = pointedTo(t); t.Kind() == reflect.Slice {
			t = t.Elem()
			continue
		}
		known := membersOf(t)
		i := slices.IndexFunc(known, func(m member) bool { return m.name == token })
		if i < 0 {
			return nil
		}
		t = known[i].kind
	}
	for _, m := range membersOf(t) {
		names = append(names, m.name)
	}
	return names
}
