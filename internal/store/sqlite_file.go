package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/countersign/countersign/internal/store/sqlite"
)

// fileCheck is how often the files are checked while nothing is written.
const fileCheck = 250 * time.Millisecond

// sqliteFiles are the database file, its log and the index of that. SQLite goes on writing to
// files that have no name any more, and opens whatever has the name, so neither it nor a client
// would notice that what is acknowledged will be lost.
type sqliteFiles struct {
	names   [3]string
	opened  [3]os.FileInfo
	header  fileHeader // the file's when it was last checked
	logSize atomic.Int64
	log     *slog.Logger
	lost    atomic.Pointer[lostFile]
}

// lostFile is what happened to one of the files.
type lostFile struct {
	err         error
	overwritten bool // the file that is open has what another program wrote
}

// newFiles returns the files of the database at path. SQLite puts the log beside the file
// itself, not beside a symbolic link to it.
func newFiles(path string, log *slog.Logger) (*sqliteFiles, error) {
	named, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(named)
	return &sqliteFiles{names: [3]string{named, real + "-wal", real + "-shm"}, log: log}, err
}

// remember notes which files the writer has open.
func (f *sqliteFiles) remember(c *sqlite.Conn) (err error) {
	for i, name := range f.names {
		if f.opened[i], err = os.Stat(name); err != nil {
			return err
		}
	}
	f.header, err = headerOf(c)
	return err
}

func headerOf(c *sqlite.Conn) (fileHeader, error) {
	header := make([]byte, headerSize)
	err := c.ReadFile(header, 0)
	return readHeader(header), err
}

// check fails if the names no longer stand for the files that are open. Once they do not, it
// fails until the program starts again: part of what is there may be from other files.
func (f *sqliteFiles) check() error {
	if err := f.known(); err != nil {
		return err
	}
	for i, name := range f.names {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return f.lose(name, "deleted")
		case err != nil:
			return unavailable(err)
		case !os.SameFile(info, f.opened[i]):
			return f.lose(name, "replaced")
		case i == 1:
			f.logSize.Store(info.Size())
		}
	}
	return nil
}

// known is check without looking.
func (f *sqliteFiles) known() error {
	if lost := f.lost.Load(); lost != nil {
		return lost.err
	}
	return nil
}

// checkContent is check, and fails also if another program wrote over the file. Only
// checkpoints write to it, and none of them lets it go back. Its caller has the writer.
func (f *sqliteFiles) checkContent(c *sqlite.Conn) error {
	if err := f.check(); err != nil {
		return err
	}
	h, err := headerOf(c)
	if err != nil {
		return sqliteError(err)
	}
	if !h.valid || !h.wal || h.pageSize != f.header.pageSize ||
		int32(h.generation-f.header.generation) < 0 || int32(h.cookie-f.header.cookie) < 0 {
		return f.lose(f.names[0], "overwritten")
	}
	f.header = h
	return nil
}

// lose logs, once, what happened to a file, and returns the error for whoever needs the
// database from now on.
func (f *sqliteFiles) lose(name, what string) error {
	err := unavailable(fmt.Errorf("store: %s was %s while the server ran", name, what))
	if f.lost.CompareAndSwap(nil, &lostFile{err, what == "overwritten"}) {
		f.log.Error("the database was "+what+" while the server ran: nothing more is read or written. "+
			"Stop the server, put the right files in their place and start it again", "file", name)
	}
	return f.known()
}
