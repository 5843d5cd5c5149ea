package attack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

const (
	loginInitPath  = "/auth/login/init"
	loginPath      = "/auth/login"
	loginCodePath  = "/auth/login/code"
	logoutPath     = "/auth/logout"
	actionInitPath = "/auth/action/init"
	actionPath     = "/auth/action"
	usersPath      = "/auth/users"
	consumePath    = "/countersign/actions/consume"
	forwardPath    = "/countersign/forward-auth"
)

// nobodys is an id of that prefix which is nobody's.
func nobodys(prefix string) string { return prefix + "-00000-00000-0000000000000000" }

// member is somebody of the organisation, registered with a passkey. The first of an
// organisation is its administrator.
func (h *house) member(t *testing.T, options ...authenticator.Options) *countersigntest.Person {
	t.Helper()
	return h.Register(t, h.Invite(t, h.org.ID, h.newName()), options...)
}

func (h *house) newName() string { return fmt.Sprintf("guest%d@example.org", h.invited.Add(1)) }

// elsewhere makes another organisation with an administrator.
func (h *house) elsewhere(t *testing.T) (store.Organisation, *countersigntest.Person) {
	t.Helper()
	org := h.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
	return org, h.Register(t, h.Invite(t, org.ID, "charles@example.org"))
}

// read decodes an answer that must be a success.
func read[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", a.method, a.path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s %s: %v in %s", a.method, a.path, err, a.body)
	}
	return v
}

func (h *house) initLogin(t *testing.T, orgID, name string) api.SigningChallenge {
	t.Helper()
	return read[api.SigningChallenge](t, h.post(t, loginInitPath, api.InitLoginRequest{OrgID: orgID, Username: name}))
}

// signed is the answer of a person to a challenge.
func signed(t *testing.T, p *countersigntest.Person, c api.SigningChallenge, options ...authenticator.Options) api.SignedChallenge {
	t.Helper()
	return api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(t, c, options...)}
}

// logIn logs a person in by name and returns the session's token.
func (h *house) logIn(t *testing.T, p *countersigntest.Person) string {
	t.Helper()
	c := h.initLogin(t, p.OrgID, p.Username)
	return read[api.LoginResult](t, h.post(t, loginPath, signed(t, p, c))).Token
}

func (h *house) initAction(t *testing.T, token, method, path, payload string) api.SigningChallenge {
	t.Helper()
	return read[api.SigningChallenge](t, h.send(t, "POST", actionInitPath, bearer(token),
		api.InitActionRequest{Method: method, Path: path, Payload: payload}))
}

// act signs a request and returns the user action.
func (h *house) act(t *testing.T, p *countersigntest.Person, token, method, path, payload string) string {
	t.Helper()
	c := h.initAction(t, token, method, path, payload)
	return read[api.ActionResult](t, h.send(t, "POST", actionPath, bearer(token), signed(t, p, c))).UserAction
}

// flow is a ceremony in which a credential answers a challenge. A new one joins every
// test of assertions by a line here.
type flow struct {
	name     string
	named    bool // the user is known before the credential is chosen
	begin    func(t *testing.T, h *house, p *countersigntest.Person, token string) api.SigningChallenge
	complete func(t *testing.T, h *house, token string, in any) answer
}

var flows = []flow{
	{"login by name", true,
		func(t *testing.T, h *house, p *countersigntest.Person, _ string) api.SigningChallenge {
			return h.initLogin(t, p.OrgID, p.Username)
		}, completeLogin},
	{"login by passkey", false,
		func(t *testing.T, h *house, p *countersigntest.Person, _ string) api.SigningChallenge {
			return h.initLogin(t, p.OrgID, "")
		}, completeLogin},
	{"login by passkey, no organisation", false,
		func(t *testing.T, h *house, _ *countersigntest.Person, _ string) api.SigningChallenge {
			return h.initLogin(t, "", "")
		}, completeLogin},
	{"action", true,
		func(t *testing.T, h *house, _ *countersigntest.Person, token string) api.SigningChallenge {
			return h.initAction(t, token, "POST", "/x", `{"a":1}`)
		},
		func(t *testing.T, h *house, token string, in any) answer {
			return h.send(t, "POST", actionPath, bearer(token), in)
		}},
}

func completeLogin(t *testing.T, h *house, _ string, in any) answer { return h.post(t, loginPath, in) }

// use is a place where a signed action is spent, for method, path and payload.
type use struct {
	name, method, path string
	payload            func(n int) string
	put                func(t *testing.T, h *house, session, action, payload string) answer
}

