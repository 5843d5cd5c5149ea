package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/countersign/countersign/api"
)

//go:embed migrations
var migrations embed.FS

// schemaVersion returns the newest migration that this program knows for a kind of
// database.
func schemaVersion(kind string) (int64, error) {
	files, err := fs.ReadDir(migrations, "migrations/"+kind)
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, file := range files {
		number, _, _ := strings.Cut(file.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("store: migration %s: %w", file.Name(), err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// current reports whether a database at version needs no migration. A database from a
// newer program is refused: writing to tables that we do not know could lose data.
func current(kind string, version int64) (bool, error) {
	newest, err := schemaVersion(kind)
	if err != nil {
		return false, err
	}
	if version > newest {
		return false, openError(api.Invalid, "database_too_new",
			fmt.Sprintf("The database is at schema version %d and this program knows only %d: run a newer countersign.",
				version, newest), nil)
	}
	return version == newest, nil
}

// migrate runs all pending migrations on one connection while locker holds it.
func migrate(ctx context.Context, kind string, db *sql.DB, locker lock.SessionLocker) error {
	dir, err := fs.Sub(migrations, "migrations/"+kind)
	if err != nil {
		return err
	}
	dialect := goose.DialectPostgres
	if kind == SQLite {
		dialect = goose.DialectSQLite3
	}
	provider, err := goose.NewProvider(dialect, db, dir,
		goose.WithSessionLocker(locker), goose.WithIsolateDDL(true), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// sqliteLock holds the write lock of the database for as long as goose works, so all
// pending migrations are one transaction and a second process waits for it.
type sqliteLock struct{ target int64 }

// SessionLock begins the transaction.
func (l sqliteLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

// SessionUnlock commits if every migration was applied, and otherwise undoes them all.
func (l sqliteLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var version int64
	err := conn.QueryRowContext(ctx, sqliteVersion).Scan(&version)
	if err == nil && version == l.target {
		_, err = conn.ExecContext(ctx, "COMMIT")
		return err
	}
	if _, rollback := conn.ExecContext(ctx, "ROLLBACK"); err == nil {
		err = rollback
	}
	return err
}

// postgresLock holds an advisory lock of the database for as long as goose works.
type postgresLock struct{}

// advisoryKey is ours alone by being unlikely: the first eight bytes of "countersign".
const advisoryKey int64 = 0x636f756e74657273

// SessionLock waits for the lock.
func (postgresLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", advisoryKey)
	return err
}

// SessionUnlock lets the next process go.
func (postgresLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", advisoryKey)
	return err
}
