// Package spelling finds the right name for one that was misspelt.
package spelling

import "strings"

// longest is how many bytes of a name are compared; nobody means more.
const longest = 64

// Alike reports whether two names differ in nothing but case, "_" and "-": "external_id" and
// "externalId".
func Alike(a, b string) bool { return strings.EqualFold(join(a), join(b)) }

// Nearest returns the name among those that may be meant, "" if none is near. Of names that
// are equally near it returns the first.
func Nearest(meant string, names []string) string {
	folded := strings.ToLower(join(meant))
	if folded == "" || len(folded) > longest {
		return ""
	}
	nearest, least := "", len(folded)
	for _, name := range names {
		other := strings.ToLower(join(name))
		most := max(1, max(len(folded), len(other))/3) // of three letters one may be wrong
		if d := distance(folded, other); d <= most && (nearest == "" || d < least) {
			nearest, least = name, d
		}
	}
	return nearest
}

func join(name string) string { return strings.NewReplacer("_", "", "-", "").Replace(name) }

// distance is how many bytes must be added, removed or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
