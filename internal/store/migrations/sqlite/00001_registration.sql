-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
CREATE TABLE organisations (
	id                       TEXT PRIMARY KEY,
	name                     TEXT NOT NULL,
	rp_id                    TEXT NOT NULL, -- '' follows the server's public URL
	rp_name                  TEXT NOT NULL,
	origins                  TEXT NOT NULL, -- JSON array
	attestation              TEXT NOT NULL,
	user_verification        TEXT NOT NULL,
	resident_key             TEXT NOT NULL,
	authenticator_attachment TEXT NOT NULL,
	created_at               INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL REFERENCES organisations (id),
	username      TEXT NOT NULL,
	username_key  TEXT NOT NULL,
	kind          TEXT NOT NULL,
	active        INTEGER NOT NULL,
	administrator INTEGER NOT NULL,
	external_id   TEXT NOT NULL,
	created_at    INTEGER NOT NULL,
	registered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_name ON users (org_id, username_key);
CREATE INDEX users_page ON users (org_id, id);

CREATE TABLE registration_codes (
	id             TEXT PRIMARY KEY,
	org_id         TEXT NOT NULL,
	user_id        TEXT NOT NULL REFERENCES users (id),
	mac            BLOB NOT NULL,
	created_at     INTEGER NOT NULL,
	expires_at     INTEGER NOT NULL,
	sent_at        INTEGER,
	opened_at      INTEGER,
	attempted_at   INTEGER,
	spent_at       INTEGER,
	revoked_at     INTEGER,
	revoked_reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- At most one code of a user can be spent.
CREATE UNIQUE INDEX registration_codes_live ON registration_codes (user_id)
	WHERE spent_at IS NULL AND revoked_at IS NULL;
-- For all codes of a user or the latest. They are few, so one is found by its MAC among them.
CREATE INDEX registration_codes_user ON registration_codes (user_id, id);
CREATE INDEX registration_codes_page ON registration_codes (org_id, id);

-- With a rowid, because a row is too long to lie inside an index.
CREATE TABLE credentials (
	id                    TEXT NOT NULL PRIMARY KEY,
	org_id                TEXT NOT NULL,
	user_id               TEXT NOT NULL REFERENCES users (id),
	code_id               TEXT NOT NULL, -- '' without a registration code
	kind                  TEXT NOT NULL,
	factor                TEXT NOT NULL,
	name                  TEXT NOT NULL,
	realm                 TEXT NOT NULL,
	credential_id         BLOB NOT NULL,
	public_key            BLOB NOT NULL,
	algorithm             TEXT NOT NULL,
	rp_id                 TEXT NOT NULL,
	origin                TEXT NOT NULL,
	aaguid                BLOB,
	sign_count            INTEGER NOT NULL,
	user_verified         INTEGER NOT NULL,
	backup_eligible       INTEGER NOT NULL,
	backup_state          INTEGER NOT NULL,
	format                TEXT NOT NULL,
	attestation_type      TEXT NOT NULL,
	transports            TEXT NOT NULL, -- JSON array
	client_extensions     TEXT,          -- JSON object
	encrypted_private_key TEXT NOT NULL,
	created_at            INTEGER NOT NULL,
	client_data           BLOB,
	attestation_object    BLOB
) STRICT;
CREATE UNIQUE INDEX credentials_realm ON credentials (realm, credential_id);
-- A registration has at most one recovery key, whenever it is added.
CREATE UNIQUE INDEX credentials_recovery ON credentials (code_id) WHERE factor = 'recovery' AND code_id <> '';
CREATE INDEX credentials_user ON credentials (user_id);

-- Events name rows by id only, because they may outlast them.
CREATE TABLE events (
	org_id        TEXT NOT NULL,
	id            TEXT NOT NULL,
	at            INTEGER NOT NULL,
	kind          TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	credential_id TEXT NOT NULL,
	code_id       TEXT NOT NULL,
	actor_id      TEXT NOT NULL,
	address       TEXT NOT NULL,
	detail        TEXT, -- JSON
	PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
	id         TEXT PRIMARY KEY,
	at         INTEGER NOT NULL,
	route      TEXT NOT NULL,
	status     INTEGER NOT NULL,
	code       TEXT NOT NULL,
	message    TEXT NOT NULL,
	rule       TEXT NOT NULL,
	received   TEXT NOT NULL,
	expected   TEXT NOT NULL,
	cause      TEXT NOT NULL,
	org_id     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	code_id    TEXT NOT NULL,
	address    TEXT NOT NULL,
	user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refusals_at ON refusals (at);

CREATE TABLE server_keys (
	id         TEXT PRIMARY KEY,
	purpose    TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	wrapping   TEXT NOT NULL,
	material   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX server_keys_purpose ON server_keys (purpose);

CREATE TABLE throttles (
	key       BLOB PRIMARY KEY,
	count     INTEGER NOT NULL,
	resets_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttles_reset ON throttles (resets_at);

-- Values that all servers of this database share.
CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
