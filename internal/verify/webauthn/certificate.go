package webauthn

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/verify/publickey"
)

const maxCertificates = 8 // Android's chains, the longest, have five or six

var oidFIDOAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid

// currency says which certificates of a chain must be valid now.
type currency int

const (
	wholeChainCurrent currency = iota
	// leafCurrent is for Android: many of the batch and intermediate certificates that
	// devices were made with have expired, although nobody meant them to.
	leafCurrent
)

// chain parses x5c, leaf first. It verifies that each certificate is signed by the next,
// which must be a CA with the issuer's name, and that all have keys of a sane size. The
// last one is not anchored: see the package comment. It also returns the leaf's key.
func (p procedure) chain(x5c [][]byte, now time.Time, c currency) ([]*x509.Certificate, *publickey.Key, error) {
	certs := make([]*x509.Certificate, len(x5c))
	var leafKey *publickey.Key
	for i, der := range x5c {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, p.unfit(position(i), "not parsed", "an X.509 certificate", err)
		}
		// The key is checked before it verifies anything: a key of a hundred thousand bits
		// would occupy a processor for seconds.
		key, err := publickey.ParseSPKI(cert.RawSubjectPublicKeyInfo)
		if err != nil {
			return nil, nil, p.unfit(position(i), "its public key", "a key of a supported type and size", err)
		}
		if i == 0 {
			leafKey = key
		}
		if (i == 0 || c == wholeChainCurrent) && (now.Before(cert.NotBefore) || now.After(cert.NotAfter)) {
			return nil, nil, p.unfit(position(i), fmt.Sprintf("valid from %s to %s",
				cert.NotBefore.UTC().Format(time.DateOnly), cert.NotAfter.UTC().Format(time.DateOnly)), "valid now", nil)
		}
		certs[i] = cert
	}
	for i := range len(certs) - 1 {
		if !bytes.Equal(certs[i].RawIssuer, certs[i+1].RawSubject) {
			return nil, nil, p.unfit(position(i), "not issued by the next", "x5c in order", nil)
		}
		if err := certs[i].CheckSignatureFrom(certs[i+1]); err != nil {
			return nil, nil, p.unfit(position(i), "not signed by the next", "x5c in order", err)
		}
	}
	return certs, leafKey, nil
}

func position(i int) string { return fmt.Sprintf("x5c[%d]", i) }

// checkEndEntity checks what §8.2.1 and §8.3.1 both require: version 3, and basic
// constraints that say that it is not a CA.
func (p procedure) checkEndEntity(c *x509.Certificate) error {
	if c.Version != 3 {
		return p.unfit("version", fmt.Sprint(c.Version), "3", nil)
	}
	if !c.BasicConstraintsValid || c.IsCA {
		return p.unfit("Basic Constraints", fmt.Sprintf("present %t, CA %t", c.BasicConstraintsValid, c.IsCA), "CA false", nil)
	}
	return nil
}

// checkAAGUID checks that the AAGUID of the certificate, if it names one, is that of the
// authenticator data: an OCTET STRING of 16 bytes in an extension that is not critical.
func (p procedure) checkAAGUID(c *x509.Certificate, aaguid [16]byte) error {
	const what = "id-fido-gen-ce-aaguid"
	ext := findExtension(c, oidFIDOAAGUID)
	if ext == nil {
		return nil
	}
	if ext.Critical {
		return p.unfit(what, "critical", "not critical", nil)
	}
	if want := append([]byte{asn1.TagOctetString, 16}, aaguid[:]...); !bytes.Equal(ext.Value, want) {
		return p.invalid(what, hexed(ext.Value), hexed(want), nil)
	}
	return nil
}

// findExtension returns the extension with the given identifier, or nil. There is at most
// one: crypto/x509 refuses certificates that repeat an extension.
func findExtension(c *x509.Certificate, oid asn1.ObjectIdentifier) *pkix.Extension {
	for i := range c.Extensions {
		if c.Extensions[i].Id.Equal(oid) {
			return &c.Extensions[i]
		}
	}
	return nil
}
