package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

func newPermission(o store.Organisation, name string, operations ...string) store.Permission {
	return store.Permission{ID: api.NewID(api.PrefixPermission, epoch), OrgID: o.ID, Name: name, NameKey: strings.ToLower(name),
		Operations: operations, Version: 1, CreatedAt: epoch, UpdatedAt: epoch}
}

// permit adds a permission to read users.
func permit(t testing.TB, db *store.DB, o store.Organisation, name string) store.Permission {
	t.Helper()
	p := newPermission(o, name, "Auth:Users:Read")
	write(t, db, func(tx *store.Tx) { tx.CreatePermission(p, errDuplicate) })
	return p
}

func newAssignment(p store.Permission, identityID string) store.Assignment {
	return store.Assignment{ID: api.NewID(api.PrefixAssignment, epoch), OrgID: p.OrgID, PermissionID: p.ID, IdentityID: identityID, CreatedAt: epoch}
}

// give assigns a permission to an identity.
func give(t testing.TB, db *store.DB, p store.Permission, identityID string) store.Assignment {
	t.Helper()
	a := newAssignment(p, identityID)
	write(t, db, func(tx *store.Tx) { tx.Assign(a, p.Version, errDuplicate, errLost) })
	return a
}

// held is an assigned permission.
func held(p store.Permission, a store.Assignment) store.HeldPermission {
	return store.HeldPermission{Permission: p, AssignmentID: a.ID, IdentityID: a.IdentityID}
}

// sorted sorts permissions by assignment, because the store promises no order.
func sorted(all []store.HeldPermission) []store.HeldPermission {
	slices.SortFunc(all, func(a, b store.HeldPermission) int { return strings.Compare(a.AssignmentID, b.AssignmentID) })
	return all
}

func TestAnOrganisationHasItsManagedPermissions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		a, b := newOrganisation(), newOrganisation()
		write(t, db, func(tx *store.Tx) { tx.CreateOrganisation(a); tx.CreateOrganisation(b) })
		for _, o := range []store.Organisation{a, b} {
			equal(t, "permissions", must[[]store.Permission](t)(db.Permissions(context.Background(), o.ID, "", 0)), managed(o))
		}
	})
}

func TestThePermissionNameIsUnique(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		create := func(o store.Organisation, name string) error {
			return try(db, func(tx *store.Tx) { tx.CreatePermission(newPermission(o, name), errDuplicate) })
		}
		archive := func(p store.Permission, archived bool) error {
			return try(db, func(tx *store.Tx) { tx.ArchivePermission(p, archived, at(1), errDuplicate, errLost) })
		}
		first := permit(t, db, ada.o, "Readers")
		permit(t, db, elsewhere.o, "Readers")
		wantError(t, create(ada.o, "Readers"), errDuplicate)
		wantError(t, create(ada.o, "READERS"), errDuplicate)
		wantError(t, create(ada.o, "ManagedFullAdminAccess"), errDuplicate)

		if err := archive(first, true); err != nil {
			t.Fatal(err)
		}
		first.Version++
		second := permit(t, db, ada.o, "readers")
		wantError(t, archive(first, false), errDuplicate)
		if err := archive(second, true); err != nil {
			t.Fatal(err)
		}
		if err := archive(first, false); err != nil {
			t.Fatal(err)
		}
		wantError(t, create(ada.o, "readers"), errDuplicate)
		first.Version++
		first.UpdatedAt = at(1)
		equal(t, "restored", must[store.Permission](t)(db.Permission(context.Background(), ada.o.ID, first.ID)), first)
	})
}

