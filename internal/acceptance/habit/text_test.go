package habit_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// object is a JSON object whose members keep their order, as they do in the SDKs.
type object []member

type member struct {
	name  string
	value any // string, int, bool, nil or object
}

// style is how an SDK writes JSON.
type style struct {
	comma, colon string
	ascii        bool // escapes everything beyond ASCII
	html         bool // escapes <, > and &
}

var (
	compact    = style{comma: ",", colon: ":"}                // JSON.stringify; httpx since 0.28
	goStyle    = style{comma: ",", colon: ":", html: true}    // encoding/json
	pythonSign = style{comma: ",", colon: ":", ascii: true}   // what the Python SDK signs
	pythonOld  = style{comma: ", ", colon: ": ", ascii: true} // json.dumps; httpx before 0.28
	pythonWide = style{comma: ", ", colon: ": "}              // the same for who asks for UTF-8
)

func (s style) text(o object) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteString(s.comma)
		}
		b.WriteString(s.quote(m.name) + s.colon)
		switch v := m.value.(type) {
		case string:
			b.WriteString(s.quote(v))
		case object:
			b.WriteString(s.text(v))
		case nil:
			b.WriteString("null")
		default:
			fmt.Fprint(&b, v)
		}
	}
	return b.String() + "}"
}

func (s style) quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || s.html && (c == '<' || c == '>' || c == '&'):
			fmt.Fprintf(&b, `\u%04x`, c)
		case s.ascii && c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		case s.ascii && c > '~':
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + `"`
}

func TestStyles(t *testing.T) {
	o := object{{"b", "ö<🔑\n"}, {"a", object{{"n", 7}, {"none", nil}}}}
	for want, s := range map[string]style{
		`{"b":"ö<🔑\n","a":{"n":7,"none":null}}`:                       compact,
		`{"b":"ö\u003c🔑\n","a":{"n":7,"none":null}}`:                  goStyle,
		`{"b":"\u00f6<\ud83d\udd11\n","a":{"n":7,"none":null}}`:       pythonSign,
		`{"b": "\u00f6<\ud83d\udd11\n", "a": {"n": 7, "none": null}}`: pythonOld,
		`{"b": "ö<🔑\n", "a": {"n": 7, "none": null}}`:                 pythonWide,
	} {
		if got := s.text(o); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
