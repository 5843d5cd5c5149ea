package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
)

// CredentialCode is a code with which a user adds a credential from another device.
type CredentialCode struct {
	ID           string // "cc-…"
	OrgID        string
	UserID       string
	CredentialID string // "cr-…" that signed for it
	MAC          []byte // HMAC of the code under a server key
	CreatedAt    time.Time
	ExpiresAt    time.Time // not valid at this instant or later
	SpentAt      time.Time
}

// CredentialCodeState is all that decides whether a code may add a credential, read at one instant.
// Without that code Found is false and the rest is zero.
type CredentialCodeState struct {
	Found        bool
	Code         CredentialCode
	Organisation Organisation
	User         User
	Signer       Credential // the credential that signed for the code
}

const selectCredentialCode = `SELECT c.id, c.org_id, c.user_id, c.credential_id, c.mac, c.created_at, c.expires_at, c.spent_at, ` +
	organisationColumns + `, ` + userColumns + `, ` + credentialColumns + `
	FROM (SELECT 1 AS here) x
	LEFT JOIN credential_codes c ON `

const credentialCodeOwner = `
	LEFT JOIN organisations o ON o.id = c.org_id
	LEFT JOIN users u ON u.id = c.user_id
	LEFT JOIN credentials k ON k.id = c.credential_id`

func (r *row) credentialCodeState() CredentialCodeState {
	s := CredentialCodeState{
		Code: CredentialCode{ID: r.text(), OrgID: r.text(), UserID: r.text(), CredentialID: r.text(), MAC: r.bytes(),
			CreatedAt: r.time(), ExpiresAt: r.time(), SpentAt: r.time()},
		Organisation: r.organisation(), User: r.user(), Signer: r.credential(),
	}
	s.Found = s.Code.ID != ""
	return s
}

// CredentialCodeByMAC reads a credential code by its MAC. What does not exist is no error.
func (db *DB) CredentialCodeByMAC(ctx context.Context, mac []byte) (CredentialCodeState, error) {
	s, _, err := one(ctx, db, (*row).credentialCodeState, selectCredentialCode+`c.mac = $1`+credentialCodeOwner, notNull(mac))
	return s, err
}

// CredentialCode reads a credential code by its id. What does not exist is no error.
func (db *DB) CredentialCode(ctx context.Context, id string) (CredentialCodeState, error) {
	s, _, err := one(ctx, db, (*row).credentialCodeState, selectCredentialCode+`c.id = $1`+credentialCodeOwner, id)
	return s, err
}

// IssueCredentialCode adds a credential code. It replaces the user's earlier one, spent or not.
func (tx *Tx) IssueCredentialCode(c CredentialCode) {
	tx.lockUser(c.UserID)
	tx.may(`DELETE FROM credential_codes WHERE user_id = $1`, c.UserID)
	tx.must(nil, `
		INSERT INTO credential_codes (id, org_id, user_id, credential_id, mac, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.ID, c.OrgID, c.UserID, c.CredentialID, notNull(c.MAC), c.CreatedAt.UnixMilli(), c.ExpiresAt.UnixMilli())
}

// SpendCredentialCode spends a credential code. Of several callers one succeeds. If it is spent or
// replaced, or the credential that signed for it is not active, the unit fails with lost. It does not
// look at the time: the ceremony that the code began has its own.
func (tx *Tx) SpendCredentialCode(id, userID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE credential_codes SET spent_at = $1
		WHERE id = $2 AND user_id = $3 AND spent_at IS NULL
			AND EXISTS (SELECT 1 FROM credentials k WHERE k.id = credential_codes.credential_id AND k.active = 1)`,
		now.UnixMilli(), id, userID)
}

// AddAnotherCredential is AddCredential for a credential of a registered user's own. If the user is
// inactive or not registered, the unit fails with lost; if they have limit credentials that were not
// removed, with tooMany.
func (tx *Tx) AddAnotherCredential(c Credential, limit int, lost, tooMany, duplicate error) {
	tx.inTurn(c.UserID)
	const locked = `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND active = 1 AND registered_at IS NOT NULL`
	tx.must(lost, locked, c.UserID, c.OrgID)
	tx.must(tooMany, locked+` AND $3 > (
			SELECT count(*) FROM credentials k WHERE k.user_id = $1 AND k.token_id = '' AND k.archived_at IS NULL)`,
		c.UserID, c.OrgID, int64(limit))
	tx.AddCredential(c, duplicate)
}

// LimitModel makes the unit fail with tooMany if the user of a passkey has limit others of its model that
// were not removed. Call it before AddAnotherCredential.
func (tx *Tx) LimitModel(c Credential, limit int, tooMany error) {
	tx.inTurn(c.UserID)
	tx.may(`UPDATE users SET active = active WHERE id = $1`, c.UserID) // one after another
	tx.must(tooMany, `
		UPDATE users SET active = active
		WHERE id = $1 AND $2 > (SELECT count(*) FROM credentials k
			WHERE k.user_id = $1 AND k.aaguid = $3 AND k.token_id = '' AND k.archived_at IS NULL)`,
		c.UserID, int64(limit), notNull(c.AAGUID))
}

