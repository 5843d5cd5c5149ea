package world

import (
	"context"
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

// Tenant is an organisation with a caller of each kind and one of each thing that a request
// can name.
type Tenant struct {
	*Organisation
	Everything string                             // the permission to do everything
	Admin      *client.Session                    // the first administrator's, checked
	Callers    map[api.CallerKind]*client.Session // none with any permission
	Identities map[api.CallerKind]string          // what a permission of theirs is assigned to
	IDs        map[string]string                  // by the name of a path's parameter
	checked    *client.Client
}

// EachTenant runs test for a tenant on each database.
func EachTenant(t *testing.T, test func(t *testing.T, n *Tenant), options ...countersigntest.Option) {
	t.Helper()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) { test(t, NewTenant(t, srv, "Engines")) }, options...)
}

// NewTenant makes a tenant of that name.
func NewTenant(t testing.TB, srv *countersigntest.Server, name string) *Tenant {
	t.Helper()
	ctx := context.Background()
	org, root := srv.Administrator(t, name)
	n := &Tenant{Organisation: On(t, srv, org), Everything: api.AdministratorPermissionID(org.ID),
		Callers: map[api.CallerKind]*client.Session{}, IDs: map[string]string{}, Identities: map[api.CallerKind]string{},
		checked: Client(t, srv)}
	n.Admin = n.Checked(srv.Session(t, root))

	worker := srv.RegisterKey(t, srv.Invite(t, n.Org.ID, "worker@example.org"), "P-256")
	n.Callers[api.CallerEmployee], n.Identities[api.CallerEmployee] = srv.Session(t, worker), worker.UserID
	guest, err := srv.Users.Invite(ctx, n.Org.ID, user.Invitee{Username: "guest", Kind: api.EndUser}, code.DefaultLifetime)
	Must(t, err)
	end := srv.RegisterKey(t, countersigntest.Invitation{OrgID: n.Org.ID, UserID: guest.User.ID, Username: "guest", RegistrationCode: guest.Code}, "Ed25519")
	n.Callers[api.CallerEndUser], n.Identities[api.CallerEndUser] = srv.Session(t, end), end.UserID
	n.Identities[api.CallerServiceAccount], n.Callers[api.CallerServiceAccount] = srv.ServiceAccount(t, n.Org.ID, "machine")

	// A token may no more than its person: it is the worker's, who is assigned what the token is.
	maker := srv.Permission(t, n.Org.ID, "maker", "Auth:Pats:Create")
	made := srv.Grant(t, n.Org.ID, maker, worker.UserID)
	n.Identities[api.CallerPersonalToken], n.Callers[api.CallerPersonalToken] = srv.PersonalToken(t, n.Callers[api.CallerEmployee], "program", "")
	Must(t, srv.DB.Write(ctx, func(tx *store.Tx) error { tx.Revoke(made, nil); return nil }))

	n.IDs["tokenId"] = n.Identities[api.CallerPersonalToken]
	n.IDs["permissionId"] = maker
	n.IDs["assignmentId"] = srv.Grant(t, n.Org.ID, maker, n.Identities[api.CallerServiceAccount]).ID
	n.IDs["userId"] = srv.Invite(t, n.Org.ID, "target@example.org").UserID
	n.IDs["serviceAccountId"] = n.Identities[api.CallerServiceAccount]
	n.IDs["userKind"] = api.EndUser
	n.IDs["appId"] = n.application(t)
	events, err := srv.DB.Events(ctx, n.Org.ID, "", 0)
	Must(t, err)
	n.IDs["id"] = api.PrefixAuditLog + strings.TrimPrefix(events[len(events)-1].ID, api.PrefixEvent)
	n.IDs["actionId"] = n.signedAction(t)
	sessions, err := srv.DB.SessionsOfUser(ctx, worker.UserID, srv.Clock.Now())
	Must(t, err)
	n.IDs["sessionId"] = sessions[0].ID
	n.IDs["credentialUuid"] = api.FirstCredentialID(n.Identities[api.CallerEmployee])
	return n
}

