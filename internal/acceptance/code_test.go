package acceptance_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// Codes that can no longer be used say so to who holds them, at init, when the page
// opens them and, because the state at completion decides, to who began in time.
func TestCodesThatNoLongerWork(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		n := h.serve()
		for _, c := range []struct {
			name, code, message string
			status              int
			details             []string
			lifetime            string
			spoil               func(inv invitation)
		}{
			{"revoked", "registration_code_revoked", "Registration code revoked", 401, []string{"revokedAt", "replaced"}, "24h",
				func(inv invitation) { h.do("code", "revoke", "--org", org, inv.Username) }},
			{"replaced", "registration_code_revoked", "Registration code revoked", 401, []string{"revokedAt", "replaced"}, "24h",
				func(inv invitation) { h.invite(org, inv.Username) }},
			{"expired", "registration_code_expired", "Registration code expired", 400, []string{"expiredAt"}, "10s", // time enough to begin on a busy machine
				func(inv invitation) { time.Sleep(time.Until(inv.ExpiresAt) + 50*time.Millisecond) }},
			{"spent", "user_already_exists", "User already exists.", 401, []string{"registeredAt"}, "24h",
				func(inv invitation) { n.register(inv) }},
		} {
			inv := h.invite(org, c.name, "--expires-in", c.lifetime)
			begun := n.mustBegin(inv)
			c.spoil(inv)
			before := h.look().tally()

			_, err := n.init(inv)
			atInit := refusal(h, err)
			_, err = n.complete(begun)
			for where, e := range map[string]*client.Error{"init": atInit, "completion": refusal(h, err)} {
				if e.Status != c.status || e.Code != c.code || e.Message != c.message {
					h.Errorf("%s, at %s: %v", c.name, where, e)
				}
				for _, member := range c.details {
					if _, told := e.Details[member]; !told {
						h.Errorf("%s, at %s: details %v lack %s", c.name, where, e.Details, member)
					}
				}
			}
			if replaced := atInit.Details["replaced"]; c.code == "registration_code_revoked" && replaced != (c.name != "revoked") {
				h.Errorf("%s: details.replaced is %v", c.name, replaced)
			}
			status, body := n.open(inv)
			if opened := read[api.ErrorBody](h, body).Error; status != c.status || opened.Code != c.code {
				h.Errorf("%s, at open: %d %s", c.name, status, body)
			}
			if after := h.look().tally(); after != before {
				h.Errorf("%s: refused, and yet %+v became %+v", c.name, before, after)
			}
		}
		h.look().want(1)
	})
}

// resend asks for a new code.
func (n *node) resend(inv invitation) (status int, body string) {
	n.installation.Helper()
	return n.send(http.MethodPut, "/auth/registration/code", `{"orgId":"`+inv.OrgID+`","username":"`+inv.Username+`"}`)
}

// Whoever does not hold the right code learns nothing: an unknown user, a wrong code, a
// code of somebody else and one of another organisation are refused in the same words.
func TestForeignCodesTellNothing(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org, elsewhere := h.organisation(), h.organisation()
		ada, bob := h.invite(org, "ada"), h.invite(org, "bob")
		ada2, registered := h.invite(elsewhere, "ada"), h.invite(org, "registered")
		n := h.serve()
		n.register(registered)
		code := func(i invitation, c string) invitation { i.RegistrationCode = c; return i }
		var words string
		for name, inv := range map[string]invitation{
			"a wrong code":                 code(ada, "AAAA-AAAA-AAAA-AAAA-AAAA"),
			"no code at all":               code(ada, "-"),
			"another user's code":          code(ada, bob.RegistrationCode),
			"another organisation's code":  code(ada, ada2.RegistrationCode),
			"the code there":               code(ada2, ada.RegistrationCode),
			"an unknown user":              {OrgID: org, Username: "nobody", RegistrationCode: ada.RegistrationCode},
			"an unknown organisation":      {OrgID: "or-00000-00000-0000000000000000", Username: "ada", RegistrationCode: ada.RegistrationCode},
			"a registered user":            code(registered, bob.RegistrationCode),
			"a code and half of another":   code(ada, ada.RegistrationCode+bob.RegistrationCode[:9]),
			"a code without its last sign": code(ada, ada.RegistrationCode[:23]),
		} {
			_, err := n.init(inv)
			e := refusal(h, err)
			if e.Status != 401 || e.Code != "registration_refused" || len(e.Details) != 0 {
				h.Errorf("%s: %v, details %v", name, e, e.Details)
			}
			if words == "" {
				words = e.Message
			}
			if e.Message != words {
				h.Errorf("%s: %q, another was told %q", name, e.Message, words)
			}
		}
		for _, inv := range []invitation{code(ada, "guess"), {OrgID: org, Username: "nobody", RegistrationCode: "guess"}} {
			status, body := n.open(inv)
			if opened := read[api.ErrorBody](h, body); status != 401 || opened.Message != words {
				h.Errorf("open answered %d %s, init %q", status, body, words)
			}
		}
		n.register(ada)
		n.register(bob)
		n.register(ada2)
		h.look().want(4)
	})
}

