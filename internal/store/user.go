package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/username"
)

const (
	userColumns = `u.id, u.org_id, u.username, u.username_key, u.kind, u.active,
	u.external_id, u.created_at, u.registered_at, u.archived_at, u.restarted_at`

	// isPerson leaves out service accounts and archived users, as the index users_page does.
	isPerson = `u.kind <> 'ServiceAccount' AND u.archived_at IS NULL`

	// isAdministrator is a condition on a user u.
	isAdministrator = `EXISTS (SELECT 1 FROM permission_assignments m JOIN permissions p ON p.id = m.permission_id
		WHERE m.identity_id = u.id AND p.managed = 'administrator')`
)

func (r *row) user() User {
	return User{
		ID: r.text(), OrgID: r.text(), Username: r.text(), UsernameKey: r.text(), Kind: r.text(),
		Active: r.bool(), ExternalID: r.text(),
		CreatedAt: r.time(), RegisteredAt: r.time(), ArchivedAt: r.time(), RestartedAt: r.time(),
	}
}

func (r *row) userSummary() UserSummary {
	return UserSummary{User: r.user(), Administrator: r.bool(), Credentials: r.int(), LatestCode: r.code()}
}

// User returns a user, or an error of Kind NotFound.
func (db *DB) User(ctx context.Context, id string) (User, error) {
	return get(ctx, db, errNoUser, (*row).user, `SELECT `+userColumns+` FROM users u WHERE u.id = $1`, id)
}

// UserByName returns the user of an organisation with that UsernameKey, or an error of
// Kind NotFound.
func (db *DB) UserByName(ctx context.Context, orgID, usernameKey string) (User, error) {
	return get(ctx, db, errNoUser, (*row).user,
		`SELECT `+userColumns+` FROM users u WHERE u.org_id = $1 AND u.username_key = $2`, orgID, usernameKey)
}

// UserNamed returns the user of an organisation with that name, in any spelling, or that id, or an error of
// Kind NotFound.
func (db *DB) UserNamed(ctx context.Context, orgID, nameOrID string) (User, error) {
	if !api.ValidID(api.PrefixUser, nameOrID) {
		return db.UserByName(ctx, orgID, username.Key(nameOrID))
	}
	u, err := db.User(ctx, nameOrID)
	if err == nil && u.OrgID != orgID {
		return User{}, errNoUser
	}
	return u, err
}

// Users returns up to limit users of an organisation after the id afterID ("" from the
// start), oldest first, without service accounts and archived users. A limit of 0 asks for
// MaxPage.
func (db *DB) Users(ctx context.Context, orgID, afterID string, limit int) ([]UserSummary, error) {
	return all(ctx, db, (*row).userSummary, `
		SELECT `+userColumns+`, CASE WHEN `+isAdministrator+` THEN 1 ELSE 0 END,
			(SELECT COUNT(*) FROM credentials k WHERE k.user_id = u.id AND k.token_id = '' AND k.archived_at IS NULL), `+codeColumns+`
		FROM users u
		LEFT JOIN registration_codes c ON c.id =
			(SELECT MAX(l.id) FROM registration_codes l WHERE l.user_id = u.id)
		WHERE u.org_id = $1 AND u.id > $2 AND `+isPerson+`
		ORDER BY u.id LIMIT $3`, orgID, afterID, page(limit))
}

// IsAdministrator reports whether a user has their organisation's permission to do everything.
func (db *DB) IsAdministrator(ctx context.Context, userID string) (bool, error) {
	is, _, err := one(ctx, db, (*row).bool,
		`SELECT CASE WHEN `+isAdministrator+` THEN 1 ELSE 0 END FROM users u WHERE u.id = $1`, userID)
	return is, err
}

// CreateUser adds a user. If the UsernameKey is taken in the organisation, or a name that looks like
// this one, the unit fails with duplicate.
func (tx *Tx) CreateUser(u User, duplicate error) {
	l := lookOf(u.UsernameKey)
	tx.inTurn(u.OrgID + l.text)
	tx.must(duplicate, `
		INSERT INTO users (id, org_id, username, username_key, kind, active,
			external_id, created_at, registered_at, look)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
		WHERE `+l.noTwin("users", "username_key", "o.org_id = $2", "$11")+`
		ON CONFLICT (org_id, username_key) DO NOTHING`,
		u.ID, u.OrgID, u.Username, u.UsernameKey, u.Kind, flag(u.Active),
		u.ExternalID, u.CreatedAt.UnixMilli(), millis(u.RegisteredAt), l.stored(), l.text)
}

