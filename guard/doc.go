// Package guard lets any Go service demand what Countersign demands for itself: that a
// person signed exactly this request, with their own key, and that the signature is good
// once.
//
//	g, err := guard.New(guard.Config{Server: "https://sign.example.org", Origin: "https://pay.example.org"})
//	mux.Handle("POST /transfers", g.Require(http.HandlerFunc(transfer)))
//
// Require takes the token of the X-DFNS-USERACTION header, checks it against the keys
// that the server publishes and against the request's method, path, query and body, and
// has the server burn it. Only then does the handler run, and From tells it who signed.
// Whatever cannot be checked is refused: a server that cannot be reached lets nothing
// through.
//
// What is signed is the method, the path with its query, and the body. Headers are not:
// what a request does must not depend on them. docs/guarding.md tells how a request is
// signed, and how a reverse proxy does this for services in other languages.
package guard
