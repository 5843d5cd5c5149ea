-- +goose Up
-- The last good FIDO metadata, one for each set of roots that servers trust with it.
CREATE TABLE metadata (
	trust       TEXT PRIMARY KEY,  -- identifies the roots
	number      BIGINT NOT NULL,   -- 0: none is kept yet
	next_update BIGINT,
	loaded_at   BIGINT,
	source      TEXT NOT NULL,
	revocation  TEXT NOT NULL,     -- how far the signer's certificates were checked
	digest      TEXT NOT NULL,     -- SHA-256 of blob
	blob        BYTEA NOT NULL,    -- as it was signed
	etag        TEXT NOT NULL,     -- of the address that it was loaded from

	-- Refreshing, which one server does at a time.
	asked_at    BIGINT,            -- when the address last answered well
	ask_after   BIGINT NOT NULL,   -- no server asks before
	failures    BIGINT NOT NULL,   -- in a row
	failure     TEXT NOT NULL      -- the last, '' after a success
);
