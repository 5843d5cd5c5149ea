package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
)

// Recovery is a recovery whose request was accepted: it is completed, or waits for a time or an approval.
type Recovery struct {
	ID            string // "rv-…"
	OrgID         string
	UserID        string
	RecoveryKeyID string // "cr-…"
	Digest        []byte // of the request, which is sent again to complete it
	CreatedAt     time.Time
	Address       string    // where it was begun from
	ReadyAt       time.Time // it can be completed from then on
	ExpiresAt     time.Time // and no longer from then on
	NeedsApproval bool
	ApprovedAt    time.Time // zero: not approved
	ApprovedBy    string    // "us-…", "" for the operator
	EndedAt       time.Time // zero: it waits
	Outcome       string    // how it ended, "" while it waits
	EndedBy       string    // "us-…" who stopped it, "" for the operator
	CredentialID  string    // "cr-…" of the new first factor, once it is completed
}

// Outcomes of a recovery.
const (
	RecoveryCompleted = "completed"
	RecoveryStopped   = "stopped"
	RecoveryReplaced  = "replaced" // by a newer one
	RecoveryVoid      = "void"     // its user or recovery key was deactivated, or everything was replaced
)

// RecoveryLife is how long a recovery that waited can be completed.
const RecoveryLife = 7 * 24 * time.Hour

// Pending says what a recovery waits for. It is nil unless the recovery has not ended and can still be
// completed at now or later.
func (v Recovery) Pending(now time.Time) *api.PendingRecovery {
	if v.ID == "" || !v.EndedAt.IsZero() || !now.Before(v.ExpiresAt) {
		return nil
	}
	p := &api.PendingRecovery{ID: v.ID, Since: api.Time(v.CreatedAt), Until: api.Time(v.ReadyAt), Expires: api.Time(v.ExpiresAt),
		Approval: api.ApprovalNotNeeded, Address: v.Address}
	switch {
	case !v.ApprovedAt.IsZero():
		p.Approval = api.ApprovalGiven
	case v.NeedsApproval:
		p.Approval = api.ApprovalNeeded
	}
	return p
}

const recoveryColumns = `v.id, v.org_id, v.user_id, v.recovery_key_id, v.digest, v.created_at, v.address, v.ready_at,
	v.expires_at, v.needs_approval, v.approved_at, v.approved_by, v.ended_at, v.outcome, v.ended_by, v.credential_id`

func (r *row) recovery() Recovery {
	return Recovery{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), RecoveryKeyID: r.text(), Digest: r.bytes(), CreatedAt: r.time(),
		Address: r.text(), ReadyAt: r.time(), ExpiresAt: r.time(), NeedsApproval: r.bool(), ApprovedAt: r.time(),
		ApprovedBy: r.text(), EndedAt: r.time(), Outcome: r.text(), EndedBy: r.text(), CredentialID: r.text(),
	}
}

// RecoveryOf returns the recovery of a request by its digest; the zero Recovery if there is none.
func (db *DB) RecoveryOf(ctx context.Context, digest []byte) (Recovery, error) {
	v, _, err := one(ctx, db, (*row).recovery, `SELECT `+recoveryColumns+` FROM recoveries v WHERE v.digest = $1`, notNull(digest))
	return v, err
}

// OpenRecovery returns the recovery of a user that has not ended; the zero Recovery if there is none. It
// may have expired.
func (db *DB) OpenRecovery(ctx context.Context, userID string) (Recovery, error) {
	v, _, err := one(ctx, db, (*row).recovery,
		`SELECT `+recoveryColumns+` FROM recoveries v WHERE v.user_id = $1 AND v.ended_at IS NULL`, userID)
	return v, err
}

// BeginRecovery adds a recovery that waits, and spends the code that admitted its user, unless codeID is "".
// It takes the place of one that waits already. If the code is used up, or the user or the recovery key is
// not active, the unit fails with lost; if a recovery of the user was stopped since begun, with stopped.
func (tx *Tx) BeginRecovery(v Recovery, codeID string, begun time.Time, lost, stopped error) {
	tx.admitRecovery(v, codeID, begun, lost, stopped)
	tx.endRecoveries(v.UserID, "", RecoveryReplaced, v.CreatedAt)
	tx.addRecovery(v, lost)
}

// RecoverAtOnce adds a recovery that is complete, as BeginRecovery does, and does what CompleteRecovery
// does.
func (tx *Tx) RecoverAtOnce(v Recovery, codeID string, begun time.Time, lost, stopped error) {
	tx.admitRecovery(v, codeID, begun, lost, stopped)
	tx.removeAll(v.UserID, v.EndedAt)
	tx.addRecovery(v, lost)
}

