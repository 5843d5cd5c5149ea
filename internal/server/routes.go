package server

import (
	"net/http"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/server/web"
)

// callers says what authenticates a route: nothing, the token of a registration or recovery challenge,
// or the bearer token of one of these kinds of caller, as the wire contract's x-callers has
// them.
type callers uint8

const (
	employee callers = 1 << iota
	endUser
	serviceAccount
	personal // somebody's personal access token
	ticket   // of a registration or recovery challenge

	open      callers = 0 // anybody; a bearer token is ignored, whatever it is
	person            = employee | endUser
	staff             = employee | serviceAccount
	noEndUser         = employee | serviceAccount | personal
	anyone            = employee | endUser | serviceAccount | personal
)

// known reports whether a session or an access token must say who calls.
func (c callers) known() bool { return c&anyone != 0 }

// origins says from which sites' pages a route may be called. Clients that are not browsers may call
// any route.
type origins bool

const (
	anySite origins = true
	ownSite origins = false // the hosted pages alone
)

// group is a part of the table, named as the API description has it.
type group struct {
	name   string
	routes []route
}

// route is one row of the table. Its summary is in summaries. An operation that is Signed, or
// Exact, wants the request signed by its caller: X-DFNS-USERACTION, used up in the transaction of
// the effect.
type route struct {
	pattern    string
	callers    callers
	origins    origins
	permission string // operation of the wire contract's x-permission, "" for none
	operation  web.Operation
	id         string // operationId of the wire contract, or ours; "" is not described
}

