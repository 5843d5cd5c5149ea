package login_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/world"
)

const (
	delegatedPath  = "/auth/registration/delegated"
	restartPath    = "/auth/registration/delegated/restart"
	delegatedLogin = "/auth/login/delegated"
)

// delegation is an organisation with a service account that registers its end users and logs them
// in. Every answer is checked against the contract.
type delegation struct {
	*world.Organisation
	client           *client.Client
	admin            *client.Session
	serviceAccount   *client.Session
	serviceAccountID string
}

func newDelegation(t *testing.T, srv *countersigntest.Server) *delegation {
	t.Helper()
	org, root := srv.Administrator(t, "Engines")
	d := &delegation{Organisation: world.On(t, srv, org), client: world.Client(t, srv)}
	d.admin = d.client.Session(root.LogIn(t), root.Signer())
	d.serviceAccountID, d.serviceAccount = d.newServiceAccount(t, "registrar", "Auth:Register:Delegated", "Auth:Login:Delegated")
	return d
}

func (d *delegation) newServiceAccount(t *testing.T, name string, operations ...string) (id string, s *client.Session) {
	t.Helper()
	var permissions []string
	if len(operations) > 0 {
		permissions = []string{d.Permission(t, d.Org.ID, name, operations...)}
	}
	id, s = d.ServiceAccount(t, d.Org.ID, name, permissions...)
	return id, d.client.Session(s.Token, s.Signer)
}

// ask makes a signed call of the service account's that answers with a registration challenge.
func (d *delegation) ask(path string, in api.DelegatedRegistrationRequest) (out api.RegistrationChallenge, err error) {
	err = d.serviceAccount.DoSigned(context.Background(), http.MethodPost, path, in, &out)
	return out, err
}

func endUserNamed(name string) api.DelegatedRegistrationRequest {
	return api.DelegatedRegistrationRequest{Email: name, Kind: api.EndUser}
}

// begin begins a registration; it must succeed.
func (d *delegation) begin(t *testing.T, name string) api.RegistrationChallenge {
	t.Helper()
	c, err := d.ask(delegatedPath, endUserNamed(name))
	must(t, err)
	return c
}

// complete answers a challenge with a new passkey.
func (d *delegation) complete(c api.RegistrationChallenge) (*countersigntest.Person, error) {
	credential, passkey, err := authenticator.New().Create(c, authenticator.Options{Origin: d.URL})
	if err != nil {
		return nil, err
	}
	_, err = d.client.Register(context.Background(), c.TemporaryAuthenticationToken, api.RegistrationRequest{FirstFactorCredential: &credential})
	return &countersigntest.Person{Invitation: countersigntest.Invitation{OrgID: d.Org.ID, UserID: c.User.ID, Username: c.User.Name},
		Passkey: passkey, Origin: d.URL, Client: d.client}, err
}

// endUser is a user whom the service account registered.
func (d *delegation) endUser(t *testing.T, name string) *countersigntest.Person {
	t.Helper()
	p, err := d.complete(d.begin(t, name))
	must(t, err)
	return p
}

func (d *delegation) logIn(name string) (string, error) {
	var out api.LoginResult
	err := d.serviceAccount.DoSigned(context.Background(), http.MethodPost, delegatedLogin, api.DelegatedLoginRequest{Username: name}, &out)
	return out.Token, err
}

