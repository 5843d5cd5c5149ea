package user_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/code"
	"github.com/countersign/countersign/internal/mail"
	"github.com/countersign/countersign/internal/service/user"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/username"
)

// fixture is a service over a fresh database with one organisation.
type fixture struct {
	*testing.T
	*user.Service
	org   string
	now   time.Time
	count byte
}

func each(t *testing.T, test func(d *fixture)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		d := &fixture{T: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
		d.Service = &user.Service{DB: db, Codes: &code.Issuer{Deps: code.Deps{Outbox: mail.NewOutbox(nil)}},
			Now: func() time.Time { d.now = d.now.Add(time.Second); return d.now }} // ids sort by time
		d.org = d.organisation()
		test(d)
	})
}

func (d *fixture) organisation() string {
	d.Helper()
	id := api.NewID(api.PrefixOrganization, d.now)
	d.write(func(tx *store.Tx) {
		tx.CreateOrganisation(store.Organisation{ID: id, Name: "Engines", Attestation: "none",
			UserVerification: "required", ResidentKey: "required", CreatedAt: d.now})
	})
	return id
}

var errLost = errors.New("a condition did not hold")

func (d *fixture) write(do func(tx *store.Tx)) {
	d.Helper()
	if err := d.DB.Write(d.Context(), func(tx *store.Tx) error { do(tx); return nil }); err != nil {
		d.Fatal(err)
	}
}

// registered adds a registered user with one credential and two sessions.
func (d *fixture) registered(name string) (store.User, store.Credential) {
	d.Helper()
	d.count++
	u := store.User{ID: api.NewID(api.PrefixUser, d.now), OrgID: d.org, Username: name, UsernameKey: username.Key(name),
		Kind: api.CustomerEmployee, Active: true, CreatedAt: d.now}
	c := store.Credential{ID: api.NewID(api.PrefixCredential, d.now), OrgID: d.org, UserID: u.ID, Kind: api.KindKey, Factor: store.FactorFirst,
		Name: "key", Realm: "keys", CredentialID: []byte{d.count}, PublicKey: []byte{d.count}, Algorithm: "ES256", SignCount: 7, CreatedAt: d.now}
	d.write(func(tx *store.Tx) {
		tx.CreateUser(u, errLost)
		tx.RegisterUser(u.ID, d.org, d.now, errLost)
		tx.AddCredential(c, errLost)
	})
	for range 2 {
		if err := d.open(u, c); err != nil {
			d.Fatal(err)
		}
	}
	return u, c
}

// open opens a session, as a login does.
func (d *fixture) open(u store.User, c store.Credential) error {
	return d.openAt(u, c, d.now)
}

