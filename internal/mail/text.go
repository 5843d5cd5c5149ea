package mail

import (
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidAddress reports whether mail can be addressed to s: a bare address of at most
// 254 octets, with a domain, without display name, comment, quoting or control
// characters.
func ValidAddress(s string) bool {
	if len(s) > addressLimit || !utf8.ValidString(s) || hasControl(s) || strings.ContainsAny(s, " <>\"(),:;\\") {
		return false
	}
	a, err := netmail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return false
	}
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at <= 64 && at < len(s)-1 && s[at+1] != '['
}

// clean makes a name fit to be shown: one line of at most limit characters, without control
// characters and without the invisible marks that turn the direction of the text around it.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case turnsDirection(r):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		s = strings.TrimRight(string(r[:limit-1]), " ") + "…"
	}
	return s
}

// headerText breaks up what a mail program would take for a MIME encoded word (RFC 2047 §2) and
// decode into characters that clean has removed.
func headerText(s string) string { return strings.ReplaceAll(s, "=?", "= ?") }

// turnsDirection reports whether r is an embedding, override or isolate of Unicode's
// bidirectional algorithm (UAX #9 §2), whose effect does not end with the name.
func turnsDirection(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || turnsDirection(r)
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// wrap breaks s at spaces into lines of at most width characters. A longer word gets a line of
// its own.
func wrap(s string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
