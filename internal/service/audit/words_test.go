package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/store"
)

// kindOfEvent is how kinds are spelt: "service_account.created".
var kindOfEvent = regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$`)

// TestEveryKindOfEventHasWords reads the token: in a package that makes events, a text
// that is spelt like a kind of event is one.
func TestEveryKindOfEventHasWords(t *testing.T) {
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && outside[d.Name()] {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for dir, files := range packages {
		if !makesEvents(files) {
			continue
		}
		for _, kind := range kindsIn(files) {
			found[kind] = true
			if !audit.Known(kind) {
				t.Errorf("%s: an event of kind %q would have no words; give it some in words.go", dir, kind)
			}
		}
	}
	t.Logf("%d kinds", len(found))
	for _, kind := range []string{"user.invited", "user.deactivated", "user.logged_in", "permission.assigned", "action.consumed", "credential.backup_changed"} {
		if !found[kind] {
			t.Errorf("the kind %q was not found, so others may have been missed", kind)
		}
	}
}

// outside are folders that record no events of a running server.
var outside = map[string]bool{"countersigntest": true, "acceptance": true, "bench": true, "example": true, "testing": true, "store": true, "audit": true,
	".git": true, "build": true, "node_modules": true}

// makesEvents reports whether there is a store.Event{…} or a store.NewEvent(…).
func makesEvents(files []*ast.File) (makes bool) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			var made ast.Expr
			switch n := n.(type) {
			case *ast.CompositeLit:
				made = n.Type
			case *ast.CallExpr:
				made = n.Fun
			}
			name, ok := made.(*ast.SelectorExpr)
			makes = makes || ok && (name.Sel.Name == "Event" || name.Sel.Name == "NewEvent")
			return true
		})
	}
	return makes
}

func kindsIn(files []*ast.File) (kinds []string) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && kindOfEvent.MatchString(text) {
					kinds = append(kinds, text)
				}
			}
			return true
		})
	}
	return kinds
}

func TestSummaries(t *testing.T) {
	const actor, subject = "us-actor", "us-subject"
	ada := store.AuditEntry{ActorID: actor, ActorName: "Ada Lovelace", SubjectID: subject, SubjectName: "Bob {actor}"}
	for _, c := range []struct {
		kind, detail, want string
	}{
		{"user.invited", "", "Ada Lovelace invited Bob {actor}"},
		{"user.registered", `{"credentials":[{"kind":"Fido2"},{"kind":"RecoveryKey"}]}`, "Bob {actor} registered with a passkey"},
		{"user.logged_in", `{"kind":"Key"}`, "Bob {actor} logged in with a key"},
		{"user.logged_in", `{"kind":"PasswordProtectedKey"}`, "Bob {actor} logged in with a password-protected key"},
		{"user.logged_in", `not JSON`, "Bob {actor} logged in with a credential"},
		{"permission.created", `{"name":"Treasury {subject}"}`, "Ada Lovelace made the permission Treasury {subject}"},
		{"permission.assigned", `{"name":"Treasury","identityId":"us-subject"}`, "Ada Lovelace gave the permission Treasury to Bob {actor}"},
		{"permission.assigned", `{"name":"Treasury","identityId":"to-1"}`, "Ada Lovelace gave the permission Treasury to the access token to-1 of Bob {actor}"},
		{"permission.revoked", `{"name":"Treasury","identityId":"ap-1"}`, "Ada Lovelace took the permission Treasury from the application ap-1"},
		{"action.consumed", `{"method":"POST","path":"/transfers?x=1"}`, "Bob {actor} had POST /transfers?x=1 done by another service"},
		{"something.new", "", "something.new"},
	} {
		e := ada
		e.Kind, e.Detail = c.kind, []byte(c.detail)
		if got := audit.Summary(e); got != c.want {
			t.Errorf("%s: %q, want %q", c.kind, got, c.want)
		}
	}
	for want, e := range map[string]store.AuditEntry{
		"The operator invited somebody":    {Kind: "user.invited"},
		"us-actor deactivated us-subject":  {Kind: "user.deactivated", ActorID: actor, SubjectID: subject},
		"Refused: The code is not {right}": {Kind: "user.invited", Refused: true, Message: "The code is not {right}"},
	} {
		if got := audit.Summary(e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
