package server

import (
	"context"
	"net/http"
	"reflect"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
)

// Health is the answer of /healthz and of /readyz.
type Health struct {
	Status  string `json:"status"` // "ok"
	Version string `json:"version"`
}

// health says that the process answers. It asks nothing that could hang.
func (s *Server) health(context.Context) (Health, error) {
	return Health{Status: "ok", Version: s.version}, nil
}

// codeNotReady is the code of a server that should be sent no requests.
const codeNotReady = "not_ready"

// ready says whether the server should be sent requests: it is not about to stop, and a row
// can be written now.
func (s *Server) ready(ctx context.Context) (Health, error) {
	if s.stopping.Load() {
		return Health{}, &api.Error{Kind: api.Unavailable, Code: codeNotReady, Message: "The server is stopping."}
	}
	if err := s.db.Ready(ctx); err != nil {
		return Health{}, &api.Error{Kind: api.Unavailable, Code: codeNotReady,
			Message: "The database cannot be written just now.", Cause: api.AsError(err).Cause}
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
