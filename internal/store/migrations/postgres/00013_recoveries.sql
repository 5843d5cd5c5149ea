-- +goose Up
-- Whether recoveries with a recovery key wait: for how many milliseconds, and for an administrator's approval.
ALTER TABLE organisations ADD COLUMN recovery_wait BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN recovery_approval BIGINT NOT NULL DEFAULT 0;

-- Recoveries whose request was accepted, completed or not. Nothing of the new credentials is kept: the
-- request is sent again to complete one that waited, and digest says that it is the same.
CREATE TABLE recoveries (
	id              TEXT COLLATE "C" PRIMARY KEY,
	org_id          TEXT COLLATE "C" NOT NULL,
	user_id         TEXT COLLATE "C" NOT NULL,
	recovery_key_id TEXT COLLATE "C" NOT NULL, -- "cr-…"
	digest          BYTEA NOT NULL, -- SHA-256 of token and request
	created_at      BIGINT NOT NULL,
	address         TEXT COLLATE "C" NOT NULL, -- where it was begun from
	ready_at        BIGINT NOT NULL, -- it can be completed from then on
	expires_at      BIGINT NOT NULL, -- and no longer from then on
	needs_approval  BIGINT NOT NULL,
	approved_at     BIGINT,
	approved_by     TEXT COLLATE "C" NOT NULL DEFAULT '', -- "us-…", '' for the operator
	ended_at        BIGINT,
	outcome         TEXT COLLATE "C" NOT NULL DEFAULT '', -- completed, stopped, replaced or void
	ended_by        TEXT COLLATE "C" NOT NULL DEFAULT '', -- "us-…" who stopped it, '' for the operator
	credential_id   TEXT COLLATE "C" NOT NULL DEFAULT '' -- "cr-…" of the new first factor, once completed
);
CREATE UNIQUE INDEX recoveries_digest ON recoveries (digest);
CREATE INDEX recoveries_user ON recoveries (user_id);
-- A user has at most one that has not ended.
CREATE UNIQUE INDEX recoveries_open ON recoveries (user_id) WHERE ended_at IS NULL;
