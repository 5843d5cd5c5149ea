package store

import (
	"context"
	"time"
)

const (
	permissionColumns = `p.id, p.org_id, p.name, p.name_key, p.operations, p.managed, p.version,
	p.created_at, p.updated_at, p.archived_at`
	assignmentColumns = `m.id, m.org_id, m.permission_id, m.identity_id, m.created_at`
	heldColumns       = permissionColumns + `, m.id, m.identity_id`
)

func (r *row) permission() Permission {
	return Permission{
		ID: r.text(), OrgID: r.text(), Name: r.text(), NameKey: r.text(), Operations: r.list(),
		Managed: r.text(), Version: r.int(), CreatedAt: r.time(), UpdatedAt: r.time(), ArchivedAt: r.time(),
	}
}

func (r *row) assignment() Assignment {
	return Assignment{ID: r.text(), OrgID: r.text(), PermissionID: r.text(), IdentityID: r.text(), CreatedAt: r.time()}
}

func (r *row) heldPermission() HeldPermission {
	return HeldPermission{Permission: r.permission(), AssignmentID: r.text(), IdentityID: r.text()}
}

// held is the permission that was joined to a row, if any.
func (r *row) held() []HeldPermission {
	if p := r.heldPermission(); p.ID != "" {
		return []HeldPermission{p}
	}
	return nil
}

// gather makes one item of the adjacent rows that have the same id: each row has one of the
// item's permissions. of returns the id and the permissions of a row.
func gather[T any](rows []T, of func(*T) (id string, held *[]HeldPermission)) (all []T) {
	for i := range rows {
		id, more := of(&rows[i])
		if n := len(all); n > 0 {
			if last, held := of(&all[n-1]); last == id {
				*held = append(*held, *more...)
				continue
			}
		}
		all = append(all, rows[i])
	}
	return all
}

// gatherOne is gather for the rows of one item. Without any it fails with absent.
func gatherOne[T any](rows []T, err, absent error, of func(*T) (id string, held *[]HeldPermission)) (one T, _ error) {
	if err == nil && len(rows) == 0 {
		err = absent
	}
	if err != nil {
		return one, err
	}
	return gather(rows, of)[0], nil
}

// Held returns the permissions that are assigned to identityID or, unless it is "", to alsoID.
// It leaves out archived ones.
func (db *DB) Held(ctx context.Context, identityID, alsoID string) ([]HeldPermission, error) {
	return few(ctx, db, (*row).heldPermission, `
		SELECT `+heldColumns+`
		FROM permission_assignments m JOIN permissions p ON p.id = m.permission_id
		WHERE m.identity_id IN ($1, $2) AND p.archived_at IS NULL`, identityID, alsoID)
}

// Assigned returns the permissions that are assigned to an identity, also archived ones, which
// may be restored.
func (db *DB) Assigned(ctx context.Context, identityID string) ([]HeldPermission, error) {
	return few(ctx, db, (*row).heldPermission, `
		SELECT `+heldColumns+`
		FROM permission_assignments m JOIN permissions p ON p.id = m.permission_id
		WHERE m.identity_id = $1`, identityID)
}

// Permission returns a permission of the organisation, archived or not, or an error of
// Kind NotFound.
func (db *DB) Permission(ctx context.Context, orgID, id string) (Permission, error) {
	return get(ctx, db, errNoPermission, (*row).permission,
		`SELECT `+permissionColumns+` FROM permissions p WHERE p.id = $1 AND p.org_id = $2`, id, orgID)
}

// Permissions returns up to limit permissions of an organisation after the id afterID ("" from
// the start), oldest first, also archived ones. A limit of 0 asks for MaxPage.
func (db *DB) Permissions(ctx context.Context, orgID, afterID string, limit int) ([]Permission, error) {
	return all(ctx, db, (*row).permission, `
		SELECT `+permissionColumns+` FROM permissions p WHERE p.org_id = $1 AND p.id > $2
		ORDER BY p.id LIMIT $3`, orgID, afterID, page(limit))
}

// Assignment returns an assignment of a permission of the organisation, or an error of Kind
// NotFound.
func (db *DB) Assignment(ctx context.Context, orgID, permissionID, id string) (Assignment, error) {
	return get(ctx, db, errNoAssignment, (*row).assignment, `
		SELECT `+assignmentColumns+` FROM permission_assignments m
		WHERE m.id = $1 AND m.permission_id = $2 AND m.org_id = $3`, id, permissionID, orgID)
}

// Assignments returns up to limit assignments of a permission after the id afterID ("" from
// the start), oldest first. A limit of 0 asks for MaxPage.
func (db *DB) Assignments(ctx context.Context, permissionID, afterID string, limit int) ([]Assignment, error) {
	return all(ctx, db, (*row).assignment, `
		SELECT `+assignmentColumns+` FROM permission_assignments m
		WHERE m.permission_id = $1 AND m.id > $2
		ORDER BY m.id LIMIT $3`, permissionID, afterID, page(limit))
}

