package assertion_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// A challenge is answered by the user to whom it was issued, with a credential of their own, in
// the same session and ceremony.
func TestChallengesOfOthers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada, bob := h.Employee(t), h.Employee(t)
		grace := h.RegisterKey(t, h.Invite(t, h.Org.ID, h.NewName()), publickey.Ed25519)
		_, eve := h.Elsewhere(t)
		adas, bobs, eves, again := h.LogIn(t, ada), h.LogIn(t, bob), h.LogIn(t, eve), h.LogIn(t, ada)
		before := h.Kept(t)

		for _, f := range world.Flows {
			if !f.Named {
				continue
			}
			for name, thief := range map[string]*countersigntest.Person{"colleague": bob, "colleague with a key": grace, "stranger": eve} {
				a := f.Complete(t, h, adas, world.Signed(t, thief, f.Begin(t, h, ada, adas)))
				h.RefusedAs(t, f.Name+" by a "+name, a, 401, "user_handle_mismatch", "signature_invalid")
				in := world.Signed(t, thief, f.Begin(t, h, ada, adas))
				in.FirstFactor.CredentialAssertion.UserHandle = ""
				h.RefusedAs(t, f.Name+" by a "+name+" without handle", f.Complete(t, h, adas, in), 401, "signature_invalid")
				in.FirstFactor.CredentialAssertion.CredID = ada.CredentialID() // their signature, her name
				h.RefusedAs(t, f.Name+" by a "+name+" as hers", f.Complete(t, h, adas, in), 401, "signature_invalid", "client_data_type")
				in.FirstFactor.CredentialAssertion.CredID = api.FirstCredentialID(ada.UserID)
				h.RefusedAs(t, f.Name+" by a "+name+" as hers by id", f.Complete(t, h, adas, in), 401, "signature_invalid", "client_data_type")
			}
		}

		// The answer must belong to the ticket, and the ticket to one session of one user.
		actionOf := func(token string) api.SigningChallenge { return h.InitAction(t, token, "POST", "/x", "") }
		sign := func(token string, in api.SignedChallenge) world.Answer {
			return h.Send(t, "POST", actionPath, world.Bearer(token), in)
		}
		hers, other, login := actionOf(adas), actionOf(adas), h.InitLogin(t, ada.OrgID, ada.Username)
		open := h.InitLogin(t, "", "")
		swap := func(ticket, answered api.SigningChallenge) api.SignedChallenge {
			return api.SignedChallenge{ChallengeIdentifier: ticket.ChallengeIdentifier, FirstFactor: ada.Assert(t, answered)}
		}
		h.RefusedAs(t, "answer to another action", sign(adas, swap(hers, other)), 400, "challenge_mismatch")
		h.RefusedAs(t, "answer to a login", sign(adas, swap(hers, login)), 400, "challenge_mismatch")
		h.RefusedAs(t, "answer to an open login", sign(adas, swap(hers, open)), 400, "challenge_mismatch")
		h.RefusedAs(t, "login by an answer to an action", h.Post(t, loginPath, swap(login, hers)), 400, "challenge_mismatch")
		h.RefusedAs(t, "open login by an answer to a named one", h.Post(t, loginPath, swap(open, login)), 400, "challenge_mismatch")
		h.RefusedAs(t, "an action's ticket at login", h.Post(t, loginPath, swap(hers, hers)), 400, "challenge_invalid")
		h.RefusedAs(t, "a login's ticket at action", sign(adas, swap(login, login)), 400, "challenge_invalid")
		for name, token := range map[string]string{"a colleague": bobs, "a stranger": eves, "another session of hers": again} {
			h.RefusedAs(t, "her challenge under "+name, sign(token, swap(hers, hers)), 400, "challenge_invalid")
		}
		h.RefusedAs(t, "a colleague's challenge under hers", sign(adas, swap(actionOf(bobs), hers)), 400, "challenge_invalid")

		// A ticket composed of two.
		a, b := strings.Split(hers.ChallengeIdentifier, "."), strings.Split(other.ChallengeIdentifier, ".")
		for _, spliced := range []string{a[0] + "." + a[1] + "." + b[2], a[0] + "." + b[1] + "." + a[2]} {
			in := swap(hers, hers)
			in.ChallengeIdentifier = spliced
			h.RefusedAs(t, "spliced", sign(adas, in), 400, "challenge_invalid")
		}

		// One signature does not answer two challenges, even for the same request.
		first := swap(hers, hers)
		second := first
		second.ChallengeIdentifier = other.ChallengeIdentifier
		h.RefusedAs(t, "one signature for two", sign(adas, second), 400, "challenge_mismatch")
		h.Unmoved(t, "challenges of others", before)

		world.Read[api.ActionResult](t, sign(adas, first))
		before = h.Kept(t)
		h.RefusedAs(t, "the same again", sign(adas, first), 401, "challenge_used")
		h.RefusedAs(t, "signed anew", sign(adas, swap(hers, hers)), 401, "challenge_used")
		h.Unmoved(t, "replays", before)
		in := swap(login, login)
		world.Read[api.LoginResult](t, h.Post(t, loginPath, in))
		before = h.Kept(t)
		h.RefusedAs(t, "the same login again", h.Post(t, loginPath, in), 401, "challenge_used")
		h.RefusedAs(t, "the login signed anew", h.Post(t, loginPath, swap(login, login)), 401, "challenge_used")
		h.Unmoved(t, "replays", before)
	})
}

// The same answer sent twice is a replay, not a copied passkey: a client that repeats it because
// the first answer was lost must not raise that alarm.
func TestReplaysByCountingPasskeys(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t, authenticator.Options{SignCount: 3})
		session := h.LogIn(t, ada)
		for _, f := range world.Flows {
			in := world.Signed(t, ada, f.Begin(t, h, ada, session))
			world.Read[any](t, f.Complete(t, h, session, in))
			h.RefusedAs(t, f.Name, f.Complete(t, h, session, in), 401, "challenge_used")
		}
		if n := len(h.EventsOf(t, ada.UserID, outOfLine)); n > 0 {
			t.Errorf("%d events tell of a counter out of line", n)
		}
	})
}
