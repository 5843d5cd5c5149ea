package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
)

// Invitee is an invited user, with the organisation that invited them.
type Invitee struct {
	countersigntest.Invitation
	Organisation *Organisation
}

// Invitee invites one more user.
func (o *Organisation) Invitee(t testing.TB) *Invitee {
	t.Helper()
	return &Invitee{o.Invite(t, o.Org.ID, fmt.Sprintf("guest%d@example.org", o.invited.Add(1))), o}
}

// InviteeOf invites a user of another organisation of the same server.
func (o *Organisation) InviteeOf(t testing.TB, org store.Organisation) *Invitee {
	t.Helper()
	home := o.Org
	o.Org = org
	defer func() { o.Org = home }()
	return o.Invitee(t)
}

// Request presents the code.
func (g *Invitee) Request() api.InitRegistrationRequest {
	return api.InitRegistrationRequest{OrgID: g.OrgID, Username: g.Username, RegistrationCode: g.RegistrationCode}
}

// Begin presents the code and returns the challenge.
func (g *Invitee) Begin(t testing.TB) (c api.RegistrationChallenge) {
	t.Helper()
	a := g.Organisation.Post(t, "/auth/registration/init", g.Request())
	if a.Status != http.StatusOK {
		t.Fatalf("init: %d %s", a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Complete sends what is to complete a registration.
func (g *Invitee) Complete(t testing.TB, token string, body any) Answer {
	t.Helper()
	return g.Organisation.Send(t, http.MethodPost, "/auth/registration", Bearer(token), body)
}

// Authenticator is shared: making its attestation keys takes time.
var Authenticator = authenticator.New()

// Passkey answers a challenge as a browser on the server's own page does.
func (g *Invitee) Passkey(t testing.TB, c api.RegistrationChallenge, o authenticator.Options) api.CredentialAttestation {
	t.Helper()
	if o.Origin == "" {
		o.Origin = g.Organisation.URL
	}
	made, _, err := Authenticator.Create(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// First registers c as the first factor.
func First(c api.CredentialAttestation) api.RegistrationRequest {
	return api.RegistrationRequest{FirstFactorCredential: &c}
}

// Untouched fails t if anything was stored for the invitee or if the code was spent.
func (g *Invitee) Untouched(t testing.TB) {
	t.Helper()
	state, err := g.Organisation.DB.RegistrationState(context.Background(), g.UserID, g.CodeID)
	if err != nil {
		t.Fatal(err)
	}
	if !state.User.RegisteredAt.IsZero() || !state.Code.SpentAt.IsZero() || !state.Code.RevokedAt.IsZero() {
		t.Errorf("the refused request left its mark: registered %v, spent %v, revoked %v",
			state.User.RegisteredAt, state.Code.SpentAt, state.Code.RevokedAt)
	}
	if kept := g.Credentials(t); len(kept) > 0 {
		t.Errorf("the refused request left %d credentials", len(kept))
	}
}

// Credentials are what is stored for the invitee.
func (g *Invitee) Credentials(t testing.TB) []store.Credential {
	t.Helper()
	kept, err := g.Organisation.DB.CredentialsOfUser(context.Background(), g.UserID)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// Registers fails t unless the code still does what it is for.
func (g *Invitee) Registers(t testing.TB) {
	t.Helper()
	g.Untouched(t)
	c := g.Begin(t)
	if a := g.Complete(t, c.TemporaryAuthenticationToken, First(g.Passkey(t, c, authenticator.Options{}))); a.Status != http.StatusOK {
		t.Errorf("after the attacks the code does not register: %d %s", a.Status, a.Body)
	}
	if kept := g.Credentials(t); len(kept) != 1 {
		t.Errorf("%d credentials, want 1", len(kept))
	}
}
