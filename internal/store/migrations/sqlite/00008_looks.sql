-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- What a name looks like that is not in ASCII (UTS 39 skeleton). The look of a name in ASCII is computed
-- from its key. Names from before that are not in ASCII get theirs from fillLooks.
ALTER TABLE users ADD COLUMN look TEXT;
ALTER TABLE permissions ADD COLUMN look TEXT;
ALTER TABLE access_tokens ADD COLUMN look TEXT;
ALTER TABLE applications ADD COLUMN look TEXT;
CREATE INDEX users_look ON users (org_id, (COALESCE(look,
	replace(replace(replace(replace(username_key, 'm', 'rn'), '1', 'l'), '0', 'o'), '|', 'l'))));
