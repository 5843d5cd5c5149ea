package username_test

import (
	"strings"
	"testing"
	"unicode"

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

// Characters that nobody sees make no second name, whatever Unicode calls them.
func TestInvisibleCharactersAreRefused(t *testing.T) {
	var all []rune
	for _, table := range []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf, unicode.Cc, unicode.Z, unicode.Join_Control} {
		for _, r := range table.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				all = append(all, c)
			}
		}
		for _, r := range table.R32 {
			for c := rune(r.Lo); c <= rune(r.Hi) && c <= rune(r.Lo)+0x200; c += rune(r.Stride) {
				all = append(all, c)
			}
		}
	}
	all = append(all, 0xFE0F, 0x034F, 0x3164, 0x2800, 0x17B4, 0x17B5, 0x180B, 0x180E, 0xE0100, 0xE01EF, 0x115F, 0x1160, 0xFFA0, 0xFFFC, 0x16FE4, 0x1D159, 0x1D173, 0x2061, 0x206A, 0xFFF0, 0xE0001, 0xE0041, 0xAD, 0x61C)
	for _, c := range all {
		hidden := string(c)
		if c == ' ' {
			hidden = "  "
		}
		for _, name := range []string{hidden, "ada" + hidden, hidden + "ada", "ad" + hidden + "a", "Анна" + hidden, "山田." + hidden, "ada@example.org" + hidden, "5" + hidden, "ada." + hidden + ".b"} {
			if username.Check(name) == nil || username.CheckLabel("name", name) == nil || username.CheckOrganisation(name) == nil {
				t.Errorf("%+q is accepted", name)
			}
			if c != ' ' && username.Visible(name, 100) {
				t.Errorf("%+q is visible", name)
			}
		}
	}
}

// Joiners stay where an orthography or an emoji needs them, and only there.
func TestJoiners(t *testing.T) {
	for _, name := range []string{
		"می\u200cخواهم",                 // Persian
		"خانه\u200cها",                  // after heh
		"نامه\u200cای",                  //
		"ශ්\u200dරී ලංකා",               // Sinhala
		"क्\u200dष", "क्\u200cष", "क्ष", // Devanagari
		"র\u200d্য",                                                                   // Bengali ra and ya-phalaa
		"ന്\u200d",                                                                    // Malayalam chillu
		"👨\u200d👩\u200d👧", "👩🏽\u200d💻", "❤\ufe0f", "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", // emoji
		"1\ufe0f\u20e3", "©\ufe0f", "👁\ufe0f\u200d🗨\ufe0f",
		"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", // the flag of Scotland
		"葛\U000e0100城", "辻\U000e0101", // Japanese variants
		"ᠮᠣᠩᠭᠣᠯ\u180b",
	} {
		if err := username.Check(name); err != nil {
			t.Errorf("%+q: %v", name, err)
		}
		if k := username.Key(name); username.Key(k) != k {
			t.Errorf("the key of the key of %+q differs", name)
		}
	}
	for _, name := range []string{
		"ada\u200cb", "a\u200da", "й\u200dа", "山\u200d田", "ا\u200cب", "د\u200cد", "ب\u200c", "\u200cب", "ب\u200c b", "ب\u200c\u200cب", "ب\u200dب", "ب\u200cb",
		"क\u200dष", "क्\u200d\u200dष", "\u200dक", "👨\u200d", "\u200d👨", "👨\u200da", "a\u200d👨", "👨\u200d\u200d👧", "👨\ufe0f\ufe0f\u200d👧", "👨🏽🏽\ufe0f\u200d",
		"a\ufe0f", "1\ufe0f", "1\ufe0fa", "é\ufe0f", "🏴\U000e0067\U000e007f", "🏴\U000e0067\U000e0062\U000e0073", "🏴\U000e007f", "a\U000e0067\U000e0062\U000e0073\U000e007f",
		"🏴\U000e0067\U000e0062\U000e0073\U000e007f\U000e007f", "a\U000e0100", "か\U000e0100", "a\u180b", "!\u180b", "⠁\ufe0f",
	} {
		if username.Check(name) == nil {
			t.Errorf("%+q is accepted", name)
		}
	}
}

