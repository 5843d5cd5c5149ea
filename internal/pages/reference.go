package pages

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"

	"github.com/countersign/countersign/api"
)

// reference keeps the API reference rendered for the OpenAPI document last seen.
type reference struct {
	source func() []byte
	render func(*document) []byte

	mu       sync.Mutex
	from     []byte
	rendered []byte
}

func (r *reference) page() ([]byte, *api.Error) {
	if r.source == nil {
		return nil, &api.Error{Kind: api.NotFound, Code: "not_found", Message: "There is nothing at this path."}
	}
	from := r.source()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rendered != nil && bytes.Equal(from, r.from) {
		return r.rendered, nil
	}
	d, err := readDocument(from)
	if err != nil {
		return nil, &api.Error{Kind: api.Internal, Code: "internal", Message: "Internal Server Error", Cause: err}
	}
	r.from, r.rendered = bytes.Clone(from), r.render(d)
	return r.rendered, nil
}

// document is an OpenAPI document as the reference page shows it.
type document struct {
	Description string
	Groups      []*group
}

type group struct {
	ID, Name   string
	Operations []operation
}

type operation struct {
	ID, Method, Path             string
	Summary, Description, Access string
	Parameters, Request          members
	Responses                    []response
	Errors                       []refusal
}

// response is a success. Meaning says more than its status does, or nothing.
type response struct {
	Status, Meaning string
	Members         members
}

type members []member

// Described reports whether there is anything to say of any member beside its type.
func (all members) Described() bool {
	return slices.ContainsFunc(all, func(m member) bool { return m.Description != "" || len(m.Values) > 0 })
}

// member is one row of a table of members; Depth says how far it is nested, 3 at most.
type member struct {
	Name, Type, Description string
	Required                bool
	Depth                   int
	Values                  []string
}

type refusal struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ---- the parts of OpenAPI 3.1 that the page reads

type openAPI struct {
	Info struct {
		Description string `json:"description"`
	} `json:"info"`
	Tags []struct {
		Name string `json:"name"`
	} `json:"tags"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas         map[string]*schema     `json:"schemas"`
		Responses       map[string]rawResponse `json:"responses"`
		SecuritySchemes map[string]struct {
			Description string `json:"description"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

type rawOperation struct {
	ID          string                 `json:"operationId"`
	Summary     string                 `json:"summary"`
	Description string                 `json:"description"`
	Tags        []string               `json:"tags"`
	Security    []map[string][]string  `json:"security"`
	Parameters  []rawParameter         `json:"parameters"`
	RequestBody rawBody                `json:"requestBody"`
	Responses   map[string]rawResponse `json:"responses"`
	Errors      []refusal              `json:"x-errors"`
}

type rawParameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description"`
	Required    bool    `json:"required"`
	Schema      *schema `json:"schema"`
}

type rawBody struct {
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

type rawResponse struct {
	Ref         string `json:"$ref"`
	Description string `json:"description"`
	rawBody
}

func (b rawBody) schema() *schema { return b.Content["application/json"].Schema }
