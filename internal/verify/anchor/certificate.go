package anchor

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxCertificate is the longest certificate that is read, in bytes. Real ones take one or two thousand.
const maxCertificate = 16 << 10

// Certificate is an X.509 certificate (RFC 5280 §4.1), with what a chain is verified by. The reader takes
// what crypto/x509 refuses without harm to that: serial numbers that are zero, negative or long, names and
// booleans that are oddly encoded, extensions that nothing here reads, signatures with a wrong count of unused
// bits (as in a series of security keys of 2014).
type Certificate struct {
	DER []byte

	// Parsed is the certificate as crypto/x509 reads it, nil if it does not. Unread says why.
	Parsed *x509.Certificate
	Unread error

	signed    []byte // TBSCertificate
	algorithm x509.SignatureAlgorithm
	signature []byte

	version         int64
	issuer, subject []byte
	notBefore       time.Time
	notAfter        time.Time
	spki            []byte

	constrained bool // it has basic constraints
	ca          bool
	maxPath     int64 // -1 for no limit
	noCertSign  bool  // its key usage leaves out keyCertSign

	critical   asn1.ObjectIdentifier // a critical extension that nobody here understands
	extensions []pkix.Extension
}

var (
	oidSubjectAlternativeName = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidKeyUsage               = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidBasicConstraints       = asn1.ObjectIdentifier{2, 5, 29, 19}

	// understood are critical extensions that change nothing about a chain to a given anchor: they name
	// the subject, its policies and what its key is for besides signing certificates.
	understood = []asn1.ObjectIdentifier{oidSubjectAlternativeName, {2, 5, 29, 32}, {2, 5, 29, 37}}
)

// signatureAlgorithms are those that a chain may use. SHA-1 and older are not among them.
var signatureAlgorithms = map[string]x509.SignatureAlgorithm{
	"1.2.840.113549.1.1.11": x509.SHA256WithRSA,
	"1.2.840.113549.1.1.12": x509.SHA384WithRSA,
	"1.2.840.113549.1.1.13": x509.SHA512WithRSA,
	"1.2.840.10045.4.3.2":   x509.ECDSAWithSHA256,
	"1.2.840.10045.4.3.3":   x509.ECDSAWithSHA384,
	"1.2.840.10045.4.3.4":   x509.ECDSAWithSHA512,
	"1.3.101.112":           x509.PureEd25519,
}

// Parse reads a certificate. It fails only if the reader of this package cannot read it either.
func Parse(der []byte) (*Certificate, error) {
	if len(der) > maxCertificate {
		return nil, fmt.Errorf("a certificate of %d bytes, at most %d are read", len(der), maxCertificate)
	}
	c := &Certificate{DER: der, maxPath: -1}
	if err := c.read(); err != nil {
		return nil, err
	}
	if c.Unread == nil {
		c.Parsed, c.Unread = x509.ParseCertificate(der)
	}
	if c.Parsed != nil && c.algorithm == x509.UnknownSignatureAlgorithm {
		switch c.Parsed.SignatureAlgorithm { // its parameters say which
		case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
			c.algorithm = c.Parsed.SignatureAlgorithm
		}
	}
	return c, nil
}

// Usable reports whether the certificate could be read, by crypto/x509 or without it.
func (c *Certificate) Usable() bool { return c.signed != nil }

// Version returns the version of X.509: 1, 2 or 3.
func (c *Certificate) Version() int64 { return c.version + 1 }

// Subject returns the DER of the name of whose key it is.
func (c *Certificate) Subject() []byte { return c.subject }

// SPKI returns the DER of the public key (RFC 5280 §4.1.2.7).
func (c *Certificate) SPKI() []byte { return c.spki }

// Constraints reports whether the certificate has basic constraints, and whether they make it an authority.
func (c *Certificate) Constraints() (present, ca bool) { return c.constrained, c.ca }

// Extension returns the extension with an identifier, nil if there is none. There is at most one.
func (c *Certificate) Extension(id asn1.ObjectIdentifier) *pkix.Extension {
	for i := range c.extensions {
		if c.extensions[i].Id.Equal(id) {
			return &c.extensions[i]
		}
	}
	return nil
}

// KeyIdentifier returns the SHA-1 of the bits of the key (RFC 5280 §4.2.1.2, method 1), by which metadata finds
// models of U2F. It is zero if the key is not in DER.
func (c *Certificate) KeyIdentifier() [20]byte {
	var info cryptobyte.String
	var bits []byte
	spki := cryptobyte.String(c.spki)
	if !spki.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.SEQUENCE) || !info.ReadASN1BitStringAsBytes(&bits) {
		return [20]byte{}
	}
	return sha1.Sum(bits) // an identifier: nothing is proved by it
}

var errNotCertificate = errors.New("not a certificate in DER")

