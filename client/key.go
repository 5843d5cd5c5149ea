package client

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Types of key that a KeySigner may have.
const (
	P256      = "P-256"
	P384      = "P-384"
	P521      = "P-521"
	Secp256k1 = "secp256k1"
	Ed25519   = "Ed25519"
	RSA       = "RSA" // 3072 bits when it is generated
)

// Sizes of RSA keys, in bits: of new ones, and the range that the server accepts.
const (
	newRSABits = 3072
	minRSABits = 2048
	maxRSABits = 8192
)

var nistCurves = map[string]elliptic.Curve{P256: elliptic.P256(), P384: elliptic.P384(), P521: elliptic.P521()}

func generate(keyType string) (crypto.Signer, error) {
	switch keyType {
	case RSA:
		return rsa.GenerateKey(rand.Reader, newRSABits)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case Secp256k1:
		return generateSecp256k1()
	}
	if curve, ok := nistCurves[keyType]; ok {
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	return nil, fmt.Errorf("client: unknown type of key %q: it must be P-256, P-384, P-521, secp256k1, Ed25519 or RSA", keyType)
}

// check returns the type of a key, or why it cannot be a credential.
func check(key any) (string, error) {
	switch k := key.(type) {
	case secp256k1Key:
		return Secp256k1, nil
	case ed25519.PrivateKey:
		return Ed25519, nil
	case *ecdsa.PrivateKey:
		return k.Params().Name, nil // one of nistCurves: the parsers refuse others
	case *rsa.PrivateKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return "", fmt.Errorf("it is an RSA key of %d bits; only %d to %d are supported", n, minRSABits, maxRSABits)
		}
		return RSA, nil
	}
	return "", fmt.Errorf("it is a key of a kind that is not supported (%T)", key)
}

// parse reads the only private key of a PEM text. Its errors hold no byte of the key.
func parse(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" { // OpenSSL's ecparam writes it before the key
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil && bytes.Contains(text, []byte(`\n`)):
		return nil, errors.New(`it has its line breaks written as \n; put real ones`)
	case block == nil:
		return nil, errors.New("it is not PEM")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("there is something after the first key; give one private key and nothing else")
	case block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Headers["DEK-Info"] != "":
		return nil, errors.New("it is encrypted; decrypt it first, for instance with openssl pkey")
	}
	switch block.Type {
	case "PRIVATE KEY":
		return parsePKCS8(block.Bytes)
	case "EC PRIVATE KEY":
		return parseSEC1(block.Bytes)
	case "RSA PRIVATE KEY":
		return usable(x509.ParsePKCS1PrivateKey(block.Bytes))
	case "PUBLIC KEY", "RSA PUBLIC KEY", "EC PUBLIC KEY":
		return nil, errors.New("it is a public key; signing takes the private key")
	case "CERTIFICATE":
		return nil, errors.New("it is a certificate; signing takes the private key")
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("it is a key in OpenSSH's own form; give it as PKCS #8")
	}
	return nil, fmt.Errorf("it is labelled %q; give a PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY", shortened(block.Type))
}

func shortened(label string) string {
	if len(label) > 40 {
		return label[:40] + "…"
	}
	return label
}

func parsePKCS8(der []byte) (crypto.Signer, error) {
	var info privateKeyInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		return nil, errDamaged
	}
	if !info.Algorithm.Algorithm.Equal(oidECPublicKey) {
		if name := unsupported[info.Algorithm.Algorithm.String()]; name != "" {
			return nil, fmt.Errorf("it is a key for %s, which is not supported", name)
		}
		return usable(x509.ParsePKCS8PrivateKey(der))
	}
	var curve asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &curve); err != nil || len(rest) > 0 {
		return nil, errUnnamed
	}
	switch {
	case curve.Equal(oidSecp256k1):
		return readSecp256k1(info.PrivateKey)
	case !slices.ContainsFunc(curves, curve.Equal):
		return nil, wrongCurve(curve)
	}
	var inner ecPrivateKey // crypto/x509 does not check whether it names another curve
	if rest, err := asn1.Unmarshal(info.PrivateKey, &inner); err != nil || len(rest) > 0 ||
		inner.Curve != nil && !inner.Curve.Equal(curve) {
		return nil, errDamaged
	}
	return usable(x509.ParsePKCS8PrivateKey(der))
}

func parseSEC1(der []byte) (crypto.Signer, error) {
	var k ecPrivateKey
	if rest, err := asn1.Unmarshal(der, &k); err != nil || len(rest) > 0 {
		return nil, errDamaged
	}
	switch {
	case k.Curve == nil:
		return nil, errUnnamed
	case k.Curve.Equal(oidSecp256k1):
		return readSecp256k1(der)
	case !slices.ContainsFunc(curves, k.Curve.Equal):
		return nil, wrongCurve(k.Curve)
	}
	return usable(x509.ParseECPrivateKey(der))
}

var (
	errDamaged = errors.New("its content is damaged or does not fit its label")
	errUnnamed = errors.New("it does not name its curve")
)

// curves are those of crypto/ecdsa that the server accepts (RFC 5480 §2.1.1.1).
var curves = []asn1.ObjectIdentifier{{1, 2, 840, 10045, 3, 1, 7}, {1, 3, 132, 0, 34}, {1, 3, 132, 0, 35}}

func wrongCurve(curve asn1.ObjectIdentifier) error {
	return fmt.Errorf("it is a key on the curve %s, which is not supported", curve)
}

// unsupported names other keys that people have in PKCS #8, by their object identifiers.
var unsupported = map[string]string{
	"1.2.840.10040.4.1":     "DSA",
	"1.2.840.113549.1.1.10": "RSA-PSS",
	"1.2.840.113549.1.3.1":  "Diffie-Hellman",
	"1.3.101.110":           "X25519",
	"1.3.101.111":           "X448",
	"1.3.101.113":           "Ed448",
}

// usable checks a key that crypto/x509 parsed. It drops that package's errors, which only name
// other functions to call.
func usable[K any](key K, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, errDamaged
	}
	if _, err := check(key); err != nil {
		return nil, err
	}
	return any(key).(crypto.Signer), nil
}

// privatePEM writes a key as PKCS #8 (RFC 5208).
func privatePEM(key crypto.Signer) ([]byte, error) {
	der, err := func() ([]byte, error) {
		if k, ok := key.(secp256k1Key); ok {
			return k.pkcs8()
		}
		return x509.MarshalPKCS8PrivateKey(key)
	}()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// publicPEM writes the public key of key as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
func publicPEM(key crypto.Signer) (string, error) {
	der, err := func() ([]byte, error) {
		if k, ok := key.(secp256k1Key); ok {
			return k.spki()
		}
		return x509.MarshalPKIXPublicKey(key.Public())
	}()
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
