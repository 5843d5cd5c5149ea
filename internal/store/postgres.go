package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	// commit, the next one runs.
	postgresWriters = 2
	// postgresTimeout is how long a read or a group is tried again while the database fails
	// over, and how long connecting or one group of reads may take.
	postgresTimeout = 5 * time.Second
	// postgresAttempt is how long one attempt to write a group may take.
	postgresAttempt = 20 * time.Second
)

// postgresDB is a pool of connections to one database.
type postgresDB struct {
	pool    *pgxpool.Pool
	reads   chan *read
	long    chan struct{} // has one for each read that may take long and runs
	closed  chan struct{} // closed by close
	readers sync.WaitGroup
}

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
	config.MaxConns = max(config.MaxConns, postgresWriters+postgresReaders+1)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = postgresTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "countersign"
	}
	if err := adaptToPooler(ctx, config.ConnConfig, url); err != nil {
		return nil, postgresOpenError(config.ConnConfig, err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, postgresOpenError(config.ConnConfig, err)
	}
	p := &postgresDB{pool: pool, reads: make(chan *read, readGroup),
		long: make(chan struct{}, max(1, (config.MaxConns-postgresWriters-postgresReaders)/2)), closed: make(chan struct{})}
	if err := p.prepare(ctx); err != nil {
		pool.Close()
		return nil, postgresOpenError(config.ConnConfig, err)
	}
	for range postgresReaders {
		p.readers.Go(p.serveReads)
	}
	return p, nil
}

// adaptToPooler finds out whether the URL leads through a connection pooler such as PgBouncer,
// which may give each transaction another connection of the server. Then no statement may be
// prepared by name, because the next transaction may not find it; its description is remembered
// here instead, and each transaction sends the statement again. Whoever names a mode in the URL
// (default_query_exec_mode) decides alone.
//
// A pooler shows itself by the process number: it tells its client another one than the
// server's.
func adaptToPooler(ctx context.Context, config *pgx.ConnConfig, url string) error {
	if strings.Contains(url, "default_query_exec_mode") {
		return nil
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	var server uint32
	if err := c.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&server); err != nil {
		return err
	}
	if server != c.PgConn().PID() {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// prepare brings the tables up to date. Of several processes that start at once, one migrates
// and the others wait for its lock.
func (p *postgresDB) prepare(ctx context.Context) error {
	if done, err := p.current(ctx); err != nil || done {
		return err
	}
	return pgx.BeginFunc(ctx, p.pool, func(lock pgx.Tx) error {
		if _, err := lock.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, advisoryKey); err != nil {
			return err
		}
		if done, err := p.current(ctx); err != nil || done {
			return err
		}
		db := stdlib.OpenDBFromPool(p.pool)
		defer db.Close()
		return migratePostgres(ctx, db)
	})
}

// current reports whether the tables are up to date.
func (p *postgresDB) current(ctx context.Context) (bool, error) {
	var version int64
	err := p.pool.QueryRow(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if err != nil && !isPostgres(err, "42P01") { // no such table: an empty database
		return false, err
	}
	return current(Postgres, version)
}

// postgresOpenError explains a failure to open in a sentence.
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
	case isPostgres(err, "3D000"), isPostgres(err, "08P01") && strings.Contains(err.Error(), `database "`+config.Database+`" does not exist`): // PgBouncer's
		return openError(api.Invalid, "database_missing",
			fmt.Sprintf("PostgreSQL at %s has no database %q: create it with CREATE DATABASE.", at, config.Database), err)
	case isPostgres(err, "42501"):
		return openError(api.Invalid, "database_permission_denied",
			fmt.Sprintf("The user %q may not create tables in %q: make it the owner of the database.", config.User, config.Database), err)
	case isPostgres(err, "25006"):
		return openError(api.Unavailable, "database_read_only",
			fmt.Sprintf("PostgreSQL at %s is read-only: name the primary, or all hosts with target_session_attrs=read-write.", at), err)
	case isPostgres(err, "42704", "22023", "08P01", "55P02") && parameterIn(config, err) != "":
		return openError(api.Invalid, "database_parameter_refused",
			fmt.Sprintf("PostgreSQL or its pooler at %s refuses the parameter %q of the database URL: remove it, or correct its name or value; PgBouncer passes on few parameters, so set it with ALTER ROLE %s SET.",
				at, parameterIn(config, err), pgx.Identifier{config.User}.Sanitize()), err)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return openError(api.Unavailable, "database_unreachable",
			fmt.Sprintf("No PostgreSQL answers at %s: start it or correct the address.", at), err)
	case errors.As(err, &dns):
		return openError(api.Unavailable, "database_unreachable",
			fmt.Sprintf("The host %q of the database is unknown: correct the address.", config.Host), err)
	}
	return openError(api.Unavailable, "database_cannot_open",
		fmt.Sprintf("PostgreSQL at %s cannot be used: look at its log and at the cause shown here.", at), err)
}

// parameterIn returns the parameter of the URL that the server complains about, "" if it is
// something else.
func parameterIn(config *pgx.ConnConfig, err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(config.RuntimeParams)) {
		if strings.HasSuffix(e.Message, ": "+name) || strings.Contains(e.Message, `"`+name+`"`) {
			return name
		}
	}
	return ""
}

func (p *postgresDB) kind() string { return Postgres }
func (p *postgresDB) writers() int { return postgresWriters }

func (p *postgresDB) close() error {
	close(p.closed)
	p.readers.Wait()
	p.pool.Close()
	return nil
}

// ping fails also on a server that takes no writes, such as a standby.
func (p *postgresDB) ping(ctx context.Context) error {
	var readOnly string
	var version int64
	err := p.pool.QueryRow(ctx, `SELECT current_setting('transaction_read_only'),
		(SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied)`).Scan(&readOnly, &version)
	if err == nil && readOnly != "off" {
		p.pool.Reset() // the next connections look for the primary
		err = errors.New("store: PostgreSQL is read-only")
	}
	if err != nil {
		return unavailable(err)
	}
	return sameSchema(Postgres, version)
}

// acquire takes a connection from the pool.
func (p *postgresDB) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	select {
	case <-p.closed:
		return nil, errClosed
	default:
	}
	c, err := p.pool.Acquire(ctx)
	if err != nil && ctx.Err() == nil {
		err = &lostError{err}
	}
	return c, err
}

// lost marks err if the connection can no longer be used. Then it also drops the idle
// connections, which are probably broken too.
func (p *postgresDB) lost(ctx context.Context, c *pgxpool.Conn, err error) error {
	err = lost(ctx, c.Conn(), err)
	if isLost(err) {
		p.pool.Reset()
	}
	return err
}
