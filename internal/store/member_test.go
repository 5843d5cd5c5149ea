package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func TestMembersAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		want := []store.Member{{User: ada.u, CredentialID: ada.k.ID}}
		for i := range 6 {
			u := newUser(ada.o, fmt.Sprint("user", i))
			u.ID = api.NewID(api.PrefixUser, at(i+1))
			if i%2 == 1 {
				u.Kind = "EndUser"
			}
			write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) })
			want = append(want, store.Member{User: u})
		}
		list := func(orgID, kind string) (got []store.Member) {
			t.Helper()
			for after := ""; ; after = got[len(got)-1].ID {
				page := must[[]store.Member](t)(db.Members(ctx, orgID, kind, after, 2))
				if len(page) == 0 {
					return got
				}
				got = append(got, page...)
			}
		}
		equal(t, "all", list(ada.o.ID, ""), want)
		equal(t, "in one page", must[[]store.Member](t)(db.Members(ctx, ada.o.ID, "", "", 0)), want)
		equal(t, "end users", list(ada.o.ID, "EndUser"), []store.Member{want[2], want[4], want[6]})
		equal(t, "employees", list(ada.o.ID, api.CustomerEmployee), []store.Member{want[0], want[1], want[3], want[5]})
		if none := list(ada.o.ID, "Nobody"); len(none) > 0 {
			t.Errorf("of an unknown kind: %v", none)
		}
		equal(t, "elsewhere", list(elsewhere.o.ID, ""), []store.Member{{User: elsewhere.u, CredentialID: elsewhere.k.ID}})

		equal(t, "one", must[store.Member](t)(db.Member(ctx, ada.o.ID, ada.u.ID)), want[0])
		_, err := db.Member(ctx, elsewhere.o.ID, ada.u.ID)
		wantKind(t, err, api.NotFound, "user_not_found")
		_, err = db.Member(ctx, ada.o.ID, "us-none")
		wantKind(t, err, api.NotFound, "user_not_found")
	})
}

func TestAMemberIsShownWithTheirFirstFactor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		add := func(factor string, when time.Time) store.Credential {
			k := newCredential(ada.u, store.Code{})
			k.ID, k.Factor = api.NewID(api.PrefixCredential, when), factor
			write(t, db, func(tx *store.Tx) { tx.AddCredential(k, errDuplicate) })
			return k
		}
		want := func(id string) {
			t.Helper()
			equal(t, "credential", must[store.Member](t)(db.Member(context.Background(), ada.o.ID, ada.u.ID)).CredentialID, id)
		}
		add(store.FactorSecond, at(-3))
		add(store.FactorRecovery, at(-2))
		later := add(store.FactorFirst, at(1))
		want(ada.k.ID)
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(ada.k.ID, ada.o.ID, false, errLost) })
		want(later.ID)
		write(t, db, func(tx *store.Tx) { tx.SetCredentialActive(later.ID, ada.o.ID, false, errLost) })
		want("")
	})
}

func TestUsersAreDeactivatedByTheirOrganisation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		set := func(userID, orgID string, active bool) error {
			return try(db, func(tx *store.Tx) { tx.SetUserActive(userID, orgID, active, errLost) })
		}
		wantError(t, set(ada.u.ID, elsewhere.o.ID, false), errLost)
		wantError(t, set("us-none", ada.o.ID, false), errLost)
		for _, active := range []bool{false, false, true, true} {
			if err := set(ada.u.ID, ada.o.ID, active); err != nil {
				t.Fatal(err)
			}
			want := ada.u
			want.Active = active
			equal(t, "user", must[store.User](t)(db.User(context.Background(), ada.u.ID)), want)
			equal(t, "credential", must[store.Credential](t)(db.Credential(context.Background(), ada.k.ID)), ada.k)
		}
	})
}

