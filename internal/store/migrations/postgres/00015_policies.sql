-- +goose Up
-- Which authenticators an organisation accepts, for each kind of user. A version never changes, so that a
-- server may remember it.
CREATE TABLE policies (
	org_id     TEXT COLLATE "C" NOT NULL,
	user_kind  TEXT COLLATE "C" NOT NULL,                    -- CustomerEmployee or EndUser
	version    BIGINT NOT NULL,                  -- from 1 up
	document   TEXT COLLATE "C" NOT NULL,                    -- JSON object
	created_at BIGINT NOT NULL,
	created_by TEXT COLLATE "C" NOT NULL,                    -- "us-…", '' for the operator
	PRIMARY KEY (org_id, user_kind, version)
);

-- The versions in force; 0 before one is set.
ALTER TABLE organisations ADD COLUMN employee_policy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN end_user_policy BIGINT NOT NULL DEFAULT 0;

-- The version that admitted a credential, and on what evidence.
ALTER TABLE credentials ADD COLUMN policy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN evidence TEXT COLLATE "C"; -- JSON object
