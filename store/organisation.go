package store

import "context"

const organisationColumns = `o.id, o.name, o.rp_id, o.rp_name, o.origins, o.attestation,
	o.user_verification, o.resident_key, o.authenticator_attachment, o.created_at`

func (r *row) organisation() Organisation {
	return Organisation{
		ID: r.text(), Name: r.text(), RPID: r.text(), RPName: r.text(), Origins: r.list(),
		Attestation: r.text(), UserVerification: r.text(), ResidentKey: r.text(),
		AuthenticatorAttachment: r.text(), CreatedAt: r.time(),
	}
}

// Organisation returns an organisation, or an error of Kind NotFound.
func (db *DB) Organisation(ctx context.Context, id string) (Organisation, error) {
	o, found, err := one(ctx, db, (*row).organisation,
		`SELECT `+organisationColumns+` FROM organisations o WHERE o.id = $1`, id)
	if err == nil && !found {
		err = notFound("organisation_not_found", "There is no such organisation.")
	}
	return o, err
}

// Organisations returns all organisations, oldest first.
func (db *DB) Organisations(ctx context.Context) ([]Organisation, error) {
	return all(ctx, db, (*row).organisation,
		`SELECT `+organisationColumns+` FROM organisations o ORDER BY o.id`)
}

// Counts returns how many organisations and users there are. It reads all of them, so
// it is for the operator, not for every request.
func (db *DB) Counts(ctx context.Context) (organisations, users int64, err error) {
	type counts struct{ organisations, users int64 }
	c, err := all(ctx, db, func(r *row) counts { return counts{r.int(), r.int()} },
		`SELECT (SELECT COUNT(*) FROM organisations), (SELECT COUNT(*) FROM users)`)
	if err != nil {
		return 0, 0, err
	}
	return c[0].organisations, c[0].users, nil
}

// IsEmpty reports whether there is no organisation.
func (db *DB) IsEmpty(ctx context.Context) (bool, error) {
	_, found, err := one(ctx, db, (*row).int, `SELECT 1 FROM organisations LIMIT 1`)
	return err == nil && !found, err
}

// CreateOrganisation adds an organisation.
func (tx *Tx) CreateOrganisation(o Organisation) {
	tx.must(nil, `
		INSERT INTO organisations (id, name, rp_id, rp_name, origins, attestation,
			user_verification, resident_key, authenticator_attachment, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o.ID, o.Name, o.RPID, o.RPName, jsonList(o.Origins), o.Attestation,
		o.UserVerification, o.ResidentKey, o.AuthenticatorAttachment, o.CreatedAt.UnixMilli())
}
