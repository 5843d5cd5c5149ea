-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- Whether the organisation accepts one-time passwords, and passwords.
ALTER TABLE organisations ADD COLUMN one_time_passwords INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN passwords INTEGER NOT NULL DEFAULT 0;

-- What a password is compared with; '' for a credential of another kind.
ALTER TABLE credentials ADD COLUMN password_hash TEXT NOT NULL DEFAULT '';

-- Neither kind has an id that its client knows, so an answer is found by user and kind.
CREATE UNIQUE INDEX credentials_secret ON credentials (user_id, kind) WHERE kind IN ('Totp', 'Password') AND archived_at IS NULL;
