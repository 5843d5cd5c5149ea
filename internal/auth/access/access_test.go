package access_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/access"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// fixture is a store with one organisation.
type fixture struct {
	*testing.T
	db  *store.DB
	org string
}

func each(t *testing.T, test func(f *fixture, c *access.Checker)) {
	t.Helper()
	database.InTurn(t, func(t *testing.T, url string) {
		db, err := store.Open(context.Background(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		f := &fixture{T: t, db: db, org: api.NewID(api.PrefixOrganization, time.Now())}
		f.write(func(tx *store.Tx) {
			tx.CreateOrganisation(store.Organisation{ID: f.org, Name: "Engines", CreatedAt: time.Now()})
		})
		test(f, access.New(db))
	})
}

func (f *fixture) write(do func(tx *store.Tx)) {
	f.Helper()
	if err := f.db.Write(f.Context(), func(tx *store.Tx) error { do(tx); return nil }); err != nil {
		f.Fatal(err)
	}
}

// permission creates a permission and returns it.
func (f *fixture) permission(name string, operations ...string) store.Permission {
	f.Helper()
	p := store.Permission{ID: api.NewID(api.PrefixPermission, time.Now()), OrgID: f.org, Name: name, NameKey: name, Operations: operations, CreatedAt: time.Now()}
	f.write(func(tx *store.Tx) { tx.CreatePermission(p, nil) })
	return p
}

func (f *fixture) assign(permissionID, identityID string) store.Assignment {
	f.Helper()
	a := store.Assignment{ID: api.NewID(api.PrefixAssignment, time.Now()), OrgID: f.org, PermissionID: permissionID, IdentityID: identityID, CreatedAt: time.Now()}
	f.write(func(tx *store.Tx) { tx.Assign(a, 1, nil, nil) })
	return a
}

func (f *fixture) rights(c *access.Checker, who api.Caller) access.Rights {
	f.Helper()
	r, err := c.Of(f.Context(), who)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func TestRightsAreTheSumOfWhatIsAssigned(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture, c *access.Checker) {
		ada := api.Caller{OrgID: f.org, UserID: "us-ada", Kind: api.CallerEmployee}
		if r := f.rights(c, ada); r.Everything() || r.Hold("Auth:Users:Read") || len(r.Operations()) != 0 {
			f.Errorf("who was assigned nothing may %v", r.Operations())
		}
		f.assign(f.permission("one", "Auth:Users:Read", "Auth:Delegated:Register").ID, ada.UserID)
		f.assign(f.permission("two", "Permissions:Archive", "Wallets:Read").ID, ada.UserID)
		c.Changed()
		r := f.rights(c, ada)
		for operation, want := range map[string]bool{"Auth:Users:Read": true, "Auth:Register:Delegated": true, "Auth:Delegated:Register": true,
			"Permissions:Delete": true, "Permissions:Archive": true, "Wallets:Read": true, "Auth:Users:Create": false, "Auth:Users:*": false, "": false,
			"auth:users:read": false, "Wallets:Create": false, "Nothing:At:All": false} {
			if r.Hold(operation) != want {
				f.Errorf("%q: %v", operation, !want)
			}
		}
		if missing := r.Missing([]string{"Auth:Users:Read", "Auth:Users:Create", "Auth:Logs:Read"}); missing != "Auth:Users:Create" {
			f.Errorf("missing is %q", missing)
		}
		f.assign(api.AdministratorPermissionID(f.org), ada.UserID)
		c.Changed()
		if r := f.rights(c, ada); !r.Everything() || !r.Hold("Auth:Users:Create") || r.Hold("Nothing:At:All") || !slices.Equal(r.Operations(), api.Operations) {
			f.Error("who may do everything may not")
		}
	})
}

func TestAPersonalTokenMayWhatItAndItsPersonMay(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture, c *access.Checker) {
		pat := api.Caller{OrgID: f.org, UserID: "us-ada", TokenID: "to-1", Kind: api.CallerPersonalToken}
		both, person, token := f.permission("both", "Auth:Logs:Read"), f.permission("person", "Auth:Users:Read"), f.permission("token", "Auth:Users:Create")
		f.assign(both.ID, pat.UserID)
		f.assign(both.ID, pat.TokenID)
		f.assign(person.ID, pat.UserID)
		f.assign(token.ID, pat.TokenID)
		want := func(name string, operations ...string) {
			f.Helper()
			c.Changed()
			if got := f.rights(c, pat).Operations(); !slices.Equal(got, operations) {
				f.Errorf("%s: %v, want %v", name, got, operations)
			}
		}
		want("a bit of each", "Auth:Logs:Read")
		everything := f.assign(api.AdministratorPermissionID(f.org), pat.UserID)
		want("the person may do everything", "Auth:Logs:Read", "Auth:Users:Create")
		f.write(func(tx *store.Tx) { tx.Revoke(everything, nil) })
		f.assign(api.AdministratorPermissionID(f.org), pat.TokenID)
		want("the token may do everything", "Auth:Logs:Read", "Auth:Users:Read")
		// A service account has a token too, but rights of its own.
		if r := f.rights(c, api.Caller{OrgID: f.org, UserID: "us-engine", TokenID: "to-1", Kind: api.CallerServiceAccount}); len(r.Operations()) != 0 {
			f.Errorf("a service account may do what its token was assigned: %v", r.Operations())
		}
	})
}

