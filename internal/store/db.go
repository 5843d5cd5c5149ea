package store

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/countersign/countersign/api"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine engine
	queue  chan *unit

	// closing guards queue: senders hold it for reading, Close for writing.
	closing sync.RWMutex
	closed  bool
	writers sync.WaitGroup

	ready readiness
}

// Options are settings of Open. Their zero value is a good default.
type Options struct {
	// Connections is the greatest number of connections to PostgreSQL, or of reading
	// connections to SQLite. 0 chooses by the number of processors.
	Connections int

	// Existing makes Open fail if there is no SQLite file, instead of creating it.
	Existing bool
	// Serving makes Open check an SQLite file as far as it comes in a second, and empty its
	// log.
	Serving bool
	// Log is told if the SQLite files are deleted or replaced. nil tells nobody.
	Log *slog.Logger
}

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// engine is a database that can be read and to which groups of units can be written.
type engine interface {
	kind() string
	// query calls each for every row of one statement, which may take long. Only a few run at
	// once, and they take nothing from the other reads.
	query(ctx context.Context, sql string, args []any, each func(*row)) error
	// first is query for a statement that takes little time and has a row or two.
	first(ctx context.Context, sql string, args []any, each func(*row)) error
	// few is first for a statement that has a few rows and needs them all. It calls restart
	// before each attempt: rows from an earlier attempt do not count.
	few(ctx context.Context, sql string, args []any, restart func(), each func(*row)) error
	// write commits every unit of the group, or sets the error with which it failed.
	write(group []*unit)
	// writers is how many goroutines may call write at once.
	writers() int
	// ping fails unless the database is the one that was opened, has the tables that this
	// program knows, and takes writes.
	ping(ctx context.Context) error
	close() error
}

// Kinds of database.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Open opens the database that url names and brings its tables up to date; several
// processes may do so at once. The url is "sqlite:PATH", whose file is created with
// mode 0600 if it does not exist, or a PostgreSQL URL ("postgres://…" or
// "postgresql://…", with several hosts and target_session_attrs as in libpq).
//
// The error is an *api.Error whose message is one sentence that says what to do. It
// never holds a password.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	var e engine
	var err error
	scheme, rest, _ := strings.Cut(url, ":")
	switch strings.ToLower(scheme) {
	case "sqlite":
		e, err = openSQLite(ctx, rest, opts)
	case "postgres", "postgresql":
		e, err = openPostgres(ctx, url, opts)
	default:
		err = openError(api.Invalid, "database_url_invalid",
			"The database must be given as sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME.", nil)
	}
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, queue: make(chan *unit, queueLength)}
	for range e.writers() {
		db.writers.Go(db.drain)
	}
	return db, nil
}

// Close refuses new units, finishes those that are queued and closes the database. Reads
// after Close fail.
func (db *DB) Close() error {
	db.closing.Lock()
	if db.closed {
		db.closing.Unlock()
		return nil
	}
	db.closed = true
	close(db.queue)
	db.closing.Unlock()
	db.writers.Wait()
	return classify(db.engine.close())
}

// Kind returns SQLite or Postgres.
func (db *DB) Kind() string { return db.engine.kind() }
