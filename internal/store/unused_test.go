package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// Unused actions have limits for a user and for an organisation; what is used or pruned counts no
// more. Pruning takes no more than it is told, and nothing that was used.
func TestUnusedActionsHaveLimits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		first := newPerson(t, db)
		number := 0
		next := func(p person, s store.Session) store.Action {
			number++
			a := p.action(s)
			a.ID, a.Challenge = api.NewID(api.PrefixAction, epoch), fmt.Sprint("challenge ", number)
			return a
		}
		sign := func(p person, s store.Session) error {
			return try(db, func(tx *store.Tx) { tx.SignAction(next(p, s), errLost) })
		}
		fill := func(p person, s store.Session) store.Action { // but for one, which the limit must allow
			a := next(p, s)
			write(t, db, func(tx *store.Tx) {
				tx.SignAction(a, errLost)
				tx.CopyAction(a.ID, int(store.MaxUnusedOfUser.Actions)-2)
			})
			last := next(p, s)
			write(t, db, func(tx *store.Tx) { tx.SignAction(last, errLost) })
			return last
		}
		var last store.Action
		var firstSession store.Session
		for i := range store.MaxUnusedOfOrganisation.Actions / store.MaxUnusedOfUser.Actions {
			p := first
			if i > 0 {
				p = join(t, db, first.o, fmt.Sprint("user ", i))
			}
			s := p.login(t, db)
			if i == 0 {
				firstSession = s
			}
			l := fill(p, s)
			if i == 0 {
				last = l
			}
			wantError(t, sign(p, s), errLost)
		}
		idle := join(t, db, first.o, "idle")
		session := idle.login(t, db)
		wantError(t, sign(idle, session), errLost) // the organisation is full
		other := newPerson(t, db)
		if err := sign(other, other.login(t, db)); err != nil {
			t.Errorf("another organisation: %v", err)
		}
		write(t, db, func(tx *store.Tx) { tx.UseAction(last.ID, last.UserID, "x", at(1), errLost) })
		if err := sign(first, firstSession); err != nil {
			t.Errorf("once one was used: %v", err)
		}
		large := next(other, other.login(t, db))
		large.Payload = string(make([]byte, store.MaxUnusedOfUser.Bytes))
		wantError(t, try(db, func(tx *store.Tx) { tx.SignAction(large, errLost) }), errLost)

		count := func() int64 {
			_, org, err := db.UnusedActions(ctx, first.o.ID, first.u.ID, epoch)
			if err != nil {
				t.Fatal(err)
			}
			return org.Actions
		}
		before := count()
		write(t, db, func(tx *store.Tx) { tx.PruneUnusedActions(at(1), 500) }) // none has expired
		if count() != before {
			t.Error("pruned before it expired")
		}
		late := epoch.Add(time.Hour)
		write(t, db, func(tx *store.Tx) { tx.PruneUnusedActions(late, 500) })
		if got := count(); got < before-500 || got >= before {
			t.Errorf("one step left %d of %d", got, before)
		}
		for more := true; more; {
			write(t, db, func(tx *store.Tx) { tx.PruneUnusedActions(late, 5000) })
			var err error
			if more, err = db.UnusedActionsBefore(ctx, late); err != nil {
				t.Fatal(err)
			}
		}
		if left := must[[]store.Action](t)(db.Actions(ctx, first.o.ID, "", "", 0)); len(left) != 1 || left[0].ID != last.ID {
			t.Errorf("%d are left, want the one that was used", len(left))
		}
	})
}

// Of the refusals of known callers the newest are kept, and pruned in steps.
func TestRefusalsOfKnownCallersAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		for i := range 10 {
			f := store.Refusal{ID: api.NewID(api.PrefixRefusal, at(i)), At: at(i), OrgID: "or-1", CallerID: []string{"us-1", ""}[i%2]}
			write(t, db, func(tx *store.Tx) { tx.RecordRefusal(f) })
		}
		for _, c := range []struct {
			keep  int64
			steps int
		}{{5, 0}, {4, 1}, {1, 2}, {0, 1}} {
			steps := 0
			for {
				id := must[string](t)(db.RefusalOfCallers(ctx, c.keep))
				if id == "" {
					break
				}
				write(t, db, func(tx *store.Tx) { tx.PruneRefusalsOfCallers(id, 2) })
				steps++
			}
			if steps != c.steps {
				t.Errorf("keeping %d took %d steps, want %d", c.keep, steps, c.steps)
			}
		}
	})
}
