package acceptance_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/testing/world"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	_ "modernc.org/sqlite"             // database/sql driver "sqlite"
)

// records is the database read past the product, beside the servers that use it: other
// code checks what is stored than the code that stored it.
type records struct {
	t  testing.TB
	db *sql.DB
}

// look opens the installation's database for reading. It exists once a server or a command
// has made it.
func (h *installation) look() *records {
	h.Helper()
	if h.records != nil {
		return h.records
	}
	driver, dsn := "pgx", h.database
	if path, is := strings.CutPrefix(h.database, "sqlite:"); is {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, dsn)
	must(h, err)
	db.SetMaxOpenConns(1)
	h.Cleanup(func() { db.Close() })
	h.records = &records{h, db}
	return h.records
}

// tables are those that requests write to.
var tables = []string{"organisations", "users", "registration_codes", "credentials", "events", "refusals", "throttles", "settings"}

// count returns the single number that a query yields.
func (l *records) count(query string) (n int) {
	l.t.Helper()
	if err := l.db.QueryRow(query).Scan(&n); err != nil {
		l.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// tally is how many there are of what a registration changes.
type tally struct{ registered, credentials, spent, events int }

func (l *records) tally() tally {
	l.t.Helper()
	return tally{
		registered:  l.count(`SELECT COUNT(*) FROM users WHERE registered_at IS NOT NULL`),
		credentials: l.count(`SELECT COUNT(*) FROM credentials`),
		spent:       l.count(`SELECT COUNT(*) FROM registration_codes WHERE spent_at IS NOT NULL`),
		events:      l.count(`SELECT COUNT(*) FROM events WHERE kind = 'user.registered'`),
	}
}

// want fails the test unless n registrations, of one credential each, were made, whole.
func (l *records) want(n int) {
	l.t.Helper()
	if got, want := l.tally(), (tally{n, n, n, n}); got != want {
		l.t.Errorf("the database has %+v, want %+v", got, want)
	}
	l.sound()
}

// sound fails the test if any registration is half made or made twice.
func (l *records) sound() {
	l.t.Helper()
	for what, query := range map[string]string{
		"codes spent without a credential": `SELECT COUNT(*) FROM registration_codes c WHERE c.spent_at IS NOT NULL AND NOT EXISTS
			(SELECT 1 FROM credentials k WHERE k.code_id = c.id AND k.user_id = c.user_id AND k.factor = 'first')`,
		"credentials of a code that is not spent": `SELECT COUNT(*) FROM credentials k WHERE NOT EXISTS
			(SELECT 1 FROM registration_codes c WHERE c.id = k.code_id AND c.user_id = k.user_id AND c.spent_at IS NOT NULL)`,
		"codes spent on two first factors": `SELECT COUNT(*) FROM
			(SELECT k.code_id FROM credentials k WHERE k.factor = 'first' GROUP BY k.code_id HAVING COUNT(*) > 1) x`,
		"users with two spent codes": `SELECT COUNT(*) FROM
			(SELECT c.user_id FROM registration_codes c WHERE c.spent_at IS NOT NULL GROUP BY c.user_id HAVING COUNT(*) > 1) x`,
		"codes both spent and revoked": `SELECT COUNT(*) FROM registration_codes c WHERE c.spent_at IS NOT NULL AND c.revoked_at IS NOT NULL`,
		"registered users without a credential": `SELECT COUNT(*) FROM users u WHERE u.registered_at IS NOT NULL AND NOT EXISTS
			(SELECT 1 FROM credentials k WHERE k.user_id = u.id AND k.factor = 'first')`,
		"credentials of users who are not registered": `SELECT COUNT(*) FROM credentials k WHERE NOT EXISTS
			(SELECT 1 FROM users u WHERE u.id = k.user_id AND u.registered_at IS NOT NULL)`,
		"registered users without exactly one event": `SELECT COUNT(*) FROM users u WHERE u.registered_at IS NOT NULL AND 1 <>
			(SELECT COUNT(*) FROM events e WHERE e.org_id = u.org_id AND e.user_id = u.id AND e.kind = 'user.registered')`,
		"events of registrations that are not": `SELECT COUNT(*) FROM events e WHERE e.kind = 'user.registered' AND NOT EXISTS
			(SELECT 1 FROM credentials k WHERE k.id = e.credential_id AND k.user_id = e.user_id AND k.code_id = e.code_id)`,
	} {
		if n := l.count(query); n != 0 {
			l.t.Errorf("%d %s", n, what)
		}
	}
}

// dump returns every row of the tables as text, in an order that does not change.
func (l *records) dump(tables ...string) string {
	l.t.Helper()
	var all []string
	for _, table := range tables {
		all = append(all, l.rows(table)...)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func (l *records) rows(table string) (all []string) {
	l.t.Helper()
	for _, row := range world.Rows(l.t, l.db, `SELECT * FROM `+table) {
		all = append(all, fmt.Sprint(table, row))
	}
	return all
}