// routes is everything this server answers besides pages.
func (s *Server) routes() []group {
	r, sa := s.services, s.services.ServiceAccounts
	return []group{
		{"registration", []route{
			{"POST /auth/registration/init", open, anySite, "", web.Op(r.Registration.Init), "createRegistrationChallenge"},
			{"POST /auth/registration", ticket, anySite, "", web.Op(r.Registration.Complete), "register"},
			{"POST /auth/registration/enduser", ticket, anySite, "", web.Op(r.Registration.CompleteWithSession), "registerEndUser"},
			{"PUT /auth/registration/code", open, anySite, "", web.Op(r.Registration.Resend), "resendRegistrationCode"},
			{"POST /auth/registration/delegated", serviceAccount, anySite, "Auth:Register:Delegated",
				web.Signed(r.Registration.Delegate), "createDelegatedRegistrationChallenge"},
			{"POST /auth/registration/delegated/restart", serviceAccount, anySite, "Auth:Register:Delegated",
				web.Signed(r.Registration.Redelegate), "recreateDelegatedRegistrationChallenge"},
		}},
		{"login", []route{
			{"POST /auth/login/init", open, anySite, "", web.Op(r.Login.Init), "createLoginChallenge"},
			{"POST /auth/login", open, anySite, "", web.Op(r.Login.Complete), "login"},
			{"POST /auth/login/code", open, anySite, "", web.Op(r.Login.SendCode), "sendLoginCode"},
			{"POST /auth/login/delegated", serviceAccount, anySite, "Auth:Login:Delegated", web.Signed(r.Login.Delegate), "delegatedLogin"},
			{"PUT /auth/logout", person, anySite, "", web.Op(r.Login.Logout), "logout"},
			{"POST /auth/logout", person, anySite, "", web.Op(r.Login.Logout), "logoutLegacy"},
			{"POST /auth/tokens", person, anySite, "", web.Op(r.Tokens.Exchange), "exchangeAccessToken"},
			{"GET /countersign/caller", anyone, anySite, "", web.Op(r.Account.Caller), "getCaller"},
		}},
		{"credentials", []route{
			{"GET /auth/credentials", person | personal, anySite, "", web.Op(r.Credentials.List), "listCredentials"},
			{"POST /auth/credentials/init", person, anySite, "", web.Op(r.Credentials.Init), "createCredentialChallenge"},
			{"POST /auth/credentials", person, anySite, "", web.Signed(r.Credentials.Create), "createCredential"},
			{"DELETE /auth/credentials/{credentialUuid}", person, anySite, "", web.Signed(r.Credentials.Delete), "deleteCredential"},
			{"PUT /auth/credentials/activate", person, anySite, "", web.Signed(r.Credentials.Activate), "activateCredential"},
			{"PUT /auth/credentials/deactivate", person, anySite, "", web.Signed(r.Credentials.Deactivate), "deactivateCredential"},
			{"PUT /countersign/account/credentials/{credentialUuid}", person, anySite, "", web.Exact(r.Credentials.Rename), "renameCredential"},
			{"POST /auth/credentials/code", person, anySite, "", web.Signed(r.Credentials.CreateCode), "createCredentialCode"},
			{"POST /auth/credentials/code/init", open, anySite, "", web.Op(r.Credentials.InitWithCode), "createCredentialChallengeWithCode"},
			{"POST /auth/credentials/code/verify", open, anySite, "", web.Op(r.Credentials.CreateWithCode), "createCredentialWithCode"},
		}},
		{"recovery", []route{
			{"POST /auth/recover/user/code", open, anySite, "", web.Op(r.Recovery.SendCode), "sendRecoveryCode"},
			{"PUT /auth/recover/user/code", open, anySite, "", web.Op(r.Recovery.SendCode), "sendRecoveryCodeLegacy"},
			{"POST /auth/recover/user/init", open, anySite, "", web.Op(r.Recovery.Init), "createRecoveryChallenge"},
			{"POST /auth/recover/user/delegated", serviceAccount, anySite, "Auth:Recover:Delegated",
				web.Signed(r.Recovery.Delegate), "createDelegatedRecoveryChallenge"},
			{"POST /auth/recover/user", ticket, anySite, "", web.Op(r.Recovery.Complete), "recover"},
		}},
		{"user actions", []route{
			{"POST /auth/action/init", anyone, anySite, "", web.Op(r.Action.Init), "createUserActionChallenge"},
			{"POST /auth/action", anyone, anySite, "", web.Op(r.Action.Sign), "createUserActionSignature"},
			{"POST /countersign/actions/consume", open, anySite, "", web.Op(r.Action.Consume), "consumeAction"},
			{"GET /countersign/actions/{actionId}", anyone, anySite, "", web.Op(r.Action.Shown), "getActionReceipt"},
			{"/countersign/forward-auth", open, anySite, "", web.Operation{Run: s.forwardAuth}, ""},
			{"/countersign/forward-auth/{path...}", open, anySite, "", web.Operation{Run: s.forwardAuth}, ""},
		}},
		{"users", []route{
			{"POST /auth/users", staff, anySite, "Auth:Users:Create", web.Signed(r.Users.Create), "createUser"},
			{"GET /auth/users", noEndUser, anySite, "Auth:Users:Read", web.Op(r.Users.Page), "listUsers"},
			{"GET /auth/users/{userId}", noEndUser, anySite, "Auth:Users:Read", web.Op(r.Users.Get), "getUser"},
			{"PUT /auth/users/{userId}", noEndUser, anySite, "Auth:Users:Update", web.Exact(r.Users.Update), "updateUser"},
			{"DELETE /auth/users/{userId}", noEndUser, anySite, "Auth:Users:Delete", web.Signed(r.Users.Archive), "archiveUser"},
			{"PUT /auth/users/{userId}/activate", staff, anySite, "Auth:Users:Activate", web.Signed(r.Users.Activate), "activateUser"},
			{"PUT /auth/users/{userId}/deactivate", staff, anySite, "Auth:Users:Deactivate", web.Signed(r.Users.Deactivate), "deactivateUser"},
			{"POST /auth/users/invite", staff, anySite, "Auth:Users:Create", web.Signed(r.Users.InviteTenant), "inviteTenantUser"},
			{"GET /countersign/people", noEndUser, anySite, "Auth:Users:Read", web.Op(r.Users.People), "listPeople"},
			{"POST /countersign/people", staff, anySite, "Auth:Users:Create", web.Exact(r.Users.InvitePeople), "invitePeople"},
			{"POST /countersign/people/{userId}/recover", staff, anySite, "Auth:Users:Recover", web.Signed(r.Users.Recover), "recoverUser"},
			{"GET /countersign/people/{userId}", noEndUser, anySite, "Auth:Users:Read", web.Op(r.Users.Person), "getPerson"},
			{"POST /countersign/people/{userId}/credentials/{credentialUuid}/deactivate", staff, anySite, "Auth:Users:Deactivate",
				web.Signed(r.Users.DeactivateCredential), "deactivatePersonCredential"},
			{"POST /countersign/people/{userId}/sessions/end", staff, anySite, "Auth:Users:Deactivate",
				web.Exact(r.Users.EndSessions), "endPersonSessions"},
			{"POST /countersign/people/{userId}/recovery/approve", employee, anySite, "Auth:Users:Recover",
				web.Exact(r.Recovery.Approve), "approveRecovery"},
			{"POST /countersign/people/{userId}/recovery/stop", staff, anySite, "Auth:Users:Recover", web.Signed(r.Recovery.Stop), "stopRecovery"},
			{"POST /countersign/people/{userId}/code", staff, anySite, "Auth:Users:Create", web.Signed(r.Users.NewCode), "renewRegistrationCode"},
			{"DELETE /countersign/people/{userId}/code", staff, anySite, "Auth:Users:Create", web.Signed(r.Users.RevokeCode), "revokeRegistrationCode"},
		}},
		{"policies", []route{
			{"GET /countersign/policies", noEndUser, anySite, "Orgs:Settings:Read", web.Op(r.Policies.List), "listPolicyVersions"},
			{"GET /countersign/policies/{userKind}", noEndUser, anySite, "Orgs:Settings:Read", web.Op(r.Policies.Show), "getPolicyVersion"},
			{"PUT /countersign/policies/{userKind}", staff, anySite, "Orgs:Settings:Update", web.Exact(r.Policies.Set), "setPolicy"},
			{"POST /countersign/policies/{userKind}/what-if", noEndUser, anySite, "Orgs:Settings:Read",
				web.Strict(r.Policies.WhatIf), "whatIfPolicy"},
			{"POST /countersign/policies/{userKind}/what-if/list", noEndUser, anySite, "Auth:Users:Read",
				s.exported(web.Strict(r.Policies.Export)), "listWhatIfPolicy"},
		}},
		{"service accounts", []route{
			{"POST /auth/service-accounts", employee, anySite, "Auth:ServiceAccounts:Create", web.Signed(sa.Create), "createServiceAccount"},
			{"GET /auth/service-accounts", noEndUser, anySite, "Auth:ServiceAccounts:Read", web.Op(sa.List), "listServiceAccounts"},
			{"GET /auth/service-accounts/{serviceAccountId}", noEndUser, anySite, "Auth:ServiceAccounts:Read", web.Op(sa.Get), "getServiceAccount"},
			{"PUT /auth/service-accounts/{serviceAccountId}", noEndUser, anySite, "Auth:ServiceAccounts:Update", web.Exact(sa.Update), "updateServiceAccount"},
			{"DELETE /auth/service-accounts/{serviceAccountId}", noEndUser, anySite, "Auth:ServiceAccounts:Delete",
				web.Signed(sa.Archive), "archiveServiceAccount"},
			{"PUT /auth/service-accounts/{serviceAccountId}/activate", staff, anySite, "Auth:ServiceAccounts:Activate",
				web.Signed(sa.Activate), "activateServiceAccount"},
			{"PUT /auth/service-accounts/{serviceAccountId}/deactivate", staff, anySite, "Auth:ServiceAccounts:Deactivate",
				web.Signed(sa.Deactivate), "deactivateServiceAccount"},
		}},
		{"personal access tokens", []route{
			{"POST /auth/pats", person, anySite, "Auth:Pats:Create", web.Signed(r.Tokens.Create), "createPersonalAccessToken"},
			{"GET /auth/pats", anyone, anySite, "", web.Op(r.Tokens.List), "listPersonalAccessTokens"},
			{"GET /auth/pats/{tokenId}", anyone, anySite, "", web.Op(r.Tokens.Get), "getPersonalAccessToken"},
			{"PUT /auth/pats/{tokenId}", anyone, anySite, "", web.Exact(r.Tokens.Update), "updatePersonalAccessToken"},
			{"DELETE /auth/pats/{tokenId}", anyone, anySite, "", web.Signed(r.Tokens.Archive), "archivePersonalAccessToken"},
			{"PUT /auth/pats/{tokenId}/activate", anyone, anySite, "", web.Signed(r.Tokens.Activate), "activatePersonalAccessToken"},
			{"PUT /auth/pats/{tokenId}/deactivate", anyone, anySite, "", web.Signed(r.Tokens.Deactivate), "deactivatePersonalAccessToken"},
		}},
		{"permissions", []route{
			{"GET /permissions", anyone, anySite, "Permissions:Read", web.Op(r.Permissions.List), "listPermissions"},
			{"POST /permissions", anyone, anySite, "Permissions:Create", web.Signed(r.Permissions.Create), "createPermission"},
			{"GET /permissions/{permissionId}", anyone, anySite, "Permissions:Read", web.Op(r.Permissions.Get), "getPermission"},
			{"PUT /permissions/{permissionId}", anyone, anySite, "Permissions:Update", web.Exact(r.Permissions.Update), "updatePermission"},
			{"PUT /permissions/{permissionId}/archive", anyone, anySite, "Permissions:Archive", web.Exact(r.Permissions.Archive), "archivePermission"},
			{"GET /permissions/{permissionId}/assignments", anyone, anySite, "Permissions:Assignments:Read",
				web.Op(r.Permissions.Assignments), "listAssignments"},
			{"POST /permissions/{permissionId}/assignments", anyone, anySite, "Permissions:Assign", web.Signed(r.Permissions.Assign), "createAssignment"},
			{"DELETE /permissions/{permissionId}/assignments/{assignmentId}", anyone, anySite, "Permissions:Revoke",
				web.Signed(r.Permissions.Revoke), "deleteAssignment"},
		}},
		{"applications", []route{
			{"GET /auth/apps", noEndUser, anySite, "", web.Op(r.Applications.List), "listApplications"},
			{"GET /auth/apps/{appId}", noEndUser, anySite, "", web.Op(r.Applications.Get), "getApplication"},
			{"POST /auth/apps", staff, anySite, "Auth:Apps:Create", web.Signed(r.Applications.Create), "createApplication"},
			{"POST /auth/apps/{appId}", staff, anySite, "Auth:Apps:Update", web.Exact(r.Applications.Update), "updateApplication"},
			{"DELETE /auth/apps/{appId}", staff, anySite, "Auth:Apps:Update", web.Signed(r.Applications.Archive), "archiveApplication"},
			{"PUT /auth/apps/{appId}/activate", staff, anySite, "Auth:Apps:Update", web.Signed(r.Applications.Activate), "activateApplication"},
			{"PUT /auth/apps/{appId}/deactivate", staff, anySite, "Auth:Apps:Update", web.Signed(r.Applications.Deactivate), "deactivateApplication"},
		}},
		{"audit log", []route{
			{"GET /auth/action/logs", noEndUser, anySite, "Auth:Logs:Read", s.exported(web.Op(r.Audit.Export)), "listAuditLogs"},
			{"GET /auth/action/logs/{id}", noEndUser, anySite, "Auth:Logs:Read", web.Op(r.Audit.Get), "getAuditLog"},
			{"GET /countersign/audit", noEndUser, anySite, "Auth:Logs:Read", web.Op(r.Audit.Search), "searchAuditLog"},
		}},
		{"hosted pages", []route{
			{"POST /countersign/registration/open", open, ownSite, "", web.Op(r.Registration.Open), "openRegistration"},
			{"POST /countersign/registration/recovery", ticket, ownSite, "", web.Op(r.Registration.AddRecovery), "addRegistrationRecovery"},
			{"POST /countersign/recovery/open", open, ownSite, "", web.Op(r.Recovery.Open), "openRecovery"},
			{"GET /countersign/site", open, ownSite, "", web.Op(r.Account.SiteInfo), "siteInfo"},
			{"GET /countersign/account", person, ownSite, "", web.Op(r.Account.Show), "getAccount"},
			{"POST /countersign/account/recovery/stop", person, ownSite, "", web.Op(r.Recovery.StopOwn), "stopOwnRecovery"},
			{"DELETE /countersign/sessions/{sessionId}", person, ownSite, "", web.Op(r.Account.EndSession), "endSession"},
		}},
		{"operation", []route{
			{"GET /.well-known/jwks.json", open, anySite, "", operation(s.keySet), "keySet"},
			{"GET /healthz", open, anySite, "", operation(s.health), "health"},
			{"GET /readyz", open, anySite, "", operation(s.ready), "ready"},
			{"GET /openapi.json", open, anySite, "", web.Operation{Run: s.serveDescription}, ""},
		}},
	}
}

