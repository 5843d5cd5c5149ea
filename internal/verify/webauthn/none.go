package webauthn

// verifyNone is WebAuthn L3 §8.7: an empty statement that says nothing.
func verifyNone(s unverified) (Statement, error) {
	if _, err := parseStatement(s.raw, 0, 0); err != nil {
		return Statement{}, procedure("§8.7 none").malformed(err)
	}
	return Statement{AttestationType: AttestationNone}, nil
}