// CreatePermission adds a permission of Version 1 that is not archived. If its NameKey is
// taken, or a name that looks like its, the unit fails with duplicate.
func (tx *Tx) CreatePermission(p Permission, duplicate error) {
	l := lookOf(p.NameKey)
	tx.inTurn(p.OrgID)
	tx.must(duplicate, `
		INSERT INTO permissions (id, org_id, name, name_key, operations, managed, version, created_at, updated_at, look)
		SELECT $1, $2, $3, $4, $5, $6, 1, $7, $7, $8
		WHERE `+l.noTwin("permissions", "name_key", "o.org_id = $2 AND o.archived_at IS NULL", "$9")+`
		ON CONFLICT DO NOTHING`,
		p.ID, p.OrgID, p.Name, p.NameKey, jsonList(p.Operations), p.Managed, p.CreatedAt.UnixMilli(), l.stored(), l.text)
}

// UpdatePermission gives a permission another name and other operations. If it has another
// Version by now, or is archived, the unit fails with lost; if the NameKey is taken, or a name that
// looks like its, with duplicate.
func (tx *Tx) UpdatePermission(p Permission, now time.Time, duplicate, lost error) {
	tx.inTurn(p.ID)
	tx.must(lost, `
		UPDATE permissions SET name = $1, operations = $2, version = version + 1, updated_at = $3
		WHERE id = $4 AND version = $5 AND archived_at IS NULL`,
		p.Name, jsonList(p.Operations), now.UnixMilli(), p.ID, p.Version)
	tx.takePermissionName(p, duplicate)
}

func (tx *Tx) takePermissionName(p Permission, duplicate error) {
	l := lookOf(p.NameKey)
	tx.inTurn(p.OrgID)
	tx.must(duplicate, `
		UPDATE permissions SET name_key = $1, look = $4
		WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM permissions o
				WHERE o.org_id = $3 AND o.name_key = $1 AND o.archived_at IS NULL AND o.id <> $2)
			AND `+l.noTwin("permissions", "name_key", "o.org_id = $3 AND o.archived_at IS NULL AND o.id <> $2", "$5"),
		p.NameKey, p.ID, p.OrgID, l.stored(), l.text)
}

// ArchivePermission archives or restores a permission. An archived permission allows nothing,
// but its assignments stay. If it has another Version by now, the unit fails with lost; if its
// name was taken meanwhile, with duplicate.
func (tx *Tx) ArchivePermission(p Permission, archived bool, now time.Time, duplicate, lost error) {
	tx.inTurn(p.ID)
	var at any
	if archived {
		at = now.UnixMilli()
	} else {
		tx.takePermissionName(p, duplicate)
	}
	tx.must(lost, `
		UPDATE permissions SET archived_at = $1, version = version + 1, updated_at = $2
		WHERE id = $3 AND version = $4`, at, now.UnixMilli(), p.ID, p.Version)
}

// Assign assigns a permission to an identity. If the permission has another version by now, or
// is archived, the unit fails with lost; if the identity has it already, with duplicate.
func (tx *Tx) Assign(a Assignment, version int64, duplicate, lost error) {
	tx.inTurn(a.PermissionID)
	// This locks the permission's row, so that nobody changes at the same moment what it allows.
	tx.must(lost, `
		UPDATE permissions SET version = version
		WHERE id = $1 AND org_id = $2 AND version = $3 AND archived_at IS NULL`,
		a.PermissionID, a.OrgID, version)
	tx.must(duplicate, `
		INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (identity_id, permission_id) DO NOTHING`,
		a.ID, a.OrgID, a.PermissionID, a.IdentityID, a.CreatedAt.UnixMilli())
}

// StillGives makes the unit fail with lost unless a giver of rights can still act: the user is
// active, and so is the access token, unless tokenID is "". The rows are written unchanged, so that a
// concurrent deactivation commits before this or waits.
func (tx *Tx) StillGives(userID, tokenID string, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `UPDATE users SET active = active WHERE id = $1 AND active = 1`, userID)
	if tokenID != "" {
		tx.must(lost, `UPDATE access_tokens SET active = active WHERE id = $1 AND active = 1`, tokenID)
	}
}

// StillHeld makes the unit fail with lost unless an identity still has a permission as it was read.
// The rows are written unchanged, so that a concurrent revocation or change of the permission commits
// before this or waits, at any isolation level.
func (tx *Tx) StillHeld(h HeldPermission, lost error) {
	tx.inTurn(h.ID)
	tx.must(lost, `
		UPDATE permissions SET version = version
		WHERE id = $1 AND version = $2 AND archived_at IS NULL`, h.ID, h.Version)
	tx.must(lost, `
		UPDATE permission_assignments SET created_at = created_at
		WHERE id = $1 AND identity_id = $2 AND permission_id = $3`, h.AssignmentID, h.IdentityID, h.ID)
}

// AssignManaged assigns a managed permission of the organisation to a user of the same unit.
func (tx *Tx) AssignManaged(id, permissionID string, u User, now time.Time) {
	tx.must(nil, `
		INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
		VALUES ($1, $2, $3, $4, $5)`, id, u.OrgID, permissionID, u.ID, now.UnixMilli())
}

// Revoke deletes an assignment. If it does not exist, the unit fails with lost.
func (tx *Tx) Revoke(a Assignment, lost error) {
	tx.inTurn(a.PermissionID)
	tx.must(lost, `DELETE FROM permission_assignments WHERE id = $1 AND permission_id = $2 AND org_id = $3`,
		a.ID, a.PermissionID, a.OrgID)
}