// SameCredentials makes the unit fail with changed unless the user has as many active first and second
// factors as were read, and none that was added since newest: what was decided by them still holds.
func (tx *Tx) SameCredentials(userID string, active int, newest string, changed error) {
	tx.lockUser(userID)
	tx.must(changed, `
		UPDATE users SET active = active
		WHERE id = $1 AND $2 = (SELECT count(*) FROM credentials k
				WHERE k.user_id = $1 AND k.token_id = '' AND k.factor <> 'recovery' AND k.active = 1)
			AND NOT EXISTS (SELECT 1 FROM credentials k WHERE k.user_id = $1 AND k.token_id = '' AND k.archived_at IS NULL AND k.id > $3)`,
		userID, int64(active), newest)
}

// KeepFirstFactor makes the unit fail with last if the user would be left without an active first factor
// that signs were this credential gone, and, if orRecovery, also without an active recovery key. A Password
// signs nothing: who has it and a second factor that signs needs both. Recovery keys and a Totp may go.
func (tx *Tx) KeepFirstFactor(userID, credentialID string, orRecovery bool, last error) {
	tx.lockUser(userID)
	tx.must(last, `
		UPDATE users SET active = active
		WHERE id = $1 AND (
			NOT EXISTS (SELECT 1 FROM credentials k WHERE k.id = $2 AND k.factor <> 'recovery' AND k.kind <> 'Totp' AND k.active = 1)
			OR EXISTS (SELECT 1 FROM credentials k WHERE k.user_id = $1 AND k.id <> $2 AND k.token_id = '' AND k.active = 1
				AND (k.factor = 'first' AND k.kind <> 'Password' OR (k.factor = 'recovery' AND $3 = CAST(1 AS BIGINT)))))`,
		userID, credentialID, flag(orRecovery))
}

// DeactivateOwnCredential deactivates a credential of the user. The sessions that it opened end, and
// unused actions that it signed, or that were signed in those sessions, can no longer be used. Without
// that credential, or if it is inactive already, the unit fails with lost.
func (tx *Tx) DeactivateOwnCredential(c Credential, now time.Time, lost error) {
	tx.switchCredential(c, false, lost)
	tx.endOpenedBy(c, now)
}

// ActivateOwnCredential activates a credential of the user. Without that credential, or if it is active
// already, the unit fails with lost.
func (tx *Tx) ActivateOwnCredential(c Credential, lost error) { tx.switchCredential(c, true, lost) }

func (tx *Tx) switchCredential(c Credential, active bool, lost error) {
	tx.must(lost, `UPDATE credentials SET active = $1 WHERE id = $2 AND org_id = $3 AND active <> $1 AND archived_at IS NULL`,
		flag(active), c.ID, c.OrgID)
}

// ArchiveCredential removes a credential of the user for good, as DeactivateOwnCredential does. Its row
// stays, because actions that it signed are proved with it.
func (tx *Tx) ArchiveCredential(c Credential, now time.Time, lost error) {
	tx.must(lost, `UPDATE credentials SET active = 0, archived_at = $1 WHERE id = $2 AND org_id = $3 AND archived_at IS NULL`,
		now.UnixMilli(), c.ID, c.OrgID)
	tx.endOpenedBy(c, now)
}

// RenameCredential gives a credential another name. If it was removed, or its name is not the one that was
// read, the unit fails with changed.
func (tx *Tx) RenameCredential(c Credential, name string, changed error) {
	tx.must(changed, `UPDATE credentials SET name = $1 WHERE id = $2 AND org_id = $3 AND name = $4 AND archived_at IS NULL`,
		name, c.ID, c.OrgID, c.Name)
}

// endOpenedBy ends what a credential opened. Its row is locked by now: a concurrent login with it
// commits before or waits.
func (tx *Tx) endOpenedBy(c Credential, now time.Time) {
	tx.inTurn(c.UserID)
	tx.may(voidActions+` AND (credential_id = $4 OR EXISTS (
			SELECT 1 FROM sessions s WHERE s.id = actions.session_id AND s.credential_id = $4))`,
		now.UnixMilli(), c.UserID, firstUnused(now), c.ID)
	tx.may(`
		UPDATE sessions SET ended_at = $1
		WHERE user_id = $2 AND credential_id = $3 AND ended_at IS NULL AND expires_at > $1`,
		now.UnixMilli(), c.UserID, c.ID)
	tx.endRecoveries(c.UserID, c.ID, RecoveryVoid, now)
}

// removeAll removes all credentials and access tokens of a person, and ends what they opened and signed,
// and the recovery that waits.
func (tx *Tx) removeAll(userID string, now time.Time) {
	tx.stopLogins(userID)
	tx.may(`UPDATE credentials SET active = 0, archived_at = $1 WHERE user_id = $2 AND archived_at IS NULL`, now.UnixMilli(), userID)
	tx.may(`UPDATE access_tokens SET active = 0, archived_at = $1 WHERE user_id = $2 AND archived_at IS NULL`, now.UnixMilli(), userID)
	tx.may(`DELETE FROM credential_codes WHERE user_id = $1`, userID)
	tx.may(`DELETE FROM login_codes WHERE user_id = $1`, userID)
	tx.endRecoveries(userID, "", RecoveryVoid, now)
	tx.endEverything(userID, api.FirstCredentialID(userID), now)
}