// RegisterUser marks a user of the organisation as registered. Unless they are active and not
// registered yet, the unit fails with lost.
func (tx *Tx) RegisterUser(userID, orgID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE users SET registered_at = $1
		WHERE id = $2 AND org_id = $3 AND registered_at IS NULL AND active = 1`,
		now.UnixMilli(), userID, orgID)
}

// RestartUser makes a registered user of the organisation one who is still to register. Everything that
// they proved themselves with is removed, as Recover does; their id, name and rights stay. Without that
// user, or unless they are active and registered, the unit fails with lost.
func (tx *Tx) RestartUser(userID, orgID string, now time.Time, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE users SET registered_at = NULL, restarted_at = $1
		WHERE id = $2 AND org_id = $3 AND active = 1 AND registered_at IS NOT NULL AND kind <> 'ServiceAccount'`,
		now.UnixMilli(), userID, orgID)
	tx.removeAll(userID, now)
}

// ActivateUser activates a user or service account of the organisation. Without that user, or
// if they are archived, the unit fails with lost.
func (tx *Tx) ActivateUser(userID, orgID string, lost error) {
	tx.setUserActive(userID, orgID, true, lost)
}

// DeactivateUser locks out a user or service account of the organisation: their sessions end,
// and unused actions that they signed can no longer be used. The sessions that a service
// account opened for end users end as well, because a thief of its key may have opened them,
// and a recovery that waits.
// Without that user, or if they are archived, the unit fails with lost.
func (tx *Tx) DeactivateUser(userID, orgID string, now time.Time, lost error) {
	tx.setUserActive(userID, orgID, false, lost)
	tx.stopLogins(userID)
	tx.endRecoveries(userID, "", RecoveryVoid, now)
	tx.endEverything(userID, api.FirstCredentialID(userID), now)
}

func (tx *Tx) setUserActive(userID, orgID string, active bool, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `UPDATE users SET active = $1 WHERE id = $2 AND org_id = $3 AND archived_at IS NULL`,
		flag(active), userID, orgID)
}

// lockUser changes nothing but has units that change the same user wait for each other: what a statement
// after it reads was committed by those before. A statement that itself waits has read before.
func (tx *Tx) lockUser(userID string) {
	tx.inTurn(userID)
	tx.may(`UPDATE users SET active = active WHERE id = $1`, userID)
}

// MustNotBeArchived makes the unit fail with lost unless the organisation has that user and
// they are not archived.
func (tx *Tx) MustNotBeArchived(userID, orgID string, lost error) {
	tx.must(lost, `UPDATE users SET active = active WHERE id = $1 AND org_id = $2 AND archived_at IS NULL`, userID, orgID)
}

// stopLogins changes nothing but locks the user's credentials: a concurrent login with one of
// them commits before this or waits. So endEverything sees every session of the user.
func (tx *Tx) stopLogins(userID string) {
	tx.may(`UPDATE credentials SET active = active WHERE user_id = $1`, userID)
}

// ArchiveUser deactivates a user permanently, as DeactivateUser does. It also archives their
// access tokens, revokes their registration code and frees their name. Without that user, or
// if they are archived, the unit fails with lost.
func (tx *Tx) ArchiveUser(userID, orgID string, now time.Time, lost error) {
	tx.inTurn(userID)
	// No username has such a key: a normalised one has no capital letter.
	tx.must(lost, `
		UPDATE users SET active = 0, archived_at = $1, username_key = 'ARCHIVED ' || id, look = NULL
		WHERE id = $2 AND org_id = $3 AND archived_at IS NULL`, now.UnixMilli(), userID, orgID)
	tx.stopLogins(userID)
	tx.may(`
		UPDATE access_tokens SET active = 0, archived_at = $1
		WHERE user_id = $2 AND archived_at IS NULL`, now.UnixMilli(), userID)
	tx.may(`
		UPDATE registration_codes SET revoked_at = $1, revoked_reason = 'revoked'
		WHERE user_id = $2 AND spent_at IS NULL AND revoked_at IS NULL`, now.UnixMilli(), userID)
	tx.endRecoveries(userID, "", RecoveryVoid, now)
	tx.endEverything(userID, api.FirstCredentialID(userID), now)
}

