package authenticator

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/countersign/countersign/internal/verify/publickey"
)

var oidKeyDescription = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}

// KeyDescription is the extension in which Android describes a key (WebAuthn L3 §8.4.1). It is
// exported so that tests can write a false one.
type KeyDescription struct {
	AttestationVersion       int
	AttestationSecurityLevel asn1.Enumerated
	KeymasterVersion         int
	KeymasterSecurityLevel   asn1.Enumerated
	AttestationChallenge     []byte
	UniqueID                 []byte
	SoftwareEnforced         SoftwareEnforced
	TEEEnforced              TEEEnforced
}

// SoftwareEnforced is the authorization list that Android enforces (WebAuthn L3 §8.4.1).
type SoftwareEnforced struct {
	AllApplications  asn1.RawValue `asn1:"optional,tag:600"`
	CreationDateTime int64         `asn1:"explicit,tag:701"` // milliseconds
}

// TEEEnforced is the authorization list that the trusted execution environment enforces.
type TEEEnforced struct {
	Purpose         []int         `asn1:"explicit,set,tag:1"` // 2: sign
	Algorithm       int           `asn1:"explicit,tag:2"`     // 1 RSA, 3 EC
	KeySize         int           `asn1:"explicit,tag:3"`
	Digest          []int         `asn1:"explicit,set,tag:5"` // 4: SHA-256
	AllApplications asn1.RawValue `asn1:"optional,tag:600"`
	Origin          int           `asn1:"explicit,tag:702"` // 0: generated
}

// Extension encodes the description as an extension of a certificate.
func (d KeyDescription) Extension() (pkix.Extension, error) {
	value, err := asn1.Marshal(d)
	return pkix.Extension{Id: oidKeyDescription, Value: value}, err
}

// NewKeyDescription describes an EC key on P-256 that was generated for signing and
// attested for the client data with this hash.
func NewKeyDescription(clientDataHash []byte) KeyDescription {
	return KeyDescription{
		AttestationVersion: 3, AttestationSecurityLevel: 1,
		KeymasterVersion: 4, KeymasterSecurityLevel: 1,
		AttestationChallenge: clientDataHash,
		UniqueID:             []byte{},
		SoftwareEnforced:     SoftwareEnforced{CreationDateTime: notBefore.UnixMilli()},
		TEEEnforced:          TEEEnforced{Purpose: []int{2}, Algorithm: 3, KeySize: 256, Digest: []int{4}},
	}
}

// androidKey has the CA certify the credential's key, and signs with that key (§8.4).
func (a *Authenticator) androidKey(c *ceremony) (map[string]any, error) {
	if c.credential.Algorithm != publickey.ES256 {
		return nil, fmt.Errorf("authenticator: android-key supports only ES256, not %s", c.credential.Algorithm)
	}
	extension, err := NewKeyDescription(c.clientDataHash[:]).Extension()
	if err != nil {
		return nil, err
	}
	t, err := a.template(pkix.Name{CommonName: "Android Keystore Key"})
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtraExtensions = []pkix.Extension{extension}
	x5c, err := a.certify(t, c.credential.private.Public(), c.o.Tamper.Certificate)
	if err != nil {
		return nil, err
	}
	signature, err := sign(c.credential.private, publickey.ES256, c.signed())
	if err != nil {
		return nil, err
	}
	return map[string]any{"alg": -7, "sig": signature, "x5c": x5c}, nil
}
