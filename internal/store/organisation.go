package store

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/api"
)

const organisationColumns = `o.id, o.name, o.rp_id, o.rp_name, o.origins, o.attestation,
	o.user_verification, o.resident_key, o.authenticator_attachment, o.sign_count_policy,
	o.backup_policy, o.second_factor, o.one_time_passwords, o.passwords, o.recovery_wait, o.recovery_approval,
	o.employee_policy, o.end_user_policy, o.created_at`

func (r *row) organisation() Organisation {
	return Organisation{
		ID: r.text(), Name: r.text(), RPID: r.text(), RPName: r.text(), Origins: r.list(),
		Attestation: r.text(), UserVerification: r.text(), ResidentKey: r.text(),
		AuthenticatorAttachment: r.text(), SignCountPolicy: r.text(), BackupPolicy: r.text(),
		SecondFactor: r.text(), OneTimePasswords: r.bool(), Passwords: r.bool(),
		RecoveryWait: time.Duration(r.int()) * time.Millisecond, RecoveryApproval: r.bool(),
		EmployeePolicy: r.int(), EndUserPolicy: r.int(), CreatedAt: r.time(),
	}
}

// Organisation returns an organisation, or an error of Kind NotFound.
func (db *DB) Organisation(ctx context.Context, id string) (Organisation, error) {
	return get(ctx, db, errNoOrganisation, (*row).organisation,
		`SELECT `+organisationColumns+` FROM organisations o WHERE o.id = $1`, id)
}

// Organisations returns all organisations, oldest first.
func (db *DB) Organisations(ctx context.Context) ([]Organisation, error) {
	return all(ctx, db, (*row).organisation,
		`SELECT `+organisationColumns+` FROM organisations o ORDER BY o.id`)
}

// SoleOrganisation returns the organisation of a database that has exactly one. Otherwise the
// second result is false.
func (db *DB) SoleOrganisation(ctx context.Context) (Organisation, bool, error) {
	two, err := few(ctx, db, (*row).organisation,
		`SELECT `+organisationColumns+` FROM organisations o ORDER BY o.id LIMIT 2`)
	if err != nil || len(two) != 1 {
		return Organisation{}, false, err
	}
	return two[0], true, nil
}

// IsEmpty reports whether there is no organisation.
func (db *DB) IsEmpty(ctx context.Context) (bool, error) {
	_, found, err := one(ctx, db, (*row).int, `SELECT 1 FROM organisations LIMIT 1`)
	return err == nil && !found, err
}

// CreateOrganisation adds an organisation with its two managed permissions: one to do
// everything, and one for end users.
func (tx *Tx) CreateOrganisation(o Organisation) {
	tx.must(nil, `
		INSERT INTO organisations (id, name, rp_id, rp_name, origins, attestation,
			user_verification, resident_key, authenticator_attachment, sign_count_policy,
			backup_policy, second_factor, one_time_passwords, passwords, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		o.ID, o.Name, o.RPID, o.RPName, jsonList(o.Origins), o.Attestation,
		o.UserVerification, o.ResidentKey, o.AuthenticatorAttachment, o.SignCountPolicy,
		o.BackupPolicy, o.SecondFactor, flag(o.OneTimePasswords), flag(o.Passwords), o.CreatedAt.UnixMilli())
	tx.createManaged(o, api.AdministratorPermissionID(o.ID), "ManagedFullAdminAccess", ManagedAdministrator, nil)
	tx.createManaged(o, api.EndUserPermissionID(o.ID), "ManagedDefaultEndUserAccess", ManagedEndUser, api.EndUserOperations)
}

func (tx *Tx) createManaged(o Organisation, id, name, managed string, operations []string) {
	tx.CreatePermission(Permission{ID: id, OrgID: o.ID, Name: name, NameKey: strings.ToLower(name), Managed: managed,
		Operations: operations, CreatedAt: o.CreatedAt}, nil)
}

// SetPolicies stores the policies of an organisation: what it demands of a login and of a recovery, and
// which kinds of credential it accepts. Without that organisation the unit fails with lost.
func (tx *Tx) SetPolicies(o Organisation, lost error) {
	tx.must(lost, `
		UPDATE organisations SET sign_count_policy = $1, backup_policy = $2, second_factor = $3,
			one_time_passwords = $4, passwords = $5, recovery_wait = $6, recovery_approval = $7
		WHERE id = $8`,
		o.SignCountPolicy, o.BackupPolicy, o.SecondFactor, flag(o.OneTimePasswords), flag(o.Passwords),
		o.RecoveryWait.Milliseconds(), flag(o.RecoveryApproval), o.ID)
}

// UpdateOrganisation sets name, RP ID, origins and attestation of an organisation. Unless these
// are still what they were, the unit fails with outdated.
func (tx *Tx) UpdateOrganisation(was, o Organisation, outdated error) {
	tx.must(outdated, `
		UPDATE organisations SET name = $1, rp_id = $2, origins = $3, attestation = $4
		WHERE id = $5 AND name = $6 AND rp_id = $7 AND origins = $8 AND attestation = $9`,
		o.Name, o.RPID, jsonList(o.Origins), o.Attestation,
		o.ID, was.Name, was.RPID, jsonList(was.Origins), was.Attestation)
}

// RequireNoPasskey is a condition: if a passkey was ever registered in the organisation, the unit
// fails with lost.
func (tx *Tx) RequireNoPasskey(orgID string, lost error) {
	tx.must(lost, `
		UPDATE organisations SET rp_id = rp_id
		WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM credentials WHERE org_id = $1 AND rp_id <> '')`, orgID)
}
