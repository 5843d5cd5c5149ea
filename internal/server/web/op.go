package web

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Operation is what a row of the route table does, with the types that it reads and answers. The API
// description is made from these.
type Operation struct {
	In  reflect.Type
	Out reflect.Type

	// Run returns what Encode is to write, or nil if it has written the answer itself.
	Run func(w http.ResponseWriter, r *http.Request, who api.Caller) (any, error)

	// RunSigned replaces Run if the caller must have signed the request. Everything that the
	// operation writes goes into the unit, which uses up the signature: one signature has one effect,
	// or none. The operation has no other way to write.
	RunSigned func(w http.ResponseWriter, r *http.Request, who api.Caller, tx *store.Tx) (any, error)
}

// Signed reports whether the caller must have signed the request.
func (o Operation) Signed() bool { return o.RunSigned != nil }

// OperationTimeout is how long an operation may take.
const OperationTimeout = 30 * time.Second

// OperationContext returns the context of an operation. It is not the request's own: net/http cancels
// that when the client closes its sending side, which simple clients do before they read the answer.
func OperationContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), OperationTimeout)
}

// Op adapts do to HTTP. It refuses a body that is not exactly one JSON value of type In. Members of In
// that are tagged path or query are read from there.
func Op[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	return op(do, tolerant[In])
}

func op[In, Out any](do func(context.Context, api.Caller, In) (Out, error), unknown unknownMember[In]) Operation {
	read := reader(unknown)
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

// Strict is Op that refuses an unknown member: the client would believe that it counted.
func Strict[In, Out any](do func(context.Context, api.Caller, In) (Out, error)) Operation {
	return op(do, exact[In])
}

// Signed is Op for an operation whose caller must have signed the request. It adds its changes to the
// unit.
func Signed[In, Out any](do func(context.Context, *store.Tx, api.Caller, In) (Out, error)) Operation {
	return signed(do, tolerant[In])
}

// Exact is Signed for an operation that changes something existing. It refuses an unknown member: the
// client would believe that it was changed too.
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

// reader returns a function that reads an operation's input from body, path and query.
func reader[In any](unknown unknownMember[In]) func(http.ResponseWriter, *http.Request) (In, error) {
	outside := parameters(reflect.TypeFor[In]())
	return func(w http.ResponseWriter, r *http.Request) (in In, err error) {
		if in, err = decode(w, r, unknown); err == nil && len(outside) > 0 {
			err = bind(reflect.ValueOf(&in).Elem(), outside, r)
		}
		return in, err
	}
}
