-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- When the user was last given a new start: they registered before, and register again.
ALTER TABLE users ADD COLUMN restarted_at INTEGER;

-- When the credential was removed. Its row stays: actions that it signed are proved with it.
ALTER TABLE credentials ADD COLUMN archived_at INTEGER;

-- What a code opens: 'login' or 'recovery'.
ALTER TABLE login_codes ADD COLUMN purpose TEXT NOT NULL DEFAULT 'login';

-- Codes with which a user adds a credential from another device. A user has at most one.
CREATE TABLE credential_codes (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	credential_id TEXT NOT NULL, -- "cr-…" that signed for it
	mac           BLOB NOT NULL,
	created_at    INTEGER NOT NULL,
	expires_at    INTEGER NOT NULL,
	spent_at      INTEGER
);
CREATE UNIQUE INDEX credential_codes_user ON credential_codes (user_id);
CREATE UNIQUE INDEX credential_codes_mac ON credential_codes (mac);
