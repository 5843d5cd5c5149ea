package store

import (
	"context"
	"time"
)

const accessTokenColumns = `t.id, t.org_id, t.user_id, t.kind, t.name, t.name_key, t.external_id,
	t.credential_id, t.digest, t.active, t.created_at, t.expires_at, t.archived_at`

func (r *row) accessToken() AccessToken {
	return AccessToken{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), Kind: r.text(), Name: r.text(), NameKey: r.text(),
		ExternalID: r.text(), CredentialID: r.text(), Digest: r.bytes(), Active: r.bool(),
		CreatedAt: r.time(), ExpiresAt: r.time(), ArchivedAt: r.time(),
	}
}

func (r *row) tokenWithUser() TokenWithUser {
	return TokenWithUser{Found: true, Token: r.accessToken(), User: r.user()}
}

func (r *row) tokenEntry() TokenEntry {
	return TokenEntry{AccessToken: r.accessToken(), Credential: r.credential(), Assignments: r.held()}
}

// TokenWithUser reads an access token with its user, live or not. Nothing found is no error.
func (db *DB) TokenWithUser(ctx context.Context, tokenID string) (TokenWithUser, error) {
	b, _, err := one(ctx, db, (*row).tokenWithUser, `
		SELECT `+accessTokenColumns+`, `+userColumns+`
		FROM access_tokens t JOIN users u ON u.id = t.user_id
		WHERE t.id = $1`, tokenID)
	return b, err
}

const selectTokens = `SELECT ` + accessTokenColumns + `, ` + credentialColumns + `, ` + heldColumns + `
	FROM access_tokens t
	JOIN credentials k ON k.id = t.credential_id
	LEFT JOIN permission_assignments m ON m.identity_id = t.id
	LEFT JOIN permissions p ON p.id = m.permission_id AND p.archived_at IS NULL
	`

// AccessToken returns an access token of a user, archived or not, or an error of Kind
// NotFound.
func (db *DB) AccessToken(ctx context.Context, userID, id string) (TokenEntry, error) {
	rows, err := few(ctx, db, (*row).tokenEntry, selectTokens+`WHERE t.id = $1 AND t.user_id = $2`, id, userID)
	if err == nil && len(rows) == 0 {
		err = notFound("token_not_found", "There is no such access token.")
	}
	if err != nil {
		return TokenEntry{}, err
	}
	return gather(rows, (*TokenEntry).assigned)[0], nil
}

// AccessTokens returns the access tokens of a user that are not archived, oldest first.
func (db *DB) AccessTokens(ctx context.Context, userID string) ([]TokenEntry, error) {
	rows, err := all(ctx, db, (*row).tokenEntry, selectTokens+`WHERE t.user_id = $1 AND t.archived_at IS NULL ORDER BY t.id`, userID)
	return gather(rows, (*TokenEntry).assigned), err
}

func (e *TokenEntry) assigned() (string, *[]HeldPermission) { return e.ID, &e.Assignments }

// CreateAccessToken adds an access token. If its NameKey is taken the unit fails with
// duplicate, and unless its user is active and registered with lost.
func (tx *Tx) CreateAccessToken(t AccessToken, duplicate, lost error) {
	tx.inTurn(t.UserID)
	tx.must(lost, `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND active = 1 AND registered_at IS NOT NULL`, t.UserID, t.OrgID)
	tx.must(duplicate, `
		INSERT INTO access_tokens (id, org_id, user_id, kind, name, name_key, external_id, credential_id,
			digest, active, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT DO NOTHING`,
		t.ID, t.OrgID, t.UserID, t.Kind, t.Name, t.NameKey, t.ExternalID, t.CredentialID,
		notNull(t.Digest), flag(t.Active), t.CreatedAt.UnixMilli(), t.ExpiresAt.UnixMilli())
}

// RenameAccessToken gives an access token of the user another name, unless it is "", and
// another external id, unless that is nil. If it is archived the unit fails with lost, if
// the name is taken with duplicate.
func (tx *Tx) RenameAccessToken(id, userID, name, nameKey string, externalID *string, duplicate, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE access_tokens SET name = CASE WHEN $1 = '' THEN name ELSE $1 END
		WHERE id = $2 AND user_id = $3 AND archived_at IS NULL`, name, id, userID)
	tx.must(duplicate, `
		UPDATE access_tokens SET name_key = CASE WHEN $1 = '' THEN name_key ELSE $1 END
		WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM access_tokens o
			WHERE o.user_id = $3 AND o.name_key = $1 AND o.archived_at IS NULL AND o.id <> $2)`,
		nameKey, id, userID)
	if externalID != nil {
		tx.may(`UPDATE access_tokens SET external_id = $1 WHERE id = $2`, *externalID, id)
	}
}

// ActivateAccessToken lets a deactivated access token of the user be used again. If it is
// archived the unit fails with lost.
func (tx *Tx) ActivateAccessToken(id, userID string, lost error) {
	tx.setAccessTokenActive(id, userID, true, lost)
}

// DeactivateAccessToken lets an access token of the user be used no more; what it signed and
// did not use yet cannot be used. If it is archived the unit fails with lost.
func (tx *Tx) DeactivateAccessToken(id, userID string, now time.Time, lost error) {
	tx.setAccessTokenActive(id, userID, false, lost)
	tx.voidActionsOf(id, userID, now)
}

func (tx *Tx) setAccessTokenActive(id, userID string, active bool, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `UPDATE access_tokens SET active = $1 WHERE id = $2 AND user_id = $3 AND archived_at IS NULL`,
		flag(active), id, userID)
}

// ArchiveAccessToken is DeactivateAccessToken, permanently.
func (tx *Tx) ArchiveAccessToken(id, userID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE access_tokens SET active = 0, archived_at = $1
		WHERE id = $2 AND user_id = $3 AND archived_at IS NULL`, now.UnixMilli(), id, userID)
	tx.voidActionsOf(id, userID, now)
}
