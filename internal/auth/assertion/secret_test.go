package assertion_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
	"github.com/countersign/countersign/internal/verify/totp"
	"github.com/countersign/countersign/receipt"
)

const (
	credentialsPath = "/auth/credentials"
	password        = "correct horse battery staple"
)

// phone is an app with the secret of an otpauth:// address.
type phone struct{ secret []byte }

func scan(t testing.TB, address string) phone {
	t.Helper()
	u, err := url.Parse(address)
	world.Must(t, err)
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	if err != nil || len(secret) != 20 || u.Scheme != "otpauth" {
		t.Fatalf("%q: %v", address, err)
	}
	return phone{secret}
}

// code is the code that is so many steps away from the present one.
func (p phone) code(h *world.Organisation, by int64) string {
	return totp.Code(p.secret, totp.Step(h.Clock.Now())+by)
}

func (p phone) answer(h *world.Organisation, by int64) *api.CredentialAssertion {
	return &api.CredentialAssertion{Kind: api.KindTotp, OtpCode: p.code(h, by)}
}

func (p phone) credential(h *world.Organisation) api.CredentialAttestation {
	return api.CredentialAttestation{CredentialKind: api.KindTotp, CredentialName: "Phone", CredentialInfo: api.CredentialAttestationInfo{OtpCode: p.code(h, 0)}}
}

func newPassword(text string) api.CredentialAttestation {
	return api.CredentialAttestation{CredentialKind: api.KindPassword, CredentialName: "Password", CredentialInfo: api.CredentialAttestationInfo{Password: text}}
}

func typed(text string) *api.CredentialAssertion {
	return &api.CredentialAssertion{Kind: api.KindPassword, Password: text}
}

// nextStep turns the clock to the beginning of a new step, so that no code is of a step that was used and
// none changes while it is sent.
func nextStep(h *world.Organisation) {
	const step = 30 * time.Second
	h.Clock.Advance(step - time.Duration(h.Clock.Now().UnixNano())%step + time.Second)
}

func accept(t testing.TB, h *world.Organisation) {
	t.Helper()
	h.SetPolicies(t, organisation.Policies{OneTimePasswords: "on", Passwords: "on"})
}

// owner is somebody with a session, who signs with a passkey or a key.
type owner struct {
	*countersigntest.Person
	h     *world.Organisation
	token string
}

func employee(t testing.TB, h *world.Organisation) owner {
	t.Helper()
	p := h.Employee(t)
	return owner{p, h, p.LogIn(t)}
}

func (o owner) call(t testing.TB, method, path string, body any) world.Answer {
	t.Helper()
	text := ""
	if body != nil {
		text = world.JSON(t, body)
	}
	return o.h.Call(t, method, path, o.token, o.Sign(t, o.token, method, path, text), text)
}

func (o owner) init(t testing.TB, kind, factor string) world.Answer {
	t.Helper()
	return o.h.Send(t, "POST", credentialsPath+"/init", world.Bearer(o.token), api.CredentialChallengeRequest{Kind: kind, Factor: factor})
}

func (o owner) begin(t testing.TB, kind, factor string) api.CredentialChallenge {
	t.Helper()
	return world.Read[api.CredentialChallenge](t, o.init(t, kind, factor))
}

func (o owner) create(t testing.TB, c api.CredentialChallenge, a api.CredentialAttestation) world.Answer {
	t.Helper()
	return o.call(t, "POST", credentialsPath, api.NewCredential{CredentialAttestation: a, ChallengeIdentifier: c.ChallengeIdentifier})
}

// addPhone adds a Totp.
func (o owner) addPhone(t testing.TB) (phone, api.Credential) {
	t.Helper()
	nextStep(o.h)
	c := o.begin(t, api.KindTotp, "")
	p := scan(t, c.OtpURL)
	made := world.Read[api.Credential](t, o.create(t, c, p.credential(o.h)))
	nextStep(o.h)
	return p, made
}

func (o owner) addPassword(t testing.TB) api.Credential {
	t.Helper()
	return world.Read[api.Credential](t, o.create(t, o.begin(t, api.KindPassword, ""), newPassword(password)))
}

// addKey adds a key as a factor, and returns who signs with it.
func (o owner) addKey(t testing.TB, kind, factor string) owner {
	t.Helper()
	c := o.begin(t, kind, factor)
	key := authenticator.NewKeySigner("P-256")
	key.EncryptedPrivateKey = "an envelope"
	if kind == api.KindKey {
		key.EncryptedPrivateKey = ""
	}
	made := key.Create(c.Challenge, kind)
	made.CredentialName = kind
	o.create(t, c, made).Wants(t, "add "+kind, 200, "")
	o.Person = &countersigntest.Person{Invitation: o.Invitation, Origin: o.h.URL, Client: o.Client, Key: key}
	return o
}

// addPasskey adds a second passkey as a factor.
func (o owner) addPasskey(t testing.TB, factor string) owner {
	t.Helper()
	c := o.begin(t, api.KindFido2, factor)
	made, passkey, err := authenticator.New().Create(api.RegistrationChallenge{Challenge: c.Challenge, User: c.User, RP: c.RP,
		Attestation: c.Attestation, PubKeyCredParams: c.PubKeyCredParams, AuthenticatorSelection: *c.AuthenticatorSelection}, authenticator.Options{Origin: o.h.URL, Name: "Second"})
	world.Must(t, err)
	o.create(t, c, made).Wants(t, "add a passkey", 200, "")
	o.Person = &countersigntest.Person{Invitation: o.Invitation, Origin: o.h.URL, Client: o.Client, Passkey: passkey}
	return o
}

// answer is the first and, unless nil, the second factor of an answer to a challenge.
type answer func(c api.SigningChallenge) *api.CredentialAssertion

