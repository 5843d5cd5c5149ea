package authenticator

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"time"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// Template is the leaf certificate of an attestation before it is signed, for a test to
// change: its fields, the key that it certifies, and the issuer.
type Template struct {
	*x509.Certificate
	PublicKey crypto.PublicKey // certified key
	Issuer    *x509.Certificate
	IssuerKey crypto.Signer
	Chain     [][]byte // the certificates after the leaf in x5c, as DER
}

// attestationKey is a key with its certificate chain, leaf first.
type attestationKey struct {
	private     crypto.Signer
	certificate *x509.Certificate
	x5c         [][]byte
}

// Certificates are valid for so long that they are valid by any test's clock.
var (
	notBefore = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2099, time.December, 31, 23, 59, 59, 0, time.UTC)
)

func (a *Authenticator) template(subject pkix.Name) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(a.random, serial); err != nil {
		return nil, err
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive and of constant length
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial),
		Subject:               subject,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
	}, nil
}

// newIssuer makes the self-signed CA of all attestation certificates.
func (a *Authenticator) newIssuer() (*attestationKey, error) {
	private, err := newPrivateKey(a.random, publickey.P256)
	if err != nil {
		return nil, err
	}
	t, err := a.template(pkix.Name{Country: []string{"CH"}, Organization: []string{"Countersign Test"},
		CommonName: "Countersign Test Attestation CA"})
	if err != nil {
		return nil, err
	}
	t.IsCA, t.MaxPathLenZero, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(nil, t, t, private.Public(), private)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &attestationKey{private, certificate, [][]byte{der}}, nil
}

// certify issues a leaf for public and returns x5c. tamper may be nil.
func (a *Authenticator) certify(t *x509.Certificate, public crypto.PublicKey, tamper func(*Template)) ([][]byte, error) {
	issuer, err := a.issuer()
	if err != nil {
		return nil, err
	}
	full := &Template{t, public, issuer.certificate, issuer.private, issuer.x5c}
	if tamper != nil {
		tamper(full)
	}
	leaf, err := x509.CreateCertificate(nil, full.Certificate, full.Issuer, full.PublicKey, full.IssuerKey)
	if err != nil {
		return nil, err
	}
	return append([][]byte{leaf}, full.Chain...), nil
}

// newKey makes a certified attestation key.
func (a *Authenticator) newKey(keyType string, t *x509.Certificate, tamper func(*Template)) (*attestationKey, error) {
	private, err := newPrivateKey(a.random, keyType)
	if err != nil {
		return nil, err
	}
	x5c, err := a.certify(t, private.Public(), tamper)
	return &attestationKey{private: private, x5c: x5c}, err
}

var oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid

// newPackedKey makes an attestation key with the certificate of WebAuthn L3 §8.2.1.
func (a *Authenticator) newPackedKey(tamper func(*Template)) (*attestationKey, error) {
	t, err := a.template(pkix.Name{Country: []string{"CH"}, Organization: []string{"Countersign Test"},
		OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Countersign Software Authenticator"})
	if err != nil {
		return nil, err
	}
	t.ExtraExtensions = []pkix.Extension{{Id: oidAAGUID, Value: append([]byte{asn1.TagOctetString, 16}, a.AAGUID[:]...)}}
	return a.newKey(publickey.P256, t, tamper)
}

// newU2FKey makes an attestation key with a single certificate (§8.6).
func (a *Authenticator) newU2FKey(tamper func(*Template)) (*attestationKey, error) {
	t, err := a.template(pkix.Name{CommonName: "Countersign U2F"})
	if err != nil {
		return nil, err
	}
	return a.newKey(publickey.P256, t, func(full *Template) {
		full.Chain = nil
		if tamper != nil {
			tamper(full)
		}
	})
}
