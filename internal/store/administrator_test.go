package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

var errLast = &api.Error{Kind: api.Conflict, Code: "last", Message: "The last one."}

// promote gives a user or another identity the permission to do everything.
func promote(t testing.TB, db *store.DB, o store.Organisation, identityID string) store.Assignment {
	t.Helper()
	return give(t, db, managed(o)[0], identityID)
}

// removals are the ways in which an administrator stops being one, unless they are the last.
var removals = map[string]func(tx *store.Tx, u store.User, a store.Assignment){
	"revoke": func(tx *store.Tx, u store.User, a store.Assignment) {
		tx.KeepAnAdministrator(u.OrgID, u.ID, errLast)
		tx.Revoke(a, errLost)
	},
	"deactivate": func(tx *store.Tx, u store.User, _ store.Assignment) {
		tx.KeepAnAdministrator(u.OrgID, u.ID, errLast)
		tx.SetUserActive(u.ID, u.OrgID, false, errLost)
		tx.EndSessions(u.ID, at(1))
	},
	"archive": func(tx *store.Tx, u store.User, _ store.Assignment) {
		tx.KeepAnAdministrator(u.OrgID, u.ID, errLast)
		tx.ArchiveUser(u.ID, u.OrgID, at(1), errLost)
		tx.EndSessions(u.ID, at(1))
	},
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		elsewhere := newPerson(t, db)
		promote(t, db, elsewhere.o, elsewhere.u.ID)
		for name, take := range removals {
			ada := newPerson(t, db)
			right := promote(t, db, ada.o, ada.u.ID)
			last := func(why string) {
				t.Helper()
				if err := try(db, func(tx *store.Tx) { take(tx, ada.u, right) }); err != error(errLast) {
					t.Errorf("%s, %s: %v", name, why, err)
				}
				equal(t, why, must[store.User](t)(db.User(context.Background(), ada.u.ID)), ada.u)
				if !must[bool](t)(db.IsAdministrator(context.Background(), ada.u.ID)) {
					t.Errorf("%s, %s: the permission was taken", name, why)
				}
			}
			// another adds a user, or another identity, with the permission.
			another := func(name string, change func(u *store.User)) store.User {
				u := newUser(ada.o, name)
				u.RegisteredAt = epoch
				change(&u)
				write(t, db, func(tx *store.Tx) {
					tx.CreateUser(u, errDuplicate)
					tx.AddCredential(newCredential(u, store.Code{}), errDuplicate)
				})
				promote(t, db, ada.o, u.ID)
				return u
			}
			last("alone")
			join(t, db, ada.o, "employee")
			last("beside an employee")
			another("invited", func(u *store.User) { u.RegisteredAt = time.Time{} })
			last("beside one who is not registered")
			idle := another("idle", func(u *store.User) { u.Active = false })
			last("beside one who is inactive")
			another("eve", func(u *store.User) { u.Kind = api.EndUser })
			last("beside an end user")
			another("service account", func(u *store.User) { u.Kind = store.KindServiceAccount })
			last("beside a service account")
			promote(t, db, ada.o, api.NewID(api.PrefixToken, epoch))
			last("beside an access token")
			gone := another("gone", func(*store.User) {})
			write(t, db, func(tx *store.Tx) { tx.ArchiveUser(gone.ID, ada.o.ID, at(1), errLost) })
			last("beside one who is archived")
			locked := join(t, db, ada.o, "locked out")
			promote(t, db, ada.o, locked.u.ID)
			write(t, db, func(tx *store.Tx) { tx.DeactivateOwnCredential(locked.k, at(1), errLost) })
			last("beside one who cannot log in")

			write(t, db, func(tx *store.Tx) { tx.SetUserActive(idle.ID, ada.o.ID, true, errLost) })
			if err := try(db, func(tx *store.Tx) { take(tx, ada.u, right) }); err != nil {
				t.Errorf("%s, beside another administrator: %v", name, err)
			}
		}
	})
}

func TestOthersThanAdministratorsMayLeave(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		keep := func(orgID, userID string) error {
			return try(db, func(tx *store.Tx) { tx.KeepAnAdministrator(orgID, userID, errLast) })
		}
		passes := func(why, userID string) {
			t.Helper()
			if err := keep(ada.o.ID, userID); err != nil {
				t.Errorf("%s: %v", why, err)
			}
		}
		passes("an organisation without administrators", ada.u.ID)
		promote(t, db, ada.o, ada.u.ID)
		invited, idle := newUser(ada.o, "invited"), newUser(ada.o, "idle")
		idle.RegisteredAt, idle.Active = epoch, false
		write(t, db, func(tx *store.Tx) { tx.CreateUser(invited, errDuplicate); tx.CreateUser(idle, errDuplicate) })
		promote(t, db, ada.o, invited.ID)
		promote(t, db, ada.o, idle.ID)
		passes("an employee", join(t, db, ada.o, "bob").u.ID)
		passes("one who is not registered", invited.ID)
		passes("one who is inactive", idle.ID)
		passes("an access token", "to-1")
		passes("nobody", "us-none")
		wantError(t, keep(ada.o.ID, ada.u.ID), errLast)
		wantError(t, keep("or-none", ada.u.ID), errLast)
	})
}
