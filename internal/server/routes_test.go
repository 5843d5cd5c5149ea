package server

import (
	"os"
	"strings"
	"testing"
)

// Each operation of the table has its summary, and no summary is left over.
func TestEveryOperationHasASummary(t *testing.T) {
	described := map[string]bool{}
	for _, g := range new(Server).routes() {
		for _, row := range g.routes {
			if row.id != "" && summaries[row.id] == "" {
				t.Errorf("%s has no summary", row.id)
			}
			if described[row.id] && row.id != "" {
				t.Errorf("two routes are called %s", row.id)
			}
			described[row.id] = true
		}
	}
	for id := range summaries {
		if !described[id] {
			t.Errorf("the summary of %s is of no route", id)
		}
	}
}

// The table can be read without scrolling sideways.
func TestTableFitsTheScreen(t *testing.T) {
	text, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		if len([]rune(strings.ReplaceAll(line, "\t", "    "))) > 160 {
			t.Errorf("line %d of routes.go is wider than 160 columns", n+1)
		}
	}
}
