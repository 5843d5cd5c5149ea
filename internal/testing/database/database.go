package database

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is the environment variable that names a PostgreSQL server as a URL. The user
// in it may create databases.
const Server = "COUNTERSIGN_TEST_POSTGRES"

// Each runs test once on SQLite and once on PostgreSQL, as parallel subtests of those names,
// each with the URL of a fresh, empty database. They begin when the calling test returns.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Postgres(t))
	})
}

// SQLite returns the URL of a database file that does not exist yet, in a folder that is
// removed after the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "countersign.db")
}

// InTurn is Each without parallel subtests: for tests that change the environment or the
// working directory, or that hold something to a time.
func InTurn(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
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

// Postgres creates an empty database and returns its URL. It is dropped after the test,
// whoever may still be connected. The test is skipped if no server is named, and only then.
func Postgres(t testing.TB) string {
	t.Helper()
	server := Need(t)
	at, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL.", Server)
	}
	var random [8]byte
	rand.Read(random[:])
	name := "countersign_test_" + hex.EncodeToString(random[:])
	execute(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	at.Path = "/" + name
	return at.String()
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
