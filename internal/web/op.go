package web

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/countersign/countersign/api"
)

// Operation is one row's work on the route table, with the types it speaks so that
// the API description can be made from what is served.
type Operation struct {
	Serve func(w http.ResponseWriter, r *http.Request, who api.Caller) error
	In    reflect.Type
	Out   reflect.Type
}

// patience is how long an operation may take. It does not run under the request's own
// context: net/http ends that when the client closes its sending side, which simple
// clients do once they have sent all, and still wait for the answer.
const patience = 30 * time.Second

// Op adapts do to HTTP. A body that is not exactly one JSON value of type In is
// refused before do is called.
func Op[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	return Operation{
		In:  reflect.TypeFor[In](),
		Out: reflect.TypeFor[Out](),
		Serve: func(w http.ResponseWriter, r *http.Request, who api.Caller) error {
			in, err := decode[In](w, r)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
			defer cancel()
			out, err := do(ctx, who, in)
			if err != nil {
				return err
			}
			return Encode(w, http.StatusOK, out)
		},
	}
}