func (o owner) signature(t testing.TB) answer {
	return func(c api.SigningChallenge) *api.CredentialAssertion { return o.Assert(t, c) }
}

func always(a *api.CredentialAssertion) answer {
	return func(api.SigningChallenge) *api.CredentialAssertion { return a }
}

func both(c api.SigningChallenge, first, second answer) api.SignedChallenge {
	in := api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: first(c)}
	if second != nil {
		in.SecondFactor = second(c)
	}
	return in
}

func (o owner) logIn(t testing.TB, first, second answer) world.Answer {
	t.Helper()
	return o.h.Post(t, loginPath, both(o.h.InitLogin(t, o.OrgID, o.Username), first, second))
}

func (o owner) sign(t testing.TB, first, second answer) world.Answer {
	t.Helper()
	return o.h.Send(t, "POST", actionPath, world.Bearer(o.token), both(o.h.InitAction(t, o.token, "POST", "/x", "{}"), first, second))
}

// Both kinds, in every flow, with the option of the organisation and without it.
func TestKindsWhereTheyAreAccepted(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		kinds := func(c api.SigningChallenge) (all []string) {
			for _, k := range c.SupportedCredentialKinds[3:] {
				all = append(all, fmt.Sprint(k.Kind, " ", k.Factor, " ", k.RequiresSecondFactor))
			}
			return all
		}
		offers := func(what, want string) {
			t.Helper()
			g := h.Invitee(t).Begin(t)
			got := fmt.Sprint(g.SupportedCredentialKinds.FirstFactor[3:], g.SupportedCredentialKinds.SecondFactor[3:], g.OtpURL != "",
				kinds(h.InitLogin(t, h.Org.ID, ada.Username)), kinds(h.InitLogin(t, h.Org.ID, "nobody@example.org")), kinds(h.InitAction(t, ada.token, "POST", "/x", "")))
			if got != want {
				t.Errorf("%s: offered %s, want %s", what, got, want)
			}
		}
		const refused = "credential_kind_not_supported"
		offers("off", "[] [] false [] [] []")
		for _, kind := range []string{api.KindTotp, api.KindPassword} {
			h.RefusedAs(t, "add "+kind, ada.init(t, kind, ""), 400, refused)
		}
		g := h.Invitee(t)
		c := g.Begin(t)
		passkey := g.Passkey(t, c, authenticator.Options{})
		code, text := phone{[]byte("a secret of 20 bytes")}.credential(h), newPassword(password)
		h.RefusedAs(t, "register a Totp", g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &passkey, SecondFactorCredential: &code}), 400, refused)
		h.RefusedAs(t, "register a Password", g.Complete(t, c.TemporaryAuthenticationToken, world.First(text)), 400, refused)
		h.RefusedAs(t, "log in with a code", ada.logIn(t, ada.signature(t), always(phone{}.answer(h, 0))), 400, refused)
		h.RefusedAs(t, "log in with a password", ada.logIn(t, always(typed(password)), nil), 400, refused)
		h.RefusedAs(t, "sign with a code", ada.sign(t, ada.signature(t), always(phone{}.answer(h, 0))), 400, refused)
		g.Untouched(t)

		accept(t, h)
		offers("on", "[Password] [Totp] true [Password first false Totp second false] [Password first false Totp second false] [Password first true Totp second false]")
		h.SetPolicies(t, organisation.Policies{SecondFactor: "required"})
		offers("required", "[Password] [Totp] true [Password first true Totp second false] [Password first true Totp second false] [Password first true Totp second false]")
		h.SetPolicies(t, organisation.Policies{SecondFactor: "optional"})
		p, _ := ada.addPhone(t)
		ada.addPassword(t)
		key := ada.addKey(t, api.KindKey, "")

		// Registered with both at once: a password, and codes from an app.
		c = g.Begin(t)
		app := scan(t, c.OtpURL)
		code = app.credential(h)
		done := world.Read[api.RegistrationResult](t, g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &text, SecondFactorCredential: &code}))
		if done.Credential.Kind != api.KindPassword {
			t.Errorf("registered %+v", done)
		}
		nextStep(h)
		grace := owner{&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Client: h.Client()}, h, ""}
		grace.logIn(t, always(typed(password)), always(app.answer(h, 0))).Wants(t, "who registered so", 200, "")

		for name, c := range map[string]struct {
			first, second answer
			login, action string
		}{
			"passkey":                    {ada.signature(t), nil, "200", "200"},
			"passkey and code":           {ada.signature(t), func(api.SigningChallenge) *api.CredentialAssertion { nextStep(h); return p.answer(h, 0) }, "200", "200"},
			"key and code":               {key.signature(t), func(api.SigningChallenge) *api.CredentialAssertion { nextStep(h); return p.answer(h, 0) }, "200", "200"},
			"password":                   {always(typed(password)), nil, "200", "400 signature_missing"},
			"password and code":          {always(typed(password)), func(api.SigningChallenge) *api.CredentialAssertion { nextStep(h); return p.answer(h, 0) }, "200", "400 signature_missing"},
			"password and key":           {always(typed(password)), key.signature(t), "200", "200"},
			"password and passkey":       {always(typed(password)), ada.signature(t), "200", "200"},
			"a wrong password":           {always(typed(password + "x")), nil, "401 password_wrong", "400 signature_missing"},
			"a wrong password and a key": {always(typed(password + "x")), key.signature(t), "401 password_wrong", "401 password_wrong"},
			"a password decomposed":      {always(typed("correct horse battery\u00a0staple")), nil, "200", "400 signature_missing"},
			"password twice":             {always(typed(password)), always(typed(password)), "400 " + refused, "400 " + refused},
			"a code first":               {always(p.answer(h, 0)), ada.signature(t), "400 " + refused, "400 " + refused},
			"a code alone":               {always(p.answer(h, 0)), nil, "400 " + refused, "400 " + refused},
			"a passkey and a password":   {ada.signature(t), always(typed(password)), "400 " + refused, "400 " + refused},
			"no code":                    {ada.signature(t), always(&api.CredentialAssertion{Kind: api.KindTotp}), "400 member_missing", "400 member_missing"},
			"no password":                {always(&api.CredentialAssertion{Kind: api.KindPassword}), nil, "400 member_missing", "400 signature_missing"},
			"letters":                    {ada.signature(t), always(&api.CredentialAssertion{Kind: api.KindTotp, OtpCode: "abcdef"}), "400 one_time_code_malformed", "400 one_time_code_malformed"},
			"a huge code":                {ada.signature(t), always(&api.CredentialAssertion{Kind: api.KindTotp, OtpCode: strings.Repeat("1", 10_000)}), "400 one_time_code_malformed", "400 one_time_code_malformed"},
			"a huge password":            {always(typed(strings.Repeat("a", 5000))), nil, "400 password_invalid", "400 signature_missing"},
			"a code, typed with a space": {ada.signature(t), func(api.SigningChallenge) *api.CredentialAssertion {
				nextStep(h)
				c := p.code(h, 0)
				return &api.CredentialAssertion{Kind: api.KindTotp, OtpCode: c[:3] + " " + c[3:]}
			}, "200", "200"},
			"a forged signature, a code": {func(c api.SigningChallenge) *api.CredentialAssertion {
				a := employee(t, h).Assert(t, c)
				a.CredentialAssertion.CredID = ada.CredentialID()
				a.CredentialAssertion.UserHandle = ""
				return a
			}, always(p.answer(h, 0)), "401 signature_invalid", "401 signature_invalid"},
		} {
			h.Clock.Advance(16 * time.Minute) // what was counted is forgotten
			key.token, ada.token = ada.LogIn(t), ada.LogIn(t)
			if a := ada.logIn(t, c.first, c.second); a.Outcome() != c.login {
				t.Errorf("log in with %s: %v, want %s", name, a, c.login)
			}
			if a := ada.sign(t, c.first, c.second); a.Outcome() != c.action {
				t.Errorf("sign with %s: %v, want %s", name, a, c.action)
			}
		}

		// What a password and a key signed is the key's, and can be proved.
		a := key.sign(t, always(typed(password)), key.signature(t))
		action := world.Read[api.ActionResult](t, a).UserAction
		used := world.Read[api.ConsumedAction](t, h.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/x", Payload: new("{}")}))
		if used.CredentialKind != api.KindKey || used.Receipt == "" || strings.Contains(used.Receipt, "secondFactor") {
			t.Errorf("signed by %+v", used)
		}
		nextStep(h)
		action = world.Read[api.ActionResult](t, ada.sign(t, ada.signature(t), always(p.answer(h, 0)))).UserAction
		used = world.Read[api.ConsumedAction](t, h.Post(t, "/countersign/actions/consume", api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/x", Payload: new("{}")}))
		if used.CredentialKind != api.KindFido2 || strings.Contains(used.Receipt, "secondFactor") {
			t.Errorf("signed by %+v", used)
		}

		// Off again: what is registered is kept and refused, and works when it is on again.
		h.SetPolicies(t, organisation.Policies{OneTimePasswords: "off", Passwords: "off"})
		nextStep(h)
		offers("off again", "[] [] false [] [] []")
		h.RefusedAs(t, "a password, off", ada.logIn(t, always(typed(password)), nil), 400, refused)
		h.RefusedAs(t, "a code, off", ada.logIn(t, ada.signature(t), always(p.answer(h, 0))), 400, refused)
		h.RefusedAs(t, "a code to sign, off", ada.sign(t, ada.signature(t), always(p.answer(h, 0))), 400, refused)
		h.RefusedAs(t, "a password to sign, off", ada.sign(t, always(typed(password)), key.signature(t)), 400, refused)
		accept(t, h)
		ada.logIn(t, always(typed(password)), always(p.answer(h, 0))).Wants(t, "on again", 200, "")
	})
}

