// Package username says what may name a user, or anything else that people administer, and
// which names are the same. It leaves storing and comparing with stored names to others.
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
	switch fault := fault(name); {
	case len(name) > MaxBytes:
		return refused("The username is longer than 320 bytes.")
	case fault != "":
		return refused("The username " + fault + ".")
	case len(Key(name)) > MaxBytes: // one character may stand for eighteen
		return refused("The username is longer than 320 bytes once it is written out.")
	}
	return nil
}

// fault says what is wrong with a name of whatever length, "" if nothing is.
func fault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	case strings.TrimSpace(name) != name:
		return "begins or ends with a space"
	case hides(name):
		return "holds a character that cannot be seen"
	case Key(name) == "":
		return "is empty"
	}
	return ""
}

// MaxLabel is the longest label, in characters, and maxLabelKey its longest key, in bytes:
// databases want an end to what they index.
const (
	maxLabel    = 100
	maxLabelKey = 1000
)

// CheckLabel refuses what cannot name a machine, an access token, a permission or an
// application: those who read it must see all of it. member is where it came from.
func CheckLabel(member, label string) error {
	if label == "" {
		return api.Missing(member)
	}
	if utf8.RuneCountInString(label) > maxLabel || fault(label) != "" || len(Key(label)) > maxLabelKey {
		return &api.Error{Kind: api.Invalid, Code: "name_invalid",
			Message: "The member /" + member + " must be 1 to 100 visible characters without a space at either end."}
	}
	return nil
}

const maxExternalID = 200

// CheckExternalID refuses what is too long, or cannot be seen, to be kept for a client.
func CheckExternalID(id string) error {
	if Visible(id, maxExternalID) {
		return nil
	}
	return &api.Error{Kind: api.Invalid, Code: "external_id_invalid", Message: "The member /externalId must be at most 200 visible characters."}
}

// CheckRename checks what of a new name and external id is given.
func CheckRename(r api.Rename) error {
	if r.Name != nil {
		if err := CheckLabel("name", *r.Name); err != nil {
			return err
		}
	}
	if r.ExternalID != nil {
		return CheckExternalID(*r.ExternalID)
	}
	return nil
}

// Visible reports whether a text has at most so many characters, none of which is hidden.
func Visible(text string, most int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= most && !hides(text)
}

// hides reports whether a text holds a character that cannot be seen: control, format (bidi
// overrides, zero width), private, exotic spaces.
func hides(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
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
