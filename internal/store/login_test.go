package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func newLoginCode(p person) store.Code {
	id := api.NewID("lc", epoch)
	return store.Code{ID: id, OrgID: p.o.ID, UserID: p.u.ID, MAC: []byte("mac of " + id), CreatedAt: epoch, ExpiresAt: at(10)}
}

// light is a credential without its evidence.
func light(k store.Credential) store.Credential {
	k.ClientData, k.AttestationObject = nil, nil
	return k
}

func TestLoginStateReadsWhatExists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		second := newCredential(ada.u, store.Code{})
		second.ID = api.NewID(api.PrefixCredential, at(1))
		second.Factor, second.EncryptedPrivateKey = store.FactorSecond, "sealed"
		code, key := newLoginCode(ada), []byte("192.0.2.7")
		idle := newUser(ada.o, "idle")
		idle.Active = false
		write(t, db, func(tx *store.Tx) {
			tx.AddCredential(second, errDuplicate)
			tx.SetCredentialActive(second.ID, ada.o.ID, false, errLost)
			tx.IssueLoginCode(store.CodeForLogin, code)
			tx.CreateUser(idle, errDuplicate)
			tx.Hit(key, epoch, time.Hour)
			tx.Hit(key, epoch, time.Hour)
		})
		second.Active = false
		counted := store.LoginState{WrongTries: 2, WrongTriesReset: at(60)}
		known := counted
		known.Organisation = ada.o
		whole := known
		whole.Found, whole.User = true, ada.u
		whole.Credentials = []store.Credential{light(ada.k), light(second)}
		noCode := whole
		whole.CodeFound, whole.Code = true, code
		without := known
		without.Found, without.User = true, idle
		other := known
		other.Found, other.User, other.Credentials = true, bob.u, []store.Credential{light(bob.k)}

		read := func(orgID, name string, mac []byte) store.LoginState {
			t.Helper()
			return must[store.LoginState](t)(db.LoginState(ctx, orgID, name, mac, key))
		}
		equal(t, "right code", read(ada.o.ID, ada.u.UsernameKey, code.MAC), whole)
		equal(t, "wrong code", read(ada.o.ID, ada.u.UsernameKey, []byte("wrong")), noCode)
		equal(t, "without code", read(ada.o.ID, ada.u.UsernameKey, nil), noCode)
		equal(t, "another's code", read(ada.o.ID, "bob", code.MAC), other)
		equal(t, "no credentials", read(ada.o.ID, "idle", nil), without)
		equal(t, "unknown name", read(ada.o.ID, "nobody", code.MAC), known)
		equal(t, "hostile name", read(ada.o.ID, "a\x00\xff' OR 1=1 --", nil), known)
		equal(t, "unknown organisation", read("or-none", ada.u.UsernameKey, code.MAC), counted)
		known.WrongTries, known.WrongTriesReset = 0, time.Time{}
		equal(t, "nothing counted", must[store.LoginState](t)(db.LoginState(ctx, ada.o.ID, "nobody", nil, nil)), known)
	})
}

func TestAnOwnerHasOnlyTheirOwnCredentials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob, elsewhere := join(t, db, ada.o, "bob"), newPerson(t, db)
		nobody := store.Owner{}
		organisation := store.Owner{Organisation: ada.o}
		user := organisation
		user.Found, user.User = true, ada.u
		whole := user
		whole.CredentialFound, whole.Credential = true, light(ada.k)
		name := ada.u.UsernameKey

		byName := func(orgID, name string, raw []byte, uuid string) store.Owner {
			t.Helper()
			return must[store.Owner](t)(db.OwnerByName(ctx, orgID, name, raw, uuid))
		}
		byUser := func(id string, raw []byte, uuid string) store.Owner {
			t.Helper()
			return must[store.Owner](t)(db.OwnerByUser(ctx, id, raw, uuid))
		}
		equal(t, "name, raw id", byName(ada.o.ID, name, ada.k.CredentialID, ""), whole)
		equal(t, "name, id", byName(ada.o.ID, name, nil, ada.k.ID), whole)
		equal(t, "name, id beside an unknown raw id", byName(ada.o.ID, name, []byte("x"), ada.k.ID), whole)
		equal(t, "user, raw id", byUser(ada.u.ID, ada.k.CredentialID, ""), whole)
		equal(t, "user, id", byUser(ada.u.ID, nil, ada.k.ID), whole)
		equal(t, "another's raw id", byName(ada.o.ID, name, bob.k.CredentialID, ""), user)
		equal(t, "another's id", byName(ada.o.ID, name, nil, bob.k.ID), user)
		equal(t, "another's, of the user", byUser(ada.u.ID, bob.k.CredentialID, bob.k.ID), user)
		equal(t, "no id", byName(ada.o.ID, name, nil, ""), user)
		equal(t, "no id, by user", byUser(ada.u.ID, []byte{}, ""), user)
		equal(t, "unknown name", byName(ada.o.ID, "nobody", ada.k.CredentialID, ada.k.ID), organisation)
		equal(t, "other organisation", byName("or-none", name, ada.k.CredentialID, ada.k.ID), nobody)
		equal(t, "same name elsewhere", byName(elsewhere.o.ID, name, ada.k.CredentialID, ada.k.ID),
			store.Owner{Found: true, Organisation: elsewhere.o, User: elsewhere.u})
		equal(t, "no user", byUser("us-none", ada.k.CredentialID, ada.k.ID), nobody)

		byCredential := func(orgID, realm string, raw []byte) store.Owner {
			t.Helper()
			return must[store.Owner](t)(db.OwnerByCredential(ctx, orgID, realm, raw))
		}
		equal(t, "discoverable", byCredential("", ada.k.Realm, ada.k.CredentialID), whole)
		equal(t, "discoverable, organisation named", byCredential(ada.o.ID, ada.k.Realm, ada.k.CredentialID), whole)
		equal(t, "another organisation's", byCredential(elsewhere.o.ID, ada.k.Realm, ada.k.CredentialID),
			store.Owner{Organisation: elsewhere.o})
		equal(t, "other realm", byCredential("", "other.example", ada.k.CredentialID), nobody)
		equal(t, "unknown", byCredential("", ada.k.Realm, []byte("unknown")), nobody)
		equal(t, "empty", byCredential("", ada.k.Realm, nil), nobody)
	})
}

