package directory_test

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

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/database"
)

// databases is offices for who looks into the database itself.
func databases(t *testing.T, test func(t *testing.T, n *tenant, url string)) {
	t.Helper()
	database.Each(t, func(t *testing.T, url string) {
		test(t, office(t, countersigntest.Start(t, countersigntest.Database(url))), url)
	})
}

// nowhere holds that no secret is in the log or in any row of the database but in those
// tables, as text, as bytes or in hexadecimal.
func (n *tenant) nowhere(t *testing.T, url string, but []string, secrets ...string) {
	t.Helper()
	kept := dump(t, url, but) + n.Log.String()
	if !strings.Contains(kept, n.org.ID) || !strings.Contains(kept, "route=") {
		t.Fatal("nothing was looked at")
	}
	for _, s := range secrets {
		if strings.Contains(kept, s) || strings.Contains(kept, hex.EncodeToString([]byte(s))) {
			t.Errorf("%.20q… is kept", s)
		}
	}
}

// dump is every row of every table but those.
func dump(t *testing.T, url string, but []string) string {
	t.Helper()
	driver, source := "pgx", url
	tables := `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source, tables = "sqlite", path, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	defer db.Close()
	var all strings.Builder
	for _, table := range rowsOf(t, db, tables) {
		if slices.Contains(but, table[0]) {
			continue
		}
		for _, row := range rowsOf(t, db, `SELECT * FROM `+table[0]) {
			fmt.Fprintln(&all, table[0], row)
		}
	}
	return all.String()
}

// rowsOf is what a query answers, each value as text.
func rowsOf(t *testing.T, db *sql.DB, query string) (all [][]string) {
	t.Helper()
	found, err := db.Query(query)
	must(t, err)
	defer found.Close()
	names, err := found.Columns()
	must(t, err)
	for found.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, found.Scan(into...))
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
	must(t, found.Err())
	return all
}
