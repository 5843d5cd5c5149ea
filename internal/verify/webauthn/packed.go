package webauthn

import (
	"crypto/x509"
	"fmt"
)

const packed = procedure("§8.2 packed")

// verifyPacked is WebAuthn L3 §8.2. ECDAA, which Level 3 dropped, is refused like every
// member that the syntax does not have.
func verifyPacked(s statement) (attestation, error) {
	f, err := parseStatement(s.raw, memberAlg|memberSig, memberX5C)
	if err != nil {
		return attestation{}, packed.malformed(err)
	}
	if f.has&memberX5C == 0 {
		return verifyPackedSelf(s, f)
	}
	certs, key, err := packed.chain(f.x5c, s.now, wholeChainCurrent)
	if err != nil {
		return attestation{}, err
	}
	if err := packed.verifySignature(key, f.alg, s.signed(), f.sig); err != nil {
		return attestation{}, err
	}
	if err := checkPackedCertificate(certs[0]); err != nil {
		return attestation{}, err
	}
	if err := packed.checkAAGUID(certs[0], s.authData.aaguid); err != nil {
		return attestation{}, err
	}
	// Only metadata could tell whether it is Basic or AttCA.
	return attestation{kind: AttestationBasic, trustPath: f.x5c, aaguid: s.authData.aaguid}, nil
}

// verifyPackedSelf is self attestation: the credential key signs for itself.
func verifyPackedSelf(s statement, f fields) (attestation, error) {
	if err := packed.sameAlgorithm(s, f.alg); err != nil {
		return attestation{}, err
	}
	if err := packed.verifySignature(s.key, f.alg, s.signed(), f.sig); err != nil {
		return attestation{}, err
	}
	return attestation{kind: AttestationSelf, aaguid: s.authData.aaguid}, nil
}

// checkPackedCertificate is WebAuthn L3 §8.2.1.
func checkPackedCertificate(c *x509.Certificate) error {
	const section = procedure("§8.2.1 packed certificate")
	if err := section.checkEndEntity(c); err != nil {
		return err
	}
	n := c.Subject
	switch {
	case len(n.Country) != 1 || !isCountry(n.Country[0]):
		return section.unfit("Subject-C", fmt.Sprintf("%.60q", n.Country), "one ISO 3166 code", nil)
	case len(n.Organization) != 1 || n.Organization[0] == "":
		return section.unfit("Subject-O", fmt.Sprintf("%.60q", n.Organization), "the vendor's name", nil)
	case len(n.OrganizationalUnit) != 1 || n.OrganizationalUnit[0] != "Authenticator Attestation":
		return section.unfit("Subject-OU", fmt.Sprintf("%.60q", n.OrganizationalUnit), `"Authenticator Attestation"`, nil)
	case n.CommonName == "":
		return section.unfit("Subject-CN", "none", "a name of the vendor's choosing", nil)
	}
	return nil
}

// isCountry reports whether s looks like an ISO 3166 alpha-2 code. The assigned codes change,
// and user-assigned ones are in use, so any two letters pass.
func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}
