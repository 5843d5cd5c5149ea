package browser_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// symbol is a QR code: rows of modules, true for a dark one.
type symbol [][]bool

// drawn reads the symbol that a picture shows.
func drawn(t *testing.T, tab *chromium.Tab, selector string) symbol {
	t.Helper()
	var rows []string
	tab.Eval(`(() => {
		const picture = document.querySelector(`+quote(selector)+`);
		const size = picture.viewBox.baseVal.width;
		const rows = Array.from({length: size}, () => new Array(size).fill("0"));
		for (const [, x, y] of picture.querySelector("path").getAttribute("d").matchAll(/M(\d+) (\d+)h1v1h-1z/g)) rows[y][x] = "1";
		return rows.map((r) => r.join(""));
	})()`, &rows)
	for i, row := range rows {
		quiet := i < 4 || i >= len(rows)-4
		if quiet && strings.Contains(row, "1") || strings.Contains(row[:4]+row[len(row)-4:], "1") {
			t.Fatal("there is no quiet zone of four modules around the symbol")
		}
	}
	rows = rows[4 : len(rows)-4]
	for i := range rows {
		rows[i] = rows[i][4 : len(rows[i])-4]
	}
	return symbolOf(rows)
}

func symbolOf(rows []string) symbol {
	s := make(symbol, len(rows))
	for y, row := range rows {
		for _, c := range row {
			s[y] = append(s[y], c == '1')
		}
	}
	return s
}

// read decodes a symbol with bytes at level M (ISO/IEC 18004:2015, section 12), and corrects nothing: each
// module must be right.
func (s symbol) read() (string, error) {
	version := (len(s) - 17) / 4
	if version < 1 || version > 10 || len(s) != 17+4*version {
		return "", fmt.Errorf("a symbol of %d modules", len(s))
	}
	mask, err := s.format()
	if err != nil {
		return "", err
	}
	fixed := s.function(version)
	if err := s.checkPatterns(version); err != nil {
		return "", err
	}
	var stream []byte
	for pair, right := 0, len(s)-1; right > 0; pair, right = pair+1, right-2 {
		if right == 6 {
			right--
		}
		for i := range len(s) {
			y := i
			if pair%2 == 0 {
				y = len(s) - 1 - i
			}
			for _, x := range []int{right, right - 1} {
				if !fixed[y][x] {
					stream = append(stream, bit(s[y][x] != masked(mask, x, y)))
				}
			}
		}
	}
	var words []byte
	for i := 0; i+8 <= len(stream); i += 8 {
		var b byte
		for _, one := range stream[i : i+8] {
			b = b<<1 | one
		}
		words = append(words, b)
	}
	return message(words, version)
}

func bit(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// format reads the level and the mask from both places.
func (s symbol) format() (mask int, err error) {
	n := len(s)
	var near, far int
	for _, at := range [][2]int{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}, {5, 8}, {7, 8}, {8, 8}, {8, 7}, {8, 5}, {8, 4}, {8, 3}, {8, 2}, {8, 1}, {8, 0}} {
		near = near<<1 | int(bit(s[at[1]][at[0]]))
	}
	for i := range 7 {
		far = far<<1 | int(bit(s[n-1-i][8]))
	}
	for i := range 8 {
		far = far<<1 | int(bit(s[8][n-8+i]))
	}
	near ^= 0x5412
	if near != far^0x5412 || remainder(near, 0x537) != 0 || near>>13 != 0 {
		return 0, fmt.Errorf("the format is %015b and %015b", near, far^0x5412)
	}
	return near >> 10 & 7, nil
}

func remainder(value, polynomial int) int {
	for length := bits.Len(uint(polynomial)); bits.Len(uint(value)) >= length; {
		value ^= polynomial << (bits.Len(uint(value)) - length)
	}
	return value
}

func centres(version int) []int {
	return [][]int{nil, {6, 18}, {6, 22}, {6, 26}, {6, 30}, {6, 34}, {6, 22, 38}, {6, 24, 42}, {6, 26, 46}, {6, 28, 50}}[version-1]
}

// function marks the modules that are not data.
func (s symbol) function(version int) symbol {
	n := len(s)
	f := make(symbol, n)
	for y := range f {
		f[y] = make([]bool, n)
		for x := range f[y] {
			corner := x < 9 && y < 9 || x < 9 && y >= n-8 || x >= n-8 && y < 9
			versions := version >= 7 && (x < 6 && y >= n-11 || y < 6 && x >= n-11)
			f[y][x] = corner || versions || x == 6 || y == 6
		}
	}
	all := centres(version)
	for _, x := range all {
		for _, y := range all {
			last := all[len(all)-1]
			if x == 6 && y == 6 || x == 6 && y == last || x == last && y == 6 {
				continue
			}
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					f[y+dy][x+dx] = true
				}
			}
		}
	}
	return f
}

// checkPatterns looks at what readers find the symbol by.
func (s symbol) checkPatterns(version int) error {
	n := len(s)
	finder := []string{"1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"}
	for _, corner := range [][2]int{{0, 0}, {n - 7, 0}, {0, n - 7}} {
		for y, row := range finder {
			for x, c := range row {
				if s[corner[1]+y][corner[0]+x] != (c == '1') {
					return fmt.Errorf("no finder pattern at %v", corner)
				}
			}
		}
	}
	for i := 8; i < n-8; i++ {
		if s[6][i] != (i%2 == 0) || s[i][6] != (i%2 == 0) {
			return fmt.Errorf("the timing patterns are wrong at %d", i)
		}
	}
	if !s[n-8][8] {
		return fmt.Errorf("the dark module is light")
	}
	if all := centres(version); len(all) > 0 {
		last := all[len(all)-1]
		if !s[last][last] || s[last-1][last] || !s[last-2][last] || s[last][last+1] || !s[last][last+2] {
			return fmt.Errorf("no alignment pattern at %d", last)
		}
	}
	if version >= 7 {
		var one, two int
		for i := 17; i >= 0; i-- {
			one = one<<1 | int(bit(s[n-11+i%3][i/3]))
			two = two<<1 | int(bit(s[i/3][n-11+i%3]))
		}
		if one != two || remainder(one, 0x1f25) != 0 || one>>12 != version {
			return fmt.Errorf("the version is %018b and %018b", one, two)
		}
	}
	return nil
}

