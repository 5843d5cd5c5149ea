package server

import (
	"net/http"

	"github.com/countersign/countersign/internal/web"
)

// access says who may call a route.
type access int

const (
	open          access = iota // anybody; a bearer token is ignored, whatever it is
	ticketed                    // the holder of a registration challenge's token
	session                     // who is logged in
	hosted                      // the hosted page, on the server's own origin: no other site's script
	hostedSession               // both: who is logged in, on the hosted page
)

// signing says whether the caller must have signed the very request.
type signing bool

const (
	signed   signing = true // X-DFNS-USERACTION, spent in the transaction of the effect
	unsigned signing = false
)

// route is one row of the table: what it is, who may call it, whether they must have
// signed it and which permission they need, what it does and under which name the API
// description has it.
type route struct {
	pattern    string
	access     access
	signing    signing
	permission string // operation of the wire contract's x-permission, "" for none
	operation  web.Operation
	id         string // operationId of the wire contract, or ours
	summary    string
}

// routes is everything this server answers besides pages.
func (s *Server) routes() []route {
	r := s.rooms
	return []route{
		{"POST /auth/registration/init", open, unsigned, "", web.Op(r.Registration.Init), "createRegistrationChallenge", "Present a registration code and get the challenge that a passkey or key signs"},
		{"POST /auth/registration", ticketed, unsigned, "", web.Op(r.Registration.Complete), "register", "Complete the registration with the credentials that answer the challenge"},
		{"PUT /auth/registration/code", open, unsigned, "", web.Op(r.Registration.Resend), "resendRegistrationCode", "Replace a registration code and mail the new one"},

		{"POST /auth/login/init", open, unsigned, "", web.Op(r.Login.Init), "createLoginChallenge", "Begin a login, by username or for any discoverable passkey"},
		{"POST /auth/login", open, unsigned, "", web.Op(r.Login.Complete), "login", "Complete the login with the signature that answers the challenge"},
		{"POST /auth/login/code", open, unsigned, "", web.Op(r.Login.SendCode), "sendLoginCode", "Mail a login code, which a password-protected key needs"},
		{"PUT /auth/logout", session, unsigned, "", web.Op(r.Login.Logout), "logout", "End this session, or all of them"},
		{"POST /auth/logout", session, unsigned, "", web.Op(r.Login.Logout), "logoutLegacy", "End this session: what PUT does, for old SDKs"},

		{"POST /auth/action/init", session, unsigned, "", web.Op(r.Action.Init), "createUserActionChallenge", "Begin to sign one exact request"},
		{"POST /auth/action", session, unsigned, "", web.Op(r.Action.Sign), "createUserActionSignature", "Sign the request: the answer is sent with it, once, as X-DFNS-USERACTION"},

		{"POST /auth/users", session, signed, "Auth:Users:Create", web.Op(r.Users.Create), "createUser", "Invite a user"},
		{"GET /auth/users", session, unsigned, "Auth:Users:Read", web.Op(r.Users.Page), "listUsers", "List the organisation's users"},
		{"GET /auth/users/{userId}", session, unsigned, "Auth:Users:Read", web.Op(r.Users.Get), "getUser", "Show a user"},

		{"GET /.well-known/jwks.json", open, unsigned, "", operation(s.keySet), "keySet", "The public keys of sessions, user actions and receipts"},
		{"POST /countersign/actions/consume", open, unsigned, "", web.Op(r.Action.Consume), "consumeAction", "Spend a signed user action on behalf of another service"},
		{"GET /countersign/actions/{actionId}", session, unsigned, "", web.Op(r.Action.Shown), "getActionReceipt", "The receipt of a signed user action"},
		{"/countersign/forward-auth", open, unsigned, "", web.Operation{Run: s.forwardAuth}, "", ""},
		{"/countersign/forward-auth/{path...}", open, unsigned, "", web.Operation{Run: s.forwardAuth}, "", ""},

		{"POST /countersign/registration/open", hosted, unsigned, "", web.Op(r.Registration.Open), "openRegistration", "Tell the holder of a registration code whom it is for"},
		{"POST /countersign/registration/recovery", hosted, unsigned, "", web.Op(r.Registration.AddRecovery), "addRegistrationRecovery", "Keep a recovery key beside the credential just registered"},
		{"GET /countersign/site", hosted, unsigned, "", web.Op(r.Account.SiteInfo), "siteInfo", "Tell the login page where it is"},
		{"GET /countersign/account", hostedSession, unsigned, "", web.Op(r.Account.Show), "getAccount", "Show who is logged in, with their credentials and sessions"},
		{"DELETE /countersign/sessions/{sessionId}", hostedSession, unsigned, "", web.Op(r.Account.EndSession), "endSession", "End one of the caller's own sessions"},

		{"GET /healthz", open, unsigned, "", operation(s.health), "health", "Say whether the store can be written"},
		{"GET /openapi.json", open, unsigned, "", web.Operation{Run: s.serveDescription}, "", ""},
	}
}

// mount puts the table and the pages on one mux. What no row matches is answered by
// nowhere: 404, or 405 if the path exists for another method.
func (s *Server) mount(pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, row := range s.routes() {
		mux.Handle(row.pattern, s.serve(row))
	}
	for _, pattern := range []string{"GET /{$}", "GET /register", "GET /login", "GET /account", "GET /docs", "GET /assets/{name}"} {
		mux.Handle(pattern, s.page(pattern, pages))
	}
	mux.Handle("/", s.nowhere(mux))
	return mux
}
