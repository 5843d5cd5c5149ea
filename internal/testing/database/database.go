package database

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is the environment variable that names a PostgreSQL server as a URL. The user
// in it may create databases.
const Server = "COUNTERSIGN_TEST_POSTGRES"

// Each runs test once on SQLite and once on PostgreSQL, as parallel subtests of those names,
// each with the URL of a database of its own that has all tables and no rows. They begin when
// the calling test returns.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	each(t, test, SQLite, Postgres)
}

// EachEmpty is Each with databases that have no tables.
func EachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	each(t, test, EmptySQLite, EmptyPostgres)
}

func each(t *testing.T, test func(t *testing.T, url string), sqlite, postgres func(testing.TB) string) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, postgres(t))
	})
}

// InTurn is Each without parallel subtests: for tests that change the environment or the
// working directory, or that hold something to a time.
func InTurn(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns the URL of a database that has all tables and no rows, in a folder that is
// removed after the test.
func SQLite(t testing.TB) string {
	t.Helper()
	url := EmptySQLite(t)
	if err := os.WriteFile(strings.TrimPrefix(url, "sqlite:"), sqliteTemplate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	distinguish(t, "sqlite", url)
	return url
}

// EmptySQLite returns the URL of a database file that does not exist yet, in a folder that is
// removed after the test.
func EmptySQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "countersign.db")
}

// Need returns the value of Server. The test is skipped, aloud, if there is none; a run of all
// tests fails then, because it allows no skip.
func Need(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Server)
	if server == "" {
		t.Skipf("%s names no PostgreSQL server, so nothing is tested on PostgreSQL; `make test` starts one.", Server)
	}
	return server
}

// Postgres creates a database that has all tables and no rows, and returns its URL. It is
// dropped after the test, whoever may still be connected. The test is skipped if no server is
// named, and only then.
func Postgres(t testing.TB) string {
	t.Helper()
	url := postgres(t, " TEMPLATE "+postgresTemplate(t, Need(t)))
	distinguish(t, "pgx", url)
	return url
}

// EmptyPostgres is Postgres for a database without tables.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return postgres(t, "")
}

func postgres(t testing.TB, like string) string {
	t.Helper()
	server := Need(t)
	name := "countersign_test_" + random()
	execute(t, server, "CREATE DATABASE "+name+like)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return named(t, server, name)
}

// named returns the URL of a database of the server.
func named(t testing.TB, server, name string) string {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL.", Server)
	}
	at.Path = "/" + name
	return at.String()
}

func random() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func execute(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to the server that %s names: %v", Server, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
