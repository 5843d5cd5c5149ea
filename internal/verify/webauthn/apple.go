package webauthn

import (
	"bytes"
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
func verifyApple(s statement) (attestation, error) {
	f, err := parseStatement(s.raw, memberX5C, memberAlg)
	if err != nil {
		return attestation{}, apple.malformed(err)
	}
	if f.has&memberAlg != 0 {
		if err := apple.sameAlgorithm(s, f.alg); err != nil {
			return attestation{}, err
		}
	}
	certs, key, err := apple.chain(f.x5c, s.now, wholeChainCurrent)
	if err != nil {
		return attestation{}, err
	}
	nonce := sha256.Sum256(s.signed())
	ext := findExtension(certs[0], oidAppleNonce)
	if ext == nil {
		return attestation{}, apple.unfit("nonce", "no such extension", "the extension 1.2.840.113635.100.8.2", nil)
	}
	if want := slices.Concat(appleNoncePrefix, nonce[:]); !bytes.Equal(ext.Value, want) {
		return attestation{}, apple.invalid("nonce", hexed(ext.Value), hexed(want), nil)
	}
	if !key.Equal(s.key) {
		return attestation{}, apple.invalid("Subject Public Key", key.Fingerprint(), s.key.Fingerprint(), nil)
	}
	return attestation{kind: AttestationAnonCA, trustPath: f.x5c, aaguid: s.authData.aaguid}, nil
}
