package client

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1ecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// secp256k1Key is a private key on the one curve that crypto/ecdsa and crypto/x509 lack.
type secp256k1Key struct{ private *secp256k1.PrivateKey }

// Public returns a *secp256k1.PublicKey.
func (k secp256k1Key) Public() crypto.PublicKey { return k.private.PubKey() }

// Sign returns an ECDSA signature in DER; the nonce is that of RFC 6979.
func (k secp256k1Key) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if len(digest) < 32 {
		return nil, errors.New("client: a digest for secp256k1 has at least 32 bytes")
	}
	return k1ecdsa.Sign(k.private, digest[:32]).Serialize(), nil // FIPS 186-5: the leftmost bits of a longer hash
}

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} // RFC 5480 §2.1.1
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}       // SEC 2 §A.2
)

// ecPrivateKey is ECPrivateKey (RFC 5915 §3).
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// privateKeyInfo is PrivateKeyInfo (RFC 5208 §5) without its optional attributes.
type privateKeyInfo struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// subjectPublicKeyInfo is SubjectPublicKeyInfo (RFC 5280 §4.1).
type subjectPublicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	PublicKey asn1.BitString
}

var errSecp256k1 = errors.New("it is not a sound key on secp256k1")

// readSecp256k1 reads an ECPrivateKey whose curve, named in it or around it, is secp256k1. If
// it has a public key, that must be the right one.
func readSecp256k1(der []byte) (crypto.Signer, error) {
	var k ecPrivateKey
	if rest, err := asn1.Unmarshal(der, &k); err != nil || len(rest) > 0 || k.Version != 1 ||
		k.Curve != nil && !k.Curve.Equal(oidSecp256k1) {
		return nil, errSecp256k1
	}
	// Some writers drop leading zeros, and some add them.
	digits := bytes.TrimLeft(k.PrivateKey, "\x00")
	var scalar secp256k1.ModNScalar
	if len(digits) > 32 || scalar.SetByteSlice(digits) || scalar.IsZero() {
		return nil, errSecp256k1
	}
	private := secp256k1.NewPrivateKey(&scalar)
	if stated := k.PublicKey.Bytes; len(stated) > 0 {
		public, err := secp256k1.ParsePubKey(stated)
		if err != nil || !public.IsEqual(private.PubKey()) {
			return nil, errSecp256k1
		}
	}
	return secp256k1Key{private}, nil
}

func generateSecp256k1() (crypto.Signer, error) {
	private, err := secp256k1.GeneratePrivateKey()
	return secp256k1Key{private}, err
}

func secp256k1Algorithm() (pkix.AlgorithmIdentifier, error) {
	curve, err := asn1.Marshal(oidSecp256k1)
	return pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, err
}

// pkcs8 writes the key as OpenSSL does: the curve outside, the public key inside.
func (k secp256k1Key) pkcs8() ([]byte, error) {
	algorithm, err := secp256k1Algorithm()
	if err != nil {
		return nil, err
	}
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, PrivateKey: k.private.Serialize(),
		PublicKey: bits(k.private.PubKey())})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(privateKeyInfo{Algorithm: algorithm, PrivateKey: inner})
}

func (k secp256k1Key) spki() ([]byte, error) {
	algorithm, err := secp256k1Algorithm()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(subjectPublicKeyInfo{algorithm, bits(k.private.PubKey())})
}

func bits(p *secp256k1.PublicKey) asn1.BitString {
	point := p.SerializeUncompressed()
	return asn1.BitString{Bytes: point, BitLength: 8 * len(point)}
}