func TestAnArchivedUserStaysArchived(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		p, earlier := newProgram(t, db, ada, "program"), newProgram(t, db, ada, "earlier")
		code := newCode(ada.u)
		s := ada.login(t, db)
		write(t, db, func(tx *store.Tx) {
			tx.IssueCode(code)
			tx.ArchiveAccessToken(earlier.token.ID, ada.u.ID, at(1), errLost)
		})
		archive := func(userID, orgID string) error {
			return try(db, func(tx *store.Tx) {
				tx.ArchiveUser(userID, orgID, at(2), errLost)
				tx.EndSessions(userID, at(2))
			})
		}
		wantError(t, archive(ada.u.ID, elsewhere.o.ID), errLost)
		wantError(t, archive("us-none", ada.o.ID), errLost)
		if err := archive(ada.u.ID, ada.o.ID); err != nil {
			t.Fatal(err)
		}
		wantError(t, archive(ada.u.ID, ada.o.ID), errLost)
		for name, change := range map[string]func(tx *store.Tx){
			"activated":   func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, true, errLost) },
			"deactivated": func(tx *store.Tx) { tx.SetUserActive(ada.u.ID, ada.o.ID, false, errLost) },
			"renamed":     func(tx *store.Tx) { tx.RenameUser(ada.u.ID, ada.o.ID, "x", "x", nil, errDuplicate, errLost) },
			"registered":  func(tx *store.Tx) { tx.RegisterUser(ada.u.ID, ada.o.ID, at(3), errLost) },
			"invited":     func(tx *store.Tx) { tx.MustBeInvited(ada.u.ID, ada.o.ID, errLost) },
			"sent a code": func(tx *store.Tx) { tx.OfferCode(newCode(ada.u), errLost) },
			"logged in":   func(tx *store.Tx) { tx.OpenSession(ada.session(), errLost) },
		} {
			if err := try(db, change); err != error(errLost) {
				t.Errorf("was %s: %v", name, err)
			}
		}

		gone := must[store.Member](t)(db.Member(ctx, ada.o.ID, ada.u.ID))
		want := ada.u
		want.Active, want.ArchivedAt, want.UsernameKey = false, at(2), gone.UsernameKey
		equal(t, "shown by id", gone, store.Member{User: want, CredentialID: ada.k.ID})
		_, err := db.UserByName(ctx, ada.o.ID, ada.u.UsernameKey)
		wantKind(t, err, api.NotFound, "user_not_found")
		equal(t, "login", must[store.LoginState](t)(db.LoginState(ctx, ada.o.ID, ada.u.UsernameKey, nil, nil)),
			store.LoginState{Organisation: ada.o})
		members, people := must[[]store.Member](t)(db.Members(ctx, ada.o.ID, "", "", 0)), must[[]store.Person](t)(db.People(ctx, ada.o.ID, "", "", "", 0))
		if users := must[[]store.UserSummary](t)(db.Users(ctx, ada.o.ID, "", 0)); len(members)+len(people)+len(users) > 0 {
			t.Errorf("listed: %v, %v, %v", members, people, users)
		}

		equal(t, "session ended", must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)).Session.EndedAt, at(2))
		token := must[store.TokenWithUser](t)(db.TokenWithUser(ctx, p.token.ID)).Token
		if token.Active || !token.ArchivedAt.Equal(at(2)) {
			t.Errorf("their token: %+v", token)
		}
		equal(t, "archived before", must[store.TokenWithUser](t)(db.TokenWithUser(ctx, earlier.token.ID)).Token.ArchivedAt, at(1))
		if c := must[store.Code](t)(db.Code(ctx, code.ID)); !c.RevokedAt.Equal(at(2)) || c.RevokedReason != store.CodeRevoked {
			t.Errorf("their code: %+v", c)
		}
		again := join(t, db, ada.o, ada.u.Username) // the name is free
		if err := archive(again.u.ID, ada.o.ID); err != nil {
			t.Errorf("a second one of that name: %v", err)
		}
	})
}

func TestAUserIsRenamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		join(t, db, ada.o, "bob")
		join(t, db, elsewhere.o, "carol")
		rename := func(userID, orgID, name string, externalID *string) error {
			return try(db, func(tx *store.Tx) {
				tx.RenameUser(userID, orgID, name, strings.ToLower(name), externalID, errDuplicate, errLost)
			})
		}
		id, none := "new", ""
		wantError(t, rename(ada.u.ID, ada.o.ID, "BOB", &id), errDuplicate)
		wantError(t, rename(ada.u.ID, elsewhere.o.ID, "dave", &id), errLost)
		wantError(t, rename("us-none", ada.o.ID, "dave", &id), errLost)
		equal(t, "stored", must[store.User](t)(db.User(context.Background(), ada.u.ID)), ada.u)
		for _, step := range []struct {
			name string
			id   *string
			want string
		}{{"Carol", &id, "new"}, {"CAROL", nil, "new"}, {"ada", &none, ""}} {
			if err := rename(ada.u.ID, ada.o.ID, step.name, step.id); err != nil {
				t.Fatal(err)
			}
			ada.u.Username, ada.u.UsernameKey, ada.u.ExternalID = step.name, strings.ToLower(step.name), step.want
			equal(t, step.name, must[store.User](t)(db.User(context.Background(), ada.u.ID)), ada.u)
		}
	})
}

