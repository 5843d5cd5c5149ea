-- +goose Up
CREATE TABLE organisations (
	id                       TEXT COLLATE "C" PRIMARY KEY,
	name                     TEXT COLLATE "C" NOT NULL,
	rp_id                    TEXT COLLATE "C" NOT NULL, -- '' follows the server's public URL
	rp_name                  TEXT COLLATE "C" NOT NULL,
	origins                  TEXT COLLATE "C" NOT NULL, -- JSON array
	attestation              TEXT COLLATE "C" NOT NULL,
	user_verification        TEXT COLLATE "C" NOT NULL,
	resident_key             TEXT COLLATE "C" NOT NULL,
	authenticator_attachment TEXT COLLATE "C" NOT NULL,
	created_at               BIGINT NOT NULL
);

CREATE TABLE users (
	id            TEXT COLLATE "C" PRIMARY KEY,
	org_id        TEXT COLLATE "C" NOT NULL REFERENCES organisations (id),
	username      TEXT COLLATE "C" NOT NULL,
	username_key  TEXT COLLATE "C" NOT NULL,
	kind          TEXT COLLATE "C" NOT NULL,
	active        BIGINT NOT NULL,
	administrator BIGINT NOT NULL,
	external_id   TEXT COLLATE "C" NOT NULL,
	created_at    BIGINT NOT NULL,
	registered_at BIGINT
);
CREATE UNIQUE INDEX users_name ON users (org_id, username_key);
CREATE INDEX users_page ON users (org_id, id);

CREATE TABLE registration_codes (
	id             TEXT COLLATE "C" PRIMARY KEY,
	org_id         TEXT COLLATE "C" NOT NULL,
	user_id        TEXT COLLATE "C" NOT NULL REFERENCES users (id),
	mac            BYTEA NOT NULL,
	created_at     BIGINT NOT NULL,
	expires_at     BIGINT NOT NULL,
	sent_at        BIGINT,
	opened_at      BIGINT,
	attempted_at   BIGINT,
	spent_at       BIGINT,
	revoked_at     BIGINT,
	revoked_reason TEXT COLLATE "C" NOT NULL
);
-- At most one code of a user can be spent.
CREATE UNIQUE INDEX registration_codes_live ON registration_codes (user_id)
	WHERE spent_at IS NULL AND revoked_at IS NULL;
-- For all codes of a user or the latest. They are few, so one is found by its MAC among them.
CREATE INDEX registration_codes_user ON registration_codes (user_id, id);
CREATE INDEX registration_codes_page ON registration_codes (org_id, id);

CREATE TABLE credentials (
	id                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	org_id                TEXT COLLATE "C" NOT NULL,
	user_id               TEXT COLLATE "C" NOT NULL REFERENCES users (id),
	code_id               TEXT COLLATE "C" NOT NULL, -- '' without a registration code
	kind                  TEXT COLLATE "C" NOT NULL,
	factor                TEXT COLLATE "C" NOT NULL,
	name                  TEXT COLLATE "C" NOT NULL,
	realm                 TEXT COLLATE "C" NOT NULL,
	credential_id         BYTEA NOT NULL,
	public_key            BYTEA NOT NULL,
	algorithm             TEXT COLLATE "C" NOT NULL,
	rp_id                 TEXT COLLATE "C" NOT NULL,
	origin                TEXT COLLATE "C" NOT NULL,
	aaguid                BYTEA,
	sign_count            BIGINT NOT NULL,
	user_verified         BIGINT NOT NULL,
	backup_eligible       BIGINT NOT NULL,
	backup_state          BIGINT NOT NULL,
	format                TEXT COLLATE "C" NOT NULL,
	attestation_type      TEXT COLLATE "C" NOT NULL,
	transports            TEXT COLLATE "C" NOT NULL, -- JSON array
	client_extensions     TEXT COLLATE "C",          -- JSON object
	encrypted_private_key TEXT COLLATE "C" NOT NULL,
	created_at            BIGINT NOT NULL,
	client_data           BYTEA,
	attestation_object    BYTEA
);
CREATE UNIQUE INDEX credentials_realm ON credentials (realm, credential_id);
-- A registration has at most one recovery key, whenever it is added.
CREATE UNIQUE INDEX credentials_recovery ON credentials (code_id) WHERE factor = 'recovery' AND code_id <> '';
CREATE INDEX credentials_user ON credentials (user_id);

-- Events name rows by id only, because they may outlast them.
CREATE TABLE events (
	org_id        TEXT COLLATE "C" NOT NULL,
	id            TEXT COLLATE "C" NOT NULL,
	at            BIGINT NOT NULL,
	kind          TEXT COLLATE "C" NOT NULL,
	user_id       TEXT COLLATE "C" NOT NULL,
	credential_id TEXT COLLATE "C" NOT NULL,
	code_id       TEXT COLLATE "C" NOT NULL,
	actor_id      TEXT COLLATE "C" NOT NULL,
	address       TEXT COLLATE "C" NOT NULL,
	detail        TEXT COLLATE "C", -- JSON
	PRIMARY KEY (org_id, id)
);

CREATE TABLE refusals (
	id         TEXT COLLATE "C" PRIMARY KEY,
	at         BIGINT NOT NULL,
	route      TEXT COLLATE "C" NOT NULL,
	status     BIGINT NOT NULL,
	code       TEXT COLLATE "C" NOT NULL,
	message    TEXT COLLATE "C" NOT NULL,
	rule       TEXT COLLATE "C" NOT NULL,
	received   TEXT COLLATE "C" NOT NULL,
	expected   TEXT COLLATE "C" NOT NULL,
	cause      TEXT COLLATE "C" NOT NULL,
	org_id     TEXT COLLATE "C" NOT NULL,
	user_id    TEXT COLLATE "C" NOT NULL,
	code_id    TEXT COLLATE "C" NOT NULL,
	address    TEXT COLLATE "C" NOT NULL,
	user_agent TEXT COLLATE "C" NOT NULL
);
CREATE INDEX refusals_at ON refusals (at);

CREATE TABLE server_keys (
	id         TEXT COLLATE "C" PRIMARY KEY,
	purpose    TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	wrapping   TEXT COLLATE "C" NOT NULL,
	material   BYTEA NOT NULL
);
CREATE UNIQUE INDEX server_keys_purpose ON server_keys (purpose);

CREATE TABLE throttles (
	key       BYTEA PRIMARY KEY,
	count     BIGINT NOT NULL,
	resets_at BIGINT NOT NULL
);
CREATE INDEX throttles_reset ON throttles (resets_at);

-- Values that all servers of this database share.
CREATE TABLE settings (
	name  TEXT COLLATE "C" PRIMARY KEY,
	value TEXT COLLATE "C" NOT NULL
);
