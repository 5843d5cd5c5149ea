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

func each(t *testing.T, test func(h *fixture, l *access.Checker)) {
	t.Helper()
	database.InTurn(t, func(t *testing.T, url string) {
		db, err := store.Open(context.Background(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		h := &fixture{T: t, db: db, org: api.NewID(api.PrefixOrganization, time.Now())}
		h.write(func(tx *store.Tx) {
			tx.CreateOrganisation(store.Organisation{ID: h.org, Name: "Engines", CreatedAt: time.Now()})
		})
		test(h, access.New(db))
	})
}

func (h *fixture) write(do func(tx *store.Tx)) {
	h.Helper()
	if err := h.db.Write(h.Context(), func(tx *store.Tx) error { do(tx); return nil }); err != nil {
		h.Fatal(err)
	}
}

// permission makes one and returns it.
func (h *fixture) permission(name string, operations ...string) store.Permission {
	h.Helper()
	p := store.Permission{ID: api.NewID(api.PrefixPermission, time.Now()), OrgID: h.org, Name: name, NameKey: name, Operations: operations, CreatedAt: time.Now()}
	h.write(func(tx *store.Tx) { tx.CreatePermission(p, nil) })
	return p
}

func (h *fixture) assign(permissionID, identityID string) store.Assignment {
	h.Helper()
	a := store.Assignment{ID: api.NewID(api.PrefixAssignment, time.Now()), OrgID: h.org, PermissionID: permissionID, IdentityID: identityID, CreatedAt: time.Now()}
	h.write(func(tx *store.Tx) { tx.Assign(a, 1, nil, nil) })
	return a
}

func (h *fixture) rights(l *access.Checker, who api.Caller) access.Rights {
	h.Helper()
	r, err := l.Of(h.Context(), who)
	if err != nil {
		h.Fatal(err)
	}
	return r
}

func TestRightsAreTheSumOfWhatIsAssigned(t *testing.T) {
	t.Parallel()
	each(t, func(h *fixture, l *access.Checker) {
		ada := api.Caller{OrgID: h.org, UserID: "us-ada", Kind: api.CallerEmployee}
		if r := h.rights(l, ada); r.Everything() || r.Hold("Auth:Users:Read") || len(r.Operations()) != 0 {
			h.Errorf("who was assigned nothing may %v", r.Operations())
		}
		h.assign(h.permission("one", "Auth:Users:Read", "Auth:Delegated:Register").ID, ada.UserID)
		h.assign(h.permission("two", "Permissions:Archive", "Wallets:Read").ID, ada.UserID)
		l.Changed()
		r := h.rights(l, ada)
		for operation, want := range map[string]bool{"Auth:Users:Read": true, "Auth:Register:Delegated": true, "Auth:Delegated:Register": true,
			"Permissions:Delete": true, "Permissions:Archive": true, "Wallets:Read": true, "Auth:Users:Create": false, "Auth:Users:*": false, "": false,
			"auth:users:read": false, "Wallets:Create": false, "Nothing:At:All": false} {
			if r.Hold(operation) != want {
				h.Errorf("%q: %v", operation, !want)
			}
		}
		if missing := r.Missing([]string{"Auth:Users:Read", "Auth:Users:Create", "Auth:Logs:Read"}); missing != "Auth:Users:Create" {
			h.Errorf("missing is %q", missing)
		}
		h.assign(api.AdministratorPermissionID(h.org), ada.UserID)
		l.Changed()
		if r := h.rights(l, ada); !r.Everything() || !r.Hold("Auth:Users:Create") || r.Hold("Nothing:At:All") || !slices.Equal(r.Operations(), api.Operations) {
			h.Error("who may do everything may not")
		}
	})
}

func TestAProgramMayWhatItAndItsPersonMay(t *testing.T) {
	t.Parallel()
	each(t, func(h *fixture, l *access.Checker) {
		program := api.Caller{OrgID: h.org, UserID: "us-ada", TokenID: "to-1", Kind: api.CallerPersonalToken}
		both, person, token := h.permission("both", "Auth:Logs:Read"), h.permission("person", "Auth:Users:Read"), h.permission("token", "Auth:Users:Create")
		h.assign(both.ID, program.UserID)
		h.assign(both.ID, program.TokenID)
		h.assign(person.ID, program.UserID)
		h.assign(token.ID, program.TokenID)
		want := func(name string, operations ...string) {
			h.Helper()
			l.Changed()
			if got := h.rights(l, program).Operations(); !slices.Equal(got, operations) {
				h.Errorf("%s: %v, want %v", name, got, operations)
			}
		}
		want("a bit of each", "Auth:Logs:Read")
		everything := h.assign(api.AdministratorPermissionID(h.org), program.UserID)
		want("the person may do everything", "Auth:Logs:Read", "Auth:Users:Create")
		h.write(func(tx *store.Tx) { tx.Revoke(everything, nil) })
		h.assign(api.AdministratorPermissionID(h.org), program.TokenID)
		want("the program may do everything", "Auth:Logs:Read", "Auth:Users:Read")
		// A service account has a token too, but rights of its own.
		if r := h.rights(l, api.Caller{OrgID: h.org, UserID: "us-engine", TokenID: "to-1", Kind: api.CallerServiceAccount}); len(r.Operations()) != 0 {
			h.Errorf("a service account may what its token was assigned: %v", r.Operations())
		}
	})
}

// What is remembered is forgotten soon, and at once where it was changed; a read that began
// before a change does not bring it back.
func TestWhatIsRememberedEnds(t *testing.T) {
	// Not parallel: it is held to a time.
	each(t, func(h *fixture, l *access.Checker) {
		ada := api.Caller{OrgID: h.org, UserID: "us-ada", Kind: api.CallerEmployee}
		given := h.assign(h.permission("p", "Auth:Users:Read").ID, ada.UserID)
		if !h.rights(l, ada).Hold("Auth:Users:Read") {
			h.Fatal("she may not")
		}
		h.write(func(tx *store.Tx) { tx.Revoke(given, nil) }) // by another server
		taken := time.Now()
		for h.rights(l, ada).Hold("Auth:Users:Read") {
			if time.Since(taken) > time.Second {
				h.Fatal("it is remembered for more than a second")
			}
			time.Sleep(time.Millisecond)
		}
		if r, err := l.Fresh(h.Context(), ada); err != nil || r.Hold("Auth:Users:Read") {
			h.Errorf("fresh: %v", err)
		}
		h.assign(given.PermissionID, ada.UserID)
		l.Changed()
		if !h.rights(l, ada).Hold("Auth:Users:Read") {
			h.Error("a change is not seen at once")
		}
	})
}

// Many callers at once, while everything changes: for the race detector.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(h *fixture, l *access.Checker) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range 50 {
					if _, err := l.Of(context.Background(), api.Caller{OrgID: h.org, UserID: fmt.Sprint("us-", (i+j)%5)}); err != nil {
						h.Error(err)
					}
					if j%10 == 0 {
						l.Changed()
					}
				}
			})
		}
		all.Wait()
	})
}