func TestTheFirstEmployeeIsMadeAdministrator(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		add := func(o store.Organisation, name, kind string) bool {
			t.Helper()
			u := newUser(o, name)
			u.Kind = kind
			write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate); makeFirst(tx, o, u) })
			equal(t, name, must[store.User](t)(db.User(context.Background(), u.ID)), u)
			return must[bool](t)(db.IsAdministrator(context.Background(), u.ID))
		}
		a, b := newOrganisation(), newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(a); tx.CreateOrganisation(b) })
		if !add(a, "first", api.CustomerEmployee) || add(a, "second", api.CustomerEmployee) {
			t.Error("the first employee is the administrator, and no other")
		}
		if add(b, "first", "EndUser") || add(b, "second", api.CustomerEmployee) {
			t.Error("a first user who is no employee leaves no administrator")
		}
		stray := newUser(a, "stray")
		write(t, db, func(tx *store.Tx) { tx.CreateUser(stray, errDuplicate); makeFirst(tx, b, stray) })
		if must[bool](t)(db.IsAdministrator(context.Background(), stray.ID)) {
			t.Error("a user of one organisation became administrator by another")
		}
		equal(t, "organisation", must[store.Organisation](t)(db.Organisation(context.Background(), a.ID)), a)
	})
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		o, other := newOrganisation(), newOrganisation()
		other.SignCountPolicy, other.BackupPolicy, other.SecondFactor = "record", "record", "required"
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o); tx.CreateOrganisation(other) })
		o.SignCountPolicy, o.BackupPolicy, o.SecondFactor, o.OneTimePasswords, o.Passwords = "refuse", "alert", "optional", true, true
		o.RecoveryWait, o.RecoveryApproval = 24*time.Hour, true
		write(t, db, func(tx *store.Tx) { tx.SetPolicies(o, errLost) })
		wantError(t, try(db, func(tx *store.Tx) { tx.SetPolicies(store.Organisation{ID: "or-none"}, errLost) }), errLost)
		equal(t, "set", must[store.Organisation](t)(db.Organisation(context.Background(), o.ID)), o)
		equal(t, "other", must[store.Organisation](t)(db.Organisation(context.Background(), other.ID)), other)
	})
}

func TestSoleOrganisation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		want := func(o store.Organisation, sole bool) {
			t.Helper()
			got, is, err := db.SoleOrganisation(context.Background())
			if err != nil || is != sole {
				t.Fatalf("%v, %v", is, err)
			}
			equal(t, "sole", got, o)
		}
		want(store.Organisation{}, false)
		o := newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o) })
		want(o, true)
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(newOrganisation()) })
		want(store.Organisation{}, false)
	})
}

func TestThereMayBeSeveralSigningKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		key := func(purpose string, minute int) store.ServerKey {
			return store.ServerKey{ID: api.NewID(api.PrefixKey, at(minute)), Purpose: purpose, CreatedAt: at(minute),
				Wrapping: store.WrappingNone, Material: []byte{byte(minute)}}
		}
		old, next, codes := key(store.PurposeSigning, 1), key(store.PurposeSigning, 2), key("codes", 3)
		write(t, db, func(tx *store.Tx) { tx.PutServerKey(next); tx.PutServerKey(old); tx.PutServerKey(codes) })
		write(t, db, func(tx *store.Tx) { tx.PutServerKey(key("codes", 4)) })
		equal(t, "keys", must[[]store.ServerKey](t)(db.ServerKeys(context.Background())), []store.ServerKey{codes, old, next})
	})
}

func makeFirst(tx *store.Tx, o store.Organisation, u store.User) {
	tx.MakeFirstAdministrator(o.ID, u.ID, api.NewID(api.PrefixAssignment, epoch), epoch)
}
