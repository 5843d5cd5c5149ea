package store

import (
	"context"
	"time"
)

const applicationColumns = `a.id, a.org_id, a.kind, a.name, a.name_key, a.rp_id, a.origin, a.external_id,
	a.credential_id, a.public_key, a.active, a.created_at, a.archived_at`

func (r *row) application() Application {
	return Application{
		ID: r.text(), OrgID: r.text(), Kind: r.text(), Name: r.text(), NameKey: r.text(), RPID: r.text(),
		Origin: r.text(), ExternalID: r.text(), CredentialID: r.text(), PublicKey: r.bytes(),
		Active: r.bool(), CreatedAt: r.time(), ArchivedAt: r.time(),
	}
}

// Application returns an application of the organisation, archived or not, or an error of
// Kind NotFound.
func (db *DB) Application(ctx context.Context, orgID, id string) (Application, error) {
	return get(ctx, db, errNoApplication, (*row).application,
		`SELECT `+applicationColumns+` FROM applications a WHERE a.id = $1 AND a.org_id = $2`, id, orgID)
}

// Applications returns all applications of an organisation that are not archived, oldest
// first. The API has no pages for them.
func (db *DB) Applications(ctx context.Context, orgID string) ([]Application, error) {
	return all(ctx, db, (*row).application, `
		SELECT `+applicationColumns+` FROM applications a WHERE a.org_id = $1 AND a.archived_at IS NULL
		ORDER BY a.id`, orgID)
}

// CreateApplication adds an application. If its NameKey is taken, or a name that looks like its, the
// unit fails with duplicate.
func (tx *Tx) CreateApplication(a Application, duplicate error) {
	tx.inTurn(a.OrgID)
	l := lookOf(a.NameKey)
	tx.must(duplicate, `
		INSERT INTO applications (id, org_id, kind, name, name_key, rp_id, origin, external_id,
			credential_id, public_key, active, created_at, look)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
		WHERE `+l.noTwin("applications", "name_key", "o.org_id = $2 AND o.archived_at IS NULL", "$14")+`
		ON CONFLICT DO NOTHING`,
		a.ID, a.OrgID, a.Kind, a.Name, a.NameKey, a.RPID, a.Origin, a.ExternalID, a.CredentialID,
		notNull(a.PublicKey), flag(a.Active), a.CreatedAt.UnixMilli(), l.stored(), l.text)
}

// RenameApplication gives an application of the organisation another name, unless it is "",
// and another external id, unless that is nil. If it is archived, the unit fails with lost;
// if the name is taken, with duplicate.
func (tx *Tx) RenameApplication(id, orgID, name, nameKey string, externalID *string, duplicate, lost error) {
	applications.rename(tx, id, orgID, name, nameKey, externalID, duplicate, lost)
}

// SetApplicationActive activates or deactivates an application of the organisation. If it is
// archived, the unit fails with lost.
func (tx *Tx) SetApplicationActive(id, orgID string, active bool, lost error) {
	applications.setActive(tx, id, orgID, active, lost)
}

// ArchiveApplication deactivates an application of the organisation permanently. If it is
// archived already, the unit fails with lost.
func (tx *Tx) ArchiveApplication(id, orgID string, now time.Time, lost error) {
	applications.archive(tx, id, orgID, now, lost)
}
