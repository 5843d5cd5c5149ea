package countersign_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/countersign/countersign/"

// floors, from the top down. A package may import packages of lower floors only, so
// rooms, which share a floor, never import each other.
var floors = [][]string{
	{"cmd/countersign"},
	{"server"},
	{"pages", "internal/web"},
	{"registration", "login", "action", "account", "user", "serviceaccount", "token", "permission", "application",
		"audit", "organisation", "refusal"},
	{"invitation", "assertion", "bearer", "receipt"},
	{"access", "pagination"},
	{"ceremony", "mail", "keyring", "relyingparty", "username"},
	{"store", "webauthn", "keycredential"},
	{"publickey", "useraction"},
	{"api"},
}

// outside the house: may see everything, and nothing inside may see them.
var outside = []string{"countersigntest", "acceptance", "bench", "client", "guard", "example"}

// serveHTTP is who may import net/http: the front door, its adapter and the pages.
var serveHTTP = map[string]bool{"server": true, "internal/web": true, "pages": true, "client": true}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsOnlyGoDown(t *testing.T) {
	floorOf := map[string]int{}
	for i, floor := range floors {
		for _, p := range floor {
			floorOf[p] = i
		}
	}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if isOutside(name) {
			continue
		}
		mine, known := floor(floorOf, name)
		if !known {
			t.Errorf("%s is on no floor; give it one in floors_test.go and a line in doc.go", name)
			continue
		}
		for _, i := range p.Imports {
			if i == "net/http" && !serveHTTP[name] {
				t.Errorf("%s imports net/http; rooms do not serve HTTP", name)
			}
			lower, ours := strings.CutPrefix(i, module)
			if !ours || strings.HasPrefix(lower, name+"/") {
				continue
			}
			if isOutside(lower) {
				t.Errorf("%s imports %s, which stands outside the house", name, lower)
			} else if theirs, known := floor(floorOf, lower); known && theirs <= mine {
				t.Errorf("%s imports %s, which is not below it", name, lower)
			}
		}
	}
}

func TestClientNeedsTheAPIAlone(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			lower, ours := strings.CutPrefix(i, module)
			switch {
			case name == "client" && ours && lower != "api":
				t.Errorf("client imports %s", lower)
			case name == "api" && strings.Contains(i, "."):
				t.Errorf("api imports %s; it needs the standard library alone", i)
			}
		}
	}
}

// floor finds the floor of a package or of the package it is inside of.
func floor(floors map[string]int, name string) (int, bool) {
	for {
		if f, ok := floors[name]; ok {
			return f, true
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return 0, false
		}
		name = name[:i]
	}
}

func isOutside(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	for _, o := range outside {
		if top == o {
			return true
		}
	}
	return top == strings.TrimSuffix(module, "/")
}

func list(t *testing.T) (all []listed) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if p.ImportPath != strings.TrimSuffix(module, "/") {
			all = append(all, p)
		}
	}
}
