-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- The last good FIDO metadata, one for each set of roots that servers trust with it.
CREATE TABLE metadata (
	trust       TEXT PRIMARY KEY,  -- identifies the roots
	number      INTEGER NOT NULL,  -- 0: none is kept yet
	next_update INTEGER,
	loaded_at   INTEGER,
	source      TEXT NOT NULL,
	revocation  TEXT NOT NULL,     -- how far the signer's certificates were checked
	digest      TEXT NOT NULL,     -- SHA-256 of blob
	blob        BLOB NOT NULL,     -- as it was signed
	etag        TEXT NOT NULL,     -- of the address that it was loaded from

	-- Refreshing, which one server does at a time.
	asked_at    INTEGER,           -- when the address last answered well
	ask_after   INTEGER NOT NULL,  -- no server asks before
	failures    INTEGER NOT NULL,   -- in a row
	failure     TEXT NOT NULL      -- the last, '' after a success
) STRICT;
