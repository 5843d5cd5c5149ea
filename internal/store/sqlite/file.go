package sqlite

import (
	"runtime"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// ReadFile fills p with bytes of the database file itself, from offset on: what a checkpoint
// wrote there, whatever the write-ahead log has. Behind the end of the file it reads zeros. It
// uses the connection's own handle, because closing another one would drop the locks that this
// process holds on the file.
func (c *Conn) ReadFile(p []byte, offset int64) error {
	if c.db == 0 {
		return &Error{Code: lib.SQLITE_MISUSE, Message: "the connection is closed"}
	}
	code, file := c.out(func(address uintptr) int32 {
		return lib.Xsqlite3_file_control(c.tls, c.db, 0, lib.SQLITE_FCNTL_FILE_POINTER, address)
	})
	if code != lib.SQLITE_OK {
		return c.failure(code)
	}
	buffer := libc.Xmalloc(c.tls, types.Size_t(len(p)))
	if buffer == 0 {
		return &Error{Code: lib.SQLITE_NOMEM, Message: "out of memory"}
	}
	defer libc.Xfree(c.tls, buffer)
	methods := (*lib.Tsqlite3_io_methods)(pointer((*lib.Tsqlite3_file)(pointer(file)).FpMethods))
	read := *(*func(*libc.TLS, uintptr, uintptr, int32, int64) int32)(unsafe.Pointer(&struct{ uintptr }{methods.FxRead}))
	code = read(c.tls, file, buffer, int32(len(p)), offset)
	if code != lib.SQLITE_OK && code != lib.SQLITE_IOERR_SHORT_READ {
		return &Error{Code: int(code), Message: "the database file cannot be read"}
	}
	copy(p, view(buffer, len(p)))
	return nil
}

// LeaveLog makes Close leave the write-ahead log as it is, instead of copying it into the
// database file.
func (c *Conn) LeaveLog() {
	if c.db == 0 {
		return
	}
	arguments := libc.Xcalloc(c.tls, 2, 8) // one of 8 bytes for each, as libc.VaList writes them
	if arguments == 0 {
		return
	}
	defer libc.Xfree(c.tls, arguments)
	lib.Xsqlite3_db_config(c.tls, c.db, lib.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, libc.VaList(arguments, int32(1), uintptr(0)))
}

// Interrupt makes the statement that runs fail with Interrupted. Unlike all other methods it
// may be called while another goroutine uses the connection, but not while it is closed.
func (c *Conn) Interrupt() {
	tls := libc.NewTLS() // the connection's is in use
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, c.db)
}

// ExecOnce runs a statement that will not come again in these words, so it is not kept.
func (c *Conn) ExecOnce(sql string) error {
	_, err := c.Exec(sql)
	if s := c.statements[sql]; s != nil {
		lib.Xsqlite3_finalize(c.tls, s.handle)
		delete(c.statements, sql)
	}
	return err
}

// YieldOften makes long statements of the connection let other goroutines run after every so
// many steps. Otherwise one that needs no input lets them wait for ten milliseconds at a time.
func (c *Conn) YieldOften(steps int) {
	f := yield
	lib.Xsqlite3_progress_handler(c.tls, c.db, int32(steps), *(*uintptr)(unsafe.Pointer(&f)), 0)
}

// yield is called by SQLite. It is a declared function because the address of a closure would
// not stay.
func yield(*libc.TLS, uintptr) int32 {
	runtime.Gosched()
	return 0
}
