package registration_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
)

const endUserPath = "/auth/registration/enduser"

// Without wallets it is a registration that answers with a session; with wallets it is refused by
// name, and the code is as good as before.
func TestRegisterEndUser(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		send := func(token string, body any) world.Answer {
			t.Helper()
			return h.Send(t, http.MethodPost, endUserPath, world.Bearer(token), body)
		}
		g := h.Invitee(t)
		c := g.Begin(t)
		passkey := g.Passkey(t, c, authenticator.Options{})
		before := h.Kept(t)
		for wallets, code := range map[string]string{
			`[{"network":"EthereumSepolia"}]`:                               "wallets_not_offered",
			`[{"network":"Bitcoin","name":"a"},{"network":"EthereumMain"}]`: "wallets_not_offered",
			`[{}]`:           "wallets_not_offered",
			`[null]`:         "wallets_not_offered",
			`["Bitcoin"]`:    "wallets_not_offered",
			`{"network":""}`: "invalid_member",
			`"Bitcoin"`:      "invalid_member",
			`true`:           "invalid_member",
		} {
			a := send(c.TemporaryAuthenticationToken, `{"firstFactorCredential":`+world.JSON(t, passkey)+`,"wallets":`+wallets+`}`)
			h.RefusedAs(t, wallets, a, 400, code)
			if !strings.Contains(a.Message, "/wallets") {
				t.Errorf("%s: the member is not named: %s", wallets, a.Message)
			}
		}
		h.RefusedAs(t, "misspelt", send(c.TemporaryAuthenticationToken, `{"Wallets":[{}]}`), 400, "invalid_member")
		h.RefusedAs(t, "without a credential", send(c.TemporaryAuthenticationToken, `{}`), 400, "member_missing")
		h.RefusedAs(t, "without a ticket", h.Post(t, endUserPath, world.First(passkey)), 401, "token_invalid")
		h.Unmoved(t, "refused", before)
		g.Untouched(t)

		a := send(c.TemporaryAuthenticationToken, api.EndUserRegistrationRequest{RegistrationRequest: world.First(passkey)})
		done := world.Read[api.EndUserRegistrationResult](t, a)
		if done.User.ID != g.UserID || done.User.Username != g.Username || done.Credential.Kind != api.KindFido2 || !strings.Contains(a.Body, `"wallets":[]`) {
			t.Errorf("registered: %s", a.Body)
		}
		token := done.Authentication.Token
		if who := world.Read[api.CallerInfo](t, h.Send(t, "GET", "/countersign/caller", world.Bearer(token), nil)); who.UserID != g.UserID {
			t.Errorf("the session is of %+v", who)
		}

		// The token is given out once, whatever way it is asked for again.
		again := func(what, path string, status int) {
			t.Helper()
			a := h.Send(t, http.MethodPost, path, world.Bearer(c.TemporaryAuthenticationToken), world.First(passkey))
			if a.Status != status || strings.Contains(a.Body, "authentication\"") {
				t.Errorf("%s: %v", what, a)
			}
		}
		again("sent again", endUserPath, 401)
		again("repeated as a registration", "/auth/registration", 200)
		if kept := h.Kept(t); strings.Contains(kept, token) || strings.Count(kept, "user.logged_in") != 1 {
			t.Errorf("kept: %s", kept)
		}

		// Who registered without a session gets none afterwards.
		other := h.Invitee(t)
		oc := other.Begin(t)
		opk := other.Passkey(t, oc, authenticator.Options{})
		world.Read[api.RegistrationResult](t, other.Complete(t, oc.TemporaryAuthenticationToken, world.First(opk)))
		h.RefusedAs(t, "after a registration", send(oc.TemporaryAuthenticationToken, world.First(opk)), 401, "user_already_exists")

		// The session ends as any does.
		h.Clock.Advance(9 * time.Hour)
		h.RefusedAs(t, "after its time", h.Send(t, "GET", "/countersign/caller", world.Bearer(token), nil), 401, "token_invalid")
	})
}

// Of many completions at once, with and without a session, one registers.
func TestRegisterEndUserRace(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		g := h.Invitee(t)
		var calls []func() world.Answer
		for range 8 {
			c := g.Begin(t)
			body := world.First(g.Passkey(t, c, authenticator.Options{}))
			calls = append(calls, func() world.Answer {
				return h.Send(t, http.MethodPost, endUserPath, world.Bearer(c.TemporaryAuthenticationToken), body)
			})
		}
		if won := h.Race(t, calls, "user_already_exists", "registration_lost"); won != 1 {
			t.Errorf("%d registrations with one code", won)
		}
		if kept := g.Credentials(t); len(kept) != 1 {
			t.Errorf("%d credentials", len(kept))
		}
	})
}
