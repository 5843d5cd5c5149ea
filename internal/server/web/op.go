package web

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Operation is one row's work on the route table, with the types it speaks so that
// the API description can be made from what is served.
type Operation struct {
	In  reflect.Type
	Out reflect.Type

	// Run answers with what Encode writes; a nil answer says that it has written one itself.
	Run func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error)

	// RunSigned stands in place of Run where the caller must have signed the request. All that
	// the operation writes goes into the unit, which uses up the signature: there is one effect
	// for one signature, or none. The operation has no other way to write.
	RunSigned func(w http.ResponseWriter, r *http.Request, who api.Caller, tx *store.Tx) (any, error)
}

// Signed reports whether the caller must have signed the request.
func (o Operation) Signed() bool { return o.RunSigned != nil }

// Patience is how long an operation may take.
const OperationTimeout = 30 * time.Second

// Lasting returns the context that an operation runs under. It is not the request's own:
// net/http ends that when the client closes its sending side, which simple clients do
// once they have sent all, and still wait for the answer.
func OperationContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), OperationTimeout)
}

// Op adapts do to HTTP. A body that is not exactly one JSON value of type In is
// refused before do is called. Members of In that are tagged path or query are read from
// there.
func Op[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	read := reader(tolerant[In])
	return Operation{In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](),
		Run: func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error) {
			in, err := read(w, r)
			if err != nil {
				return nil, err
			}
			ctx, cancel := OperationContext(r)
			defer cancel()
			return do(ctx, who, in)
		}}
}

// Signed is Op for an operation whose caller must have signed the request. What it changes it
// adds to the unit.
func Signed[In, Out any](do func(context.Context, *store.Tx, api.Caller, In) (Out, error)) Operation {
	return signed(do, tolerant[In])
}

// Exact is Signed for an operation that changes something which is there: a member that it
// does not know is refused, lest somebody think that it was changed as well.
func Exact[In, Out any](do func(context.Context, *store.Tx, api.Caller, In) (Out, error)) Operation {
	return signed(do, exact[In])
}

func signed[In, Out any](do func(context.Context, *store.Tx, api.Caller, In) (Out, error), unknown unknownMember[In]) Operation {
	read := reader(unknown)
	return Operation{In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](),
		RunSigned: func(w http.ResponseWriter, r *http.Request, who api.Caller, tx *store.Tx) (any, error) {
			in, err := read(w, r)
			if err != nil {
				return nil, err
			}
			ctx, cancel := OperationContext(r)
			defer cancel()
			return do(ctx, tx, who, in)
		}}
}

// reader returns a function that reads what an operation is given: body, path and query.
func reader[In any](unknown unknownMember[In]) func(http.ResponseWriter, *http.Request) (In, error) {
	outside := parameters(reflect.TypeFor[In]())
	return func(w http.ResponseWriter, r *http.Request) (in In, err error) {
		if in, err = decode(w, r, unknown); err == nil && len(outside) > 0 {
			err = bind(reflect.ValueOf(&in).Elem(), outside, r)
		}
		return in, err
	}
}