func TestSignerState(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		second := newCredential(ada.u, store.Code{})
		second.ID = api.NewID(api.PrefixCredential, epoch.Add(-time.Minute)) // older, though stored later
		idle := newUser(ada.o, "idle")
		write(t, db, func(tx *store.Tx) { tx.AddCredential(second, errDuplicate); tx.CreateUser(idle, errDuplicate) })
		want := store.LoginState{Organisation: ada.o, Found: true, User: ada.u,
			Credentials: []store.Credential{light(second), light(ada.k)}}
		equal(t, "signer", must[store.LoginState](t)(db.SignerState(ctx, ada.u.ID, "")), want)
		want.User, want.Credentials = idle, nil
		equal(t, "without credentials", must[store.LoginState](t)(db.SignerState(ctx, idle.ID, "")), want)
		equal(t, "nobody", must[store.LoginState](t)(db.SignerState(ctx, "us-none", "")), store.LoginState{})
	})
}

// Two realms may have the same raw id, and a raw id may look like an id of ours.
func TestAnOwnerOfTwoMatchingCredentials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		twin := newCredential(ada.u, store.Code{})
		twin.ID = api.NewID(api.PrefixCredential, at(1))
		twin.Realm, twin.CredentialID = "other.example", ada.k.CredentialID
		other := newCredential(ada.u, store.Code{})
		other.ID = api.NewID(api.PrefixCredential, epoch.Add(-time.Minute))
		write(t, db, func(tx *store.Tx) { tx.AddCredential(twin, errDuplicate); tx.AddCredential(other, errDuplicate) })
		want := func(id string) {
			t.Helper()
			byUser := must[store.Owner](t)(db.OwnerByUser(context.Background(), ada.u.ID, ada.k.CredentialID, other.ID))
			byName := must[store.Owner](t)(db.OwnerByName(context.Background(), ada.o.ID, ada.u.UsernameKey, ada.k.CredentialID, other.ID))
			if byUser.Credential.ID != id || byName.Credential.ID != id {
				t.Errorf("got %s and %s, want %s", byUser.Credential.ID, byName.Credential.ID, id)
			}
		}
		want(ada.k.ID)
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		want(twin.ID)
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(twin.ID, ada.o.ID, false, errLost) })
		want(ada.k.ID)
	})
}

func TestLoginCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		read := func(p person, c store.Code) (store.Code, bool) {
			t.Helper()
			s := must[store.LoginState](t)(db.LoginState(context.Background(), p.o.ID, p.u.UsernameKey, c.MAC, nil))
			return s.Code, s.CodeFound
		}
		spend := func(id string, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.SpendLoginCode(store.CodeForLogin, id, ada.u.ID, now, errLost) })
		}
		first, theirs := newLoginCode(ada), newLoginCode(bob)
		write(t, db, func(tx *store.Tx) {
			tx.IssueLoginCode(store.CodeForLogin, first)
			tx.IssueLoginCode(store.CodeForLogin, theirs)
		})
		for i := range 2 {
			write(t, db, func(tx *store.Tx) { tx.LoginCodeSent(first.ID, at(i+1)); tx.LoginCodeSent("lc-none", at(1)) })
		}
		first.SentAt = at(1)
		got, found := read(ada, first)
		if !found {
			t.Error("a code that was issued is not found")
		}
		equal(t, "first", got, first)
		wantError(t, spend(first.ID, first.ExpiresAt), errLost)
		wantError(t, spend("lc-none", epoch), errLost)
		if err := spend(first.ID, first.ExpiresAt.Add(-time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		wantError(t, spend(first.ID, epoch), errLost)
		if got, found = read(ada, first); !found || got.Live(epoch) {
			t.Errorf("a spent code: %+v", got)
		}

		second := newLoginCode(ada)
		write(t, db, func(tx *store.Tx) { tx.IssueLoginCode(store.CodeForLogin, second) })
		if _, found = read(ada, first); found {
			t.Error("a spent code is still kept when there is another")
		}
		wantError(t, spend(first.ID, epoch), errLost)
		got, _ = read(ada, second)
		equal(t, "second", got, second)
		if !second.Live(second.ExpiresAt.Add(-time.Millisecond)) || second.Live(second.ExpiresAt) {
			t.Error("a code is not live just before its expiry, or is at it")
		}
		third, fourth := newLoginCode(ada), newLoginCode(ada)
		write(t, db, func(tx *store.Tx) {
			tx.IssueLoginCode(store.CodeForLogin, third)
			tx.IssueLoginCode(store.CodeForLogin, fourth)
		})
		for _, c := range []store.Code{second, third, fourth} {
			if got, found = read(ada, c); !found || !got.Live(epoch) {
				t.Errorf("a newer code voided an older: %+v", got)
			}
		}
		wantError(t, spend(theirs.ID, epoch), errLost)
		if err := spend(third.ID, epoch); err != nil {
			t.Fatal(err)
		}
		for _, c := range []store.Code{second, fourth} {
			if _, found = read(ada, c); found {
				t.Error("a code outlives the use of another")
			}
			wantError(t, spend(c.ID, epoch), errLost)
		}
		fifth := newLoginCode(ada)
		write(t, db, func(tx *store.Tx) { tx.IssueLoginCode(store.CodeForLogin, fifth) })
		write(t, db, func(tx *store.Tx) { tx.VoidLoginCodes(store.CodeForLogin, ada.u.ID) })
		if _, found = read(ada, fifth); found {
			t.Error("a code that was voided is found")
		}
		if got, found = read(bob, theirs); !found || !got.Live(epoch) {
			t.Errorf("another's code: %+v", got)
		}
	})
}

func TestACredentialIsUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		read := func() store.Credential { return must[store.Credential](t)(db.Credential(ctx, ada.k.ID)) }
		equal(t, "fresh", read(), ada.k)
		use := func(count int64, strict bool) error {
			u := ada.use(at(int(count)))
			u.SignCount, u.Strict = count, strict
			return try(db, func(tx *store.Tx) { tx.UseCredential(u, errLost) })
		}
		for i, step := range []struct {
			count  int64
			strict bool
			lost   bool
		}{
			{0, true, false}, {0, true, false}, // a count that stays zero is always accepted
			{5, true, false}, {5, true, true}, {4, true, true}, {0, true, true},
			{5, false, false}, {3, false, false}, {4, true, false}, {0, false, false}, {0, true, false}, {1, true, false},
			{1 << 32, true, false}, {1<<32 - 1, true, true},
		} {
			before := read().SignCount
			err := use(step.count, step.strict)
			if (err == error(errLost)) != step.lost || (err == nil) == step.lost {
				t.Errorf("step %d: %v", i, err)
			}
			want := step.count
			if step.lost {
				want = before
			}
			if got := read(); got.SignCount != want || got.LastUsedAt.IsZero() {
				t.Errorf("step %d: stored %d, want %d", i, got.SignCount, want)
			}
		}
		write(t, db, func(tx *store.Tx) { tx.ResetSignCount(ada.k.ID, ada.o.ID, errLost) })
		if err := use(1, true); err != nil {
			t.Errorf("after the reset: %v", err)
		}
		write(t, db, func(tx *store.Tx) {
			tx.UseCredential(store.CredentialUse{ID: ada.k.ID, SignCount: 2, At: at(7)}, errLost)
		})
		want := ada.k
		want.SignCount, want.BackupState, want.LastUsedAt = 2, false, at(7)
		equal(t, "last", read(), want)

		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		wantError(t, use(9, false), errLost)
		want.Active = false
		equal(t, "inactive", read(), want)
		for _, stray := range []func(tx *store.Tx){
			func(tx *store.Tx) { tx.UseCredential(store.CredentialUse{ID: "cr-none", At: epoch}, errLost) },
			func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, "or-none", true, errLost) },
			func(tx *store.Tx) { tx.SetCredentialActive("cr-none", ada.o.ID, true, errLost) },
			func(tx *store.Tx) { tx.ResetSignCount(ada.k.ID, "or-none", errLost) },
			func(tx *store.Tx) { tx.ResetSignCount("cr-none", ada.o.ID, errLost) },
		} {
			wantError(t, try(db, stray), errLost)
		}
		equal(t, "still", read(), want)
		_, err := db.Credential(ctx, "cr-none")
		wantKind(t, err, api.NotFound, "credential_not_found")
	})
}

func TestACredentialIsAddedActive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		k := newCredential(ada.u, store.Code{})
		k.Active, k.LastUsedAt = false, at(1)
		write(t, db, func(tx *store.Tx) { tx.AddCredential(k, errDuplicate) })
		if got := must[store.Credential](t)(db.Credential(context.Background(), k.ID)); !got.Active || !got.LastUsedAt.IsZero() {
			t.Errorf("active %v, last used %v", got.Active, got.LastUsedAt)
		}
	})
}
