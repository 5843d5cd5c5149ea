package documents_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
)

// The three commands of the README that register a user do what their comments say, in this order.
func TestThreeLinesOfTheReadme(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, block := range fenced(t, "sh")["README.md"] {
		for line := range strings.Lines(block) {
			if strings.HasPrefix(line, "countersign ") {
				line, _, _ = strings.Cut(line, "#")
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	if len(lines) != 3 {
		t.Fatalf("%d commands, want 3: %q", len(lines), lines)
	}
	database, org := "--database=sqlite:"+filepath.Join(t.TempDir(), "countersign.db"), ""
	for i, want := range []string{"Organisation Analytical Engines is created: or-", "/register#", "invited"} {
		line := strings.ReplaceAll(strings.TrimPrefix(lines[i], "countersign "), "or-…", org)
		var args []string
		for _, w := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
			args = append(args, strings.Trim(w, `"`))
		}
		out, problems, status := countersigntest.Command(t, "", append(args, database)...)
		if status != 0 || !strings.Contains(out, want) {
			t.Fatalf("%s: %d %s%s, want %q", lines[i], status, out, problems, want)
		}
		if id := regexp.MustCompile(`or-[a-z0-9-]+`).FindString(out); org == "" {
			org = id
		}
	}
}
