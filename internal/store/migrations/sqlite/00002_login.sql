-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- '' in a policy is the program's default.
ALTER TABLE organisations ADD COLUMN sign_count_policy TEXT NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN backup_policy TEXT NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN second_factor TEXT NOT NULL DEFAULT '';

ALTER TABLE credentials ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN last_used_at INTEGER;

ALTER TABLE events ADD COLUMN action_id TEXT NOT NULL DEFAULT '';

-- A page of users of one kind.
CREATE INDEX users_kind ON users (org_id, kind, id);

-- There may be several signing keys, so that one can replace another.
DROP INDEX server_keys_purpose;
CREATE UNIQUE INDEX server_keys_purpose ON server_keys (purpose) WHERE purpose <> 'signing';

-- Sessions, actions and login codes name rows without REFERENCES: the statement that adds
-- one checks the rows, of these only sessions are ever deleted, and on PostgreSQL each
-- reference would write to the row that it names.
CREATE TABLE sessions (
	id            TEXT PRIMARY KEY,
	org_id        TEXT NOT NULL,
	user_id       TEXT NOT NULL,
	credential_id TEXT NOT NULL,
	challenge     TEXT NOT NULL,
	created_at    INTEGER NOT NULL,
	expires_at    INTEGER NOT NULL,
	ended_at      INTEGER,
	address       TEXT NOT NULL,
	user_agent    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- A challenge opens one session.
CREATE UNIQUE INDEX sessions_challenge ON sessions (challenge);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- With a rowid, because a row is too long to lie inside an index. What is long comes last.
CREATE TABLE actions (
	id                 TEXT NOT NULL PRIMARY KEY,
	org_id             TEXT NOT NULL,
	user_id            TEXT NOT NULL,
	credential_id      TEXT NOT NULL,
	session_id         TEXT NOT NULL,
	challenge          TEXT NOT NULL,
	signed_at          INTEGER NOT NULL,
	expires_at         INTEGER NOT NULL,
	used_at            INTEGER,
	used_for           TEXT NOT NULL,
	address            TEXT NOT NULL,
	method             TEXT NOT NULL,
	path               TEXT NOT NULL,
	statement          TEXT NOT NULL,
	client_data        BLOB NOT NULL,
	authenticator_data BLOB, -- NULL for keys
	signature          BLOB NOT NULL,
	second_factor      TEXT, -- JSON object
	payload            BLOB NOT NULL -- text, but to the byte: its digest was signed
) STRICT;
-- A challenge signs one action.
CREATE UNIQUE INDEX actions_challenge ON actions (challenge);
CREATE INDEX actions_page ON actions (org_id, id);
CREATE INDEX actions_user ON actions (user_id, id);

CREATE TABLE login_codes (
	id         TEXT PRIMARY KEY,
	org_id     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	mac        BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	sent_at    INTEGER,
	spent_at   INTEGER
) STRICT, WITHOUT ROWID;
-- A user has at most one: the latest.
CREATE UNIQUE INDEX login_codes_user ON login_codes (user_id);
