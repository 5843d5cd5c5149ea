package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/database"
)

// version is what the lines of the SDK differ in.
type version struct {
	sdk         string   // folder
	keys        []string // types of keys that are tried with it
	generated   bool     // auth is a generated client with all calls; before 0.4 it was a hand-made one
	loginCode   bool     // it has sendLoginCode
	scoped      bool     // its clients take an orgId, and compare it with the token's
	logout      string   // method that its logout sends
	header      string   // by which it is known
	headerValue string
}

var allKeys = []string{"P-256", "Ed25519", "secp256k1", "RSA-2048"}

var versions = []version{
	{sdk: "v0.8", keys: append([]string{"P-384", "P-521", "RSA-3072"}, allKeys...), generated: true, loginCode: true, scoped: true, logout: "PUT", header: "X-Dfns-Sdk-Version", headerValue: "0.8.21"},
	{sdk: "v0.8.3", keys: allKeys[:1], generated: true, loginCode: true, scoped: true, logout: "PUT", header: "X-Dfns-Sdk-Version", headerValue: "0.8.3"},
	{sdk: "v0.7", keys: allKeys, generated: true, loginCode: true, scoped: true, logout: "PUT", header: "X-Dfns-Sdk-Version", headerValue: "0.7.18"},
	{sdk: "v0.6", keys: allKeys, generated: true, loginCode: true, logout: "PUT", header: "X-Dfns-Sdk-Version", headerValue: "0.6.12"},
	{sdk: "v0.5", keys: allKeys, generated: true, loginCode: true, logout: "POST", header: "X-Dfns-Appid", headerValue: appID},
	{sdk: "v0.4", keys: allKeys, generated: true, logout: "POST", header: "X-Dfns-Appid", headerValue: appID},
	{sdk: "v0.3", keys: allKeys[3:], logout: "PUT", header: "X-Dfns-Appid", headerValue: appID},
	{sdk: "v0.2", keys: allKeys[2:3], logout: "PUT", header: "X-Dfns-Appid", headerValue: appID},
	{sdk: "v0.1", keys: allKeys, logout: "PUT", header: "X-Dfns-Appid", headerValue: appID},
}

// oldOrigin is in the client data of key signers before 0.4, by default.
const oldOrigin = "https://dashboard.dfns.io"

// keyOptions are the options of a key signer of the version.
func (v version) keyOptions(key string) map[string]any {
	options := map[string]any{"type": key}
	if !v.generated {
		options["origin"] = oldOrigin
	}
	return options
}

// A machine registers with its key, logs in and countersigns, and so does who it
// invites: the whole of it by the SDK, in every version and with every type of key.
func TestKeysLogInAndCountersign(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, v := range versions {
		t.Run(v.sdk, func(t *testing.T) {
			p := startNode(t, v.sdk)
			for _, key := range v.keys {
				t.Run(key, func(t *testing.T) { administer(t, h, v, p, key) })
			}
		})
	}
}

func TestKeysLogInAndCountersignOnEveryDatabase(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		administer(t, start(t, countersigntest.Database(url)), versions[0], startNode(t, "v0.8"), "P-256")
	})
}

func administer(t *testing.T, h *checkedServer, v version, p program, key string) {
	org := h.Organisation(t, "Engines of "+v.sdk+" "+key)
	inv := h.Invite(t, org.ID, "machine@example.org")
	ada := newUser(p, "ada "+key, h.proxy)
	ada.makeSigner(t, "key", v.keyOptions(key))
	ada.register(t, inv)
	before := len(h.passed(with(v.header, v.headerValue)))

	ada = ada.logIn(t, named(org.ID, inv.Username))
	checkToken(t, h, ada.token(), inv)
	if v.scoped {
		scopes(t, h, ada, inv)
		ada = ada.with("orgId", org.ID)
	}
	bob := creates(t, h, ada, org, "bob@example.org")
	reads(t, v, ada, org, bob, ada.call)
	reads(t, v, ada, org, bob, ada.delegated)
	delegates(t, h, ada, org)
	countersigns(t, v, ada)
	refuses(t, h, v, ada, org, bob)
	ends(t, h, v, ada, inv)

	if n := len(h.passed(with(v.header, v.headerValue))) - before; n < 20 {
		t.Errorf("%d calls with %s: %s; it is not this version that was tried", n, v.header, v.headerValue)
	}
}

