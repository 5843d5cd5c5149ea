package registration_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/world"
)

// A client that repeats its recovery key before the first answer came gets that answer, not a
// conflict.
func TestRecoveryKeySentTwiceAtOnce(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		ctx := context.Background()
		inv := srv.Invite(t, srv.Organisation(t, "Engines").ID, "ada@example.org")
		c, err := srv.Registration.Init(ctx, api.Caller{}, api.InitRegistrationRequest{
			OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode})
		if err != nil {
			t.Fatal(err)
		}
		who := api.Caller{RawToken: c.TemporaryAuthenticationToken}
		passkey, _, err := authenticator.New().Create(c, authenticator.Options{Origin: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := srv.Registration.Complete(ctx, who, api.RegistrationRequest{FirstFactorCredential: &passkey}); err != nil {
			t.Fatal(err)
		}
		key := authenticator.NewKeySigner("P-256").Create(c.Challenge, api.KindRecoveryKey)
		var all sync.WaitGroup
		var answers sync.Map
		for range 16 {
			all.Go(func() {
				r, err := srv.Registration.AddRecovery(ctx, who, api.AddRecoveryRequest{RecoveryCredential: &key})
				if err != nil {
					t.Errorf("the same key again: %v", err)
				}
				answers.Store(r.Credential.UUID, true)
			})
		}
		all.Wait()
		n := 0
		answers.Range(func(_, _ any) bool { n++; return true })
		if n != 1 {
			t.Errorf("%d different answers, want 1", n)
		}
		other := authenticator.NewKeySigner("P-256").Create(c.Challenge, api.KindRecoveryKey)
		if _, err := srv.Registration.AddRecovery(ctx, who, api.AddRecoveryRequest{RecoveryCredential: &other}); api.CodeOf(err) != "recovery_already_registered" {
			t.Errorf("a second recovery key: %v", err)
		}
	})
}

const recoveryPath = "/countersign/registration/recovery"