func (tx *Tx) admitRecovery(v Recovery, codeID string, begun time.Time, lost, stopped error) {
	tx.mayRecover(v, lost)
	tx.must(stopped, `
		UPDATE users SET active = active
		WHERE id = $1 AND NOT EXISTS (
			SELECT 1 FROM recoveries v WHERE v.user_id = $1 AND v.outcome = 'stopped' AND v.ended_at >= $2)`,
		v.UserID, begun.UnixMilli())
	if codeID != "" {
		tx.SpendLoginCode(CodeForRecovery, codeID, v.UserID, v.CreatedAt, lost)
	}
}

// CompleteRecovery completes a recovery that waited: it removes all credentials and access tokens that the
// user has, in the name of one of their recovery keys, ends their sessions and voids what they signed and
// nobody has used. The new credentials come after it. Of several callers one succeeds. If the recovery does
// not wait, is not ready at now or not approved, or if the user or the recovery key is not active, the unit
// fails with lost.
func (tx *Tx) CompleteRecovery(v Recovery, credentialID string, now time.Time, lost error) {
	tx.mayRecover(v, lost)
	tx.must(lost, `
		UPDATE recoveries SET ended_at = $1, outcome = 'completed', credential_id = $2
		WHERE id = $3 AND ended_at IS NULL AND ready_at <= $1 AND expires_at > $1
			AND (needs_approval = 0 OR approved_at IS NOT NULL)`,
		now.UnixMilli(), credentialID, v.ID)
	tx.removeAll(v.UserID, now)
}

// StopRecovery stops a recovery that waits. Every recovery code of the user is void, and every recovery
// that was begun before: a code with it, and what was begun without one is refused by its time. If the
// recovery does not wait, the unit fails with lost.
func (tx *Tx) StopRecovery(v Recovery, by string, now time.Time, lost error) {
	tx.lockUser(v.UserID)
	tx.must(lost, `
		UPDATE recoveries SET ended_at = $1, outcome = 'stopped', ended_by = $2
		WHERE id = $3 AND org_id = $4 AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), by, v.ID, v.OrgID)
	tx.VoidLoginCodes(CodeForRecovery, v.UserID)
}

// ApproveRecovery approves a recovery that waits for it. It can then be completed for as long as any, from
// when it is ready. If it does not wait for an approval, the unit fails with lost.
func (tx *Tx) ApproveRecovery(v Recovery, by string, now time.Time, lost error) {
	tx.inTurn(v.UserID)
	expires := v.ReadyAt
	if now.After(expires) {
		expires = now
	}
	tx.must(lost, `
		UPDATE recoveries SET approved_at = $1, approved_by = $2, expires_at = $3
		WHERE id = $4 AND org_id = $5 AND needs_approval = 1 AND approved_at IS NULL AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), by, expires.Add(RecoveryLife).UnixMilli(), v.ID, v.OrgID)
}

// mayRecover makes the unit fail with lost unless the user is active and registered, and the recovery key
// theirs and active. Both rows are written unchanged: a concurrent deactivation commits before or waits.
func (tx *Tx) mayRecover(v Recovery, lost error) {
	tx.inTurn(v.UserID)
	tx.must(lost, `UPDATE users SET active = active WHERE id = $1 AND org_id = $2 AND active = 1 AND registered_at IS NOT NULL`,
		v.UserID, v.OrgID)
	tx.must(lost, `UPDATE credentials SET active = active WHERE id = $1 AND user_id = $2 AND factor = 'recovery' AND active = 1`,
		v.RecoveryKeyID, v.UserID)
}

// addRecovery adds a row. Rows of the user that have expired are removed a day later: until then they
// refuse what was begun before they were stopped.
func (tx *Tx) addRecovery(v Recovery, lost error) {
	tx.may(`DELETE FROM recoveries WHERE user_id = $1 AND ended_at < $2 AND expires_at < $2`,
		v.UserID, v.CreatedAt.Add(-24*time.Hour).UnixMilli())
	tx.must(lost, `
		INSERT INTO recoveries (id, org_id, user_id, recovery_key_id, digest, created_at, address, ready_at, expires_at,
			needs_approval, ended_at, outcome, credential_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT DO NOTHING`,
		v.ID, v.OrgID, v.UserID, v.RecoveryKeyID, notNull(v.Digest), v.CreatedAt.UnixMilli(), v.Address, v.ReadyAt.UnixMilli(),
		v.ExpiresAt.UnixMilli(), flag(v.NeedsApproval), millis(v.EndedAt), v.Outcome, v.CredentialID)
}

// endRecoveries ends the recovery that waits, if any, of a user, or only if it is in the name of the
// recovery key, unless that is "".
func (tx *Tx) endRecoveries(userID, recoveryKeyID, outcome string, now time.Time) {
	tx.may(`UPDATE recoveries SET ended_at = $1, outcome = $2 WHERE user_id = $3 AND ended_at IS NULL AND ($4 = '' OR recovery_key_id = $4)`,
		now.UnixMilli(), outcome, userID, recoveryKeyID)
}
