package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func newApplication(o store.Organisation, name string, minutes int) store.Application {
	return store.Application{ID: api.NewID(api.PrefixApplication, at(minutes)), OrgID: o.ID, Kind: "ServerSideApplication", Name: name,
		NameKey: strings.ToLower(name), RPID: "example.org", Origin: "https://example.org", ExternalID: "ext", CredentialID: "cr-1",
		PublicKey: []byte{0x30, 0, 255}, Active: true, CreatedAt: epoch}
}

func TestApplications(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, elsewhere := newPerson(t, db).o, newPerson(t, db).o
		create := func(a store.Application) error {
			return try(db, func(tx *store.Tx) { tx.CreateApplication(a, errDuplicate) })
		}
		one, two, bare := newApplication(o, "One", 1), newApplication(o, "Two", 2), newApplication(o, "Bare", 3)
		bare.Kind, bare.RPID, bare.Origin, bare.ExternalID, bare.CredentialID, bare.PublicKey = "ClientSideApplication", "", "", "", "", []byte{}
		theirs := newApplication(elsewhere, "One", 4)
		write(t, db, func(tx *store.Tx) {
			for _, a := range []store.Application{one, two, bare, theirs} {
				tx.CreateApplication(a, errDuplicate)
			}
		})
		wantError(t, create(newApplication(o, "ONE", 5)), errDuplicate)
		want := func(all ...store.Application) {
			t.Helper()
			equal(t, "list", must[[]store.Application](t)(db.Applications(ctx, o.ID)), all)
		}
		want(one, two, bare)
		equal(t, "elsewhere", must[[]store.Application](t)(db.Applications(ctx, elsewhere.ID)), []store.Application{theirs})
		equal(t, "one", must[store.Application](t)(db.Application(ctx, o.ID, bare.ID)), bare)
		for _, id := range []string{theirs.ID, "ap-none", ""} {
			_, err := db.Application(ctx, o.ID, id)
			wantKind(t, err, api.NotFound, "application_not_found")
		}

		for i := range 4 {
			one.Active = i >= 2
			write(t, db, func(tx *store.Tx) { tx.SetApplicationActive(one.ID, o.ID, one.Active, errLost) })
			want(one, two, bare)
		}
		wantError(t, try(db, func(tx *store.Tx) { tx.SetApplicationActive(theirs.ID, o.ID, false, errLost) }), errLost)
		wantError(t, try(db, func(tx *store.Tx) { tx.ArchiveApplication(theirs.ID, o.ID, at(1), errLost) }), errLost)

		write(t, db, func(tx *store.Tx) { tx.ArchiveApplication(one.ID, o.ID, at(1), errLost) })
		wantError(t, try(db, func(tx *store.Tx) { tx.ArchiveApplication(one.ID, o.ID, at(2), errLost) }), errLost)
		wantError(t, try(db, func(tx *store.Tx) { tx.SetApplicationActive(one.ID, o.ID, true, errLost) }), errLost)
		one.Active, one.ArchivedAt = false, at(1)
		want(two, bare)
		equal(t, "archived", must[store.Application](t)(db.Application(ctx, o.ID, one.ID)), one)
		again := newApplication(o, "ONE", 6) // the name is free
		if err := create(again); err != nil {
			t.Fatal(err)
		}
		want(two, bare, again)
	})
}

func TestAnApplicationIsRenamed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		o, elsewhere := newPerson(t, db).o, newPerson(t, db).o
		one, two, gone := newApplication(o, "One", 1), newApplication(o, "Two", 2), newApplication(o, "Gone", 3)
		write(t, db, func(tx *store.Tx) {
			for _, a := range []store.Application{one, two, gone, newApplication(elsewhere, "Three", 4)} {
				tx.CreateApplication(a, errDuplicate)
			}
			tx.ArchiveApplication(gone.ID, o.ID, at(1), errLost)
		})
		rename := func(a store.Application, name string) error {
			a.Name, a.NameKey, a.ExternalID = name, strings.ToLower(name), "of "+name
			return try(db, func(tx *store.Tx) {
				tx.RenameApplication(a.ID, a.OrgID, a.Name, a.NameKey, &a.ExternalID, errDuplicate, errLost)
			})
		}
		foreign := one
		foreign.OrgID = elsewhere.ID
		wantError(t, rename(one, "TWO"), errDuplicate)
		wantError(t, rename(foreign, "Four"), errLost)
		wantError(t, rename(gone, "Four"), errLost)
		equal(t, "stored", must[store.Application](t)(db.Application(ctx, o.ID, one.ID)), one)
		for _, name := range []string{"ONE", "Three", "Gone"} {
			if err := rename(one, name); err != nil {
				t.Fatal(err)
			}
			one.Name, one.NameKey, one.ExternalID = name, strings.ToLower(name), "of "+name
			equal(t, name, must[store.Application](t)(db.Application(ctx, o.ID, one.ID)), one)
		}
	})
}
