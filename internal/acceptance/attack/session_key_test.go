package attack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/keyring"
)

// A new signing key takes over while flows are under way: nobody is logged out, no
// signature is lost, none is good twice for it, and nothing private is published.
func TestRotatedKeys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.member(t)
		session := h.logIn(t, ada)
		pending := map[string]api.SignedChallenge{}
		for _, f := range flows[:3] {
			pending[f.name] = signed(t, ada, f.begin(t, h, ada, session))
		}
		old, _, _ := parts(t, session)
		must(t, h.Codes.Ring.Rotate(context.Background(), h.Clock.Now()))
		if header, _, _ := parts(t, h.logIn(t, ada)); header["kid"] != old["kid"] {
			t.Error("a key signs before it was published for a while")
		}
		h.Clock.Advance(keyring.Announced)
		action := h.act(t, ada, session, "POST", "/orders", uses[1].payload(1))
		header, _, _ := parts(t, action)
		if header["kid"] == old["kid"] {
			t.Error("the new key does not sign")
		}
		read[api.ConsumedAction](t, uses[1].put(t, h, session, action, uses[1].payload(1)))
		h.refusedAs(t, "again", uses[1].put(t, h, session, action, uses[1].payload(1)), 400, "user_action_used")
		for _, f := range flows[:3] {
			read[api.LoginResult](t, f.complete(t, h, session, pending[f.name]))
			h.refusedAs(t, f.name+" again", f.complete(t, h, session, pending[f.name]), 401, "challenge_used")
		}

		a := h.send(t, "GET", "/.well-known/jwks.json", nil, nil)
		var set struct{ Keys []map[string]any }
		must(t, json.Unmarshal(a.body, &set))
		seen := map[any]bool{}
		for _, k := range set.Keys {
			seen[k["kid"]] = true
			want := with(k, map[string]any{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"})
			if quote(t, want) != quote(t, k) || len(k) != 6 || k["x"] == nil {
				t.Errorf("%v is published", k)
			}
		}
		if len(set.Keys) != 2 || !seen[old["kid"]] || !seen[header["kid"]] {
			t.Errorf("%d keys are published", len(set.Keys))
		}
	})
}

// A token of one service is none of another, even if both had the same keys.
func TestSessionsOfAnotherService(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other := &house{Server: countersigntest.Start(t), http: h.http}
		other.org = other.Organisation(t, "Elsewhere")
		ada, eve := h.member(t), other.member(t)
		session, theirs := h.logIn(t, ada), other.logIn(t, eve)
		action := other.act(t, eve, theirs, "POST", "/orders", uses[1].payload(1))
		ticket := signed(t, eve, other.initLogin(t, eve.OrgID, eve.Username))
		before := h.kept(t)
		h.refusedAs(t, "session", h.send(t, "GET", usersPath, bearer(theirs), nil), 401, "token_invalid")
		h.refusedAs(t, "ticket", h.post(t, loginPath, ticket), 400, "challenge_invalid")
		for _, u := range uses[1:] {
			h.refusedAs(t, u.name, u.put(t, h, session, action, u.payload(1)), 403, "user_action_invalid")
		}
		h.unmoved(t, "another service", before)
	})
}

// What the hosted pages call is not for scripts of other sites, whoever they have the
// token of; all else is, and no answer lets a browser send what it would send by itself.
func TestOriginsOfSessions(t *testing.T) {
	t.Parallel()
	h := open(t)
	ada := h.member(t)
	session := h.logIn(t, ada)
	_, claims, _ := parts(t, session)
	for _, origin := range []string{"https://evil.example", "null", h.URL + ".evil.example", h.URL + "/", "http://LOCALHOST"} {
		for _, r := range []struct{ method, path string }{{"GET", "/countersign/account"}, {"GET", "/countersign/site"}, {"DELETE", "/countersign/sessions/" + claims["jti"].(string)}} {
			a := h.send(t, r.method, r.path, with2(bearer(session), "Origin", origin), nil)
			h.refusedAs(t, origin, a, 403, "origin_forbidden")
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: readable by %s", r.path, origin)
			}
		}
		for _, e := range takers {
			a := h.send(t, e.method, e.path, http.Header{"Origin": {origin}}, `{}`)
			if a.header.Get("Access-Control-Allow-Credentials") != "" || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", e.path, a.header)
			}
		}
	}
	if a := h.send(t, "GET", "/countersign/account", with2(bearer(session), "Origin", h.URL), nil); a.status != http.StatusOK {
		t.Errorf("its own page: %d %s", a.status, a.body)
	}
}
