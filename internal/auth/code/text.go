package code

import (
	"crypto/rand"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/username"
)

// alphabet is Crockford's base32. It has no I, L, O or U, so that characters are not confused when
// a code is read aloud or copied by hand.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// codeLength is the number of characters of a code: 20 of 5 bits, 100 bits in all.
const codeLength = 20

// Bounds on a code that a client sends, in bytes: a longer one is refused, or not normalised.
const (
	maxPresented = 256
	maxTyped     = 128
)

// WellFormed refuses texts that cannot be an organisation's id, a username and a code. The code
// may be "".
func WellFormed(orgID, name, code string) error {
	switch {
	case orgID == "":
		return api.Missing("orgId")
	case name == "":
		return api.Missing("username")
	case !api.ValidID(api.PrefixOrganization, orgID):
		return &api.Error{Kind: api.Invalid, Code: "organisation_id_malformed", Message: "The member /orgId is not an organisation id."}
	case len(name) > username.MaxBytes || len(code) > maxPresented:
		return &api.Error{Kind: api.Invalid, Code: "member_too_long", Message: "The username or the code is too long."}
	}
	return nil
}

// newCode returns a new code as people see it: five groups of four.
func newCode() string {
	var b [codeLength]byte
	rand.Read(b[:])
	return spell(b[:])
}

// spell writes one character for each of the first codeLength bytes, by its low five bits.
func spell(b []byte) string {
	var s strings.Builder
	for i, c := range b[:codeLength] {
		if i > 0 && i%4 == 0 {
			s.WriteByte('-')
		}
		s.WriteByte(alphabet[c&31])
	}
	return s.String()
}

// canonical normalises a typed code: one case, no separators, and look-alikes replaced by the
// characters of the alphabet.
func canonical(typed string) string {
	if len(typed) > maxTyped {
		return typed
	}
	var s strings.Builder
	for _, r := range typed {
		switch {
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case strings.ContainsRune("-_. \t\r\n\u00a0\u2010\u2011\u2012\u2013\u2014\u2212", r):
			continue
		}
		switch r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		s.WriteRune(r)
	}
	return s.String()
}
