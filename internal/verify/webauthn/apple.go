package webauthn

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"slices"
)

const apple = procedure("§8.8 apple")

var oidAppleNonce = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

// appleNoncePrefix is the DER around the nonce: SEQUENCE { [1] { OCTET STRING (32) } }.
var appleNoncePrefix = []byte{0x30, 0x24, 0xa1, 0x22, 0x04, 0x20}

// verifyApple is WebAuthn L3 §8.8. Apple's devices also send alg, as an early draft said;
// it is accepted if it is the credential's.
func verifyApple(s unverified) (Statement, error) {
	f, err := parseStatement(s.raw, memberX5C, memberAlg)
	if err != nil {
		return Statement{}, apple.malformed(err)
	}
	if f.has&memberAlg != 0 {
		if err := apple.sameAlgorithm(s, f.alg); err != nil {
			return Statement{}, err
		}
	}
	cert, out, err := apple.chain(s, f.x5c, s.authData.key.algorithm)
	if err != nil {
		return Statement{}, err
	}
	nonce := sha256.Sum256(s.signed())
	ext := cert.Extension(oidAppleNonce)
	if ext == nil {
		return Statement{}, apple.unfit("nonce", "no such extension", "the extension 1.2.840.113635.100.8.2", nil)
	}
	if want := slices.Concat(appleNoncePrefix, nonce[:]); !bytes.Equal(ext.Value, want) {
		return Statement{}, apple.invalid("nonce", hexed(ext.Value), hexed(want), nil)
	}
	if !cert.key.Equal(s.key) {
		return Statement{}, apple.invalid("Subject Public Key", cert.key.Fingerprint(), s.key.Fingerprint(), nil)
	}
	out.AttestationType, out.Hash = AttestationAnonCA, crypto.SHA256
	return out, nil
}
