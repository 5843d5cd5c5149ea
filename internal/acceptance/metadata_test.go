package acceptance_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/testing/mdstest"
)

// metadataStatus is what metadata load and metadata status print.
type metadataStatus struct {
	Number, Failures      int64
	Models                int
	Usable, Stale         bool
	NextUpdate, Source    string
	Failure, Revocation   string
	DateLoaded, DateAsked string
	LeftOut, Ambiguous    []string
	Incomplete            int
	Digest, NextAsk       string
}

// The operator loads metadata, and reads how it stands.
func TestMetadataCommands(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		now := time.Now()
		signer := mdstest.New(h, now, nil)
		file := func(name string, text []byte) string {
			path := filepath.Join(h.TempDir(), name)
			must(h, os.WriteFile(path, text, 0o600))
			return path
		}
		blob := func(number int, nextUpdate time.Time) string {
			return file("blob.jwt", signer.Sign(h, mdstest.Payload(number, nextUpdate,
				mdstest.Entry("11111111-1111-4111-8111-111111111111", "A key", "FIDO_CERTIFIED_L1"),
				map[string]any{"aaguid": "none"})))
		}
		root := file("root.pem", signer.PEM())
		own := []string{"--metadata-root", root, "--metadata-host", mdstest.Host}
		run := func(args ...string) []string { return append(append([]string{"metadata"}, args...), own...) }
		h.organisation()

		if out := h.do(run("status")...); !strings.Contains(out, "No FIDO metadata is kept") {
			h.Errorf("nothing is kept: %s", out)
		}
		wantMembers(h, []byte(h.do(run("status", "--json")...)), "number", "stale", "usable", "models", "incomplete", "leftOut", "ambiguous", "failures")

		month := now.AddDate(0, 1, 0)
		first := blob(41, month)
		loaded := read[metadataStatus](h, h.do(run("load", first, "--json")...))
		if loaded.Number != 41 || loaded.Models != 1 || len(loaded.LeftOut) != 1 || !loaded.Usable || loaded.Stale || loaded.Source != first ||
			loaded.NextUpdate != month.UTC().Format(time.DateOnly) {
			h.Errorf("loaded: %+v", loaded)
		}
		if out := h.do(run("load", blob(42, month))...); !strings.Contains(out, "FIDO metadata 42 with 1 models is kept.") {
			h.Errorf("loaded: %s", out)
		}
		if out := h.do(run("status")...); !strings.Contains(out, "42") || !strings.Contains(out, "1, of which 0 could not be read in full") {
			h.Errorf("status: %s", out)
		}

		revoked := append(signer.PEM(), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: signer.Lists(h, true, nil)[1]})...)
		for _, bad := range []struct {
			args   []string
			status int
			says   string
		}{
			{run("load", first), 2, "older than what is kept"},
			{run("load", blob(43, now.AddDate(0, 0, -2))), 2, "out of date"},
			{run("load", file("x", []byte("x"))), 2, "not FIDO metadata"},
			{run("load", filepath.Join(h.TempDir(), "none")), 2, "no such file"},
			{run("load", "http://mds.example.org/"), 2, "https://"},
			{run("load", "https://127.0.0.1:1/?key=secret"), 1, "--metadata-allow-private"},
			{[]string{"metadata", "load", blob(43, month)}, 2, "not signed by who is trusted"},
			{[]string{"metadata", "load", blob(43, month), "--metadata-root", root, "--metadata-host", "mds.example.com"}, 2, "not signed by who is trusted"},
			{[]string{"metadata", "load", blob(43, month), "--metadata-root", file("r", revoked), "--metadata-host", mdstest.Host}, 2, "revoked"},
			{[]string{"metadata", "load", blob(43, month), "--metadata-root", file("r", []byte("x"))}, 2, "--metadata-root"},
		} {
			out, stderr, status := h.command("", bad.args...)
			if status != bad.status || !strings.Contains(stderr, bad.says) || strings.Count(stderr, "\n") != 1 || out != "" || strings.Contains(stderr, "secret") {
				h.Errorf("%s: status %d: %s%s", bad.args, status, out, stderr)
			}
		}
		if n := read[metadataStatus](h, h.do(run("status", "--json")...)).Number; n != 42 {
			h.Errorf("number %d is kept", n)
		}
	})
}

// A server loads the metadata by itself. It starts and serves while the metadata server is down.
func TestServerRefreshesMetadata(t *testing.T) {
	inTurn(t, func(h *installation) {
		signer := mdstest.New(h, time.Now(), nil)
		blob := signer.Sign(h, mdstest.Payload(5, time.Now().AddDate(0, 1, 0), mdstest.Entry("11111111-1111-4111-8111-111111111111", "A key", "FIDO_CERTIFIED_L1")))
		var up atomic.Bool
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if !up.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Write(blob)
		}))
		h.Cleanup(server.Close)
		root, ca := filepath.Join(h.TempDir(), "root.pem"), filepath.Join(h.TempDir(), "ca.pem")
		must(h, os.WriteFile(root, signer.PEM(), 0o600))
		must(h, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
		h.Setenv("SSL_CERT_FILE", ca)
		own := []string{"--metadata-root", root, "--metadata-host", mdstest.Host, "--metadata-allow-private"}
		args := append([]string{"--metadata-url", server.URL + "/?key=secret"}, own...)
		status := func() metadataStatus {
			return read[metadataStatus](h, h.do(append([]string{"metadata", "status", "--json"}, own...)...))
		}

		n := h.serve(args...)
		n.register(h.invite(h.organisation(), "ada"))
		eventually(h, 20*time.Second, "the failure is recorded", func() bool { return strings.Contains(status().Failure, "503") })
		if log := n.Stderr(); strings.Count(log, "could not be refreshed") != 1 || strings.Contains(log, "secret") {
			h.Errorf("the log: %s", log)
		}
		n.stop()

		// For another root nothing was asked yet.
		signer = mdstest.New(h, time.Now(), nil)
		blob = signer.Sign(h, mdstest.Payload(6, time.Now().AddDate(0, 1, 0)))
		must(h, os.WriteFile(root, signer.PEM(), 0o600))
		up.Store(true)
		n.restart()
		eventually(h, 20*time.Second, "the metadata is there", func() bool { s := status(); return s.Number == 6 && s.Usable })
		if s := status(); s.Source != server.URL+"/" || s.Failures != 0 || s.DateAsked == "" || s.NextAsk == "" || !strings.Contains(s.Revocation, "no current revocation list") {
			h.Errorf("status: %+v", s)
		}
		n.stop()
		n.restart()
		n.stop()
	})
	// The system's roots are what they were for the next installation.
	h := &installation{T: t}
	if out, stderr, code := command(h, "", "serve", "--metadata-url", "http://mds.example.org/", "--database", "sqlite:"+filepath.Join(t.TempDir(), "a.db")); code != 2 || !strings.Contains(stderr, "--metadata-url") {
		t.Errorf("plain http: status %d: %s%s", code, out, stderr)
	}
}
