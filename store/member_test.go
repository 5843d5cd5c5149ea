package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/store"
)

func TestMembersAreListedInPages(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := settle(t, db), settle(t, db)
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
	each(t, func(t *testing.T, db *store.DB) {
		ada := settle(t, db)
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
	each(t, func(t *testing.T, db *store.DB) {
		ada, elsewhere := settle(t, db), settle(t, db)
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

func TestTheFirstEmployeeIsMadeAdministrator(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		add := func(o store.Organisation, name, kind string) bool {
			t.Helper()
			u := newUser(o, name)
			u.Kind = kind
			write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate); tx.MakeFirstAdministrator(o.ID, u.ID) })
			got := must[store.User](t)(db.User(context.Background(), u.ID))
			u.Administrator = got.Administrator
			equal(t, name, got, u)
			return got.Administrator
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
		write(t, db, func(tx *store.Tx) { tx.CreateUser(stray, errDuplicate); tx.MakeFirstAdministrator(b.ID, stray.ID) })
		if must[store.User](t)(db.User(context.Background(), stray.ID)).Administrator {
			t.Error("a user of one organisation became administrator by another")
		}
		equal(t, "organisation", must[store.Organisation](t)(db.Organisation(context.Background(), a.ID)), a)
	})
}

func TestPolicies(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		o, other := newOrganisation(), newOrganisation()
		other.SignCountPolicy, other.BackupPolicy, other.SecondFactor = "record", "record", "required"
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(o); tx.CreateOrganisation(other) })
		set := func(orgID, signCount, backup, second string) error {
			return try(db, func(tx *store.Tx) { tx.SetPolicies(orgID, signCount, backup, second, errLost) })
		}
		if err := set(o.ID, "refuse", "alert", "optional"); err != nil {
			t.Fatal(err)
		}
		wantError(t, set("or-none", "refuse", "alert", "optional"), errLost)
		o.SignCountPolicy, o.BackupPolicy, o.SecondFactor = "refuse", "alert", "optional"
		equal(t, "set", must[store.Organisation](t)(db.Organisation(context.Background(), o.ID)), o)
		equal(t, "other", must[store.Organisation](t)(db.Organisation(context.Background(), other.ID)), other)
	})
}

func TestSoleOrganisation(t *testing.T) {
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

func TestKeysThatSignMayBeSeveral(t *testing.T) {
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
