package store

import (
	"context"
	"time"
)

const userColumns = `u.id, u.org_id, u.username, u.username_key, u.kind, u.active,
	u.administrator, u.external_id, u.created_at, u.registered_at`

func (r *row) user() User {
	return User{
		ID: r.text(), OrgID: r.text(), Username: r.text(), UsernameKey: r.text(), Kind: r.text(),
		Active: r.bool(), Administrator: r.bool(), ExternalID: r.text(),
		CreatedAt: r.time(), RegisteredAt: r.time(),
	}
}

func (r *row) userSummary() UserSummary {
	s := UserSummary{User: r.user(), Credentials: r.int(), LatestCode: r.code()}
	s.HasCode = s.LatestCode.ID != ""
	return s
}

func foundUser(u User, found bool, err error) (User, error) {
	if err == nil && !found {
		err = notFound("user_not_found", "There is no such user.")
	}
	return u, err
}

// User returns a user, or an error of Kind NotFound.
func (db *DB) User(ctx context.Context, id string) (User, error) {
	return foundUser(one(ctx, db, (*row).user,
		`SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id))
}

// UserByName returns the user of an organisation with that UsernameKey, or an error of
// Kind NotFound.
func (db *DB) UserByName(ctx context.Context, orgID, usernameKey string) (User, error) {
	return foundUser(one(ctx, db, (*row).user,
		`SELECT `+userColumns+` FROM users u WHERE u.org_id = $1 AND u.username_key = $2`,
		orgID, usernameKey))
}

// Users returns up to limit users of an organisation, oldest first, that come after the
// id afterID ("" from the start). A limit of 0 asks for MaxPage.
func (db *DB) Users(ctx context.Context, orgID, afterID string, limit int) ([]UserSummary, error) {
	return all(ctx, db, (*row).userSummary, `
		SELECT `+userColumns+`,
			(SELECT COUNT(*) FROM credentials k WHERE k.user_id = u.id), `+codeColumns+`
		FROM users u
		LEFT JOIN registration_codes c ON c.id =
			(SELECT MAX(l.id) FROM registration_codes l WHERE l.user_id = u.id)
		WHERE u.org_id = $1 AND u.id > $2
		ORDER BY u.id LIMIT $3`, orgID, afterID, page(limit))
}

// CreateUser adds a user. Without a free UsernameKey in the organisation the unit fails
// with duplicate.
func (tx *Tx) CreateUser(u User, duplicate error) {
	tx.must(duplicate, `
		INSERT INTO users (id, org_id, username, username_key, kind, active, administrator,
			external_id, created_at, registered_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (org_id, username_key) DO NOTHING`,
		u.ID, u.OrgID, u.Username, u.UsernameKey, u.Kind, flag(u.Active), flag(u.Administrator),
		u.ExternalID, u.CreatedAt.UnixMilli(), millis(u.RegisteredAt))
}

// RegisterUser makes an invited, active user of the organisation a registered one. If
// they are not (any more) invited and active, the unit fails with lost.
func (tx *Tx) RegisterUser(userID, orgID string, now time.Time, lost error) {
	tx.must(lost, `
		UPDATE users SET registered_at = $1
		WHERE id = $2 AND org_id = $3 AND registered_at IS NULL AND active = 1`,
		now.UnixMilli(), userID, orgID)
}

// SetUserActive deactivates a user of the organisation or puts them back. Without that
// user the unit fails with lost. It does not end their sessions: EndSessions after it, in
// the same unit, does.
func (tx *Tx) SetUserActive(userID, orgID string, active bool, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `UPDATE users SET active = $1 WHERE id = $2 AND org_id = $3`, flag(active), userID, orgID)
	if !active {
		// To no effect, but a login that is at work on one of them comes before this or
		// after it, not between: no session is left that EndSessions did not see.
		tx.may(`UPDATE credentials SET active = active WHERE user_id = $1`, userID)
	}
}

// MakeFirstAdministrator makes a user, added before in the same unit, an administrator if
// they are an employee and the first user of the organisation. Of any number of first
// users at the same moment one becomes it.
func (tx *Tx) MakeFirstAdministrator(orgID, userID string) {
	// To no effect, but of two units that add a first user the later waits here, and then
	// sees whom the earlier one added.
	tx.may(`
		UPDATE organisations SET name = name
		WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.id <> $2)`,
		orgID, userID)
	tx.may(`
		UPDATE users SET administrator = 1
		WHERE id = $2 AND org_id = $1 AND kind = 'CustomerEmployee'
			AND NOT EXISTS (SELECT 1 FROM users u WHERE u.org_id = $1 AND u.id <> $2)`,
		orgID, userID)
}
