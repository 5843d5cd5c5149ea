package api

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
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
)

var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewID returns "<prefix>-xxxxx-xxxxx-xxxxxxxxxxxxxxxx": 26 characters of lower-case
// base32hex over a UUIDv7 (RFC 9562 §5.7) made at now. Identifiers made later sort
// later, to the millisecond, so rows stay in time order.
func NewID(prefix string, now time.Time) string {
	var u [16]byte
	rand.Read(u[:]) // never fails: crypto/rand aborts the program instead
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint16(u[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80

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

// FirstID is the smallest identifier that NewID can make at t, to compare with.
func FirstID(prefix string, t time.Time) string {
	var u [16]byte
	ms := uint64(t.UnixMilli())
	binary.BigEndian.PutUint16(u[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	u[6], u[8] = 0x70, 0x80
	text := idEncoding.EncodeToString(u[:])
	return prefix + "-" + text[:5] + "-" + text[5:10] + "-" + text[10:]
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

// FirstCredentialID is the id that a user's first credential will have: the contract
// wants it named before there is one.
func FirstCredentialID(userID string) string { return PrefixCredential + userID[len(PrefixUser):] }