// checkToken reads the session's token as its consumers do.
func checkToken(t *testing.T, h *checkedServer, token string, inv countersigntest.Invitation) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token is no JWT: %q", token)
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss, Sub string
		Exp      int64
		Username string                                    `json:"https://custom/username"`
		Metadata struct{ OrgID, UserID, TokenKind string } `json:"https://custom/app_metadata"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != h.URL || claims.Sub != inv.OrgID || claims.Username != inv.Username || claims.Exp == 0 ||
		claims.Metadata.OrgID != inv.OrgID || claims.Metadata.UserID != inv.UserID || claims.Metadata.TokenKind != "Token" {
		t.Errorf("the token says %s", payload)
	}
}

// scopes shows that the SDK finds the organisation in the token: it throws by itself, and
// sends nothing, if that is another one than the client was made for.
func scopes(t *testing.T, h *checkedServer, u *sdkUser, inv countersigntest.Invitation) {
	t.Helper()
	all := func(contract.Exchange) bool { return true }
	before := len(h.passed(all))
	o := u.with("orgId", "or-00000-00000-0000000000000000").call(t, "auth.getUser", map[string]string{"userId": inv.UserID})
	if o.Error == nil || o.Error.HTTPStatus != 0 || !strings.Contains(o.Error.Message, "not scoped to org") {
		t.Errorf("a client for another organisation: %+v, want the SDK's own refusal", o)
	}
	if len(h.passed(all)) != before {
		t.Error("a client for another organisation sent something")
	}
}

// creates has the administrator's client sign and send the creation of a user.
func creates(t *testing.T, h *checkedServer, admin *sdkUser, org store.Organisation, email string) api.User {
	t.Helper()
	signed := func(e contract.Exchange) bool {
		return e.Request.Header.Get(api.HeaderUserAction) != "" && e.Request.URL.Path == "/auth/users" && e.Status == http.StatusOK
	}
	before := len(h.passed(signed))
	var user api.User
	admin.call(t, "auth.createUser", body(map[string]any{
		"email": email, "kind": api.CustomerEmployee, "externalId": "Zoë <№ 7>",
	})).into(t, &user)
	if user.Username != email || user.OrgID != org.ID || user.IsRegistered || user.Invitation == nil {
		t.Fatalf("created %+v", user)
	}
	if n := len(h.passed(signed)) - before; n != 1 {
		t.Errorf("%d signed requests were seen, want 1", n)
	}
	if stored, err := h.DB.User(t.Context(), user.UserID); err != nil || stored.Username != email || stored.ExternalID == "" {
		t.Errorf("stored %+v, %v", stored, err)
	}
	return user
}

// reads lists and shows users with one of the two clients.
func reads(t *testing.T, v version, u *sdkUser, org store.Organisation, user api.User, call func(*testing.T, string, ...any) outcome) {
	t.Helper()
	var shown api.User
	call(t, "auth.getUser", map[string]string{"userId": user.UserID}).into(t, &shown)
	if shown.UserID != user.UserID || shown.CredentialUUID != user.CredentialUUID || shown.Username != user.Username {
		t.Errorf("shown %+v, created %+v", shown, user)
	}
	var all api.UserList
	call(t, "auth.listUsers").into(t, &all)
	if len(all.Items) < 2 || all.NextPageToken != "" {
		t.Fatalf("listed %+v, want every user on one page", all)
	}
	if !v.generated { // its listUsers takes no query
		return
	}
	page := func(query map[string]any) (list api.UserList) {
		t.Helper()
		call(t, "auth.listUsers", map[string]any{"query": query}).into(t, &list)
		return list
	}
	var paged []api.User
	for token := ""; ; {
		query := map[string]any{"limit": 1, "kind": api.CustomerEmployee}
		if token != "" {
			query["paginationToken"] = token
		}
		list := page(query)
		if len(list.Items) != 1 {
			t.Fatalf("a page has %d users, want 1", len(list.Items))
		}
		paged = append(paged, list.Items...)
		if token = list.NextPageToken; token == "" {
			break
		}
	}
	if len(paged) != len(all.Items) {
		t.Fatalf("page by page there are %d users, at once %d", len(paged), len(all.Items))
	}
	for i := range paged {
		if paged[i].UserID != all.Items[i].UserID {
			t.Errorf("user %d is %s page by page and %s at once", i, paged[i].UserID, all.Items[i].UserID)
		}
	}
	if list := page(map[string]any{"kind": api.EndUser}); len(list.Items) != 0 {
		t.Errorf("%d end users, want none", len(list.Items))
	}
}

// delegates creates a user through an application's client: the signer stays with the
// user. A signature is good for one action, and an action for one use.
func delegates(t *testing.T, h *checkedServer, u *sdkUser, org store.Organisation) {
	t.Helper()
	for _, how := range []string{"delegated@example.org", "söphie@example.org"} {
		request := body(map[string]any{"email": how, "kind": api.CustomerEmployee})
		var challenge json.RawMessage
		u.delegated(t, "auth.createUserInit", request).into(t, &challenge)
		signed := sign(t, u, challenge)
		var user api.User
		u.delegated(t, "auth.createUserComplete", request, signed).into(t, &user)
		if user.Username != how || user.OrgID != org.ID {
			t.Errorf("created %+v", user)
		}
		wantRefused(t, "a challenge signed once, answered twice",
			u.delegated(t, "auth.createUserComplete", request, signed), 401, "challenge_used")
	}

	var challenge json.RawMessage
	u.delegated(t, "auth.createUserInit", body(map[string]any{"email": "signed@example.org", "kind": api.CustomerEmployee})).into(t, &challenge)
	sent := body(map[string]any{"email": "sent@example.org", "kind": api.CustomerEmployee})
	wantRefused(t, "another user than the one that was signed for",
		u.delegated(t, "auth.createUserComplete", sent, sign(t, u, challenge)), 403, "user_action_invalid")
	h.noUser(t, u, "sent@example.org")
	h.noUser(t, u, "signed@example.org")
}

// sign has the user's own signer answer a challenge.
func sign(t *testing.T, u *sdkUser, challenge json.RawMessage) map[string]any {
	t.Helper()
	var c struct{ ChallengeIdentifier string }
	if err := json.Unmarshal(challenge, &c); err != nil || c.ChallengeIdentifier == "" {
		t.Fatalf("not a challenge: %s (%v)", challenge, err)
	}
	var assertion json.RawMessage
	u.call(t, "signer.sign", challenge).into(t, &assertion)
	return map[string]any{"challengeIdentifier": c.ChallengeIdentifier, "firstFactor": assertion}
}

// noUser fails t if the caller's organisation has a user of that name.
func (h *checkedServer) noUser(t *testing.T, admin *sdkUser, username string) {
	t.Helper()
	var list api.UserList
	admin.call(t, "auth.listUsers").into(t, &list)
	for _, u := range list.Items {
		if u.Username == username {
			t.Errorf("there is a user %s", username)
		}
	}
}

// countersigns signs by hand, call by call, and spends the action once. Queries are
// signed by delegated clients, and left out by the others; either way they may be sent.
func countersigns(t *testing.T, v version, u *sdkUser) {
	t.Helper()
	action := func(path, payload string) (userAction string) {
		t.Helper()
		request := map[string]string{"userActionHttpMethod": "POST", "userActionHttpPath": path,
			"userActionPayload": payload, "userActionServerKind": "Api"}
		var challenge json.RawMessage
		u.call(t, "base.createUserActionChallenge", request).into(t, &challenge)
		var result api.ActionResult
		u.call(t, "base.signUserActionChallenge", sign(t, u, challenge)).into(t, &result)
		if v.generated { // the generated calls, under both names, do the same
			for _, call := range []string{"auth.createUserActionChallenge", "auth.createUserActionSignatureChallenge"} {
				u.call(t, call, body(request)).into(t, &challenge)
				u.call(t, "auth.createUserActionSignature", body(sign(t, u, challenge))).into(t, &result)
			}
		}
		return result.UserAction
	}
	send := func(path, userAction string, content any) outcome {
		t.Helper()
		return u.call(t, "fetch.simpleFetch", path, map[string]any{"method": "POST", "body": content,
			"headers": map[string]string{"x-dfns-useraction": userAction}})
	}
	user := func(name string) map[string]string {
		return map[string]string{"email": name + "@example.org", "kind": api.CustomerEmployee}
	}
	text := func(name string) string { return `{"email":"` + name + `@example.org","kind":"CustomerEmployee"}` }

	for what, c := range map[string]struct {
		signed, sent string
		ok           bool
	}{
		"no-query":       {"/auth/users", "/auth/users", true},
		"query-unsigned": {"/auth/users", "/auth/users?trace=1", true},
		"query-signed":   {"/auth/users?trace=1", "/auth/users?trace=1", true},
		"query-other":    {"/auth/users?trace=1", "/auth/users?trace=2", false},
		"query-left-out": {"/auth/users?trace=1", "/auth/users", false},
		"path-other":     {"/auth/users/", "/auth/users", false},
	} {
		o := send(c.sent, action(c.signed, text(what)), user(what))
		if c.ok {
			o.into(t, nil)
		} else {
			wantRefused(t, what, o, 403, "user_action_invalid")
		}
	}
	// What userActionFetch does with a query is to sign the path without it.
	u.call(t, "fetch.userActionFetch", "/auth/users?trace=1", map[string]any{"method": "POST", "body": user("fetched")}).into(t, nil)

	once := action("/auth/users", text("once"))
	send("/auth/users", once, user("once")).into(t, nil)
	again := send("/auth/users", once, user("once"))
	wantRefused(t, "the same action again", again, 400, "user_action_used")
	if again.Error.Message != "user action has already been used" {
		t.Errorf("the same action again: the SDK's sentence is %q, want the documented one", again.Error.Message)
	}
	unsigned := u.call(t, "fetch.simpleFetch", "/auth/users", map[string]any{"method": "POST", "body": user("unsigned")})
	wantRefused(t, "without an action", unsigned, 403, "user_action_invalid")
	if unsigned.Error.Message != "user action signature is missing or invalid" {
		t.Errorf("without an action: the SDK's sentence is %q, want the documented one", unsigned.Error.Message)
	}
	exists := u.call(t, "auth.createUser", body(user("once")))
	wantRefused(t, "a user who exists", exists, 401, "user_already_exists")
}

// refuses has the invited user, who is no administrator, register and try what the
// administrator may do; and somebody else log in as the administrator.
func refuses(t *testing.T, h *checkedServer, v version, admin *sdkUser, org store.Organisation, user api.User) {
	t.Helper()
	bob := newUser(admin.program, user.UserID, h.proxy)
	bob.makeSigner(t, "key", v.keyOptions("P-256"))
	bob.register(t, countersigntest.Invitation{OrgID: org.ID, UserID: user.UserID, Username: user.Username,
		RegistrationCode: user.Invitation.RegistrationCode})
	bob = bob.logIn(t, named(org.ID, user.Username))
	for what, o := range map[string]outcome{
		"createUser": bob.call(t, "auth.createUser", body(map[string]any{"email": "eve@example.org", "kind": api.CustomerEmployee})),
		"listUsers":  bob.call(t, "auth.listUsers"),
		"getUser":    bob.call(t, "auth.getUser", map[string]string{"userId": user.UserID}),
	} {
		wantRefused(t, what+" by who may not", o, 403, "permission_denied")
	}
	h.noUser(t, admin, "eve@example.org")

	var shown api.User
	admin.call(t, "auth.getUser", map[string]string{"userId": user.UserID}).into(t, &shown)
	if !shown.IsRegistered || shown.CredentialUUID != user.CredentialUUID {
		t.Errorf("after the registration %+v", shown)
	}

	credentials, err := h.DB.CredentialsOfUser(t.Context(), user.UserID)
	if err != nil || len(credentials) != 1 {
		t.Fatalf("%d credentials, %v", len(credentials), err)
	}
	thief := newUser(admin.program, "thief of "+user.UserID, h.proxy)
	thief.makeSigner(t, "forged", map[string]any{"type": "P-256",
		"credId": base64.RawURLEncoding.EncodeToString(credentials[0].CredentialID)})
	o := thief.call(t, "authenticator.login", named(org.ID, user.Username))
	wantRefused(t, "another's private key", o, 401, "signature_invalid")
	for what, token := range map[string]string{"no token": "", "a spoilt token": bob.token()[:len(bob.token())-6] + "AAAAAA"} {
		o := bob.with("authToken", token).call(t, "auth.getUser", map[string]string{"userId": user.UserID})
		wantRefused(t, what, o, 401, "token_invalid")
		if o.Error != nil && o.Error.Message != "user token is missing or invalid" {
			t.Errorf("%s: the SDK's sentence is %q, want the documented one", what, o.Error.Message)
		}
	}
}

// ends logs in by the single calls, and logs out: one session, and then all.
func ends(t *testing.T, h *checkedServer, v version, u *sdkUser, inv countersigntest.Invitation) {
	t.Helper()
	login := named(inv.OrgID, inv.Username)
	open := func(init, complete string, wrap func(any) map[string]any) *sdkUser {
		t.Helper()
		var challenge json.RawMessage
		var result api.LoginResult
		u.call(t, init, wrap(login)).into(t, &challenge)
		u.call(t, complete, wrap(sign(t, u, challenge))).into(t, &result)
		return u.with("authToken", result.Token)
	}
	plain := func(v any) map[string]any {
		if m, ok := v.(map[string]any); ok {
			return m
		}
		return map[string]any{"orgId": inv.OrgID, "username": inv.Username}
	}
	alive := func(what string, u *sdkUser, want bool) {
		t.Helper()
		o := u.call(t, "auth.getUser", map[string]string{"userId": inv.UserID})
		if want {
			o.into(t, nil)
		} else {
			wantRefused(t, what, o, 401, "token_invalid")
		}
	}
	logouts := func() int {
		return len(h.passed(func(e contract.Exchange) bool {
			return e.Request.Method == v.logout && e.Request.URL.Path == "/auth/logout" && e.Status == http.StatusOK
		}))
	}

	second := open("base.createUserLoginChallenge", "base.createUserLogin", plain)
	second.call(t, "base.userLogout").into(t, nil)
	alive("after the static logout", second, false)
	alive("the other session", u, true)
	if !v.generated {
		return
	}
	third := open("auth.createLoginChallenge", "auth.login", body)
	fourth := open("auth.createLoginChallenge", "auth.login", body)
	before := logouts()
	var message api.Message
	third.call(t, "auth.logout").into(t, &message)
	if message.Message == "" {
		t.Error("logout says nothing")
	}
	if logouts() != before+1 {
		t.Errorf("logout was not sent as %s", v.logout)
	}
	alive("after logout", third, false)
	alive("the other session", fourth, true)
	if v.loginCode {
		fourth.call(t, "auth.sendLoginCode", body(login)).into(t, &message)
		var same api.Message
		fourth.call(t, "auth.sendLoginCode", body(named(inv.OrgID, "nobody@example.org"))).into(t, &same)
		if message.Message == "" || same != message {
			t.Errorf("a user gets %q, nobody %q; want the same", message, same)
		}
	}
	if v.logout == "POST" { // before 0.6 its logout has no body
		fourth.delegated(t, "auth.logout").into(t, nil)
		alive("after the delegated logout", fourth, false)
		return
	}
	fourth.delegated(t, "auth.logout", body(map[string]any{"allSessions": true})).into(t, nil)
	alive("after the logout of all sessions", fourth, false)
	alive("another one after the logout of all sessions", u, false)
}