// A passkey of nobody's is refused as before, whether or not a code comes with it: who holds no passkey does
// not learn whose it is.
func TestCodesTellStrangersNothing(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := employee(t, h)
		thief := employee(t, h)
		for _, set := range []string{"on", "off"} {
			h.SetPolicies(t, organisation.Policies{OneTimePasswords: set})
			shapes := map[string]string{}
			for name, id := range map[string]string{"a passkey": ada.CredentialID(), "no passkey": world.Base64(make([]byte, 32))} {
				c := h.InitLogin(t, "", "")
				a := thief.Assert(t, c)
				a.CredentialAssertion.CredID, a.CredentialAssertion.UserHandle = id, ""
				shapes[name] = world.Shape(t, h.Post(t, loginPath, both(c, always(a), always(phone{}.answer(h, 0)))))
			}
			world.Same(t, loginPath, shapes)
		}
	})
}

// One step of drift on each side; a code is accepted once, and no earlier one after it.
func TestCodesAndTime(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		for by, want := range map[int64]string{-2: "one_time_code_invalid", -1: "", 0: "", 1: "", 2: "one_time_code_invalid"} {
			ada := employee(t, h)
			p, made := ada.addPhone(t)
			if made.Kind != api.KindTotp || made.PublicKey != "" || made.CredentialID == "" || made.RelyingPartyID != "" {
				t.Errorf("made %+v", made)
			}
			h.RefusedAs(t, "the first code again", ada.logIn(t, ada.signature(t), always(p.answer(h, -1))), 401, "one_time_code_used")
			h.Clock.Advance(5 * time.Minute)
			nextStep(h)
			a := ada.logIn(t, ada.signature(t), always(p.answer(h, by)))
			if a.Code != want {
				t.Errorf("%d steps away: %v, want %q", by, a, want)
			}
			if want != "" {
				continue
			}
			h.RefusedAs(t, "again", ada.logIn(t, ada.signature(t), always(p.answer(h, by))), 401, "one_time_code_used")
			h.RefusedAs(t, "again, to sign", ada.sign(t, ada.signature(t), always(p.answer(h, by))), 401, "one_time_code_used")
			if by > -1 {
				h.RefusedAs(t, "the one before", ada.logIn(t, ada.signature(t), always(p.answer(h, by-1))), 401, "one_time_code_used")
			}
		}
	})
}

