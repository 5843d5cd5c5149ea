package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const day = 24 * time.Hour

func readyAt(t testing.TB, dir string, now time.Time) (authority, server *x509.Certificate) {
	t.Helper()
	d := devTLS{dir: dir, now: now}
	if err := d.ready(); err != nil {
		t.Fatal(err)
	}
	for file, mode := range map[string]os.FileMode{d.authorityFile(): 0o644, d.keyFile(): 0o600, d.serverFile(): 0o600} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", file, info.Mode(), err, mode)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	pool := x509.NewCertPool()
	shown, err := os.ReadFile(d.authorityFile())
	if err != nil || !pool.AppendCertsFromPEM(shown) || bytes.Contains(shown, []byte("PRIVATE")) {
		t.Fatalf("%v: %s", err, shown)
	}
	pair, err := tls.LoadX509KeyPair(d.serverFile(), d.serverFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: now}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole, err := tls.LoadX509KeyPair(d.keyFile(), d.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	return whole.Leaf, pair.Leaf
}

// Certificates are created once, and again when they are about to expire; the authority, which
// clients trust, outlives many of them.
func TestDevTLSIsRenewed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	authority, first := readyAt(t, dir, now)
	if left := authority.NotAfter.Sub(now); left != 3650*day || first.NotAfter.Sub(now) != 365*day {
		t.Errorf("they end in %s and %s", left, first.NotAfter.Sub(now))
	}
	for _, step := range []struct {
		after              time.Duration
		renewed, authority bool
	}{
		{0, false, false}, {334 * day, false, false}, {336 * day, true, false}, {600 * day, false, false},
		{3560 * day, true, false}, // ends with the authority
		{3615 * day, false, false}, {3621 * day, true, true},
	} {
		a, s := readyAt(t, dir, now.Add(step.after))
		if s.Equal(first) == step.renewed || a.Equal(authority) == step.authority || s.NotAfter.After(a.NotAfter) {
			t.Errorf("after %s: renewed %v, authority renewed %v, until %s", step.after, !s.Equal(first), !a.Equal(authority), s.NotAfter)
		}
		authority, first = a, s
	}
}

// Anything missing or broken, except the authority's key, is created again.
func TestDevTLSMendsItself(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	authority, server := readyAt(t, dir, now)
	d := devTLS{dir: dir, now: now}
	must(t, os.Remove(d.serverFile()))
	a, s := readyAt(t, dir, now)
	if !a.Equal(authority) || s.Equal(server) {
		t.Error("a lost certificate: not made again by the same authority")
	}
	must(t, os.Remove(d.authorityFile()))
	must(t, os.WriteFile(d.serverFile(), []byte("half a certif"), 0o600))
	if a, _ := readyAt(t, dir, now); !a.Equal(authority) {
		t.Error("a lost copy of the authority: another authority")
	}

	// A client that trusts this authority does not accept a certificate by another.
	elsewhere := t.TempDir()
	readyAt(t, elsewhere, now)
	other, err := os.ReadFile(devTLS{dir: elsewhere}.serverFile())
	must(t, err)
	must(t, os.WriteFile(d.serverFile(), other, 0o600))
	readyAt(t, dir, now)

	must(t, os.WriteFile(d.keyFile(), []byte("spoilt"), 0o600))
	if err := d.ready(); err == nil {
		t.Error("an authority that cannot be read is replaced behind the back of those who trust it")
	}
}

// Servers that start at the same moment in an empty folder all serve what every client trusts.
func TestDevTLSMadeTogether(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if err := (devTLS{dir: dir, now: now}).ready(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	authority, _ := readyAt(t, dir, now)
	if again, _ := readyAt(t, dir, now); !again.Equal(authority) {
		t.Error("the authority changed after all had made theirs")
	}
}

// With the stolen key of the authority nobody can impersonate another site, or issue another
// authority or a certificate for anything but a server.
func TestDevTLSAuthorityIsGoodForNothingElse(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	readyAt(t, dir, now)
	d := devTLS{dir: dir, now: now}
	stolen, err := tls.LoadX509KeyPair(d.keyFile(), d.keyFile())
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(stolen.Leaf)
	verify := func(change func(*x509.Certificate), usage x509.ExtKeyUsage, by *tls.Certificate, name string) error {
		c := devLeaf(now, stolen.Leaf.NotAfter)
		change(c)
		text, err := d.issue(c, by)
		must(t, err)
		pair, err := tls.X509KeyPair(text, text)
		must(t, err)
		between := x509.NewCertPool()
		between.AddCert(by.Leaf)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, DNSName: name, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	server := x509.ExtKeyUsageServerAuth
	must(t, verify(func(*x509.Certificate) {}, server, &stolen, "localhost"))
	for name, change := range map[string]func(c *x509.Certificate){
		"bank.example.org": func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"bank.example.org"}, nil },
		"localhost":        func(c *x509.Certificate) { c.DNSNames = append([]string{"bank.example.org"}, c.DNSNames...) },
		"192.0.2.1":        func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} },
		"127.0.0.2":        func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} },
	} {
		if verify(change, server, &stolen, name) == nil {
			t.Errorf("it vouches for %s", name)
		}
	}
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	if verify(client, x509.ExtKeyUsageClientAuth, &stolen, "") == nil {
		t.Error("it vouches for clients")
	}
	further := devAuthority(now)
	text, err := d.issue(further, &stolen)
	must(t, err)
	second, err := tls.X509KeyPair(text, text)
	must(t, err)
	if verify(func(*x509.Certificate) {}, server, &second, "localhost") == nil {
		t.Error("it vouches for authorities")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
