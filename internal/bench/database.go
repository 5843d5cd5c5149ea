package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // counts what the servers stored
)

// newDatabase returns the URL of an empty database and what removes it. SQLite files
// go with the work folder.
func newDatabase(ctx context.Context, set settings, kind, name string) (string, func() error, error) {
	if kind == "sqlite" {
		return "sqlite:" + filepath.Join(set.work, name+".db"), func() error { return nil }, nil
	}
	u, err := url.Parse(set.postgres)
	if err != nil {
		return "", nil, errors.New("COUNTERSIGN_TEST_POSTGRES is not a URL")
	}
	database := "countersign_bench_" + strings.ToLower(rand.Text()[:12])
	if err := onPostgres(ctx, set.postgres, "CREATE DATABASE "+database); err != nil {
		return "", nil, err
	}
	u.Path = "/" + database
	drop := func() error {
		// Also when the run was cancelled: nothing is left behind.
		return onPostgres(context.WithoutCancel(ctx), set.postgres, "DROP DATABASE "+database+" WITH (FORCE)")
	}
	return u.String(), drop, nil
}

func onPostgres(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// execute runs statements, which both databases understand, one after another.
func execute(ctx context.Context, database string, statements ...string) error {
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		for _, s := range statements {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%w in %.80s", err, s)
			}
		}
		return nil
	}
	db, err := openSQLite(path)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%w in %.80s", err, s)
		}
	}
	return nil
}

func openSQLite(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// countRows counts a table's rows from outside the server.
func countRows(ctx context.Context, database, table string) (n int, err error) {
	query := "SELECT count(*) FROM " + table
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			return 0, err
		}
		defer conn.Close(ctx)
		err = conn.QueryRow(ctx, query).Scan(&n)
		return n, err
	}
	db, err := openSQLite(path)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// columnsOf names a table's columns.
func columnsOf(ctx context.Context, database, table string) (names []string, err error) {
	query := "SELECT * FROM " + table + " LIMIT 0"
	path, ok := strings.CutPrefix(database, "sqlite:")
	if !ok {
		conn, err := pgx.Connect(ctx, database)
		if err != nil {
			return nil, err
		}
		defer conn.Close(ctx)
		rows, err := conn.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, f := range rows.FieldDescriptions() {
			names = append(names, f.Name)
		}
		rows.Close()
		return names, rows.Err()
	}
	db, err := openSQLite(path)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}
