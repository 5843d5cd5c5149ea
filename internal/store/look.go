package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/username"
)

// look is what a name looks like, see username.Look.
type look struct {
	text  string
	plain bool
}

// lookOf returns the look of a name by its key. What stands in capitals before the name keeps sorts of
// names apart, as in keys.
func lookOf(key string) (l look) {
	name := strings.LastIndexFunc(key, func(r rune) bool { return 'A' <= r && r <= 'Z' }) + 1
	l.text, l.plain = username.Look(key[name:])
	l.text = key[:name] + l.text
	return l
}

// stored is the value of a column look: NULL for a plain name, whose look SQL computes from its key.
func (l look) stored() any {
	if l.plain {
		return nil
	}
	return l.text
}

// sqlDB is what fillLooks needs of a database.
type sqlDB interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// fillLooks stores the looks of all names that are not in ASCII and have none, because they are older than
// the column.
func fillLooks(ctx context.Context, db sqlDB) error {
	for _, t := range []struct{ table, key string }{
		{"users", "username_key"}, {"permissions", "name_key"}, {"access_tokens", "name_key"}, {"applications", "name_key"},
	} {
		for after, more := "", true; more; {
			names, err := namesWithoutLook(ctx, db, t.table, t.key, after)
			if err != nil {
				return err
			}
			for _, n := range names {
				after = n.id
				l := lookOf(n.key)
				if len(l.text) > username.MaxLook {
					continue
				}
				if _, err := db.ExecContext(ctx, `UPDATE `+t.table+` SET look = $1 WHERE id = $2`, l.text, n.id); err != nil {
					return err
				}
			}
			more = len(names) > 0
		}
	}
	return nil
}

type idAndKey struct{ id, key string }

// namesWithoutLook returns the next of the names that fillLooks is about.
func namesWithoutLook(ctx context.Context, db sqlDB, table, key, after string) (names []idAndKey, err error) {
	rows, err := db.QueryContext(ctx, `SELECT id, `+key+` FROM `+table+`
		WHERE id > $1 AND look IS NULL AND length(`+key+`) <> octet_length(`+key+`) ORDER BY id LIMIT 1000`, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n idAndKey
		if err := rows.Scan(&n.id, &n.key); err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, rows.Err()
}

// noTwin is a condition: no row o of that condition looks like the name. text is the parameter of the
// look's text, and key the column of the names' keys. The index users_look has the same expression.
func (l look) noTwin(table, key, of, text string) string {
	if l.plain {
		of += ` AND o.look IS NOT NULL`
	}
	return `NOT EXISTS (SELECT 1 FROM ` + table + ` o WHERE ` + of + ` AND ` + lookColumn(key) + ` = ` + text + `)`
}

// lookColumn is the look of row o whose name has that key.
func lookColumn(key string) string {
	return `COALESCE(o.look, replace(replace(replace(replace(o.` + key + `, 'm', 'rn'), '1', 'l'), '0', 'o'), '|', 'l'))`
}

// Twins returns which of the names could be taken for another user of the organisation, by that user's
// name. A name that is taken itself is none of them.
func (db *DB) Twins(ctx context.Context, orgID string, names []string) (map[string]string, error) {
	given := make(map[string][]string, len(names)) // by look
	for _, name := range names {
		l := lookOf(username.Key(name)).text
		given[l] = append(given[l], name)
	}
	twins := make(map[string]string)
	for part := range slices.Chunk(slices.Collect(maps.Keys(given)), maxKeys) {
		users, err := all(ctx, db, (*row).text,
			`SELECT o.username FROM users o WHERE o.org_id = $1 AND `+lookColumn("username_key")+` IN (`+places(2, len(part))+`)`, anyOf(orgID, part)...)
		if err != nil {
			return nil, err
		}
		for _, user := range users {
			for _, name := range given[lookOf(username.Key(user)).text] {
				if username.Twins(name, user) {
					twins[name] = user
				}
			}
		}
	}
	return twins, nil
}
