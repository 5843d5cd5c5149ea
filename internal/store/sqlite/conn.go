package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	_ "modernc.org/sqlite" // initialises the library
	lib "modernc.org/sqlite/lib"
)

// Error is a failure that SQLite reported. Code is its extended result code.
type Error struct {
	Code    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.Message, e.Code) }

// Primary result codes that callers distinguish.
const (
	Busy        = lib.SQLITE_BUSY
	CantOpen    = lib.SQLITE_CANTOPEN
	Corrupt     = lib.SQLITE_CORRUPT
	Full        = lib.SQLITE_FULL
	Interrupted = lib.SQLITE_INTERRUPT
	IOErr       = lib.SQLITE_IOERR
	NotADB      = lib.SQLITE_NOTADB
	Perm        = lib.SQLITE_PERM
	ReadOnly    = lib.SQLITE_READONLY
)

// IsCode reports whether err is an *Error with one of the primary codes, which are the low byte
// of the extended ones.
func IsCode(err error, primary ...int) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(primary, e.Code&0xff)
}

// Conn is one connection. It may be used by one goroutine at a time.
type Conn struct {
	tls        *libc.TLS
	db         uintptr
	statements map[string]*statement
	arena      arena
}

type statement struct {
	handle     uintptr
	parameters int
}

// Open opens the existing database file at path for reading and writing. While another
// connection has a lock that it needs, it waits up to timeout and then fails with Busy.
func Open(path string, timeout time.Duration) (*Conn, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, &Error{Code: CantOpen, Message: "path holds a zero byte"}
	}
	c := &Conn{tls: libc.NewTLS(), statements: map[string]*statement{}}
	c.arena.tls = c.tls
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)

	// No mutex: a Conn is used by one goroutine at a time.
	const flags = lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_NOMUTEX | lib.SQLITE_OPEN_EXRESCODE
	code, db := c.out(func(address uintptr) int32 {
		return lib.Xsqlite3_open_v2(c.tls, name, address, flags, 0)
	})
	c.db = db
	if code != lib.SQLITE_OK {
		err := c.failure(code)
		c.Close()
		return nil, err
	}
	lib.Xsqlite3_busy_timeout(c.tls, c.db, int32(timeout.Milliseconds()))
	return c, nil
}

// Close frees the connection and all its statements. It undoes an open transaction. Closing
// again does nothing.
func (c *Conn) Close() error {
	if c.tls == nil {
		return nil
	}
	for _, s := range c.statements {
		lib.Xsqlite3_finalize(c.tls, s.handle)
	}
	c.statements = nil
	c.arena.free()
	code := int32(lib.SQLITE_OK)
	if c.db != 0 {
		code = lib.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	c.tls.Close()
	c.tls = nil
	if code != lib.SQLITE_OK {
		return &Error{Code: int(code), Message: "close failed"}
	}
	return nil
}

// InTransaction reports whether a transaction is open. SQLite itself ends one after
// some failures, such as a full disk.
func (c *Conn) InTransaction() bool {
	return c.db != 0 && lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0
}

// Exec runs one statement with $1, $2, … standing for args and returns how many rows
// an INSERT, UPDATE or DELETE changed. It ignores rows of the result.
func (c *Conn) Exec(sql string, args ...any) (int64, error) {
	if err := c.Query(sql, args, nil); err != nil {
		return 0, err
	}
	return lib.Xsqlite3_changes64(c.tls, c.db), nil
}

// Query runs one statement and calls each for every row. The Row is valid during the call.
// Arguments are nil, string, []byte, int64, int or bool; a nil []byte is NULL.
func (c *Conn) Query(sql string, args []any, each func(Row)) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if err := c.bind(s, args); err != nil {
		return err
	}
	for {
		switch code := lib.Xsqlite3_step(c.tls, s.handle); code {
		case lib.SQLITE_ROW:
			if each != nil {
				each(Row{c.tls, s.handle})
			}
		case lib.SQLITE_DONE:
			lib.Xsqlite3_reset(c.tls, s.handle)
			return nil
		default:
			err := c.failure(code)
			lib.Xsqlite3_reset(c.tls, s.handle)
			return err
		}
	}
}

// prepare compiles sql, once for each connection. SQLite numbers $1 by its first
// appearance and ?1 by its value, so the text is compiled with ?1; a dollar sign must
// stand for nothing else.
func (c *Conn) prepare(sql string) (*statement, error) {
	if s := c.statements[sql]; s != nil {
		return s, nil
	}
	if c.db == 0 {
		return nil, &Error{Code: lib.SQLITE_MISUSE, Message: "the connection is closed"}
	}
	text, err := libc.CString(strings.ReplaceAll(sql, "$", "?"))
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	code, handle := c.out(func(address uintptr) int32 {
		return lib.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, lib.SQLITE_PREPARE_PERSISTENT, address, 0)
	})
	if code != lib.SQLITE_OK {
		return nil, c.failure(code)
	}
	s := &statement{
		handle:     handle,
		parameters: int(lib.Xsqlite3_bind_parameter_count(c.tls, handle)),
	}
	c.statements[sql] = s
	return s, nil
}

// bind copies args into the arena and binds them there. The next use of the statement binds
// all of them again, so no stale value is ever read.
func (c *Conn) bind(s *statement, args []any) error {
	if len(args) != s.parameters {
		return fmt.Errorf("sqlite: statement takes %d values, got %d", s.parameters, len(args))
	}
	size := 1
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	if !c.arena.reserve(size) {
		return &Error{Code: lib.SQLITE_NOMEM, Message: "out of memory"}
	}
	for i, arg := range args {
		if code := c.bindOne(s.handle, int32(i+1), arg); code != lib.SQLITE_OK {
			return c.failure(code)
		}
	}
	return nil
}

func (c *Conn) bindOne(handle uintptr, i int32, arg any) int32 {
	const static = 0 // the value outlives the step: SQLite need not copy it
	switch v := arg.(type) {
	case nil:
		return lib.Xsqlite3_bind_null(c.tls, handle, i)
	case string:
		return lib.Xsqlite3_bind_text(c.tls, handle, i, c.arena.placeString(v), int32(len(v)), static)
	case []byte:
		if v == nil {
			return lib.Xsqlite3_bind_null(c.tls, handle, i)
		}
		return lib.Xsqlite3_bind_blob(c.tls, handle, i, c.arena.place(v), int32(len(v)), static)
	case int64:
		return lib.Xsqlite3_bind_int64(c.tls, handle, i, v)
	case int:
		return lib.Xsqlite3_bind_int64(c.tls, handle, i, int64(v))
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return lib.Xsqlite3_bind_int64(c.tls, handle, i, n)
	}
	return lib.SQLITE_MISMATCH
}

// failure describes the last failure of the connection.
func (c *Conn) failure(code int32) error {
	e := &Error{Code: int(code)}
	if c.db != 0 {
		e.Message = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
		if extended := lib.Xsqlite3_extended_errcode(c.tls, c.db); extended&0xff == code&0xff {
			e.Code = int(extended)
		}
	}
	if e.Message == "" {
		e.Message = "no message"
	}
	return e
}

// out calls f with the address of a pointer-sized result and returns that result.
func (c *Conn) out(f func(address uintptr) int32) (int32, uintptr) {
	const size = unsafe.Sizeof(uintptr(0))
	address := libc.Xcalloc(c.tls, 1, types.Size_t(size))
	if address == 0 {
		return lib.SQLITE_NOMEM, 0
	}
	defer libc.Xfree(c.tls, address)
	code := f(address)
	return code, *(*uintptr)(pointer(address))
}