// RenameUser gives a user or service account of the organisation another name, unless it is
// "", and another external id, unless that is nil. Without that user, or if they are archived,
// the unit fails with lost; if the name or one that looks like it is taken, with duplicate.
func (tx *Tx) RenameUser(userID, orgID, name, nameKey string, externalID *string, duplicate, lost error) {
	tx.inTurn(userID)
	tx.inTurn(orgID) // for the name
	tx.must(lost, `
		UPDATE users SET username = CASE WHEN $1 = '' THEN username ELSE $1 END
		WHERE id = $2 AND org_id = $3 AND archived_at IS NULL`, name, userID, orgID)
	if name != "" {
		l := lookOf(nameKey)
		tx.inTurn(orgID + l.text)
		tx.must(duplicate, `
			UPDATE users SET username_key = $1, look = $4
			WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM users o WHERE o.org_id = $3 AND o.username_key = $1 AND o.id <> $2)
				AND `+l.noTwin("users", "username_key", "o.org_id = $3 AND o.id <> $2", "$5"),
			nameKey, userID, orgID, l.stored(), l.text)
	}
	if externalID != nil {
		tx.may(`UPDATE users SET external_id = $1 WHERE id = $2`, *externalID, userID)
	}
}

// MakeFirstAdministrator makes a user, who was added before in the same unit, an administrator
// if they are an employee and the first person of the organisation. Of several users who are
// added as the first at the same moment, one becomes administrator.
func (tx *Tx) MakeFirstAdministrator(orgID, userID, assignmentID string, now time.Time) {
	// This changes nothing, but locks the organisation: of two units that add a first user
	// the later one waits here, and then sees the user of the earlier one.
	const first = ` AND NOT EXISTS (SELECT 1 FROM users o WHERE o.org_id = $1 AND o.id <> $2 AND o.kind <> 'ServiceAccount')`
	tx.may(`UPDATE organisations SET name = name WHERE id = $1`+first, orgID, userID)
	tx.may(`
		INSERT INTO permission_assignments (id, org_id, permission_id, identity_id, created_at)
		SELECT $3, u.org_id, p.id, u.id, $4
		FROM users u JOIN permissions p ON p.org_id = u.org_id AND p.managed = 'administrator'
		WHERE u.id = $2 AND u.org_id = $1 AND u.kind = 'CustomerEmployee'`+first,
		orgID, userID, assignmentID, now.UnixMilli())
}

// Administrators who can act: registered, active employees with the permission to do everything. Those
// who log in have an active first factor besides that signs, which a Password does not.
const (
	administrator = `SELECT 1 FROM permissions p
			JOIN permission_assignments m ON m.permission_id = p.id
			JOIN users u ON u.id = m.identity_id
		WHERE p.org_id = $1 AND p.managed = 'administrator'
			AND u.kind = 'CustomerEmployee' AND u.active = 1 AND u.registered_at IS NOT NULL AND u.archived_at IS NULL`
	loggingIn = ` AND EXISTS (SELECT 1 FROM credentials k
			WHERE k.user_id = u.id AND k.token_id = '' AND k.factor = 'first' AND k.kind <> 'Password' AND k.active = 1`
)

// KeepAnAdministrator makes the unit fail with last if userID is an administrator of the organisation who
// can act, and no other is there who logs in. Call it before the statements that take this from them. Of
// two units that would each leave only the administrator whom the other removes, the later one waits here.
func (tx *Tx) KeepAnAdministrator(orgID, userID string, last error) {
	tx.keepAdministrator(orgID, last, loggingIn+`) AND u.id <> $2`, userID)
}

// KeepAnAdministratorWithout is KeepAnAdministrator for a credential that is to be deactivated: another
// credential of the same user is enough.
func (tx *Tx) KeepAnAdministratorWithout(c Credential, last error) {
	tx.inTurn(c.UserID)
	tx.keepAdministrator(c.OrgID, last, loggingIn+` AND k.id <> $3)`, c.UserID, c.ID)
}

func (tx *Tx) keepAdministrator(orgID string, last error, other string, of ...any) {
	tx.inTurn(orgID)
	tx.may(`UPDATE organisations SET name = name WHERE id = $1`, orgID)
	tx.must(last, `
		UPDATE organisations SET name = name
		WHERE id = $1 AND (NOT EXISTS (`+administrator+` AND u.id = $2) OR EXISTS (`+administrator+other+`))`,
		append([]any{orgID}, of...)...)
}
