package sdk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
)

// A signed action lives for minutes and a session for hours; the SDK throws its own error
// for what is too late.
func TestLatenessReachesTheCallerOfTheSDK(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	inv := h.Invite(t, org.ID, "machine@example.org")
	ada := newUser(startNode(t, "v0.8"), "ada", h.proxy)
	ada.makeSigner(t, "key", map[string]any{"type": "P-256"})
	ada.register(t, inv)
	ada = ada.logIn(t, named(org.ID, inv.Username)).with("orgId", org.ID)

	request := map[string]string{"email": "bob@example.org", "kind": api.CustomerEmployee}
	var challenge json.RawMessage
	var result api.ActionResult
	ada.call(t, "base.createUserActionChallenge", map[string]string{"userActionHttpMethod": "POST",
		"userActionHttpPath": "/auth/users", "userActionPayload": `{"email":"bob@example.org","kind":"CustomerEmployee"}`}).into(t, &challenge)
	ada.call(t, "base.signUserActionChallenge", sign(t, ada, challenge)).into(t, &result)
	h.Clock.Advance(6 * time.Minute)
	late := ada.call(t, "fetch.simpleFetch", "/auth/users", map[string]any{"method": "POST", "body": request,
		"headers": map[string]string{"x-dfns-useraction": result.UserAction}})
	wantRefused(t, "an action of six minutes ago", late, 403, "user_action_invalid")

	ada.delegated(t, "auth.createUserInit", body(request)).into(t, &challenge)
	signed := sign(t, ada, challenge)
	h.Clock.Advance(16 * time.Minute)
	wantRefused(t, "a challenge of sixteen minutes ago",
		ada.delegated(t, "auth.createUserComplete", body(request), signed), 400, "ceremony_expired")
	h.noUser(t, ada, "bob@example.org")

	h.Clock.Advance(8 * time.Hour)
	wantRefused(t, "a session of eight hours ago", ada.call(t, "auth.listUsers"), 401, "token_invalid")
	ada.logIn(t, named(org.ID, inv.Username))
}

// Who is deactivated is told so once they have signed, in the documented words, and gets
// nowhere with what they had before.
func TestDeactivationReachesTheCallerOfTheSDK(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	inv := h.Invite(t, org.ID, "machine@example.org")
	p := startNode(t, "v0.8")
	ada := newUser(p, "ada", h.proxy)
	ada.makeSigner(t, "key", map[string]any{"type": "Ed25519"})
	ada.register(t, inv)
	ada = ada.logIn(t, named(org.ID, inv.Username))

	var challenge json.RawMessage
	ada.call(t, "base.createUserLoginChallenge", named(org.ID, inv.Username)).into(t, &challenge)
	signed := sign(t, ada, challenge)
	if err := h.Users.SetActive(t.Context(), org.ID, inv.Username, false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		status int
		o      outcome
	}{
		{"a login", 400, ada.call(t, "authenticator.login", named(org.ID, inv.Username))},
		{"completing a login", 400, ada.call(t, "base.createUserLogin", signed)},
		{"an open session", 401, ada.call(t, "auth.listUsers")},
		{"signing", 400, ada.call(t, "auth.createUser", body(map[string]string{"email": "bob@example.org", "kind": api.CustomerEmployee}))},
	} {
		if e := c.o.Error; e == nil || e.Message != "User account has been deactivated." || e.HTTPStatus != c.status || c.o.reason() != "user_inactive" {
			t.Errorf("%s: %+v", c.what, e)
		}
	}
	if err := h.Users.SetActive(t.Context(), org.ID, inv.Username, true); err != nil {
		t.Fatal(err)
	}
	ada.logIn(t, named(org.ID, inv.Username))
}
