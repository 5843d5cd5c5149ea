package acceptance_test

import (
	"bytes"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
)

// goClient is a program of somebody who knows nothing of us: Go's own client.
const goClient = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	res, err := http.Get(os.Args[1] + "/healthz")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Print(res.StatusCode)
}
`

const nodeClient = `fetch(process.argv[1] + '/healthz').then(r => process.stdout.write(String(r.status)), e => { console.log(String(e.cause)); process.exit(1) })`

// One flag, and official SDKs in Node and Go reach the server by https, by the line that
// it printed for them; without that line they refuse it.
func TestDevTLS(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		dir := filepath.Join(h.TempDir(), "it's a folder")
		port := countersigntest.FreePort(h)
		start := func() (log *countersigntest.Log, stop func()) {
			log = &countersigntest.Log{}
			cmd := exec.Command(countersigntest.Binary(h), "serve", "--listen", "127.0.0.1:"+port, "--database", h.database,
				"--dev-tls", "--dev-tls-dir", dir)
			cmd.Dir, cmd.Stdout, cmd.Stderr = h.TempDir(), log, log
			must(h, cmd.Start())
			stop = func() { cmd.Process.Kill(); cmd.Wait() }
			h.Cleanup(stop)
			return log, stop
		}
		log, stop := start()
		origin := "https://localhost:" + port
		eventually(h, 20*time.Second, "the server tells where it is", func() bool { return strings.Contains(log.String(), "\n  "+origin+"\n") })
		authority := filepath.Join(dir, "ca.pem")
		trusted, err := os.ReadFile(authority)
		must(h, err)
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(trusted) {
			h.Fatalf("%s holds no certificate: %s", authority, trusted)
		}
		n := &node{installation: h, origin: origin, http: trusting(h, pool)}
		n.client = &client.Client{BaseURL: origin, HTTP: n.http}
		eventually(h, 20*time.Second, "the server is healthy", func() bool {
			res, err := n.http.Get(origin + "/healthz")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == 200
		})
		n.register(invitationOf(h, printedLink.FindString(log.String())))

		program := filepath.Join(h.TempDir(), "main.go")
		must(h, os.WriteFile(program, []byte(goClient), 0o600))
		binary := filepath.Join(h.TempDir(), "client")
		if out, err := exec.Command("go", "build", "-o", binary, program).CombinedOutput(); err != nil {
			h.Fatalf("%v: %s", err, out)
		}
		// The lines are run as they were printed: by a shell.
		for variable, run := range map[string]string{
			"NODE_EXTRA_CA_CERTS": "node -e \"$1\" " + origin,
			"SSL_CERT_FILE":       binary + " " + origin,
		} {
			line := lineWith(h, log.String(), "export "+variable+"=")
			out, err := exec.Command("sh", "-c", line+"\n"+run, "sh", nodeClient).CombinedOutput()
			if err != nil || string(out) != "200" {
				h.Errorf("with %s: %v: %s", variable, err, out)
			}
			out, err = exec.Command("sh", "-c", run, "sh", nodeClient).CombinedOutput()
			if err == nil || !bytes.Contains(bytes.ToLower(out), []byte("certificate")) {
				h.Errorf("without %s: %v: %s", variable, err, out)
			}
		}

		stop()
		log, _ = start()
		eventually(h, 20*time.Second, "the restarted server is healthy", func() bool {
			res, err := n.http.Get(origin + "/healthz") // by those who trusted it before
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == 200
		})
		if again, err := os.ReadFile(authority); err != nil || !bytes.Equal(again, trusted) {
			h.Errorf("the authority changed with a restart: %v", err)
		}
	})
}

// lineWith is the line of a text that holds the words.
func lineWith(t testing.TB, text, words string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(line, words) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no line of %q holds %q", text, words)
	return ""
}

func TestDevTLSMisused(t *testing.T) {
	t.Parallel()
	h := &installation{T: t, database: "sqlite:" + filepath.Join(t.TempDir(), "countersign.db")}
	spoilt := t.TempDir()
	must(t, os.WriteFile(filepath.Join(spoilt, "ca-key.pem"), []byte("spoilt"), 0o600))
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--tls-cert", "a.pem", "--tls-key", "b.pem"}, 2, "leave out --tls-cert"},
		{[]string{"--tls-key", "b.pem"}, 2, "leave out --tls-cert"},
		{[]string{"--public-url", "http://localhost:8080"}, 2, "leave out --public-url"},
		{[]string{"--public-url", "https://sign.example.org"}, 2, "leave out --public-url"},
		{[]string{"--dev-tls-dir", spoilt}, 1, "remove " + spoilt},
		{[]string{"--dev-tls-dir", filepath.Join(spoilt, "ca-key.pem")}, 1, "name another folder"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--dev-tls", "--dev-tls-dir", filepath.Join(t.TempDir(), "dev")}, c.args...)
		_, stderr, status := h.command("", args...)
		if status != c.status || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: status %d: %s", c.args, status, stderr)
		}
	}
}
