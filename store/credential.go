package store

import "context"

const credentialColumns = `k.id, k.org_id, k.user_id, k.code_id, k.kind, k.factor, k.name,
	k.realm, k.credential_id, k.public_key, k.algorithm, k.rp_id, k.origin, k.aaguid,
	k.sign_count, k.user_verified, k.backup_eligible, k.backup_state, k.format,
	k.attestation_type, k.transports, k.client_extensions, k.encrypted_private_key,
	k.created_at, k.client_data, k.attestation_object`

func (r *row) credential() Credential {
	return Credential{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), CodeID: r.text(),
		Kind: r.text(), Factor: r.text(), Name: r.text(),
		Realm: r.text(), CredentialID: r.bytes(), PublicKey: r.bytes(), Algorithm: r.text(),
		RPID: r.text(), Origin: r.text(), AAGUID: r.bytes(), SignCount: r.int(),
		UserVerified: r.bool(), BackupEligible: r.bool(), BackupState: r.bool(),
		Format: r.text(), AttestationType: r.text(), Transports: r.list(),
		ClientExtensions: r.json(), EncryptedPrivateKey: r.text(), CreatedAt: r.time(),
		ClientData: r.bytes(), AttestationObject: r.bytes(),
	}
}

// CredentialsOfUser returns the credentials of a user, oldest first.
func (db *DB) CredentialsOfUser(ctx context.Context, userID string) ([]Credential, error) {
	return all(ctx, db, (*row).credential,
		`SELECT `+credentialColumns+` FROM credentials k WHERE k.user_id = $1 ORDER BY k.id`, userID)
}

// CredentialsOfCode returns the credentials that a registration code was spent on,
// oldest first.
func (db *DB) CredentialsOfCode(ctx context.Context, codeID string) ([]Credential, error) {
	return all(ctx, db, (*row).credential, `
		SELECT `+credentialColumns+`
		FROM registration_codes c JOIN credentials k ON k.user_id = c.user_id AND k.code_id = c.id
		WHERE c.id = $1 ORDER BY k.id`, codeID)
}

// AddCredential stores a credential. If its (Realm, CredentialID) is stored already,
// whoever's it is, or if its registration code left a recovery key already and this is
// another, the unit fails with duplicate.
func (tx *Tx) AddCredential(c Credential, duplicate error) {
	tx.must(duplicate, `
		INSERT INTO credentials (id, org_id, user_id, code_id, kind, factor, name, realm,
			credential_id, public_key, algorithm, rp_id, origin, aaguid, sign_count,
			user_verified, backup_eligible, backup_state, format, attestation_type, transports,
			client_extensions, encrypted_private_key, created_at, client_data, attestation_object)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
			$19, $20, $21, $22, $23, $24, $25, $26)
		ON CONFLICT DO NOTHING`,
		c.ID, c.OrgID, c.UserID, c.CodeID, c.Kind, c.Factor, c.Name, c.Realm,
		notNull(c.CredentialID), notNull(c.PublicKey), c.Algorithm, c.RPID, c.Origin, c.AAGUID, c.SignCount,
		flag(c.UserVerified), flag(c.BackupEligible), flag(c.BackupState), c.Format,
		c.AttestationType, jsonList(c.Transports), jsonText(c.ClientExtensions),
		c.EncryptedPrivateKey, c.CreatedAt.UnixMilli(), c.ClientData, c.AttestationObject)
}
