-- +goose Up
-- 1 while a code that somebody asked for is on its way by mail. It is good, and so is the one before
-- it until the mail server has accepted it.
ALTER TABLE registration_codes ADD COLUMN offered BIGINT NOT NULL DEFAULT 0;
DROP INDEX registration_codes_live;
CREATE UNIQUE INDEX registration_codes_live ON registration_codes (user_id)
	WHERE spent_at IS NULL AND revoked_at IS NULL AND offered = 0;

-- What an unused action takes, in bytes; 0 for those from before.
ALTER TABLE actions ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
-- For the limits on unused actions, and to prune them.
CREATE INDEX actions_unused ON actions (org_id, user_id, expires_at, size) WHERE used_at IS NULL;
