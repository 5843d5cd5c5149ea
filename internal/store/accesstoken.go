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

// TokenWithUser reads an access token with its user, live or not. A token that does not exist
// is no error.
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
	return gatherOne(rows, err, errNoToken, (*TokenEntry).assigned)
}

// AccessTokens returns the access tokens of a user that are not archived, oldest first.
func (db *DB) AccessTokens(ctx context.Context, userID string) ([]TokenEntry, error) {
	rows, err := all(ctx, db, (*row).tokenEntry, selectTokens+`WHERE t.user_id = $1 AND t.archived_at IS NULL ORDER BY t.id`, userID)
	return gather(rows, (*TokenEntry).assigned), err
}

func (e *TokenEntry) assigned() (string, *[]HeldPermission) { return e.ID, &e.Assignments }

// CreateAccessToken adds an access token. If its NameKey is taken, or a name that looks like its, the
// unit fails with duplicate; unless its user is active and registered, with lost.
func (tx *Tx) CreateAccessToken(t AccessToken, duplicate, lost error) {
	tx.inTurn(t.UserID)
	tx.must(lost, `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND active = 1 AND registered_at IS NOT NULL`, t.UserID, t.OrgID)
	l := lookOf(t.NameKey)
	tx.must(duplicate, `
		INSERT INTO access_tokens (id, org_id, user_id, kind, name, name_key, external_id, credential_id,
			digest, active, created_at, expires_at, look)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
		WHERE `+l.noTwin("access_tokens", "name_key", "o.user_id = $3 AND o.archived_at IS NULL", "$14")+`
		ON CONFLICT DO NOTHING`,
		t.ID, t.OrgID, t.UserID, t.Kind, t.Name, t.NameKey, t.ExternalID, t.CredentialID,
		notNull(t.Digest), flag(t.Active), t.CreatedAt.UnixMilli(), t.ExpiresAt.UnixMilli(), l.stored(), l.text)
}

// RenameAccessToken gives an access token of the user another name, unless it is "", and
// another external id, unless that is nil. If it is archived, the unit fails with lost; if
// the name is taken, with duplicate.
func (tx *Tx) RenameAccessToken(id, userID, name, nameKey string, externalID *string, duplicate, lost error) {
	accessTokens.rename(tx, id, userID, name, nameKey, externalID, duplicate, lost)
}

// ActivateAccessToken activates an access token of the user. If it is archived, the unit fails
// with lost.
func (tx *Tx) ActivateAccessToken(id, userID string, lost error) {
	accessTokens.setActive(tx, id, userID, true, lost)
}

// DeactivateAccessToken deactivates an access token of the user. Unused actions that were
// signed under it can no longer be used. If it is archived, the unit fails with lost.
func (tx *Tx) DeactivateAccessToken(id, userID string, now time.Time, lost error) {
	accessTokens.setActive(tx, id, userID, false, lost)
	tx.voidActionsOf(id, userID, now)
}

// ReissueAccessToken replaces the digest and times of an access token of a user by those of t, so
// that the former text is refused. Unused actions that were signed under it can no longer be used.
// If it is archived, or its digest is no longer was, the unit fails with lost.
func (tx *Tx) ReissueAccessToken(t AccessToken, was []byte, now time.Time, lost error) {
	tx.inTurn(t.UserID)
	tx.must(lost, `
		UPDATE access_tokens SET digest = $1, created_at = $2, expires_at = $3
		WHERE id = $4 AND user_id = $5 AND digest = $6 AND archived_at IS NULL`,
		notNull(t.Digest), t.CreatedAt.UnixMilli(), t.ExpiresAt.UnixMilli(), t.ID, t.UserID, notNull(was))
	tx.voidActionsOf(t.ID, t.UserID, now)
}

// ArchiveAccessToken deactivates an access token permanently, as DeactivateAccessToken does.
func (tx *Tx) ArchiveAccessToken(id, userID string, now time.Time, lost error) {
	accessTokens.archive(tx, id, userID, now, lost)
	tx.voidActionsOf(id, userID, now)
}
