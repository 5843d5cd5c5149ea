package audit_test

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/database"
)

// TestExportsLeaveLoginsAlone logs somebody in again and again beside exports and searches of a
// long log. How many logins there are depends on the machine, so it is logged; that none waits for
// an export is what it holds.
func TestExportsLeaveLoginsAlone(t *testing.T) {
	// Not parallel: it is held to a time.
	database.InTurn(t, func(t *testing.T, at string) {
		a := newArchive(t, countersigntest.Start(t, countersigntest.Database(at)), "Engines")
		bob, _ := a.colleague(t, "bob@example.org")
		a.record(t, 30_000)
		logs := a.until(a.Clock.Now().Add(time.Hour), "userId", bob.UserID) // few rows, after a look at all
		whole := a.until(a.Clock.Now().Add(time.Hour))
		logins := func() (n int, longest time.Duration) {
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); n++ {
				began := time.Now()
				a.LogIn(t, bob)
				longest = max(longest, time.Since(began))
			}
			return n, longest
		}
		alone, _ := logins()
		var stop atomic.Bool
		var exports, done = sync.WaitGroup{}, atomic.Int64{}
		for _, c := range []struct {
			path  string
			query url.Values
		}{{logsPath, logs}, {logsPath, logs}, {logsPath, whole}, {searchPath, url.Values{"userId": {bob.UserID}}}} {
			exports.Go(func() {
				for !stop.Load() {
					if res := a.ask(t, a.admin.Token, c.path, c.query); res.Status == 200 {
						done.Add(1)
					} else {
						t.Errorf("%s: %v", c.path, res)
						return
					}
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		beside, longest := logins()
		stop.Store(true)
		exports.Wait()
		if longest > time.Second || done.Load() == 0 {
			t.Errorf("beside %d exports a login took %s", done.Load(), longest)
		}
		t.Logf("%d logins alone, %d beside %d exports, one of them %s long", alone, beside, done.Load(), longest)
		if err := a.DB.Ready(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