func (d *fixture) openAt(u store.User, c store.Credential, now time.Time) error {
	return d.DB.Write(d.Context(), func(tx *store.Tx) error {
		tx.UseCredential(store.CredentialUse{ID: c.ID, SignCount: c.SignCount, At: now}, errLost)
		tx.OpenSession(store.Session{ID: api.NewID("se", now), OrgID: d.org, UserID: u.ID, CredentialID: c.ID,
			Challenge: api.NewID("challenge", now), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, errLost)
		return nil
	})
}

func (d *fixture) wantSessions(of store.User, n int) {
	d.Helper()
	all, err := d.DB.SessionsOfUser(d.Context(), of.ID, d.now)
	if err != nil || len(all) != n {
		d.Errorf("%s has %d live sessions, want %d: %v", of.Username, len(all), n, err)
	}
}

// wantEvents requires the kinds of the organisation's events, in their order.
func (d *fixture) wantEvents(kinds ...string) {
	d.Helper()
	all, err := d.DB.Events(d.Context(), d.org, "", 0)
	var got []string
	for _, e := range all {
		got = append(got, e.Kind)
		if e.UserID == "" || e.ActorID != "" {
			d.Errorf("recorded %+v", e)
		}
	}
	if err != nil || !slices.Equal(got, kinds) {
		d.Errorf("recorded %q, want %q: %v", got, kinds, err)
	}
}

func (d *fixture) wantCode(err error, code string) {
	d.Helper()
	if api.CodeOf(err) != code {
		d.Errorf("%v, want the code %q", err, code)
	}
}

func TestDeactivatedUsersAreLoggedOut(t *testing.T) {
	t.Parallel()
	each(t, func(d *fixture) {
		ada, key := d.registered("ada@example.org")
		bob, _ := d.registered("bob@example.org")
		must(d, d.SetActive(d.Context(), d.org, "ADA@example.org", false))
		d.wantSessions(ada, 0)
		d.wantSessions(bob, 2)
		if err := d.open(ada, key); !errors.Is(err, errLost) {
			d.Errorf("a deactivated user opens a session: %v", err)
		}
		must(d, d.SetActive(d.Context(), d.org, ada.ID, true))
		d.wantSessions(ada, 0) // what was ended stays so
		must(d, d.open(ada, key))
		d.wantSessions(ada, 1)
		d.wantEvents("user.deactivated", "user.activated")

		other := d.organisation()
		for _, who := range []string{"ada@example.org", ada.ID, "nobody", api.NewID(api.PrefixUser, d.now)} {
			d.wantCode(d.SetActive(d.Context(), other, who, false), "user_not_found")
		}
		d.wantSessions(ada, 1)
	})
}

func TestDeactivatedCredentialsLogNobodyIn(t *testing.T) {
	t.Parallel()
	each(t, func(d *fixture) {
		ada, key := d.registered("ada@example.org")
		bob, _ := d.registered("bob@example.org")
		must(d, d.SetCredentialActive(d.Context(), d.org, key.ID, false))
		d.wantSessions(ada, 0)
		d.wantSessions(bob, 2)
		if err := d.open(ada, key); !errors.Is(err, errLost) {
			d.Errorf("a deactivated credential opens a session: %v", err)
		}
		kept := func() store.Credential {
			all, err := d.Credentials(d.Context(), d.org, "ada@example.org")
			if err != nil || len(all) != 1 {
				d.Fatalf("%d credentials, %v", len(all), err)
			}
			return all[0]
		}
		if c := kept(); c.Active || c.SignCount != 7 {
			d.Errorf("kept as %+v", c)
		}
		must(d, d.SetCredentialActive(d.Context(), d.org, key.ID, true))
		must(d, d.open(ada, key))
		must(d, d.ResetSignCount(d.Context(), d.org, key.ID))
		if c := kept(); !c.Active || c.SignCount != 0 {
			d.Errorf("kept as %+v", c)
		}
		d.wantSessions(ada, 1) // a counter that is reset logs nobody out
		d.wantEvents("credential.deactivated", "credential.activated", "credential.counter_reset")

		other := d.organisation()
		for _, f := range []func(org, id string) error{
			func(org, id string) error { return d.SetCredentialActive(d.Context(), org, id, false) },
			func(org, id string) error { return d.ResetSignCount(d.Context(), org, id) },
		} {
			d.wantCode(f(other, key.ID), "credential_not_found")
			d.wantCode(f(d.org, api.NewID(api.PrefixCredential, d.now)), "credential_not_found")
			d.wantCode(f(d.org, ""), "credential_not_found")
		}
		if _, err := d.Credentials(d.Context(), other, ada.ID); api.CodeOf(err) != "user_not_found" {
			d.Errorf("another organisation sees them: %v", err)
		}
		if c := kept(); !c.Active {
			d.Error("another organisation deactivated it")
		}
	})
}

// A login at the same moment as a deactivation ends with it, or fails.
func TestNoSessionOutlivesADeactivation(t *testing.T) {
	t.Parallel()
	for name, deactivate := range map[string]func(d *fixture, u store.User, c store.Credential) error{
		"user": func(d *fixture, u store.User, _ store.Credential) error {
			return d.SetActive(d.Context(), d.org, u.ID, false)
		},
		"credential": func(d *fixture, _ store.User, c store.Credential) error {
			return d.SetCredentialActive(d.Context(), d.org, c.ID, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(d *fixture) {
				ada, key := d.registered("ada@example.org")
				now, giveUp := d.now, time.Now().Add(time.Minute)
				refused := make(chan error)
				for range 8 {
					go func() {
						var err error
						for err == nil && time.Now().Before(giveUp) {
							err = d.openAt(ada, key, now)
						}
						refused <- err
					}()
				}
				must(d, deactivate(d, ada, key))
				for range 8 {
					if err := <-refused; !errors.Is(err, errLost) {
						d.Errorf("a login ended with %v", err)
					}
				}
				d.wantSessions(ada, 0)
			})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
