package refusal_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/service/refusal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// A flood of refusals must not fill the store; once it is over, they are kept again.
func TestFloodIsNotKept(t *testing.T) {
	ctx, now := context.Background(), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	room := &refusal.Service{DB: db, Now: func() time.Time { return now }}
	kept := func(n int) (count int) {
		for range n {
			id := api.NewID(api.PrefixRefusal, now)
			if err := room.Keep(ctx, store.Refusal{ID: id, At: now, Code: "x"}); err != nil {
				t.Fatal(err)
			}
			if _, err := room.Show(ctx, id); err == nil {
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
	room := &refusal.Service{}
	for _, id := range []string{"", "rf-1", "us-06h0a-4n6ft-umr6kh4hga5vq27s", "rf-06h0a-4n6ft-umr6kh4hga5vq27s'--"} {
		if _, err := room.Show(context.Background(), id); api.KindOf(err) != api.Invalid {
			t.Errorf("Show(%q): %v, want Invalid", id, err)
		}
	}
}