// notOffered are the operations of the wire contract that this server refuses, by why.
var notOffered = []struct {
	why        string
	operations []unserved
}{
	{"this server has no identity provider to ask; invite the user, or register them by delegation", []unserved{
		{"POST /auth/registration/social", "createSocialRegistrationChallenge"},
	}},
	{"this server has no identity provider to ask; people log in with a passkey or key", []unserved{
		{"POST /auth/login/social", "socialLogin"},
		{"POST /auth/login/oidc", "completeOidcLogin"},
		{"POST /auth/login/oidc/init", "initiateOidcLogin"},
		{"POST /auth/login/sso", "ssoLogin"},
		{"POST /auth/login/sso/init", "ssoLoginInit"},
	}},
	{"it would tell anybody who has an account where; the organisation is named in the invitation", []unserved{
		{"POST /auth/login/orgs", "listAvailableOrgs"},
	}},
	{"approval policies are not built yet; each change takes the signature of one user who may make it", []unserved{
		{"GET /v2/policies", "listPolicies"},
		{"POST /v2/policies", "createPolicy"},
		{"GET /v2/policies/{policyId}", "getPolicy"},
		{"PUT /v2/policies/{policyId}", "updatePolicy"},
		{"DELETE /v2/policies/{policyId}", "archivePolicy"},
		{"GET /v2/policy-approvals", "listApprovals"},
		{"GET /v2/policy-approvals/{approvalId}", "getApproval"},
		{"POST /v2/policy-approvals/{approvalId}/decisions", "createApprovalDecision"},
	}},
	{"webhooks are not built yet; the audit log tells the same", []unserved{
		{"GET /webhooks", "listWebhooks"},
		{"POST /webhooks", "createWebhook"},
		{"GET /webhooks/{webhookId}", "getWebhook"},
		{"PUT /webhooks/{webhookId}", "updateWebhook"},
		{"DELETE /webhooks/{webhookId}", "deleteWebhook"},
		{"GET /webhooks/{webhookId}/events", "listWebhookEvents"},
		{"GET /webhooks/{webhookId}/events/{webhookEventId}", "getWebhookEvent"},
		{"POST /webhooks/{webhookId}/ping", "pingWebhook"},
	}},
}

