package attack_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/login"
)

const encrypted = "an encrypted key that only its owner may see"

// protected is somebody whose key is kept here, encrypted.
type protected struct {
	*guest
	key *authenticator.KeySigner
}

func (h *house) protected(t *testing.T, g *guest) protected {
	t.Helper()
	p := protected{g, authenticator.NewKeySigner(authenticator.KeyTypes[0])}
	p.key.EncryptedPrivateKey = encrypted
	c := g.begin(t)
	if a := g.complete(t, c.TemporaryAuthenticationToken, first(p.key.Create(c.Challenge, api.KindPasswordProtectedKey))); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return p
}

func (p protected) code(t *testing.T) string {
	t.Helper()
	code, err := p.h.Login.IssueCode(context.Background(), p.OrgID, p.Username)
	must(t, err)
	return code.Code
}

func (p protected) init(t *testing.T, code string) answer {
	t.Helper()
	return p.h.post(t, loginInitPath, api.InitLoginRequest{OrgID: p.OrgID, Username: p.Username, LoginCode: code})
}

func (p protected) answer(t *testing.T, c api.SigningChallenge) api.SignedChallenge {
	t.Helper()
	as := countersigntest.Person{Invitation: p.Invitation, Key: p.key}
	in := signed(t, &as, c)
	in.FirstFactor.Kind = api.KindPasswordProtectedKey
	return in
}

// An encrypted key is shown for a live login code of its own user and for nothing else.
func TestLoginCodes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t)
		other, _ := h.elsewhere(t)
		ada, bob, eve, invited := h.protected(t, h.guest(t)), h.protected(t, h.guest(t)), h.protected(t, h.in(t, other)), h.guest(t)
		adas, bobs, eves := ada.code(t), bob.code(t), eve.code(t)
		for name, in := range map[string]api.InitLoginRequest{
			"nobody's":             {OrgID: ada.OrgID, Username: ada.Username, LoginCode: nobodysCode},
			"a colleague's":        {OrgID: ada.OrgID, Username: ada.Username, LoginCode: bobs},
			"a stranger's":         {OrgID: ada.OrgID, Username: ada.Username, LoginCode: eves},
			"of another place":     {OrgID: other.ID, Username: ada.Username, LoginCode: adas},
			"of nowhere":           {OrgID: nobodys("or"), Username: ada.Username, LoginCode: adas},
			"for a colleague":      {OrgID: ada.OrgID, Username: bob.Username, LoginCode: adas},
			"for somebody invited": {OrgID: ada.OrgID, Username: invited.Username, LoginCode: invited.RegistrationCode},
			"for registering":      {OrgID: ada.OrgID, Username: ada.Username, LoginCode: ada.RegistrationCode},
			"almost hers":          {OrgID: ada.OrgID, Username: ada.Username, LoginCode: adas[:len(adas)-1]},
			"injected":             {OrgID: ada.OrgID, Username: ada.Username, LoginCode: "' OR 1=1 --"},
			"separators alone":     {OrgID: ada.OrgID, Username: ada.Username, LoginCode: "----"},
		} {
			a := h.post(t, loginInitPath, in)
			h.refusedAs(t, name, a, 403, "login_code_invalid")
			h.refused(t, a, nil, in.LoginCode, in.Username)
			h.discreet(t, []string{a.envelope.Error.ID}, adas, bobs, eves)
		}
		h.refusedAs(t, "without a name", h.post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, LoginCode: adas}), 400, "member_missing")
		h.refusedAs(t, "as a registration code", h.post(t, initPath, api.InitRegistrationRequest{OrgID: invited.OrgID, Username: invited.Username, RegistrationCode: adas}), 401, "registration_refused")
		for _, who := range []api.InitLoginRequest{{OrgID: ada.OrgID, Username: ada.Username}, {OrgID: ada.OrgID}, {}} {
			if a := h.post(t, loginInitPath, who); a.status != 200 || strings.Contains(string(a.body), encrypted) || strings.Contains(string(a.body), "passwordProtectedKey\"") {
				t.Errorf("without a code: %d %s", a.status, a.body)
			}
		}

		// A newer code voids the older one, also for who began with it.
		begun := read[api.SigningChallenge](t, ada.init(t, adas))
		newer := ada.code(t)
		h.refusedAs(t, "replaced", ada.init(t, adas), 403, "login_code_invalid")
		before := h.kept(t)
		h.refusedAs(t, "begun with one replaced", h.post(t, loginPath, ada.answer(t, begun)), 403, "login_code_invalid")
		h.unmoved(t, "begun with one replaced", before)
		spelt := strings.ToLower(strings.ReplaceAll(newer, "-", " "))
		c := read[api.SigningChallenge](t, ada.init(t, spelt))
		if k := c.AllowCredentials.PasswordProtectedKey; len(k) != 1 || k[0].EncryptedPrivateKey != encrypted {
			t.Errorf("with a code: %+v", c.AllowCredentials)
		}

		// It is used once, whatever was begun with it, and at once by one.
		var calls []func() answer
		for range 8 {
			in := ada.answer(t, read[api.SigningChallenge](t, ada.init(t, newer)))
			calls = append(calls, func() answer { return h.post(t, loginPath, in) })
		}
		if won := h.race(t, calls, "login_code_invalid"); won != 1 {
			t.Errorf("%d logins by one code", won)
		}
		h.refusedAs(t, "used", ada.init(t, newer), 403, "login_code_invalid")

		// It dies with its time and with its user.
		last, bobLast := ada.code(t), bob.code(t)
		must(t, h.Users.SetActive(context.Background(), bob.OrgID, bob.UserID, false))
		h.refusedAs(t, "of somebody deactivated", bob.init(t, bobLast), 403, "login_code_invalid")
		read[api.SigningChallenge](t, ada.init(t, last))
		h.Clock.Advance(login.CodeLifetime - time.Second)
		late := read[api.SigningChallenge](t, ada.init(t, last))
		h.Clock.Advance(time.Second)
		h.refusedAs(t, "expired", ada.init(t, last), 403, "login_code_invalid")
		h.refusedAs(t, "expired since", h.post(t, loginPath, ada.answer(t, late)), 403, "login_code_invalid")
		h.discreet(t, nil, encrypted, adas, bobs, eves, newer, last, bobLast)
		for _, s := range []string{encrypted, adas, newer, last} {
			if strings.Contains(h.kept(t), s) {
				t.Errorf("an event holds %q", s)
			}
		}
	})
}

