package server

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/swaggest/jsonschema-go"
	"github.com/swaggest/openapi-go"
	"github.com/swaggest/openapi-go/openapi31"

	"github.com/countersign/countersign/api"
)

// Names of the security schemes, as the wire contract has them.
const (
	registrationScheme = "registrationToken"
	bearerScheme       = "bearer"
	actionScheme       = "userAction"
)

// describe makes the OpenAPI 3.1 description from the route table and the types of its operations,
// so that it cannot differ from what is served.
func (s *Server) describe() []byte {
	r := openapi31.NewReflector()
	r.Spec.Info.WithTitle("Countersign").WithVersion(s.version).WithDescription(
		"Registers people and service accounts by passkey or key. The operations under /auth speak the Dfns auth API; those under /countersign are this server's own.")
	r.Spec.WithServers(openapi31.Server{URL: s.site.Origin()})
	r.Spec.SetHTTPBearerTokenSecurity(registrationScheme, "JWT", "temporaryAuthenticationToken of a registration or recovery challenge")
	r.Spec.SetHTTPBearerTokenSecurity(bearerScheme, "JWT", "token of a session or access token")
	r.Spec.SetAPIKeySecurity(actionScheme, api.HeaderUserAction, openapi.InHeader, "userAction that was signed for this very request")
	r.DefaultOptions = append(r.DefaultOptions,
		jsonschema.InterceptProp(requireUnlessOptional),
		jsonschema.InterceptDefName(func(t reflect.Type, _ string) string { return t.Name() }),
		jsonschema.InterceptNullability(func(p jsonschema.InterceptNullabilityParams) { p.Schema.RemoveType(jsonschema.Null) }))
	for _, g := range s.routes() {
		r.Spec.Tags = append(r.Spec.Tags, openapi31.Tag{Name: g.name})
		for _, row := range g.routes {
			if row.id == "" {
				continue
			}
			if err := describeRow(r, g.name, row); err != nil {
				s.log.Error("a route cannot be described", "route", row.pattern, "error", err)
			}
		}
	}
	b, err := json.MarshalIndent(r.Spec, "", "  ")
	if err != nil {
		s.log.Error("the API description cannot be written", "error", err)
	}
	return b
}

func describeRow(r *openapi31.Reflector, group string, row route) error {
	method, path, _ := strings.Cut(row.pattern, " ")
	op, err := r.NewOperationContext(method, path)
	if err != nil {
		return err
	}
	op.SetID(row.id)
	op.SetSummary(summaries[row.id])
	op.SetTags(group)
	o := op.(openapi31.OperationExposer).Operation()
	switch {
	case row.callers == ticket:
		op.AddSecurity(registrationScheme)
	case row.callers.known():
		needs := map[string][]string{bearerScheme: {}}
		if row.operation.Signed() {
			needs[actionScheme] = []string{} // beside the token, not in place of it
		}
		o.WithSecurity(needs).WithMapOfAnythingItem("x-callers", row.callers.kinds())
	}
	if row.permission != "" {
		o.WithMapOfAnythingItem("x-permission", row.permission)
	}
	if row.operation.In != nil {
		op.AddReqStructure(reflect.New(row.operation.In).Interface())
	}
	op.AddRespStructure(reflect.New(row.operation.Out).Interface(), openapi.WithHTTPStatus(http.StatusOK))
	op.AddRespStructure(new(api.ErrorBody), func(u *openapi.ContentUnit) {
		u.HTTPStatus, u.Description = 4, "Refused. The code says why; the id is for the operator."
	})
	return r.AddOperation(op)
}

// requireUnlessOptional requires each member that the encoder always writes: one without omitempty.
func requireUnlessOptional(p jsonschema.InterceptPropParams) error {
	if !p.Processed {
		return nil
	}
	name, options, _ := strings.Cut(p.Field.Tag.Get("json"), ",")
	if name == "-" { // in the path or the query, whose tags say so
		return nil
	}
	if !strings.Contains(options, "omitempty") && !slices.Contains(p.ParentSchema.Required, name) {
		p.ParentSchema.Required = append(p.ParentSchema.Required, name)
	}
	return nil
}
