-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- 1 while a code that somebody asked for is on its way by mail. It is good, and so is the one before
-- it until the mail server has accepted it.
ALTER TABLE registration_codes ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;
DROP INDEX registration_codes_live;
CREATE UNIQUE INDEX registration_codes_live ON registration_codes (user_id)
	WHERE spent_at IS NULL AND revoked_at IS NULL AND offered = 0;
