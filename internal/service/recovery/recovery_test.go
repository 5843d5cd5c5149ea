package recovery_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/ceremony"
	"github.com/countersign/countersign/internal/service/recovery"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	codePath      = "/auth/recover/user/code"
	initPath      = "/auth/recover/user/init"
	delegatedPath = "/auth/recover/user/delegated"
	recoverPath   = "/auth/recover/user"
	nobodysCode   = "ABCD-EFGH-JKMN-PQRS-TVWX"
	envelope      = "a private key that only its owner can decrypt"
)

var codePattern = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`)

// holder is a user with a passkey and a recovery key.
type holder struct {
	*countersigntest.Person
	h        *world.Organisation
	recovery *authenticator.KeySigner
}

// hold registers an invited user so.
func hold(t testing.TB, h *world.Organisation, g *world.Invitee) holder {
	t.Helper()
	return holdWith(t, h, g, envelope)
}

func holdWith(t testing.TB, h *world.Organisation, g *world.Invitee, envelope string) holder {
	t.Helper()
	p := holder{&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Client: h.Client()}, h, authenticator.NewKeySigner("P-256")}
	p.recovery.EncryptedPrivateKey = envelope
	c := g.Begin(t)
	first, passkey, err := authenticator.New().Create(c, authenticator.Options{Origin: h.URL})
	world.Must(t, err)
	second := p.recovery.Create(c.Challenge, api.KindRecoveryKey)
	p.Passkey = passkey
	g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}).Wants(t, "register", 200, "")
	return p
}

// mailed asks for a recovery code and returns that of the mail.
func (p holder) mailed(t testing.TB) string {
	t.Helper()
	p.h.Outbox.Finish()
	before := len(p.h.Mailbox.Messages())
	p.h.Post(t, codePath, api.SendRecoveryCodeRequest{OrgID: p.OrgID, Username: p.Username}).Wants(t, "ask", 200, "")
	p.h.Outbox.Finish()
	m := p.h.Mailbox.Messages()
	if len(m) != before+1 {
		t.Fatalf("%d mails, want one", len(m)-before)
	}
	return codePattern.FindString(string(m[before].Data))
}

func (p holder) init(t testing.TB, code string) world.Answer {
	t.Helper()
	return p.h.Post(t, initPath, api.InitRecoveryRequest{OrgID: p.OrgID, Username: p.Username, VerificationCode: code, CredentialID: p.recovery.CredentialID})
}

func (p holder) begin(t testing.TB) api.RecoveryChallenge {
	t.Helper()
	return world.Read[api.RecoveryChallenge](t, p.init(t, p.mailed(t)))
}

// renew makes new credentials that answer the challenge: a passkey and a recovery key.
func (p holder) renew(t testing.TB, c api.RecoveryChallenge) (api.RegistrationRequest, holder) {
	t.Helper()
	next := holder{&countersigntest.Person{Invitation: p.Invitation, Origin: p.h.URL, Client: p.Client}, p.h, authenticator.NewKeySigner("P-256")}
	first, passkey, err := authenticator.New().Create(c.RegistrationChallenge, authenticator.Options{Origin: p.h.URL, Name: "New"})
	world.Must(t, err)
	next.Passkey = passkey
	second := next.recovery.Create(c.Challenge, api.KindRecoveryKey)
	return api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}, next
}

// sign has the recovery key sign text, the JSON of new credentials.
func (p holder) sign(text string) *api.CredentialAssertion {
	data, signature := p.recovery.Assert(world.Base64([]byte(text)))
	return &api.CredentialAssertion{Kind: api.KindRecoveryKey, CredentialAssertion: api.AssertionData{
		CredID: p.recovery.CredentialID, ClientData: world.Base64(data), Signature: world.Base64(signature)}}
}

func (p holder) complete(t testing.TB, token string, in api.RecoverRequest) world.Answer {
	t.Helper()
	return p.h.Send(t, "POST", recoverPath, world.Bearer(token), in)
}

// request is a whole answer to a challenge, and who the user is after it.
func (p holder) request(t testing.TB, c api.RecoveryChallenge) (api.RecoverRequest, holder) {
	t.Helper()
	in, next := p.renew(t, c)
	return api.RecoverRequest{Recovery: p.sign(world.JSON(t, in)), NewCredentials: &in}, next
}

func each(t *testing.T, test func(t *testing.T, h *world.Organisation)) {
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		test(t, world.On(t, srv, srv.Organisation(t, "Engines")))
	}, countersigntest.Mail())
}

// A user who lost their passkey comes back with the recovery key. Everything from before ends: passkey,
// recovery key, sessions, access tokens, what was signed. Rights, name and id stay.
func TestRecovery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		ada := hold(t, h, h.Invitee(t)) // the first, who may create access tokens
		token := ada.LogIn(t)
		_, pat := h.PersonalToken(t, h.Session(t, ada.Person), "program", "")
		action := ada.Sign(t, token, "POST", "/orders", "{}")
		u, err := h.DB.UserByName(t.Context(), h.Org.ID, ada.Username)
		world.Must(t, err)

		c := ada.begin(t)
		if len(c.AllowedRecoveryCredentials) != 1 || c.AllowedRecoveryCredentials[0] != (api.AllowedRecoveryCredential{ID: ada.recovery.CredentialID, EncryptedRecoveryKey: envelope}) ||
			c.User.ID != u.ID || c.User.Name != ada.Username {
			t.Errorf("challenge %+v", c)
		}
		in, next := ada.request(t, c)
		result := world.Read[api.RegistrationResult](t, ada.complete(t, c.TemporaryAuthenticationToken, in))
		if result.User.ID != u.ID || result.Credential.Name != "New" || result.Credential.Kind != api.KindFido2 {
			t.Errorf("recovered as %+v", result)
		}
		h.RefusedAs(t, "the session from before", h.Call(t, "GET", "/auth/credentials", token, "", ""), 401, "token_invalid")
		h.RefusedAs(t, "the access token from before", h.Call(t, "GET", "/auth/credentials", pat.Token, "", ""), 401, "token_invalid")
		h.RefusedAs(t, "what was signed before", h.Post(t, "/countersign/actions/consume",
			api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/orders", Payload: new("{}")}), 403, "user_action_invalid")
		h.RefusedAs(t, "the passkey from before", h.Post(t, "/auth/login", world.Signed(t, ada.Person, h.InitLogin(t, h.Org.ID, ada.Username))), 401, "credential_inactive")
		session := next.LogIn(t)
		all := world.Read[api.CredentialList](t, h.Call(t, "GET", "/auth/credentials", session, "", "")).Items
		for _, c := range all {
			if want := map[string]string{api.KindFido2: next.CredentialID(), api.KindRecoveryKey: next.recovery.CredentialID}[c.Kind]; c.CredentialID != want {
				t.Errorf("a %s is %s, want %s", c.Kind, c.CredentialID, want)
			}
		}
		if len(all) != 2 {
			t.Errorf("%d credentials after it", len(all))
		}
		if n := len(h.EventsOf(t, u.ID, store.EventUserRecovered)); n != 1 {
			t.Errorf("%d events", n)
		}
		h.Outbox.Finish()
		m := h.Mailbox.Messages()
		if last := string(m[len(m)-1].Data); !strings.Contains(last, "Your account was recovered") {
			t.Errorf("the owner was told %s", last)
		}

		// The old recovery key is worth nothing, the new one all.
		h.RefusedAs(t, "the recovery key from before", ada.init(t, next.mailed(t)), 401, "credential_not_recovery")
		c = next.begin(t)
		in, last := next.request(t, c)
		first := world.Read[api.RegistrationResult](t, next.complete(t, c.TemporaryAuthenticationToken, in))
		if again := world.Read[api.RegistrationResult](t, next.complete(t, c.TemporaryAuthenticationToken, in)); again != first {
			t.Errorf("sent twice, it answers %+v, before %+v", again, first)
		}
		resigned := in
		resigned.Recovery = next.sign(world.JSON(t, in.NewCredentials) + " ")
		h.RefusedAs(t, "signed anew", next.complete(t, c.TemporaryAuthenticationToken, resigned), 401, "credential_not_recovery")
		if n := len(h.EventsOf(t, u.ID, store.EventUserRecovered)); n != 2 {
			t.Errorf("%d events of two recoveries", n)
		}
		last.LogIn(t)
		h.Clock.Advance(ceremony.DefaultLifetime)
		h.RefusedAs(t, "sent again too late", next.complete(t, c.TemporaryAuthenticationToken, in), 401, "ceremony_expired")
	})
}

// The recovery key signs what the new credentials say, however their JSON is written; nothing else is
// accepted, and nothing changes then.
func TestWhatTheRecoveryKeySigns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, bob := hold(t, h, h.Invitee(t)), hold(t, h, h.Invitee(t))
		c := ada.begin(t)
		in, next := ada.renew(t, c)
		text := world.JSON(t, in)
		var parsed map[string]any
		world.Must(t, json.Unmarshal([]byte(text), &parsed))
		spaced, err := json.MarshalIndent(parsed, "", "\t") // sorted and spaced
		world.Must(t, err)
		with := func(f func(*api.RecoverRequest)) api.RecoverRequest {
			r := api.RecoverRequest{Recovery: ada.sign(text), NewCredentials: &in}
			f(&r)
			return r
		}
		other, _ := ada.renew(t, c)
		renamed := in
		first := *in.FirstFactorCredential
		first.CredentialName = "Renamed"
		renamed.FirstFactorCredential = &first
		without := in
		without.RecoveryCredential = nil
		asPasskey := ada.Assert(t, api.SigningChallenge{Challenge: world.Base64([]byte(text))})
		for name, r := range map[string]struct {
			in     api.RecoverRequest
			status int
			code   string
		}{
			"other credentials":      {with(func(r *api.RecoverRequest) { r.NewCredentials = &other }), 400, "recovery_mismatch"},
			"another name":           {with(func(r *api.RecoverRequest) { r.NewCredentials = &renamed }), 400, "recovery_mismatch"},
			"one left out":           {with(func(r *api.RecoverRequest) { r.NewCredentials = &without }), 400, "recovery_mismatch"},
			"one added":              {with(func(r *api.RecoverRequest) { r.Recovery = ada.sign(world.JSON(t, without)) }), 400, "recovery_mismatch"},
			"the challenge":          {with(func(r *api.RecoverRequest) { r.Recovery = ada.sign(c.Challenge) }), 400, "recovery_mismatch"},
			"no JSON":                {with(func(r *api.RecoverRequest) { r.Recovery = ada.sign("{") }), 400, "recovery_mismatch"},
			"JSON with a name twice": {with(func(r *api.RecoverRequest) { r.Recovery = ada.sign(`{"firstFactorCredential":{},` + text[1:]) }), 400, "recovery_mismatch"},
			"nothing":                {with(func(r *api.RecoverRequest) { r.Recovery = ada.sign("") }), 400, "challenge_mismatch"},
			"another's recovery key": {with(func(r *api.RecoverRequest) { r.Recovery = bob.sign(text) }), 401, "credential_not_recovery"},
			"the new recovery key":   {with(func(r *api.RecoverRequest) { r.Recovery = next.sign(text) }), 401, "credential_not_recovery"},
			"the lost passkey":       {with(func(r *api.RecoverRequest) { r.Recovery = asPasskey }), 401, "credential_not_recovery"},
			"a passkey as recovery":  {with(func(r *api.RecoverRequest) { a := *asPasskey; a.Kind = api.KindRecoveryKey; r.Recovery = &a }), 401, "credential_not_recovery"},
			"as a key":               {with(func(r *api.RecoverRequest) { r.Recovery.Kind = api.KindKey }), 401, "credential_not_recovery"},
			"another's signature": {with(func(r *api.RecoverRequest) {
				r.Recovery.CredentialAssertion.Signature = bob.sign(text).CredentialAssertion.Signature
			}), 401, "signature_invalid"},
			"no recovery key":    {with(func(r *api.RecoverRequest) { r.Recovery = nil }), 400, "member_missing"},
			"no new credentials": {with(func(r *api.RecoverRequest) { r.NewCredentials = nil }), 400, "member_missing"},
			"no first factor": {with(func(r *api.RecoverRequest) {
				r.NewCredentials = &api.RegistrationRequest{}
				r.Recovery = ada.sign(world.JSON(t, r.NewCredentials))
			}), 400, "member_missing"},
		} {
			h.RefusedAs(t, name, ada.complete(t, c.TemporaryAuthenticationToken, r.in), r.status, r.code)
		}
		elsewhere := bob.begin(t)
		registration := h.Invitee(t).Begin(t)
		for name, token := range map[string]string{"another's ticket": elsewhere.TemporaryAuthenticationToken, "a registration's ticket": registration.TemporaryAuthenticationToken,
			"a session": ada.LogIn(t), "a login's ticket": h.InitLogin(t, h.Org.ID, ada.Username).ChallengeIdentifier, "none": ""} {
			codes := world.Codes("token_invalid", "credential_not_recovery")
			a := ada.complete(t, token, with(func(*api.RecoverRequest) {}))
			h.RefusedAs(t, name, a, 401, codes...)
		}
		g := h.Invitee(t)
		rc := g.Begin(t)
		r := world.First(g.Passkey(t, rc, authenticator.Options{}))
		h.RefusedAs(t, "a recovery's ticket registers nobody", g.Complete(t, c.TemporaryAuthenticationToken, r), 401, "token_invalid")
		if all := world.Read[api.CredentialList](t, h.Call(t, "GET", "/auth/credentials", ada.LogIn(t), "", "")).Items; len(all) != 2 {
			t.Errorf("refused, and the credentials are %+v", all)
		}
		twice := with(func(r *api.RecoverRequest) { r.Recovery = ada.sign(string(spaced)) })
		ada.complete(t, c.TemporaryAuthenticationToken, twice).Wants(t, "written in another way", 200, "")
		next.LogIn(t)
		h.RefusedAs(t, "a recovery key logs nobody in", h.Post(t, "/auth/login", loginWith(t, h, next)), 400, "credential_kind_not_supported")
	})
}

func loginWith(t testing.TB, h *world.Organisation, p holder) api.SignedChallenge {
	t.Helper()
	c := h.InitLogin(t, h.Org.ID, p.Username)
	a := p.sign("x")
	return api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: a}
}

// A code is the named user's, works until it expires or one of theirs was used, and is counted when wrong.
// The answers tell nobody who exists.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada, bob, none := hold(t, h, h.Invitee(t)), hold(t, h, h.Invitee(t)), h.Employee(t)
		older, code, bobs := ada.mailed(t), ada.mailed(t), bob.mailed(t)
		shapes := map[string]string{}
		for name, in := range map[string]api.InitRecoveryRequest{
			"nobody's":     {OrgID: ada.OrgID, Username: ada.Username, VerificationCode: nobodysCode, CredentialID: ada.recovery.CredentialID},
			"a colleague":  {OrgID: ada.OrgID, Username: ada.Username, VerificationCode: bobs, CredentialID: ada.recovery.CredentialID},
			"nobody":       {OrgID: ada.OrgID, Username: "nobody@example.org", VerificationCode: code, CredentialID: ada.recovery.CredentialID},
			"no key":       {OrgID: ada.OrgID, Username: none.Username, VerificationCode: code, CredentialID: ada.recovery.CredentialID},
			"nowhere":      {OrgID: world.NobodysID("or"), Username: ada.Username, VerificationCode: code, CredentialID: ada.recovery.CredentialID},
			"registration": {OrgID: ada.OrgID, Username: ada.Username, VerificationCode: ada.RegistrationCode, CredentialID: ada.recovery.CredentialID},
		} {
			a := h.Post(t, initPath, in)
			h.RefusedAs(t, name, a, 403, "recovery_code_invalid")
			h.Refused(t, a, nil, in.VerificationCode, in.Username)
			shapes[name] = world.Shape(t, a)
		}
		world.Same(t, initPath, shapes)
		h.RefusedAs(t, "a recovery code logs nobody in", h.Post(t, "/auth/login/init", api.InitLoginRequest{OrgID: ada.OrgID, Username: ada.Username, LoginCode: code}), 403, "login_code_invalid")
		in := api.InitRecoveryRequest{OrgID: ada.OrgID, Username: ada.Username, VerificationCode: code, CredentialID: ada.CredentialID()}
		h.RefusedAs(t, "a passkey as recovery key", h.Post(t, initPath, in), 401, "credential_not_recovery")
		in.CredentialID = bob.recovery.CredentialID
		h.RefusedAs(t, "another's recovery key", h.Post(t, initPath, in), 401, "credential_not_recovery")
		in.CredentialID = ""
		h.RefusedAs(t, "no recovery key", h.Post(t, initPath, in), 400, "member_missing")
		in.CredentialID, in.VerificationCode = ada.recovery.CredentialID, ""
		h.RefusedAs(t, "no code", h.Post(t, initPath, in), 400, "member_missing")
		for range 12 {
			ada.init(t, nobodysCode)
		}
		h.RefusedAs(t, "a guess too many", ada.init(t, nobodysCode), 429, "too_many_tries")

		// Fifty recoveries at once, by two codes: one wins.
		var calls []func() world.Answer
		for i := range 50 {
			c := world.Read[api.RecoveryChallenge](t, ada.init(t, []string{older, code}[i%2]))
			in, _ := ada.request(t, c)
			calls = append(calls, func() world.Answer { return ada.complete(t, c.TemporaryAuthenticationToken, in) })
		}
		if won := h.Race(t, calls, "recovery_lost", "credential_not_recovery"); won != 1 {
			t.Errorf("%d of 50 recoveries", won)
		}
		h.RefusedAs(t, "used", ada.init(t, code), 429, "too_many_tries")
		h.Clock.Advance(15 * time.Minute)
		h.RefusedAs(t, "used, later", ada.init(t, code), 403, "recovery_code_invalid")
		bob.init(t, bobs).Wants(t, "in time", 200, "")
		h.Clock.Advance(recovery.CodeLifetime - 15*time.Minute)
		h.RefusedAs(t, "too late", bob.init(t, bobs), 403, "recovery_code_invalid")
		h.KeepsSecret(t, nil, older, code, bobs)
	})
}

// A service account begins the recovery of an end user; the end user's recovery key still signs. Nobody
// else is recovered so.
func TestDelegatedRecovery(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		permission := h.Permission(t, h.Org.ID, "recoverers", "Auth:Recover:Delegated", "Auth:Register:Delegated")
		_, machine := h.ServiceAccount(t, h.Org.ID, "machine", permission)
		_, weak := h.ServiceAccount(t, h.Org.ID, "weak")
		register := func(name string) holder {
			t.Helper()
			c := world.Read[api.RegistrationChallenge](t, h.CallAs(t, machine, true, "POST", "/auth/registration/delegated", world.JSON(t, map[string]string{"email": name, "kind": "EndUser"})))
			p := holder{&countersigntest.Person{Invitation: countersigntest.Invitation{OrgID: h.Org.ID, Username: name}, Origin: h.URL, Client: h.Client()}, h, authenticator.NewKeySigner("P-256")}
			first, passkey, err := authenticator.New().Create(c, authenticator.Options{Origin: h.URL})
			world.Must(t, err)
			p.Passkey = passkey
			second := p.recovery.Create(c.Challenge, api.KindRecoveryKey)
			h.Send(t, "POST", "/auth/registration", world.Bearer(c.TemporaryAuthenticationToken), api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}).Wants(t, "register", 200, "")
			return p
		}
		customer, staff := register("customer-1"), hold(t, h, h.Invitee(t))
		ask := func(by *client.Session, name, id string) world.Answer {
			t.Helper()
			return h.CallAs(t, by, true, "POST", delegatedPath, world.JSON(t, api.DelegatedRecoveryRequest{Username: name, CredentialID: id}))
		}
		h.RefusedAs(t, "without the right", ask(weak, "customer-1", customer.recovery.CredentialID), 403, "permission_denied")
		h.RefusedAs(t, "nobody", ask(machine, "customer-2", customer.recovery.CredentialID), 401, "user_not_found")
		h.RefusedAs(t, "an employee", ask(machine, staff.Username, staff.recovery.CredentialID), 401, "user_not_found")
		h.RefusedAs(t, "another spelling", ask(machine, "CUSTOMER-1", customer.recovery.CredentialID), 409, "username_differs")
		h.RefusedAs(t, "a passkey", ask(machine, "customer-1", customer.CredentialID()), 401, "credential_not_recovery")
		h.RefusedAs(t, "another's recovery key", ask(machine, "customer-1", staff.recovery.CredentialID), 401, "credential_not_recovery")
		c := world.Read[api.RecoveryChallenge](t, ask(machine, "customer-1", customer.recovery.CredentialID))
		in, next := customer.request(t, c)
		forged := in
		forged.Recovery = staff.sign(world.JSON(t, in.NewCredentials))
		h.RefusedAs(t, "without the end user's recovery key", customer.complete(t, c.TemporaryAuthenticationToken, forged), 401, "credential_not_recovery")
		customer.complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "recover", 200, "")
		next.LogIn(t)
		customer.complete(t, c.TemporaryAuthenticationToken, in).Wants(t, "once more", 200, "")
		world.Must(t, h.Users.SetActive(t.Context(), h.Org.ID, "customer-1", false))
		h.RefusedAs(t, "deactivated", customer.complete(t, c.TemporaryAuthenticationToken, in), 400, "user_inactive")
		world.Must(t, h.Users.SetActive(t.Context(), h.Org.ID, "customer-1", true))
		_, err := h.Users.RecoverByOperator(t.Context(), h.Org.ID, "customer-1", time.Hour)
		world.Must(t, err)
		h.RefusedAs(t, "what it stored is removed", customer.complete(t, c.TemporaryAuthenticationToken, in), 409, "recovery_lost")
	})
}

// Logins, signatures and recoveries at once: whatever the order, nothing that the former passkey opened or
// signed outlives the one recovery that won.
func TestRecoveryAgainstLogin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		ada := hold(t, h, h.Invitee(t))
		former := ada.LogIn(t)
		u, err := h.DB.UserByName(t.Context(), h.Org.ID, ada.Username)
		world.Must(t, err)
		var recoveries, others []func() world.Answer
		codes := []string{ada.mailed(t), ada.mailed(t)}
		for i := range 10 {
			c := world.Read[api.RecoveryChallenge](t, ada.init(t, codes[i%2]))
			in, _ := ada.request(t, c)
			recoveries = append(recoveries, func() world.Answer { return ada.complete(t, c.TemporaryAuthenticationToken, in) })
			login := world.Signed(t, ada.Person, h.InitLogin(t, h.Org.ID, ada.Username))
			others = append(others, func() world.Answer { return h.Post(t, "/auth/login", login) })
			signed := world.Signed(t, ada.Person, h.InitAction(t, former, "POST", "/orders", "{}"))
			others = append(others, func() world.Answer { return h.Send(t, "POST", "/auth/action", world.Bearer(former), signed) })
		}
		won := make(chan int)
		go func() { won <- h.Race(t, recoveries, "recovery_lost", "credential_not_recovery") }()
		h.Race(t, others, "credential_inactive", "token_invalid", "challenge_used", "signature_invalid")
		if n := <-won; n != 1 {
			t.Errorf("%d of 10 recoveries won", n)
		}
		sessions, err := h.DB.SessionsOfUser(t.Context(), u.ID, h.Clock.Now())
		world.Must(t, err)
		if len(sessions) != 0 {
			t.Errorf("after the recovery there are the sessions %+v", sessions)
		}
		actions, err := h.DB.Actions(t.Context(), h.Org.ID, u.ID, "", 0)
		world.Must(t, err)
		for _, a := range actions {
			if a.ExpiresAt.After(h.Clock.Now()) {
				t.Errorf("action %s can still be used", a.ID)
			}
		}
		if n := len(h.EventsOf(t, u.ID, store.EventUserRecovered)); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// A recovery key whose own id looks like one of the server's recovers too.
func TestRecoveryKeyWithAnIDLikeOurs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *world.Organisation) {
		h.Employee(t)
		g := h.Invitee(t)
		ada := holder{&countersigntest.Person{Invitation: g.Invitation, Origin: h.URL, Client: h.Client()}, h, authenticator.NewKeySigner("P-256")}
		ada.recovery.CredentialID = world.NobodysID(api.PrefixCredential)
		c := g.Begin(t)
		first, passkey, err := authenticator.New().Create(c, authenticator.Options{Origin: h.URL})
		world.Must(t, err)
		ada.Passkey = passkey
		second := ada.recovery.Create(c.Challenge, api.KindRecoveryKey)
		g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &first, RecoveryCredential: &second}).Wants(t, "register", 200, "")
		begun := ada.begin(t)
		in, next := ada.request(t, begun)
		ada.complete(t, begun.TemporaryAuthenticationToken, in).Wants(t, "recover", 200, "")
		next.LogIn(t)
	})
}
