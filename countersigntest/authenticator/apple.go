package authenticator

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/countersign/countersign/internal/verify/publickey"
)

var oidAppleNonce = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

// apple has no signature: the CA certifies the credential's key with a nonce, the hash of what
// other formats sign (WebAuthn L3 §8.8).
func (a *Authenticator) apple(c *ceremony) (map[string]any, error) {
	if c.credential.Algorithm != publickey.ES256 {
		return nil, fmt.Errorf("authenticator: apple supports only ES256, not %s", c.credential.Algorithm)
	}
	nonce := sha256.Sum256(c.signed())
	value, err := asn1.Marshal(struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}{nonce[:]})
	if err != nil {
		return nil, err
	}
	t, err := a.template(pkix.Name{CommonName: fmt.Sprintf("%x", sha256.Sum256(c.credential.ID)),
		OrganizationalUnit: []string{"AAA Certification"}, Organization: []string{"Countersign Test"}})
	if err != nil {
		return nil, err
	}
	t.ExtraExtensions = []pkix.Extension{{Id: oidAppleNonce, Value: value}}
	x5c, err := a.certify(t, c.credential.private.Public(), c.o.Tamper.Certificate)
	if err != nil {
		return nil, err
	}
	return map[string]any{"x5c": x5c}, nil
}
