-- +goose Up
-- '' in a policy is the program's default.
ALTER TABLE organisations ADD COLUMN sign_count_policy TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN backup_policy TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN second_factor TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE credentials ADD COLUMN active BIGINT NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN last_used_at BIGINT;
-- Every login rewrites a row. Free space in its page saves updating the indexes.
ALTER TABLE credentials SET (fillfactor = 75);

ALTER TABLE events ADD COLUMN action_id TEXT COLLATE "C" NOT NULL DEFAULT '';

-- A page of users of one kind.
CREATE INDEX users_kind ON users (org_id, kind, id);

-- There may be several signing keys, so that one can replace another.
DROP INDEX server_keys_purpose;
CREATE UNIQUE INDEX server_keys_purpose ON server_keys (purpose) WHERE purpose <> 'signing';

-- Sessions, actions and login codes name rows without REFERENCES: the statement that adds
-- one checks the rows, of these only sessions are ever deleted, and on PostgreSQL each
-- reference would write to the row that it names.
CREATE TABLE sessions (
	id            TEXT COLLATE "C" PRIMARY KEY,
	org_id        TEXT COLLATE "C" NOT NULL,
	user_id       TEXT COLLATE "C" NOT NULL,
	credential_id TEXT COLLATE "C" NOT NULL,
	challenge     TEXT COLLATE "C" NOT NULL,
	created_at    BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	ended_at      BIGINT,
	address       TEXT COLLATE "C" NOT NULL,
	user_agent    TEXT COLLATE "C" NOT NULL
);
-- A challenge opens one session.
CREATE UNIQUE INDEX sessions_challenge ON sessions (challenge);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE actions (
	id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	org_id             TEXT COLLATE "C" NOT NULL,
	user_id            TEXT COLLATE "C" NOT NULL,
	credential_id      TEXT COLLATE "C" NOT NULL,
	session_id         TEXT COLLATE "C" NOT NULL,
	challenge          TEXT COLLATE "C" NOT NULL,
	signed_at          BIGINT NOT NULL,
	expires_at         BIGINT NOT NULL,
	used_at            BIGINT,
	used_for           TEXT COLLATE "C" NOT NULL,
	address            TEXT COLLATE "C" NOT NULL,
	method             TEXT COLLATE "C" NOT NULL,
	path               TEXT COLLATE "C" NOT NULL,
	statement          TEXT COLLATE "C" NOT NULL,
	client_data        BYTEA NOT NULL,
	authenticator_data BYTEA, -- NULL for keys
	signature          BYTEA NOT NULL,
	second_factor      TEXT COLLATE "C", -- JSON object
	payload            BYTEA NOT NULL -- text, but to the byte: its digest was signed
) WITH (fillfactor = 75); -- space for the one update of each row
-- A challenge signs one action.
CREATE UNIQUE INDEX actions_challenge ON actions (challenge);
CREATE INDEX actions_page ON actions (org_id, id);
CREATE INDEX actions_user ON actions (user_id, id);

CREATE TABLE login_codes (
	id         TEXT COLLATE "C" PRIMARY KEY,
	org_id     TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	mac        BYTEA NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	sent_at    BIGINT,
	spent_at   BIGINT
);
-- A user has at most one: the latest.
CREATE UNIQUE INDEX login_codes_user ON login_codes (user_id);
