package acceptance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unservable fails the test unless a server with these flags refuses to start, with
// this status and one sentence that says something.
func (h *installation) unservable(status int, says string, args ...string) {
	h.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)
	stdout, stderr, got := command(h, "", args...)
	if got != status || stdout != "" || !strings.Contains(stderr, says) {
		h.Errorf("%q: status %d, want %d; stderr %q, want %q; stdout %q", args, got, status, stderr, says, stdout)
	}
	oneSentence(h, stderr)
}

// A server with which no registration could succeed does not start, and says what to
// mend.
func TestUnusableConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		missing := filepath.Join(h.TempDir(), "no", "file")
		rubbish := filepath.Join(h.TempDir(), "rubbish")
		must(h, os.WriteFile(rubbish, bytes.Repeat([]byte("rubbish "), 1000), 0o600))
		for _, c := range []struct {
			status int
			says   string
			args   []string
		}{
			{2, "public suffix", []string{"--public-url", "https://co.uk"}},
			{2, "public suffix", []string{"--public-url", "https://github.io"}},
			{2, "IP address", []string{"--public-url", "https://192.0.2.1"}},
			{2, "host name", []string{"--public-url", "https://[2001:db8::1]"}},
			{2, "plain http", []string{"--public-url", "http://sign.example.org"}},
			{2, "plain http", []string{"--public-url", "http://127.0.0.1:8080"}},
			{2, "no dot", []string{"--public-url", "https://intranet"}},
			{2, "end after the host", []string{"--public-url", "https://sign.example.org/here"}},
			{2, "not a URL", []string{"--public-url", "sign.example.org"}},
			{2, "https://", []string{"--public-url", "ftp://sign.example.org"}},
			{2, "together", []string{"--tls-cert", missing}},
			{2, "certificate", []string{"--tls-cert", missing, "--tls-key", missing}},
			{2, "5 minutes", []string{"--ceremony-time", "1m"}},
			{2, "--trusted-proxies", []string{"--trusted-proxies", "proxy.example.org"}},
			{2, "smtp://", []string{"--smtp", "mail.example.org"}},
			{2, "sender", []string{"--smtp", "smtp://mail.example.org"}},
			{2, "certificate", []string{"--smtp", "smtp://mail.example.org", "--mail-from", "a@example.org", "--smtp-ca", missing}},
			{2, "32 random bytes", []string{"--master-key", "secret"}},
			{2, "cannot be read", []string{"--master-key-file", missing}},
			{2, "32 random bytes", []string{"--master-key-file", rubbish}},
			{1, "choose another address", []string{"--listen", "192.0.2.1:80"}},
		} {
			h.unservable(c.status, c.says, append(c.args, "--database", h.database)...)
		}
		for _, c := range []struct {
			status        int
			says, address string
		}{
			{2, "sqlite:PATH", "mysql://localhost/x"},
			{2, "sqlite:PATH", "countersign.db"},
			{2, "create it first", "sqlite:" + missing},
			{2, "not a sound SQLite database", "sqlite:" + rubbish},
			{1, "No PostgreSQL answers", "postgres://somebody:hunter2@127.0.0.1:1/x"},
			{2, "malformed", "postgres://somebody:hunter2@127.0.0.1:port/x"},
		} {
			h.unservable(c.status, c.says, "--database", c.address)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users`); n != 0 {
			h.Errorf("servers that did not start invited %d users", n)
		}
	})
}

// An organisation that made sense when it was made keeps the server from starting once
// the server has moved out of its reach.
func TestOrganisationOutOfReach(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		h.do("org", "create", "--name", "Engines", "--rp-id", "example.org", "--public-url", "https://sign.example.org")
		h.unservable(2, "does not cover", "--database", h.database, "--public-url", "https://sign.example.net")
		stdout, _, status := h.command("", "doctor", "--public-url", "https://sign.example.net")
		if status != 1 || !strings.Contains(stdout, "problem") || !strings.Contains(stdout, "does not cover") {
			h.Errorf("doctor: status %d: %s", status, stdout)
		}
	})
}

// A master key belongs to its database. Keys kept without one are wrapped as soon as
// there is one, and what was begun before goes on.
func TestMasterKey(t *testing.T) {
	t.Parallel()
	const right, wrong = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	each(t, func(h *installation) {
		org := h.organisation()
		ada := h.invite(org, "ada")
		n := h.serve()
		begun := n.mustBegin(ada)
		n.stop()
		bare := h.look().count(`SELECT COUNT(*) FROM server_keys WHERE wrapping = 'none'`)
		if stdout, _, status := h.command("", "doctor"); status != 0 || !strings.Contains(stdout, "--master-key-file") || bare == 0 {
			h.Errorf("without master key, %d bare keys, doctor says with status %d: %s", bare, status, stdout)
		}
		file := filepath.Join(h.TempDir(), "master.key")
		must(h, os.WriteFile(file, []byte(right+"\n"), 0o600))
		n.args = append(n.args, "--master-key-file", file)
		n.restart()
		_, err := n.complete(begun)
		must(h, err)
		h.look().want(1)
		n.stop()
		if n := h.look().count(`SELECT COUNT(*) FROM server_keys WHERE wrapping = 'none'`); n != 0 {
			h.Errorf("%d keys are still bare", n)
		}

		h.unservable(1, "master key", "--database", h.database, "--public-url", n.origin)
		h.unservable(1, "master key", "--database", h.database, "--public-url", n.origin, "--master-key", wrong)
		for _, c := range [][]string{{}, {"--master-key", wrong}} {
			for _, command := range [][]string{{"user", "invite", "--org", org, "--username", "eve"}, {"user", "list", "--org", org}, {"org", "list"}} {
				stdout, stderr, status := h.command("", append(command, c...)...)
				if status != 1 || stdout != "" || !strings.Contains(stderr, "master key") {
					h.Errorf("%q %q: status %d, stderr %q, stdout %q", command, c, status, stderr, stdout)
				}
				oneSentence(h, stderr)
			}
			stdout, _, status := h.command("", append([]string{"doctor"}, c...)...)
			if status != 1 || !strings.Contains(stdout, "master key") {
				h.Errorf("doctor %q: status %d: %s", c, status, stdout)
			}
		}
		if stdout := h.do("doctor", "--master-key", right); !strings.Contains(stdout, "wrapped under the master key") {
			h.Errorf("doctor: %s", stdout)
		}
		if n := h.look().count(`SELECT COUNT(*) FROM users WHERE username = 'eve'`); n != 0 {
			h.Error("a user was invited without the right master key")
		}
	})
}

// No command shows the password of the database or of the mail server.
func TestPasswordsAreNotPrinted(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		for _, args := range [][]string{
			{"--database", "postgres://somebody:hunter2@127.0.0.1:1/x"},
			{"--database", "postgres://somebody:hunter2@127.0.0.1:port/x"},
			{"--database", h.database, "--smtp", "smtp://somebody:hunter2@mail.example.org:port", "--mail-from", "a@example.org"},
			{"--database", h.database, "--smtp", "smtp://somebody:hunter2@mail.example.org?starttls=off", "--mail-from", "a@example.org"},
			{"--database", h.database, "--master-key", "hunter2"},
		} {
			for _, which := range [][]string{{"org", "list"}, {"doctor"}, {"doctor", "--json"}} {
				stdout, stderr, status := command(h, "", append(which, args...)...)
				if status == 0 || strings.Contains(stdout+stderr, "hunter2") {
					h.Errorf("%q %q: status %d: %s%s", which, args, status, stdout, stderr)
				}
			}
		}
	})
}
