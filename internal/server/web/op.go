package web

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/countersign/countersign/api"
)

// Operation is one row's work on the route table, with the types it speaks so that
// the API description can be made from what is served. Run answers with what Encode
// writes; a nil answer says that it has written one itself.
type Operation struct {
	Run func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error)
	In  reflect.Type
	Out reflect.Type
}

// Patience is how long an operation may take.
const Patience = 30 * time.Second

// Lasting returns the context that an operation runs under. It is not the request's own:
// net/http ends that when the client closes its sending side, which simple clients do
// once they have sent all, and still wait for the answer.
func Lasting(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), Patience)
}

// Op adapts do to HTTP. A body that is not exactly one JSON value of type In is
// refused before do is called. Members of In that are tagged path or query are read from
// there.
func Op[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	return op(do, tolerant[In])
}

// Exact is Op for an operation that changes something which is there: a member that it does
// not know is refused, lest somebody think that it was changed as well.
func Exact[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	return op(do, exact[In])
}

func op[In, Out any](do func(context.Context, api.Caller, In) (Out, error), unknown func([]byte, error) (In, error)) Operation {
	outside := parameters(reflect.TypeFor[In]())
	return Operation{
		In:  reflect.TypeFor[In](),
		Out: reflect.TypeFor[Out](),
		Run: func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
			in, err := decode(w, r, unknown)
			if err != nil {
				return nil, err
			}
			if len(outside) > 0 {
				if err := bind(reflect.ValueOf(&in).Elem(), outside, r); err != nil {
					return nil, err
				}
			}
			ctx, cancel := Lasting(r)
			defer cancel()
			return do(ctx, who, in)
		},
	}
}
