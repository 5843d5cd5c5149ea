package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/countersign/countersign/api"
)

// A database file and its write-ahead log name each other by two numbers of the file's header
// (https://sqlite.org/fileformat2.html §1.3), which the log has as well, in each of its copies
// of the first page. The generation, which is SQLite's user_version, goes up after every
// checkpoint, so that each log begins with the generation after the file's. The schema cookie of
// a database that was served is at least servedCookie; SQLite gives low ones, from 1 on, to what
// `.backup` writes.
const (
	servedCookie = 1 << 16

	headerSize       = 100
	cookieOffset     = 40
	generationOffset = 60

	logHeaderSize   = 32
	frameHeaderSize = 24
)

// fileHeader is what the first page says of a database.
type fileHeader struct {
	valid      bool
	wal        bool // the file may have a write-ahead log
	pageSize   int64
	cookie     uint32
	generation uint32
}

func readHeader(b []byte) fileHeader {
	size := int64(binary.BigEndian.Uint16(b[16:]))
	if size == 1 {
		size = 65536
	}
	return fileHeader{
		valid: string(b[:16]) == "SQLite format 3\x00" && size >= 512, wal: b[18] == 2 && b[19] == 2, pageSize: size,
		cookie: binary.BigEndian.Uint32(b[cookieOffset:]), generation: binary.BigEndian.Uint32(b[generationOffset:]),
	}
}

// logSummary is what the committed transactions of a write-ahead log would make of a database.
type logSummary struct {
	pageSize int64
	pages    map[uint32]bool // that it replaces
	size     uint32          // of the database after it, in pages
	headers  []fileHeader    // of its copies of the first page
}

// errNoLog says that a file is no write-ahead log, or one whose beginning is damaged. SQLite
// would pass over it without a word.
var errNoLog = errors.New("it is no sound write-ahead log")

// readLog reads the committed transactions as SQLite would recover them: up to the first frame
// whose salt or checksum is wrong.
func readLog(log io.Reader) (summary logSummary, err error) {
	header := make([]byte, logHeaderSize)
	if _, err := io.ReadFull(log, header); err != nil {
		return summary, ignoreEnd(err) // shorter than a header: nothing was ever committed
	}
	if [logHeaderSize]byte(header) == [logHeaderSize]byte{} {
		return summary, nil // the header is on disk before the first commit
	}
	magic, size := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[8:])
	var order binary.ByteOrder = binary.LittleEndian
	if magic&1 == 1 {
		order = binary.BigEndian
	}
	sum := checksum(order, [2]uint32{}, header[:24])
	if magic&^1 != 0x377f0682 || size < 512 || size > 65536 || size&(size-1) != 0 || sum != stored(header[24:]) {
		return summary, errNoLog
	}
	summary.pageSize, summary.pages = int64(size), map[uint32]bool{}
	var pages []uint32 // of the transaction that is being read
	var headers []fileHeader
	frame := make([]byte, frameHeaderSize+size)
	for {
		if _, err := io.ReadFull(log, frame); err != nil {
			return summary, ignoreEnd(err)
		}
		page, commit := binary.BigEndian.Uint32(frame), binary.BigEndian.Uint32(frame[4:])
		sum = checksum(order, checksum(order, sum, frame[:8]), frame[frameHeaderSize:])
		if page == 0 || [8]byte(frame[8:16]) != [8]byte(header[16:24]) || sum != stored(frame[16:]) {
			return summary, nil
		}
		pages = append(pages, page)
		if page == 1 {
			headers = append(headers, readHeader(frame[frameHeaderSize:]))
		}
		if commit != 0 {
			for _, p := range pages {
				summary.pages[p] = true
			}
			summary.size, summary.headers = commit, append(summary.headers, headers...)
			pages, headers = pages[:0], headers[:0]
		}
	}
}

// ignoreEnd is for a log that ends in the middle of what was not committed.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// checksum continues the checksum of a log (file format §4.2).
func checksum(order binary.ByteOrder, sum [2]uint32, b []byte) [2]uint32 {
	for ; len(b) >= 8; b = b[8:] {
		sum[0] += order.Uint32(b) + sum[1]
		sum[1] += order.Uint32(b[4:]) + sum[0]
	}
	return sum
}

func stored(b []byte) [2]uint32 {
	return [2]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// foreign returns why the log cannot belong to a file with that header and that many bytes, ""
// if it may.
func (l logSummary) foreign(file fileHeader, bytes int64) string {
	switch {
	case len(l.pages) == 0:
		return ""
	case bytes == 0:
		return "the database is missing or empty"
	case !file.valid:
		return "" // SQLite says so
	case file.pageSize != l.pageSize:
		return fmt.Sprintf("the database has pages of %d bytes, the log of %d", file.pageSize, l.pageSize)
	case !file.wal:
		return "the database was never used with a log, as a copy made by VACUUM INTO"
	}
	for page := bytes/file.pageSize + 1; page <= int64(l.size); page++ {
		if !l.pages[uint32(page)] {
			return fmt.Sprintf("the database ends before page %d, which the log takes for granted", page)
		}
	}
	if len(l.headers) == 0 || file.generation == 0 {
		return ""
	}
	first, last := l.headers[0], l.headers[len(l.headers)-1]
	switch {
	case file.generation+1 < first.generation:
		return "the database is older than the log"
	case file.generation > last.generation:
		return "the database is newer than the log"
	}
	if file.cookie >= servedCookie || last.cookie < servedCookie {
		return ""
	}
	for _, h := range l.headers {
		if h.cookie == file.cookie {
			return "" // it was served for the first time, and its log is from before that
		}
	}
	return "the database is a backup, and the log was written to its original"
}

// checkLog refuses a write-ahead log beside the database at path that was written to another
// database, or to another state of this one: SQLite would mix both. Read returns the header and
// the size of the database file. A log that was written by an older program is compared by
// sizes alone.
func checkLog(path string, read func() (header []byte, bytes int64, err error)) error {
	const attempts = 3 // another process may be writing both
	for attempt := 1; ; attempt++ {
		why, err := compareLog(path, read)
		if err != nil || why == "" {
			return err
		}
		if attempt == attempts {
			return openError(api.Invalid, "database_log_foreign", fmt.Sprintf("The log %s-wal does not belong to the database %s: %s. "+
				"If the database is a restored backup, move %s-wal and %s-shm away and start again; otherwise restore the three files together.",
				path, path, why, path, path), nil)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// compareLog returns why the log does not belong to the database, "" if it may.
func compareLog(path string, read func() ([]byte, int64, error)) (why string, err error) {
	header, bytes, err := read()
	if err != nil {
		return "", err
	}
	log, err := os.Open(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer log.Close()
	summary, err := readLog(log)
	if errors.Is(err, errNoLog) {
		return err.Error(), nil
	}
	return summary.foreign(readHeader(header), bytes), err
}
