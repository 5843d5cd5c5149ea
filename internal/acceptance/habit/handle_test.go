package habit_test

import (
	"encoding/json"
	"testing"

	"github.com/countersign/countersign/api"
)

// WebAuthn L3 §7.2 step 6: who was not named before must be named by the user handle; and
// what the handle says tells nobody, before the signature has verified, which credential
// ids of login/init are real and which are decoys.
func TestUserHandleWithoutAName(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.Register(t, h.Invite(t, h.org.ID, "ada@example.org"))
	open := func(o object) (c api.SigningChallenge) {
		t.Helper()
		h.as(t, "", "/auth/login/init", []byte(compact.text(o))).into(t, &c)
		return c
	}
	complete := func(c api.SigningChallenge, change func(*api.AssertionData)) answer {
		t.Helper()
		made := p.Assert(t, c)
		change(&made.CredentialAssertion)
		body, err := json.Marshal(api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: made})
		if err != nil {
			t.Fatal(err)
		}
		return h.as(t, "", "/auth/login", body)
	}
	for _, org := range []object{{{"orgId", h.org.ID}}, {}} {
		a := complete(open(org), func(d *api.AssertionData) { d.UserHandle = "" })
		var body api.ErrorBody
		if err := json.Unmarshal(a.body, &body); err != nil || a.status != 401 || body.Error.Code != "user_handle_missing" {
			t.Errorf("without a user handle: %d %s", a.status, a.body)
		}
		for _, handle := range []string{"us-00000-00000-0000000000000000", p.UserID} {
			codes := map[string]bool{}
			for _, name := range []string{"ada@example.org", "nobody@example.org"} {
				listed := open(object{{"orgId", h.org.ID}, {"username", name}}).AllowCredentials.WebAuthn[0].ID
				a := complete(open(org), func(d *api.AssertionData) {
					d.CredID, d.UserHandle, d.Signature = listed, base64url([]byte(handle)), "MAYCAQECAQE"
				})
				var body api.ErrorBody
				if err := json.Unmarshal(a.body, &body); err != nil {
					t.Fatal(err)
				}
				codes[body.Error.Code] = true
			}
			if len(codes) != 1 {
				t.Errorf("a real credential and a decoy are told apart: %v", codes)
			}
		}
	}
}