func masked(mask, x, y int) bool {
	return [...]bool{(y+x)%2 == 0, y%2 == 0, x%3 == 0, (y+x)%3 == 0, (y/2+x/3)%2 == 0, y*x%2+y*x%3 == 0,
		(y*x%2+y*x%3)%2 == 0, ((y+x)%2+y*x%3)%2 == 0}[mask]
}

// message takes the blocks apart, checks each, and reads the bytes. The blocks of a version have so many
// words of data, and of error correction.
func message(words []byte, version int) (string, error) {
	lengths := [][]int{{16}, {28}, {44}, {32, 32}, {43, 43}, {27, 27, 27, 27}, {31, 31, 31, 31}, {38, 38, 39, 39},
		{36, 36, 36, 37, 37}, {43, 43, 43, 43, 44}}[version-1]
	correction := []int{10, 16, 26, 18, 24, 16, 18, 22, 22, 26}[version-1]
	blocks := make([][]byte, len(lengths))
	at := 0
	for i := 0; i < lengths[len(lengths)-1]; i++ {
		for b, length := range lengths {
			if i < length {
				blocks[b] = append(blocks[b], words[at])
				at++
			}
		}
	}
	for range correction {
		for b := range blocks {
			blocks[b] = append(blocks[b], words[at])
			at++
		}
	}
	if at != len(words) {
		return "", fmt.Errorf("%d words, want %d", len(words), at)
	}
	var data []byte
	for b, block := range blocks {
		if !whole(block, correction) {
			return "", fmt.Errorf("block %d is damaged", b)
		}
		data = append(data, block[:lengths[b]]...)
	}
	if data[0]>>4 != 4 {
		return "", fmt.Errorf("the mode is %d, want bytes", data[0]>>4)
	}
	half := func(i int) byte { return data[i]<<4 | data[i+1]>>4 }
	length, first := int(half(0)), 1
	if version >= 10 {
		length, first = length<<8|int(half(1)), 2
	}
	var text []byte
	for i := range length {
		text = append(text, half(first+i))
	}
	return string(text), nil
}

// whole reports whether a block has no error: its polynomial is zero at the first powers of two.
func whole(block []byte, correction int) bool {
	double := func(a byte) byte {
		if a&0x80 != 0 {
			return a<<1 ^ 0x1d
		}
		return a << 1
	}
	times := func(a, b byte) (product byte) {
		for ; b > 0; b >>= 1 {
			if b&1 != 0 {
				product ^= a
			}
			a = double(a)
		}
		return product
	}
	point := byte(1)
	for range correction {
		var value byte
		for _, word := range block {
			value = times(value, point) ^ word
		}
		if value != 0 {
			return false
		}
		point = double(point)
	}
	return true
}

// The page's QR codes of every version can be read, and are those of another encoder where both choose
// the same mask.
func TestQRCodes(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	tab := adminIn(t, srv).Tab
	var made [][]string
	tab.Eval(`(async () => {
		const { modules } = await import(performance.getEntriesByType("resource").find((e) => e.name.includes("/assets/qr.")).name);
		const made = [];
		for (let n = 0; n <= 213; n++) {
			const text = "https://id.example.org/add#code=ABC-DEF-GHJ".repeat(5).slice(0, n);
			made.push([text, ...modules(text).map((row) => row.map(Number).join(""))]);
		}
		try { modules("x".repeat(214)); } catch { made.push([]); }
		made.push(["\u00fc\u20ac\u{1f511}", ...modules("\u00fc\u20ac\u{1f511}").map((row) => row.map(Number).join(""))]);
		return made;
	})()`, &made)
	if len(made) != 216 || len(made[214]) != 0 {
		t.Fatalf("%d symbols; too long a text must be none", len(made))
	}
	same := map[int]string{ // by length, one of each version
		1: "848f621f7ecfca7e", 15: "3d740491a44e496a", 32: "47fd303ac021b68d", 47: "c6ba9f1dc24e5aef", 64: "c22247e55f3eb129",
		87: "f37d08704b8e4b18", 112: "d651f9053277e9bf", 125: "2e259791f37102f7", 156: "1577f1085e5518b1", 181: "a62e3e4ce4ce5721"}
	versions := map[int]bool{}
	for _, m := range append(made[:214:214], made[215]) {
		got, err := symbolOf(m[1:]).read()
		if err != nil || got != m[0] {
			t.Errorf("%q is read as %q, %v", m[0], got, err)
		}
		versions[len(m)-1] = true
		sum := sha256.Sum256([]byte(strings.Join(m[1:], "\n")))
		if want := same[len(m[0])]; want != "" && want != hex.EncodeToString(sum[:8]) {
			t.Errorf("%q is another symbol than elsewhere: %x", m[0], sum[:8])
		}
	}
	if len(versions) != 10 {
		t.Errorf("%d versions were made, want 10", len(versions))
	}
}
