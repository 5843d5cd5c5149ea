package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// epoch is the time of the tests.
var epoch = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

var (
	errDuplicate = &api.Error{Kind: api.Conflict, Code: "duplicate", Message: "Taken."}
	errLost      = &api.Error{Kind: api.Conflict, Code: "lost", Message: "Too late."}
)

func open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// write does fn and fails the test if it does not succeed.
func write(t testing.TB, db *store.DB, fn func(tx *store.Tx)) {
	t.Helper()
	if err := try(db, fn); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func try(db *store.DB, fn func(tx *store.Tx)) error {
	return db.Write(context.Background(), func(tx *store.Tx) error { fn(tx); return nil })
}

func prune(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("prune: %v", err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func newOrganisation() store.Organisation {
	return store.Organisation{
		ID: api.NewID(api.PrefixOrganization, epoch), Name: "Example", RPID: "example.org",
		RPName: "Example", Origins: []string{"https://example.org"}, Attestation: "none",
		UserVerification: "required", ResidentKey: "required", CreatedAt: epoch,
	}
}

func newUser(o store.Organisation, name string) store.User {
	return store.User{
		ID: api.NewID(api.PrefixUser, epoch), OrgID: o.ID, Username: name, UsernameKey: name,
		Kind: api.CustomerEmployee, Active: true, CreatedAt: epoch,
	}
}

func newCode(u store.User) store.Code {
	return store.Code{
		ID: api.NewID(api.PrefixCode, u.CreatedAt), OrgID: u.OrgID, UserID: u.ID,
		MAC: []byte("mac of " + u.ID), CreatedAt: epoch, ExpiresAt: epoch.Add(24 * time.Hour),
	}
}

// newCredential is a passkey with about one kilobyte of evidence.
func newCredential(u store.User, c store.Code) store.Credential {
	return store.Credential{
		ID: api.NewID(api.PrefixCredential, u.CreatedAt), OrgID: u.OrgID, UserID: u.ID, CodeID: c.ID, Kind: api.KindFido2,
		Factor: store.FactorFirst, Name: "Default Credential", Realm: "example.org",
		CredentialID: random(16), PublicKey: random(91), Algorithm: "ES256",
		RPID: "example.org", Origin: "https://example.org", AAGUID: make([]byte, 16),
		UserVerified: true, BackupEligible: true, BackupState: true,
		Format: "none", AttestationType: "None", AttestationObject: make([]byte, 700),
		ClientData: make([]byte, 200), Transports: []string{"internal", "hybrid"},
		ClientExtensions: []byte(`{"credProps":{"rk":true}}`), CreatedAt: epoch, Active: true,
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func newEvent(u store.User, kind string) store.Event {
	return store.Event{
		ID: api.NewID(api.PrefixEvent, u.CreatedAt), OrgID: u.OrgID, At: epoch, Kind: kind,
		UserID: u.ID, Address: "192.0.2.1",
	}
}

// invite adds an organisation and a user with a live code.
func invite(t testing.TB, db *store.DB) (store.Organisation, store.User, store.Code) {
	t.Helper()
	o := newOrganisation()
	u := newUser(o, "ada@example.org")
	c := newCode(u)
	write(t, db, func(tx *store.Tx) {
		tx.CreateOrganisation(o)
		tx.CreateUser(u, errDuplicate)
		tx.IssueCode(c)
	})
	return o, u, c
}

// register is the unit of a completed registration.
func register(tx *store.Tx, u store.User, c store.Code, k store.Credential) {
	e := newEvent(u, "user.registered")
	e.CredentialID, e.CodeID = k.ID, c.ID
	tx.SpendCode(c.ID, u.ID, epoch.Add(time.Minute), errLost)
	tx.RegisterUser(u.ID, u.OrgID, epoch.Add(time.Minute), errLost)
	tx.AddCredential(k, errDuplicate)
	tx.Record(e)
}
