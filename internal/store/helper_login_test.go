package store_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func at(minutes int) time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }

// person is a registered user who has a passkey.
type person struct {
	o store.Organisation
	u store.User
	k store.Credential
}

// join adds a registered user, with a passkey, to an organisation.
func join(t testing.TB, db *store.DB, o store.Organisation, name string) person {
	t.Helper()
	u := newUser(o, name)
	u.RegisteredAt = epoch
	k := newCredential(u, store.Code{})
	write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate); tx.AddCredential(k, errDuplicate) })
	return person{o, u, k}
}

// newPerson adds an organisation and its first registered user.
func newPerson(t testing.TB, db *store.DB) person {
	t.Helper()
	o := newOrganisation()
	write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
	return join(t, db, o, "ada@example.org")
}

// session is a session of the person, live for eight hours from epoch.
func (p person) session() store.Session {
	return store.Session{
		ID: api.NewID("se", epoch), OrgID: p.o.ID, UserID: p.u.ID, CredentialID: p.k.ID,
		Challenge: rand.Text(), CreatedAt: epoch, ExpiresAt: at(8 * 60), Address: "192.0.2.1", UserAgent: "test",
	}
}

// login opens a session.
func (p person) login(t testing.TB, db *store.DB) store.Session {
	t.Helper()
	s := p.session()
	write(t, db, func(tx *store.Tx) { tx.OpenSession(s, errLost) })
	return s
}

// action is an action that the person signed at epoch in the session, for five minutes.
func (p person) action(s store.Session) store.Action {
	return store.Action{
		ID: api.NewID("ua", epoch), OrgID: p.o.ID, UserID: p.u.ID, CredentialID: p.k.ID, SessionID: s.ID,
		Challenge: rand.Text(), Method: "POST", Path: "/auth/users", Payload: `{"email":"bob@example.org"}`,
		Statement: `{"countersign":1}`, ClientData: []byte(`{"type":"webauthn.get"}`),
		AuthenticatorData: make([]byte, 37), Signature: []byte{0x30, 0}, SignedAt: epoch, ExpiresAt: at(5),
		Address: "192.0.2.1",
	}
}

// sign adds an action.
func (p person) sign(t testing.TB, db *store.DB, s store.Session) store.Action {
	t.Helper()
	a := p.action(s)
	write(t, db, func(tx *store.Tx) { tx.SignAction(a, errLost) })
	return a
}

// use is a use of the person's credential that every policy accepts.
func (p person) use(now time.Time) store.CredentialUse {
	return store.CredentialUse{ID: p.k.ID, BackupEligible: true, BackupState: true, At: now}
}
