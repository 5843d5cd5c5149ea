package webauthn

import (
	"bytes"
	"encoding/asn1"
	"slices"

	"github.com/countersign/countersign/internal/verify/publickey"
)

const fidoU2F = procedure("§8.6 fido-u2f")

// verifyFIDOU2F is WebAuthn L3 §8.6. The signature of a U2F authenticator covers neither
// flags, nor counter, nor AAGUID. Such an authenticator has no AAGUID, so another than zeros was
// put there by somebody and is refused, although §8.6 does not say so: the vector of §16 has one.
func verifyFIDOU2F(s unverified) (Statement, error) {
	f, err := parseStatement(s.raw, memberSig|memberX5C, 0)
	if err != nil {
		return Statement{}, fidoU2F.malformed(err)
	}
	if s.authData.aaguid != [16]byte{} {
		return Statement{}, fidoU2F.invalid("aaguid", hexed(s.authData.aaguid[:]), "zeros, since U2F has none", nil)
	}
	if len(f.x5c) != 1 {
		return Statement{}, fidoU2F.invalid("x5c", "more than one certificate", "exactly one", nil)
	}
	es256, _ := publickey.ES256.COSE()
	cert, out, err := fidoU2F.chain(s, f.x5c, int64(es256))
	if err != nil {
		return Statement{}, err
	}
	if cert.key.Type() != publickey.P256 {
		return Statement{}, fidoU2F.unfit("certificate public key", cert.key.Type(), publickey.P256, nil)
	}
	if s.algorithm != publickey.ES256 {
		return Statement{}, fidoU2F.invalid("credentialPublicKey", string(s.algorithm), string(publickey.ES256), nil)
	}
	// Both coordinates have 32 bytes: publickey.NewECDSA checked it.
	message := slices.Concat([]byte{0}, s.authData.rpIDHash, s.clientDataHash[:],
		s.authData.credentialID, []byte{4}, s.authData.key.x, s.authData.key.y)
	if err := cert.key.Verify(publickey.ES256, message, f.sig); err != nil {
		return Statement{}, fidoU2F.invalid("sig", bytesCount(len(f.sig)), "a valid ES256 signature", err)
	}
	out.KeyIdentifier = cert.KeyIdentifier()
	if ext := cert.Extension(oidFIDOAAGUID); ext != nil {
		if aaguid, ok := bytes.CutPrefix(ext.Value, []byte{asn1.TagOctetString, 16}); ok && len(aaguid) == 16 {
			out.CertificateAAGUID = (*[16]byte)(bytes.Clone(aaguid))
		}
	}
	return out, nil
}
