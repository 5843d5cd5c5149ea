package code

import (
	"strings"
	"testing"
)

func TestCodeIsTypedAsPeopleType(t *testing.T) {
	code := newCode()
	if len(code) != 24 || strings.Count(code, "-") != 4 {
		t.Fatalf("code %q is not five groups of four", code)
	}
	want := canonical(code)
	for _, typed := range []string{
		strings.ToLower(code),
		strings.ReplaceAll(code, "-", ""),
		strings.ReplaceAll(code, "-", " "),
		" " + strings.ReplaceAll(code, "-", "\u2013") + "\n",
		strings.NewReplacer("0", "O", "1", "l").Replace(code),
		strings.NewReplacer("0", "o", "1", "I").Replace(code),
	} {
		if got := canonical(typed); got != want {
			t.Errorf("%q reads as %q, want %q", typed, got, want)
		}
	}
	for _, wrong := range []string{code + "0", code[:23], strings.Repeat(code, 6), "", code + strings.Repeat(" ", 200)} {
		if canonical(wrong) == want {
			t.Errorf("%q passes for %q", wrong, code)
		}
	}
}

func TestCodesDifferAndUseTheWholeAlphabet(t *testing.T) {
	seen, letters := map[string]bool{}, map[rune]bool{}
	for range 1000 {
		c := newCode()
		if seen[c] {
			t.Fatalf("code %q came twice", c)
		}
		seen[c] = true
		for _, r := range strings.ReplaceAll(c, "-", "") {
			letters[r] = true
		}
	}
	if len(letters) != 32 {
		t.Errorf("1,000 codes use %d letters of 32", len(letters))
	}
}
