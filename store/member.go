package store

import "context"

// The credential is looked up for each user of the page, through the index.
const memberColumns = userColumns + `, (SELECT MIN(k.id) FROM credentials k
	WHERE k.user_id = u.id AND k.factor = 'first' AND k.active = 1)`

func (r *row) member() Member { return Member{User: r.user(), CredentialID: r.text()} }

// Member returns a user of the organisation, or an error of Kind NotFound.
func (db *DB) Member(ctx context.Context, orgID, userID string) (Member, error) {
	m, found, err := one(ctx, db, (*row).member,
		`SELECT `+memberColumns+` FROM users u WHERE u.id = $1 AND u.org_id = $2`, userID, orgID)
	if err == nil && !found {
		err = notFound("user_not_found", "There is no such user.")
	}
	return m, err
}

// Members returns up to limit users of an organisation, oldest first, that come after the
// id afterID ("" from the start); of one kind only unless kind is "". A limit of 0 asks
// for MaxPage.
func (db *DB) Members(ctx context.Context, orgID, kind, afterID string, limit int) ([]Member, error) {
	const from = `SELECT ` + memberColumns + ` FROM users u WHERE u.org_id = $1 AND u.id > $2`
	if kind == "" {
		return all(ctx, db, (*row).member, from+` ORDER BY u.id LIMIT $3`, orgID, afterID, page(limit))
	}
	return all(ctx, db, (*row).member, from+` AND u.kind = $3 ORDER BY u.id LIMIT $4`,
		orgID, afterID, kind, page(limit))
}