// Of many logins and signatures at once with one code, one succeeds.
func TestOneCodeWorksOnce(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada := employee(t, h)
		p, _ := ada.addPhone(t)
		var calls []func() world.Answer
		for i := range 8 { // below the limit on wrong codes
			if i%2 == 0 {
				in := both(h.InitLogin(t, ada.OrgID, ada.Username), ada.signature(t), always(p.answer(h, 0)))
				calls = append(calls, func() world.Answer { return h.Post(t, loginPath, in) })
			} else {
				in := both(h.InitAction(t, ada.token, "POST", "/x", fmt.Sprint(i)), ada.signature(t), always(p.answer(h, 0)))
				calls = append(calls, func() world.Answer { return h.Send(t, "POST", actionPath, world.Bearer(ada.token), in) })
			}
		}
		if won := h.Race(t, calls, "one_time_code_used"); won != 1 {
			t.Errorf("one code was accepted %d times", won)
		}
	})
}

// A code is of one user, organisation and ceremony.
func TestCodesOfOthers(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada, bob := employee(t, h), employee(t, h)
		bobs, _ := bob.addPhone(t)
		elsewhere := world.On(t, h.Server, h.OrganisationWith(t, organisation.New{Name: "Difference Engines"}))
		accept(t, elsewhere)
		charles := employee(t, elsewhere)
		theirs, _ := charles.addPhone(t)
		own, _ := ada.addPhone(t)
		for name, p := range map[string]phone{"a colleague's": bobs, "a stranger's": theirs} {
			h.RefusedAs(t, name, ada.logIn(t, ada.signature(t), always(p.answer(h, 0))), 401, "one_time_code_invalid")
			h.RefusedAs(t, name, ada.sign(t, ada.signature(t), always(p.answer(h, 0))), 401, "one_time_code_invalid")
		}
		ada.logIn(t, ada.signature(t), always(own.answer(h, 0))).Wants(t, "her own", 200, "")
		grace := employee(t, h)
		h.RefusedAs(t, "who has none", grace.logIn(t, grace.signature(t), always(bobs.answer(h, 0))), 401, "one_time_code_invalid")

		// A ceremony registers its own secret, with its own ticket, once.
		nextStep(h)
		one, two := grace.begin(t, api.KindTotp, ""), grace.begin(t, api.KindTotp, "second")
		if one.OtpURL == two.OtpURL || one.Challenge != "" || one.ChallengeIdentifier != one.TemporaryAuthenticationToken {
			t.Errorf("challenges %+v and %+v", one, two)
		}
		if secret, _ := url.Parse(one.OtpURL); strings.Contains(one.ChallengeIdentifier, secret.Query().Get("secret")) {
			t.Error("the secret is in the ticket")
		}
		h.RefusedAs(t, "the code of another ceremony", grace.create(t, one, scan(t, two.OtpURL).credential(h)), 401, "one_time_code_invalid")
		ofBob := bob.begin(t, api.KindTotp, "")
		h.RefusedAs(t, "another's ceremony", grace.create(t, ofBob, scan(t, ofBob.OtpURL).credential(h)), 400, "challenge_invalid")
		passkey := grace.begin(t, api.KindFido2, "")
		h.RefusedAs(t, "a ceremony of another kind", grace.create(t, passkey, scan(t, one.OtpURL).credential(h)), 400, "challenge_invalid")
		grace.create(t, one, scan(t, one.OtpURL).credential(h)).Wants(t, "her own", 200, "")
		nextStep(h)
		h.RefusedAs(t, "a second one", grace.create(t, two, scan(t, two.OtpURL).credential(h)), 409, "credential_already_registered")

		g, other := h.Invitee(t), h.Invitee(t)
		c, others := g.Begin(t), other.Begin(t)
		first, code := g.Passkey(t, c, authenticator.Options{}), scan(t, others.OtpURL).credential(h)
		h.RefusedAs(t, "the code of somebody else's registration", g.Complete(t, c.TemporaryAuthenticationToken,
			api.RegistrationRequest{FirstFactorCredential: &first, SecondFactorCredential: &code}), 401, "one_time_code_invalid")
		g.Untouched(t)
		code = scan(t, c.OtpURL).credential(h)
		in := api.RegistrationRequest{FirstFactorCredential: &first, SecondFactorCredential: &code}
		g.Complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "her own", 200, "")
		g.Complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "the same again", 200, "") // the winner may repeat the call
	})
}

