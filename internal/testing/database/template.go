package database

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite

	"github.com/countersign/countersign/internal/store"
)

// Making the tables costs more than most tests do with them. So they are made once, and copied.

// sqliteTemplate returns the file of a database that has all tables.
func sqliteTemplate(t testing.TB) []byte {
	t.Helper()
	sqliteOnce.Do(func() {
		dir, err := os.MkdirTemp("", "countersign-template-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := dir + "/countersign.db"
		makeTables(t, "sqlite:"+path)
		if sqliteFile, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	})
	if sqliteFile == nil {
		t.Fatal("the tables could not be made, see another test")
	}
	return sqliteFile
}

var (
	sqliteOnce sync.Once
	sqliteFile []byte
)

// postgresTemplate returns the name of a database of the server that has all tables, and how it is copied.
// All test processes use the same one, which stays there for the next run; nobody connects to it.
func postgresTemplate(t testing.TB, server string) string {
	t.Helper()
	name := "countersign_template_" + store.Tables()[:16]
	postgresMu.Lock()
	defer postgresMu.Unlock()
	if made := postgresMade[server]; made != "" {
		return made
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to the server that %s names: %v", Server, err)
	}
	defer conn.Close(ctx) // which also unlocks
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(7308)"); err != nil {
		t.Fatal(err)
	}
	var exists, strategies bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1),
		current_setting('server_version_num')::int >= 150000`, name).Scan(&exists, &strategies)
	if err != nil {
		t.Fatal(err)
	}
	if !exists {
		making := "countersign_template_" + random()
		execute(t, server, "CREATE DATABASE "+making)
		makeTables(t, named(t, server, making))
		for !renamed(ctx, t, conn, making, name) {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if strategies { // the default since then writes the whole copy to the log
		name += " STRATEGY file_copy"
	}
	if postgresMade == nil {
		postgresMade = map[string]string{}
	}
	postgresMade[server] = name
	return name
}

var (
	postgresMu   sync.Mutex
	postgresMade map[string]string // by server
)

// renamed renames a database, unless connections to it have not ended yet.
func renamed(ctx context.Context, t testing.TB, conn *pgx.Conn, from, to string) bool {
	_, err := conn.Exec(ctx, "ALTER DATABASE "+from+" RENAME TO "+to)
	if err != nil && (ctx.Err() != nil || !strings.Contains(err.Error(), "55006")) {
		t.Fatal(err)
	}
	return err == nil
}

func makeTables(t testing.TB, url string) {
	t.Helper()
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// distinguish gives a copy the identity of an installation of its own.
func distinguish(t testing.TB, driver, url string) {
	t.Helper()
	db, err := sql.Open(driver, strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE settings SET value = $1 WHERE name = 'installation'`, random()+random()); err != nil {
		t.Fatal(err)
	}
}
