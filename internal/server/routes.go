package server

import (
	"net/http"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
)

// reach says who may come to a route.
type reach int

const (
	open          reach = iota // anybody; a bearer token is ignored, whatever it is
	ticketed                   // the holder of a registration challenge's token
	known                      // who has a session or an access token
	hosted                     // the hosted page, on the server's own origin: no other site's script
	hostedSession              // both: who is logged in, on the hosted page
)

// signing says whether the caller must have signed the very request.
type signing bool

const (
	signed   signing = true // X-DFNS-USERACTION, spent in the transaction of the effect
	unsigned signing = false
)

// callers are the kinds of caller of a route that asks who comes, as the wire contract's
// x-callers has them.
type callers uint8

const (
	employee callers = 1 << iota
	endUser
	machine  // a service account
	personal // a program with a person's access token

	nobody   callers = 0 // in particular: the route does not ask
	person           = employee | endUser
	staff            = employee | machine
	programs         = employee | machine | personal
	anyone           = employee | endUser | machine | personal
)

// route is one row of the table: what it is, who may come, of which kind they are, whether
// they must have signed it and which permission they need, what it does and under which
// name the API description has it.
type route struct {
	pattern    string
	reach      reach
	callers    callers
	signing    signing
	permission string // operation of the wire contract's x-permission, "" for none
	operation  web.Operation
	id         string // operationId of the wire contract, or ours
	summary    string
}

