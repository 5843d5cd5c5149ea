package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How long development certificates are valid, and how long before its end one is replaced.
const (
	devAuthorityLife = 10 * 365 * 24 * time.Hour
	devLeafLife      = 365 * 24 * time.Hour
	devRenew         = 30 * 24 * time.Hour
)

// The names and addresses that development certificates are for; their authority may certify no others.
var (
	devNames     = []string{"localhost"}
	devAddresses = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
)

// devTLS is a folder with a private authority and a certificate for this machine.
//
// A file with a key also has its certificate, and is written atomically, so that servers that start
// at the same moment in one folder end up with the same pair.
type devTLS struct {
	dir string
	now time.Time
}

func (d devTLS) authorityFile() string { return filepath.Join(d.dir, "ca.pem") } // for clients: no key
func (d devTLS) keyFile() string       { return filepath.Join(d.dir, "ca-key.pem") }
func (d devTLS) serverFile() string    { return filepath.Join(d.dir, "localhost.pem") }

// ready creates what is missing or about to expire.
func (d devTLS) ready() error {
	if err := d.make(); err != nil {
		return fmt.Errorf("the development certificate cannot be created: %w; remove %s to start over, or name another folder with --dev-tls-dir", err, d.dir)
	}
	return nil
}

func (d devTLS) make() error {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	authority, err := d.authority()
	if err != nil {
		return err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Leaf.Raw})
	if current, err := os.ReadFile(d.authorityFile()); err != nil || string(current) != string(public) {
		if err := d.put(d.authorityFile(), public, 0o644, os.Rename); err != nil {
			return err
		}
	}
	if d.serves(authority.Leaf) {
		return nil
	}
	server, err := d.issue(devLeaf(d.now, authority.Leaf.NotAfter), &authority)
	if err != nil {
		return err
	}
	return d.put(d.serverFile(), server, 0o600, os.Rename)
}

// authority reads the authority, or creates it.
func (d devTLS) authority() (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(d.keyFile(), d.keyFile())
	if err == nil && d.now.Add(devRenew).Before(pair.Leaf.NotAfter) {
		return pair, nil
	}
	if err == nil { // about to expire: clients must trust a new one
		err = os.Remove(d.keyFile())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	bundle, err := d.issue(devAuthority(d.now), nil)
	if err != nil {
		return pair, err
	}
	// Link, unlike Rename, fails if the file exists: of several servers all use the authority of the first.
	if err := d.put(d.keyFile(), bundle, 0o600, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return pair, err
	}
	return tls.LoadX509KeyPair(d.keyFile(), d.keyFile())
}

// serves reports whether the existing certificate is valid for a while.
func (d devTLS) serves(authority *x509.Certificate) bool {
	pair, err := tls.LoadX509KeyPair(d.serverFile(), d.serverFile())
	if err != nil || !d.now.Add(devRenew).Before(pair.Leaf.NotAfter) {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: devNames[0], CurrentTime: d.now})
	return err == nil
}

// issue creates a key and a certificate for it, signed by the authority or, without one,
// by itself. It returns both as PEM.
func (d devTLS) issue(template *x509.Certificate, authority *tls.Certificate) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	parent, signer := template, any(key)
	if authority != nil {
		parent, signer = authority.Leaf, authority.PrivateKey
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// devAuthority is constrained to names of this machine (RFC 5280 §4.2.1.10), so that whoever steals its
// key can impersonate no other site.
func devAuthority(now time.Time) *x509.Certificate {
	host, _ := os.Hostname()
	c := devTemplate(now, devAuthorityLife)
	c.Subject = pkix.Name{Organization: []string{"Countersign development"},
		CommonName: "Countersign development CA " + host + " " + now.UTC().Format("2006-01-02 15:04:05")}
	c.IsCA, c.MaxPathLenZero = true, true
	c.KeyUsage = x509.KeyUsageCertSign
	c.PermittedDNSDomainsCritical = true
	c.PermittedDNSDomains = devNames
	for _, a := range devAddresses {
		c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: a, Mask: net.CIDRMask(8*len(a), 8*len(a))})
	}
	return c
}

func devLeaf(now, end time.Time) *x509.Certificate {
	c := devTemplate(now, devLeafLife)
	if c.NotAfter.After(end) {
		c.NotAfter = end
	}
	c.Subject = pkix.Name{Organization: []string{"Countersign development"}, CommonName: devNames[0]}
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.DNSNames, c.IPAddresses = devNames, devAddresses
	return c
}

func devTemplate(now time.Time, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		NotBefore:    now.Add(-time.Hour), // clocks of virtual machines lag
		NotAfter:     now.Add(life),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
}

// put writes a temporary file in the folder and then moves it to its place by os.Rename or os.Link.
func (d devTLS) put(file string, content []byte, mode fs.FileMode, move func(from, to string) error) error {
	f, err := os.CreateTemp(d.dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return move(f.Name(), file)
}

// explain prints how clients can trust the authority.
func (d devTLS) explain(w io.Writer) {
	file, err := filepath.Abs(d.authorityFile())
	if err != nil {
		file = d.authorityFile()
	}
	fmt.Fprintf(w, `Development certificate for localhost, by the authority in %[1]s.
Clients trust it by one of these lines; only the first keeps the authorities that they trust already:

  export NODE_EXTRA_CA_CERTS=%[2]s    # Node
  export SSL_CERT_FILE=%[2]s          # Go and OpenSSL
  export REQUESTS_CA_BUNDLE=%[2]s     # Python requests

`, file, "'"+strings.ReplaceAll(file, "'", `'\''`)+"'")
}

// checkDevTLS refuses flags that contradict a development certificate.
func (s *serveCommand) checkDevTLS() error {
	if s.TLSCert != "" || s.TLSKey != "" {
		return misuse("--dev-tls creates its own certificate; leave out --tls-cert and --tls-key")
	}
	if s.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Scheme != "https" || !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
		return misuse("--dev-tls serves https://localhost only; leave out --public-url")
	}
	return nil
}

// beginDevTLS prepares the folder and serves its certificate.
func (s *serveCommand) beginDevTLS(c console) error {
	if err := s.checkDevTLS(); err != nil {
		return err
	}
	d := devTLS{dir: s.DevTLSDir, now: time.Now()}
	if err := d.ready(); err != nil {
		return err
	}
	s.TLSCert, s.TLSKey = d.serverFile(), d.serverFile()
	d.explain(c.out)
	return nil
}
