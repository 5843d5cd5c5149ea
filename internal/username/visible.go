package username

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// hides reports whether a text holds a character that cannot be seen: a control, format (bidi
// overrides, zero width) or private character, a space other than U+0020, a character that
// Unicode lets programs leave out (Default_Ignorable_Code_Point), or one that is drawn blank.
// Characters that join others are no such thing where a script or an emoji needs them. The
// tables are those of Go's package unicode (unicode.Version, 15.0.0 at the time of writing).
func hides(text string) bool {
	if !strings.ContainsFunc(text, invisible) {
		return false
	}
	all := []rune(text)
	for i, r := range all {
		if invisible(r) && !joins(all, i) {
			return true
		}
	}
	return false
}

func invisible(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || slices.Contains(blank, r)
}

// blank are characters that are drawn as nothing although their category says otherwise.
var blank = []rune{
	0x2800,  // braille pattern blank
	0xFFFC,  // object replacement character
	0x16FE4, // Khitan small script filler
	0x1D159, // musical symbol null notehead
}

const (
	zwnj = '\u200c'
	zwj  = '\u200d'
)

// joins reports whether the invisible character at i changes how its neighbours look, as the
// orthography of a language or an emoji needs it. For joiners the rule is that of RFC 5892,
// appendices A.1 and A.2, and the ZWJ between emoji and in Bengali ya-phalaa besides.
func joins(all []rune, i int) bool {
	before, after := at(all, i-1), at(all, i+1)
	switch r := all[i]; {
	case r == zwnj && (virama(before) || joinsLeft(letterBefore(all, i)) && unicode.Is(unicode.Arabic, letterAfter(all, i))):
		return true
	case r == zwj && virama(before):
		return true
	case r == zwj && unicode.IsLetter(before) && virama(after):
		return true
	case r == zwj:
		if i > 0 && (before == 0xFE0F || before >= 0x1F3FB && before <= 0x1F3FF) { // presentation, or the colour of a skin
			before = at(all, i-2)
		}
		return unicode.Is(emoji, before) && unicode.Is(emoji, after)
	case r == 0xFE0E || r == 0xFE0F:
		return unicode.Is(emoji, before) || after == 0x20E3 && strings.ContainsRune("0123456789#*", before)
	case r >= 0xFE00 && r <= 0xFE02 || r >= 0xE0100 && r <= 0xE01EF: // variants of ideographs, as Japanese names have them
		return unicode.Is(unicode.Ideographic, before)
	case r >= 0x180B && r <= 0x180F:
		return unicode.Is(unicode.Mongolian, before) && unicode.IsLetter(before)
	case r >= 0xE0020 && r <= 0xE007F:
		return inFlag(all, i)
	}
	return false
}

func at(all []rune, i int) rune {
	if i < 0 || i >= len(all) {
		return 0
	}
	return all[i]
}

func letterBefore(all []rune, i int) rune {
	for i--; unicode.Is(unicode.Mn, at(all, i)); i-- {
	}
	return at(all, i)
}

func letterAfter(all []rune, i int) rune {
	for i++; unicode.Is(unicode.Mn, at(all, i)); i++ {
	}
	return at(all, i)
}

// virama reports whether r kills the vowel of the letter before it (canonical combining class 9).
func virama(r rune) bool { return r != 0 && norm.NFC.PropertiesString(string(r)).CCC() == 9 }

// joinsLeft reports whether r is an Arabic letter that connects to the one after it
// (Joining_Type Dual_Joining).
func joinsLeft(r rune) bool {
	return unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r) && !unicode.Is(joinsNotLeft, r)
}

// joinsNotLeft are the Arabic letters of the other joining types.
var joinsNotLeft = &unicode.RangeTable{R16: []unicode.Range16{
	{0x0621, 0x0625, 1}, {0x0627, 0x0629, 2}, {0x062F, 0x0632, 1}, {0x0648, 0x0648, 1}, {0x0671, 0x0677, 1}, {0x0688, 0x0699, 1},
	{0x06C0, 0x06C0, 1}, {0x06C3, 0x06CB, 1}, {0x06CD, 0x06CF, 2}, {0x06D2, 0x06D3, 1}, {0x06D5, 0x06D5, 1}, {0x06EE, 0x06EF, 1},
	{0x0759, 0x075B, 1}, {0x076B, 0x076C, 1}, {0x0771, 0x0771, 1}, {0x0773, 0x0774, 1}, {0x0778, 0x0779, 1}, {0x0870, 0x0882, 1}, {0x088E, 0x088E, 1},
	{0x08AA, 0x08AE, 1}, {0x08B1, 0x08B2, 1}, {0x08B9, 0x08B9, 1}, {0xFB50, 0xFDFF, 1}, {0xFE70, 0xFEFF, 1},
}, R32: []unicode.Range32{{0x1EE00, 0x1EEFF, 1}}}

// emoji are the characters that have an emoji presentation: those of emoji-variation-sequences.txt
// and the blocks of emoji and of miscellaneous symbols as a whole.
var emoji = &unicode.RangeTable{R16: []unicode.Range16{
	{0x00A9, 0x00AE, 5}, {0x203C, 0x203C, 1}, {0x2049, 0x2049, 1}, {0x2122, 0x2122, 1}, {0x2139, 0x2139, 1}, {0x2194, 0x2199, 1}, {0x21A9, 0x21AA, 1},
	{0x231A, 0x231B, 1}, {0x2328, 0x2328, 1}, {0x23CF, 0x23CF, 1}, {0x23E9, 0x23F3, 1}, {0x23F8, 0x23FA, 1}, {0x24C2, 0x24C2, 1}, {0x25AA, 0x25AB, 1},
	{0x25B6, 0x25B6, 1}, {0x25C0, 0x25C0, 1}, {0x25FB, 0x25FE, 1}, {0x2600, 0x27BF, 1}, {0x2934, 0x2935, 1}, {0x2B05, 0x2B07, 1}, {0x2B1B, 0x2B1C, 1},
	{0x2B50, 0x2B50, 1}, {0x2B55, 0x2B55, 1}, {0x3030, 0x3030, 1}, {0x303D, 0x303D, 1}, {0x3297, 0x3299, 2},
}, R32: []unicode.Range32{{0x1F000, 0x1FAFF, 1}}}

// inFlag reports whether the tag at i is part of the flag of a region: a black flag, three to
// six tags of letters or digits, and the tag that ends them (UTS 51, ED-14a).
func inFlag(all []rune, i int) bool {
	start := i
	for at(all, start) >= 0xE0020 && at(all, start) <= 0xE007F {
		start--
	}
	end := start + 1
	for r := at(all, end); r >= 0xE0030 && r <= 0xE0039 || r >= 0xE0061 && r <= 0xE007A; r = at(all, end) {
		end++
	}
	tags := end - start - 1
	return at(all, start) == 0x1F3F4 && tags >= 3 && tags <= 6 && at(all, end) == 0xE007F && i <= end
}