// Ten wrong codes close all codes of their user, for those who have the first factor, and for nobody else.
func TestGuessingCodes(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		h.SetPolicies(t, organisation.Policies{SecondFactor: "required"})
		ada, thief := employee(t, h), employee(t, h)
		p, _ := ada.addPhone(t)
		wrong := always(&api.CredentialAssertion{Kind: api.KindTotp, OtpCode: "000000"})
		if p.code(h, 0) == "000000" || p.code(h, 1) == "000000" {
			nextStep(h)
		}
		forged := func(c api.SigningChallenge) *api.CredentialAssertion {
			a := thief.Assert(t, c)
			a.CredentialAssertion.CredID, a.CredentialAssertion.UserHandle = ada.CredentialID(), ""
			return a
		}
		for range 20 {
			h.RefusedAs(t, "a stranger", ada.logIn(t, forged, wrong), 401, "signature_invalid")
		}
		var calls []func() world.Answer
		for i := range 15 {
			in := both(h.InitLogin(t, ada.OrgID, ada.Username), ada.signature(t), wrong)
			if i%3 == 0 {
				in = both(h.InitAction(t, ada.token, "POST", "/x", ""), ada.signature(t), wrong)
				calls = append(calls, func() world.Answer { return h.Send(t, "POST", actionPath, world.Bearer(ada.token), in) })
				continue
			}
			calls = append(calls, func() world.Answer { return h.Post(t, loginPath, in) })
		}
		told := map[string]int{}
		answers := make(chan world.Answer, len(calls))
		for _, call := range calls {
			go func() { answers <- call() }()
		}
		for range calls {
			a := <-answers
			told[a.Outcome()]++
			if a.Status == 429 && (a.Header.Get("Retry-After") == "" || a.Code != "too_many_tries") {
				t.Errorf("%v %v", a, a.Header)
			}
		}
		if told["401 one_time_code_invalid"] != 10 || told["429 too_many_tries"] != 5 {
			t.Errorf("fifteen wrong codes at once: %v", told)
		}
		h.RefusedAs(t, "the right code, closed", ada.logIn(t, ada.signature(t), always(p.answer(h, 0))), 429, "too_many_tries")
		h.RefusedAs(t, "the right code to sign, closed", ada.sign(t, ada.signature(t), always(p.answer(h, 0))), 429, "too_many_tries")
		bob := employee(t, h)
		bobs, _ := bob.addPhone(t)
		bob.logIn(t, bob.signature(t), always(bobs.answer(h, 0))).Wants(t, "a colleague", 200, "")
		h.Clock.Advance(15*time.Minute + time.Second)
		nextStep(h)
		for range 9 {
			h.RefusedAs(t, "wrong", ada.logIn(t, ada.signature(t), wrong), 401, "one_time_code_invalid")
		}
		ada.logIn(t, ada.signature(t), always(p.answer(h, 0))).Wants(t, "the right one after nine", 200, "")
		nextStep(h)
		for range 9 { // what was counted is forgotten
			h.RefusedAs(t, "wrong", ada.logIn(t, ada.signature(t), wrong), 401, "one_time_code_invalid")
		}
		ada.logIn(t, ada.signature(t), always(p.answer(h, 0))).Wants(t, "the right one after nine more", 200, "")
	})
}

// Strangers may close the passwords of a name. Its owner logs in with a passkey, or with the password and a
// login code.
func TestGuessingPasswords(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada, bob := employee(t, h), employee(t, h)
		ada.addPassword(t)
		bob.addPassword(t)
		wrong := always(typed("wrong horse battery"))
		answers := make(chan world.Answer)
		var inputs []api.SignedChallenge
		for range 15 {
			inputs = append(inputs, both(h.InitLogin(t, ada.OrgID, ada.Username), wrong, nil))
		}
		for _, in := range inputs {
			go func() {
				a := h.Post(t, loginPath, in)
				for a.Code == "passwords_busy" { // on a slow machine; nothing is counted then
					if a.Status != 503 || a.Header.Get("Retry-After") == "" {
						t.Errorf("%v %v", a, a.Header)
					}
					a = h.Post(t, loginPath, in)
				}
				answers <- a
			}()
		}
		told := map[string]int{}
		for range inputs {
			told[(<-answers).Outcome()]++
		}
		if told["401 password_wrong"] != 10 || told["429 too_many_tries"] != 5 {
			t.Errorf("fifteen wrong passwords at once: %v", told)
		}
		h.RefusedAs(t, "the right one, closed", ada.logIn(t, always(typed(password)), nil), 429, "too_many_tries")
		upper := ada
		upper.Person = &countersigntest.Person{Invitation: ada.Invitation, Passkey: ada.Passkey, Origin: h.URL, Client: ada.Client}
		upper.Username = strings.ToUpper(ada.Username)
		h.RefusedAs(t, "in another spelling", upper.logIn(t, always(typed(password)), nil), 429, "too_many_tries")
		bob.logIn(t, always(typed(password)), nil).Wants(t, "a colleague", 200, "")
		ada.logIn(t, ada.signature(t), nil).Wants(t, "her passkey", 200, "")

		withCode := func() func(text string) world.Answer {
			code, err := h.Login.IssueCode(context.Background(), ada.OrgID, ada.Username)
			world.Must(t, err)
			c := world.Read[api.SigningChallenge](t, h.Post(t, loginPath+"/init", api.InitLoginRequest{OrgID: ada.OrgID, Username: ada.Username, LoginCode: code.Code}))
			return func(text string) world.Answer { return h.Post(t, loginPath, both(c, always(typed(text)), nil)) }
		}
		try := withCode()
		try(password).Wants(t, "her password and a code", 200, "")
		h.RefusedAs(t, "the code again", try(password), 401, "challenge_used")
		ada.logIn(t, always(typed(password)), nil).Wants(t, "open again, for she was here", 200, "")
		try = withCode()
		for range 10 {
			h.RefusedAs(t, "wrong, with a code", try("wrong horse battery"), 401, "password_wrong")
		}
		h.RefusedAs(t, "who reads her mail guesses no longer", try(password), 429, "too_many_tries")
		ada.logIn(t, always(typed(password)), nil).Wants(t, "her password, which nobody closed", 200, "")
	})
}

