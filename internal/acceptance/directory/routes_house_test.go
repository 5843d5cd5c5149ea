package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"
)

// tenant is an organisation with a caller of each kind and one of each thing that a route
// can name.
type tenant struct {
	*countersigntest.Server
	http    *http.Client
	org     store.Organisation
	all     string // permission to do everything
	admin   *client.Session
	callers map[api.CallerKind]*client.Session // none with any permission
	ids     map[string]string                  // by the name of a path's parameter
	grants  map[api.CallerKind]string          // the identity that a permission is given to
}

func newTenant(t *testing.T, srv *countersigntest.Server, name string) *tenant {
	t.Helper()
	ctx := context.Background()
	n := &tenant{Server: srv, callers: map[api.CallerKind]*client.Session{}, ids: map[string]string{}, grants: map[api.CallerKind]string{}}
	n.http = &http.Client{Transport: contract.Transport(t, srv.HTTP().Transport)}
	var root *countersigntest.Person
	n.org, root = srv.Administrator(t, name)
	n.all = api.AdministratorPermissionID(n.org.ID)
	n.admin = srv.Session(t, root)

	worker := srv.RegisterKey(t, srv.Invite(t, n.org.ID, "worker@example.org"), "P-256")
	n.callers[api.CallerEmployee], n.grants[api.CallerEmployee] = srv.Session(t, worker), worker.UserID
	guest, err := srv.Users.Invite(ctx, n.org.ID, user.Invitee{Username: "guest", Kind: api.EndUser}, code.DefaultLifetime)
	must(t, err)
	end := srv.RegisterKey(t, countersigntest.Invitation{OrgID: n.org.ID, UserID: guest.User.ID, Username: "guest", RegistrationCode: guest.Code}, "Ed25519")
	n.callers[api.CallerEndUser], n.grants[api.CallerEndUser] = srv.Session(t, end), end.UserID
	n.grants[api.CallerServiceAccount], n.callers[api.CallerServiceAccount] = srv.Machine(t, n.org.ID, "machine")

	// A token may no more than its person: it is the worker's, who gets what it gets.
	maker := srv.Permission(t, n.org.ID, "maker", "Auth:Pats:Create")
	made := srv.Grant(t, n.org.ID, maker, worker.UserID)
	n.grants[api.CallerPersonalToken], n.callers[api.CallerPersonalToken] = srv.PersonalToken(t, n.callers[api.CallerEmployee], "program", "")
	must(t, srv.DB.Write(ctx, func(tx *store.Tx) error { tx.Revoke(made, nil); return nil }))

	n.ids["tokenId"] = n.grants[api.CallerPersonalToken]
	n.ids["permissionId"] = maker
	n.ids["assignmentId"] = srv.Grant(t, n.org.ID, maker, n.grants[api.CallerServiceAccount]).ID
	n.ids["userId"] = srv.Invite(t, n.org.ID, "target@example.org").UserID
	n.ids["serviceAccountId"] = n.grants[api.CallerServiceAccount]
	n.ids["appId"] = n.application(t)
	events, err := srv.DB.Events(ctx, n.org.ID, "", 0)
	must(t, err)
	n.ids["id"] = api.PrefixAuditLog + strings.TrimPrefix(events[len(events)-1].ID, api.PrefixEvent)
	n.ids["actionId"] = n.signedAction(t)
	sessions, err := srv.DB.SessionsOfUser(ctx, worker.UserID, srv.Clock.Now())
	must(t, err)
	n.ids["sessionId"] = sessions[0].ID
	return n
}

func (n *tenant) application(t *testing.T) string {
	t.Helper()
	id := api.NewID(api.PrefixApplication, n.Clock.Now())
	must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.CreateApplication(store.Application{ID: id, OrgID: n.org.ID, Kind: api.ClientSideApplication, Name: "app", NameKey: "app",
			Active: true, CreatedAt: n.Clock.Now()}, nil)
		return nil
	}))
	return id
}

// signedAction has the worker sign something for another service.
func (n *tenant) signedAction(t *testing.T) string {
	t.Helper()
	_, err := n.callers[api.CallerEmployee].SignFor(context.Background(), "POST", "/elsewhere", nil)
	must(t, err)
	all, err := n.DB.Actions(context.Background(), n.org.ID, n.grants[api.CallerEmployee], "", 0)
	must(t, err)
	return all[len(all)-1].ID
}

// fill puts the tenant's own ids into a path, "GET /auth/users/{userId}".
func (n *tenant) fill(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	for name, id := range n.ids {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	return method, path
}

// answer is what came of a request.
type answer struct {
	status int
	code   string
	body   string
}

// send makes a request as it is.
func (n *tenant) send(t *testing.T, method, path, token, action, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.URL+path, strings.NewReader(body))
	must(t, err)
	if body == "" {
		r.Body = http.NoBody
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if action != "" {
		r.Header.Set(api.HeaderUserAction, action)
	}
	res, err := n.http.Do(r)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	var e api.ErrorBody
	if res.StatusCode >= 400 {
		must(t, json.Unmarshal(text, &e))
	}
	return answer{res.StatusCode, e.Error.Code, string(text)}
}

// signedSend makes a request as a caller, signed if it must be.
func (n *tenant) signedSend(t *testing.T, s *client.Session, signed bool, method, path, body string) answer {
	t.Helper()
	action := ""
	if signed {
		var err error
		action, err = s.SignFor(t.Context(), method, path, []byte(body))
		must(t, err)
	}
	return n.send(t, method, path, s.Token, action, body)
}

func (a answer) String() string { return fmt.Sprintf("%d %s %.200s", a.status, a.code, a.body) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// state is all that lists show of an organisation, and how much has happened in it.
func (n *tenant) state(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	var all []any
	add := func(v any, err error) {
		must(t, err)
		all = append(all, v)
	}
	add(n.DB.People(ctx, n.org.ID, "", "", "", 0))
	members, tokens, err := n.DB.ServiceAccounts(ctx, n.org.ID)
	add([]any{members, tokens}, err)
	add(n.DB.AccessTokens(ctx, n.grants[api.CallerEmployee]))
	add(n.DB.Permissions(ctx, n.org.ID, "", 0))
	add(n.DB.Assignments(ctx, n.ids["permissionId"], "", 0))
	add(n.DB.Assignments(ctx, n.all, "", 0))
	add(n.DB.Applications(ctx, n.org.ID))
	events, err := n.DB.Events(ctx, n.org.ID, "", 0)
	add(len(events), err)
	text, err := json.Marshal(all)
	must(t, err)
	return string(text)
}
