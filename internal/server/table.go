package server

import "github.com/countersign/countersign/api"

// Route is a row of the table as tests and documents read it.
type Route struct {
	Pattern    string // "GET /auth/users/{userId}"
	ID         string // operationId
	Known      bool   // it asks who comes
	Signed     bool   // they must have signed the request
	Permission string // "" for none
	Callers    []api.CallerKind

	NotOffered string // why the contract's operation is answered by a refusal; "" if it is served
}

// Table returns every route but the pages, and after them what is not offered.
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

// kinds are the callers as the wire contract names them.
func (c callers) kinds() (all []api.CallerKind) {
	for _, k := range []api.CallerKind{api.CallerEmployee, api.CallerEndUser, api.CallerServiceAccount, api.CallerPersonalToken} {
		if c&kinds[k] != 0 {
			all = append(all, k)
		}
	}
	return all
}