// A service account registers an end user, who then logs in alone, and logs them in. In that
// session, only the user's own passkey can sign.
func TestDelegatedRegistrationAndLogin(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		in := endUserNamed("customer 17")
		in.ExternalID = "17"
		c, err := d.ask(delegatedPath, in)
		must(t, err)
		invited, err := d.DB.User(ctx, c.User.ID)
		must(t, err)
		if invited.Username != "customer 17" || invited.Kind != api.EndUser || invited.ExternalID != "17" || !invited.RegisteredAt.IsZero() {
			t.Errorf("it made %+v", invited)
		}
		if c.User.Name != "customer 17" || c.RP == nil || len(c.ExcludeCredentials) != 0 || len(c.PubKeyCredParams) == 0 {
			t.Errorf("the challenge is %+v", c)
		}
		p, err := d.complete(c)
		must(t, err)

		u, err := d.admin.GetUser(ctx, c.User.ID)
		must(t, err)
		if u.Kind != api.EndUser || !u.IsActive || !u.IsRegistered || len(u.PermissionAssignments) != 1 ||
			u.PermissionAssignments[0].PermissionID != api.EndUserPermissionID(d.Org.ID) {
			t.Errorf("the registered user is %+v", u)
		}
		begun := d.EventsOf(t, u.UserID, "user.delegated_registration_begun")
		if len(begun) != 1 || begun[0].ActorID != d.serviceAccountID || begun[0].ActionID == "" || begun[0].CodeID == "" {
			t.Errorf("the events are %+v", begun)
		}
		p.LogIn(t)

		token, err := d.logIn("Customer 17")
		must(t, err)
		session := d.client.Session(token, p.Signer())
		if _, err := session.ListTokens(ctx); err != nil {
			t.Errorf("reading under a delegated login: %v", err)
		}
		d.Grant(t, d.Org.ID, d.Permission(t, d.Org.ID, "tokens", "Auth:Pats:Create"), u.UserID)
		d.Access.Changed()
		pem := authenticator.NewKeySigner("P-256").PEM
		if _, err := session.CreateToken(ctx, api.CreateTokenRequest{Name: "mine", PublicKey: pem}); err != nil {
			t.Errorf("signing with one's own passkey: %v", err)
		}
		_, err = d.client.Session(token, world.AnyChallenge{KeySigner: d.serviceAccount.Signer.(*client.KeySigner)}).CreateToken(ctx, api.CreateTokenRequest{Name: "theirs", PublicKey: pem})
		world.Refused(t, "signing with the service account's key", err, 401, "signature_invalid")
		tokens, err := d.DB.AccessTokens(ctx, u.UserID)
		must(t, err)
		if len(tokens) != 1 {
			t.Errorf("%d tokens were made, want the user's own", len(tokens))
		}
		logged := d.EventsOf(t, u.UserID, "user.logged_in_by_delegation")
		if len(logged) != 1 || logged[0].ActorID != d.serviceAccountID || logged[0].ActionID == "" || !strings.Contains(string(logged[0].Detail), "se-") {
			t.Errorf("the events are %+v", logged)
		}

		d.Clock.Advance(time.Hour)
		_, err = session.ListTokens(ctx)
		world.Refused(t, "an hour later", err, 401, "token_invalid")
	})
}

// An end user who did not finish begins again, by either call, and the old challenges are void.
// One who finished is refused.
func TestDelegatedRegistrationBeginsAgain(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d := newDelegation(t, srv)
		in := endUserNamed("grace@example.org")
		in.ExternalID = "first"
		first, err := d.ask(delegatedPath, in)
		must(t, err)
		in.Email, in.ExternalID = "GRACE@example.org", "second"
		second, err := d.ask(delegatedPath, in)
		must(t, err)
		in.Kind = api.CustomerEmployee // older SDKs say so
		third, err := d.ask(restartPath, in)
		must(t, err)
		if first.User.ID != second.User.ID || second.User.ID != third.User.ID || first.Challenge == second.Challenge {
			t.Errorf("begun with %+v, %+v and %+v", first.User, second.User, third.User)
		}
		for _, void := range []api.RegistrationChallenge{first, second} {
			_, err := d.complete(void)
			world.Refused(t, "a former challenge", err, 401, "registration_code_revoked")
		}

		d.Clock.Advance(15 * time.Minute)
		_, err = d.complete(third)
		world.Refused(t, "after a quarter of an hour", err, 401, "ceremony_expired")
		p := d.endUser(t, "grace@example.org")
		u, err := d.DB.User(context.Background(), p.UserID)
		must(t, err)
		if u.ID != first.User.ID || u.ExternalID != "first" {
			t.Errorf("registered as %+v", u)
		}
		for _, path := range []string{delegatedPath, restartPath} {
			_, err := d.ask(path, endUserNamed("grace@example.org"))
			world.Refused(t, path+" for who finished", err, 401, "user_already_exists")
		}
		_, err = d.ask(restartPath, endUserNamed("nobody@example.org"))
		world.Refused(t, "restart for nobody", err, 401, "user_not_found")
	})
}

