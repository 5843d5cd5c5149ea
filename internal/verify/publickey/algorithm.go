package publickey

import (
	"crypto"
	_ "crypto/sha256" // the hashes that schemes names
	_ "crypto/sha512"
)

// Algorithm names a signature algorithm with its hash and, for ECDSA, its curve.
// The names are stored with credentials, so they never change.
type Algorithm string

// The algorithms that Countersign verifies. Those without a number in the COSE registry have
// names of our own; they exist because Key credentials sign with SHA-256 on every curve
// unless they choose SHA-512.
const (
	ES256  Algorithm = "ES256"  // ECDSA on P-256 with SHA-256, COSE -7
	ES384  Algorithm = "ES384"  // ECDSA on P-384 with SHA-384, COSE -35
	ES512  Algorithm = "ES512"  // ECDSA on P-521 with SHA-512, COSE -36
	ES256K Algorithm = "ES256K" // ECDSA on secp256k1 with SHA-256, COSE -47
	EdDSA  Algorithm = "EdDSA"  // Ed25519, COSE -8
	RS256  Algorithm = "RS256"  // RSASSA-PKCS1-v1_5 with SHA-256, COSE -257
	RS512  Algorithm = "RS512"  // RSASSA-PKCS1-v1_5 with SHA-512, COSE -259

	ES384WithSHA256  Algorithm = "ES384-SHA256"  // ECDSA on P-384 with SHA-256
	ES512WithSHA256  Algorithm = "ES512-SHA256"  // ECDSA on P-521 with SHA-256
	ES256WithSHA512  Algorithm = "ES256-SHA512"  // ECDSA on P-256 with SHA-512
	ES384WithSHA512  Algorithm = "ES384-SHA512"  // ECDSA on P-384 with SHA-512
	ES256KWithSHA512 Algorithm = "ES256K-SHA512" // ECDSA on secp256k1 with SHA-512
)

// scheme is what an algorithm consists of: a type of key, a hash (none for Ed25519, which
// hashes by itself) and a COSE number, 0 if it has none.
type scheme struct {
	keyType string
	hash    crypto.Hash
	cose    int
}

var schemes = map[Algorithm]scheme{
	ES256:            {P256, crypto.SHA256, -7},
	ES384:            {P384, crypto.SHA384, -35},
	ES512:            {P521, crypto.SHA512, -36},
	ES256K:           {Secp256k1, crypto.SHA256, -47},
	EdDSA:            {Ed25519, 0, -8},
	RS256:            {RSA, crypto.SHA256, -257},
	RS512:            {RSA, crypto.SHA512, -259},
	ES384WithSHA256:  {P384, crypto.SHA256, 0},
	ES512WithSHA256:  {P521, crypto.SHA256, 0},
	ES256WithSHA512:  {P256, crypto.SHA512, 0},
	ES384WithSHA512:  {P384, crypto.SHA512, 0},
	ES256KWithSHA512: {Secp256k1, crypto.SHA512, 0},
}

var byCOSE = func() map[int]Algorithm {
	m := make(map[int]Algorithm)
	for a, s := range schemes {
		if s.cose != 0 {
			m[s.cose] = a
		}
	}
	return m
}()

// FromCOSE returns the algorithm that a COSE algorithm identifier names. As in WebAuthn L3
// §5.8.5, each ECDSA identifier stands for one curve, and -8 for Ed25519. It reports false
// for an algorithm that Countersign does not verify.
func FromCOSE(alg int) (Algorithm, bool) {
	a, ok := byCOSE[alg]
	return a, ok
}

// COSE returns the COSE algorithm identifier of a, and false if a has none.
func (a Algorithm) COSE() (int, bool) {
	s := schemes[a]
	return s.cose, s.cose != 0
}

// KeyType returns the type of key that a is used with, as Key.Type spells it; "" for an
// unknown algorithm.
func (a Algorithm) KeyType() string { return schemes[a].keyType }
