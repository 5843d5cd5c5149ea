package publickey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	k1ecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Verify returns nil if signature is k's signature of message with alg, which must fit the
// key. An ECDSA signature is strict DER (RFC 3279 §2.2.3) with nothing after it and
// 1 ≤ r, s < n; s may be in either half, because authenticators and SDKs do not normalise
// it. An RSA signature is as long as the modulus, an Ed25519 signature has 64 bytes.
func (k *Key) Verify(alg Algorithm, message, signature []byte) error {
	s, ok := schemes[alg]
	if !ok || s.keyType != k.keyType {
		return badSignature("signature_algorithm_mismatch", "The signature algorithm does not fit the key.",
			"signature algorithm", fmt.Sprintf("%q with a key of type %s", string(alg), k.keyType), "an algorithm for this type of key")
	}
	if alg == EdDSA {
		return k.verifyEd25519(message, signature)
	}
	h := s.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	if k.rsa != nil {
		return k.verifyRSA(s.hash, digest, signature)
	}
	return k.verifyECDSA(digest, signature)
}

func (k *Key) verifyEd25519(message, signature []byte) error {
	if len(signature) != ed25519.SignatureSize {
		return malformedSignature("RFC 8032 §5.1.6, length", fmt.Sprintf("%d bytes", len(signature)), "64 bytes")
	}
	if !ed25519.Verify(k.ed, message, signature) {
		return wrongSignature("RFC 8032 §5.1.7, Ed25519")
	}
	return nil
}

func (k *Key) verifyRSA(hash crypto.Hash, digest, signature []byte) error {
	if len(signature) != k.rsa.Size() {
		return malformedSignature("RFC 8017 §8.2.2 step 1, length",
			fmt.Sprintf("%d bytes", len(signature)), fmt.Sprintf("%d bytes", k.rsa.Size()))
	}
	if err := rsa.VerifyPKCS1v15(k.rsa, hash, digest, signature); err != nil {
		return wrongSignature("RFC 8017 §8.2.2, RSASSA-PKCS1-v1_5")
	}
	return nil
}

// VerifyRS1 is Verify for RSASSA-PKCS1-v1_5 with SHA-1 (COSE -65535). No Algorithm names it, so
// that no credential can have it: it is for the attestations of TPMs alone, which hash what they
// made themselves.
func (k *Key) VerifyRS1(message, signature []byte) error {
	if k.rsa == nil {
		return badSignature("signature_algorithm_mismatch", "The signature algorithm does not fit the key.",
			"signature algorithm", "RS1 with a key of type "+k.keyType, "an algorithm for this type of key")
	}
	digest := sha1.Sum(message)
	return k.verifyRSA(crypto.SHA1, digest[:], signature)
}

func (k *Key) verifyECDSA(digest, signature []byte) error {
	r, s, err := parseECDSASignature(signature, curves[k.keyType].order)
	if err != nil {
		return err
	}
	var valid bool
	if k.ec != nil {
		valid = ecdsa.VerifyASN1(k.ec, digest, signature)
	} else {
		valid = verifySecp256k1(k.k1, digest, r, s)
	}
	if !valid {
		return wrongSignature("FIPS 186-5 §6.4.2, ECDSA on " + k.keyType)
	}
	return nil
}

func verifySecp256k1(k *secp256k1.PublicKey, digest []byte, r, s *big.Int) bool {
	var rs, ss secp256k1.ModNScalar
	rs.SetByteSlice(r.Bytes()) // both are below the order: parseECDSASignature checked it
	ss.SetByteSlice(s.Bytes())
	return k1ecdsa.NewSignature(&rs, &ss).Verify(digest[:32], k) // FIPS 186-5: the leftmost bits of a longer hash
}

// parseECDSASignature reads an Ecdsa-Sig-Value as strict DER: no long lengths, no padded or
// negative integers, nothing more inside or after it.
func parseECDSASignature(signature []byte, order *big.Int) (r, s *big.Int, err error) {
	var numbers cryptobyte.String
	input := cryptobyte.String(signature)
	r, s = new(big.Int), new(big.Int)
	if !input.ReadASN1(&numbers, cbasn1.SEQUENCE) || !input.Empty() ||
		!numbers.ReadASN1Integer(r) || !numbers.ReadASN1Integer(s) || !numbers.Empty() {
		return nil, nil, malformedSignature("RFC 3279 §2.2.3, Ecdsa-Sig-Value", fmt.Sprintf("%d other bytes", len(signature)), "DER of r and s")
	}
	for _, n := range []*big.Int{r, s} {
		if n.Sign() <= 0 || n.Cmp(order) >= 0 {
			return nil, nil, malformedSignature("FIPS 186-5 §6.4.2 step 1", "r or s out of range", "from 1 to the order less 1")
		}
	}
	return r, s, nil
}

func malformedSignature(rule, received, expected string) error {
	return badSignature("signature_malformed", "The signature is not encoded correctly.", rule, received, expected)
}

func wrongSignature(rule string) error {
	return badSignature("signature_invalid", "The signature is not valid.", rule, "a signature that does not verify", "a signature of these bytes by this key")
}
