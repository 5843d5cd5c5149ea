package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
)

// The evidence is most of a row. credentialColumns leave it out.
const (
	credentialColumns = `k.id, k.org_id, k.user_id, k.code_id, k.kind, k.factor, k.name,
	k.realm, k.credential_id, k.public_key, k.algorithm, k.rp_id, k.origin, k.aaguid,
	k.sign_count, k.user_verified, k.backup_eligible, k.backup_state, k.format,
	k.attestation_type, k.transports, k.client_extensions, k.encrypted_private_key,
	k.password_hash, k.created_at, k.active, k.last_used_at, k.token_id, k.archived_at`

	wholeCredentialColumns = credentialColumns + `, k.client_data, k.attestation_object, k.policy, k.evidence`
)

func (r *row) credential() Credential {
	return Credential{
		ID: r.text(), OrgID: r.text(), UserID: r.text(), CodeID: r.text(),
		Kind: r.text(), Factor: r.text(), Name: r.text(),
		Realm: r.text(), CredentialID: r.bytes(), PublicKey: r.bytes(), Algorithm: r.text(),
		RPID: r.text(), Origin: r.text(), AAGUID: r.bytes(), SignCount: r.int(),
		UserVerified: r.bool(), BackupEligible: r.bool(), BackupState: r.bool(),
		Format: r.text(), AttestationType: r.text(), Transports: r.list(),
		ClientExtensions: r.json(), EncryptedPrivateKey: r.text(), PasswordHash: r.text(), CreatedAt: r.time(),
		Active: r.bool(), LastUsedAt: r.time(), TokenID: r.text(), ArchivedAt: r.time(),
	}
}

func (r *row) wholeCredential() Credential {
	c := r.credential()
	c.ClientData, c.AttestationObject = r.bytes(), r.bytes()
	c.Policy, c.Evidence = r.int(), r.json()
	return c
}

// Credential returns a credential by its id ("cr-…"), or an error of Kind NotFound.
func (db *DB) Credential(ctx context.Context, id string) (Credential, error) {
	return get(ctx, db, errNoCredential, (*row).wholeCredential,
		`SELECT `+wholeCredentialColumns+` FROM credentials k WHERE k.id = $1`, id)
}

// CredentialsOfUser returns the credentials of a user that were not removed, oldest first.
func (db *DB) CredentialsOfUser(ctx context.Context, userID string) ([]Credential, error) {
	return all(ctx, db, (*row).wholeCredential,
		`SELECT `+wholeCredentialColumns+` FROM credentials k WHERE k.user_id = $1 AND k.archived_at IS NULL ORDER BY k.id`, userID)
}

// CredentialsOfCode returns the credentials that were created with a registration code,
// oldest first.
func (db *DB) CredentialsOfCode(ctx context.Context, codeID string) ([]Credential, error) {
	return all(ctx, db, (*row).wholeCredential, `
		SELECT `+wholeCredentialColumns+`
		FROM registration_codes c JOIN credentials k ON k.user_id = c.user_id AND k.code_id = c.id
		WHERE c.id = $1 ORDER BY k.id`, codeID)
}

// AddCredential adds a credential that is active and was never used; it ignores Active and
// LastUsedAt. The unit fails with duplicate if any credential has the same Realm and
// CredentialID or, in the organisation, the same public key, or if this is the second recovery
// key of its registration code, or the second Totp or Password of its user. A key may not have the CredentialID of any passkey of the server,
// nor a passkey that of any key.
func (tx *Tx) AddCredential(c Credential, duplicate error) {
	tx.inTurn(string(c.CredentialID)) // a passkey and a key of one id at once collide in no index
	tx.must(duplicate, `
		INSERT INTO credentials (id, org_id, user_id, code_id, kind, factor, name, realm,
			credential_id, public_key, algorithm, rp_id, origin, aaguid, sign_count,
			user_verified, backup_eligible, backup_state, format, attestation_type, transports,
			client_extensions, encrypted_private_key, created_at, client_data, attestation_object,
			token_id, password_hash, repeats, policy, evidence)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
			$19, $20, $21, $22, $23, $24, $25, $26, $27, $29, $30, $31, $32
		WHERE NOT EXISTS (SELECT 1 FROM credentials o WHERE o.credential_id = $9
			AND CASE WHEN o.kind = 'Fido2' THEN 1 ELSE 0 END <> $28)
		ON CONFLICT DO NOTHING`,
		c.ID, c.OrgID, c.UserID, c.CodeID, c.Kind, c.Factor, c.Name, c.Realm,
		notNull(c.CredentialID), notNull(c.PublicKey), c.Algorithm, c.RPID, c.Origin, c.AAGUID, c.SignCount,
		flag(c.UserVerified), flag(c.BackupEligible), flag(c.BackupState), c.Format,
		c.AttestationType, jsonList(c.Transports), jsonText(c.ClientExtensions),
		c.EncryptedPrivateKey, c.CreatedAt.UnixMilli(), c.ClientData, c.AttestationObject,
		c.TokenID, flag(c.Kind == api.KindFido2), c.PasswordHash, flag(len(c.PublicKey) == 0), // without a public key, none is repeated
		c.Policy, jsonText(c.Evidence))
}