// uses are all such places. A new one joins by an entry here.
var uses = []use{
	{"POST /auth/users", "POST", usersPath,
		func(n int) string { return fmt.Sprintf(`{"email":"made%d@example.org","kind":"CustomerEmployee"}`, n) },
		func(t *testing.T, h *house, session, action, payload string) answer {
			return h.send(t, "POST", usersPath, with2(bearer(session), api.HeaderUserAction, action), payload)
		}},
	{"consume", "POST", "/orders",
		func(n int) string { return fmt.Sprintf(`{"order":%d}`, n) },
		func(t *testing.T, h *house, _, action, payload string) answer {
			return h.post(t, consumePath, api.ConsumeActionRequest{UserAction: action, Method: "POST", Path: "/orders", Payload: &payload})
		}},
	{"forward-auth", "POST", "/orders",
		func(n int) string { return fmt.Sprintf(`{"order":%d}`, n) },
		func(t *testing.T, h *house, _, action, payload string) answer {
			return h.send(t, "POST", forwardPath+"?body=passed", http.Header{http.CanonicalHeaderKey(api.HeaderUserAction): {action},
				"X-Original-Method": {"POST"}, "X-Original-Uri": {"/orders"}}, payload)
		}},
}

// with2 adds a header.
func with2(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// refusedAs fails t unless a is a refusal of that status and one of the codes.
func (h *house) refusedAs(t *testing.T, what string, a answer, status int, codes ...string) {
	t.Helper()
	if a.status != status || !contains(codes, a.code()) {
		t.Errorf("%s: %s %s answered %d %q (%s), want %d %q", what, a.method, a.path, a.status, a.code(), a.envelope.Message, status, codes)
		return
	}
	h.refused(t, a, codes)
}

// kept is all that logins and signatures leave behind, as text: who there is, with which
// credentials in which state, live sessions, actions and events.
func (h *house) kept(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	orgs, err := h.DB.Organisations(ctx)
	fail(err)
	for _, o := range orgs {
		members, err := h.DB.Members(ctx, o.ID, "", "", 0)
		fail(err)
		for _, m := range members {
			fmt.Fprintln(&b, m.Username, m.Active, m.RegisteredAt.UnixMilli())
			all, err := h.DB.CredentialsOfUser(ctx, m.ID)
			fail(err)
			for _, c := range all {
				fmt.Fprintln(&b, " ", c.ID, c.Active, c.SignCount, c.BackupEligible, c.BackupState, c.LastUsedAt.UnixMilli())
			}
			sessions, err := h.DB.SessionsOfUser(ctx, m.ID, h.Clock.Now())
			fail(err)
			for _, s := range sessions {
				fmt.Fprintln(&b, " ", s.ID)
			}
		}
		actions, err := h.DB.Actions(ctx, o.ID, "", "", 0)
		fail(err)
		for _, a := range actions {
			fmt.Fprintln(&b, " ", a.ID, a.UsedFor, a.UsedAt.UnixMilli())
		}
		events, err := h.DB.Events(ctx, o.ID, "", 0)
		fail(err)
		for _, e := range events {
			fmt.Fprintln(&b, " ", e.ID, e.Kind, string(e.Detail))
		}
	}
	return b.String()
}

// unmoved fails t if anything is kept that was not before.
func (h *house) unmoved(t *testing.T, what, before string) {
	t.Helper()
	if after := h.kept(t); after != before {
		t.Errorf("%s: the refused request left its mark:\n%s\nbefore:\n%s", what, after, before)
	}
}

// sessions counts the live sessions of a person.
func (h *house) sessions(t *testing.T, p *countersigntest.Person) int {
	t.Helper()
	all, err := h.DB.SessionsOfUser(context.Background(), p.UserID, h.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// eventsOf returns the events of a kind that are about a user.
func (h *house) eventsOf(t *testing.T, userID, kind string) (all []store.Event) {
	t.Helper()
	u, err := h.DB.User(context.Background(), userID)
	if err != nil {
		t.Fatal(err)
	}
	events, err := h.DB.Events(context.Background(), u.OrgID, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.UserID == userID && e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inviteAdministrator invites one more administrator.
func (h *house) inviteAdministrator(t *testing.T) countersigntest.Invitation {
	t.Helper()
	i, err := h.Users.Invite(context.Background(), h.org.ID, user.Invitee{Username: h.newName(), Administrator: true}, code.DefaultLifetime)
	must(t, err)
	return countersigntest.Invitation{OrgID: h.org.ID, UserID: i.User.ID, Username: i.User.Username, RegistrationCode: i.Code, CodeID: i.Row.ID}
}
