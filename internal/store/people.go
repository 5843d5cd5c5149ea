package store

import (
	"context"
	"time"
)

// Person is a user as administrators see them.
type Person struct {
	User
	Passkeys    int64     // active first factors
	LastSeenAt  time.Time // the latest use of a credential of their own; zero: never
	LatestCode  Code      // zero if none was ever issued
	Recovery    Recovery  // that has not ended; it may have expired
	Assignments []HeldPermission
}

const personColumns = userColumns + `,
	(SELECT COUNT(*) FROM credentials k WHERE k.user_id = u.id AND k.factor = 'first' AND k.active = 1 AND k.token_id = ''),
	(SELECT MAX(k.last_used_at) FROM credentials k WHERE k.user_id = u.id AND k.token_id = ''), ` + codeColumns + `, ` + recoveryColumns + `, ` + heldColumns

func (r *row) person() Person {
	return Person{User: r.user(), Passkeys: r.int(), LastSeenAt: r.time(), LatestCode: r.code(), Recovery: r.recovery(), Assignments: r.held()}
}

func (p *Person) assigned() (string, *[]HeldPermission) { return p.ID, &p.Assignments }

// People returns up to limit people of an organisation who are not archived, of one kind
// unless kind is "". Without a name they come in the order of their ids, after the id after.
// With a name they are those whose UsernameKey begins with it, in the order of their keys,
// after the key after. A limit of 0 asks for MaxPage.
func (db *DB) People(ctx context.Context, orgID, kind, name, after string, limit int) ([]Person, error) {
	const (
		from   = `SELECT u.id FROM users u WHERE u.org_id = $1 AND ` + isPerson
		byID   = from + ` AND u.id > $2`
		byName = from + ` AND u.username_key >= $2 AND u.username_key < $3 AND u.username_key <> $4`
	)
	if name == "" {
		if kind == "" {
			return db.people(ctx, `u.id`, byID+` ORDER BY u.id LIMIT $3`, orgID, after, page(limit))
		}
		return db.people(ctx, `u.id`, byID+` AND u.kind = $3 ORDER BY u.id LIMIT $4`, orgID, after, kind, page(limit))
	}
	// There is one lower bound: of two, SQLite would look up one and read all rows up to the other.
	begin := max(name, after)
	// No character comes after this one.
	end := name + "\U0010FFFF"
	if kind == "" {
		return db.people(ctx, `u.username_key`, byName+` ORDER BY u.username_key LIMIT $5`, orgID, begin, end, after, page(limit))
	}
	return db.people(ctx, `u.username_key`, byName+` AND u.kind = $5 ORDER BY u.username_key LIMIT $6`,
		orgID, begin, end, after, kind, page(limit))
}

// Person returns a user of the organisation who is not archived, or an error of Kind NotFound.
func (db *DB) Person(ctx context.Context, orgID, userID string) (Person, error) {
	all, err := db.people(ctx, `u.id`, `SELECT u.id FROM users u WHERE u.id = $1 AND u.org_id = $2 AND `+isPerson, userID, orgID)
	if err == nil && len(all) == 0 {
		err = errNoUser
	}
	if err != nil {
		return Person{}, err
	}
	return all[0], nil
}

func (db *DB) people(ctx context.Context, order, ids string, args ...any) ([]Person, error) {
	rows, err := all(ctx, db, (*row).person, `
		SELECT `+personColumns+`
		FROM users u
		LEFT JOIN registration_codes c ON c.id =
			(SELECT MAX(l.id) FROM registration_codes l WHERE l.user_id = u.id)
		LEFT JOIN recoveries v ON v.user_id = u.id AND v.ended_at IS NULL`+withPermissions+`
		WHERE u.id IN (`+ids+`) ORDER BY `+order, args...)
	return gather(rows, (*Person).assigned), err
}

// MustBeInvited makes the unit fail with lost unless the user of the organisation is active
// and not registered yet.
func (tx *Tx) MustBeInvited(userID, orgID string, lost error) {
	tx.inTurn(userID)
	tx.must(lost, `
		UPDATE users SET active = active
		WHERE id = $1 AND org_id = $2 AND active = 1 AND registered_at IS NULL`, userID, orgID)
}
