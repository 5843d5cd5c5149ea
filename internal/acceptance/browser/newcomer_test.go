package browser_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// The promise of the README: clone, `make run`, follow the printed link, touch the
// passkey, and be the first administrator.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "countersign")
	if out, err := exec.Command("git", "clone", "--quiet", "../../..", dir).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	link := makeRun(t, dir)

	tab := chromium.Open(t)
	key := tab.AddVirtualAuthenticator()
	tab.Open(link)
	tab.WaitFor(`document.body.dataset.state === "ready"`)
	tab.Click("#create")
	tab.WaitFor(`document.body.dataset.state === "done"`)
	if n := len(key.Credentials()); n != 1 {
		t.Errorf("the authenticator keeps %d passkeys, want 1", n)
	}
	for _, p := range tab.Problems() {
		t.Errorf("the page has a problem: %s", p)
	}

	admin := firstAdministrator(t, dir)
	if admin.State != "registered" || !admin.Administrator || admin.Credentials != 1 {
		t.Errorf("the first administrator is %+v", admin)
	}
}

// makeRun runs `make run` on a free port until the test ends and returns the link that
// it prints.
func makeRun(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("make", "--silent", "run")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "COUNTERSIGN_LISTEN=127.0.0.1:"+countersigntest.FreePort(t), "MAKEFLAGS=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, in := io.Pipe()
	log := &countersigntest.Log{}
	cmd.Stdout, cmd.Stderr = in, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); in.Close(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		<-ended
	})
	links := make(chan string)
	go func() {
		defer close(links)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if line := strings.TrimSpace(lines.Text()); strings.Contains(line, "/register#") {
				links <- line
			}
		}
	}()
	select {
	case link, printed := <-links:
		if !printed {
			t.Fatalf("make run ended without a link: %s", log)
		}
		return link
	case <-time.After(5 * time.Minute): // a first build is slow
		t.Fatalf("make run printed no link: %s", log)
	}
	return ""
}

type administrator struct {
	State         string
	Administrator bool
	Credentials   int
}

func firstAdministrator(t *testing.T, dir string) administrator {
	t.Helper()
	run := func(args ...string) []byte {
		cmd := exec.Command("build/countersign", append(args, "--json", "--database", "sqlite:build/countersign.db")...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("countersign %v: %v", args, err)
		}
		return out
	}
	var orgs struct{ Items []struct{ OrgID string } }
	if err := json.Unmarshal(run("org", "list"), &orgs); err != nil || len(orgs.Items) != 1 {
		t.Fatalf("%d organisations, %v", len(orgs.Items), err)
	}
	var users struct{ Items []administrator }
	if err := json.Unmarshal(run("user", "list", "--org", orgs.Items[0].OrgID), &users); err != nil || len(users.Items) != 1 {
		t.Fatalf("%d users, %v", len(users.Items), err)
	}
	return users.Items[0]
}
