package metadata

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FIDOHost is the host name that the signer of FIDO's BLOB has a certificate for.
const FIDOHost = "mds.fidoalliance.org"

// fidoRoot is GlobalSign Root CA - R3, which FIDO names as the root for its BLOB. SHA-256 fingerprint
// CB:B5:22:D7:B7:F1:27:AD:6A:01:13:86:5B:DF:1C:D4:10:2E:7D:07:59:AF:63:5A:7C:F4:72:0D:C9:63:C5:3B, valid
// until 2029-03-18.
//
//go:embed fido-root.pem
var fidoRoot []byte

// Trust says who may sign a BLOB.
type Trust struct {
	host  string
	roots []*x509.Certificate
	crls  []*x509.RevocationList
}

// NewTrust reads PEM text with roots and revocation lists. Without a root in it, FIDO's is used; without a
// host name, FIDOHost.
func NewTrust(text []byte, host string) (*Trust, error) {
	if host == "" {
		host = FIDOHost
	}
	t := &Trust{host: host}
	if err := t.add(text); err != nil {
		return nil, err
	}
	if len(t.roots) == 0 {
		if err := t.add(fidoRoot); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Trust) add(text []byte) error {
	// A block that is broken would be passed over.
	announced, read := bytes.Count(text, []byte("-----BEGIN ")), 0
	for rest := text; ; read++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fmt.Errorf("a certificate in it cannot be read: %w", err)
			}
			if !c.IsCA {
				return fmt.Errorf("the certificate of %q in it is none of an authority", c.Subject)
			}
			t.roots = append(t.roots, c)
		case "X509 CRL":
			l, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return fmt.Errorf("a revocation list in it cannot be read: %w", err)
			}
			t.crls = append(t.crls, l)
		default:
			return fmt.Errorf("it holds a %.40q, and only CERTIFICATE and X509 CRL belong in it", block.Type)
		}
	}
	if read != announced || read == 0 && len(bytes.TrimSpace(text)) > 0 {
		return errors.New("it is not a PEM file, or a part of it is broken")
	}
	return nil
}

// ID identifies the roots and the host name, in 64 characters. A BLOB's number counts up among those that
// one of the roots vouches for.
func (t *Trust) ID() string {
	digests := make([]string, len(t.roots))
	for i, c := range t.roots {
		d := sha256.Sum256(c.Raw)
		digests[i] = hex.EncodeToString(d[:])
	}
	slices.Sort(digests)
	d := sha256.Sum256([]byte(strings.Join(append(slices.Compact(digests), t.host), " ")))
	return hex.EncodeToString(d[:])
}

// pool returns the roots.
func (t *Trust) pool() *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range t.roots {
		p.AddCert(c)
	}
	return p
}
