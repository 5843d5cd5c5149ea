package documents_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

// root is the top of the repository.
const root = "../../.."

// read returns the documents that people copy from, by name.
func read(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"README.md", "SECURITY.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			world.Must(t, err)
			all[filepath.Base(file)] = string(text)
		}
	}
	return all
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// fenced returns the blocks of one language, by document.
func fenced(t *testing.T, language string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, text := range read(t) {
		for _, f := range fence.FindAllStringSubmatch(text, -1) {
			if f[1] == language {
				all[name] = append(all[name], f[2])
			}
		}
	}
	return all
}

// program calls what the documents declare, in the order in which a reader would.
const program = `package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/guard"
)

func main() {
	ctx, org := context.Background(), os.Getenv("ORG")
	id, key, err := register(ctx, org, "ada@example.org", os.Getenv("CODE"))
	must(err)
	session, err := invite(ctx, org, "ada@example.org", id, key)
	must(err)
	mux := http.NewServeMux()
	must(protect(mux))
	for _, signed := range []bool{true, false} {
		const body = "{\"amount\":1}"
		req := httptest.NewRequest("POST", "https://pay.example.org/transfers", strings.NewReader(body))
		if signed {
			must(sign(ctx, session, req, []byte(body)))
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		fmt.Println(w.Code, w.Body)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

`

// The Go of the documents compiles and does what it says.
func TestGo(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	inv := srv.Invite(t, srv.Organisation(t, "Analytical Engines").ID, "ada@example.org")
	text := program
	for _, blocks := range fenced(t, "go") {
		text += strings.Join(blocks, "\n")
	}
	here, err := filepath.Abs(filepath.Join(root, "internal/acceptance/documents/copied"))
	world.Must(t, err)
	file := filepath.Join(t.TempDir(), "main.go")
	world.Must(t, os.WriteFile(file, []byte(strings.ReplaceAll(text, "https://sign.example.org", srv.URL)), 0o600))
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	world.Must(t, os.WriteFile(overlay, []byte(world.JSON(t, map[string]any{"Replace": map[string]string{filepath.Join(here, "main.go"): file}})), 0o600))

	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", overlay, "./internal/acceptance/documents/copied")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "ORG="+inv.OrgID, "CODE="+inv.RegistrationCode)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the Go of the documents: %v\n%s", err, out)
	}
	for _, want := range []string{"200 ada@example.org signed ua-", "403 {", "user_action_invalid"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it printed %s, want %s", out, want)
		}
	}
}
