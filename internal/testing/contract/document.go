package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/swaggest/openapi-go/openapi31"
)

//go:embed auth.openapi.yaml
var text []byte

// base is the name under which the document is known to the schema compiler, so that
// its references ("#/components/schemas/…") resolve within it.
const base = "https://countersign.invalid/auth.openapi.yaml"

// load reads the document once; everything in it is compiled then.
var load = sync.OnceValues(func() (*document, error) { return parse(text) })

// document is the contract, ready to check answers.
type document struct {
	operations  []operation
	errorSchema *jsonschema.Schema
}

// operation is one method of one path.
type operation struct {
	id       string
	method   string
	segments []string // of the path template; "{userId}" stands for any one segment
	answers  map[string]answer
}

// answer is what an operation may send with one status: schemas by media type, none
// where there is no body.
type answer struct {
	content map[string]*jsonschema.Schema
}

// spec is the part of an OpenAPI document that answers are checked by. Everything else
// is read by the schema compiler, which follows the references itself.
type openAPI struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Responses map[string]specResponse
	}
}

type specOperation struct {
	OperationID string
	Responses   map[string]specResponse
}

type specResponse struct {
	Ref     string `json:"$ref"`
	Content map[string]json.RawMessage
}

func parse(text []byte) (*document, error) {
	spec, err := toJSON(text)
	if err != nil {
		return nil, err
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(base, resource); err != nil {
		return nil, err
	}
	var w openAPI
	if err := json.Unmarshal(spec, &w); err != nil {
		return nil, err
	}

	doc := &document{}
	if doc.errorSchema, err = compiler.Compile(base + "#/components/schemas/Error"); err != nil {
		return nil, err
	}
	for path, item := range w.Paths {
		for method, raw := range item {
			op, err := compileOperation(compiler, &w, path, method, raw)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			if op != nil {
				doc.operations = append(doc.operations, *op)
			}
		}
	}
	if len(doc.operations) == 0 {
		return nil, errors.New("it has no operations")
	}
	return doc, nil
}

// toJSON turns the document's YAML into JSON.
func toJSON(text []byte) ([]byte, error) {
	var spec openapi31.Spec
	if err := spec.UnmarshalYAML(text); err != nil {
		return nil, err
	}
	return spec.MarshalJSON()
}

// compileOperation returns nil for members of a path item that are not methods.
func compileOperation(c *jsonschema.Compiler, w *openAPI, path, method string, raw json.RawMessage) (*operation, error) {
	switch method {
	case "get", "put", "post", "delete", "patch", "head":
	default:
		return nil, nil
	}
	var in specOperation
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	op := &operation{
		id:       in.OperationID,
		method:   strings.ToUpper(method),
		segments: strings.Split(path, "/"),
		answers:  map[string]answer{},
	}
	for status, response := range in.Responses {
		at := pointer("paths", path, method, "responses", status)
		if response.Ref != "" {
			name := strings.TrimPrefix(response.Ref, "#/components/responses/")
			named, ok := w.Components.Responses[name]
			if !ok {
				return nil, fmt.Errorf("%s: no such response", response.Ref)
			}
			response, at = named, pointer("components", "responses", name)
		}
		a := answer{content: map[string]*jsonschema.Schema{}}
		for mediaType := range response.Content {
			schema, err := c.Compile(base + at + pointer("content", mediaType, "schema")[1:])
			if err != nil {
				return nil, err
			}
			a.content[mediaType] = schema
		}
		op.answers[status] = a
	}
	return op, nil
}

// pointer returns the names as a fragment holding a JSON pointer (RFC 6901 §6). The
// document's own names need no percent-encoding but for the braces of path templates.
func pointer(names ...string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	var b strings.Builder
	b.WriteByte('#')
	for _, name := range names {
		b.WriteByte('/')
		b.WriteString(escape.Replace(name))
	}
	return b.String()
}

// operation finds the operation a request belongs to, nil if there is none. A path
// spelt out in the contract wins over a template that also matches.
func (d *document) operation(method, path string) *operation {
	segments := strings.Split(path, "/")
	var found *operation
	for i := range d.operations {
		op := &d.operations[i]
		// HEAD is GET without its body (RFC 9110 §9.3.2): what may be said is the same.
		if op.method != method && (op.method != http.MethodGet || method != http.MethodHead) {
			continue
		}
		if op.matches(segments) && (found == nil || op.literals() > found.literals()) {
			found = op
		}
	}
	return found
}

func (o *operation) matches(segments []string) bool {
	if len(segments) != len(o.segments) {
		return false
	}
	for i, want := range o.segments {
		if isTemplate(want) {
			if segments[i] == "" {
				return false
			}
		} else if segments[i] != want {
			return false
		}
	}
	return true
}

func (o *operation) literals() int {
	n := 0
	for _, s := range o.segments {
		if !isTemplate(s) {
			n++
		}
	}
	return n
}

func isTemplate(segment string) bool { return strings.HasPrefix(segment, "{") }

// answer finds what the contract says of a status: the status itself, else its class
// (OpenAPI 3.1, Responses Object: "4XX").
func (o *operation) answer(status int) (answer, bool) {
	if a, ok := o.answers[strconv.Itoa(status)]; ok {
		return a, true
	}
	a, ok := o.answers[strconv.Itoa(status/100)+"XX"]
	return a, ok
}
