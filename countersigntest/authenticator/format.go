package authenticator

import (
	"crypto/ecdsa"
	"fmt"

	"github.com/countersign/countersign/internal/verify/publickey"
)

// attestationObject writes fmt, attStmt and authData (WebAuthn L3 §6.5.4).
func (a *Authenticator) attestationObject(c *ceremony) ([]byte, error) {
	format, statement, err := a.statement(c)
	if err != nil {
		return nil, err
	}
	if c.o.Tamper.Statement != nil {
		c.o.Tamper.Statement(statement)
	}
	sent := change(c.o.Tamper.SentAuthenticatorData, c.authData)

	const mapOf, textOf, bytesOf = 5, 3, 2 // CBOR major types
	b := make([]byte, 0, len(sent)+64)
	b = appendHead(b, mapOf, 3)
	b = append(appendHead(b, textOf, 3), "fmt"...)
	b = append(appendHead(b, textOf, len(format)), format...)
	b = append(appendHead(b, textOf, 7), "attStmt"...)
	if len(statement) == 0 {
		b = appendHead(b, mapOf, 0)
	} else {
		b = append(b, encodeCBOR(statement)...)
	}
	b = append(appendHead(b, textOf, 8), "authData"...)
	return append(appendHead(b, bytesOf, len(sent)), sent...), nil
}

func (a *Authenticator) statement(c *ceremony) (format string, statement map[string]any, err error) {
	switch c.o.Format {
	case None:
		return "none", map[string]any{}, nil
	case PackedSelf:
		statement, err = packedSelf(c)
		return "packed", statement, err
	case PackedX5C:
		statement, err = a.packedX5C(c)
		return "packed", statement, err
	case FIDOU2F:
		statement, err = a.fidoU2F(c)
	case Apple:
		statement, err = a.apple(c)
	case AndroidKey:
		statement, err = a.androidKey(c)
	case TPM:
		statement, err = a.tpmStatement(c)
	default:
		err = fmt.Errorf("authenticator: no format %q", c.o.Format)
	}
	return c.o.Format, statement, err
}

// packedSelf signs with the credential's own key (§8.2, self attestation).
func packedSelf(c *ceremony) (map[string]any, error) {
	signature, err := sign(c.credential.private, c.credential.Algorithm, c.signed())
	if err != nil {
		return nil, err
	}
	number, _ := c.credential.Algorithm.COSE()
	return map[string]any{"alg": number, "sig": signature}, nil
}

// packedX5C signs with the model's attestation key (§8.2).
func (a *Authenticator) packedX5C(c *ceremony) (map[string]any, error) {
	key, err := use(a.packed, a.newPackedKey, c)
	if err != nil {
		return nil, err
	}
	signature, err := sign(key.private, publickey.ES256, c.signed())
	if err != nil {
		return nil, err
	}
	return map[string]any{"alg": -7, "sig": signature, "x5c": key.x5c}, nil
}

// fidoU2F signs the registration of a U2F token (§8.6).
func (a *Authenticator) fidoU2F(c *ceremony) (map[string]any, error) {
	public, ok := c.credential.private.Public().(*ecdsa.PublicKey)
	if !ok || c.credential.Algorithm != publickey.ES256 {
		return nil, fmt.Errorf("authenticator: fido-u2f supports only ES256, not %s", c.credential.Algorithm)
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	key, err := use(a.u2f, a.newU2FKey, c)
	if err != nil {
		return nil, err
	}
	message := append([]byte{0}, c.authData[:32]...)
	message = append(message, c.clientDataHash[:]...)
	message = append(message, c.credential.ID...)
	signature, err := sign(key.private, publickey.ES256, append(message, point...))
	if err != nil {
		return nil, err
	}
	return map[string]any{"sig": signature, "x5c": key.x5c}, nil
}

// use returns the attestation key that was made once, or a new one if the options change its
// certificate.
func use(cached func() (*attestationKey, error), fresh func(func(*Template)) (*attestationKey, error), c *ceremony) (*attestationKey, error) {
	if c.o.Tamper.Certificate != nil {
		return fresh(c.o.Tamper.Certificate)
	}
	return cached()
}
