package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// endUser adds a registered end user without any credential.
func endUser(t testing.TB, db *store.DB, o store.Organisation, name string, change func(u *store.User)) person {
	t.Helper()
	u := newUser(o, name)
	u.Kind, u.RegisteredAt = api.EndUser, epoch
	change(&u)
	write(t, db, func(tx *store.Tx) { tx.CreateUser(u, errDuplicate) })
	return person{o, u, store.Credential{ID: "cr-of-the-service-account"}}
}

func TestADelegatedSessionNeedsAnEndUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		ada, elsewhere := newPerson(t, db), newPerson(t, db)
		none := func(*store.User) {}
		open := func(p person) (store.Session, error) {
			s := p.session()
			return s, try(db, func(tx *store.Tx) { tx.OpenDelegatedSession(s, errLost) })
		}
		strange := endUser(t, db, elsewhere.o, "strange", none)
		strange.o = ada.o
		nobody := strange
		nobody.u.ID = "us-none"
		gone := endUser(t, db, ada.o, "gone", none)
		write(t, db, func(tx *store.Tx) { tx.ArchiveUser(gone.u.ID, ada.o.ID, at(1), errLost) })
		for why, p := range map[string]person{
			"an employee":             ada,
			"a service account":       endUser(t, db, ada.o, "service account", func(u *store.User) { u.Kind = store.KindServiceAccount }),
			"not registered":          endUser(t, db, ada.o, "invited", func(u *store.User) { u.RegisteredAt = time.Time{} }),
			"inactive":                endUser(t, db, ada.o, "idle", func(u *store.User) { u.Active = false }),
			"archived":                gone,
			"of another organisation": strange,
			"nobody":                  nobody,
		} {
			s, err := open(p)
			if err != error(errLost) || must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)).Found {
				t.Errorf("%s: %v", why, err)
			}
		}
		eve := endUser(t, db, ada.o, "eve", none)
		s := eve.session()
		s.EndedAt = at(1) // ignored
		write(t, db, func(tx *store.Tx) { tx.OpenDelegatedSession(s, errLost) })
		s.EndedAt = time.Time{}
		equal(t, "session", must[store.SessionWithUser](t)(db.SessionWithUser(ctx, s.ID)), store.SessionWithUser{Found: true, Session: s, User: eve.u})
		// The session cannot sign: the service account's credential signs nothing in it.
		wantError(t, try(db, func(tx *store.Tx) { tx.SignAction(eve.action(s), errLost) }), errLost)
	})
}

// TestADeactivatedUserHasNoDelegatedSession is TestADeactivatedUserHasNoSession for
// sessions that a service account opens.
func TestADeactivatedUserHasNoDelegatedSession(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		o := newPerson(t, dbs[0]).o
		for round := range 6 {
			eve := endUser(t, dbs[0], o, fmt.Sprint("user", round), func(*store.User) {})
			var opened, refused atomic.Int64
			errs := parallel(9, func(i int) error {
				if i == 8 {
					for opened.Load() < 8 { // service accounts open sessions
						time.Sleep(50 * time.Microsecond)
					}
					return try(dbs[1], func(tx *store.Tx) {
						if round%3 == 2 {
							tx.ArchiveUser(eve.u.ID, o.ID, at(1), errDuplicate)
						} else {
							tx.SetUserActive(eve.u.ID, o.ID, false, errDuplicate)
						}
						tx.EndSessions(eve.u.ID, at(1))
						if round%2 == 1 {
							exceedTurns(tx, eve.u.ID)
						}
					})
				}
				for range 5000 {
					if err := try(dbs[i%2], func(tx *store.Tx) { tx.OpenDelegatedSession(eve.session(), errLost) }); err != nil {
						refused.Add(1)
						return err
					}
					opened.Add(1)
				}
				return nil // never refused
			})
			if n := wins(t, errs, errLost); n != 1 || refused.Load() != 8 {
				t.Errorf("round %d: %d succeeded, %d service accounts were refused", round, n, refused.Load())
			}
			if live := must[[]store.Session](t)(dbs[0].SessionsOfUser(context.Background(), eve.u.ID, at(1))); len(live) > 0 {
				t.Errorf("round %d: %d sessions are live", round, len(live))
			}
			t.Logf("round %d: %d sessions came before", round, opened.Load())
		}
	})
}
