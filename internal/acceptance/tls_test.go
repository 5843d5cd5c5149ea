package acceptance_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/contract"
)

// writePair writes a new certificate for localhost and its key to the files, and
// returns who trusts it.
func writePair(t testing.TB, cert, key string) *x509.CertPool {
	t.Helper()
	pair, pool := countersigntest.Certificate(t, "localhost")
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	must(t, err)
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	return pool
}

// trusting returns a client that trusts only what is in pool.
func trusting(t testing.TB, pool *x509.CertPool) *http.Client {
	base := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	return &http.Client{Timeout: 10 * time.Second, Transport: contract.Transport(t, base)}
}

// The server serves https from files, and a renewed certificate without a restart. Half
// a certificate, as it lies there while it is being written, disturbs nobody.
func TestTLSFromFiles(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		cert, key := filepath.Join(h.TempDir(), "cert.pem"), filepath.Join(h.TempDir(), "key.pem")
		old := writePair(h, cert, key)
		port := countersigntest.FreePort(h)
		var log countersigntest.Log
		cmd := exec.Command(countersigntest.Binary(h), "serve", "--listen", "127.0.0.1:"+port, "--database", h.database,
			"--tls-cert", cert, "--tls-key", key)
		cmd.Dir, cmd.Stdout, cmd.Stderr = h.TempDir(), &log, &log
		must(h, cmd.Start())
		h.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		origin := "https://localhost:" + port
		healthy := func(c *http.Client) bool {
			res, err := c.Get(origin + "/healthz")
			if err != nil {
				return false
			}
			res.Body.Close()
			return res.StatusCode == 200
		}
		eventually(h, 20*time.Second, "the server is healthy", func() bool { return healthy(trusting(h, old)) })

		n := &node{installation: h, origin: origin, http: trusting(h, old)}
		n.client = &client.Client{BaseURL: origin, HTTP: n.http}
		var link string
		eventually(h, 20*time.Second, "the link is printed", func() bool { // by another goroutine than answers
			link = printedLink.FindString(log.String())
			return link != ""
		})
		n.register(invitationOf(h, link))
		h.look().want(1)

		must(h, os.WriteFile(cert, []byte("-----BEGIN CERTIFICATE-----\nMIIB"), 0o600))
		for range 5 {
			time.Sleep(300 * time.Millisecond)
			if !healthy(trusting(h, old)) {
				h.Fatalf("half a certificate took the server down: %s", &log)
			}
		}
		renewed := writePair(h, cert, key)
		eventually(h, 15*time.Second, "the renewed certificate is served", func() bool { return healthy(trusting(h, renewed)) })
		if healthy(trusting(h, old)) {
			h.Error("the old certificate is still served")
		}

		both := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: renewed}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
		res, err := (&http.Client{Timeout: 10 * time.Second, Transport: both}).Get(origin + "/healthz")
		must(h, err)
		if res.Body.Close(); res.StatusCode != 200 || res.ProtoMajor != 2 {
			h.Errorf("to a client of both versions of HTTP it answered %d over %s", res.StatusCode, res.Proto)
		}

		for version, name := range map[uint16]string{tls.VersionTLS10: "1.0", tls.VersionTLS11: "1.1"} {
			c, err := tls.Dial("tcp", "localhost:"+port, &tls.Config{RootCAs: renewed, ServerName: "localhost", MinVersion: version, MaxVersion: version})
			if err == nil {
				c.Close()
				h.Errorf("the server speaks TLS %s", name)
			}
		}
	})
}
