package store

import (
	"context"
	"time"
)

const codeColumns = `c.id, c.org_id, c.user_id, c.mac, c.created_at, c.expires_at, c.sent_at,
	c.opened_at, c.attempted_at, c.spent_at, c.revoked_at, c.revoked_reason`

func (r *row) code() Code {
	return Code{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), MAC: r.bytes(),
		CreatedAt: r.time(), ExpiresAt: r.time(), SentAt: r.time(), OpenedAt: r.time(),
		AttemptedAt: r.time(), SpentAt: r.time(), RevokedAt: r.time(), RevokedReason: r.text(),
	}
}

func (r *row) codeEntry() CodeEntry { return CodeEntry{Code: r.code(), Username: r.text()} }

// Code returns a registration code, or an error of Kind NotFound.
func (db *DB) Code(ctx context.Context, id string) (Code, error) {
	return get(ctx, db, errNoCode, (*row).code,
		`SELECT `+codeColumns+` FROM registration_codes c WHERE c.id = $1`, id)
}

// Codes returns up to limit registration codes of an organisation after the id afterID ("" from
// the start), oldest first, of one user unless userID is "". A limit of 0 asks for MaxPage.
func (db *DB) Codes(ctx context.Context, orgID, userID, afterID string, limit int) ([]CodeEntry, error) {
	const from = `SELECT ` + codeColumns + `, u.username
		FROM registration_codes c JOIN users u ON u.id = c.user_id
		WHERE c.org_id = $1 AND c.id > $2`
	if userID == "" {
		return all(ctx, db, (*row).codeEntry, from+` ORDER BY c.id LIMIT $3`, orgID, afterID, page(limit))
	}
	return all(ctx, db, (*row).codeEntry, from+` AND c.user_id = $3 ORDER BY c.id LIMIT $4`,
		orgID, afterID, userID, page(limit))
}

// IssueCode adds a registration code. It revokes the earlier ones of the same user, with the
// reason CodeReplaced, at the new one's CreatedAt.
func (tx *Tx) IssueCode(c Code) {
	tx.may(`
		UPDATE registration_codes SET revoked_at = $1, revoked_reason = $2
		WHERE user_id = $3 AND spent_at IS NULL AND revoked_at IS NULL`,
		c.CreatedAt.UnixMilli(), CodeReplaced, c.UserID)
	tx.addCode(c, false)
}

// AddCode adds a registration code beside the earlier ones, which stay good until CodeSent replaces
// them.
func (tx *Tx) AddCode(c Code) { tx.addCode(c, true) }

func (tx *Tx) addCode(c Code, offered bool) {
	tx.must(nil, `
		INSERT INTO registration_codes (id, org_id, user_id, mac, created_at, expires_at, sent_at,
			opened_at, attempted_at, spent_at, revoked_at, revoked_reason, offered)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		c.ID, c.OrgID, c.UserID, notNull(c.MAC), c.CreatedAt.UnixMilli(), c.ExpiresAt.UnixMilli(),
		millis(c.SentAt), millis(c.OpenedAt), millis(c.AttemptedAt), millis(c.SpentAt),
		millis(c.RevokedAt), c.RevokedReason, flag(offered))
}

// SpendCode spends a registration code. Of several callers one succeeds. If the code is not
// the user's or not live at now, the unit fails with lost.
func (tx *Tx) SpendCode(codeID, userID string, now time.Time, lost error) {
	tx.must(lost, `
		UPDATE registration_codes SET spent_at = $1
		WHERE id = $2 AND user_id = $3
			AND spent_at IS NULL AND revoked_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), codeID, userID)
}

// RevokeCode revokes a code of the organisation, expired or not, and with it all others that its
// user could use. If it does not exist, or is spent or revoked already, the unit fails with gone.
func (tx *Tx) RevokeCode(codeID, orgID, reason string, now time.Time, gone error) {
	tx.must(gone, `
		UPDATE registration_codes SET revoked_at = $1, revoked_reason = $2
		WHERE id = $3 AND org_id = $4 AND spent_at IS NULL AND revoked_at IS NULL`,
		now.UnixMilli(), reason, codeID, orgID)
	tx.may(`
		UPDATE registration_codes SET revoked_at = $1, revoked_reason = $2
		WHERE user_id = (SELECT c.user_id FROM registration_codes c WHERE c.id = $3)
			AND spent_at IS NULL AND revoked_at IS NULL`,
		now.UnixMilli(), reason, codeID)
}

// CodeSent records when a code was first mailed. A mail server has accepted it, so it replaces the
// codes of its user that were issued before it.
func (tx *Tx) CodeSent(codeID, userID string, now time.Time) {
	tx.lockUser(userID)
	tx.may(`UPDATE registration_codes SET sent_at = $1 WHERE id = $2 AND sent_at IS NULL`,
		now.UnixMilli(), codeID)
	tx.may(`
		UPDATE registration_codes SET revoked_at = $1, revoked_reason = $2
		WHERE user_id = $3 AND id < $4 AND spent_at IS NULL AND revoked_at IS NULL
			AND EXISTS (SELECT 1 FROM registration_codes c
				WHERE c.id = $4 AND c.offered = 1 AND c.spent_at IS NULL AND c.revoked_at IS NULL)`,
		now.UnixMilli(), CodeReplaced, userID, codeID)
	tx.may(`
		UPDATE registration_codes SET offered = 0
		WHERE id = $1 AND offered = 1 AND NOT EXISTS (SELECT 1 FROM registration_codes c
			WHERE c.user_id = $2 AND c.offered = 0 AND c.spent_at IS NULL AND c.revoked_at IS NULL)`,
		codeID, userID)
}

// CodeOpened records when the page of a code was first used.
func (tx *Tx) CodeOpened(codeID string, now time.Time) {
	tx.may(`UPDATE registration_codes SET opened_at = $1 WHERE id = $2 AND opened_at IS NULL`,
		now.UnixMilli(), codeID)
}

// CodeAttempted records when a registration was first tried with a code.
func (tx *Tx) CodeAttempted(codeID string, now time.Time) {
	tx.may(`UPDATE registration_codes SET attempted_at = $1 WHERE id = $2 AND attempted_at IS NULL`,
		now.UnixMilli(), codeID)
}
