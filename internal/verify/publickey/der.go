package publickey

import (
	"bytes"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxSPKI is the longest SubjectPublicKeyInfo that is read, in bytes: an RSA key of
// 8192 bits takes 1,062.
const maxSPKI = 1100

// Object identifiers: RFC 5480 §2.1.1, RFC 3279 §2.3.1, RFC 8410 §3, SEC 2 §A.2.1.
var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidRSA         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEd25519     = asn1.ObjectIdentifier{1, 3, 101, 112}

	oidCurves = map[string]asn1.ObjectIdentifier{
		P256:      {1, 2, 840, 10045, 3, 1, 7},
		P384:      {1, 3, 132, 0, 34},
		P521:      {1, 3, 132, 0, 35},
		Secp256k1: {1, 3, 132, 0, 10},
	}
)

// ParseSPKI reads a DER SubjectPublicKeyInfo: ECDSA on a named curve with an
// uncompressed point, RSA, or Ed25519. It accepts only the bytes that SPKI returns for the
// key, so every key has one encoding and nothing may follow it.
func ParseSPKI(der []byte) (*Key, error) { return parseCanonical(der, minExponent) }

// ParseStored is ParseSPKI for a key that was accepted before: an RSA key may have a smaller
// exponent than a new one.
func ParseStored(der []byte) (*Key, error) { return parseCanonical(der, minStoredExponent) }

func parseCanonical(der []byte, leastExponent int64) (*Key, error) {
	if len(der) > maxSPKI {
		return nil, malformed("RFC 5280 §4.1.2.7, size", fmt.Sprintf("%d bytes", len(der)), "at most 1100 bytes")
	}
	k, err := parseSPKI(der, leastExponent)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(k.spki, der) {
		return nil, malformed("RFC 5280 §4.1.2.7, canonical DER", "another encoding", "the one canonical encoding")
	}
	return k, nil
}

// parseSPKI need not check every byte, because ParseSPKI compares the result with the
// canonical form. It must only never take one key for another.
func parseSPKI(der []byte, leastExponent int64) (*Key, error) {
	var info, algorithm, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	input := cryptobyte.String(der)
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) || !input.Empty() ||
		!info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!info.ReadASN1BitStringAsBytes((*[]byte)(&key)) || !info.Empty() {
		return nil, malformed("RFC 5280 §4.1.2.7, SubjectPublicKeyInfo", "other bytes", "DER of algorithm and key")
	}
	switch {
	case oid.Equal(oidECPublicKey):
		return parseECPoint(algorithm, key)
	case oid.Equal(oidRSA):
		return parsePKCS1(key, leastExponent)
	case oid.Equal(oidEd25519):
		return NewEd25519(key)
	}
	return nil, unsupported("type of a public key", oid.String(), "ECDSA, RSA or Ed25519")
}

func parseECPoint(parameters, point cryptobyte.String) (*Key, error) {
	var oid asn1.ObjectIdentifier
	if !parameters.ReadASN1ObjectIdentifier(&oid) {
		return nil, unsupported("RFC 5480 §2.1.1, parameters of an ECDSA key", "no named curve", "a named curve")
	}
	for name, known := range oidCurves {
		if !oid.Equal(known) {
			continue
		}
		c := curves[name]
		if len(point) != 1+2*c.size || point[0] != 4 {
			return nil, invalid("RFC 5480 §2.2, point of an ECDSA key",
				fmt.Sprintf("%d bytes", len(point)), "an uncompressed point of the curve's size")
		}
		return newECDSA(c, point)
	}
	return nil, unsupported("curve of an ECDSA key", oid.String(), "P-256, P-384, P-521 or secp256k1")
}

// parsePKCS1 reads an RSAPublicKey (RFC 8017 §A.1.1). Its two integers are strict DER, so it
// has no second encoding.
func parsePKCS1(der cryptobyte.String, leastExponent int64) (*Key, error) {
	var numbers cryptobyte.String
	var n, e []byte
	if !der.ReadASN1(&numbers, cbasn1.SEQUENCE) || !der.Empty() ||
		!numbers.ReadASN1Integer(&n) || !numbers.ReadASN1Integer(&e) || !numbers.Empty() {
		return nil, malformed("RFC 8017 §A.1.1, RSAPublicKey", "other bytes", "DER of modulus and exponent")
	}
	return newRSA(n, e, leastExponent)
}

// encodeSPKI writes a SubjectPublicKeyInfo; parameters appends those of the algorithm.
func encodeSPKI(oid asn1.ObjectIdentifier, parameters func(*cryptobyte.Builder), key []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			parameters(b)
		})
		b.AddASN1BitString(key)
	})
	return b.BytesOrPanic() // a fixed structure cannot fail
}

func encodeECDSA(curveName string, point []byte) []byte {
	return encodeSPKI(oidECPublicKey, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidCurves[curveName])
	}, point)
}

func encodeEd25519(key []byte) []byte {
	return encodeSPKI(oidEd25519, func(*cryptobyte.Builder) {}, key)
}

func encodeRSA(pub *rsa.PublicKey) []byte {
	return encodeSPKI(oidRSA, (*cryptobyte.Builder).AddASN1NULL, encodePKCS1(pub))
}

func encodePKCS1(pub *rsa.PublicKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(pub.N)
		b.AddASN1BigInt(big.NewInt(int64(pub.E)))
	})
	return b.BytesOrPanic()
}
