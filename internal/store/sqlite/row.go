package sqlite

import (
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Row is one row of a result. Columns count from 0. NULL reads as "", nil and 0.
type Row struct {
	tls    *libc.TLS
	handle uintptr
}

// Text returns a column of type TEXT.
func (r Row) Text(i int) string {
	address := lib.Xsqlite3_column_text(r.tls, r.handle, int32(i))
	return string(view(address, int(lib.Xsqlite3_column_bytes(r.tls, r.handle, int32(i)))))
}

// Bytes returns a copy of a column of type BLOB; an empty one is not nil, NULL is.
func (r Row) Bytes(i int) []byte {
	if lib.Xsqlite3_column_type(r.tls, r.handle, int32(i)) == lib.SQLITE_NULL {
		return nil
	}
	address := lib.Xsqlite3_column_blob(r.tls, r.handle, int32(i))
	return append([]byte{}, view(address, int(lib.Xsqlite3_column_bytes(r.tls, r.handle, int32(i))))...)
}

// Int returns a column of type INTEGER.
func (r Row) Int(i int) int64 {
	return lib.Xsqlite3_column_int64(r.tls, r.handle, int32(i))
}