// An unknown user, one without a password and a wrong password are answered alike, and counted alike.
func TestPasswordsTellNothing(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		with, without, inactive, gone := employee(t, h), employee(t, h), employee(t, h), employee(t, h)
		with.addPassword(t)
		c := inactive.addPassword(t)
		gone.addPassword(t)
		inactive.call(t, "PUT", credentialsPath+"/deactivate", api.CredentialUUIDRequest{CredentialUUID: c.CredentialUUID}).Wants(t, "deactivate", 200, "")
		world.Must(t, h.Users.SetActive(context.Background(), h.Org.ID, gone.Username, false))
		names := map[string]string{"with one": with.Username, "without": without.Username, "inactive": inactive.Username, "deactivated": gone.Username,
			"unknown": "nobody@example.org", "invited": h.Invitee(t).Username}
		for i := range 13 {
			shapes := map[string]string{}
			for kind, name := range names {
				a := h.Post(t, loginPath, both(h.InitLogin(t, h.Org.ID, name), always(typed("wrong horse battery")), nil))
				if want := map[bool]string{true: "401 password_wrong", false: "429 too_many_tries"}[i < 10]; a.Outcome() != want {
					t.Errorf("%s, try %d: %v, want %s", kind, i, a, want)
				}
				h.Refused(t, a, nil, name, "wrong horse")
				shapes[kind] = world.Shape(t, a)
			}
			world.Same(t, loginPath, shapes)
		}
		for name, org := range map[string]string{"no such organisation": world.NobodysID("or"), "no organisation": ""} {
			if org == "" {
				h.RefusedAs(t, name, h.Post(t, loginPath, both(h.InitLogin(t, h.Org.ID, ""), always(typed(password)), nil)), 400, "username_required")
				continue
			}
			h.RefusedAs(t, name, h.Post(t, loginPath, both(h.InitLogin(t, org, "ada"), always(typed(password)), nil)), 400, "credential_kind_not_supported")
		}
	})
}

// What is known of codes and passwords is in no log, event, refusal or row.
func TestSecretsAreKeptNowhere(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		accept(t, n.Organisation)
		ada := employee(t, n.Organisation)
		ada.addPassword(t)
		for _, kind := range []string{api.KindPasswordProtectedKey, api.KindRecoveryKey} {
			c, key := ada.begin(t, kind, ""), authenticator.NewKeySigner("P-256")
			key.EncryptedPrivateKey = "an envelope to guess at"
			made := key.Create(c.Challenge, kind)
			made.CredentialName = "key"
			ada.create(t, c, made).Wants(t, kind, 200, "")
		}
		p, _ := ada.addPhone(t)
		const wrong = "wrong horse battery"
		for range 2 {
			n.RefusedAs(t, "wrong", ada.logIn(t, always(typed(wrong)), nil), 401, "password_wrong")
			n.RefusedAs(t, "wrong to sign", ada.sign(t, always(typed(wrong)), ada.signature(t)), 401, "password_wrong")
		}
		n.RefusedAs(t, "malformed", n.Post(t, loginPath, `{"firstFactor":{"kind":"Password","password":"`+wrong+`","password":"`+wrong+`"}}`), 400, "invalid_json")
		n.RefusedAs(t, "not a text", n.Post(t, loginPath, `{"firstFactor":{"kind":"Password","password":["`+wrong+`"]}}`), 400, "invalid_member")
		n.RefusedAs(t, "too short", ada.create(t, ada.begin(t, api.KindPassword, ""), newPassword("horse9!")), 400, "password_invalid")
		in := newPassword("my " + ada.Username)
		n.RefusedAs(t, "with her name", ada.create(t, ada.begin(t, api.KindPassword, ""), in), 400, "password_invalid")
		ada.logIn(t, always(typed(password)), always(p.answer(n.Organisation, 0))).Wants(t, "log in", 200, "")
		n.KeptNowhere(t, nil, password, wrong, "horse9!", string(p.secret), base32.StdEncoding.EncodeToString(p.secret))

		// What added the password can be proved without it.
		actions, err := n.DB.Actions(t.Context(), n.Org.ID, "", "", 0)
		world.Must(t, err)
		proved := 0
		for _, a := range actions {
			if a.UsedFor != "POST /auth/credentials" {
				continue
			}
			document := n.Call(t, "GET", "/countersign/actions/"+a.ID, ada.token, "", "")
			document.Wants(t, "receipt", 200, "")
			r, report, err := receipt.Verify([]byte(document.Body), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Action.Withheld != "" {
				proved++
				if r.Action.Payload != "" || !strings.Contains(strings.Join(report.Lines, " "), "because it held a password or an encrypted private key") {
					t.Errorf("%+v: %v", r.Action, report.Lines)
				}
			}
		}
		if proved != 3 {
			t.Errorf("%d receipts without a secret, want 3", proved)
		}
	})
}

