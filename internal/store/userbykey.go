package store

import (
	"context"
	"strconv"
	"strings"
)

// maxKeys is how many keys one statement of UsersByKey looks up. Both databases allow more.
const maxKeys = 1000

// KnownUser is a user, with whether they may do everything.
type KnownUser struct {
	User
	Administrator bool
}

func (r *row) knownUser() KnownUser { return KnownUser{User: r.user(), Administrator: r.bool()} }

// UsersByKey returns the users of an organisation that have one of the UsernameKeys, by that
// key. Many keys take several statements.
func (db *DB) UsersByKey(ctx context.Context, orgID string, keys []string) (map[string]KnownUser, error) {
	found := make(map[string]KnownUser)
	for len(keys) > 0 {
		part := keys[:min(maxKeys, len(keys))]
		keys = keys[len(part):]
		users, err := all(ctx, db, (*row).knownUser, `
			SELECT `+userColumns+`, CASE WHEN `+isAdministrator+` THEN 1 ELSE 0 END FROM users u
			WHERE u.org_id = $1 AND u.username_key IN (`+places(2, len(part))+`)`, anyOf(orgID, part)...)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			found[u.UsernameKey] = u
		}
	}
	return found, nil
}

// places returns n placeholders, numbered from from.
func places(from, n int) string {
	var s strings.Builder
	for i := range n {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteByte('$')
		s.WriteString(strconv.Itoa(from + i))
	}
	return s.String()
}

func anyOf(first string, rest []string) []any {
	args := make([]any, 0, len(rest)+1)
	args = append(args, first)
	for _, r := range rest {
		args = append(args, r)
	}
	return args
}
