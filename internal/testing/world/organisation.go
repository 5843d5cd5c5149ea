package world

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
)

// Organisation is one on a server of its own, and who is in it.
type Organisation struct {
	*countersigntest.Server
	Org        store.Organisation
	HTTPClient *http.Client // of Send, which checks every answer
	invited    atomic.Int32
}

// Open starts a server with one organisation.
func Open(t testing.TB, options ...countersigntest.Option) *Organisation {
	t.Helper()
	srv := countersigntest.Start(t, options...)
	return On(t, srv, srv.Organisation(t, "Analytical Engines"))
}

// EachOrganisation runs test for an organisation on each database.
func EachOrganisation(t *testing.T, test func(t *testing.T, o *Organisation)) {
	t.Helper()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		test(t, On(t, srv, srv.Organisation(t, "Analytical Engines")))
	})
}

// On is an organisation that a server has.
func On(t testing.TB, srv *countersigntest.Server, org store.Organisation) *Organisation {
	o := &Organisation{Server: srv, Org: org, HTTPClient: srv.HTTP()}
	t.Cleanup(o.HTTPClient.CloseIdleConnections)
	return o
}

// NobodysID is an id of that prefix which is nobody's.
func NobodysID(prefix string) string { return prefix + "-00000-00000-0000000000000000" }

// Employee registers one more employee with a passkey. The first of an organisation is its
// administrator.
func (o *Organisation) Employee(t testing.TB, options ...authenticator.Options) *countersigntest.Person {
	t.Helper()
	return o.Register(t, o.Invite(t, o.Org.ID, o.NewName()), options...)
}

// NewName is a name that nobody has yet.
func (o *Organisation) NewName() string { return fmt.Sprintf("guest%d@example.org", o.invited.Add(1)) }

// Elsewhere makes another organisation with an administrator.
func (o *Organisation) Elsewhere(t testing.TB) (store.Organisation, *countersigntest.Person) {
	t.Helper()
	org := o.OrganisationWith(t, organisation.New{Name: "Difference Engines"})
	return org, o.Register(t, o.Invite(t, org.ID, "charles@example.org"))
}

// InitLogin begins a login.
func (o *Organisation) InitLogin(t testing.TB, orgID, name string) api.SigningChallenge {
	t.Helper()
	return Read[api.SigningChallenge](t, o.Post(t, "/auth/login/init", api.InitLoginRequest{OrgID: orgID, Username: name}))
}

// Signed is the answer of a person to a challenge.
func Signed(t testing.TB, p *countersigntest.Person, c api.SigningChallenge, options ...authenticator.Options) api.SignedChallenge {
	t.Helper()
	return api.SignedChallenge{ChallengeIdentifier: c.ChallengeIdentifier, FirstFactor: p.Assert(t, c, options...)}
}

// LogIn logs a person in by name and returns the session's token.
func (o *Organisation) LogIn(t testing.TB, p *countersigntest.Person) string {
	t.Helper()
	c := o.InitLogin(t, p.OrgID, p.Username)
	return Read[api.LoginResult](t, o.Post(t, "/auth/login", Signed(t, p, c))).Token
}

// InitAction begins the signing of a request.
func (o *Organisation) InitAction(t testing.TB, token, method, path, payload string) api.SigningChallenge {
	t.Helper()
	return Read[api.SigningChallenge](t, o.Send(t, "POST", "/auth/action/init", Bearer(token),
		api.InitActionRequest{Method: method, Path: path, Payload: payload}))
}

// Sign signs a request and returns the user action.
func (o *Organisation) Sign(t testing.TB, p *countersigntest.Person, token, method, path, payload string) string {
	t.Helper()
	c := o.InitAction(t, token, method, path, payload)
	return Read[api.ActionResult](t, o.Send(t, "POST", "/auth/action", Bearer(token), Signed(t, p, c))).UserAction
}

// InviteAdministrator invites one more administrator.
func (o *Organisation) InviteAdministrator(t testing.TB) countersigntest.Invitation {
	t.Helper()
	i, err := o.Users.Invite(context.Background(), o.Org.ID, user.Invitee{Username: o.NewName(), Administrator: true}, code.DefaultLifetime)
	Must(t, err)
	return countersigntest.Invitation{OrgID: o.Org.ID, UserID: i.User.ID, Username: i.User.Username, RegistrationCode: i.Code, CodeID: i.Row.ID}
}

// SetPolicies sets the policies of the organisation.
func (o *Organisation) SetPolicies(t testing.TB, p organisation.Policies) {
	t.Helper()
	_, err := o.Organisations.SetPolicies(context.Background(), o.Org.ID, p)
	Must(t, err)
}

// TwoFactors registers somebody with a passkey, and the same person by their second factor, a
// key.
func (o *Organisation) TwoFactors(t testing.TB) (first, second *countersigntest.Person) {
	t.Helper()
	g := o.Invitee(t)
	c := g.Begin(t)
	made, kept, err := Authenticator.Create(c, authenticator.Options{Origin: o.URL})
	Must(t, err)
	key := authenticator.NewKeySigner(authenticator.KeyTypes[0])
	other := key.Create(c.Challenge, api.KindKey)
	if a := g.Complete(t, c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &made, SecondFactorCredential: &other}); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return &countersigntest.Person{Invitation: g.Invitation, Origin: o.URL, Passkey: kept},
		&countersigntest.Person{Invitation: g.Invitation, Origin: o.URL, Key: key}
}