// routes is everything this server answers besides pages.
func (s *Server) routes() []route {
	r := s.services
	return []route{
		{"POST /auth/registration/init", open, nobody, unsigned, "", web.Op(r.Registration.Init), "createRegistrationChallenge", "Present a registration code and get the challenge that a passkey or key signs"},
		{"POST /auth/registration", ticketed, nobody, unsigned, "", web.Op(r.Registration.Complete), "register", "Complete the registration with the credentials that answer the challenge"},
		{"PUT /auth/registration/code", open, nobody, unsigned, "", web.Op(r.Registration.Resend), "resendRegistrationCode", "Replace a registration code and mail the new one"},
		{"POST /auth/registration/delegated", known, machine, signed, "Auth:Register:Delegated", web.Signed(r.Registration.Delegate), "createDelegatedRegistrationChallenge", "Register an end user on behalf of whom the service account knows"},
		{"POST /auth/registration/delegated/restart", known, machine, signed, "Auth:Register:Delegated", web.Signed(r.Registration.Redelegate), "recreateDelegatedRegistrationChallenge", "Begin an unfinished delegated registration again"},

		{"POST /auth/login/init", open, nobody, unsigned, "", web.Op(r.Login.Init), "createLoginChallenge", "Begin a login, by username or for any discoverable passkey"},
		{"POST /auth/login", open, nobody, unsigned, "", web.Op(r.Login.Complete), "login", "Complete the login with the signature that answers the challenge"},
		{"POST /auth/login/code", open, nobody, unsigned, "", web.Op(r.Login.SendCode), "sendLoginCode", "Mail a login code, which a password-protected key needs"},
		{"POST /auth/login/delegated", known, machine, signed, "Auth:Login:Delegated", web.Signed(r.Login.Delegate), "delegatedLogin", "Open a session for an end user, who still signs what they do themselves"},
		{"PUT /auth/logout", known, person, unsigned, "", web.Op(r.Login.Logout), "logout", "End this session, or all of them"},
		{"POST /auth/logout", known, person, unsigned, "", web.Op(r.Login.Logout), "logoutLegacy", "End this session: what PUT does, for old SDKs"},
		{"POST /auth/tokens", known, person, unsigned, "", web.Op(r.Tokens.Exchange), "exchangeAccessToken", "A token of this session for an organisation of the user's"},

		{"POST /auth/action/init", known, anyone, unsigned, "", web.Op(r.Action.Init), "createUserActionChallenge", "Begin to sign one exact request"},
		{"POST /auth/action", known, anyone, unsigned, "", web.Op(r.Action.Sign), "createUserActionSignature", "Sign the request: the answer is sent with it, once, as X-DFNS-USERACTION"},
		{"GET /auth/action/logs", known, programs, unsigned, "Auth:Logs:Read", s.auditLog(), "listAuditLogs", "What happened in a time, as CSV; as a JSON string for clients that ask for JSON"},
		{"GET /auth/action/logs/{id}", known, programs, unsigned, "Auth:Logs:Read", web.Op(r.Audit.Get), "getAuditLog", "An entry of the audit log with the signature that allowed it"},

		{"POST /auth/users", known, staff, signed, "Auth:Users:Create", web.Signed(r.Users.Create), "createUser", "Invite a user"},
		{"GET /auth/users", known, programs, unsigned, "Auth:Users:Read", web.Op(r.Users.Page), "listUsers", "List the organisation's users"},
		{"GET /auth/users/{userId}", known, programs, unsigned, "Auth:Users:Read", web.Op(r.Users.Get), "getUser", "Show a user"},
		{"PUT /auth/users/{userId}", known, programs, signed, "Auth:Users:Update", web.Exact(r.Users.Update), "updateUser", "Change a user"},
		{"DELETE /auth/users/{userId}", known, programs, signed, "Auth:Users:Delete", web.Signed(r.Users.Archive), "archiveUser", "Take a user out of the organisation for good"},
		{"PUT /auth/users/{userId}/activate", known, staff, signed, "Auth:Users:Activate", web.Signed(r.Users.Activate), "activateUser", "Put a deactivated user back"},
		{"PUT /auth/users/{userId}/deactivate", known, staff, signed, "Auth:Users:Deactivate", web.Signed(r.Users.Deactivate), "deactivateUser", "Deactivate a user and end their sessions"},
		{"POST /auth/users/invite", known, staff, signed, "Auth:Users:Create", web.Signed(r.Users.InviteTenant), "inviteTenantUser", "Invite a user, as clients of several organisations do"},

		{"POST /auth/service-accounts", known, employee, signed, "Auth:ServiceAccounts:Create", web.Signed(r.ServiceAccounts.Create), "createServiceAccount", "Make a service account; its access token is shown once"},
		{"GET /auth/service-accounts", known, programs, unsigned, "Auth:ServiceAccounts:Read", web.Op(r.ServiceAccounts.List), "listServiceAccounts", "List the organisation's service accounts"},
		{"GET /auth/service-accounts/{serviceAccountId}", known, programs, unsigned, "Auth:ServiceAccounts:Read", web.Op(r.ServiceAccounts.Get), "getServiceAccount", "Show a service account"},
		{"PUT /auth/service-accounts/{serviceAccountId}", known, programs, signed, "Auth:ServiceAccounts:Update", web.Exact(r.ServiceAccounts.Update), "updateServiceAccount", "Rename a service account"},
		{"DELETE /auth/service-accounts/{serviceAccountId}", known, programs, signed, "Auth:ServiceAccounts:Delete", web.Signed(r.ServiceAccounts.Archive), "archiveServiceAccount", "Take a service account away for good"},
		{"PUT /auth/service-accounts/{serviceAccountId}/activate", known, staff, signed, "Auth:ServiceAccounts:Activate", web.Signed(r.ServiceAccounts.Activate), "activateServiceAccount", "Put a deactivated service account back"},
		{"PUT /auth/service-accounts/{serviceAccountId}/deactivate", known, staff, signed, "Auth:ServiceAccounts:Deactivate", web.Signed(r.ServiceAccounts.Deactivate), "deactivateServiceAccount", "Deactivate a service account"},

		{"POST /auth/pats", known, person, signed, "Auth:Pats:Create", web.Signed(r.Tokens.Create), "createPersonalAccessToken", "Make an access token for a program of the caller's; it is shown once"},
		{"GET /auth/pats", known, anyone, unsigned, "", web.Op(r.Tokens.List), "listPersonalAccessTokens", "List the caller's personal access tokens"},
		{"GET /auth/pats/{tokenId}", known, anyone, unsigned, "", web.Op(r.Tokens.Get), "getPersonalAccessToken", "Show a personal access token of the caller's"},
		{"PUT /auth/pats/{tokenId}", known, anyone, signed, "", web.Exact(r.Tokens.Update), "updatePersonalAccessToken", "Rename a personal access token of the caller's"},
		{"DELETE /auth/pats/{tokenId}", known, anyone, signed, "", web.Signed(r.Tokens.Archive), "archivePersonalAccessToken", "Withdraw a personal access token of the caller's for good"},
		{"PUT /auth/pats/{tokenId}/activate", known, anyone, signed, "", web.Signed(r.Tokens.Activate), "activatePersonalAccessToken", "Put a withdrawn personal access token of the caller's back"},
		{"PUT /auth/pats/{tokenId}/deactivate", known, anyone, signed, "", web.Signed(r.Tokens.Deactivate), "deactivatePersonalAccessToken", "Withdraw a personal access token of the caller's"},

		{"GET /auth/apps", known, programs, unsigned, "", web.Op(r.Applications.List), "listApplications", "List the organisation's applications"},
		{"GET /auth/apps/{appId}", known, programs, unsigned, "", web.Op(r.Applications.Get), "getApplication", "Show an application"},
		{"POST /auth/apps", known, staff, signed, "Auth:Apps:Create", web.Signed(r.Applications.Create), "createApplication", "Register an application, as older SDKs do"},
		{"POST /auth/apps/{appId}", known, staff, signed, "Auth:Apps:Update", web.Exact(r.Applications.Update), "updateApplication", "Rename an application, as older SDKs do"},
		{"DELETE /auth/apps/{appId}", known, staff, signed, "Auth:Apps:Update", web.Signed(r.Applications.Archive), "archiveApplication", "Take an application away for good, as older SDKs do"},
		{"PUT /auth/apps/{appId}/activate", known, staff, signed, "Auth:Apps:Update", web.Signed(r.Applications.Activate), "activateApplication", "Put a deactivated application back, as older SDKs do"},
		{"PUT /auth/apps/{appId}/deactivate", known, staff, signed, "Auth:Apps:Update", web.Signed(r.Applications.Deactivate), "deactivateApplication", "Deactivate an application, as older SDKs do"},

		{"GET /permissions", known, anyone, unsigned, "Permissions:Read", web.Op(r.Permissions.List), "listPermissions", "List the organisation's permissions"},
		{"POST /permissions", known, anyone, signed, "Permissions:Create", web.Signed(r.Permissions.Create), "createPermission", "Make a permission"},
		{"GET /permissions/{permissionId}", known, anyone, unsigned, "Permissions:Read", web.Op(r.Permissions.Get), "getPermission", "Show a permission"},
		{"PUT /permissions/{permissionId}", known, anyone, signed, "Permissions:Update", web.Exact(r.Permissions.Update), "updatePermission", "Change a permission and so what all may do who have it"},
		{"PUT /permissions/{permissionId}/archive", known, anyone, signed, "Permissions:Archive", web.Exact(r.Permissions.Archive), "archivePermission", "Archive a permission, or bring it back"},
		{"GET /permissions/{permissionId}/assignments", known, anyone, unsigned, "Permissions:Assignments:Read", web.Op(r.Permissions.Assignments), "listAssignments", "List who has a permission"},
		{"POST /permissions/{permissionId}/assignments", known, anyone, signed, "Permissions:Assign", web.Signed(r.Permissions.Assign), "createAssignment", "Give a permission that the caller holds themselves"},
		{"DELETE /permissions/{permissionId}/assignments/{assignmentId}", known, anyone, signed, "Permissions:Revoke", web.Signed(r.Permissions.Revoke), "deleteAssignment", "Take a permission back"},

		{"GET /countersign/people", known, programs, unsigned, "Auth:Users:Read", web.Op(r.Users.People), "listPeople", "List people with how far their registration is"},
		{"POST /countersign/people", known, staff, signed, "Auth:Users:Create", web.Exact(r.Users.InvitePeople), "invitePeople", "Invite one or many"},
		{"POST /countersign/people/{userId}/code", known, staff, signed, "Auth:Users:Create", web.Signed(r.Users.NewCode), "renewRegistrationCode", "Make a new registration code for somebody; the old one is void"},
		{"DELETE /countersign/people/{userId}/code", known, staff, signed, "Auth:Users:Create", web.Signed(r.Users.RevokeCode), "revokeRegistrationCode", "Withdraw somebody's registration code"},
		{"GET /countersign/audit", known, programs, unsigned, "Auth:Logs:Read", web.Op(r.Audit.Search), "searchAuditLog", "Search the audit log, newest first"},

		{"GET /.well-known/jwks.json", open, nobody, unsigned, "", operation(s.keySet), "keySet", "The public keys of sessions, user actions and receipts"},
		{"POST /countersign/actions/consume", open, nobody, unsigned, "", web.Op(r.Action.Consume), "consumeAction", "Spend a signed user action on behalf of another service"},
		{"GET /countersign/actions/{actionId}", known, anyone, unsigned, "", web.Op(r.Action.Shown), "getActionReceipt", "The receipt of a signed user action"},
		{"/countersign/forward-auth", open, nobody, unsigned, "", web.Operation{Run: s.forwardAuth}, "", ""},
		{"/countersign/forward-auth/{path...}", open, nobody, unsigned, "", web.Operation{Run: s.forwardAuth}, "", ""},

		{"POST /countersign/registration/open", hosted, nobody, unsigned, "", web.Op(r.Registration.Open), "openRegistration", "Tell the holder of a registration code whom it is for"},
		{"POST /countersign/registration/recovery", hosted, nobody, unsigned, "", web.Op(r.Registration.AddRecovery), "addRegistrationRecovery", "Keep a recovery key beside the credential just registered"},
		{"GET /countersign/site", hosted, nobody, unsigned, "", web.Op(r.Account.SiteInfo), "siteInfo", "Tell the login page where it is"},
		{"GET /countersign/account", hostedSession, person, unsigned, "", web.Op(r.Account.Show), "getAccount", "Show who is logged in, with their credentials and sessions"},
		{"DELETE /countersign/sessions/{sessionId}", hostedSession, person, unsigned, "", web.Op(r.Account.EndSession), "endSession", "End one of the caller's own sessions"},

		{"GET /healthz", open, nobody, unsigned, "", operation(s.health), "health", "Say whether the store can be written"},
		{"GET /openapi.json", open, nobody, unsigned, "", web.Operation{Run: s.serveDescription}, "", ""},
	}
}