// AddRecoveryKey is AddCredential for a recovery key of the registration that created first. If
// it was not completed since then with a code that the user presented, or if user or first is
// inactive, the unit fails with lost.
func (tx *Tx) AddRecoveryKey(c Credential, first string, since time.Time, lost, duplicate error) {
	tx.inTurn(c.UserID)
	// This changes nothing, but locks the user, as OpenDelegatedSession does. A code without a
	// MAC is a service account's, which nobody presents.
	tx.must(lost, `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND active = 1 AND EXISTS (
			SELECT 1 FROM registration_codes c JOIN credentials k ON k.user_id = c.user_id AND k.code_id = c.id
			WHERE c.id = $3 AND c.user_id = $1 AND length(c.mac) > 0 AND c.spent_at > $4
				AND k.id = $5 AND k.active = 1)`,
		c.UserID, c.OrgID, c.CodeID, since.UnixMilli(), first)
	tx.AddCredential(c, duplicate)
}

// CredentialUse is one use of a credential, as the authenticator data describe it.
type CredentialUse struct {
	ID             string // "cr-…"
	SignCount      int64
	Strict         bool // the sign count must be greater than the stored one, or both zero
	BackupEligible bool
	BackupState    bool
	At             time.Time
}

// UseCredential stores the state that a credential reported with its latest signature
// (WebAuthn L3 §7.2). If it is inactive, or its sign count is not as Strict demands, the unit
// fails with lost. What could be copied once stays BackupEligible, whatever it says later: a
// copy says what its holder likes.
//
// A login or signature calls this before OpenSession or SignAction: until the commit
// nobody else can use or deactivate this credential, or deactivate its user.
func (tx *Tx) UseCredential(u CredentialUse, lost error) {
	tx.inTurn(u.ID)
	tx.must(lost, `
		UPDATE credentials SET sign_count = $1, backup_eligible = backup_eligible | $2, backup_state = $3, last_used_at = $4
		WHERE id = $5 AND active = 1
			AND ($6 = CAST(0 AS BIGINT) OR sign_count < $1 OR (sign_count = 0 AND $1 = 0))`,
		u.SignCount, flag(u.BackupEligible), flag(u.BackupState), u.At.UnixMilli(), u.ID, flag(u.Strict))
}

// ActivateCredential activates a credential of the organisation. Without that credential the
// unit fails with lost.
func (tx *Tx) ActivateCredential(id, orgID string, lost error) {
	tx.setCredentialActive(id, orgID, true, lost)
}

// DeactivateCredential deactivates a credential of the organisation. A thief of the credential
// may have opened any session of its user and, if it is a service account's, of end users. So
// those sessions end, and unused actions that the user signed can no longer be used. A
// recovery that waits in the name of this recovery key ends as well. Without that credential the unit fails with lost.
func (tx *Tx) DeactivateCredential(c Credential, now time.Time, lost error) {
	tx.setCredentialActive(c.ID, c.OrgID, false, lost)
	tx.endRecoveries(c.UserID, c.ID, RecoveryVoid, now)
	tx.endEverything(c.UserID, c.ID, now)
}

func (tx *Tx) setCredentialActive(id, orgID string, active bool, lost error) {
	tx.must(lost, `UPDATE credentials SET active = $1 WHERE id = $2 AND org_id = $3 AND archived_at IS NULL`,
		flag(active), id, orgID)
}

// ResetSignCount sets the sign count of a credential of the organisation to zero. It helps a
// user whose authenticator began to count again. Without that credential, or if it is a Totp, whose
// codes would be accepted again, the unit fails with lost.
func (tx *Tx) ResetSignCount(id, orgID string, lost error) {
	tx.must(lost, `UPDATE credentials SET sign_count = 0 WHERE id = $1 AND org_id = $2 AND kind <> 'Totp'`, id, orgID)
}
