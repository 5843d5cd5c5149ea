package store

import "context"

const (
	memberColumns = userColumns + `, (SELECT MIN(k.id) FROM credentials k
	WHERE k.user_id = u.id AND k.factor = 'first' AND k.active = 1 AND k.token_id = '')`

	withPermissions = `
	LEFT JOIN permission_assignments m ON m.identity_id = u.id
	LEFT JOIN permissions p ON p.id = m.permission_id AND p.archived_at IS NULL`
)

func (r *row) member() Member {
	return Member{User: r.user(), CredentialID: r.text(), Assignments: r.held()}
}

func (m *Member) assigned() (string, *[]HeldPermission) { return m.ID, &m.Assignments }

// Member returns a person of the organisation, archived or not, or an error of Kind NotFound.
func (db *DB) Member(ctx context.Context, orgID, userID string) (Member, error) {
	return db.member(ctx, `<> 'ServiceAccount'`, userID, orgID)
}

func (db *DB) member(ctx context.Context, kind, userID, orgID string) (Member, error) {
	rows, err := few(ctx, db, (*row).member,
		`SELECT `+memberColumns+`, `+heldColumns+` FROM users u`+withPermissions+`
		WHERE u.id = $1 AND u.org_id = $2 AND u.kind `+kind, userID, orgID)
	return gatherOne(rows, err, errNoUser, (*Member).assigned)
}

// Members returns up to limit users of an organisation after the id afterID ("" from the
// start), oldest first, of one kind unless kind is "", without service accounts and archived
// users. A limit of 0 asks for MaxPage.
func (db *DB) Members(ctx context.Context, orgID, kind, afterID string, limit int) ([]Member, error) {
	const from = `SELECT u.id FROM users u WHERE u.org_id = $1 AND u.id > $2 AND ` + isPerson
	if kind == "" {
		return db.members(ctx, from+` ORDER BY u.id LIMIT $3`, orgID, afterID, page(limit))
	}
	return db.members(ctx, from+` AND u.kind = $3 ORDER BY u.id LIMIT $4`, orgID, afterID, kind, page(limit))
}

// members reads the users whose ids a statement selects, in the order of their ids. The
// statement limits the page; joining permissions afterwards adds rows.
func (db *DB) members(ctx context.Context, ids string, args ...any) ([]Member, error) {
	rows, err := all(ctx, db, (*row).member, `
		SELECT `+memberColumns+`, `+heldColumns+`
		FROM users u`+withPermissions+`
		WHERE u.id IN (`+ids+`) ORDER BY u.id`, args...)
	return gather(rows, (*Member).assigned), err
}

// ServiceAccount returns a service account of the organisation, archived or not, or an
// error of Kind NotFound.
func (db *DB) ServiceAccount(ctx context.Context, orgID, userID string) (Member, error) {
	return db.member(ctx, `= 'ServiceAccount'`, userID, orgID)
}

// ServiceAccounts returns all service accounts of an organisation that are not archived,
// oldest first, and their access tokens. The API has no pages for them.
func (db *DB) ServiceAccounts(ctx context.Context, orgID string) ([]Member, []TokenEntry, error) {
	const from = `SELECT u.id FROM users u WHERE u.org_id = $1 AND u.kind = 'ServiceAccount' AND u.archived_at IS NULL`
	members, err := db.members(ctx, from, orgID)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := all(ctx, db, (*row).tokenEntry,
		selectTokens+`WHERE t.archived_at IS NULL AND t.user_id IN (`+from+`) ORDER BY t.user_id, t.id`, orgID)
	return members, gather(tokens, (*TokenEntry).assigned), err
}
