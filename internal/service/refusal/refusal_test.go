package refusal_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/testing/world"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/refusal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

var must = world.Must

// A flood of refusals must not fill the store; after it, they are recorded again.
func TestFloodIsNotKept(t *testing.T) {
	t.Parallel()
	ctx, now := context.Background(), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	must(t, err)
	defer db.Close()
	service := &refusal.Service{DB: db, Now: func() time.Time { return now }}
	kept := func(n int) (count int) {
		for range n {
			id := api.NewID(api.PrefixRefusal, now)
			must(t, service.Record(ctx, store.Refusal{ID: id, At: now, Code: "x"}))
			if _, err := service.Show(ctx, id); err == nil {
				count++
			} else if api.KindOf(err) != api.NotFound {
				t.Fatal(err)
			}
		}
		return count
	}
	if n := kept(1200); n != 1000 {
		t.Errorf("of 1,200 refusals at once %d are kept, want 1,000", n)
	}
	now = now.Add(time.Second)
	if n := kept(200); n != 50 {
		t.Errorf("a second later %d are kept, want 50", n)
	}
}

func TestSupportIDsThatAreNone(t *testing.T) {
	t.Parallel()
	service := &refusal.Service{}
	for _, id := range []string{"", "rf-1", "us-06h0a-4n6ft-umr6kh4hga5vq27s", "rf-06h0a-4n6ft-umr6kh4hga5vq27s'--"} {
		if _, err := service.Show(context.Background(), id); api.KindOf(err) != api.Invalid {
			t.Errorf("Show(%q): %v, want Invalid", id, err)
		}
	}
}

// Refusals of authenticated callers are never removed. So nobody fills the disk with their own, or
// keeps those of others from being recorded.
func TestRefusalsOfOneCaller(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	must(t, err)
	defer db.Close()
	service := &refusal.Service{DB: db, Now: func() time.Time { return now }}
	kept := func(caller string, n int) (count int) {
		for range n {
			id := api.NewID(api.PrefixRefusal, now)
			must(t, service.Record(ctx, store.Refusal{ID: id, At: now, Code: "x", CallerID: caller}))
			if _, err := service.Show(ctx, id); err == nil {
				count++
			}
		}
		return count
	}
	if n := kept("us-mallory", 1200); n != 1000 {
		t.Errorf("of 1,200 refusals of one caller %d are kept, want 1,000", n)
	}
	if n := kept("us-ada", 3); n != 3 {
		t.Errorf("meanwhile %d of 3 of another are kept", n)
	}
	now = now.Add(10 * time.Second)
	if n := kept("us-mallory", 20); n != 10 {
		t.Errorf("ten seconds later %d are kept, want 10", n)
	}
}
