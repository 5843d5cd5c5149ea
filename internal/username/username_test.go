package username_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/username"
)

func TestNamesThatAreRefused(t *testing.T) {
	for _, name := range []string{
		"", " ada", "ada ", "a\nb", "a\x00b", "\xff", "a\u202eb", "a\u200bb", "a\u00a0b",
		strings.Repeat("x", 321), "\ufeff", "a\tb",
	} {
		if err := username.Check(name); err == nil {
			t.Errorf("Check(%q) accepts it", name)
		}
	}
}

func TestNamesThatAreAccepted(t *testing.T) {
	for _, name := range []string{"ada@example.org", "Ada Lovelace", "Žofie", "山田", "o'brien+x@y.z", strings.Repeat("x", 320)} {
		if err := username.Check(name); err != nil {
			t.Errorf("Check(%q): %v", name, err)
		}
	}
}

func TestNamesThatAreTheSame(t *testing.T) {
	for _, pair := range [][2]string{
		{"Ada@Example.org", "ada@example.org"},
		{"STRASSE", "straße"},
		{"ａｄａ", "ada"},
		{"Z\u030cofie", "žofie"},
	} {
		if a, b := username.Key(pair[0]), username.Key(pair[1]); a != b {
			t.Errorf("%q and %q have keys %q and %q", pair[0], pair[1], a, b)
		}
	}
	if username.Key("ada") == username.Key("adа") { // the second with a Cyrillic а: another letter, not another case
		t.Error("letters of different scripts have the same key")
	}
}

func FuzzKeyIsStable(f *testing.F) {
	f.Add("Ada")
	f.Add("ß\u0345")
	f.Fuzz(func(t *testing.T, name string) {
		if username.Check(name) != nil {
			return
		}
		if k := username.Key(name); username.Key(k) != k {
			t.Errorf("the key of the key of %q differs", name)
		}
	})
}
