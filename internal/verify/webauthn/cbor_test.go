package webauthn

import (
	"bytes"
	"strings"
	"testing"
)

func TestCBORItems(t *testing.T) {
	for name, in := range map[string]string{
		"zero":              "00",
		"23":                "17",
		"24":                "1818",
		"255":               "18ff",
		"256":               "190100",
		"65536":             "1a00010000",
		"2^32":              "1b0000000100000000",
		"-1":                "20",
		"-257":              "390100",
		"empty bytes":       "40",
		"empty text":        "60",
		"é":                 "62c3a9",
		"empty array":       "80",
		"empty map":         "a0",
		"false":             "f4",
		"true":              "f5",
		"null":              "f6",
		"undefined":         "f7",
		"half":              "f93c00",
		"single":            "fa3f800000",
		"double":            "fb3ff0000000000000",
		"canonical map":     "a4 01 00 20 00 40 00 60 00",
		"shorter key first": "a2 617a 00 626161 00",
		"nested":            "81 81 81 81 81 81 81 00",
	} {
		b := unhex(in)
		r := cborReader{data: b}
		got, err := r.item()
		if err != nil || !bytes.Equal(got, b) || r.end() != nil {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

func TestCBORRefused(t *testing.T) {
	for name, in := range map[string]string{
		"nothing":                     "",
		"0 in two bytes":              "1800",
		"23 in two bytes":             "1817",
		"255 in three bytes":          "1900ff",
		"65535 in five bytes":         "1a0000ffff",
		"2^32-1 in nine bytes":        "1b00000000ffffffff",
		"-1 in two bytes":             "3800",
		"length in its longer form":   "580100",
		"text length likewise":        "780161",
		"array length likewise":       "980100",
		"map length likewise":         "b8010000",
		"reserved head":               "1c",
		"reserved head of a map":      "bd",
		"indefinite bytes":            "5f4100ff",
		"indefinite text":             "7f6161ff",
		"indefinite array":            "9f00ff",
		"indefinite map":              "bf0000ff",
		"break":                       "ff",
		"tag":                         "c000",
		"tag 24":                      "d81841a0",
		"tag 55799":                   "d9d9f700",
		"simple 0":                    "e0",
		"simple 19":                   "f3",
		"simple 24 in two bytes":      "f818",
		"simple 32":                   "f820",
		"simple 255":                  "f8ff",
		"head cut short":              "19 01",
		"bytes cut short":             "42 00",
		"text cut short":              "62 61",
		"float cut short":             "fb 3ff000",
		"array cut short":             "82 00",
		"map cut short":               "a1 00",
		"map without a value":         "a2 00 00 01",
		"bytes of 2^63":               "5b8000000000000000",
		"bytes of 2^64-1":             "5bffffffffffffffff",
		"text of 2^64-1":              "7bffffffffffffffff",
		"array of 2^64-1":             "9bffffffffffffffff",
		"map of 2^64-1":               "bbffffffffffffffff",
		"map of 2^63":                 "bb8000000000000000",
		"text that is not UTF-8":      "61ff",
		"text with a surrogate":       "63eda080",
		"duplicate key":               "a2 01 00 01 00",
		"too deep":                    strings.Repeat("81", 8) + "00",
		"much too deep":               strings.Repeat("81", 60000) + "00",
		"maps too deep":               strings.Repeat("a100", 60000) + "00",
		"map of more than it holds":   "a5 00 00",
		"array of more than it holds": "85 00 00",
	} {
		r := cborReader{data: unhex(in)}
		if got, err := r.item(); err == nil {
			t.Errorf("%s: read as %x", name, got)
		}
	}
	many := cborHead(cborMap, maxCBORMembers+1)
	for i := range int64(maxCBORMembers + 1) {
		many = append(append(many, cInt(i)...), 0)
	}
	r := cborReader{data: many}
	if _, err := r.item(); err == nil {
		t.Error("a map of too many members was read")
	}
}

func TestCBORWithoutOrder(t *testing.T) {
	for in, want := range map[string]bool{
		"a2 02 00 01 00":          true,
		"a2 6161 00 01 00":        true,
		"a2 01 00 01 00":          false,
		"a3 01 00 02 00 01 00":    false,
		"a2 6161 00 6161 00":      false,
		"81 a2 01 00 01 00":       false,
		"a1 00 a2 02 00 02 00":    false,
		"a2 a10000 00 a10000 00":  false,
		"a2 8100 00 8101 00":      true,
		"a2 f4 00 f5 00":          true,
		"a2 1818 00 18 18 00":     false,
		"a2 fa00000000 00 f6 00 ": true,
	} {
		r := cborReader{data: unhex(in)}
		if _, err := r.item(); (err == nil) != want {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestCBORInAnySpelling has items that are well-formed and not as CTAP2 writes them, and some that
// are not well-formed.
func TestCBORInAnySpelling(t *testing.T) {
	for in, good := range map[string]bool{
		"1800": true, "1b0000000000000001": true, "3800": true, "580100": true, "b801 0000": true,
		"5f 4100 40 ff": true, "7f 6161 ff": true, "9f 00 ff": true, "9f ff": true, "bf 00 00 ff": true, "bf ff": true,
		"9f 9f bf ff ff ff": true, "c0 00": true, "d9d9f7 82 c0 00 01": true, "a2 02 00 01 00": true,
		"1c": false, "3f": false, "1f": false, "ff": false, "df 00": false, "c0": false, "f8 18": false,
		"5f": false, "5f 6161 ff": false, "7f 4161 ff": false, "5f 5f ff ff": false, "5f 00 ff": false, "7f 61ff ff": true, "a2 00 00 00 00": true, "e0": true, "f8 20": true, "a2 00 00 01": false, "bb8000000000000000 00 00": false, "9bffffffffffffffff": false, "5bffffffffffffffff": false,
		"9f 00": false, "bf 00 ff": false, "bf 00 00 00 00 ff": true, "81 ff": false, "a1 00 ff": false,
		strings.Repeat("c0", 8) + "00": false, strings.Repeat("9f", 8) + strings.Repeat("ff", 8): true, strings.Repeat("9f", 9): false,
	} {
		b := unhex(in)
		r := cborReader{data: b}
		err := r.skipAnySpelling(1)
		if (err == nil) != good || good && r.left() != 0 {
			t.Errorf("%s: %v, %d bytes left", in, err, r.left())
		}
		if wellFormed := anyCBOR.Wellformed(b) == nil; good && !wellFormed {
			t.Errorf("%s: another decoder says that it is malformed", in)
		}
	}
}

func TestCBORTypesAreExact(t *testing.T) {
	items := map[string][]byte{
		"integer": cInt(-7), "bytes": cBytes([]byte("a")), "text": cText("a"), "array": cArray(), "map": cMap(),
		"true": {0xf5}, "null": {0xf6}, "float": unhex("f93c00"), "tag": unhex("c2 41 01"),
	}
	reads := map[string]func(*cborReader) error{
		"integer": func(r *cborReader) error { _, err := r.integer(); return err },
		"bytes":   func(r *cborReader) error { _, err := r.byteString(); return err },
		"text":    func(r *cborReader) error { _, err := r.text(); return err },
		"array":   func(r *cborReader) error { _, err := r.arrayLen(); return err },
		"map":     func(r *cborReader) error { _, err := r.mapLen(); return err },
	}
	for want, read := range reads {
		for got, item := range items {
			if err := read(&cborReader{data: item}); (err == nil) != (got == want) {
				t.Errorf("%s read as %s: %v", got, want, err)
			}
		}
	}
}

func TestCBORIntegers(t *testing.T) {
	for in, want := range map[string]int64{
		"00": 0, "26": -7, "390100": -257, "1b7fffffffffffffff": 1<<63 - 1, "3b7fffffffffffffff": -1 << 63,
	} {
		r := cborReader{data: unhex(in)}
		if got, err := r.integer(); err != nil || got != want {
			t.Errorf("%s: %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"1b8000000000000000", "3b8000000000000000", "1bffffffffffffffff", "3bffffffffffffffff"} {
		r := cborReader{data: unhex(in)}
		if got, err := r.integer(); err == nil {
			t.Errorf("%s read as %d", in, got)
		}
	}
}
