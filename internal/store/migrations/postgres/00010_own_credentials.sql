-- +goose Up
-- When the user was last given a new start: they registered before, and register again.
ALTER TABLE users ADD COLUMN restarted_at BIGINT;

-- When the credential was removed. Its row stays: actions that it signed are proved with it.
ALTER TABLE credentials ADD COLUMN archived_at BIGINT;

-- What a code opens: 'login' or 'recovery'.
ALTER TABLE login_codes ADD COLUMN purpose TEXT COLLATE "C" NOT NULL DEFAULT 'login';

-- Codes with which a user adds a credential from another device. A user has at most one.
CREATE TABLE credential_codes (
	id            TEXT COLLATE "C" PRIMARY KEY,
	org_id        TEXT COLLATE "C" NOT NULL,
	user_id       TEXT COLLATE "C" NOT NULL,
	credential_id TEXT COLLATE "C" NOT NULL, -- "cr-…" that signed for it
	mac           BYTEA NOT NULL,
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	spent_at      BIGINT
);
CREATE UNIQUE INDEX credential_codes_user ON credential_codes (user_id);
CREATE UNIQUE INDEX credential_codes_mac ON credential_codes (mac);