func TestNobodyGivesWhatTheyDoNotHold(t *testing.T) {
	t.Parallel()
	each(t, func(h *fixture, l *access.Checker) {
		ada := api.Caller{OrgID: h.org, UserID: "us-ada", Kind: api.CallerEmployee}
		mine, more := h.permission("mine", "Auth:Users:Read"), h.permission("more", "Auth:Users:Read", "Auth:Users:Create")
		h.assign(mine.ID, ada.UserID)
		give := func(ask func(context.Context, api.Caller, string) (store.Permission, error), id, code string) {
			h.Helper()
			if _, err := ask(h.Context(), ada, id); api.CodeOf(err) != code {
				h.Errorf("%s: %v, want %q", id, err, code)
			}
		}
		give(l.Grant, mine.ID, "")
		give(l.Grant, more.ID, "permission_denied")
		give(l.Grant, api.AdministratorPermissionID(h.org), "permission_denied")
		give(l.Grant, "pm-none", "permission_not_found")
		give(l.Give, mine.ID, "permission_denied") // she may not assign at all
		h.assign(h.permission("assign", "PermissionAssignments:Create").ID, ada.UserID)
		give(l.Give, mine.ID, "")
		elsewhere := ada
		elsewhere.OrgID = api.NewID(api.PrefixOrganization, time.Now())
		if _, err := l.Grant(h.Context(), elsewhere, mine.ID); api.KindOf(err) != api.NotFound {
			h.Errorf("another organisation's: %v", err)
		}
		h.write(func(tx *store.Tx) {
			tx.ArchivePermission(store.Permission{ID: mine.ID, Version: 1}, true, time.Now(), nil, nil)
		})
		give(l.Grant, mine.ID, "permission_archived")
	})
}