// The cache forgets rights soon, and at once on a node where they changed; a read that began
// before a change does not restore them.
func TestWhatIsRememberedEnds(t *testing.T) {
	// Not parallel: it measures time.
	each(t, func(f *fixture, c *access.Checker) {
		ada := api.Caller{OrgID: f.org, UserID: "us-ada", Kind: api.CallerEmployee}
		assignment := f.assign(f.permission("p", "Auth:Users:Read").ID, ada.UserID)
		if !f.rights(c, ada).Hold("Auth:Users:Read") {
			f.Fatal("she may not")
		}
		f.write(func(tx *store.Tx) { tx.Revoke(assignment, nil) }) // by another server
		taken := time.Now()
		for f.rights(c, ada).Hold("Auth:Users:Read") {
			if time.Since(taken) > time.Second {
				f.Fatal("it is remembered for more than a second")
			}
			time.Sleep(time.Millisecond)
		}
		if r, err := c.Fresh(f.Context(), ada); err != nil || r.Hold("Auth:Users:Read") {
			f.Errorf("fresh: %v", err)
		}
		f.assign(assignment.PermissionID, ada.UserID)
		c.Changed()
		if !f.rights(c, ada).Hold("Auth:Users:Read") {
			f.Error("a change is not seen at once")
		}
	})
}

// Many callers at the same moment, while everything changes: for the race detector.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture, c *access.Checker) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 50 {
					if _, err := c.Of(context.Background(), api.Caller{OrgID: f.org, UserID: fmt.Sprint("us-", (i+j)%5)}); err != nil {
						f.Error(err)
					}
					if j%10 == 0 {
						c.Changed()
					}
				}
			})
		}
		all.Wait()
	})
}

func TestNobodyGivesWhatTheyDoNotHold(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture, c *access.Checker) {
		ada := api.Caller{OrgID: f.org, UserID: "us-ada", Kind: api.CallerEmployee}
		mine, more := f.permission("mine", "Auth:Users:Read"), f.permission("more", "Auth:Users:Read", "Auth:Users:Create")
		f.assign(mine.ID, ada.UserID)
		give := func(ask func(context.Context, api.Caller, string) (store.Permission, error), id, code string) {
			f.Helper()
			if _, err := ask(f.Context(), ada, id); api.CodeOf(err) != code {
				f.Errorf("%s: %v, want %q", id, err, code)
			}
		}
		give(c.Grant, mine.ID, "")
		give(c.Grant, more.ID, "permission_denied")
		give(c.Grant, api.AdministratorPermissionID(f.org), "permission_denied")
		give(c.Grant, "pm-none", "permission_not_found")
		give(c.GrantNew, mine.ID, "permission_denied") // she may not assign at all
		f.assign(f.permission("assign", "PermissionAssignments:Create").ID, ada.UserID)
		give(c.GrantNew, mine.ID, "")
		elsewhere := ada
		elsewhere.OrgID = api.NewID(api.PrefixOrganization, time.Now())
		if _, err := c.Grant(f.Context(), elsewhere, mine.ID); api.KindOf(err) != api.NotFound {
			f.Errorf("another organisation's: %v", err)
		}
		f.write(func(tx *store.Tx) {
			tx.ArchivePermission(store.Permission{ID: mine.ID, Version: 1}, true, time.Now(), nil, nil)
		})
		give(c.Grant, mine.ID, "permission_archived")
	})
}
