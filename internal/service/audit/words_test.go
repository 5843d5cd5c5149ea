package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/service/audit"
	"github.com/countersign/countersign/internal/store"
)

// TestEveryKindOfEventHasWords reads the file that names all kinds.
func TestEveryKindOfEventHasWords(t *testing.T) {
	kinds := texts(t, filepath.Join("..", "..", "store", "eventkind.go"))
	for _, kind := range kinds {
		if !audit.Known(kind) {
			t.Errorf("an event of kind %q would have no words; give it some in words.go", kind)
		}
	}
	for _, kind := range []string{"user.invited", "user.deactivated", "user.logged_in", "permission.assigned", "action.consumed", "credential.backup_changed"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("the kind %q was not found, so others may have been missed", kind)
		}
	}
}

// TestKindsOfEventAreNamedOnce: a kind that is spelt out elsewhere is missing from that file, or
// may be misspelt.
func TestKindsOfEventAreNamedOnce(t *testing.T) {
	kind := regexp.MustCompile(`^(organisation|user|session|registration|login|credential|service_account|token|application|permission|action)\.[a-z_]+$`)
	for _, folder := range []string{"service", "auth", "server"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "words.go" {
				return err
			}
			for _, text := range texts(t, path) {
				if kind.MatchString(text) {
					t.Errorf("%s spells the kind %q; use its constant in store/eventkind.go", path, text)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// texts returns the string literals of a Go file.
func texts(t *testing.T, path string) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				all = append(all, text)
			}
		}
		return true
	})
	return all
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
