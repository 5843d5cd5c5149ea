package webauthn

// verifyNone is WebAuthn L3 §8.7: an empty statement that says nothing.
func verifyNone(s statement) (attestation, error) {
	if _, err := parseStatement(s.raw, 0, 0); err != nil {
		return attestation{}, procedure("§8.7 none").malformed(err)
	}
	return attestation{kind: AttestationNone, aaguid: s.authData.aaguid}, nil
}
