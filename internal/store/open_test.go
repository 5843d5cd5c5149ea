package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
)

const secret = "s3cret-passw0rd"

// openFails checks that Open fails with that code and a message that holds each word, and that
// the password is nowhere in the error.
func openFails(t *testing.T, url, code string, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	db, err := store.Open(ctx, url, store.Options{})
	if err == nil {
		db.Close()
		t.Fatalf("%s was opened", url)
	}
	if api.CodeOf(err) != code {
		t.Fatalf("got %v, want code %s", err, code)
	}
	message := api.AsError(err).Message
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("%q does not say %q", message, word)
		}
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if strings.Contains(cause.Error(), secret) {
			t.Errorf("the password is shown: %v", cause)
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("These are not tables. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"", "countersign.db", "mysql://root:" + secret + "@localhost/x", "sqlite:", "sqlite::memory:", "sqlite:a\x00b"} {
		openFails(t, url, "database_url_invalid", "sqlite:PATH")
	}
	openFails(t, "sqlite:"+filepath.Join(dir, "none", "a.db"), "database_folder_missing", "create it")
	openFails(t, "sqlite:"+filepath.Join(text, "a.db"), "database_cannot_open")
	openFails(t, "sqlite:"+dir, "database_not_sqlite", dir)
	openFails(t, "sqlite:"+text, "database_not_sqlite", "notes.txt")

	openFails(t, "postgres://a:"+secret+"@[/x", "database_url_invalid", "percent-encoded")
	openFails(t, "postgres://a:"+secret+"@localhost:port/x", "database_url_invalid")
	openFails(t, "postgres://a:"+secret+"@"+freeAddress(t)+"/x", "database_unreachable", "start it")
	openFails(t, "postgres://a:"+secret+"@host.invalid/x?connect_timeout=5", "database_unreachable", "host.invalid")
	t.Run("postgres", func(t *testing.T) {
		at := database.Postgres(t)
		cut := strings.LastIndex(at, "/countersign_test_")
		_, parameters, _ := strings.Cut(at[cut:], "?")
		openFails(t, at[:cut]+"/countersign_none?"+parameters, "database_missing", "CREATE DATABASE")
	})
}

// freeAddress returns an address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestPathsAreUsedUnchanged(t *testing.T) {
	// Not parallel: it changes the working directory.
	dir := t.TempDir()
	for _, name := range []string{"with space.db", "a?b=c#d%20.db", "ünïcode.db", "file:x.db"} {
		path := filepath.Join(dir, name)
		db, err := store.Open(context.Background(), "sqlite:"+path, store.Options{})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if err := db.Ping(context.Background()); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%q has mode %v", name, info.Mode())
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Chdir(dir)
	db := open(t, "sqlite:relative.db")
	if _, err := os.Stat(filepath.Join(dir, "relative.db")); err != nil {
		t.Error(err)
	}
	if db.Kind() != store.SQLite {
		t.Errorf("kind %q", db.Kind())
	}
}

func TestPing(t *testing.T) {
	// Not parallel: it has a time limit.
	database.InTurn(t, func(t *testing.T, url string) {
		db := open(t, url)
		if err := db.Ping(context.Background()); err != nil {
			t.Error(err)
		}
		if db.Kind() == store.Postgres {
			plain(t, url, "ALTER DATABASE "+databaseName(url)+" SET default_transaction_read_only = on")
			readOnly, err := store.Open(context.Background(), url, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer readOnly.Close()
			wantKind(t, readOnly.Ping(context.Background()), api.Unavailable, "store_unavailable")
			began := time.Now()
			wantKind(t, try(readOnly, func(tx *store.Tx) { tx.CreateOrganisation(newOrganisation()) }),
				api.Unavailable, "store_unavailable")
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("gave up after %v", took)
			}
		}
	})
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		insert := "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, "
		if db.Kind() == store.SQLite {
			plain(t, url, insert+"1)")
		} else {
			plain(t, url, insert+"true)")
		}
		openFails(t, url, "database_too_new", "newer countersign")
	})
}

func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	t.Parallel()
	sqlite, postgres := database.EmptySQLite(t), database.EmptyPostgres(t)
	open(t, sqlite)
	open(t, postgres)
	columns := func(url, query string) string {
		var found []string
		rows, err := connect(t, url).Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var column string
			if err := rows.Scan(&column); err != nil {
				t.Fatal(err)
			}
			found = append(found, column)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return strings.Join(found, "\n")
	}
	a := columns(sqlite, `
		SELECT m.name || '.' || c.name || ' ' || replace(replace(c.type, 'INTEGER', 'BIGINT'), 'BLOB', 'BYTEA')
			|| CASE WHEN c."notnull" OR c.pk THEN ' NOT NULL' ELSE '' END AS line
		FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'
		UNION ALL
		SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite%'
		ORDER BY line`)
	b := columns(postgres, `
		SELECT line COLLATE "C" FROM (
			SELECT table_name || '.' || column_name || ' ' || upper(data_type)
				|| CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END AS line
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'
			UNION ALL
			SELECT indexname FROM pg_indexes
			WHERE schemaname = 'public' AND indexname NOT LIKE '%\_pkey') x
		ORDER BY line COLLATE "C"`)
	if a != b || !strings.Contains(a, "credentials.public_key BYTEA NOT NULL") {
		t.Errorf("SQLite:\n%s\n\nPostgreSQL:\n%s", a, b)
	}
}

func TestOpeningAMigratedDatabaseIsQuick(t *testing.T) {
	// Not parallel: it has a time limit.
	url := database.SQLite(t)
	open(t, url).Close()
	quickest := time.Hour // of several attempts: other programs may use the processors
	for range 20 {
		began := time.Now()
		db := open(t, url)
		quickest = min(quickest, time.Since(began))
		db.Close()
	}
	if quickest > 20*time.Millisecond {
		t.Errorf("took %v", quickest)
	}
	t.Logf("took %v", quickest)
}

// plain runs SQL on the database without the store.
func plain(t *testing.T, url, statement string) {
	t.Helper()
	if _, err := connect(t, url).Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", path
	} else if strings.Contains(dsn, "?") {
		dsn += "&default_query_exec_mode=exec" // a pooler may change the connection between statements
	} else {
		dsn += "?default_query_exec_mode=exec"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func databaseName(url string) string {
	name, _, _ := strings.Cut(url[strings.LastIndex(url, "/")+1:], "?")
	return name
}
