package sqlite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store/sqlite"
)

func open(t *testing.T) *sqlite.Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.Open(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	exec(t, c, `CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT, b BLOB, n INTEGER) STRICT`)
	return c
}

func exec(t *testing.T, c *sqlite.Conn, sql string, args ...any) int64 {
	t.Helper()
	changed, err := c.Exec(sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return changed
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	c := open(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	for i, v := range []struct {
		s string
		b []byte
		n int64
	}{
		{"", []byte{}, 0},
		{"plain", []byte{0}, -1},
		{"zero\x00inside, ünïcode, 🔑", []byte{0, 255, 0}, 1<<63 - 1},
		{string(large), large, -1 << 63},
		{"small again", []byte("after the large one"), 7},
	} {
		exec(t, c, `INSERT INTO t VALUES ($1, $2, $3, $4)`, i, v.s, v.b, v.n)
		rows := 0
		err := c.Query(`SELECT s, b, n, id FROM t WHERE id = $1`, []any{int64(i)}, func(r sqlite.Row) {
			rows++
			if s := r.Text(0); s != v.s {
				t.Errorf("text %d of %d bytes came back with %d", i, len(v.s), len(s))
			}
			if b := r.Bytes(1); b == nil || !bytes.Equal(b, v.b) {
				t.Errorf("bytes %d of %d came back as %d (nil %v)", i, len(v.b), len(b), b == nil)
			}
			if n := r.Int(2); n != v.n {
				t.Errorf("%d came back as %d", v.n, n)
			}
		})
		if err != nil || rows != 1 {
			t.Errorf("%d rows, %v", rows, err)
		}
	}
}

func TestNullReadsAsNothing(t *testing.T) {
	t.Parallel()
	c := open(t)
	exec(t, c, `INSERT INTO t VALUES (1, $1, $2, $3)`, nil, []byte(nil), nil)
	seen := false
	if err := c.Query(`SELECT s, b, n FROM t WHERE s IS NULL AND b IS NULL AND n IS NULL`, nil, func(r sqlite.Row) {
		seen = true
		if r.Text(0) != "" || r.Bytes(1) != nil || r.Int(2) != 0 {
			t.Errorf("NULL reads as %q, %v, %d", r.Text(0), r.Bytes(1), r.Int(2))
		}
	}); err != nil || !seen {
		t.Errorf("seen %v, %v", seen, err)
	}
}

func TestNumbersOfParametersCount(t *testing.T) {
	t.Parallel()
	c := open(t)
	exec(t, c, `INSERT INTO t (n, s, id) VALUES ($3, $2, $1)`, int64(1), "two", true)
	if n := exec(t, c, `UPDATE t SET n = 9 WHERE id = $1 AND s = $2 AND n = 1 AND id = $1`, int64(1), "two"); n != 1 {
		t.Errorf("%d rows changed", n)
	}
	if n := exec(t, c, `UPDATE t SET n = 9 WHERE id = $1`, int64(2)); n != 0 {
		t.Errorf("%d rows changed", n)
	}
}

func TestFailuresAreErrorsAndLeaveTheConnectionUsable(t *testing.T) {
	t.Parallel()
	c := open(t)
	exec(t, c, `INSERT INTO t (id) VALUES (1)`)
	for sql, args := range map[string][]any{
		`INSERT INTO t (id) VALUES ($1)`:    {int64(1)},         // taken
		`INSERT INTO t (n) VALUES ($1)`:     {"not a number"},   // STRICT
		`SELECT nonsense FROM t`:            nil,                // does not compile
		`SELECT s FROM t WHERE id = $1`:     {},                 // too few
		`SELECT b FROM t WHERE id = $1`:     {int64(1), "more"}, // too many
		`SELECT n FROM t WHERE id = $1 + 0`: {struct{}{}},       // of no type that is bound
	} {
		for range 2 {
			if _, err := c.Exec(sql, args...); err == nil {
				t.Errorf("%s with %v succeeded", sql, args)
			}
		}
	}
	if n := exec(t, c, `INSERT INTO t (id) VALUES ($1)`, int64(2)); n != 1 {
		t.Errorf("%d rows", n)
	}
	_, err := c.Exec(`INSERT INTO t (id) VALUES ($1)`, int64(2))
	if !sqlite.IsCode(err, 19) || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("a taken key is %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "none.db"), "a\x00b"} {
		if c, err := sqlite.Open(path, time.Second); !sqlite.IsCode(err, sqlite.CantOpen) {
			t.Errorf("%q: %v", path, err)
			c.Close()
		}
	}
}

func TestTransactionsAreSeen(t *testing.T) {
	t.Parallel()
	c := open(t)
	for i, end := range []string{`COMMIT`, `ROLLBACK`} {
		exec(t, c, `BEGIN`)
		if !c.InTransaction() {
			t.Error("not in a transaction")
		}
		exec(t, c, fmt.Sprintf(`INSERT INTO t (id) VALUES (%d)`, i+10))
		exec(t, c, end)
		if c.InTransaction() {
			t.Error("still in a transaction")
		}
	}
}

func TestAClosedConnectionFails(t *testing.T) {
	t.Parallel()
	c := open(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(`SELECT 1`); err == nil {
		t.Error("a closed connection answered")
	}
}
