package acceptance_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
)

// Where people use https, every answer tells browsers to use nothing else, whoever ends TLS.
func TestHTTPSAlone(t *testing.T) {
	t.Parallel()
	const name, want = "Strict-Transport-Security", "max-age=15768000"
	ask := func(c *http.Client, url string, want string) {
		t.Helper()
		for _, path := range []string{"/", "/login", "/healthz", "/nothing", "/auth/users", "/a/../b", "/countersign/forward-auth", "/docs"} {
			res, err := c.Get(url + path)
			must(t, err)
			res.Body.Close()
			if got := strings.Join(res.Header.Values(name), " and "); got != want {
				t.Errorf("%s%s: %s is %q, want %q", url, path, name, got, want)
			}
		}
	}
	tls := countersigntest.Start(t, countersigntest.TLS())
	ask(trusting(t, tls.CA), tls.URL, want)
	plain := countersigntest.Start(t)
	ask(http.DefaultClient, plain.URL, "")
	behind := countersigntest.StartBinary(t, "--public-url", "https://sign.example.org")
	ask(http.DefaultClient, behind.URL, want)
}

// A master key that others may read is complained about, and works: a container's secrets are
// often readable, and a server that does not start after an upgrade helps nobody.
func TestMasterKeyThatOthersMayRead(t *testing.T) {
	t.Parallel()
	for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true, 0o660: true, 0o620: true, 0o602: true, 0o777: true, 0o440: true} {
		h := &installation{T: t, database: "sqlite:" + t.TempDir() + "/countersign.db"}
		file := filepath.Join(t.TempDir(), "master.key")
		secret := strings.Repeat("0123456789abcdef", 4)
		must(t, os.WriteFile(file, []byte(secret), 0o600))
		link := filepath.Join(t.TempDir(), "link.key")
		must(t, os.Symlink(file, link))
		must(t, os.Chmod(file, mode))
		h.flags = []string{"--master-key-file", link}
		n := h.serve()
		out, _, status := h.command("", "doctor")
		if strings.Contains(n.Stderr(), "chmod 600") != exposed || strings.Contains(out, "warning  master key file") != exposed || status != 0 {
			t.Errorf("mode %o: serve says %q; doctor, status %d: %s", mode, n.Stderr(), status, out)
		}
		if strings.Contains(n.Stderr()+out, secret) {
			t.Errorf("mode %o: the key is shown", mode)
		}
		n.stop()
	}
}
