-- +goose NO TRANSACTION
-- All pending migrations run inside one transaction that package store opens.

-- +goose Up
-- The identity of this installation. The tokens that it issues carry it.
INSERT INTO settings (name, value) VALUES ('installation', lower(hex(randomblob(16))));

-- Of client extension outputs only credProps.rk is stored. Others may be secrets, those of PRF
-- above all: so what is replaced is also overwritten with zeros.
PRAGMA secure_delete = ON;
UPDATE credentials
	SET client_extensions = CASE json_type(client_extensions, '$.credProps.rk')
		WHEN 'true' THEN '{"credProps":{"rk":true}}'
		WHEN 'false' THEN '{"credProps":{"rk":false}}'
		END
	WHERE client_extensions IS NOT NULL;
PRAGMA secure_delete = OFF;

-- In an organisation a public key is registered once. Where it was registered again when that was
-- allowed, repeats is 1 for all but the first.
ALTER TABLE credentials ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
UPDATE credentials SET repeats = 1 WHERE id IN (
	SELECT r.id FROM (
		SELECT id, ROW_NUMBER() OVER (PARTITION BY org_id, public_key ORDER BY id) AS n FROM credentials) r
	WHERE r.n > 1);
CREATE UNIQUE INDEX credentials_key ON credentials (org_id, public_key) WHERE repeats = 0;

-- A credential id belongs to passkeys or to keys, in the whole server.
CREATE TABLE credential_ids (
	credential_id BLOB PRIMARY KEY,
	passkey       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO credential_ids (credential_id, passkey)
	SELECT credential_id, MAX(CASE WHEN kind = 'Fido2' THEN 1 ELSE 0 END) FROM credentials GROUP BY credential_id;
