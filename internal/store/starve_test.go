package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

// TestLongReadsLeaveTheOthersAlone runs many reads that do not end, as exports do whose clients
// are slow. What logins, bearers and writes need goes on.
func TestLongReadsLeaveTheOthersAlone(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		ada := newPerson(t, db)
		s := ada.login(t, db)
		until, ended := make(chan struct{}), make(chan struct{})
		go func() { store.ReadLong(db, 50, until); close(ended) }()
		time.Sleep(100 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for name, do := range map[string]func() error{
			"bearer":      func() error { _, err := db.SessionWithUser(ctx, s.ID); return err },
			"login state": func() error { _, err := db.LoginState(ctx, ada.o.ID, ada.u.UsernameKey, nil, nil); return err },
			"permissions": func() error { _, err := db.Held(ctx, ada.u.ID, ""); return err },
			"sessions":    func() error { _, err := db.SessionsOfUser(ctx, ada.u.ID, epoch); return err },
			"setting":     func() error { _, err := db.Setting(ctx, "x"); return err },
			"write":       func() error { return db.Write(ctx, func(tx *store.Tx) error { tx.PutSetting("x", "y"); return nil }) },
			"ready":       func() error { return db.Ready(ctx) },
		} {
			if err := do(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// A long read waits, and no longer than its caller does.
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := db.AuditNewest(short, store.AuditSpan{OrgID: ada.o.ID}, 1)
		wantKind(t, err, api.Unavailable, "store_unavailable")
		close(until)
		<-ended
		if _, err := db.AuditNewest(t.Context(), store.AuditSpan{OrgID: ada.o.ID}, 1); err != nil {
			t.Error(err)
		}
	})
}

// TestPruningLetsOthersWrite removes many rows while somebody writes.
func TestPruningLetsOthersWrite(t *testing.T) {
	// Not parallel: it is held to a time.
	const rows = 60_000
	numbers := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ` + fmt.Sprint(rows) + `)`
	for name, c := range map[string]struct {
		insert string
		table  string
		prune  func(ctx context.Context, db *store.DB) error
	}{
		"expired sessions": {`INSERT INTO sessions (id, org_id, user_id, credential_id, challenge, created_at, expires_at, address, user_agent)
			` + numbers + ` SELECT 'se-' || i, 'or-1', 'us-1', 'cr-1', 'c' || i, 1, 2, '192.0.2.1', 'x' FROM n`, "sessions",
			func(ctx context.Context, db *store.DB) error { return db.PruneSessions(ctx, epoch) }},
		"ended sessions": {`INSERT INTO sessions (id, org_id, user_id, credential_id, challenge, created_at, expires_at, ended_at, address, user_agent)
			` + numbers + ` SELECT 'se-' || i, 'or-1', 'us-1', 'cr-1', 'c' || i, 1, 4000000000000, 2, '192.0.2.1', 'x' FROM n`, "sessions",
			func(ctx context.Context, db *store.DB) error { return db.PruneSessions(ctx, epoch) }},
		"old refusals": {`INSERT INTO refusals (id, at, route, status, code, message, rule, received, expected, cause, org_id, user_id, code_id, address, user_agent)
			` + numbers + ` SELECT 'rf-' || i, 1, '', 400, '', '', '', '', '', '', '', '', '', '', '' FROM n`, "refusals",
			func(ctx context.Context, db *store.DB) error { return db.PruneRefusals(ctx, epoch, 100_000) }},
		"too many refusals": {`INSERT INTO refusals (id, at, route, status, code, message, rule, received, expected, cause, org_id, user_id, code_id, address, user_agent)
			` + numbers + ` SELECT 'rf-' || i, 9000000000000, '', 400, '', '', '', '', '', '', '', '', '', '', '' FROM n`, "refusals",
			func(ctx context.Context, db *store.DB) error { return db.PruneRefusals(ctx, epoch, 0) }},
		"throttles": {`INSERT INTO throttles (key, count, resets_at) ` + numbers + ` SELECT CAST('k' || i AS ` + "%s" + `), 1, 2 FROM n`, "throttles",
			func(ctx context.Context, db *store.DB) error { return db.PruneThrottles(ctx, epoch) }},
	} {
		t.Run(name, func(t *testing.T) {
			database.InTurn(t, func(t *testing.T, url string) {
				db := open(t, url)
				insert := c.insert
				if c.table == "throttles" {
					insert = fmt.Sprintf(insert, map[string]string{store.SQLite: "BLOB", store.Postgres: "BYTEA"}[db.Kind()])
				}
				plain(t, url, insert)
				pruned := make(chan error)
				go func() { pruned <- c.prune(t.Context(), db) }()
				var longest time.Duration
				writes := 0
				for done := false; !done; {
					began := time.Now()
					write(t, db, func(tx *store.Tx) { tx.PutSetting("x", "y") })
					longest = max(longest, time.Since(began))
					writes++
					select {
					case err := <-pruned:
						prune(t, err)
						done = true
					default:
					}
				}
				if writes < rows/500 || longest > time.Second {
					t.Errorf("%d writes went through, one of them took %s", writes, longest)
				}
				t.Logf("%d writes went through, one of them took %s", writes, longest)
				var left int
				if err := connect(t, url).QueryRow(`SELECT COUNT(*) FROM ` + c.table).Scan(&left); err != nil || left > 1 {
					t.Errorf("%d are left: %v", left, err)
				}
			})
		})
	}
}