// upstreamGroups are the groups of the upstream API that are not of the wire contract, by where
// their paths begin. The SDKs have a client for each, some for groups that upstream dropped.
var upstreamGroups = []string{
	"address-watches", "agreements", "allocations", "blockchains", "callback-events", "callback-subscriptions",
	"exchanges", "fee-sponsors", "key-stores", "keys", "networks", "payins", "payouts", "policies", "public-keys", "signers", "staking",
	"swaps", "vaults", "wallets", "v2/policies/travel-rule",
}

type unserved struct{ pattern, id string }

// offered reports whether an operation of the wire contract is served.
func offered(id string) bool {
	for _, n := range notOffered {
		for _, o := range n.operations {
			if o.id == id {
				return false
			}
		}
	}
	return true
}

// pagePatterns are the hosted pages.
var pagePatterns = []string{"GET /{$}", "GET /register", "GET /login", "GET /recover", "GET /add", "GET /account", "GET /people", "GET /roles",
	"GET /machines", "GET /audit", "GET /docs", "GET /assets/{name}"}

// refused is an operation that always refuses.
func refused(refusal *api.Error) web.Operation {
	return web.Operation{Run: func(http.ResponseWriter, *http.Request, api.Caller) (any, error) { return nil, refusal }}
}

// mount puts the table and the pages on one mux. notFound answers what no row matches.
func (s *Server) mount(pages http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, g := range s.routes() {
		for _, row := range g.routes {
			mux.Handle(row.pattern, s.serve(row))
		}
	}
	for _, n := range notOffered {
		for _, o := range n.operations {
			refusal := &api.Error{Kind: api.NotOffered, Code: "operation_not_offered",
				Message: "This server does not offer " + o.id + ": " + n.why + "."}
			mux.Handle(o.pattern, s.serve(route{pattern: o.pattern, callers: open, origins: anySite, operation: refused(refusal)}))
		}
	}
	for _, group := range upstreamGroups {
		refusal := &api.Error{Kind: api.NotOffered, Code: "operation_not_offered",
			Message: "This server has no /" + group + ": it registers, logs in and signs; keys, wallets and payments are other services' work."}
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} { // not OPTIONS, which is a preflight's
			for _, path := range []string{"/" + group, "/" + group + "/{path...}"} {
				pattern := method + " " + path
				mux.Handle(pattern, s.serve(route{pattern: pattern, callers: open, origins: anySite, operation: refused(refusal)}))
			}
		}
	}
	for _, pattern := range pagePatterns {
		mux.Handle(pattern, s.page(pattern, pages))
	}
	mux.Handle("/", s.notFound(mux))
	return mux
}