// Letters of scripts that look alike are not mixed.
func TestMixedScripts(t *testing.T) {
	for _, name := range []string{
		"анна@example.org", "Анна Smith", "USB-ключ", "Ελένη@example.gr", "山田太郎", "山田タロウ", "さくらrock", "김철수kim", "李ㄅ", "東京Tower2", "Işık", "Łukasz Ærø", "محمد", "दिल्ली १२", "שלום", "เอด้า",
		"Сара", "осер", "ΑΒΓ", "ada1", "user0", "userO", "naïve", "e\u0301a", "Ł. Ó'Brien-Šimić", "Nguyễn", "مريم 2", "5µ",
	} {
		if err := username.Check(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for what, name := range map[string]string{
		"Cyrillic a":             "\u0430da@example.org",
		"Cyrillic in the middle": "ad\u0430",
		"Greek omicron":          "b\u03bfb",
		"Greek nu":               "E\u03bde",
		"Cherokee":               "\u13aada",
		"Armenian":               "\u0578ada",
		"Lisu":                   "\ua4eeda",
		"Cyrillic beside Greek":  "\u0430\u03b1",
		"Devanagari zero":        "g\u0966\u0966gle",
		"Arabic digits":          "a\u0665",
		"Khmer mark":             "a\u17d2b",
		"Devanagari virama":      "ada\u094d",
		"Hebrew point":           "a\u05b0",
		"a word that imitates":   "\u0430\u0441\u0435@example.org",
		"a letter that imitates": "Plan \u0410",
		"phonetic alpha":         "\u0251da",
		"script g":               "\u0261race",
		"small capitals":         "a\u1d20a",
		"an accent alone":        "\u0301ada",
		"an accent on a space":   "ada \u0301b",
		"an accent on a stop":    "ada.\u0301b",
		"full-width and Greek":   "ａ\u03b1",
		"Cyrillic and emoji":     "\u0430da🙂",
	} {
		if username.Check(name) == nil {
			t.Errorf("%s: %q is accepted", what, name)
		}
		if username.CheckLabel("name", name) == nil || username.CheckOrganisation(name) == nil {
			t.Errorf("%s: %q is accepted as a label", what, name)
		}
	}
}

// Stored keys were made by the first version of Key: it must go on returning the same.
func TestKeysStay(t *testing.T) {
	for name, key := range map[string]string{
		"Ada@Example.org": "ada@example.org", "STRASSE": "strasse", "ﬁ": "fi", "ada\ufe0f": "ada\ufe0f", "ada\u034f": "ada\u034f", "ada\u3164": "ada\u1160", "ada\u2800": "ada\u2800",
		"ada\u17b4": "ada\u17b4", "ada\u180b": "ada\u180b", "ada\U000e0100": "ada\U000e0100", "❤\ufe0f": "❤\ufe0f", "аda": "аda", "a  b": "a  b", "İ": "i\u0307", "ΣΑΣ": "σασ",
	} {
		if got := username.Key(name); got != key {
			t.Errorf("Key(%+q) is %+q, want %+q", name, got, key)
		}
	}
}

func TestNamesThatAreTheSame(t *testing.T) {
	for _, pair := range [][2]string{
		{"Ada@Example.org", "ada@example.org"},
		{"STRASSE", "straße"},
		{"ａｄａ", "ada"},
		{"Z\u030cofie", "žofie"},
		{"می\u200cخواهم", "میخواهم"},
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
	f.Add("می\u200cخواهم")
	f.Add("❤\ufe0f\u200d🔥")
	f.Fuzz(func(t *testing.T, name string) {
		if username.Check(name) != nil {
			return
		}
		if k := username.Key(name); username.Key(k) != k {
			t.Errorf("the key of the key of %q differs", name)
		}
	})
}
