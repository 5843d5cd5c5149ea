package view

import (
	"strings"
	"unicode/utf8"
)

// formula has the characters that a formula begins with; some spreadsheets take the wide ones too.
const formula = "=+-@\t\r＝＋－＠"

// WithoutFormula quotes a text that a spreadsheet would take for a formula.
func WithoutFormula(text string) string {
	if begins, _ := utf8.DecodeRuneInString(text); text != "" && strings.ContainsRune(formula, begins) {
		return "'" + text
	}
	return text
}
