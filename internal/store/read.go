package store

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// columns is one row of a result from either database. NULL reads as "", nil and 0.
type columns interface {
	Text(i int) string
	Bytes(i int) []byte
	Int(i int) int64
}

// row reads the columns of a result from left to right.
type row struct {
	columns columns
	next    int
}

func (r *row) text() string  { r.next++; return r.columns.Text(r.next - 1) }
func (r *row) bytes() []byte { r.next++; return r.columns.Bytes(r.next - 1) }
func (r *row) int() int64    { r.next++; return r.columns.Int(r.next - 1) }
func (r *row) bool() bool    { return r.int() != 0 }

// time reads milliseconds since 1970; NULL is the zero time.
func (r *row) time() time.Time {
	if ms := r.int(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// list reads a JSON array of text.
func (r *row) list() []string {
	text := r.text()
	if text == "" || text == "[]" {
		return nil
	}
	var values []string
	if json.Unmarshal([]byte(text), &values) != nil {
		return nil
	}
	return values
}

// millis is how a time is stored: NULL for the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// jsonList is how a list of texts is stored.
func jsonList(values []string) string {
	if len(values) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(values) // cannot fail for strings
	return string(text)
}

// flag is how a boolean is stored.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// one reads the first row of a statement that takes little time. found is false if there is
// none.
func one[T any](ctx context.Context, db *DB, scan func(*row) T, sql string, args ...any) (value T, found bool, err error) {
	err = db.engine.first(ctx, sql, clean(args), func(r *row) {
		if !found {
			value, found = scan(r), true
		}
	})
	return value, found, classify(err)
}

// get is one for a row that must exist: without it the error is absent.
func get[T any](ctx context.Context, db *DB, absent error, scan func(*row) T, sql string, args ...any) (T, error) {
	value, found, err := one(ctx, db, scan, sql, args...)
	if err == nil && !found {
		err = absent
	}
	return value, err
}

// few reads every row of a statement that takes little time and has few. If the connection
// breaks half-way, it starts again.
func few[T any](ctx context.Context, db *DB, scan func(*row) T, sql string, args ...any) ([]T, error) {
	var values []T
	restart := func() { values = values[:0] }
	err := db.engine.few(ctx, sql, clean(args), restart, func(r *row) { values = append(values, scan(r)) })
	if err != nil {
		return nil, classify(err)
	}
	return values, nil
}

// all reads every row. It lets others run after each, because there may be many.
func all[T any](ctx context.Context, db *DB, scan func(*row) T, sql string, args ...any) ([]T, error) {
	var values []T
	err := db.engine.query(ctx, sql, clean(args), func(r *row) {
		values = append(values, scan(r))
		runtime.Gosched()
	})
	if err != nil {
		return nil, classify(err)
	}
	return values, nil
}

// MaxPage is the largest number of rows that a list returns in one call.
const MaxPage = 1000

// page returns a limit from 1 to MaxPage. 0 or less becomes MaxPage.
func page(limit int) int64 {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return int64(limit)
}

// json reads JSON text; NULL is nil.
func (r *row) json() []byte {
	if text := r.text(); text != "" {
		return []byte(text)
	}
	return nil
}

// jsonText is how JSON is stored: NULL for none.
func jsonText(text []byte) any {
	if len(text) == 0 {
		return nil
	}
	return string(text)
}

// notNull is how bytes are stored that may be empty but not NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// clean replaces by U+FFFD what PostgreSQL's TEXT cannot hold: bytes that are not UTF-8, and
// zero bytes. So both databases store and look up hostile text alike, and neither fails on it.
func clean(args []any) []any {
	for i, arg := range args {
		if s, ok := arg.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}