func TestAPermissionIsChangedOnlyInTheVersionRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		p := permit(t, db, ada.o, "Readers")
		permit(t, db, ada.o, "Writers")
		permit(t, db, elsewhere.o, "Auditors")
		update := func(p store.Permission, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.UpdatePermission(p, now, errDuplicate, errLost) })
		}
		stored := func() {
			t.Helper()
			equal(t, "stored", must[store.Permission](t)(db.Permission(context.Background(), ada.o.ID, p.ID)), p)
		}
		change := p
		change.Name, change.NameKey, change.Operations = "Auditors", "auditors", []string{"Auth:Logs:Read", "Permissions:Read"}
		if err := update(change, at(1)); err != nil {
			t.Fatal(err)
		}
		wantError(t, update(change, at(2)), errLost) // it has another version now
		p = change
		p.Version, p.UpdatedAt = 2, at(1)
		stored()

		taken := p
		taken.Name, taken.NameKey, taken.Operations = "WRITERS", "writers", nil
		wantError(t, update(taken, at(2)), errDuplicate)
		stored()
		own := p
		own.Name, own.Operations = "AUDITORS", nil
		if err := update(own, at(3)); err != nil {
			t.Fatal(err)
		}
		p = own
		p.Version, p.UpdatedAt = 3, at(3)
		stored()

		archive := func(archived bool, now time.Time) error {
			return try(db, func(tx *store.Tx) { tx.ArchivePermission(p, archived, now, errDuplicate, errLost) })
		}
		if err := archive(true, at(4)); err != nil {
			t.Fatal(err)
		}
		wantError(t, archive(true, at(5)), errLost)
		wantError(t, archive(false, at(5)), errLost)
		p.Version, p.UpdatedAt, p.ArchivedAt = 4, at(4), at(4)
		wantError(t, update(p, at(5)), errLost) // archived
		stored()
		if err := archive(false, at(6)); err != nil {
			t.Fatal(err)
		}
		p.Version, p.UpdatedAt, p.ArchivedAt = 5, at(6), time.Time{}
		stored()
		wantError(t, update(store.Permission{ID: "pm-none", OrgID: ada.o.ID, Version: 1}, at(7)), errLost)
	})
}

func TestPermissionsAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		want := managed(ada.o)
		for i := range 5 {
			p := newPermission(ada.o, fmt.Sprint("role", i))
			p.ID = api.NewID(api.PrefixPermission, at(i+1))
			write(t, db, func(tx *store.Tx) { tx.CreatePermission(p, errDuplicate) })
			want = append(want, p)
		}
		theirs := permit(t, db, elsewhere.o, "theirs")
		write(t, db, func(tx *store.Tx) { tx.ArchivePermission(want[3], true, at(9), errDuplicate, errLost) })
		want[3].Version, want[3].UpdatedAt, want[3].ArchivedAt = 2, at(9), at(9)
		var got []store.Permission
		for after := ""; ; after = got[len(got)-1].ID {
			page := must[[]store.Permission](t)(db.Permissions(ctx, ada.o.ID, after, 2))
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		equal(t, "all", got, want)
		equal(t, "in one page", must[[]store.Permission](t)(db.Permissions(ctx, ada.o.ID, "", 0)), want)
		if rest := must[[]store.Permission](t)(db.Permissions(ctx, ada.o.ID, theirs.ID, 0)); slices.ContainsFunc(rest,
			func(p store.Permission) bool { return p.OrgID != ada.o.ID }) {
			t.Errorf("after another organisation's: %v", rest)
		}
		for _, id := range []string{theirs.ID, "pm-none", ""} {
			_, err := db.Permission(ctx, ada.o.ID, id)
			wantKind(t, err, api.NotFound, "permission_not_found")
		}
	})
}