// An organisation requires a second factor. Who has none is let in and asked for one; who has one must use it.
func TestSecondFactorIsRequired(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		account := func(o owner) api.Account {
			t.Helper()
			return world.Read[api.Account](t, h.Send(t, "GET", "/countersign/account", world.Bearer(o.token), nil))
		}
		missing := func(o owner, what string, want bool) {
			t.Helper()
			if a := account(o); a.SecondFactorMissing != want || !a.OneTimePasswords {
				t.Errorf("%s: %+v", what, a)
			}
		}
		ada := employee(t, h)
		missing(ada, "optional", false)
		h.SetPolicies(t, organisation.Policies{SecondFactor: "required"})
		ada.logIn(t, ada.signature(t), nil).Wants(t, "without one", 200, "")
		missing(ada, "required", true)
		ada.addPasskey(t, "first")
		missing(ada, "a spare first factor", true)
		ada.logIn(t, ada.signature(t), nil).Wants(t, "with a spare first factor", 200, "")
		ada.addPassword(t)

		for kind, add := range map[string]func(o owner) func() answer{
			api.KindFido2: func(o owner) func() answer {
				as := o.addPasskey(t, "second")
				return func() answer { return as.signature(t) }
			},
			api.KindKey: func(o owner) func() answer {
				as := o.addKey(t, api.KindKey, "second")
				return func() answer { return as.signature(t) }
			},
			api.KindPasswordProtectedKey: func(o owner) func() answer {
				as := o.addKey(t, api.KindPasswordProtectedKey, "second")
				return func() answer { return as.signature(t) }
			},
			api.KindTotp: func(o owner) func() answer {
				p, _ := o.addPhone(t)
				return func() answer { nextStep(h); return always(p.answer(h, 0)) }
			},
		} {
			bob := employee(t, h)
			second := add(bob)
			missing(bob, kind, false)
			for name, a := range map[string]world.Answer{"login": bob.logIn(t, bob.signature(t), nil), "signing": bob.sign(t, bob.signature(t), nil)} {
				h.RefusedAs(t, kind+", "+name+" without it", a, 401, "second_factor_required")
				if !strings.Contains(a.Body, `"kinds":["`+kind+`"]`) {
					t.Errorf("%s: %s", kind, a.Body)
				}
			}
			bob.logIn(t, bob.signature(t), second()).Wants(t, "login with "+kind, 200, "")
			bob.sign(t, bob.signature(t), second()).Wants(t, "signing with "+kind, 200, "")
			// The same answer, once the server has asked for more.
			c := h.InitLogin(t, bob.OrgID, bob.Username)
			in := both(c, bob.signature(t), nil)
			h.RefusedAs(t, "one factor", h.Post(t, loginPath, in), 401, "second_factor_required")
			in.SecondFactor = second()(c)
			h.Post(t, loginPath, in).Wants(t, "and the second for the same challenge", 200, "")
		}
		// Who has codes alone is not locked out when they are not accepted any more.
		carol := employee(t, h)
		carol.addPhone(t)
		h.SetPolicies(t, organisation.Policies{OneTimePasswords: "off"})
		carol.logIn(t, carol.signature(t), nil).Wants(t, "codes that are not accepted", 200, "")
		if a := account(carol); !a.SecondFactorMissing || a.OneTimePasswords {
			t.Errorf("codes that are not accepted: %+v", a)
		}
	})
}

// The factor is bound when the ceremony begins, and fits the kind.
func TestFactorOfANewCredential(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada := employee(t, h)
		for asked, want := range map[[2]string]string{
			{api.KindFido2, ""}: "first", {api.KindFido2, "first"}: "first", {api.KindFido2, "second"}: "second", {api.KindKey, "second"}: "second",
			{api.KindPasswordProtectedKey, "second"}: "second", {api.KindTotp, ""}: "second", {api.KindTotp, "second"}: "second", {api.KindPassword, "first"}: "first",
			{api.KindTotp, "first"}: "", {api.KindPassword, "second"}: "", {api.KindRecoveryKey, "second"}: "", {api.KindRecoveryKey, "first"}: "",
			{api.KindKey, "recovery"}: "", {api.KindKey, "Second"}: "", {api.KindKey, "either"}: "",
		} {
			a := ada.init(t, asked[0], asked[1])
			if want == "" {
				h.RefusedAs(t, fmt.Sprint(asked), a, 400, "factor_invalid")
				continue
			}
			_, claims, _ := world.Parts(t, world.Read[api.CredentialChallenge](t, a).ChallengeIdentifier)
			if claims["factor"] != want {
				t.Errorf("%v: bound to %v, want %s", asked, claims["factor"], want)
			}
		}
		second := ada.addKey(t, api.KindKey, "second")
		h.RefusedAs(t, "a second factor first", ada.logIn(t, second.signature(t), nil), 401, "first_factor_required")
		h.RefusedAs(t, "a second factor first, to sign", ada.sign(t, second.signature(t), ada.signature(t)), 401, "first_factor_required")
		passkey := ada.addPasskey(t, "second")
		c := h.InitLogin(t, "", "")
		h.RefusedAs(t, "a second passkey, unnamed", h.Post(t, loginPath, both(c, passkey.signature(t), nil)), 401, "first_factor_required")
	})
}

// A password keeps nobody able to sign, gets at nothing that does, and opens no envelope of a key.
func TestPasswordsAreWeak(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		employee(t, h)
		g := h.Invitee(t)
		c := g.Begin(t)
		key := authenticator.NewKeySigner("P-256")
		key.EncryptedPrivateKey = "an envelope"
		g.Complete(t, c.TemporaryAuthenticationToken, world.First(key.Create(c.Challenge, api.KindPasswordProtectedKey))).Wants(t, "register", 200, "")
		ada := owner{&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Client: h.Client(), Key: key}, h, ""}
		ada.token = world.Read[api.LoginResult](t, ada.logIn(t, ada.signature(t), nil)).Token
		first := world.Read[api.CredentialList](t, h.Call(t, "GET", credentialsPath, ada.token, "", "")).Items[0]
		text := ada.addPassword(t)

		for _, a := range []world.Answer{
			ada.call(t, "PUT", credentialsPath+"/deactivate", api.CredentialUUIDRequest{CredentialUUID: first.CredentialUUID}),
			ada.call(t, "DELETE", credentialsPath+"/"+first.CredentialUUID, nil),
		} {
			h.RefusedAs(t, "the last that signs, with a password left", a, 409, "credential_last")
		}
		if list := h.InitAction(t, ada.token, "POST", "/x", "").AllowCredentials.PasswordProtectedKey; len(list) != 1 {
			t.Errorf("in a session of the key: %v", list)
		}
		reads := world.Read[api.LoginResult](t, ada.logIn(t, always(typed(password)), nil)).Token
		if list := h.InitAction(t, reads, "POST", "/x", "").AllowCredentials.PasswordProtectedKey; len(list) != 0 {
			t.Errorf("a session of a password sees %v", list)
		}
		// The weakest key removes a password, and a session that the password opened ends.
		ada.call(t, "DELETE", credentialsPath+"/"+text.CredentialUUID, nil).Wants(t, "remove the password", 200, "")
		h.RefusedAs(t, "its session", h.Call(t, "GET", credentialsPath, reads, "", ""), 401, "token_invalid")
		h.RefusedAs(t, "the removed password", ada.logIn(t, always(typed(password)), nil), 401, "password_wrong")
		ada.addPassword(t)
		ada.logIn(t, always(typed(password)), nil).Wants(t, "a new one", 200, "")
	})
}

