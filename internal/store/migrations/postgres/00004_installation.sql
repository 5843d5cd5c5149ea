-- +goose Up
-- The identity of this installation. The tokens that it issues carry it.
INSERT INTO settings (name, value) VALUES ('installation', replace(gen_random_uuid()::TEXT, '-', ''));

-- Of client extension outputs only credProps.rk is stored. Others may be secrets, those of PRF
-- above all. The text is not read as JSON, because a client could have sent a zero character,
-- which this database refuses there.
UPDATE credentials
	SET client_extensions = CASE
		WHEN client_extensions ~ '"credProps":\{([^{}]*,)?"rk":true[,}]' THEN '{"credProps":{"rk":true}}'
		WHEN client_extensions ~ '"credProps":\{([^{}]*,)?"rk":false[,}]' THEN '{"credProps":{"rk":false}}'
		END
	WHERE client_extensions IS NOT NULL;

-- In an organisation a public key is registered once. Where it was registered again when that was
-- allowed, repeats is 1 for all but the first.
ALTER TABLE credentials ADD COLUMN repeats BIGINT NOT NULL DEFAULT 0;
UPDATE credentials SET repeats = 1 WHERE id IN (
	SELECT r.id FROM (
		SELECT id, ROW_NUMBER() OVER (PARTITION BY org_id, public_key ORDER BY id) AS n FROM credentials) r
	WHERE r.n > 1);
CREATE UNIQUE INDEX credentials_key ON credentials (org_id, public_key) WHERE repeats = 0;

-- A credential id belongs to passkeys or to keys, in the whole server.
CREATE TABLE credential_ids (
	credential_id BYTEA PRIMARY KEY,
	passkey       BIGINT NOT NULL
);
INSERT INTO credential_ids (credential_id, passkey)
	SELECT credential_id, MAX(CASE WHEN kind = 'Fido2' THEN 1 ELSE 0 END) FROM credentials GROUP BY credential_id;
