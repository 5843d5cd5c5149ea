package store

import (
	"context"
	"time"
)

// Unused is a number of unused actions and what they take in all.
type Unused struct{ Actions, Bytes int64 }

// Limits on the actions that were signed and not used. Anybody who can log in may sign, so unused
// actions must not fill a disk. They count until they are pruned.
var (
	MaxUnusedOfUser         = Unused{Actions: 1000, Bytes: 16 << 20}
	MaxUnusedOfOrganisation = Unused{Actions: 10_000, Bytes: 256 << 20}
)

// UnusedActionsKept is how long an action that was never used stays once it has expired. It is longer
// than any challenge is accepted: pruning allows the action's challenge again.
const UnusedActionsKept = 24 * time.Hour

// unusedActions is a query for the unused actions of an organisation: parameter $2.
const unusedActions = `SELECT COUNT(*) AS n, CAST(COALESCE(SUM(o.size), 0) AS BIGINT) AS bytes FROM actions o
	WHERE o.org_id = $2 AND o.used_at IS NULL`

// size is about what an action takes.
func (a *Action) size() int64 {
	return int64(len(a.Payload) + len(a.Path) + len(a.Statement) + len(a.ClientData) + len(a.AuthenticatorData) + len(a.Signature) + len(a.SecondFactor))
}

// UnusedActions returns what the limits count at now of a user and of their organisation.
func (db *DB) UnusedActions(ctx context.Context, orgID, userID string, now time.Time) (ofUser, ofOrganisation Unused, err error) {
	unused := func(r *row) Unused { return Unused{Actions: r.int(), Bytes: r.int()} }
	since := now.Add(-UnusedActionsKept).UnixMilli()
	const all = unusedActions + ` AND o.expires_at > $1`
	if ofUser, _, err = one(ctx, db, unused, all+` AND o.user_id = $3`, since, orgID, userID); err != nil {
		return ofUser, ofOrganisation, err
	}
	ofOrganisation, _, err = one(ctx, db, unused, all, since, orgID)
	return ofUser, ofOrganisation, err
}

// UnusedActionsBefore reports whether an action that was never used expired before then.
func (db *DB) UnusedActionsBefore(ctx context.Context, before time.Time) (bool, error) {
	found, _, err := one(ctx, db, (*row).bool, `
		SELECT CASE WHEN EXISTS (SELECT 1 FROM actions a WHERE a.used_at IS NULL AND a.expires_at < $1) THEN 1 ELSE 0 END`,
		before.UnixMilli())
	return found, err
}

// PruneUnusedActions deletes up to atMost actions that were never used and expired before then. Used
// ones stay: they are the log.
func (tx *Tx) PruneUnusedActions(before time.Time, atMost int) {
	tx.may(`
		DELETE FROM actions WHERE used_at IS NULL AND id IN (
			SELECT a.id FROM actions a WHERE a.used_at IS NULL AND a.expires_at < $1 LIMIT $2)`,
		before.UnixMilli(), atMost)
}

// RefusalOfCallers returns the id of the newest refusal of a known caller but keep, "" if there are
// no more than that.
func (db *DB) RefusalOfCallers(ctx context.Context, keep int64) (string, error) {
	id, _, err := one(ctx, db, (*row).text, `
		SELECT f.id FROM refusals f WHERE f.caller_id <> '' ORDER BY f.id DESC LIMIT 1 OFFSET $1`, max(keep, 0))
	return id, err
}

// PruneRefusalsOfCallers deletes up to atMost refusals of known callers, from that id back.
func (tx *Tx) PruneRefusalsOfCallers(id string, atMost int) {
	tx.may(`
		DELETE FROM refusals WHERE id IN (
			SELECT f.id FROM refusals f WHERE f.caller_id <> '' AND f.id <= $1 ORDER BY f.id LIMIT $2)`, id, atMost)
}
