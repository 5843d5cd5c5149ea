package server

import (
	"context"
	"net/http"
	"reflect"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/web"
)

// Health is the answer of /healthz.
type Health struct {
	Status  string `json:"status"` // "ok"
	Version string `json:"version"`
}

// health says whether the store can be written: a server that can only read must not
// be sent requests.
func (s *Server) health(ctx context.Context) (Health, error) {
	if err := s.db.Ping(ctx); err != nil {
		return Health{}, &api.Error{Kind: api.Unavailable, Code: "store_unavailable",
			Message: "The store cannot be written just now.", Cause: err}
	}
	return Health{Status: "ok", Version: s.version}, nil
}

// operation adapts what takes no body.
func operation[Out any](do func(context.Context) (Out, error)) web.Operation {
	return web.Operation{
		Out: reflect.TypeFor[Out](),
		Serve: func(w http.ResponseWriter, r *http.Request, _ api.Caller) error {
			out, err := do(r.Context())
			if err != nil {
				return err
			}
			return web.Encode(w, http.StatusOK, out)
		},
	}
}

func (s *Server) serveDescription(w http.ResponseWriter, _ *http.Request, _ api.Caller) error {
	w.Header()["Content-Type"] = []string{"application/json; charset=utf-8"}
	_, err := w.Write(s.description())
	return err
}
