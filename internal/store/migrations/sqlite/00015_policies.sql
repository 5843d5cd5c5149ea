-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- Which authenticators an organisation accepts, for each kind of user. A version never changes, so that a
-- server may remember it.
CREATE TABLE policies (
	org_id     TEXT NOT NULL,
	user_kind  TEXT NOT NULL,                    -- CustomerEmployee or EndUser
	version    INTEGER NOT NULL,                 -- from 1 up
	document   TEXT NOT NULL,                    -- JSON object
	created_at INTEGER NOT NULL,
	created_by TEXT NOT NULL,                    -- "us-…", '' for the operator
	PRIMARY KEY (org_id, user_kind, version)
) STRICT;

-- The versions in force; 0 before one is set.
ALTER TABLE organisations ADD COLUMN employee_policy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN end_user_policy INTEGER NOT NULL DEFAULT 0;

-- The version that admitted a credential, and on what evidence.
ALTER TABLE credentials ADD COLUMN policy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE credentials ADD COLUMN evidence TEXT; -- JSON object
