-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- A user may have several login codes: anybody can ask for one, and that voids no other.
DROP INDEX login_codes_user;
CREATE INDEX login_codes_user ON login_codes (user_id);
