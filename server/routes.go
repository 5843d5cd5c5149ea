package server

import (
	"net/http"

	"github.com/countersign/countersign/internal/web"
)

// access says who may call a route.
type access int

const (
	open     access = iota // anybody; a bearer token is ignored, whatever it is
	ticketed               // the holder of a registration challenge's token
	hosted                 // the hosted page, on the server's own origin: no other site's script
)

// route is one row of the table: what it is, who may call it, what it does and under
// which name the API description has it.
type route struct {
	pattern   string
	access    access
	operation web.Operation
	id        string // operationId of the wire contract, or ours
	summary   string
}

// routes is everything this server answers besides pages.
func (s *Server) routes() []route {
	r := s.rooms
	return []route{
		{"POST /auth/registration/init", open, web.Op(r.Registration.Init), "createRegistrationChallenge", "Present a registration code and get the challenge that a passkey or key signs"},
		{"POST /auth/registration", ticketed, web.Op(r.Registration.Complete), "register", "Complete the registration with the credentials that answer the challenge"},
		{"PUT /auth/registration/code", open, web.Op(r.Registration.Resend), "resendRegistrationCode", "Replace a registration code and mail the new one"},

		{"POST /countersign/registration/open", hosted, web.Op(r.Registration.Open), "openRegistration", "Tell the holder of a registration code whom it is for"},
		{"POST /countersign/registration/recovery", hosted, web.Op(r.Registration.AddRecovery), "addRegistrationRecovery", "Keep a recovery key beside the credential just registered"},

		{"GET /healthz", open, operation(s.health), "health", "Say whether the store can be written"},
		{"GET /openapi.json", open, web.Operation{Serve: s.serveDescription}, "", ""},
	}
}

// mount puts the table and the pages on one mux. What no row matches is answered by
// nowhere: 404, or 405 if the path exists for another method.
func (s *Server) mount(pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, row := range s.routes() {
		mux.Handle(row.pattern, s.serve(row))
	}
	for _, pattern := range []string{"GET /{$}", "GET /register", "GET /docs", "GET /assets/{name}"} {
		mux.Handle(pattern, s.page(pattern, pages))
	}
	mux.Handle("/", s.nowhere(mux))
	return mux
}
