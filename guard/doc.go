// Package guard lets any Go service require what Countersign requires for its own changes:
// that a person signed exactly this request with their own key. Each signature works once.
//
//	g, err := guard.New(guard.Config{Server: "https://sign.example.org", Origin: "https://pay.example.org"})
//	mux.Handle("POST /transfers", g.Require(http.HandlerFunc(transfer)))
//
// Require takes the token of the X-DFNS-USERACTION header, checks it against the keys that
// the server publishes and against the request's method, path, query and body, and has the
// server spend it. Only then does the handler run, and From returns who signed. A request
// that cannot be checked is refused: while the server cannot be reached, nothing passes.
//
// Method, path, query and body are signed. Headers are not: what a request does must not
// depend on them. docs/guarding.md explains how a request is signed, and how a reverse proxy
// checks signatures for services in other languages.
package guard