// Who logs in with a password and signs with a second factor keeps both, as everybody keeps their last first factor.
func TestAPasswordAndWhatSignsBesideIt(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		employee(t, h)
		g := h.Invitee(t)
		c := g.Begin(t)
		key := authenticator.NewKeySigner("P-256")
		in, second := world.First(newPassword(password)), key.Create(c.Challenge, api.KindKey)
		in.SecondFactorCredential = &second
		g.Complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "register", 200, "")
		ada := owner{&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Client: h.Client(), Key: key}, h, ""}
		ada.token = world.Read[api.LoginResult](t, ada.logIn(t, always(typed(password)), ada.signature(t))).Token
		call := func(method, path, body string) world.Answer {
			t.Helper()
			c := h.InitAction(t, ada.token, method, path, body)
			a := h.Send(t, "POST", "/auth/action", world.Bearer(ada.token), both(c, always(typed(password)), ada.signature(t)))
			return h.Call(t, method, path, ada.token, world.Read[api.ActionResult](t, a).UserAction, body)
		}
		for _, k := range world.Read[api.CredentialList](t, h.Call(t, "GET", credentialsPath, ada.token, "", "")).Items {
			h.RefusedAs(t, k.Kind, call("DELETE", credentialsPath+"/"+k.CredentialUUID, ""), 409, "credential_last")
			h.RefusedAs(t, k.Kind, call("PUT", credentialsPath+"/deactivate", world.JSON(t, api.CredentialUUIDRequest{CredentialUUID: k.CredentialUUID})), 409, "credential_last")
		}
		ada.logIn(t, always(typed(password)), ada.signature(t)).Wants(t, "log in", 200, "")
	})
}

// Of passwords added at once there is one.
func TestOnePassword(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada := employee(t, h)
		var calls []func() world.Answer
		for range 4 {
			in := api.NewCredential{CredentialAttestation: newPassword(password), ChallengeIdentifier: ada.begin(t, api.KindPassword, "").ChallengeIdentifier}
			text := world.JSON(t, in)
			action := ada.Sign(t, ada.token, "POST", credentialsPath, text)
			calls = append(calls, func() world.Answer { return h.Call(t, "POST", credentialsPath, ada.token, action, text) })
		}
		if won := h.Race(t, calls, "credential_already_registered"); won != 1 {
			t.Errorf("%d passwords were added", won)
		}
	})
}

// An access token's program answers with its own key, and with nothing of its owner's.
func TestAccessTokensHaveNoSecondFactor(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		accept(t, n.Organisation)
		nextStep(n.Organisation)
		worker := n.Callers[api.CallerEmployee]
		c, err := worker.InitCredential(t.Context(), api.KindTotp)
		world.Must(t, err)
		app := scan(t, c.OtpURL)
		_, err = worker.CreateCredential(t.Context(), api.NewCredential{CredentialAttestation: app.credential(n.Organisation), ChallengeIdentifier: c.ChallengeIdentifier})
		world.Must(t, err)
		for _, kind := range []api.CallerKind{api.CallerPersonalToken, api.CallerServiceAccount} {
			s := n.Callers[kind]
			if c := n.InitAction(t, s.Token, "POST", "/x", ""); len(c.SupportedCredentialKinds) != 3 {
				t.Errorf("%s is offered %+v", kind, c.SupportedCredentialKinds)
			}
			s = n.As(s.Token, client.TwoFactors{First: s.Signer, Second: code("123456")})
			for range 12 {
				_, err := s.SignFor(t.Context(), "POST", "/x", nil)
				world.Refused(t, string(kind), err, 401, "one_time_code_invalid")
			}
		}
		nextStep(n.Organisation)
		both := client.TwoFactors{First: worker.Signer, Second: code(app.code(n.Organisation, 0))}
		if _, err := n.As(worker.Token, both).SignFor(t.Context(), "POST", "/x", nil); err != nil {
			t.Errorf("what a program tried closed its owner's codes: %v", err)
		}
	})
}

// code is a signer that answers with a code.
type code string

func (c code) Sign(context.Context, api.SigningChallenge) (api.CredentialAssertion, error) {
	return api.CredentialAssertion{Kind: api.KindTotp, OtpCode: string(c)}, nil
}

// The operator cannot reset the counter of codes: they would be accepted again.
func TestCounterOfCodesIsNotReset(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		accept(t, h)
		ada := employee(t, h)
		p, made := ada.addPhone(t)
		ada.logIn(t, ada.signature(t), always(p.answer(h, 0))).Wants(t, "log in", 200, "")
		if err := h.Users.ResetSignCount(context.Background(), h.Org.ID, made.CredentialUUID); err == nil {
			t.Error("the counter of codes is reset")
		}
		h.RefusedAs(t, "again", ada.logIn(t, ada.signature(t), always(p.answer(h, 0))), 401, "one_time_code_used")
		events := h.EventsOf(t, world.Read[api.Account](t, h.Send(t, "GET", "/countersign/account", world.Bearer(ada.token), nil)).User.ID, store.EventUserLoggedIn)
		if last := string(events[len(events)-1].Detail); !strings.Contains(last, `"factors":2`) {
			t.Errorf("recorded %s", last)
		}
	})
}
