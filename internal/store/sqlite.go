package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store/sqlite"
)

// sqliteTimeout is how long a connection waits for another process's lock.
const sqliteTimeout = 10 * time.Second

// longSteps is how many steps of SQLite's machine, some ten microseconds, a read that may take
// long runs before it lets others run.
const longSteps = 500

// sqliteVersion reads the schema version; it fails if there are no tables yet.
const sqliteVersion = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1`

// sqliteDB is one file with one writing connection and a few reading ones, which never wait
// for the writer (WAL).
type sqliteDB struct {
	path  string
	files *sqliteFiles

	writing    sync.Mutex // guards what follows
	writer     *sqlite.Conn
	checkpoint time.Time // when the last one was tried

	short  *sharedReaders
	long   chan *sqlite.Conn // idle readers for reads that may take long; nil for one that is not open yet
	closed chan struct{}     // closed by close
	jobs   sync.WaitGroup
}

// writerPragmas make a commit return only when it is on disk (FULL; macOS needs fullfsync as
// well) and give the writer enough cache for the pages that every registration touches.
var writerPragmas = []string{
	`PRAGMA synchronous = FULL`,
	`PRAGMA fullfsync = ON`,
	`PRAGMA checkpoint_fullfsync = ON`,
	`PRAGMA foreign_keys = ON`,
	`PRAGMA temp_store = MEMORY`,
	`PRAGMA mmap_size = 0`,
	`PRAGMA cache_size = -8192`,
	`PRAGMA wal_autocheckpoint = 0`, // sqliteDB.emptyLog does it
	`PRAGMA journal_size_limit = 67108864`,
	`PRAGMA busy_timeout = 0`, // sqliteDB.begin waits instead
}

var readerPragmas = []string{
	`PRAGMA query_only = ON`,
	`PRAGMA temp_store = MEMORY`,
	`PRAGMA mmap_size = 0`,
	`PRAGMA cache_size = -2048`,
}

func openSQLite(ctx context.Context, path string, opts Options) (engine, error) {
	path = strings.TrimPrefix(path, "//") // sqlite://PATH means the same
	if path == "" || strings.IndexByte(path, 0) >= 0 || strings.Contains(path, ":memory:") {
		return nil, openError(api.Invalid, "database_url_invalid",
			"The database must be given as sqlite:PATH, where PATH names a file.", nil)
	}
	if err := touch(path, opts.Existing); err != nil {
		return nil, err
	}
	s := &sqliteDB{path: path, closed: make(chan struct{})}
	if err := s.openWriter(ctx, opts); err != nil {
		return nil, sqliteOpenError(path, err)
	}
	n := opts.Connections
	if n <= 0 {
		n = min(max(runtime.GOMAXPROCS(0), 2), 8)
	}
	s.short, s.long = newSharedReaders(n, s.openReader), make(chan *sqlite.Conn, max(1, n/2))
	for range cap(s.long) {
		s.long <- nil
	}
	s.jobs.Go(s.watch)
	return s, nil
}

// touching keeps handles of this process from opening a file while another creates it:
// closing a file drops the locks that SQLite holds on it anywhere in the process.
var touching sync.Mutex

// touch makes sure that the file exists, and does not create it if it must be existing. Only
// its owner may read a new one; SQLite gives the files beside it the same mode.
func touch(path string, existing bool) error {
	touching.Lock()
	defer touching.Unlock()
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode().IsRegular():
		return nil
	case err == nil:
		return openError(api.Invalid, "database_not_sqlite",
			fmt.Sprintf("%s is not a file: name a file for the database.", path), nil)
	case errors.Is(err, fs.ErrNotExist) && existing:
		return openError(api.Invalid, "database_missing",
			fmt.Sprintf("There is no database %s: name the server's with --database, or create it with countersign serve.", path), nil)
	case errors.Is(err, fs.ErrNotExist):
		if err := checkLog(path, func() ([]byte, int64, error) { return make([]byte, headerSize), 0, nil }); err != nil {
			return err
		}
		var file *os.File
		if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			return file.Close()
		}
	}
	dir := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return openError(api.Invalid, "database_folder_missing",
			fmt.Sprintf("The folder %s of the database does not exist: create it first.", dir), err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return openError(api.Invalid, "database_permission_denied",
			fmt.Sprintf("The database %s may not be created: give this user write permission to the folder %s.", path, dir), err)
	}
	return openError(api.Invalid, "database_cannot_open",
		fmt.Sprintf("The database %s cannot be opened: name a file that this user can read and write.", path), err)
}

func (s *sqliteDB) openWriter(ctx context.Context, opts Options) (err error) {
	if s.files, err = newFiles(s.path, opts.logger()); err != nil {
		return err
	}
	s.writer, err = sqlite.Open(s.path, sqliteTimeout)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.writer.Close()
		}
	}()
	if err := checkLog(strings.TrimSuffix(s.files.names[1], "-wal"), s.readFile); err != nil {
		return err
	}
	if err := setWAL(ctx, s.writer); err != nil {
		return err
	}
	if opts.Serving {
		if err := s.quickCheck(); err != nil {
			return err
		}
	}
	done, err := current(SQLite, s.version())
	if err == nil && !done {
		err = s.migrate(ctx)
	}
	if err != nil {
		return err
	}
	for _, pragma := range writerPragmas {
		if _, err := s.writer.Exec(pragma); err != nil {
			return err
		}
	}
	if err := s.tryWriting(ctx); err != nil {
		return err
	}
	if err := s.files.remember(s.writer); err != nil || !opts.Serving {
		return err
	}
	return s.mark(ctx)
}

// readFile returns the header and the size of the database file, without the log.
func (s *sqliteDB) readFile() (header []byte, bytes int64, err error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return nil, 0, err
	}
	header = make([]byte, headerSize)
	return header, info.Size(), s.writer.ReadFile(header, 0)
}

// tryWriting takes and releases the write lock, which needs a writable file.
func (s *sqliteDB) tryWriting(ctx context.Context) error {
	err := s.begin(ctx)
	if err == nil {
		_, err = s.writer.Exec(`ROLLBACK`)
	}
	return err
}

// setWAL turns on the write-ahead log, which is a property of the file. SQLite does not wait
// while another process does the same, so setWAL does.
func setWAL(ctx context.Context, c *sqlite.Conn) error {
	deadline := time.NewTimer(sqliteTimeout)
	defer deadline.Stop()
	for {
		var mode string
		err := c.Query(`PRAGMA journal_mode = WAL`, nil, func(r sqlite.Row) { mode = r.Text(0) })
		if err == nil && mode != "wal" {
			return fmt.Errorf("store: this file system does not allow a write-ahead log (journal mode is %s)", mode)
		}
		if !sqlite.IsCode(err, sqlite.Busy) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline.C:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// version returns the schema version, 0 for an empty database.
func (s *sqliteDB) version() int64 {
	var version int64
	if s.writer.Query(sqliteVersion, nil, func(r sqlite.Row) { version = r.Int(0) }) != nil {
		return 0
	}
	return version
}

func (s *sqliteDB) migrate(ctx context.Context) error {
	// So that the log begins with the schema cookie that the file has.
	if err := s.nextGeneration(ctx); err != nil {
		return err
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.path}).EscapedPath(), RawQuery: url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", sqliteTimeout.Milliseconds()), "synchronous(FULL)"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	defer db.Close()
	return migrateSQLite(ctx, db)
}

// sqliteOpenError explains a failure to open in a sentence.
func sqliteOpenError(path string, err error) error {
	var known *api.Error
	switch {
	case errors.As(err, &known):
		return err
	case sqlite.IsCode(err, sqlite.NotADB, sqlite.Corrupt):
		return openError(api.Invalid, "database_not_sqlite",
			fmt.Sprintf("The file %s is not a sound SQLite database: name another file or restore a backup.", path), err)
	case sqlite.IsCode(err, sqlite.CantOpen, sqlite.Perm, sqlite.ReadOnly):
		return openError(api.Invalid, "database_permission_denied",
			fmt.Sprintf("The database %s cannot be written: give this user write permission to it and to its folder.", path), err)
	case sqlite.IsCode(err, sqlite.Busy):
		return openError(api.Unavailable, "database_busy",
			fmt.Sprintf("The database %s is locked by another process: stop that process or wait until it is done.", path), err)
	case sqlite.IsCode(err, sqlite.Full):
		return openError(api.Unavailable, "database_disk_full",
			fmt.Sprintf("The disk that holds %s is full: free some space.", path), err)
	}
	return openError(api.Unavailable, "database_cannot_open",
		fmt.Sprintf("The database %s cannot be opened: %v.", path, err), err)
}

func (s *sqliteDB) kind() string { return SQLite }
func (s *sqliteDB) writers() int { return 1 }

func (s *sqliteDB) first(ctx context.Context, sql string, args []any, each func(*row)) error {
	if err := s.files.known(); err != nil {
		return err
	}
	return sqliteError(s.short.run(ctx, sql, args, each))
}

func (s *sqliteDB) few(ctx context.Context, sql string, args []any, restart func(), each func(*row)) error {
	restart()
	return s.first(ctx, sql, args, each)
}

// query runs one statement on a connection for reads that may take long. It finishes even if ctx
// ends.
func (s *sqliteDB) query(ctx context.Context, sql string, args []any, each func(*row)) error {
	if err := s.files.known(); err != nil {
		return err
	}
	var c *sqlite.Conn
	select {
	case c = <-s.long:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return errClosed
	}
	defer func() { s.long <- c }()
	if c == nil {
		var err error
		if c, err = s.openReader(); err != nil {
			return sqliteError(err)
		}
		c.YieldOften(longSteps)
	}
	return sqliteError(runRead(c, sql, args, each))
}

// openReader opens the files by their names, so it checks that they are those of the writer.
func (s *sqliteDB) openReader() (*sqlite.Conn, error) {
	if err := s.files.check(); err != nil {
		return nil, err
	}
	c, err := sqlite.Open(s.path, sqliteTimeout)
	if err != nil {
		return nil, err
	}
	for _, pragma := range readerPragmas {
		if _, err = c.Exec(pragma); err != nil {
			break
		}
	}
	if err == nil {
		err = s.files.check()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// sqliteError marks a failure after which the database cannot be used.
func sqliteError(err error) error {
	if sqlite.IsCode(err, sqlite.Busy, sqlite.Full, sqlite.IOErr, sqlite.CantOpen, sqlite.ReadOnly) {
		return unavailable(err)
	}
	return err
}

func (s *sqliteDB) close() error {
	close(s.closed)
	s.jobs.Wait()
	var errs []error
	lost := s.files.lost.Load()
	end := func(c *sqlite.Conn) {
		if lost != nil && lost.overwritten {
			c.LeaveLog() // it belongs to what is no longer there
		}
		errs = append(errs, c.Close())
	}
	s.short.close(end)
	for range cap(s.long) {
		if c := <-s.long; c != nil {
			end(c)
		}
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	end(s.writer)
	return errors.Join(errs...)
}