// Ten wrong codes close a name for codes, to the right one too and under every spelling;
// others, and passkeys of the same name, stay open. The operator opens it again, and so
// does time.
func TestGuessingLoginCodes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.member(t)
		ada, bob := h.protected(t, h.guest(t)), h.protected(t, h.guest(t))
		code, bobs := ada.code(t), bob.code(t)
		names := []string{ada.Username, strings.ToUpper(ada.Username), "nobody@example.org"}
		for i := range 10 {
			for _, name := range []string{names[i%2], names[2]} {
				a := h.post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name, LoginCode: nobodysCode})
				h.refusedAs(t, itoa(i), a, 403, "login_code_invalid")
			}
		}
		for _, name := range names {
			for _, try := range []string{nobodysCode, code} {
				a := h.post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name, LoginCode: try})
				h.refusedAs(t, name, a, 429, "too_many_tries")
				if s := a.header.Get("Retry-After"); s == "" || s == "0" {
					t.Errorf("Retry-After %q", s)
				}
			}
		}
		read[api.SigningChallenge](t, bob.init(t, bobs))
		read[api.SigningChallenge](t, ada.init(t, ""))
		read[api.SigningChallenge](t, ada.init(t, ada.code(t)))
		for range 10 {
			ada.init(t, nobodysCode)
		}
		h.refusedAs(t, "again", ada.init(t, nobodysCode), 429, "too_many_tries")
		h.Clock.Advance(15 * time.Minute)
		h.refusedAs(t, "later", ada.init(t, nobodysCode), 403, "login_code_invalid")
	})
}
