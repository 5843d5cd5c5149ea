package api

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// Prefixes of identifiers. An identifier is opaque: never parse one.
const (
	PrefixOrganization = "or"
	PrefixUser         = "us"
	PrefixCredential   = "cr"
	PrefixCode         = "rc" // registration code; ours, never on the Dfns wire
	PrefixEvent        = "ev" // ours
	PrefixRefusal      = "rf" // support id of a refused request; ours
	PrefixKey          = "sk" // server key; ours
	PrefixSession      = "se" // ours
	PrefixAction       = "ua" // signed user action; ours
	PrefixLoginCode    = "lc" // ours
	PrefixRecoveryCode = "vc" // ours
	PrefixRecovery     = "rv" // ours
	PrefixAddingCode   = "cc" // code that adds a credential from another device; ours
	PrefixToken        = "to" // access token
	PrefixPermission   = "pm"
	PrefixAssignment   = "as"
	PrefixApplication  = "ap"
	PrefixAuditLog     = "uj" // an event or a refusal, as the audit log names it
)

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewID returns "<prefix>-xxxxx-xxxxx-xxxxxxxxxxxxxxxx": 26 characters of lower-case
// base32hex over a UUIDv7 (RFC 9562 §5.7) made at now. Identifiers of one process sort in the
// order they were made, so rows stay together in the database; those of several processes sort
// by millisecond. 62 bits of each are random. If more than 4,096 are made at one millisecond, or
// now is a little earlier than it was, an identifier is of a later millisecond than its now.
func NewID(prefix string, now time.Time) string {
	var u [16]byte
	rand.Read(u[6:]) // never fails: crypto/rand aborts the program instead
	count := nextCount(uint64(now.UnixMilli()), binary.BigEndian.Uint16(u[6:]))
	ms := count >> counterBits
	binary.BigEndian.PutUint16(u[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	binary.BigEndian.PutUint16(u[6:], 0x7000|uint16(count&maxCounter))
	u[8] = u[8]&0x3f | 0x80
	return formatID(prefix, u)
}

func formatID(prefix string, u [16]byte) string {
	var text [26]byte
	idEncoding.Encode(text[:], u[:])
	id := make([]byte, 0, len(prefix)+29)
	id = append(id, prefix...)
	id = append(id, '-')
	id = append(id, text[:5]...)
	id = append(id, '-')
	id = append(id, text[5:10]...)
	id = append(id, '-')
	return string(append(id, text[10:]...))
}

// lastCount is the millisecond of the last identifier and, in the lower counterBits, its counter.
var lastCount atomic.Uint64

const (
	counterBits = 12
	maxCounter  = 1<<counterBits - 1
)

// MaxAhead is how far an identifier may be ahead of the time that it was made at. A clock that is
// further behind was set back, and identifiers follow it.
const MaxAhead = 10 * time.Second

// nextCount returns the count of the next identifier. The counter of RFC 9562 §6.2, method 1,
// begins at random in the lower half of a new millisecond; when it is used up it runs on into
// the next millisecond.
func nextCount(ms uint64, random uint16) uint64 {
	for {
		last := lastCount.Load()
		next := ms<<counterBits | uint64(random)&(maxCounter>>1)
		if next <= last && last>>counterBits <= ms+uint64(MaxAhead.Milliseconds()) {
			next = last + 1
		}
		if lastCount.CompareAndSwap(last, next) {
			return next
		}
	}
}

// FirstID returns the smallest identifier that NewID can make at t, for comparisons.
func FirstID(prefix string, t time.Time) string {
	var u [16]byte
	ms := uint64(t.UnixMilli())
	binary.BigEndian.PutUint16(u[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	u[6], u[8] = 0x70, 0x80
	return formatID(prefix, u)
}

// ValidID reports whether id has the given prefix and the shape that the contract
// fixes: two groups of five and one of 14 to 16 lower-case letters or digits.
func ValidID(prefix, id string) bool {
	n := len(prefix)
	if len(id) < n+27 || len(id) > n+29 || id[:n] != prefix {
		return false
	}
	for i, c := range []byte(id[n:]) {
		switch {
		case i == 0 || i == 6 || i == 12:
			if c != '-' {
				return false
			}
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
			return false
		}
	}
	return true
}

// FirstCredentialID returns the id that a user's first credential will have: the contract
// wants it before the credential exists.
func FirstCredentialID(userID string) string { return PrefixCredential + userID[len(PrefixUser):] }

// AdministratorPermissionID returns the id of the permission to do everything, which every
// organisation has from the start.
func AdministratorPermissionID(orgID string) string {
	return PrefixPermission + orgID[len(PrefixOrganization):]
}

// EndUserPermissionID returns the id of the permission that end users get. No id that NewID
// makes ends in v, because its last letter holds only three bits.
func EndUserPermissionID(orgID string) string {
	id := AdministratorPermissionID(orgID)
	return id[:len(id)-1] + "v"
}