func (c *Certificate) read() error {
	var all, signed, algorithm, signature cryptobyte.String
	input := cryptobyte.String(c.DER)
	var oid asn1.ObjectIdentifier
	if !input.ReadASN1(&all, cbasn1.SEQUENCE) || !input.Empty() ||
		!all.ReadASN1Element(&signed, cbasn1.SEQUENCE) ||
		!all.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!all.ReadASN1(&signature, cbasn1.BIT_STRING) || len(signature) == 0 || !all.Empty() {
		return errNotCertificate
	}
	// Whatever it says of unused bits, the signature verifies or it does not. crypto/x509 would shift it.
	if c.signature = signature[1:]; signature[0] != 0 {
		c.Unread = errors.New("a signature that does not consist of bytes")
	}
	c.signed, c.algorithm = signed, signatureAlgorithms[oid.String()]

	var tbs, validity, issuer, subject, spki, inner cryptobyte.String
	var innerOID asn1.ObjectIdentifier
	const versionTag, extensionsTag = cbasn1.Tag(0), cbasn1.Tag(3)
	if !signed.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1Integer(&c.version, versionTag.Constructed().ContextSpecific(), int64(0)) ||
		!tbs.SkipASN1(cbasn1.INTEGER) || // the serial number, whatever it is
		!tbs.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&innerOID) || !innerOID.Equal(oid) ||
		!tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1(&validity, cbasn1.SEQUENCE) || !readTime(&validity, &c.notBefore) || !readTime(&validity, &c.notAfter) ||
		!tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&spki, cbasn1.SEQUENCE) {
		return errNotCertificate
	}
	c.issuer, c.subject, c.spki = issuer, subject, spki
	for _, unique := range []cbasn1.Tag{1, 2} { // issuerUniqueID and subjectUniqueID
		if !tbs.SkipOptionalASN1(unique.ContextSpecific()) {
			return errNotCertificate
		}
	}
	var extensions cryptobyte.String
	var some bool
	if !tbs.ReadOptionalASN1(&extensions, &some, extensionsTag.Constructed().ContextSpecific()) || !tbs.Empty() {
		return errNotCertificate
	}
	if !some {
		return nil
	}
	return c.readExtensions(extensions)
}

func readTime(from *cryptobyte.String, to *time.Time) bool {
	if from.PeekASN1Tag(cbasn1.UTCTime) {
		return from.ReadASN1UTCTime(to)
	}
	return from.ReadASN1GeneralizedTime(to)
}

func (c *Certificate) readExtensions(wrapped cryptobyte.String) error {
	var list cryptobyte.String
	if !wrapped.ReadASN1(&list, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return errNotCertificate
	}
	seen := map[string]bool{}
	for !list.Empty() {
		var extension, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !list.ReadASN1(&extension, cbasn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&oid) ||
			!readBoolean(&extension, &critical) ||
			!extension.ReadASN1(&value, cbasn1.OCTET_STRING) || !extension.Empty() {
			return errNotCertificate
		}
		if seen[oid.String()] {
			return errors.New("a certificate with one extension twice")
		}
		seen[oid.String()] = true
		c.extensions = append(c.extensions, pkix.Extension{Id: oid, Critical: critical, Value: value})
		readable := true
		switch {
		case oid.Equal(oidBasicConstraints):
			readable = c.readConstraints(value)
		case oid.Equal(oidKeyUsage):
			readable = c.readKeyUsage(value)
		case critical && !isUnderstood(oid):
			c.critical = oid
		}
		if !readable {
			return fmt.Errorf("a certificate whose extension %v is malformed", oid)
		}
	}
	return nil
}

// readBoolean reads a boolean that may be absent. DER has one way to say true; some roots of authenticators in
// the FIDO metadata say it in another way of BER.
func readBoolean(from *cryptobyte.String, to *bool) bool {
	var value cryptobyte.String
	if !from.PeekASN1Tag(cbasn1.BOOLEAN) {
		return true
	}
	if !from.ReadASN1(&value, cbasn1.BOOLEAN) || len(value) != 1 {
		return false
	}
	*to = value[0] != 0
	return true
}

func isUnderstood(oid asn1.ObjectIdentifier) bool {
	for _, known := range understood {
		if oid.Equal(known) {
			return true
		}
	}
	return false
}

// readConstraints reads basic constraints (RFC 5280 §4.2.1.9).
func (c *Certificate) readConstraints(value cryptobyte.String) bool {
	var s cryptobyte.String
	c.constrained = true
	if !value.ReadASN1(&s, cbasn1.SEQUENCE) || !value.Empty() ||
		!readBoolean(&s, &c.ca) {
		return false
	}
	if s.PeekASN1Tag(cbasn1.INTEGER) && (!s.ReadASN1Integer(&c.maxPath) || c.maxPath < 0) {
		return false
	}
	return s.Empty()
}

// readKeyUsage reads whether the key may sign certificates (RFC 5280 §4.2.1.3, bit 5).
func (c *Certificate) readKeyUsage(value cryptobyte.String) bool {
	var bits asn1.BitString
	if !value.ReadASN1BitString(&bits) || !value.Empty() {
		return false
	}
	c.noCertSign = bits.At(5) == 0
	return true
}

// maxRSA is the longest RSA modulus that verifies a certificate, in bits: a longer one would occupy a
// processor for seconds. A shorter one than minRSA can be broken.
const minRSA, maxRSA = 2048, 8192

// checkSignature verifies that issuer signed c.
func (c *Certificate) checkSignature(issuer *Certificate) error {
	if c.algorithm == x509.UnknownSignatureAlgorithm {
		return errors.New("signed with an algorithm that is not accepted")
	}
	key, err := x509.ParsePKIXPublicKey(issuer.spki)
	if err != nil {
		return err
	}
	if err := checkSize(key); err != nil {
		return err
	}
	return (&x509.Certificate{PublicKey: key}).CheckSignature(c.algorithm, c.signed, c.signature)
}

func checkSize(key any) error {
	if k, ok := key.(*rsa.PublicKey); ok && (k.N.BitLen() < minRSA || k.N.BitLen() > maxRSA) {
		return fmt.Errorf("an RSA key of %d bits, from %d to %d are accepted", k.N.BitLen(), minRSA, maxRSA)
	}
	return nil
}
