// Package username says what may name a user and which names are the same. It leaves
// storing and comparing with stored names to others.
package username

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/api"
)

// MaxBytes is the longest username, in bytes of UTF-8: the longest mail address there
// is (RFC 5321 §4.5.3.1) and some more.
const MaxBytes = 320

// Check refuses a name that people could not tell from another, or that would not
// survive a mail, a log line or a CSV field.
func Check(name string) error {
	switch {
	case name == "":
		return refused("The username is empty.")
	case len(name) > MaxBytes:
		return refused("The username is longer than 320 bytes.")
	case !utf8.ValidString(name):
		return refused("The username is not valid UTF-8.")
	case strings.TrimSpace(name) != name:
		return refused("The username begins or ends with a space.")
	}
	for _, r := range name {
		if !unicode.IsPrint(r) { // control, format (bidi overrides, zero width), private, exotic spaces
			return refused("The username holds a character that cannot be seen.")
		}
	}
	if Key(name) == "" {
		return refused("The username is empty.")
	}
	return nil
}

func refused(message string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: "username_invalid", Message: message}
}

// Key returns what must be unique in an organisation: name after Unicode NFKC and
// case folding. "Ada@Example.org" and "ada@example.org" are one person, so nobody can
// be invited under a name that passes for another's by case or by width.
func Key(name string) string {
	if lowerASCII(name) {
		return name
	}
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
}

func lowerASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}
