package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// newToken is an access token of a person, live for a week, with its key.
func newToken(p person, name string) (store.AccessToken, store.Credential) {
	id := api.NewID(api.PrefixToken, epoch)
	k := newCredential(p.u, store.Code{})
	k.TokenID, k.Kind, k.Realm, k.Name = id, api.KindKey, p.o.ID, name
	return store.AccessToken{ID: id, OrgID: p.o.ID, UserID: p.u.ID, Kind: store.TokenPersonal, Name: name,
		NameKey: strings.ToLower(name), ExternalID: "ext", CredentialID: k.ID, Digest: []byte("digest of " + id), Active: true,
		CreatedAt: epoch, ExpiresAt: at(7 * 24 * 60)}, k
}

// program signs with the key of an access token, which is its k.
type program struct {
	person
	token store.AccessToken
}

// newProgram adds an access token of a person.
func newProgram(t testing.TB, db *store.DB, p person, name string) program {
	t.Helper()
	token, k := newToken(p, name)
	write(t, db, func(tx *store.Tx) {
		tx.CreateAccessToken(token, errDuplicate, errLost)
		tx.AddCredential(k, errDuplicate)
	})
	return program{person{p.o, p.u, k}, token}
}

// signed is an action that the program signed at epoch.
func (p program) signed(t testing.TB, db *store.DB) store.Action {
	t.Helper()
	return p.sign(t, db, store.Session{ID: p.token.ID})
}

func (p program) entry(held ...store.HeldPermission) store.TokenEntry {
	return store.TokenEntry{AccessToken: p.token, Credential: light(p.k), Assignments: held}
}

func TestAnAccessTokenNeedsAnActiveUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		create := func(p person, name string) error {
			token, k := newToken(p, name)
			err := try(db, func(tx *store.Tx) {
				tx.CreateAccessToken(token, errDuplicate, errLost)
				tx.AddCredential(k, errDuplicate)
			})
			if b := must[store.TokenWithUser](t)(db.TokenWithUser(ctx, token.ID)); b.Found != (err == nil) {
				t.Errorf("Write returned %v, but the token exists: %v", err, b.Found)
			}
			return err
		}
		invited := newUser(ada.o, "invited")
		write(t, db, func(tx *store.Tx) { tx.CreateUser(invited, errDuplicate) })
		wantError(t, create(person{ada.o, invited, ada.k}, "program"), errLost)
		wantError(t, create(person{elsewhere.o, ada.u, ada.k}, "program"), errLost)
		write(t, db, func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost) })
		wantError(t, create(ada, "program"), errLost)
		write(t, db, func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, true, errLost) })

		first := newProgram(t, db, ada, "Program")
		wantError(t, create(ada, "program"), errDuplicate)
		if err := create(bob, "program"); err != nil {
			t.Errorf("another user's of the same name: %v", err)
		}
		equal(t, "bearer", must[store.TokenWithUser](t)(db.TokenWithUser(ctx, first.token.ID)),
			store.TokenWithUser{Found: true, Token: first.token, User: ada.u})
		for _, id := range []string{"", "to-none", "to-\x00\xff"} {
			equal(t, id, must[store.TokenWithUser](t)(db.TokenWithUser(ctx, id)), store.TokenWithUser{})
		}

		write(t, db, func(tx *store.Tx) { tx.ArchiveAccessToken(first.token.ID, ada.u.ID, at(1), errLost) })
		if err := create(ada, "program"); err != nil {
			t.Errorf("a name whose token is archived: %v", err)
		}
		write(t, db, func(tx *store.Tx) {
			tx.ArchiveUser(ada.u.ID, ada.o.ID, at(2), errLost)
		})
		wantError(t, create(ada, "late"), errLost)
	})
}

func TestAnAccessTokenIsDeactivatedAndArchived(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		p := newProgram(t, db, ada, "program")
		set := func(userID string, active bool) error {
			return try(db, func(tx *store.Tx) {
				if active {
					tx.ActivateAccessToken(p.token.ID, userID, errLost)
				} else {
					tx.DeactivateAccessToken(p.token.ID, userID, at(1), errLost)
				}
			})
		}
		archive := func(userID string, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.ArchiveAccessToken(p.token.ID, userID, now, errLost) })
		}
		stored := func() {
			t.Helper()
			equal(t, "stored", must[store.TokenWithUser](t)(db.TokenWithUser(context.Background(), p.token.ID)).Token, p.token)
		}
		wantError(t, set(bob.u.ID, false), errLost)
		wantError(t, archive(bob.u.ID, at(1)), errLost)
		stored()
		for _, active := range []bool{false, false, true, true} {
			if err := set(ada.u.ID, active); err != nil {
				t.Fatal(err)
			}
			p.token.Active = active
			stored()
		}
		if err := archive(ada.u.ID, at(2)); err != nil {
			t.Fatal(err)
		}
		p.token.Active, p.token.ArchivedAt = false, at(2)
		stored()
		wantError(t, archive(ada.u.ID, at(3)), errLost)
		wantError(t, set(ada.u.ID, true), errLost)
		wantError(t, try(db, func(tx *store.Tx) {
			tx.RenameAccessToken(p.token.ID, ada.u.ID, "x", "x", nil, errDuplicate, errLost)
		}), errLost)
		stored()
	})
}

