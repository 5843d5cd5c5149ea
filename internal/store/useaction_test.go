package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// signed returns a registered person and an action that they signed.
func signed(t testing.TB, db *store.DB) (person, store.Action) {
	t.Helper()
	ada := newPerson(t, db)
	return ada, ada.sign(t, db, ada.login(t, db))
}

// with is a unit that uses an action for what do adds.
func with(a store.Action, do func(tx *store.Tx)) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		tx.UseAction(a.ID, a.UserID, "test", at(1), errLost)
		do(tx)
		return nil
	}
}

func used(t testing.TB, db *store.DB, id string) bool {
	t.Helper()
	return !must[store.SignedAction](t)(db.SignedAction(context.Background(), id)).UsedAt.IsZero()
}

func TestEventsOfAUnitCarryTheActionItUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a := signed(t, db)
		var events []store.Event
		event := func(minute int, own, want string) store.Event {
			e := newEvent(ada.u, "test")
			e.ID, e.ActionID = api.NewID(api.PrefixEvent, at(minute)), own
			stored := e
			stored.ActionID = want
			events = append(events, stored)
			return e
		}
		before := event(0, "", "")
		write(t, db, func(tx *store.Tx) { tx.Record(before) })
		if used(t, db, a.ID) {
			t.Fatal("the action was used by a unit that does not use it")
		}
		first, own := event(2, "", a.ID), event(3, "ua-other", "ua-other")
		if err := db.Write(context.Background(), with(a, func(tx *store.Tx) { tx.Record(first); tx.Record(own) })); err != nil {
			t.Fatal(err)
		}
		if !used(t, db, a.ID) {
			t.Fatal("the action was not used")
		}
		after := event(4, "", "")
		write(t, db, func(tx *store.Tx) { tx.Record(after) })
		equal(t, "events", must[[]store.Event](t)(db.Events(context.Background(), ada.o.ID, "", 0)), events)
	})
}

func TestAnActionIsUsedWithoutAnEffect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		_, a := signed(t, db)
		if err := db.Write(context.Background(), with(a, func(*store.Tx) {})); err != nil {
			t.Fatal(err)
		}
		if !used(t, db, a.ID) {
			t.Error("nothing was written")
		}
	})
}

func TestAFailedUnitDoesNotUseItsAction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a := signed(t, db)
		ctx := context.Background()
		left := func(why string) {
			t.Helper()
			if used(t, db, a.ID) {
				t.Fatalf("%s: the action is used", why)
			}
		}
		own := errors.New("changed my mind")
		wantError(t, db.Write(ctx, func(tx *store.Tx) error { with(a, func(*store.Tx) {})(tx); return own }), own)
		left("the function failed")
		func() {
			defer func() { recover() }()
			db.Write(ctx, with(a, func(*store.Tx) { panic("x") }))
		}()
		left("the function panicked")
		wantError(t, db.Write(ctx, with(a, func(tx *store.Tx) { tx.CreateUser(ada.u, errDuplicate) })), errDuplicate)
		left("a condition did not hold")
		if err := db.Write(ctx, with(a, func(tx *store.Tx) { tx.CreateOrganisation(ada.o) })); api.KindOf(err) != api.Internal {
			t.Fatal(err)
		}
		left("the database refused")
		ended, cancel := context.WithCancel(ctx)
		cancel()
		wantKind(t, db.Write(ended, with(a, func(*store.Tx) {})), api.Unavailable, "store_unavailable")
		left("the caller had left")

		bob := newUser(ada.o, "bob")
		if err := db.Write(ctx, with(a, func(tx *store.Tx) { tx.CreateUser(bob, errDuplicate) })); err != nil {
			t.Fatal(err)
		}
		if !used(t, db, a.ID) {
			t.Error("the action is not used by the unit that succeeded")
		}
	})
}

func TestAUnitWhoseActionCannotBeUsedFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a := signed(t, db)
		add := func(name string) error {
			return db.Write(context.Background(), with(a, func(tx *store.Tx) { tx.CreateUser(newUser(ada.o, name), errDuplicate) }))
		}
		if err := add("bob"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			wantError(t, add("eve"), errLost)
		}
		// The failure of the action comes first.
		wantError(t, add("bob"), errLost)
		_, err := db.UserByName(context.Background(), ada.o.ID, "eve")
		wantKind(t, err, api.NotFound, "user_not_found")
	})
}

func TestCommittedIsCalledAfterTheCommit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a := signed(t, db)
		called := 0
		unit := with(a, func(tx *store.Tx) {
			tx.Committed(func() {
				called++
				if !used(t, db, a.ID) {
					t.Error("called before the unit was on disk")
				}
			})
			tx.CreateUser(newUser(ada.o, "bob"), errDuplicate)
		})
		if err := db.Write(context.Background(), unit); err != nil || called != 1 {
			t.Errorf("called %d times: %v", called, err)
		}
		if err := db.Write(context.Background(), unit); err == nil || called != 1 {
			t.Errorf("called %d times for a unit that failed: %v", called, err)
		}
		got, err := store.Do(context.Background(), db, func(tx *store.Tx) (string, error) { return "x", nil })
		if got != "x" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := store.Do(context.Background(), db, func(tx *store.Tx) (string, error) { return "x", unit(tx) }); got != "" || err == nil {
			t.Errorf("%q of a unit that failed, %v", got, err)
		}
	})
}

// TestActionsDoNotAffectTheirGroup mixes units that use no action, a usable action and an unusable
// one, so that they share groups.
func TestActionsDoNotAffectTheirGroup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := newPerson(t, db)
		s := ada.login(t, db)
		const n = 120
		good := make([]store.Action, n)
		write(t, db, func(tx *store.Tx) {
			for i := range good {
				good[i] = ada.action(s)
				tx.SignAction(good[i], errLost)
			}
		})
		spent := ada.sign(t, db, s)
		write(t, db, func(tx *store.Tx) { tx.UseAction(spent.ID, spent.UserID, "before", at(1), errLost) })
		errs := parallel(n, func(i int) error {
			id := ""
			switch i % 3 {
			case 1:
				id = good[i].ID
			case 2:
				id = spent.ID
			}
			u := newUser(ada.o, fmt.Sprint("user", i))
			return db.Write(context.Background(), func(tx *store.Tx) error {
				if id != "" {
					tx.UseAction(id, ada.u.ID, "now", at(1), errLost)
				}
				tx.CreateUser(u, errDuplicate)
				e := newEvent(u, "user.invited")
				e.Detail = []byte(fmt.Sprint(i))
				tx.Record(e)
				return nil
			})
		})
		for i, err := range errs {
			if lost := errors.Is(err, errLost); lost != (i%3 == 2) || (err == nil) == lost {
				t.Errorf("unit %d: %v", i, err)
			}
			if i%3 == 1 && !used(t, db, good[i].ID) {
				t.Errorf("action %d is not used", i)
			}
		}
		events := must[[]store.Event](t)(db.Events(context.Background(), ada.o.ID, "", 0))
		if len(events) != n*2/3 {
			t.Errorf("%d events, want %d", len(events), n*2/3)
		}
		for _, e := range events {
			var i int
			fmt.Sscan(string(e.Detail), &i)
			want := ""
			if i%3 == 1 {
				want = good[i].ID
			}
			if e.ActionID != want {
				t.Errorf("event %d is of action %q, want %q", i, e.ActionID, want)
			}
		}
	})
}

func TestAnEmptyWriteAllocatesNothing(t *testing.T) {
	// Not parallel: testing.AllocsPerRun.
	db := open(t, "sqlite:"+t.TempDir()+"/a.db")
	ctx := context.Background()
	nothing := func(*store.Tx) error { return nil }
	if n := testing.AllocsPerRun(100, func() { db.Write(ctx, nothing) }); n > 1 { // the Tx
		t.Errorf("a write of nothing allocates %v times", n)
	}
}
