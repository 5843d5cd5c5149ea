-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
CREATE TABLE permissions (
	id          TEXT PRIMARY KEY,
	org_id      TEXT NOT NULL,
	name        TEXT NOT NULL,
	name_key    TEXT NOT NULL,
	operations  TEXT NOT NULL, -- JSON array; of an administrator's: not looked at
	managed     TEXT NOT NULL, -- '', 'administrator' or 'end user'
	version     INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL,
	archived_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX permissions_name ON permissions (org_id, name_key) WHERE archived_at IS NULL;
CREATE INDEX permissions_page ON permissions (org_id, id);

-- An identity is a user, a service account, an access token or an application.
CREATE TABLE permission_assignments (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL,
	permission_id TEXT NOT NULL,
	identity_id   TEXT NOT NULL,
	created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX permission_assignments_identity ON permission_assignments (identity_id, permission_id);
CREATE INDEX permission_assignments_page ON permission_assignments (permission_id, id);

INSERT INTO permissions (id, org_id, name, name_key, operations, managed, version, created_at, updated_at)
	SELECT 'pm' || substr(id, 3), id, 'ManagedFullAdminAccess', 'managedfulladminaccess', '[]', 'administrator', 1, created_at, created_at
	FROM organisations;
INSERT INTO permissions (id, org_id, name, name_key, operations, managed, version, created_at, updated_at)
	SELECT 'pm' || substr(id, 3, length(id) - 3) || 'v', id, 'ManagedDefaultEndUserAccess', 'manageddefaultenduseraccess',
		'["Wallets:Read","Wallets:Transactions:Create","Wallets:Transactions:Read","Wallets:Transfers:Create","Wallets:Transfers:Read","Keys:Signatures:Create","Keys:Signatures:Read"]',
		'end user', 1, created_at, created_at
	FROM organisations;
INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
	SELECT 'as' || substr(id, 3), org_id, 'pm' || substr(org_id, 3), id, created_at
	FROM users WHERE administrator = 1;
INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
	SELECT 'as' || substr(id, 3), org_id, 'pm' || substr(org_id, 3, length(org_id) - 3) || 'v', id, created_at
	FROM users WHERE kind = 'EndUser' AND administrator = 0;

ALTER TABLE users DROP COLUMN administrator;
ALTER TABLE users ADD COLUMN archived_at INTEGER;
-- Pages of people, without service accounts and archived users.
DROP INDEX users_page;
CREATE INDEX users_page ON users (org_id, id) WHERE kind <> 'ServiceAccount' AND archived_at IS NULL;
DROP INDEX users_kind;
CREATE INDEX users_kind ON users (org_id, kind, id) WHERE kind <> 'ServiceAccount' AND archived_at IS NULL;
-- Service accounts, which are few.
CREATE INDEX users_machines ON users (org_id, id) WHERE kind = 'ServiceAccount' AND archived_at IS NULL;

-- Tokens of service accounts and of people's programs. Only the digest of a token is stored.
CREATE TABLE access_tokens (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	kind          TEXT NOT NULL,
	name          TEXT NOT NULL,
	name_key      TEXT NOT NULL,
	external_id   TEXT NOT NULL,
	credential_id TEXT NOT NULL,
	digest        BLOB NOT NULL,
	active        INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	expires_at    INTEGER NOT NULL,
	archived_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (user_id, name_key) WHERE archived_at IS NULL;
CREATE INDEX access_tokens_user ON access_tokens (user_id, id);

-- The only access token that a key signs for.
ALTER TABLE credentials ADD COLUMN token_id TEXT NOT NULL DEFAULT '';

CREATE TABLE applications (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL,
	kind          TEXT NOT NULL,
	name          TEXT NOT NULL,
	name_key      TEXT NOT NULL,
	rp_id         TEXT NOT NULL,
	origin        TEXT NOT NULL,
	external_id   TEXT NOT NULL,
	credential_id TEXT NOT NULL, -- '' without a key
	public_key    BLOB NOT NULL, -- DER SubjectPublicKeyInfo, empty without one
	active        INTEGER NOT NULL,
	created_at    INTEGER NOT NULL,
	archived_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX applications_name ON applications (org_id, name_key) WHERE archived_at IS NULL;
CREATE INDEX applications_page ON applications (org_id, id);

-- Refusals of known callers stay; the others are limited in number and age.
ALTER TABLE refusals ADD COLUMN caller_id TEXT NOT NULL DEFAULT '';
ALTER TABLE refusals ADD COLUMN action_id TEXT NOT NULL DEFAULT '';
CREATE INDEX refusals_page ON refusals (org_id, id);
DROP INDEX refusals_at;
CREATE INDEX refusals_at ON refusals (at) WHERE caller_id = '';
CREATE INDEX refusals_unknown ON refusals (id) WHERE caller_id = '';
