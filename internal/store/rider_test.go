package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
)

// signed returns a registered person, an action of theirs and the rider that uses it up.
func signed(t testing.TB, db *store.DB) (person, store.Action, *store.Rider) {
	t.Helper()
	ada := settle(t, db)
	a := ada.sign(t, db, ada.login(t, db))
	return ada, a, &store.Rider{ActionID: a.ID, Do: func(tx *store.Tx) { tx.UseAction(a.ID, a.UserID, "test", at(1), errLost) }}
}

func used(t testing.TB, db *store.DB, id string) bool {
	t.Helper()
	return !must[store.SignedAction](t)(db.SignedAction(context.Background(), id)).UsedAt.IsZero()
}

func TestARiderGoesWithTheFirstWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a, r := signed(t, db)
		ctx := store.Alongside(context.Background(), r)
		record := func(ctx context.Context, e store.Event) {
			t.Helper()
			if err := db.Write(ctx, func(tx *store.Tx) error { tx.Record(e); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		var events []store.Event
		event := func(minute int, own, want string) store.Event {
			e := newEvent(ada.u, "test")
			e.ID, e.ActionID = api.NewID(api.PrefixEvent, at(minute)), own
			kept := e
			kept.ActionID = want
			events = append(events, kept)
			return e
		}
		record(context.Background(), event(0, "", ""))
		record(store.Alongside(ctx, nil), event(1, "", "")) // parted from it
		if r.Done() || used(t, db, a.ID) {
			t.Fatal("the rider went with a write under another context")
		}
		first, own := event(2, "", a.ID), event(3, "ua-other", "ua-other")
		if err := db.Write(ctx, func(tx *store.Tx) error { tx.Record(first); tx.Record(own); return nil }); err != nil {
			t.Fatal(err)
		}
		if !r.Done() || !used(t, db, a.ID) {
			t.Fatal("the rider did not go with the first write")
		}
		record(ctx, event(4, "", "")) // a second time it would fail
		equal(t, "events", must[[]store.Event](t)(db.Events(context.Background(), ada.o.ID, "", 0)), events)
	})
}

func TestARiderAloneIsWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		_, a, r := signed(t, db)
		if err := db.Write(store.Alongside(context.Background(), r), func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if !r.Done() || !used(t, db, a.ID) {
			t.Error("nothing was written")
		}
	})
}

func TestARiderStaysAfterAWriteThatFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a, r := signed(t, db)
		ctx := store.Alongside(context.Background(), r)
		left := func(why string) {
			t.Helper()
			if r.Done() || used(t, db, a.ID) {
				t.Fatalf("%s: the rider is gone", why)
			}
		}
		own := errors.New("changed my mind")
		wantError(t, db.Write(ctx, func(*store.Tx) error { return own }), own)
		left("the function failed")
		func() {
			defer func() { recover() }()
			db.Write(ctx, func(*store.Tx) error { panic("x") })
		}()
		left("the function panicked")
		wantError(t, db.Write(ctx, func(tx *store.Tx) error { tx.CreateUser(ada.u, errDuplicate); return nil }), errDuplicate)
		left("a condition did not hold")
		if err := db.Write(ctx, func(tx *store.Tx) error { tx.CreateOrganisation(ada.o); return nil }); api.KindOf(err) != api.Internal {
			t.Fatal(err)
		}
		left("the database refused")
		ended, cancel := context.WithCancel(ctx)
		cancel()
		wantKind(t, db.Write(ended, func(*store.Tx) error { return nil }), api.Unavailable, "store_unavailable")
		left("the caller had left")

		bob := newUser(ada.o, "bob")
		if err := db.Write(ctx, func(tx *store.Tx) error { tx.CreateUser(bob, errDuplicate); return nil }); err != nil {
			t.Fatal(err)
		}
		if !r.Done() || !used(t, db, a.ID) {
			t.Error("the rider did not go with the write that succeeded")
		}
	})
}

func TestARiderThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a, first := signed(t, db)
		second := &store.Rider{ActionID: a.ID, Do: first.Do}
		add := func(r *store.Rider, name string) error {
			return db.Write(store.Alongside(context.Background(), r), func(tx *store.Tx) error {
				tx.CreateUser(newUser(ada.o, name), errDuplicate)
				return nil
			})
		}
		if err := add(first, "bob"); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it is not worn out by failing
			wantError(t, add(second, "eve"), errLost)
		}
		// What the rider says comes first.
		wantError(t, add(second, "bob"), errLost)
		if second.Done() {
			t.Error("a rider that failed is done")
		}
		_, err := db.UserByName(context.Background(), ada.o.ID, "eve")
		wantKind(t, err, api.NotFound, "user_not_found")
	})
}

// TestRidersLeaveTheirGroupAlone mixes units with and without riders, riders that hold and
// riders that fail, so that they share groups.
func TestRidersLeaveTheirGroupAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada := settle(t, db)
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
			ctx, id := context.Background(), ""
			switch i % 3 {
			case 1:
				id = good[i].ID
			case 2:
				id = spent.ID
			}
			if id != "" {
				ctx = store.Alongside(ctx, &store.Rider{ActionID: id, Do: func(tx *store.Tx) { tx.UseAction(id, ada.u.ID, "now", at(1), errLost) }})
			}
			u := newUser(ada.o, fmt.Sprint("user", i))
			return db.Write(ctx, func(tx *store.Tx) error {
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

// TestWritesAtOnceTakeOneRider holds that of many writes under one context exactly one
// takes the rider, also when the first ones to try fail.
func TestWritesAtOnceTakeOneRider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB) {
		ada, a, r := signed(t, db)
		var rode atomic.Int64
		do := r.Do
		r.Do = func(tx *store.Tx) { rode.Add(1); do(tx) }
		ctx := store.Alongside(context.Background(), r)
		own := errors.New("changed my mind")
		errs := parallel(50, func(i int) error {
			return db.Write(ctx, func(tx *store.Tx) error {
				if i%5 == 0 {
					return own
				}
				tx.CreateUser(newUser(ada.o, fmt.Sprint("user", i)), errDuplicate)
				return nil
			})
		})
		if n := wins(t, errs, own); n != 40 {
			t.Errorf("%d of 40 were written", n)
		}
		if !r.Done() || !used(t, db, a.ID) || rode.Load() < 1 || rode.Load() > 11 {
			t.Errorf("the rider was aboard %d times", rode.Load())
		}
	})
}

func TestAContextWithoutARiderCostsNoMemory(t *testing.T) {
	// Not parallel: testing.AllocsPerRun.
	db := open(t, "sqlite:"+t.TempDir()+"/a.db")
	ctx := context.Background()
	nothing := func(*store.Tx) error { return nil }
	if n := testing.AllocsPerRun(100, func() { db.Write(ctx, nothing) }); n > 1 { // the Tx
		t.Errorf("a write of nothing allocates %v times", n)
	}
}
