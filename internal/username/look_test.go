package username

import "testing"

func TestLook(t *testing.T) {
	for _, same := range [][]string{
		{"ada", "аԁа", "𝐚𝐝𝐚", "ADA"},
		{"pace", "расе", "ρасе"},
		{"modern", "rnodern", "mоdеrn"},
		{"o0", "оО", "ⲟο"},
		{"user1", "userl", "uѕеrⅼ"},
		{"capa", "Сара", "сара"},
		{"nina", "ոіոа"},
	} {
		want, _ := Look(same[0])
		for _, name := range same {
			if got, _ := Look(name); got != want {
				t.Errorf("%q looks like %q and %q like %q", name, got, same[0], want)
			}
		}
	}
	for _, pair := range [][2]string{{"ada", "adá"}, {"Вера", "Bepa1"}, {"ada", "eda"}, {"עדה", "אדה"}} {
		a, _ := Look(pair[0])
		if b, _ := Look(pair[1]); a == b {
			t.Errorf("%q and %q have one look: %q", pair[0], pair[1], a)
		}
	}
	if _, plain := Look("Ada@Example.org"); !plain {
		t.Error("an ASCII name is not plain")
	}
	if _, plain := Look("аda"); plain {
		t.Error("a Cyrillic letter is plain")
	}
}

// SQL computes the look of plain names by itself; see package store.
func TestLookOfPlainNames(t *testing.T) {
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789@.-_+ |" {
		want := string(c)
		switch c {
		case 'm':
			want = "rn"
		case '1', '|':
			want = "l"
		case '0':
			want = "o"
		}
		if got, _ := Look("x" + string(c) + "x"); got != "x"+want+"x" {
			t.Errorf("%q looks like %q, want %q", c, got, want)
		}
	}
}
