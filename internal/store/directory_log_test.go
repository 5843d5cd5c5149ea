package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store"
)

// lifetime is something that can be activated and deactivated until it is archived.
type lifetime struct {
	on, off, archive func(tx *store.Tx)
	state            func() (active bool, archived time.Time)
}

// TestFiftyChangesLeaveOneState activates, deactivates and archives one thing at once. It
// is archived once, and the log has an event for each change that succeeded.
func TestFiftyChangesLeaveOneState(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ctx := context.Background()
		ada := newPerson(t, dbs[0])
		p := newProgram(t, dbs[0], ada, "program")
		bob := newProgram(t, dbs[0], join(t, dbs[0], ada.o, "bob"), "program")
		app := newApplication(ada.o, "app", 1)
		write(t, dbs[0], func(tx *store.Tx) { tx.CreateApplication(app, errDuplicate) })
		set := func(active bool) func(tx *store.Tx) {
			return func(tx *store.Tx) {
				tx.SetUserActive(bob.u.ID, ada.o.ID, active, errLost)
				if !active {
					tx.EndSessions(bob.u.ID, at(1))
				}
			}
		}
		for name, l := range map[string]lifetime{
			"user": {set(true), set(false),
				func(tx *store.Tx) {
					tx.ArchiveUser(bob.u.ID, ada.o.ID, at(1), errLost)
					tx.EndSessions(bob.u.ID, at(1))
				},
				func() (bool, time.Time) {
					u := must[store.User](t)(dbs[1].User(ctx, bob.u.ID))
					return u.Active, u.ArchivedAt
				}},
			"access token": {
				func(tx *store.Tx) { tx.ActivateAccessToken(p.token.ID, ada.u.ID, errLost) },
				func(tx *store.Tx) { tx.DeactivateAccessToken(p.token.ID, ada.u.ID, at(1), errLost) },
				func(tx *store.Tx) { tx.ArchiveAccessToken(p.token.ID, ada.u.ID, at(1), errLost) },
				func() (bool, time.Time) {
					b := must[store.TokenWithUser](t)(dbs[1].TokenWithUser(ctx, p.token.ID))
					return b.Token.Active, b.Token.ArchivedAt
				}},
			"application": {
				func(tx *store.Tx) { tx.SetApplicationActive(app.ID, ada.o.ID, true, errLost) },
				func(tx *store.Tx) { tx.SetApplicationActive(app.ID, ada.o.ID, false, errLost) },
				func(tx *store.Tx) { tx.ArchiveApplication(app.ID, ada.o.ID, at(1), errLost) },
				func() (bool, time.Time) {
					a := must[store.Application](t)(dbs[1].Application(ctx, ada.o.ID, app.ID))
					return a.Active, a.ArchivedAt
				}},
		} {
			errs := parallel(50, func(i int) error {
				kind, change := "on", l.on
				switch {
				case i%5 == 4:
					kind, change = "archived", l.archive
				case i%2 == 1:
					kind, change = "off", l.off
				}
				return try(dbs[i%2], func(tx *store.Tx) { change(tx); tx.Record(newEvent(ada.u, name+" "+kind)) })
			})
			logged := logOf(t, dbs[0], ada.o, name)
			if n := wins(t, errs, errLost); n != logged["on"]+logged["off"]+logged["archived"] || logged["archived"] != 1 {
				t.Errorf("%s: %d were answered, the log says %v", name, n, logged)
			}
			if active, archived := l.state(); active || !archived.Equal(at(1)) {
				t.Errorf("%s: active %v, archived %v", name, active, archived)
			}
			wantError(t, try(dbs[0], l.on), errLost)
		}
		if b := must[store.TokenWithUser](t)(dbs[1].TokenWithUser(ctx, bob.token.ID)); b.Token.Active || b.Token.ArchivedAt.IsZero() {
			t.Errorf("the archived user's token: %+v", b.Token)
		}
	})
}

// logOf counts the events about a thing by what happened to it.
func logOf(t testing.TB, db *store.DB, o store.Organisation, about string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, e := range must[[]store.Event](t)(db.Events(context.Background(), o.ID, "", 0)) {
		if kind, ok := strings.CutPrefix(e.Kind, about+" "); ok {
			found[kind]++
		}
	}
	return found
}

// TestFiftyChangesOfAPermission changes, archives, restores, assigns and revokes a permission
// at once. Each goroutine does so to what it has just read.
func TestFiftyChangesOfAPermission(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, dbs [2]*store.DB) {
		ctx := context.Background()
		ada := newPerson(t, dbs[0])
		p := permit(t, dbs[0], ada.o, "Readers")
		change := func(db *store.DB, i int, now store.Permission, held []store.Assignment) error {
			return try(db, func(tx *store.Tx) {
				kind := "changed"
				switch {
				case i%5 == 0 && len(held) > 0:
					kind = "revoked"
					tx.Revoke(held[0], errLost)
				case i%5 < 3:
					kind = "assigned"
					tx.Assign(newAssignment(now, ada.u.ID), now.Version, errLost, errLost)
				case i%5 == 3:
					now.Operations = []string{fmt.Sprint("operation ", i)}
					tx.UpdatePermission(now, at(i), errLost, errLost)
				default:
					tx.ArchivePermission(now, now.ArchivedAt.IsZero(), at(i), errLost, errLost)
				}
				tx.Record(newEvent(ada.u, "permission "+kind))
			})
		}
		answered := 0
		for range 4 {
			errs := parallel(50, func(i int) error {
				db := dbs[i%2]
				now, err := db.Permission(ctx, ada.o.ID, p.ID)
				if err != nil {
					return err
				}
				held, err := db.Assignments(ctx, p.ID, "", 0)
				if err != nil {
					return err
				}
				return change(db, i, now, held)
			})
			answered += wins(t, errs, errLost)
		}
		now := must[store.Permission](t)(dbs[1].Permission(ctx, ada.o.ID, p.ID))
		held := must[[]store.Assignment](t)(dbs[1].Assignments(ctx, p.ID, "", 0))
		logged := logOf(t, dbs[0], ada.o, "permission")
		if sum := logged["changed"] + logged["assigned"] + logged["revoked"]; sum != answered {
			t.Errorf("%d were answered, the log says %v", answered, logged)
		}
		if now.Version != int64(1+logged["changed"]) || len(held) != logged["assigned"]-logged["revoked"] {
			t.Errorf("version %d and %d assignments, the log says %v", now.Version, len(held), logged)
		}
		t.Logf("%v", logged)
	})
}
