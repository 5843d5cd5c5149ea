package attack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/testing/world"
)

// A new signing key takes over while flows are under way: nobody is logged out, no
// signature is lost, none is good twice for it, and nothing private is published.
func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		pending := map[string]api.SignedChallenge{}
		for _, f := range world.Flows[:3] {
			pending[f.Name] = world.Signed(t, ada, f.Begin(t, h, ada, session))
		}
		old, _, _ := world.Parts(t, session)
		must(t, h.Codes.Ring.Rotate(context.Background(), h.Clock.Now()))
		if header, _, _ := world.Parts(t, h.LogIn(t, ada)); header["kid"] != old["kid"] {
			t.Error("a key signs before it was published for a while")
		}
		h.Clock.Advance(keyring.Announced)
		action := h.Sign(t, ada, session, "POST", "/orders", world.Uses[1].Payload(1))
		header, _, _ := world.Parts(t, action)
		if header["kid"] == old["kid"] {
			t.Error("the new key does not sign")
		}
		world.Read[api.ConsumedAction](t, world.Uses[1].Put(t, h, session, action, world.Uses[1].Payload(1)))
		h.RefusedAs(t, "again", world.Uses[1].Put(t, h, session, action, world.Uses[1].Payload(1)), 400, "user_action_used")
		for _, f := range world.Flows[:3] {
			world.Read[api.LoginResult](t, f.Complete(t, h, session, pending[f.Name]))
			h.RefusedAs(t, f.Name+" again", f.Complete(t, h, session, pending[f.Name]), 401, "challenge_used")
		}

		a := h.Send(t, "GET", "/.well-known/jwks.json", nil, nil)
		var set struct{ Keys []map[string]any }
		must(t, json.Unmarshal([]byte(a.Body), &set))
		seen := map[any]bool{}
		for _, k := range set.Keys {
			seen[k["kid"]] = true
			want := with(k, map[string]any{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"})
			if world.JSON(t, want) != world.JSON(t, k) || len(k) != 6 || k["x"] == nil {
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
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		other := &world.Organisation{Server: countersigntest.Start(t), HTTPClient: h.HTTPClient}
		other.Org = other.Organisation(t, "Elsewhere")
		ada, eve := h.Employee(t), other.Employee(t)
		session, theirs := h.LogIn(t, ada), other.LogIn(t, eve)
		action := other.Sign(t, eve, theirs, "POST", "/orders", world.Uses[1].Payload(1))
		ticket := world.Signed(t, eve, other.InitLogin(t, eve.OrgID, eve.Username))
		before := h.Kept(t)
		h.RefusedAs(t, "session", h.Send(t, "GET", usersPath, world.Bearer(theirs), nil), 401, "token_invalid")
		h.RefusedAs(t, "ticket", h.Post(t, loginPath, ticket), 400, "challenge_invalid")
		for _, u := range world.Uses[1:] {
			h.RefusedAs(t, u.Name, u.Put(t, h, session, action, u.Payload(1)), 403, "user_action_invalid")
		}
		h.Unmoved(t, "another service", before)
	})
}

// What the hosted pages call is not for scripts of other sites, whoever they have the
// token of; all else is, and no answer lets a browser send what it would send by itself.
func TestOriginsOfSessions(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ada := h.Employee(t)
	session := h.LogIn(t, ada)
	_, claims, _ := world.Parts(t, session)
	for _, origin := range []string{"https://evil.example", "null", h.URL + ".evil.example", h.URL + "/", "http://LOCALHOST"} {
		for _, r := range []struct{ method, path string }{{"GET", "/countersign/account"}, {"GET", "/countersign/site"}, {"DELETE", "/countersign/sessions/" + claims["jti"].(string)}} {
			a := h.Send(t, r.method, r.path, world.WithHeader(world.Bearer(session), "Origin", origin), nil)
			h.RefusedAs(t, origin, a, 403, "origin_forbidden")
			if a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: readable by %s", r.path, origin)
			}
		}
		for _, e := range takers {
			a := h.Send(t, e.method, e.path, http.Header{"Origin": {origin}}, `{}`)
			if a.Header.Get("Access-Control-Allow-Credentials") != "" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", e.path, a.Header)
			}
		}
	}
	if a := h.Send(t, "GET", "/countersign/account", world.WithHeader(world.Bearer(session), "Origin", h.URL), nil); a.Status != http.StatusOK {
		t.Errorf("its own page: %d %s", a.Status, a.Body)
	}
}
