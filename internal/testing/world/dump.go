package world

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// KeptNowhere fails t if a secret is in the log or in any row of the database but in those
// tables, as text, as bytes or in hexadecimal.
func (n *Tenant) KeptNowhere(t testing.TB, but []string, secrets ...string) {
	t.Helper()
	kept := dump(t, n.DatabaseURL, but) + n.Log.String()
	if !strings.Contains(kept, n.Org.ID) || !strings.Contains(kept, "route=") {
		t.Fatal("nothing was looked at")
	}
	for _, s := range secrets {
		if strings.Contains(kept, s) || strings.Contains(kept, hex.EncodeToString([]byte(s))) {
			t.Errorf("%.20q… is kept", s)
		}
	}
}

// dump is every row of every table but those.
func dump(t testing.TB, url string, but []string) string {
	t.Helper()
	driver, source := "pgx", url
	tables := `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source, tables = "sqlite", path, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	}
	db, err := sql.Open(driver, source)
	Must(t, err)
	defer db.Close()
	var all strings.Builder
	for _, table := range Rows(t, db, tables) {
		if slices.Contains(but, table[0]) {
			continue
		}
		for _, row := range Rows(t, db, `SELECT * FROM `+table[0]) {
			fmt.Fprintln(&all, table[0], row)
		}
	}
	return all.String()
}

// Rows is what a query answers, each value as text, or in hexadecimal if it is none.
func Rows(t testing.TB, db *sql.DB, query string) (all [][]string) {
	t.Helper()
	found, err := db.Query(query)
	Must(t, err)
	defer found.Close()
	names, err := found.Columns()
	Must(t, err)
	for found.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		Must(t, found.Scan(into...))
		row := make([]string, len(names))
		for i, v := range values {
			if b, bytes := v.([]byte); bytes && !utf8.Valid(b) {
				v = hex.EncodeToString(b)
			} else if bytes {
				v = string(b)
			}
			row[i] = fmt.Sprint(v)
		}
		all = append(all, row)
	}
	Must(t, found.Err())
	return all
}
