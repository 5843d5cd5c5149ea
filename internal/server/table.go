package server

import "github.com/countersign/countersign/api"

// Route is a row of the table as tests and documents read it.
type Route struct {
	Pattern    string // "GET /auth/users/{userId}"
	ID         string // operationId
	Known      bool   // it authenticates the caller
	Signed     bool   // the caller must have signed the request
	Permission string // "" for none
	Callers    []api.CallerKind

	NotOffered string // why the contract's operation is refused; "" if it is offered
}

// Table returns every route except the pages, and after them the operations not offered.
func Table() (all []Route) {
	for _, g := range new(Server).routes() {
		for _, row := range g.routes {
			all = append(all, Route{Pattern: row.pattern, ID: row.id, Known: row.callers.known(), Signed: row.operation.Signed(),
				Permission: row.permission, Callers: row.callers.kinds()})
		}
	}
	for _, n := range notOffered {
		for _, o := range n.operations {
			all = append(all, Route{Pattern: o.pattern, ID: o.id, NotOffered: n.why})
		}
	}
	return all
}

// kinds returns the kinds of caller as the wire contract names them.
func (c callers) kinds() (all []api.CallerKind) {
	for _, k := range []api.CallerKind{api.CallerEmployee, api.CallerEndUser, api.CallerServiceAccount, api.CallerPersonalToken} {
		if c&kinds[k] != 0 {
			all = append(all, k)
		}
	}
	return all
}
