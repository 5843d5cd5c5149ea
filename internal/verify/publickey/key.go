package publickey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Types of key, as Key.Type returns them.
const (
	P256      = "P-256"
	P384      = "P-384"
	P521      = "P-521"
	Secp256k1 = "secp256k1"
	Ed25519   = "Ed25519"
	RSA       = "RSA"
)

// Key is a public key that was checked: it is on its curve or of a sane size, and has one
// encoding. It is immutable and safe for concurrent use. Only the New and Parse functions of
// this package make one.
type Key struct {
	keyType string
	spki    []byte

	ec  *ecdsa.PublicKey     // P-256, P-384, P-521
	k1  *secp256k1.PublicKey // secp256k1
	ed  ed25519.PublicKey    // Ed25519
	rsa *rsa.PublicKey       // RSA
}

// curve describes an elliptic curve that ECDSA keys may use. nist is nil for
// secp256k1, which the standard library does not have.
type curve struct {
	name  string
	size  int // bytes of a coordinate
	order *big.Int
	nist  elliptic.Curve
}

var curves = map[string]*curve{
	P256:      {P256, 32, elliptic.P256().Params().N, elliptic.P256()},
	P384:      {P384, 48, elliptic.P384().Params().N, elliptic.P384()},
	P521:      {P521, 66, elliptic.P521().Params().N, elliptic.P521()},
	Secp256k1: {Secp256k1, 32, secp256k1.Params().N, nil},
}

// NewECDSA returns the key at the affine point (x, y) of the named curve: "P-256",
// "P-384", "P-521" or "secp256k1". Both coordinates are big-endian and exactly as long
// as the curve's field (32, 48, 66 and 32 bytes); RFC 9053 §7.1.1 forbids shorter ones. The
// point must lie on the curve; the point at infinity has no such form.
func NewECDSA(curveName string, x, y []byte) (*Key, error) {
	c, ok := curves[curveName]
	if !ok {
		return nil, unsupported("curve of an ECDSA key", curveName, "P-256, P-384, P-521 or secp256k1")
	}
	if len(x) != c.size || len(y) != c.size {
		return nil, invalid("length of the coordinates of an ECDSA key",
			fmt.Sprintf("%d and %d bytes", len(x), len(y)), fmt.Sprintf("%d bytes each", c.size))
	}
	point := make([]byte, 0, 1+2*c.size)
	point = append(point, 4)
	point = append(point, x...)
	return newECDSA(c, append(point, y...))
}

// newECDSA takes an uncompressed point (SEC 1 §2.3.3) of the right length.
func newECDSA(c *curve, point []byte) (*Key, error) {
	k := &Key{keyType: c.name}
	var err error
	if c.nist != nil {
		k.ec, err = ecdsa.ParseUncompressedPublicKey(c.nist, point)
	} else {
		k.k1, err = secp256k1.ParsePubKey(point)
	}
	if err != nil {
		e := invalid("point of an ECDSA key", "a point that is not on "+c.name, "a point on the curve")
		e.Cause = err
		return nil, e
	}
	k.spki = encodeECDSA(c.name, point)
	return k, nil
}

// NewEd25519 returns the Ed25519 key with the given 32-byte encoding (RFC 8032 §5.1.5).
// The encoding must be canonical, decode to a point of the curve, and that point must
// not be of small order: with such a key one signature is valid for many messages.
func NewEd25519(b []byte) (*Key, error) {
	if len(b) != ed25519.PublicKeySize {
		return nil, invalid("length of an Ed25519 key", fmt.Sprintf("%d bytes", len(b)), "32 bytes")
	}
	if err := checkEd25519(b); err != nil {
		return nil, err
	}
	return &Key{keyType: Ed25519, ed: bytes.Clone(b), spki: encodeEd25519(b)}, nil
}

// NewRSA returns the RSA key with modulus n and public exponent e, both big-endian
// without leading zeros (RFC 8230 §4). The modulus has 2048 to 8192 bits, is odd and has
// no factor below 752 (NIST SP 800-89 §5.3.3); the exponent is odd and 65537 ≤ e < 2³¹
// (FIPS 186-5 §5.4 has the same lower bound).
func NewRSA(n, e []byte) (*Key, error) { return newRSA(n, e, minExponent) }

func newRSA(n, e []byte, least int64) (*Key, error) {
	if err := checkRSA(n, e, least); err != nil {
		return nil, err
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	return &Key{keyType: RSA, rsa: pub, spki: encodeRSA(pub)}, nil
}

// Type returns the type of the key: "P-256", "P-384", "P-521", "secp256k1", "Ed25519"
// or "RSA".
func (k *Key) Type() string { return k.keyType }

// SPKI returns the canonical DER SubjectPublicKeyInfo of the key (RFC 5280 §4.1.2.7).
// Two keys are the same exactly if these bytes are.
func (k *Key) SPKI() []byte { return bytes.Clone(k.spki) }

// Fingerprint returns "SHA256:" and the unpadded standard base64 of the SHA-256 of SPKI:
// short enough to read aloud, and safe to log.
func (k *Key) Fingerprint() string {
	sum := sha256.Sum256(k.spki)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// Equal reports whether k and other are the same key.
func (k *Key) Equal(other *Key) bool { return bytes.Equal(k.spki, other.spki) }
