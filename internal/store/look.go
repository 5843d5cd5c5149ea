package store

import (
	"context"
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
