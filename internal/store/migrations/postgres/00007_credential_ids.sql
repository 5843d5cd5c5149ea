-- +goose Up
-- Whether an id belongs to a passkey or to a key is read from the credentials themselves, so each
-- registration writes one index less.
DROP TABLE credential_ids;
DROP INDEX credentials_realm;
CREATE UNIQUE INDEX credentials_credential_id ON credentials (credential_id, realm);