func TestAssignmentsAreListedInPages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		p, other := permit(t, db, ada.o, "Readers"), permit(t, db, ada.o, "Writers")
		theirs := give(t, db, permit(t, db, elsewhere.o, "Readers"), elsewhere.u.ID)
		give(t, db, other, ada.u.ID)
		var want []store.Assignment
		for i := range 5 {
			a := newAssignment(p, fmt.Sprint("us-", i))
			a.ID = api.NewID(api.PrefixAssignment, at(i+1))
			write(t, db, func(tx *store.Tx) { tx.Assign(a, 1, errDuplicate, errLost) })
			want = append(want, a)
		}
		list := func(after string, limit int) []store.Assignment {
			t.Helper()
			return must[[]store.Assignment](t)(db.Assignments(ctx, p.ID, after, limit))
		}
		equal(t, "all", list("", 0), want)
		equal(t, "first", list("", 2), want[:2])
		equal(t, "next", list(want[1].ID, 2), want[2:4])
		equal(t, "rest", list(want[3].ID, 2), want[4:])
		equal(t, "one", must[store.Assignment](t)(db.Assignment(ctx, ada.o.ID, p.ID, want[0].ID)), want[0])
		for _, of := range [][3]string{
			{elsewhere.o.ID, p.ID, want[0].ID}, {ada.o.ID, other.ID, want[0].ID}, {ada.o.ID, p.ID, theirs.ID},
			{ada.o.ID, theirs.PermissionID, theirs.ID}, {ada.o.ID, p.ID, "as-none"},
		} {
			_, err := db.Assignment(ctx, of[0], of[1], of[2])
			wantKind(t, err, api.NotFound, "assignment_not_found")
		}
	})
}

func TestAPermissionIsAssignedOnlyInTheVersionRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		bob := join(t, db, ada.o, "bob")
		p, q := permit(t, db, ada.o, "Readers"), permit(t, db, ada.o, "Writers")
		assign := func(p store.Permission, identityID string) error {
			return try(db, func(tx *store.Tx) { tx.Assign(newAssignment(p, identityID), p.Version, errDuplicate, errLost) })
		}
		has := func(id, also string, want ...store.HeldPermission) {
			t.Helper()
			got := sorted(must[[]store.HeldPermission](t)(db.Held(ctx, id, also)))
			if len(got) != 0 || len(want) != 0 {
				equal(t, "held", got, sorted(want))
			}
		}
		a, b := give(t, db, p, ada.u.ID), give(t, db, p, bob.u.ID)
		c := give(t, db, q, "to-1")
		wantError(t, assign(p, ada.u.ID), errDuplicate)
		has(ada.u.ID, "", held(p, a))
		has(bob.u.ID, "to-1", held(p, b), held(q, c))
		has("us-none", "")
		has("", "")

		foreign, none, stale := p, p, p
		foreign.OrgID, none.ID, stale.Version = elsewhere.o.ID, "pm-none", 2
		for _, p := range []store.Permission{foreign, none, stale} {
			wantError(t, assign(p, "us-3"), errLost)
		}
		write(t, db, func(tx *store.Tx) { tx.ArchivePermission(p, true, at(1), errDuplicate, errLost) })
		wantError(t, assign(p, "us-3"), errLost)
		p.Version, p.UpdatedAt = 2, at(1)
		wantError(t, assign(p, "us-3"), errLost) // archived, though it has that version
		has(ada.u.ID, "")
		has(bob.u.ID, "to-1", held(q, c))
		write(t, db, func(tx *store.Tx) { tx.ArchivePermission(p, false, at(2), errDuplicate, errLost) })
		p.Version, p.UpdatedAt = 3, at(2)
		has(ada.u.ID, "", held(p, a)) // its assignments stayed

		revoke := func(a store.Assignment) error { return try(db, func(tx *store.Tx) { tx.Revoke(a, errLost) }) }
		wrong, strange := a, a
		wrong.PermissionID, strange.OrgID = q.ID, elsewhere.o.ID
		wantError(t, revoke(wrong), errLost)
		wantError(t, revoke(strange), errLost)
		has(ada.u.ID, "", held(p, a))
		if err := revoke(a); err != nil {
			t.Fatal(err)
		}
		wantError(t, revoke(a), errLost)
		has(ada.u.ID, "")
		has(bob.u.ID, "", held(p, b))
		has(ada.u.ID, "", held(p, give(t, db, p, ada.u.ID)))
	})
}