func (n *Tenant) application(t testing.TB) string {
	t.Helper()
	id := api.NewID(api.PrefixApplication, n.Clock.Now())
	Must(t, n.DB.Write(context.Background(), func(tx *store.Tx) error {
		tx.CreateApplication(store.Application{ID: id, OrgID: n.Org.ID, Kind: api.ClientSideApplication, Name: "app", NameKey: "app",
			Active: true, CreatedAt: n.Clock.Now()}, nil)
		return nil
	}))
	return id
}

// signedAction has the worker sign something for another service.
func (n *Tenant) signedAction(t testing.TB) string {
	t.Helper()
	_, err := n.Callers[api.CallerEmployee].SignFor(context.Background(), "POST", "/elsewhere", nil)
	Must(t, err)
	all, err := n.DB.Actions(context.Background(), n.Org.ID, n.Identities[api.CallerEmployee], "", 0)
	Must(t, err)
	return all[len(all)-1].ID
}

// Fill puts the tenant's own ids into a path, "GET /auth/users/{userId}".
func (n *Tenant) Fill(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	for name, id := range n.IDs {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	return method, path
}

// Checked is the same session with every answer held against the contract.
func (n *Tenant) Checked(s *client.Session) *client.Session { return n.As(s.Token, s.Signer) }

// As is a checked session of whatever token with whatever key.
func (n *Tenant) As(token string, signer client.Signer) *client.Session {
	return n.checked.Session(token, signer)
}

// Member is a registered user with a session of theirs.
type Member struct {
	*client.Session
	ID, Name string
	Person   *countersigntest.Person
}

// Employ registers an employee who may do these operations.
func (n *Tenant) Employ(t testing.TB, name string, operations ...string) Member {
	t.Helper()
	return n.EmployAs(t, name, api.CustomerEmployee, operations...)
}

// EmployAs is Employ for any kind of user.
func (n *Tenant) EmployAs(t testing.TB, name, kind string, operations ...string) Member {
	t.Helper()
	i, err := n.Users.Invite(context.Background(), n.Org.ID, user.Invitee{Username: name, Kind: kind}, store.MaxActionLife)
	Must(t, err)
	p := n.RegisterKey(t, countersigntest.Invitation{OrgID: n.Org.ID, UserID: i.User.ID, Username: name, RegistrationCode: i.Code}, "P-256")
	if len(operations) > 0 {
		n.Allow(t, p.UserID, operations...)
	}
	return n.Member(t, p)
}

// Member logs somebody in.
func (n *Tenant) Member(t testing.TB, p *countersigntest.Person) Member {
	t.Helper()
	return Member{n.Checked(n.Session(t, p)), p.UserID, p.Username, p}
}

// Allow gives an identity a permission of its own, at once.
func (n *Tenant) Allow(t testing.TB, identityID string, operations ...string) store.Assignment {
	t.Helper()
	return n.Grant(t, n.Org.ID, n.Permission(t, n.Org.ID, "of "+api.NewID(api.PrefixPermission, n.Clock.Now()), operations...), identityID)
}

// Promote makes somebody an administrator, at once.
func (n *Tenant) Promote(t testing.TB, identityID string) store.Assignment {
	t.Helper()
	return n.Grant(t, n.Org.ID, n.Everything, identityID)
}

// AdminAgain logs the administrator in again, whose session is over.
func (n *Tenant) AdminAgain(t testing.TB) *client.Session {
	t.Helper()
	s, err := n.checked.LogIn(t.Context(), n.Org.ID, "administrator@example.org", n.Admin.Signer)
	Must(t, err)
	return s
}

// Client fails t over any answer that the contract does not have.
func Client(t testing.TB, srv *countersigntest.Server) *client.Client {
	return &client.Client{BaseURL: srv.URL, HTTP: &http.Client{Transport: contract.Transport(t, srv.HTTP().Transport)}}
}
