package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/countersign/countersign/"

// floors are folders, from the top down. A package imports packages of its own floor and of
// those below it.
var floors = [][]string{
	{"cmd"},
	{"internal/app"},
	{"internal/server"},
	{"internal/pages", "internal/service"},
	{"internal/auth", "receipt"},
	{"internal/verify", "internal/outbound", "internal/cache", "internal/store", "internal/keyring", "internal/mail", "internal/relyingparty", "internal/username", "internal/pagination", "internal/spelling"},
	{"api"},
}

// beside stands what no part of the server imports: what other programs use, and tests.
var beside = []string{"client", "guard", "countersigntest", "internal/testing", "internal/acceptance", "internal/bench", "internal/example", "internal/scripts"}

func TestImportsOnlyGoDown(t *testing.T) {
	for _, p := range packages(t) {
		mine := floor(p.name)
		if slices.ContainsFunc(beside, within(p.name)) {
			continue
		}
		if mine < 0 {
			t.Errorf("%s is on no floor; put it into a folder that is, or give it one in floors_test.go", p.name)
		}
		for _, lower := range p.imports {
			switch theirs := floor(lower); {
			case theirs < 0:
				t.Errorf("%s imports %s, which stands beside the server", p.name, lower)
			case theirs < mine:
				t.Errorf("%s imports %s, which is above it", p.name, lower)
			case within(p.name)("internal/service") && within(lower)("internal/service"):
				t.Errorf("%s imports %s; what two services share moves down into internal/auth", p.name, lower)
			}
		}
	}
}

// A folder's packages import nothing of the standard library that their promises exclude.
func TestFoldersKeepTheirPromises(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.all {
			switch {
			case within(p.name)("internal/verify") && slices.Contains([]string{"os", "net", "net/http", "database/sql", module + "internal/store"}, i):
				t.Errorf("%s imports %s; internal/verify does no I/O", p.name, i)
			case within(p.name)("internal/service") && i == "net/http":
				t.Errorf("%s imports net/http; services do not serve HTTP", p.name)
			case p.name == "api" && strings.Contains(i, "."):
				t.Errorf("api imports %s; it needs the standard library alone", i)
			case p.name == "client" && strings.HasPrefix(i, module) && i != module+"api":
				t.Errorf("client imports %s; of this module it needs api alone", i)
			}
		}
	}
}

// within returns a function that reports whether a package is the folder or in it.
func within(name string) func(folder string) bool {
	return func(folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }
}

// floor counts from the top; it is -1 for what is on none.
func floor(name string) int {
	return slices.IndexFunc(floors, func(folders []string) bool { return slices.ContainsFunc(folders, within(name)) })
}

type goPackage struct {
	name    string   // below the module
	imports []string // of this module, likewise
	all     []string
}

func packages(t *testing.T) (all []goPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&listed); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if listed.ImportPath == module+"internal" {
			continue
		}
		p := goPackage{name: strings.TrimPrefix(listed.ImportPath, module), all: listed.Imports}
		for _, i := range listed.Imports {
			if name, ours := strings.CutPrefix(i, module); ours {
				p.imports = append(p.imports, name)
			}
		}
		all = append(all, p)
	}
}
