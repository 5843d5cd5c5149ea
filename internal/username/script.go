package username

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// mixed says how a name could be taken for another because of its scripts, or "". The rules are
// those of UTS 39 that need no other name to compare with: a word is of one script, or of those
// that Japanese, Chinese and Korean write together with Latin; and a word of look-alikes alone
// does not stand beside Latin ones. A name that is wholly of one script passes; whether it looks like
// another of the organisation is for Look to tell.
func mixed(name string) string {
	if isASCII(name) {
		return ""
	}
	var latin, imitates bool
	for word := range strings.FieldsFuncSeq(norm.NFKC.String(name), func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
		scripts := scriptsOf(word)
		if !together(scripts) {
			return "mixes letters of different scripts in one word"
		}
		if strings.ContainsAny(word, latinLookalikes) {
			return "holds a phonetic letter that looks like another letter"
		}
		latin = latin || slices.Contains(scripts, "Latin")
		imitates = imitates || len(scripts) > 0 && !slices.Contains(scripts, "Latin") && strings.Trim(word, lookalikes) == ""
	}
	if latin && imitates {
		return "holds a word of another script that looks like Latin letters"
	}
	return ""
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// scriptsOf returns the scripts of a word, without those that all scripts share.
func scriptsOf(word string) (all []string) {
	for _, r := range word {
		if unicode.In(r, unicode.Inherited) {
			continue
		}
		if s := scriptOf(r); s != "Common" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func scriptOf(r rune) string {
	switch {
	case r <= unicode.MaxLatin1 && unicode.Is(unicode.Latin, r):
		return "Latin"
	case r >= 0x0660 && r <= 0x0669: // digits that are of no script to Unicode
		return "Arabic"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return "Common"
}

// together reports whether one word may have all these scripts.
func together(scripts []string) bool {
	if len(scripts) < 2 {
		return true
	}
	for _, set := range [][]string{
		{"Latin", "Han", "Hiragana", "Katakana"},
		{"Latin", "Han", "Hangul"},
		{"Latin", "Han", "Bopomofo"},
	} {
		if !slices.ContainsFunc(scripts, func(s string) bool { return !slices.Contains(set, s) }) {
			return true
		}
	}
	return false
}

const (
	// lookalikes are letters whose prototype in confusables.txt of UTS 39, version 13.0.0, is of
	// ASCII letters and digits. They are those of scripts in use that have several.
	lookalikes = "ՍՏՕագզհոռսցքօ" + // Armenian
		"ᐯᑌᑭᑯᑲᒍᒪᒿᕁᕼᕽᖇᖯᖴᗅᗞᗪᗰᗷ" + // Canadian Aboriginal
		"ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏎᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏮᏳᏴꭵꮁꮃꮓꮩꮪꮯ" + // Cherokee
		"ϨⲅⲎⲒⲔⲘⲚⲞⲟⲢⲣⲤⲥⲦⲨⲬⳊⳌⳐⳒ" + // Coptic
		"ЅІЈАВЕЗКМНОРСТУХЬабгеорсухѕіјѡѴѵҮүһҽӀӏӔӕӠԁԌԛԜԝꙄꙇꚘꚙ" + // Cyrillic
		"𐐄𐐕𐐛𐐠𐐬𐐽𐑈" + // Deseret
		"ყჿ" + // Georgian
		"ͿΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγινορσυϜϳϺᴦ" + // Greek
		"ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ" + // Lisu
		"𐒴𐓂𐓎𐓒𐓪𐓶" + // Osage
		"ⴸⴹⵏⵔⵕⵝ" // Tifinagh
	// latinLookalikes are Latin letters of phonetic notation with such a prototype. Those of an
	// alphabet in use, such as the dotless ı, are none.
	latinLookalikes = "ɑɡɪʏᴄᴏᴑᴜᴠᴡᴢᶃᶌꜱꞘꞙꞟꬲꬵꬽꭇꭈꭎꭒꭚ"
)
