package login_test

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/login"
	"github.com/countersign/countersign/internal/testing/world"
)

var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`)

const encrypted = "an encrypted key that only its owner may see"

// protected is a user whose key is stored here, encrypted.
type protected struct {
	*world.Invitee
	key *authenticator.KeySigner
}

func protect(t *testing.T, h *world.Organisation, g *world.Invitee) protected {
	t.Helper()
	p := protected{g, authenticator.NewKeySigner(authenticator.KeyTypes[0])}
	p.key.EncryptedPrivateKey = encrypted
	c := g.Begin(t)
	if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(p.key.Create(c.Challenge, api.KindPasswordProtectedKey))); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return p
}

func (p protected) code(t *testing.T) string {
	t.Helper()
	code, err := p.Organisation.Login.IssueCode(context.Background(), p.OrgID, p.Username)
	must(t, err)
	return code.Code
}

func (p protected) init(t *testing.T, code string) world.Answer {
	t.Helper()
	return p.Organisation.Post(t, loginInitPath, api.InitLoginRequest{OrgID: p.OrgID, Username: p.Username, LoginCode: code})
}

func (p protected) answer(t *testing.T, c api.SigningChallenge) api.SignedChallenge {
	t.Helper()
	as := countersigntest.Person{Invitation: p.Invitation, Key: p.key}
	in := world.Signed(t, &as, c)
	in.FirstFactor.Kind = api.KindPasswordProtectedKey
	return in
}

// An encrypted key is shown only for a live login code of its own user.
func TestLoginCodes(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		other, _ := h.Elsewhere(t)
		ada, bob, eve, invited := protect(t, h, h.Invitee(t)), protect(t, h, h.Invitee(t)), protect(t, h, h.InviteeOf(t, other)), h.Invitee(t)
		adas, bobs, eves := ada.code(t), bob.code(t), eve.code(t)
		for name, in := range map[string]api.InitLoginRequest{
			"nobody's":             {OrgID: ada.OrgID, Username: ada.Username, LoginCode: nobodysCode},
			"a colleague's":        {OrgID: ada.OrgID, Username: ada.Username, LoginCode: bobs},
			"a stranger's":         {OrgID: ada.OrgID, Username: ada.Username, LoginCode: eves},
			"of another place":     {OrgID: other.ID, Username: ada.Username, LoginCode: adas},
			"of nowhere":           {OrgID: world.NobodysID("or"), Username: ada.Username, LoginCode: adas},
			"for a colleague":      {OrgID: ada.OrgID, Username: bob.Username, LoginCode: adas},
			"for somebody invited": {OrgID: ada.OrgID, Username: invited.Username, LoginCode: invited.RegistrationCode},
			"for registering":      {OrgID: ada.OrgID, Username: ada.Username, LoginCode: ada.RegistrationCode},
			"almost hers":          {OrgID: ada.OrgID, Username: ada.Username, LoginCode: adas[:len(adas)-1]},
			"injected":             {OrgID: ada.OrgID, Username: ada.Username, LoginCode: "' OR 1=1 --"},
			"separators alone":     {OrgID: ada.OrgID, Username: ada.Username, LoginCode: "----"},
		} {
			a := h.Post(t, loginInitPath, in)
			h.RefusedAs(t, name, a, 403, "login_code_invalid")
			h.Refused(t, a, nil, in.LoginCode, in.Username)
			h.KeepsSecret(t, []string{a.SupportID}, adas, bobs, eves)
		}
		h.RefusedAs(t, "without a name", h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, LoginCode: adas}), 400, "member_missing")
		h.RefusedAs(t, "as a registration code", h.Post(t, initPath, api.InitRegistrationRequest{OrgID: invited.OrgID, Username: invited.Username, RegistrationCode: adas}), 401, "registration_refused")
		for _, who := range []api.InitLoginRequest{{OrgID: ada.OrgID, Username: ada.Username}, {OrgID: ada.OrgID}, {}} {
			if a := h.Post(t, loginInitPath, who); a.Status != 200 || strings.Contains(a.Body, encrypted) || strings.Contains(a.Body, "passwordProtectedKey\"") {
				t.Errorf("without a code: %d %s", a.Status, a.Body)
			}
		}

		// A newer code voids the older one, even for a login that began with it.
		begun := world.Read[api.SigningChallenge](t, ada.init(t, adas))
		newer := ada.code(t)
		h.RefusedAs(t, "replaced", ada.init(t, adas), 403, "login_code_invalid")
		before := h.Kept(t)
		h.RefusedAs(t, "begun with one replaced", h.Post(t, loginPath, ada.answer(t, begun)), 403, "login_code_invalid")
		h.Unmoved(t, "begun with one replaced", before)
		spelt := strings.ToLower(strings.ReplaceAll(newer, "-", " "))
		c := world.Read[api.SigningChallenge](t, ada.init(t, spelt))
		if k := c.AllowCredentials.PasswordProtectedKey; len(k) != 1 || k[0].EncryptedPrivateKey != encrypted {
			t.Errorf("with a code: %+v", c.AllowCredentials)
		}

		// It is used once, whatever was begun with it, and by one of many at the same moment.
		var calls []func() world.Answer
		for range 8 {
			in := ada.answer(t, world.Read[api.SigningChallenge](t, ada.init(t, newer)))
			calls = append(calls, func() world.Answer { return h.Post(t, loginPath, in) })
		}
		if won := h.Race(t, calls, "login_code_invalid"); won != 1 {
			t.Errorf("%d logins by one code", won)
		}
		h.RefusedAs(t, "used", ada.init(t, newer), 403, "login_code_invalid")

		// It ends with its lifetime and with its user.
		last, bobLast := ada.code(t), bob.code(t)
		must(t, h.Users.SetActive(context.Background(), bob.OrgID, bob.UserID, false))
		h.RefusedAs(t, "of somebody deactivated", bob.init(t, bobLast), 403, "login_code_invalid")
		world.Read[api.SigningChallenge](t, ada.init(t, last))
		h.Clock.Advance(login.CodeLifetime - time.Second)
		late := world.Read[api.SigningChallenge](t, ada.init(t, last))
		h.Clock.Advance(time.Second)
		h.RefusedAs(t, "expired", ada.init(t, last), 403, "login_code_invalid")
		h.RefusedAs(t, "expired since", h.Post(t, loginPath, ada.answer(t, late)), 403, "login_code_invalid")
		h.KeepsSecret(t, nil, encrypted, adas, bobs, eves, newer, last, bobLast)
		for _, s := range []string{encrypted, adas, newer, last} {
			if strings.Contains(h.Kept(t), s) {
				t.Errorf("an event holds %q", s)
			}
		}
	})
}

// After ten wrong codes, a name is closed to guesses, in every spelling. The right code is let in all
// the same, or anybody could lock its owner out; and so are other names, and passkeys of the same name.
// The operator opens it again, and so does time.
func TestGuessingLoginCodes(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, bob := protect(t, h, h.Invitee(t)), protect(t, h, h.Invitee(t))
		code, bobs := ada.code(t), bob.code(t)
		names := []string{ada.Username, strings.ToUpper(ada.Username), "nobody@example.org"}
		for i := range 10 {
			for _, name := range []string{names[i%2], names[2]} {
				a := h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name, LoginCode: nobodysCode})
				h.RefusedAs(t, strconv.Itoa(i), a, 403, "login_code_invalid")
			}
		}
		for _, name := range names {
			for _, try := range []string{nobodysCode, bobs} {
				a := h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name, LoginCode: try})
				h.RefusedAs(t, name, a, 429, "too_many_tries")
				if s := a.Header.Get("Retry-After"); s == "" || s == "0" {
					t.Errorf("Retry-After %q", s)
				}
			}
		}
		for _, name := range names[:2] {
			c := world.Read[api.SigningChallenge](t, h.Post(t, loginInitPath, api.InitLoginRequest{OrgID: ada.OrgID, Username: name, LoginCode: code}))
			if k := c.AllowCredentials.PasswordProtectedKey; len(k) != 1 || k[0].EncryptedPrivateKey != encrypted {
				t.Errorf("with the right code for %s: %+v", name, c.AllowCredentials)
			}
		}
		world.Read[api.SigningChallenge](t, bob.init(t, bobs))
		world.Read[api.SigningChallenge](t, ada.init(t, ""))
		world.Read[api.SigningChallenge](t, ada.init(t, ada.code(t)))
		for range 10 {
			ada.init(t, nobodysCode)
		}
		h.RefusedAs(t, "again", ada.init(t, nobodysCode), 429, "too_many_tries")
		h.Clock.Advance(15 * time.Minute)
		h.RefusedAs(t, "later", ada.init(t, nobodysCode), 403, "login_code_invalid")
	})
}

// Whoever knows a name can have a login code mailed to its owner. That voids no code that the owner has,
// nor a login that began with it; of all of them one is used.
func TestAskingForALoginCodeVoidsNone(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		h := world.On(t, srv, srv.Organisation(t, "Engines"))
		h.Employee(t)
		ada := protect(t, h, h.Invitee(t))
		codes := []string{ada.code(t)}
		begun := world.Read[api.SigningChallenge](t, ada.init(t, codes[0]))
		for range 3 {
			h.Send(t, "POST", loginCodePath, nil, map[string]string{"orgId": h.Org.ID, "username": ada.Username}).Wants(t, "asked", 200, "")
			srv.Outbox.Finish()
			m := srv.Mailbox.Messages()
			codes = append(codes, codePattern.FindString(string(m[len(m)-1].Data)))
		}
		var calls []func() world.Answer
		for i, code := range codes {
			in := ada.answer(t, world.Read[api.SigningChallenge](t, ada.init(t, code)))
			if i == 0 {
				in = ada.answer(t, begun)
			}
			calls = append(calls, func() world.Answer { return h.Post(t, loginPath, in) })
		}
		if won := h.Race(t, calls, "login_code_invalid"); won != 1 {
			t.Errorf("%d logins by four codes of one user", won)
		}
		for _, code := range codes {
			h.RefusedAs(t, "after one was used", ada.init(t, code), 403, "login_code_invalid")
		}
	}, countersigntest.Mail())
}

// A key that is kept here, encrypted, may answer as Key, as the browser signer of the SDK does.
// What is particular to its kind stays: the login code, and what is recorded.
func TestProtectedKeyAnswersAsKey(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, bob := protect(t, h, h.Invitee(t)), protect(t, h, h.Invitee(t))
		as := func(kind string, c api.SigningChallenge) api.SignedChallenge {
			in := ada.answer(t, c)
			in.FirstFactor.Kind = kind
			return in
		}
		code := ada.code(t)
		token := ""
		for _, kind := range []string{api.KindKey, api.KindPasswordProtectedKey} {
			token = world.Read[api.LoginResult](t, h.Post(t, loginPath, as(kind, world.Read[api.SigningChallenge](t, ada.init(t, ""))))).Token
			c := h.InitAction(t, token, "POST", "/x", `{}`)
			world.Read[api.ActionResult](t, h.Send(t, "POST", "/auth/action", world.Bearer(token), as(kind, c)))
		}

		// The code of a login is spent under either name.
		first := world.Read[api.SigningChallenge](t, ada.init(t, code))
		second := world.Read[api.SigningChallenge](t, ada.init(t, code))
		world.Read[api.LoginResult](t, h.Post(t, loginPath, as(api.KindKey, first)))
		h.RefusedAs(t, "with a code that is spent", h.Post(t, loginPath, as(api.KindKey, second)), 403, "login_code_invalid")
		h.RefusedAs(t, "a spent code", ada.init(t, code), 403, "login_code_invalid")
		if kept := h.Kept(t); !strings.Contains(kept, `"kind":"PasswordProtectedKey"`) || strings.Contains(kept, `"kind":"Key"`) {
			t.Errorf("the events do not name the kind of the credential: %s", kept)
		}

		// Nothing else may take another kind's name, and nobody another's key.
		begin := func() api.SigningChallenge { return world.Read[api.SigningChallenge](t, ada.init(t, "")) }
		h.RefusedAs(t, "as a passkey", h.Post(t, loginPath, as(api.KindFido2, begin())), 400, "member_missing")
		h.RefusedAs(t, "as a recovery key", h.Post(t, loginPath, as(api.KindRecoveryKey, begin())), 400, "credential_kind_not_supported")
		h.RefusedAs(t, "in small letters", h.Post(t, loginPath, as("key", begin())), 400, "credential_kind_not_supported")
		stolen := bob.answer(t, begin())
		stolen.FirstFactor.Kind = api.KindKey
		h.RefusedAs(t, "another's", h.Post(t, loginPath, stolen), 401, "signature_invalid")
		bobs := bob.answer(t, h.InitAction(t, token, "POST", "/x", `{}`))
		bobs.FirstFactor.Kind = api.KindKey
		h.RefusedAs(t, "another's, at an action", h.Send(t, "POST", "/auth/action", world.Bearer(token), bobs), 401, "signature_invalid")
		plain := h.RegisterKey(t, h.Invite(t, h.Org.ID, h.NewName()), authenticator.KeyTypes[0])
		in := world.Signed(t, plain, h.InitLogin(t, plain.OrgID, plain.Username))
		in.FirstFactor.Kind = api.KindPasswordProtectedKey
		h.RefusedAs(t, "a bare key as a protected one", h.Post(t, loginPath, in), 401, "signature_invalid")
	})
}
