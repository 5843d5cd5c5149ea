package store

import (
	"context"
	"time"
)

// pruneStep is how many rows one unit deletes. Others write between two units.
const pruneStep = 500

// prunable are rows of a table that can be deleted: all up to a value in the order of an index.
type prunable struct {
	table, key string
	order      string // column of the index
	where      string // takes the value as $1
	still      string // what must hold as well when the row is deleted, for rows that are written again
}

var (
	expiredSessions = prunable{"sessions", "id", "expires_at", "expires_at < $1", ""}
	endedSessions   = prunable{"sessions", "id", "ended_at", "ended_at < $1", ""}
	oldRefusals     = prunable{"refusals", "id", "at", "caller_id = '' AND at < $1", ""}
	manyRefusals    = prunable{"refusals", "id", "id", "caller_id = '' AND id <= $1", ""}
	// The plus keeps this condition from being looked up instead of the keys.
	pastThrottles = prunable{"throttles", "key", "resets_at", "resets_at <= $1", " AND +resets_at <= $1"}
)

// step is the statement that deletes the first of them.
func (p prunable) step() string {
	return `DELETE FROM ` + p.table + ` WHERE ` + p.key + ` IN
		(SELECT ` + p.key + ` FROM ` + p.table + ` WHERE ` + p.where + ` ORDER BY ` + p.order + ` LIMIT $2)` + p.still
}

// prune deletes rows in steps, and takes at most half of the time for itself.
func (db *DB) prune(ctx context.Context, p prunable, upTo any) error {
	for {
		began := time.Now()
		var deleted int64
		err := db.Write(ctx, func(tx *Tx) error {
			tx.may(p.step(), upTo, int64(pruneStep))
			tx.statements[0].changed = &deleted
			return nil
		})
		if err != nil || deleted < pruneStep {
			return err
		}
		select {
		case <-time.After(time.Since(began)):
		case <-ctx.Done():
			return unavailable(ctx.Err())
		}
	}
}

// PruneSessions deletes sessions that ended or expired before then. That allows their
// challenges again, so before must be older than any challenge that is still accepted.
func (db *DB) PruneSessions(ctx context.Context, before time.Time) error {
	if err := db.prune(ctx, expiredSessions, before.UnixMilli()); err != nil {
		return err
	}
	return db.prune(ctx, endedSessions, before.UnixMilli())
}

// PruneRefusals deletes refusals from before olderThan, and all but the newest keep of the
// others. It leaves the refusals of known callers.
func (db *DB) PruneRefusals(ctx context.Context, olderThan time.Time, keep int64) error {
	if err := db.prune(ctx, oldRefusals, olderThan.UnixMilli()); err != nil {
		return err
	}
	rows, err := all(ctx, db, (*row).text,
		`SELECT f.id FROM refusals f WHERE f.caller_id = '' ORDER BY f.id DESC LIMIT 1 OFFSET $1`, max(keep, 0))
	if err != nil || len(rows) == 0 {
		return err
	}
	return db.prune(ctx, manyRefusals, rows[0])
}

// PruneThrottles deletes all counts whose window has ended at now.
func (db *DB) PruneThrottles(ctx context.Context, now time.Time) error {
	return db.prune(ctx, pastThrottles, now.UnixMilli())
}
