package sqlite

import (
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

// SQLite's memory lives outside Go's heap: the collector neither moves nor frees it, so
// a uintptr may hold its address.

// pointer returns the address as a pointer.
func pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// view returns n bytes of SQLite's memory without copying them. SQLite decides how long they
// are valid.
func view(address uintptr, n int) []byte {
	if address == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(address)), n)
}

// arena is a block of SQLite's memory that holds the values of one statement, so that binding
// them allocates nothing.
type arena struct {
	tls     *libc.TLS
	address uintptr
	bytes   []byte
	used    int
}

// reserve empties the arena and makes it hold at least n bytes. Earlier addresses are invalid.
func (a *arena) reserve(n int) bool {
	a.used = 0
	if n <= len(a.bytes) {
		return true
	}
	size := max(4096, n+n/2)
	address := libc.Xmalloc(a.tls, types.Size_t(size))
	if address == 0 {
		return false
	}
	a.free()
	a.address, a.bytes = address, view(address, size)
	return true
}

// place copies b into the reserved memory and returns its address, which is never 0: to SQLite
// the address 0 is NULL, and an empty value is not NULL.
func (a *arena) place(b []byte) uintptr {
	address := a.address + uintptr(a.used)
	a.used += copy(a.bytes[a.used:], b)
	return address
}

func (a *arena) placeString(s string) uintptr {
	address := a.address + uintptr(a.used)
	a.used += copy(a.bytes[a.used:], s)
	return address
}

func (a *arena) free() {
	if a.address != 0 {
		libc.Xfree(a.tls, a.address)
	}
	a.address, a.bytes, a.used = 0, nil, 0
}