// Whoever kept the ticket of a registration adds no recovery key with it, unless they are the page
// that has just registered the passkey.
func TestRecoveryKeyFromElsewhere(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		const app = "https://app.localhost"
		org := srv.OrganisationWith(t, organisation.New{Name: "Engines", RPID: "localhost", Origins: []string{srv.URL, app}})
		srv.Register(t, srv.Invite(t, org.ID, "administrator@example.org"))
		o := world.On(t, srv, org)
		_, session := o.ServiceAccount(t, org.ID, "registrar", o.Permission(t, org.ID, "registrar", "Auth:Register:Delegated"))
		machine := world.Client(t, srv).Session(session.Token, session.Signer)
		delegated := func(paths ...string) func(t *testing.T) api.RegistrationChallenge {
			return func(t *testing.T) (c api.RegistrationChallenge) {
				name := strings.ReplaceAll(t.Name(), "/", " ")
				for _, path := range paths {
					world.Must(t, machine.DoSigned(t.Context(), http.MethodPost, path, api.DelegatedRegistrationRequest{Email: name[len(name)-20:], Kind: api.EndUser}, &c))
				}
				return c
			}
		}
		invited := func(t *testing.T) api.RegistrationChallenge { return o.Invitee(t).Begin(t) }
		passkey := func(origin string) func(t *testing.T, c api.RegistrationChallenge) api.CredentialAttestation {
			return func(t *testing.T, c api.RegistrationChallenge) api.CredentialAttestation {
				made, _, err := world.Authenticator.Create(c, authenticator.Options{Origin: origin})
				world.Must(t, err)
				return made
			}
		}
		keyOf := func(kind string) func(*testing.T, api.RegistrationChallenge) api.CredentialAttestation {
			return func(_ *testing.T, c api.RegistrationChallenge) api.CredentialAttestation {
				return authenticator.NewKeySigner("P-256").Create(c.Challenge, kind)
			}
		}
		write := func(change func(tx *store.Tx, userID string)) func(*testing.T, string) {
			return func(t *testing.T, userID string) {
				world.Must(t, srv.DB.Write(t.Context(), func(tx *store.Tx) error { change(tx, userID); return nil }))
			}
		}
		nothing := func(*testing.T, string) {}
		for _, c := range []struct {
			name     string
			begin    func(t *testing.T) api.RegistrationChallenge
			first    func(t *testing.T, c api.RegistrationChallenge) api.CredentialAttestation
			between  func(t *testing.T, userID string)
			want     string
			isLogged bool
		}{
			{"on the page", invited, passkey(srv.URL), nothing, "", true},
			{"delegated", delegated("/auth/registration/delegated"), passkey(srv.URL), nothing, "recovery_not_allowed", false},
			{"delegated, begun again", delegated("/auth/registration/delegated", "/auth/registration/delegated"), passkey(srv.URL), nothing, "recovery_not_allowed", false},
			{"delegated, restarted", delegated("/auth/registration/delegated", "/auth/registration/delegated/restart"), passkey(srv.URL), nothing, "recovery_not_allowed", false},
			{"delegated, elsewhere", delegated("/auth/registration/delegated"), passkey(app), nothing, "recovery_not_allowed", false},
			{"delegated, with a key", delegated("/auth/registration/delegated"), keyOf(api.KindKey), nothing, "recovery_not_allowed", false},
			{"invited, on another page", invited, passkey(app), nothing, "recovery_not_allowed", false},
			{"invited, with a key", invited, keyOf(api.KindKey), nothing, "recovery_not_allowed", false},
			{"invited, with a protected key", invited, keyOf(api.KindPasswordProtectedKey), nothing, "recovery_not_allowed", false},
			{"deactivated since", invited, passkey(srv.URL), write(func(tx *store.Tx, id string) { tx.DeactivateUser(id, org.ID, srv.Clock.Now(), nil) }), "registration_not_completed", false},
			{"archived since", invited, passkey(srv.URL), write(func(tx *store.Tx, id string) { tx.ArchiveUser(id, org.ID, srv.Clock.Now(), nil) }), "registration_not_completed", false},
			{"its passkey deactivated", invited, passkey(srv.URL), write(func(tx *store.Tx, id string) {
				tx.DeactivateCredential(store.Credential{ID: api.FirstCredentialID(id), OrgID: org.ID, UserID: id}, srv.Clock.Now(), nil)
			}), "registration_not_completed", false},
			{"long ago", invited, passkey(srv.URL), func(*testing.T, string) { srv.Clock.Advance(15 * time.Minute) }, "ceremony_expired", false},
		} {
			t.Run(c.name, func(t *testing.T) {
				challenge := c.begin(t)
				first := c.first(t, challenge)
				a := o.Send(t, "POST", "/auth/registration", world.Bearer(challenge.TemporaryAuthenticationToken), world.First(first))
				if a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				c.between(t, challenge.User.ID)
				key := authenticator.NewKeySigner("P-256").Create(challenge.Challenge, api.KindRecoveryKey)
				for range 2 {
					a = o.Send(t, "POST", recoveryPath, world.Bearer(challenge.TemporaryAuthenticationToken), api.AddRecoveryRequest{RecoveryCredential: &key})
					if a.Status == http.StatusOK && c.want != "" || c.want != "" && !strings.Contains(a.Body, c.want) || c.want == "" && a.Status != http.StatusOK {
						t.Errorf("%d %s, want %q", a.Status, a.Body, c.want)
					}
				}
				kept, err := srv.DB.CredentialsOfUser(t.Context(), challenge.User.ID)
				world.Must(t, err)
				if events := o.EventsOf(t, challenge.User.ID, "credential.recovery_added"); (len(kept) == 2) != c.isLogged || (len(events) == 1) != c.isLogged {
					t.Errorf("%d credentials and %d events are kept", len(kept), len(events))
				}
			})
		}
	})
}

// The owner of the account is told of a recovery key, once, by a mail that holds no secret.
func TestTheOwnerIsToldOfARecoveryKey(t *testing.T) {
	t.Parallel()
	countersigntest.Each(t, func(t *testing.T, srv *countersigntest.Server) {
		o := world.On(t, srv, srv.Organisation(t, "Engines"))
		for _, g := range []*world.Invitee{o.Invitee(t), {Invitation: srv.Invite(t, o.Org.ID, "no address"), Organisation: o}} {
			c := g.Begin(t)
			if a := g.Complete(t, c.TemporaryAuthenticationToken, world.First(g.Passkey(t, c, authenticator.Options{}))); a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			key := authenticator.NewKeySigner("P-256").Create(c.Challenge, api.KindRecoveryKey)
			for range 3 { // sent again, it is told once
				if a := o.Send(t, "POST", recoveryPath, world.Bearer(c.TemporaryAuthenticationToken), api.AddRecoveryRequest{RecoveryCredential: &key}); a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
			srv.Codes.Outbox.Finish()
			var told []string
			for _, m := range srv.Mailbox.Messages() {
				if strings.Contains(string(m.Data), "recovery key was added") {
					told = append(told, string(m.Data))
				}
			}
			if len(told) != 1 || !strings.Contains(told[0], "guest1@example.org") || strings.Contains(told[0], c.TemporaryAuthenticationToken) {
				t.Errorf("%d mails were sent: %q", len(told), told)
			}
		}
	}, countersigntest.Mail())
}