func TestAccessTokenLive(t *testing.T) {
	token := store.AccessToken{Active: true, ExpiresAt: at(60)}
	if !token.Live(at(60).Add(-time.Millisecond)) || token.Live(at(60)) {
		t.Error("an access token is not live just before its expiry, or is at it")
	}
	inactive, archived := token, token
	inactive.Active, archived.ArchivedAt = false, at(1)
	if inactive.Live(at(2)) || archived.Live(at(2)) || (store.AccessToken{}).Live(at(2)) {
		t.Error("a token that is deactivated, archived or does not exist is live")
	}
}

func TestAnAccessTokenIsRenamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		p, other := newProgram(t, db, ada, "one"), newProgram(t, db, ada, "two")
		newProgram(t, db, bob, "three")
		rename := func(userID, name string, externalID *string) error {
			return try(db, func(tx *store.Tx) {
				tx.RenameAccessToken(p.token.ID, userID, name, strings.ToLower(name), externalID, errDuplicate, errLost)
			})
		}
		stored := func(name, externalID string) {
			t.Helper()
			p.token.Name, p.token.NameKey, p.token.ExternalID = name, strings.ToLower(name), externalID
			equal(t, "stored", must[store.TokenWithUser](t)(db.TokenWithUser(context.Background(), p.token.ID)).Token, p.token)
		}
		id, none := "new", ""
		wantError(t, rename(ada.u.ID, "TWO", &id), errDuplicate)
		wantError(t, rename(bob.u.ID, "four", &id), errLost)
		stored("one", "ext")
		for _, step := range []struct {
			name string
			id   *string
			want string
		}{{"Three", nil, "ext"}, {"THREE", &id, "new"}, {"one", nil, "new"}, {"one", &none, ""}} {
			if err := rename(ada.u.ID, step.name, step.id); err != nil {
				t.Fatal(err)
			}
			stored(step.name, step.want)
		}
		write(t, db, func(tx *store.Tx) { tx.ArchiveAccessToken(other.token.ID, ada.u.ID, at(1), errLost) })
		if err := rename(ada.u.ID, "two", nil); err != nil {
			t.Errorf("a name whose token is archived: %v", err)
		}
	})
}

func TestAccessTokensAreListedWithTheirPermissions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada := newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		one, two, three := permit(t, db, ada.o, "one"), permit(t, db, ada.o, "two"), permit(t, db, ada.o, "three")
		gone := permit(t, db, ada.o, "gone")
		programs := make([]program, 4)
		for i := range programs {
			token, k := newToken(ada, string(rune('a'+i)))
			token.ID = api.NewID(api.PrefixToken, at(i+1))
			k.TokenID = token.ID
			write(t, db, func(tx *store.Tx) {
				tx.CreateAccessToken(token, errDuplicate, errLost)
				tx.AddCredential(k, errDuplicate)
			})
			programs[i] = program{person{ada.o, ada.u, k}, token}
		}
		none, single, triple, archived := programs[0], programs[1], programs[2], programs[3]
		theirs := newProgram(t, db, bob, "a")
		give(t, db, one, ada.u.ID) // the person's own permission is not the token's
		give(t, db, one, theirs.token.ID)
		a := give(t, db, two, single.token.ID)
		give(t, db, gone, single.token.ID)
		var of [3]store.HeldPermission
		for i, p := range []store.Permission{one, two, three} {
			of[i] = held(p, give(t, db, p, triple.token.ID))
		}
		give(t, db, three, archived.token.ID)
		give(t, db, gone, none.token.ID)
		write(t, db, func(tx *store.Tx) {
			tx.ArchivePermission(gone, true, at(1), errDuplicate, errLost)
			tx.ArchiveAccessToken(archived.token.ID, ada.u.ID, at(1), errLost)
		})
		want := []store.TokenEntry{none.entry(), single.entry(held(two, a)), triple.entry(sorted(of[:])...)}
		list := must[[]store.TokenEntry](t)(db.AccessTokens(ctx, ada.u.ID))
		for i := range list {
			sorted(list[i].Assignments)
		}
		equal(t, "list", list, want)
		if none := must[[]store.TokenEntry](t)(db.AccessTokens(ctx, "us-none")); len(none) > 0 {
			t.Errorf("nobody's: %v", none)
		}
		for i, p := range programs[:3] {
			got := must[store.TokenEntry](t)(db.AccessToken(ctx, ada.u.ID, p.token.ID))
			sorted(got.Assignments)
			equal(t, "one", got, want[i])
		}
		archived.token.Active, archived.token.ArchivedAt = false, at(1)
		equal(t, "archived", must[store.TokenEntry](t)(db.AccessToken(ctx, ada.u.ID, archived.token.ID)).AccessToken, archived.token)
		for _, of := range [][2]string{{bob.u.ID, single.token.ID}, {ada.u.ID, theirs.token.ID}, {ada.u.ID, "to-none"}} {
			_, err := db.AccessToken(ctx, of[0], of[1])
			wantKind(t, err, api.NotFound, "token_not_found")
		}
	})
}
