package server

import (
	"context"
	"net/http"
	"reflect"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
)

// Health is the answer of /healthz.
type Health struct {
	Status  string `json:"status"` // "ok"
	Version string `json:"version"`
}

// health says whether the store can be written: a server that can only read must get no requests.
func (s *Server) health(ctx context.Context) (Health, error) {
	if err := s.db.Ping(ctx); err != nil {
		return Health{}, &api.Error{Kind: api.Unavailable, Code: "store_unavailable",
			Message: "The store cannot be written just now.", Cause: err}
	}
	return Health{Status: "ok", Version: s.version}, nil
}

// operation adapts an operation that reads nothing from the request.
func operation[Out any](do func(context.Context) (Out, error)) web.Operation {
	return web.Operation{
		Out: reflect.TypeFor[Out](),
		Run: func(_ http.ResponseWriter, r *http.Request, _ api.Caller) (any, error) {
			return do(r.Context())
		},
	}
}

func (s *Server) serveDescription(http.ResponseWriter, *http.Request, api.Caller) (any, error) {
	return api.Document(s.description()), nil
}