// After ten wrong codes a name is closed to guesses for a while, whether there is such a user or
// not and whichever server is asked; an invitation opens it at once.
func TestWrongCodesAreLimited(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		org := h.organisation()
		ada, bobs := h.invite(org, "ada@example.org"), h.invite(org, "bob@example.org").RegistrationCode
		first := h.serve()
		nodes := []*node{first, first.another()}
		wrong := func(name string) (sequence []string) {
			for i := range 13 {
				_, err := nodes[i%2].init(invitation{OrgID: org, Username: name, RegistrationCode: "AAAA-AAAA-AAAA-AAAA-AAAA"})
				e := refusal(h, err)
				sequence = append(sequence, e.Code+": "+e.Message)
				if (e.Status == 429) != (i >= 10) {
					h.Errorf("wrong try %d for %s: %v", i+1, name, e)
				}
				if e.Status == 429 {
					limited(h, e)
				}
			}
			return sequence
		}
		known := wrong("ada@example.org")
		if unknown := wrong("nobody@example.org"); strings.Join(known, "|") != strings.Join(unknown, "|") {
			h.Errorf("answers tell who exists:\n%s\n%s", known, unknown)
		}

		// Guesses are refused on every server, and the owner of the right code is let in all the same.
		for _, n := range nodes {
			guess := ada
			guess.RegistrationCode = bobs
			_, err := n.init(guess)
			limited(h, refusal(h, err))
			_, err = n.init(ada)
			must(h, err)
			for code, status := range map[string]int{ada.RegistrationCode: 200, bobs: 429} {
				res, _ := n.exchange(http.MethodPost, "/countersign/registration/open",
					`{"orgId":"`+org+`","username":"ada@example.org","registrationCode":"`+code+`"}`)
				if res.StatusCode != status || (res.Header.Get("Retry-After") == "") == (status == 429) {
					h.Errorf("open answered %d, want %d, Retry-After %q", res.StatusCode, status, res.Header.Get("Retry-After"))
				}
			}
		}
		h.do("user", "show", "--org", org, "ada@example.org") // the user is still there
		again := h.invite(org, "ADA@example.org")
		_, err := first.init(invitation{OrgID: org, Username: "ada@example.org", RegistrationCode: bobs})
		if e := refusal(h, err); e.Code != "registration_refused" {
			h.Errorf("a new invitation does not open the name: %v", e)
		}
		if again.UserID != ada.UserID {
			h.Errorf("invited again, ada is %s and was %s", again.UserID, ada.UserID)
		}
		first.register(again)
		h.look().want(1)
	})
}

// limited fails the test unless e says when to come back.
func limited(h *installation, e *client.Error) {
	h.Helper()
	seconds, _ := e.Details["retryAfterSeconds"].(float64)
	if e.Status != 429 || e.Code != "too_many_tries" || e.RetryAfter <= 0 || e.RetryAfter > 15*time.Minute ||
		time.Duration(seconds)*time.Second != e.RetryAfter {
		h.Errorf("%v, Retry-After %s, details %v", e, e.RetryAfter, e.Details)
	}
}

// A registration that was begun in time is completed although somebody has since closed
// the name with wrong codes: a stranger must not be able to lock people out half way.
func TestWrongCodesDoNotDisturbWhoHasBegun(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		ada := h.invite(h.organisation(), "ada")
		n := h.serve()
		begun := n.mustBegin(ada)
		for range 11 {
			n.init(invitation{OrgID: ada.OrgID, Username: "ada", RegistrationCode: "guess"})
		}
		_, err := n.init(invitation{OrgID: ada.OrgID, Username: "ada", RegistrationCode: "guess"})
		limited(h, refusal(h, err))
		_, err = n.complete(begun)
		must(h, err)
		h.look().want(1)
	})
}
