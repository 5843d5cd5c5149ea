package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/testing/database"
)

// TestMoreWritesThanCanBeDone holds the database while more is to be written than its queue takes.
// What finds no place is refused soon, the rest is written, and then there is room again.
func TestMoreWritesThanCanBeDone(t *testing.T) {
	t.Parallel()
	url := database.SQLite(t)
	db := open(t, url)
	other, err := sqlite.Open(strings.TrimPrefix(url, "sqlite:"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	put := func() error {
		return db.Write(context.Background(), func(tx *store.Tx) error { tx.PutSetting("x", "y"); return nil })
	}
	const writes = store.QueueLength + 2*store.GroupSize
	errs := make(chan error, writes)
	var all sync.WaitGroup
	begun := time.Now()
	for range writes {
		all.Go(func() { errs <- put() })
	}
	refused := <-errs // nothing else can end while the database is held
	if api.CodeOf(refused) != "server_busy" || api.AsError(refused).RetryAfter != time.Second {
		t.Errorf("the first to end: %v", refused)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it was refused after %v", took)
	}
	if _, err := other.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	close(errs)
	done := 0
	for err := range errs {
		switch {
		case err == nil:
			done++
		case api.CodeOf(err) != "server_busy":
			t.Errorf("%v", err)
		}
	}
	if done < store.QueueLength {
		t.Errorf("%d were written, and the queue holds %d", done, store.QueueLength)
	}
	if err := put(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
