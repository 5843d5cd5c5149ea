package web

import (
	"context"
	"net/http"
	"reflect"

	"github.com/countersign/countersign/api"
)

// Operation is one row's work on the route table, with the types it speaks so that
// the API description can be made from what is served.
type Operation struct {
	Serve func(w http.ResponseWriter, r *http.Request, who api.Caller) error
	In    reflect.Type
	Out   reflect.Type
}

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
			out, err := do(r.Context(), who, in)
			if err != nil {
				return err
			}
			return Encode(w, http.StatusOK, out)
		},
	}
}
