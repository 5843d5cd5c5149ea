package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/countersign/countersign/api"
)

const (
	// postgresWriters is how many groups are written at once: while one waits for its
	// commit, the next is on its way.
	postgresWriters = 3
	// postgresPatience is how long a read or a group is tried again on a database that
	// is failing over, and how long one attempt may take.
	postgresPatience = 5 * time.Second
	// postgresAttempt is how long one attempt may take before its connection is given up.
	postgresAttempt = 20 * time.Second
)

// postgresDB is a pool of connections to one database.
type postgresDB struct{ pool *pgxpool.Pool }

func openPostgres(ctx context.Context, url string, opts Options) (engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// Neither the error nor the URL is shown: both may hold the password.
		return nil, openError(api.Invalid, "database_url_invalid",
			"The URL of the database is malformed: write postgres://USER:PASSWORD@HOST:PORT/NAME with special characters percent-encoded.", nil)
	}
	config.MaxConns = int32(opts.Connections)
	if opts.Connections <= 0 {
		config.MaxConns = int32(max(4*runtime.GOMAXPROCS(0), 8))
	}
	config.MaxConns = max(config.MaxConns, postgresWriters+1)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = postgresPatience
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "countersign"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, postgresOpenError(config.ConnConfig, err)
	}
	p := &postgresDB{pool}
	if err := p.prepare(ctx); err != nil {
		pool.Close()
		return nil, postgresOpenError(config.ConnConfig, err)
	}
	return p, nil
}

// prepare brings the tables up to date.
func (p *postgresDB) prepare(ctx context.Context) error {
	var version int64
	err := p.pool.QueryRow(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if err != nil && !isPostgres(err, "42P01") { // no such table: an empty database
		return err
	}
	if done, err := current(Postgres, version); err != nil || done {
		return err
	}
	db := stdlib.OpenDBFromPool(p.pool)
	defer db.Close()
	return migrate(ctx, Postgres, db, postgresLock{})
}

// postgresOpenError gives a failure to open its sentence.
func postgresOpenError(config *pgx.ConnConfig, err error) error {
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	var known *api.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &known):
		return err
	case isPostgres(err, "28P01", "28000"):
		return openError(api.Invalid, "database_password_refused",
			fmt.Sprintf("PostgreSQL at %s refuses the user %q: correct the user or password in the URL, or its pg_hba.conf.", at, config.User), err)
	case isPostgres(err, "3D000"):
		return openError(api.Invalid, "database_missing",
			fmt.Sprintf("PostgreSQL at %s has no database %q: create it with CREATE DATABASE.", at, config.Database), err)
	case isPostgres(err, "42501"):
		return openError(api.Invalid, "database_permission_denied",
			fmt.Sprintf("The user %q may not create tables in %q: make it the owner of the database.", config.User, config.Database), err)
	case isPostgres(err, "25006"):
		return openError(api.Unavailable, "database_read_only",
			fmt.Sprintf("PostgreSQL at %s is read-only: name the primary, or all hosts with target_session_attrs=read-write.", at), err)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return openError(api.Unavailable, "database_unreachable",
			fmt.Sprintf("No PostgreSQL answers at %s: start it or correct the address.", at), err)
	case errors.As(err, &dns):
		return openError(api.Unavailable, "database_unreachable",
			fmt.Sprintf("The host %q of the database is unknown: correct the address.", config.Host), err)
	}
	return openError(api.Unavailable, "database_cannot_open",
		fmt.Sprintf("PostgreSQL at %s cannot be used: look at its log and at the cause given here.", at), err)
}

func (p *postgresDB) kind() string { return Postgres }
func (p *postgresDB) writers() int { return postgresWriters }

func (p *postgresDB) close() error {
	p.pool.Close()
	return nil
}

// ping fails on a server that takes no writes, such as a standby.
func (p *postgresDB) ping(ctx context.Context) error {
	var readOnly string
	err := p.pool.QueryRow(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly)
	if err == nil && readOnly != "off" {
		p.pool.Reset() // the next connections look for the primary
		err = errors.New("store: PostgreSQL is read-only")
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// query runs one statement, again if the connection breaks before the first row.
func (p *postgresDB) query(ctx context.Context, sql string, args []any, each func(*row)) error {
	retry := newRetry(ctx)
	defer retry.stop()
	for {
		began := false
		err := p.queryOnce(ctx, sql, args, func(r *row) { began = true; each(r) })
		if err == nil || !lost(err) || ctx.Err() != nil {
			return err
		}
		p.pool.Reset()
		if began || !retry.wait() {
			return unavailable(err)
		}
	}
}

func (p *postgresDB) queryOnce(ctx context.Context, sql string, args []any, each func(*row)) error {
	rows, err := p.pool.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns postgresRow
	for rows.Next() {
		columns.fields, columns.values = rows.FieldDescriptions(), rows.RawValues()
		each(&row{columns: &columns})
	}
	return rows.Err()
}

// postgresRow is a row as it came over the wire.
type postgresRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// Text returns a column of type TEXT, which is the same in both wire formats.
func (r *postgresRow) Text(i int) string { return string(r.values[i]) }

// Bytes returns a copy of a column of type BYTEA.
func (r *postgresRow) Bytes(i int) []byte {
	value := r.values[i]
	if value == nil {
		return nil
	}
	if r.fields[i].Format == pgx.BinaryFormatCode {
		return append([]byte{}, value...)
	}
	decoded, err := hex.DecodeString(strings.TrimPrefix(string(value), `\x`))
	if err != nil {
		return nil
	}
	return decoded
}

// Int returns a column of an integer type.
func (r *postgresRow) Int(i int) int64 {
	value := r.values[i]
	if r.fields[i].Format != pgx.BinaryFormatCode {
		n, _ := strconv.ParseInt(string(value), 10, 64)
		return n
	}
	switch len(value) {
	case 8:
		return int64(binary.BigEndian.Uint64(value))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(value)))
	}
	return 0
}