// Only the registration of an end user can be taken over, and not if they have more rights than
// the service account.
func TestDelegatedRegistrationTakesNobodyOver(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		invited := d.Invite(t, d.Org.ID, "invited@example.org")
		staff := d.Register(t, d.Invite(t, d.Org.ID, "staff@example.org"))
		for _, path := range []string{delegatedPath, restartPath} {
			for _, name := range []string{invited.Username, staff.Username, "Administrator@example.org"} {
				_, err := d.ask(path, endUserNamed(name))
				world.Refused(t, path+" for the employee "+name, err, 401, "user_already_exists")
			}
		}
		if _, err := d.logIn(staff.Username); err == nil {
			t.Error("the service account logs an employee in")
		} else {
			world.Refused(t, "login of an employee", err, 401, "user_not_found")
		}
		d.Register(t, invited) // their code is as good as it was

		rich := d.begin(t, "rich@example.org")
		more := d.Permission(t, d.Org.ID, "more", "Permissions:Assign")
		d.Grant(t, d.Org.ID, more, rich.User.ID)
		for _, path := range []string{delegatedPath, restartPath} {
			_, err := d.ask(path, endUserNamed("rich@example.org"))
			world.Refused(t, path+" for a user with more rights", err, 403, "permission_denied")
		}
		d.Grant(t, d.Org.ID, more, d.serviceAccountID)
		d.begin(t, "rich@example.org")

		other := d.Server.Organisation(t, "Elsewhere")
		d.Invite(t, other.ID, "administrator@example.org")
		there := d.Invite(t, other.ID, "there@example.org")
		_, err := d.ask(restartPath, endUserNamed(there.Username))
		world.Refused(t, "restart for another organisation's user", err, 401, "user_not_found")
		if c := d.begin(t, there.Username); c.User.ID == there.UserID {
			t.Error("the service account registers another organisation's user")
		}
		if _, err := d.client.InitRegistration(ctx, api.InitRegistrationRequest{OrgID: other.ID, Username: there.Username, RegistrationCode: there.RegistrationCode}); err != nil {
			t.Errorf("the other's code: %v", err)
		}
		_, err = d.logIn("administrator@example.org")
		world.Refused(t, "login of the administrator", err, 401, "user_not_found")
	})
}

// Anybody may ask for a new registration code. For a user who never had one, nothing happens: the
// challenge stays valid, and no mail is sent even if the name is an address.
func TestAskingForACodeLeavesADelegatedRegistrationAlone(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		d, ctx := newDelegation(t, srv), context.Background()
		c := d.begin(t, "kid@example.org")
		if _, err := d.client.ResendRegistrationCode(ctx, api.ResendRegistrationCodeRequest{OrgID: d.Org.ID, Username: "kid@example.org"}); err != nil {
			t.Fatal(err)
		}
		codes, err := d.DB.Codes(ctx, d.Org.ID, c.User.ID, "", 0)
		must(t, err)
		if len(codes) != 1 || !codes[0].RevokedAt.IsZero() || len(codes[0].MAC) != 0 {
			t.Errorf("the codes are %+v", codes)
		}
		for _, code := range []string{"", " ", "0", "AAAA-AAAA-AAAA-AAAA-AAAA"} {
			if _, err := d.client.InitRegistration(ctx, api.InitRegistrationRequest{OrgID: d.Org.ID, Username: "kid@example.org", RegistrationCode: code}); err == nil {
				t.Errorf("the code %q begins their registration", code)
			}
		}
		if _, err := d.complete(c); err != nil {
			t.Errorf("the challenge is void: %v", err)
		}
	})
}
