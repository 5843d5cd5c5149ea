package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"

	"github.com/countersign/countersign/api"
)

//go:embed migrations
var migrations embed.FS

// schemaVersion returns the version of the newest migration for a kind of database.
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

// Tables identifies the tables that this program makes, in 64 characters: two programs with the same have
// the same migrations.
func Tables() string {
	digest := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() {
			return err
		}
		text, err := migrations.ReadFile(path)
		fmt.Fprintf(digest, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		panic(err) // it is embedded
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// current reports whether a database at version needs no migration. It refuses a database of
// a newer program: writing to tables that this program does not know could lose data.
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

// sameSchema fails if the tables of a database are not those that this program knows: another
// version of it took over.
func sameSchema(kind string, version int64) error {
	newest, err := schemaVersion(kind)
	if err == nil && version != newest {
		err = unavailable(fmt.Errorf("store: the database is at schema version %d and this program knows %d: run the version of countersign that changed it", version, newest))
	}
	return err
}

// newProvider returns goose for a kind of database.
func newProvider(kind string, db *sql.DB, opts ...goose.ProviderOption) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations/"+kind)
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectPostgres
	if kind == SQLite {
		dialect = goose.DialectSQLite3
	}
	return goose.NewProvider(dialect, db, dir, append(opts, goose.WithDisableGlobalRegistry(true))...)
}

// migrateSQLite runs all pending migrations in one transaction that takes the write lock
// first, so that a second process waits for it.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	newest, err := schemaVersion(SQLite)
	if err != nil {
		return err
	}
	if err := createVersionTable(ctx, db); err != nil {
		return err
	}
	provider, err := newProvider(SQLite, db, goose.WithSessionLocker(sqliteLock{newest}))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// createVersionTable does under the write lock what goose would do without a lock.
func createVersionTable(ctx context.Context, db *sql.DB) error {
	table, err := database.NewStore(database.DialectSQLite3, goose.DefaultTablename)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // does nothing after COMMIT
	var tables int
	err = conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema WHERE name = ?`, goose.DefaultTablename).Scan(&tables)
	if err != nil || tables > 0 {
		return err
	}
	if err := table.CreateVersionTable(ctx, conn); err != nil {
		return err
	}
	if err := table.Insert(ctx, conn, database.InsertRequest{Version: 0}); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}

// sqliteLock holds the write lock of the database while goose migrates it.
type sqliteLock struct{ newest int64 }

// SessionLock begins the transaction.
func (l sqliteLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`)
	return err
}

// SessionUnlock commits if every migration was applied, and otherwise undoes them all.
func (l sqliteLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	var version int64
	err := conn.QueryRowContext(ctx, sqliteVersion).Scan(&version)
	if err == nil && version == l.newest {
		err = fillLooks(ctx, conn)
	}
	if err == nil && version == l.newest {
		_, err = conn.ExecContext(ctx, `COMMIT`)
		return err
	}
	if _, rollback := conn.ExecContext(ctx, `ROLLBACK`); err == nil {
		err = rollback
	}
	return err
}

// migratePostgres runs all pending migrations. Its caller holds advisoryKey.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	provider, err := newProvider(Postgres, db)
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	// Each migration commits alone here. Once one after looksVersion has, all looks are there.
	if version <= looksVersion {
		if _, err := provider.UpTo(ctx, looksVersion); err != nil {
			return err
		}
		if err := fillLooks(ctx, db); err != nil {
			return err
		}
	}
	_, err = provider.Up(ctx)
	return err
}

// looksVersion is the version of the tables that first had looks.
const looksVersion = 8

// advisoryKey is the advisory lock under which PostgreSQL is migrated: the first eight bytes
// of "countersign", which no other program is likely to use.
const advisoryKey int64 = 0x636f756e74657273