// notOffered are the operations of the wire contract that this server does not have, with
// why. They are answered with that.
var notOffered = []struct{ pattern, id, why string }{
	{"POST /auth/registration/enduser", "registerEndUser", "it would make wallets, which this server has none of; POST /auth/registration completes any registration"},
	{"POST /auth/registration/social", "createSocialRegistrationChallenge", "this server has no identity provider to ask; invite the user, or register them by delegation"},
	{"POST /auth/login/social", "socialLogin", "this server has no identity provider to ask; people log in with a passkey or key"},
	{"POST /auth/login/oidc", "completeOidcLogin", "this server has no identity provider to ask; people log in with a passkey or key"},
	{"POST /auth/login/oidc/init", "initiateOidcLogin", "this server has no identity provider to ask; people log in with a passkey or key"},
	{"POST /auth/login/sso", "ssoLogin", "this server has no identity provider to ask; people log in with a passkey or key"},
	{"POST /auth/login/sso/init", "ssoLoginInit", "this server has no identity provider to ask; people log in with a passkey or key"},
	{"POST /auth/login/orgs", "listAvailableOrgs", "it would tell anybody who has an account where; the organisation is named in the invitation"},

	{"GET /auth/credentials", "listCredentials", "managing one's own credentials is not built yet; the account page shows them, and the operator withdraws them with countersign credential"},
	{"POST /auth/credentials", "createCredential", "managing one's own credentials is not built yet"},
	{"POST /auth/credentials/init", "createCredentialChallenge", "managing one's own credentials is not built yet"},
	{"DELETE /auth/credentials/{credentialUuid}", "deleteCredential", "managing one's own credentials is not built yet; the operator withdraws one with countersign credential deactivate"},
	{"PUT /auth/credentials/activate", "activateCredential", "managing one's own credentials is not built yet; the operator puts one back with countersign credential activate"},
	{"PUT /auth/credentials/deactivate", "deactivateCredential", "managing one's own credentials is not built yet; the operator withdraws one with countersign credential deactivate"},
	{"POST /auth/credentials/code", "createCredentialCode", "managing one's own credentials is not built yet"},
	{"POST /auth/credentials/code/init", "createCredentialChallengeWithCode", "managing one's own credentials is not built yet"},
	{"POST /auth/credentials/code/verify", "createCredentialWithCode", "managing one's own credentials is not built yet"},

	{"POST /auth/recover/user", "recover", "recovery is not built yet; an administrator archives the user and invites them again"},
	{"POST /auth/recover/user/code", "sendRecoveryCode", "recovery is not built yet; an administrator archives the user and invites them again"},
	{"POST /auth/recover/user/delegated", "createDelegatedRecoveryChallenge", "recovery is not built yet; an administrator archives the user and invites them again"},
	{"POST /auth/recover/user/init", "createRecoveryChallenge", "recovery is not built yet; an administrator archives the user and invites them again"},

	{"GET /v2/policies", "listPolicies", "approval policies are not built yet; each change takes the signature of one user who may make it"},
	{"POST /v2/policies", "createPolicy", "approval policies are not built yet; each change takes the signature of one user who may make it"},
	{"GET /v2/policies/{policyId}", "getPolicy", "approval policies are not built yet; each change takes the signature of one user who may make it"},
	{"PUT /v2/policies/{policyId}", "updatePolicy", "approval policies are not built yet; each change takes the signature of one user who may make it"},
	{"DELETE /v2/policies/{policyId}", "archivePolicy", "approval policies are not built yet; each change takes the signature of one user who may make it"},
	{"GET /v2/policy-approvals", "listApprovals", "approvals are not built yet; each change takes the signature of one user who may make it"},
	{"GET /v2/policy-approvals/{approvalId}", "getApproval", "approvals are not built yet; each change takes the signature of one user who may make it"},
	{"POST /v2/policy-approvals/{approvalId}/decisions", "createApprovalDecision", "approvals are not built yet; each change takes the signature of one user who may make it"},

	{"GET /webhooks", "listWebhooks", "webhooks are not built yet; the audit log tells the same"},
	{"POST /webhooks", "createWebhook", "webhooks are not built yet; the audit log tells the same"},
	{"GET /webhooks/{webhookId}", "getWebhook", "webhooks are not built yet; the audit log tells the same"},
	{"PUT /webhooks/{webhookId}", "updateWebhook", "webhooks are not built yet; the audit log tells the same"},
	{"DELETE /webhooks/{webhookId}", "deleteWebhook", "webhooks are not built yet; the audit log tells the same"},
	{"GET /webhooks/{webhookId}/events", "listWebhookEvents", "webhooks are not built yet; the audit log tells the same"},
	{"GET /webhooks/{webhookId}/events/{webhookEventId}", "getWebhookEvent", "webhooks are not built yet; the audit log tells the same"},
	{"POST /webhooks/{webhookId}/ping", "pingWebhook", "webhooks are not built yet; the audit log tells the same"},
}

// pagePatterns are the hosted pages.
var pagePatterns = []string{"GET /{$}", "GET /register", "GET /login", "GET /account", "GET /people", "GET /roles",
	"GET /machines", "GET /audit", "GET /docs", "GET /assets/{name}"}

// mount puts the table and the pages on one mux. What no row matches is answered by
// nowhere: 404, or 405 if the path exists for another method.
func (s *Server) mount(pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, row := range s.routes() {
		mux.Handle(row.pattern, s.serve(row))
	}
	for _, o := range notOffered {
		refusal := &api.Error{Kind: api.NotOffered, Code: "operation_not_offered",
			Message: "This server does not offer " + o.id + ": " + o.why + "."}
		mux.Handle(o.pattern, s.serve(route{pattern: o.pattern, reach: open, operation: web.Operation{
			Run: func(http.ResponseWriter, *http.Request, api.Caller) (any, error) { return nil, refusal }}}))
	}
	for _, pattern := range pagePatterns {
		mux.Handle(pattern, s.page(pattern, pages))
	}
	mux.Handle("/", s.notFound(mux))
	return mux
}
