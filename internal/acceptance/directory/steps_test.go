package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// office is a tenant whose administrator gets no answer that the contract does not have.
func office(t *testing.T, srv *countersigntest.Server) *tenant {
	t.Helper()
	n := newTenant(t, srv, "Engines")
	n.admin = n.watched(n.admin)
	return n
}

// offices runs test in one on each database.
func offices(t *testing.T, test func(t *testing.T, n *tenant)) {
	t.Helper()
	each(t, func(t *testing.T, srv *countersigntest.Server) { test(t, office(t, srv)) })
}

// later is offices with a clock that the test turns.
func later(t *testing.T, test func(t *testing.T, n *tenant)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		test(t, office(t, countersigntest.Start(t, countersigntest.Database(url), countersigntest.At(&countersigntest.Clock{}))))
	})
}

// watched is the same session with every answer judged by the contract.
func (n *tenant) watched(s *client.Session) *client.Session { return n.as(s.Token, s.Signer) }

// as is a session of whatever token with whatever key.
func (n *tenant) as(token string, signer client.Signer) *client.Session {
	return (&client.Client{BaseURL: n.URL, HTTP: n.http}).Session(token, signer)
}

// member is a registered user with a session of theirs.
type member struct {
	*client.Session
	id, name string
	person   *countersigntest.Person
}

// hire makes a registered user who may do these operations.
func (n *tenant) hire(t *testing.T, name string, operations ...string) member {
	t.Helper()
	return n.hireAs(t, name, api.CustomerEmployee, operations...)
}

func (n *tenant) hireAs(t *testing.T, name, kind string, operations ...string) member {
	t.Helper()
	i, err := n.Users.Invite(context.Background(), n.org.ID, user.Invitee{Username: name, Kind: kind}, store.MaxActionLife)
	must(t, err)
	p := n.RegisterKey(t, countersigntest.Invitation{OrgID: n.org.ID, UserID: i.User.ID, Username: name, RegistrationCode: i.Code}, "P-256")
	if len(operations) > 0 {
		n.allow(t, p.UserID, operations...)
	}
	return n.session(t, p)
}

// session logs somebody in.
func (n *tenant) session(t *testing.T, p *countersigntest.Person) member {
	t.Helper()
	return member{n.watched(n.Session(t, p)), p.UserID, p.Username, p}
}

// allow gives an identity a permission of its own, at once.
func (n *tenant) allow(t *testing.T, identityID string, operations ...string) store.Assignment {
	t.Helper()
	a := n.Grant(t, n.org.ID, n.Permission(t, n.org.ID, "of "+api.NewID(api.PrefixPermission, n.Clock.Now()), operations...), identityID)
	n.Access.Changed()
	return a
}

// promote makes somebody an administrator, at once.
func (n *tenant) promote(t *testing.T, identityID string) store.Assignment {
	t.Helper()
	a := n.Grant(t, n.org.ID, n.all, identityID)
	n.Access.Changed()
	return a
}

// refused holds that err is the refusal of a request with that status and code.
func refused(t testing.TB, what string, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("%s: %v, want %d %s", what, err, status, code)
	}
}

// wants holds that an answer has that status and code, "" for a success.
func (a answer) wants(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.status != status || a.code != code {
		t.Errorf("%s: %v, want %d %s", what, a, status, code)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// tokenOf is the id of somebody's access token of that name.
func (n *tenant) tokenOf(t testing.TB, userID, name string) string {
	t.Helper()
	all, err := n.DB.AccessTokens(context.Background(), userID)
	must(t, err)
	for _, e := range all {
		if e.Name == name {
			return e.ID
		}
	}
	t.Fatalf("%s has no access token %q", userID, name)
	return ""
}

// unchanged holds that the state of an organisation is what it was.
func (n *tenant) unchanged(t *testing.T, what, before string) {
	t.Helper()
	after := n.state(t)
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Errorf("%s: the state was …%.100s…\nand is …%.100s…", what, before[max(0, i-50):], after[max(0, i-50):])
			return
		}
	}
	if before != after {
		t.Errorf("%s: the state has %d bytes and had %d", what, len(after), len(before))
	}
}

// lives reports whether a session or an access token is let in.
func (n *tenant) lives(t *testing.T, s *client.Session) bool {
	t.Helper()
	return n.send(t, "GET", "/auth/pats", s.Token, "", "").status == 200
}

// happened lists the kinds of event about a user that begin so, oldest first.
func (n *tenant) happened(t testing.TB, userID string, kinds ...string) (all []string) {
	t.Helper()
	for after := ""; ; {
		page, err := n.DB.Events(context.Background(), n.org.ID, after, 0)
		must(t, err)
		for _, e := range page {
			if e.UserID == userID && slices.Contains(kinds, e.Kind) {
				all = append(all, e.Kind)
			}
			after = e.ID
		}
		if len(page) < store.MaxPage {
			return all
		}
	}
}

// auditLog is the path of the log of all that happened until tomorrow.
func (n *tenant) auditLog() string {
	return "/auth/action/logs?startTime=2020-01-01T00:00:00.000Z&endTime=" + api.Time(n.Clock.Now().Add(24*time.Hour))
}
