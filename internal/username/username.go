// Package username checks the names of users and of other things that people administer, and
// decides which names are the same. Its callers store names and compare them with stored ones.
package username

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/api"
)

// MaxBytes is the greatest length of a username in bytes of UTF-8: somewhat more than the
// longest mail address (RFC 5321 §4.5.3.1).
const MaxBytes = 320

// Check refuses a name that people could mistake for another, or that a mail, a log line or a
// CSV field would change. It is asked when a name is given: names that were accepted before
// keep working.
func Check(name string) error {
	if len(name) > MaxBytes {
		return refused("The username is longer than 320 bytes.")
	}
	switch fault := fault(name); {
	case fault != "":
		return refused("The username " + fault + ".")
	case len(Key(name)) > MaxBytes || looksTooLong(name): // one character may become eighteen
		return refused("The username is longer than 320 bytes after normalisation.")
	}
	return nil
}

// fault says what is wrong with a name, apart from its length, or "".
func fault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	case strings.TrimSpace(name) != name:
		return "begins or ends with a space"
	case strings.Contains(name, "  "):
		return "has two spaces in a row"
	case hides(name):
		return "holds a character that cannot be seen"
	case Key(name) == "":
		return "is empty"
	case loose(name):
		return "holds an accent that belongs to no letter"
	}
	return mixed(name)
}

// loose reports whether a word begins with a combining mark, which would be drawn upon whatever
// stands before it.
func loose(name string) bool {
	before := ' '
	for _, r := range name {
		if unicode.Is(unicode.M, r) && (before == ' ' || unicode.IsPunct(before)) && !unicode.Is(unicode.Variation_Selector, r) {
			return true
		}
		before = r
	}
	return false
}

// The greatest length of a label, in characters, and of its key, in bytes: databases limit
// what they index.
const (
	maxLabel    = 100
	maxLabelKey = 1000
)

// CheckLabel checks the name of a service account, an access token, a permission or an
// application, by the rules of Check. member is its member in the request.
func CheckLabel(member, label string) error {
	if label == "" {
		return api.Missing(member)
	}
	if wrong := labelFault(label); wrong != "" {
		return &api.Error{Kind: api.Invalid, Code: "name_invalid",
			Message: "The member /" + member + " " + wrong + ". It must be 1 to 100 visible characters without a space at either end."}
	}
	return nil
}

func labelFault(label string) string {
	if utf8.RuneCountInString(label) > maxLabel || len(Key(label)) > maxLabelKey || looksTooLong(label) {
		return "is too long"
	}
	return fault(label)
}

// CheckOrganisation checks the name of an organisation, by the rules of Check.
func CheckOrganisation(name string) error {
	if wrong := labelFault(name); wrong != "" {
		return &api.Error{Kind: api.Invalid, Code: "organisation_name_invalid",
			Message: "The organisation's name " + wrong + ". It has 1 to 100 visible characters and no space at either end."}
	}
	return nil
}

const maxExternalID = 200

// CheckExternalID refuses an external id that is too long or not wholly visible.
func CheckExternalID(id string) error {
	if Visible(id, maxExternalID) {
		return nil
	}
	return &api.Error{Kind: api.Invalid, Code: "external_id_invalid", Message: "The member /externalId must be at most 200 visible characters."}
}

// CheckRename checks the new name and the new external id, where r has one.
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

// Visible reports whether a text has at most limit characters, all of them visible.
func Visible(text string, limit int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= limit && !hides(text)
}

func refused(message string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: "username_invalid", Message: message}
}

// Key returns name after Unicode NFKC and case folding and without joiners, which must be unique
// in an organisation. "Ada@Example.org" and "ada@example.org" are one person, so nobody can be
// invited under a name that differs from another's only in case or width. Stored keys depend on
// it: what it returns for a name that was ever accepted must not change.
func Key(name string) string {
	if lowerASCII(name) {
		return name
	}
	name = strings.Map(func(r rune) rune {
		if r == zwj || r == zwnj {
			return -1
		}
		return r
	}, name)
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
