package floor

import "strings"

// schema has the columns and indexes of the records that a registration touches, so
// that the floor writes what the real store writes. BYTES and BIGINT differ by
// database.
const schema = `
CREATE TABLE users (
	id TEXT PRIMARY KEY, org_id TEXT NOT NULL, username TEXT NOT NULL, username_key TEXT NOT NULL,
	kind TEXT NOT NULL, active BIGINT NOT NULL, administrator BIGINT NOT NULL, external_id TEXT NOT NULL,
	created_at BIGINT NOT NULL, registered_at BIGINT,
	UNIQUE (org_id, username_key));
CREATE TABLE registration_codes (
	id TEXT PRIMARY KEY, org_id TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users (id), mac BYTES NOT NULL,
	created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, spent_at BIGINT);
CREATE INDEX registration_codes_user ON registration_codes (user_id);
CREATE TABLE credentials (
	id TEXT PRIMARY KEY, org_id TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES users (id), code_id TEXT,
	kind TEXT NOT NULL, factor TEXT NOT NULL, name TEXT NOT NULL, realm TEXT NOT NULL, credential_id BYTES NOT NULL,
	public_key BYTES NOT NULL, algorithm TEXT NOT NULL, rp_id TEXT NOT NULL, origin TEXT NOT NULL, aaguid BYTES,
	sign_count BIGINT NOT NULL, flags BIGINT NOT NULL, format TEXT NOT NULL, attestation_type TEXT NOT NULL,
	attestation_object BYTES NOT NULL, client_data BYTES NOT NULL, transports TEXT NOT NULL, created_at BIGINT NOT NULL,
	UNIQUE (realm, credential_id));
CREATE INDEX credentials_user ON credentials (user_id);
CREATE TABLE events (
	id TEXT PRIMARY KEY, org_id TEXT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL, user_id TEXT NOT NULL,
	credential_id TEXT NOT NULL, code_id TEXT NOT NULL, actor_id TEXT NOT NULL, address TEXT NOT NULL, detail BYTES);
CREATE INDEX events_org ON events (org_id, id);
`

// The statements of one registration: a read when it begins, four writes when it
// completes. Each write must touch one row.
const (
	sqlInvitation = `
SELECT u.id, u.registered_at, c.id, c.expires_at, c.spent_at
FROM users u JOIN registration_codes c ON c.user_id = u.id AND c.mac = $3
WHERE u.org_id = $1 AND u.username_key = $2`

	sqlSpend    = `UPDATE registration_codes SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL AND expires_at > $2`
	sqlRegister = `UPDATE users SET registered_at = $2 WHERE id = $1 AND registered_at IS NULL AND active = 1`

	sqlCredential = `
INSERT INTO credentials (id, org_id, user_id, code_id, kind, factor, name, realm, credential_id, public_key, algorithm,
	rp_id, origin, aaguid, sign_count, flags, format, attestation_type, attestation_object, client_data, transports, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`

	sqlEvent = `
INSERT INTO events (id, org_id, at, kind, user_id, credential_id, code_id, actor_id, address, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	sqlSeedUser = `
INSERT INTO users (id, org_id, username, username_key, kind, active, administrator, external_id, created_at)
VALUES ($1, $2, $3, $3, 'EndUser', 1, 0, '', $4)`
	sqlSeedCode = `
INSERT INTO registration_codes (id, org_id, user_id, mac, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
)

func schemaFor(bytesType string) string { return strings.ReplaceAll(schema, "BYTES", bytesType) }

// statement is one write and its arguments.
type statement struct {
	sql  string
	args []any
}
