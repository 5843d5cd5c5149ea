package login_test

import (
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/world"
)

// Who has a password is mailed a login code, with which it works whatever strangers have tried. While
// passwords are not accepted, a code would help nobody, and none is sent.
func TestLoginCodeForAPassword(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		h.Employee(t)
		h.SetPolicies(t, organisation.Policies{Passwords: "on"})
		g := h.Invitee(t)
		const password = "correct horse battery staple"
		c := g.Begin(t)
		g.Complete(t, c.TemporaryAuthenticationToken, world.First(api.CredentialAttestation{CredentialKind: api.KindPassword,
			CredentialInfo: api.CredentialAttestationInfo{Password: password}})).Wants(t, "register", 200, "")
		ask := func() (code string) {
			t.Helper()
			srv.Outbox.Finish()
			before := len(srv.Mailbox.Messages())
			h.Post(t, loginCodePath, api.SendLoginCodeRequest{OrgID: g.OrgID, Username: g.Username}).Wants(t, "ask", 200, "")
			srv.Outbox.Finish()
			for _, m := range srv.Mailbox.Messages()[before:] {
				code = codePattern.FindString(string(m.Data))
			}
			return code
		}
		answer := func(code, text string) world.Answer {
			t.Helper()
			c := world.Read[api.SigningChallenge](t, h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: g.OrgID, Username: g.Username, LoginCode: code}))
			return h.Post(t, loginPath, api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: &api.CredentialAssertion{Kind: api.KindPassword, Password: text}})
		}
		for range 10 {
			h.RefusedAs(t, "a stranger", answer("", "wrong horse battery"), 401, "password_wrong")
		}
		h.RefusedAs(t, "closed", answer("", password), 429, "too_many_tries")
		code := ask()
		if code == "" {
			t.Fatal("no code was mailed")
		}
		answer(code, password).Wants(t, "with a code", 200, "")
		h.RefusedAs(t, "the code again", h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: g.OrgID, Username: g.Username, LoginCode: code}), 403, "login_code_invalid")
		h.SetPolicies(t, organisation.Policies{Passwords: "off"})
		if code := ask(); code != "" {
			t.Error("a code was mailed for a password that is not accepted")
		}
	}, countersigntest.Mail())
}
