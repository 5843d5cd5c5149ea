package sdk_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"
)

// mailed is a server that sends mail.
type mailed struct{ *checkedServer }

func startMailed(t *testing.T) *mailed {
	t.Helper()
	return &mailed{start(t, countersigntest.Mail())}
}

var codeInMail = regexp.MustCompile(`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){4}\b`)

// code returns the code in the one mail that do causes, which must go to this address.
func (m *mailed) code(t *testing.T, to string, do func()) string {
	t.Helper()
	m.Codes.Outbox.Finish()
	before := len(m.Mailbox.Messages())
	do()
	m.Codes.Outbox.Finish()
	messages := m.Mailbox.Messages()[before:]
	if len(messages) != 1 || len(messages[0].To) != 1 || messages[0].To[0] != to {
		t.Fatalf("%d mails were sent (%+v), want one to %s", len(messages), messages, to)
	}
	code := codeInMail.FindString(string(messages[0].Data))
	if code == "" {
		t.Fatalf("the mail has no code: %s", messages[0].Data)
	}
	return code
}

// administrator registers and logs in the first user of a new organisation.
func (m *mailed) administrator(t *testing.T, p program, v version) (*sdkUser, store.Organisation) {
	t.Helper()
	org := m.Organisation(t, "Engines of "+v.sdk)
	inv := m.Invite(t, org.ID, "machine") // no address, no mail
	ada := newUser(p, "ada", m.proxy)
	ada.makeSigner(t, "key", v.keyOptions("P-256"))
	ada.register(t, inv)
	return ada.logIn(t, named(org.ID, inv.Username)), org
}

// Where mail is configured who invites does not see the code; the mail brings it.
func TestInvitationByTheSDKIsMailed(t *testing.T) {
	t.Parallel()
	m := startMailed(t)
	for _, v := range []version{versions[0], versions[len(versions)-1]} {
		t.Run(v.sdk, func(t *testing.T) {
			p := startNode(t, v.sdk)
			ada, org := m.administrator(t, p, v)
			var user api.User
			code := m.code(t, "bob@example.org", func() {
				ada.call(t, "auth.createUser", body(map[string]string{"email": "bob@example.org", "kind": api.CustomerEmployee})).into(t, &user)
			})
			if user.Invitation != nil {
				t.Errorf("who invites sees the code as well: %+v", user.Invitation)
			}
			bob := newUser(p, "bob", m.proxy)
			bob.makeSigner(t, "key", v.keyOptions("Ed25519"))
			bob.register(t, countersigntest.Invitation{OrgID: org.ID, Username: user.Username, RegistrationCode: code})
			bob.logIn(t, named(org.ID, user.Username))
		})
	}
}

// Before 0.6 resending is a signed action of who is logged in; the operation is open to
// all by now, and works for these as well.
func TestResendIsSignedByOldSDKs(t *testing.T) {
	t.Parallel()
	m := startMailed(t)
	for _, v := range versions {
		if v.sdk != "v0.4" && v.sdk != "v0.5" {
			continue
		}
		t.Run(v.sdk, func(t *testing.T) {
			p := startNode(t, v.sdk)
			ada, org := m.administrator(t, p, v)
			bob := countersigntest.Invitation{OrgID: org.ID, Username: "bob@example.org"}
			first := m.code(t, bob.Username, func() {
				ada.call(t, "auth.createUser", body(map[string]string{"email": bob.Username, "kind": api.CustomerEmployee})).into(t, nil)
			})
			request := body(named(org.ID, bob.Username))
			signed := func() int {
				return len(m.passed(func(e contract.Exchange) bool {
					return e.Request.URL.Path == "/auth/registration/code" && e.Request.Header.Get(api.HeaderUserAction) != "" && e.Status == http.StatusOK
				}))
			}
			before := signed()
			second := m.code(t, bob.Username, func() { ada.call(t, "auth.resendRegistrationCode", request).into(t, nil) })
			third := m.code(t, bob.Username, func() {
				var challenge json.RawMessage
				ada.delegated(t, "auth.resendRegistrationCodeInit", request).into(t, &challenge)
				ada.delegated(t, "auth.resendRegistrationCodeComplete", request, sign(t, ada, challenge)).into(t, nil)
			})
			if n := signed() - before; n != 2 {
				t.Errorf("%d signed requests were seen, want 2: this version does not sign", n)
			}

			user := newUser(p, "bob", m.proxy)
			user.makeSigner(t, "key", v.keyOptions("P-256"))
			for what, code := range map[string]string{"first": first, "second": second} {
				if code == third {
					t.Errorf("the %s code was mailed again", what)
				}
				o := user.call(t, "authenticator.register", map[string]string{"orgId": org.ID, "username": bob.Username, "registrationCode": code})
				wantRefused(t, "the "+what+" code", o, 401, "registration_code_revoked")
			}
			bob.RegistrationCode = third
			user.register(t, bob)
		})
	}
}

// A key that its owner's password protects is kept by the server. It comes back for a
// login only with the code in a mail, and for an action always. Under Node:
func TestPasswordProtectedKeyInNode(t *testing.T) {
	t.Parallel()
	m := startMailed(t)
	for _, sdk := range []string{"v0.8", "v0.5"} {
		t.Run(sdk, func(t *testing.T) {
			org := m.OrganisationWith(t, organisation.New{Name: "Analytical Engines"})
			protectedKey(t, m, org, startNode(t, sdk), m.proxy)
		})
	}
}

// protectedKey registers the organisation's first user with a PasswordProtectedKey, logs
// them in and countersigns.
func protectedKey(t *testing.T, m *mailed, org store.Organisation, p program, url string) {
	inv := m.Invite(t, org.ID, "ada@example.org")
	ada := newUser(p, "ada", url)
	ada.makeSigner(t, "password", map[string]any{"password": "correct horse"})
	ada.register(t, inv)
	login := named(org.ID, inv.Username)
	login["loginCode"] = "AAAA-AAAA-AAAA-AAAA-AAAA"
	wantRefused(t, "a wrong code", ada.call(t, "authenticator.login", login), 403, "login_code_invalid")
	o := ada.call(t, "authenticator.login", named(org.ID, inv.Username))
	if o.Error == nil || o.Error.Message != "the challenge brings no encrypted key" {
		t.Errorf("without a code: %+v, want a challenge without the key", o)
	}

	login["loginCode"] = m.code(t, inv.Username, func() { ada.call(t, "auth.sendLoginCode", body(named(org.ID, inv.Username))).into(t, nil) })
	thief := newUser(p, "thief", url)
	thief.makeSigner(t, "password", map[string]any{"password": "battery staple"})
	if o := thief.call(t, "authenticator.login", login); o.Error == nil || o.Error.HTTPStatus != 0 {
		t.Errorf("with the code and another password: %+v, want a key that cannot be opened", o)
	}
	session := ada.logIn(t, login)
	wantRefused(t, "the code again", ada.call(t, "authenticator.login", login), 403, "login_code_invalid")

	session = session.with("orgId", org.ID)
	var user api.User
	m.code(t, "bob@example.org", func() {
		session.call(t, "auth.createUser", body(map[string]string{"email": "bob@example.org", "kind": api.CustomerEmployee})).into(t, &user)
	})
	if user.Username != "bob@example.org" {
		t.Errorf("created %+v", user)
	}
}
