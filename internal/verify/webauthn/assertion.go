package webauthn

import (
	"crypto/sha256"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// AssertionResponse is an AuthenticatorAssertionResponse (WebAuthn L3 §5.2.2) without its
// user handle, decoded from base64url and otherwise as received.
type AssertionResponse struct{ ClientDataJSON, AuthenticatorData, Signature []byte }

// AssertionPolicy is what the relying party issued for this ceremony and accepts. Its
// members mean what they mean in RegistrationPolicy.
type AssertionPolicy struct {
	Challenge               string
	RPIDs                   []string
	Origins                 []string
	TopOrigins              []string
	RequireUserVerification bool
}

// CredentialRecord is the part of a credential record (WebAuthn L3 §4) that verifying an
// assertion needs.
type CredentialRecord struct {
	PublicKey      *publickey.Key
	Algorithm      publickey.Algorithm // the one it was registered with; it signs with no other
	SignCount      uint32              // as last stored
	BackupEligible bool
}

// Assertion is a verified assertion. Its byte slice shares memory with the response.
type Assertion struct {
	RPID        string // the RP ID of the policy that matched
	Origin      string
	TopOrigin   string // "" if the client sent none
	CrossOrigin bool

	UserVerified   bool
	BackupEligible bool
	BackupState    bool
	SignCount      uint32
	Extensions     []byte // authenticator extension outputs, a CBOR map, uninterpreted; nil when absent

	// SignCountOutOfLine says that the counter did not grow although the record's or this
	// one is not zero (step 22). It hints at a copied key but does not prove it. It is never
	// set for authenticators that always send zero.
	SignCountOutOfLine bool
	// BackupEligibilityChanged says that the BE flag differs from the record's (step 19).
	// An authenticator may never change it (§6.1).
	BackupEligibilityChanged bool
}

// VerifyAssertion verifies the response to an authentication ceremony with the record of
// the credential that it names, step by step as WebAuthn Level 3 §7.2 numbers them. Steps
// 1 to 4 are the client's. The caller checks that the credential was allowed (5) and
// belongs to the user and the user handle (6), decides about the two findings that are
// reported and not refused (19, 22), may read extension outputs (23), and updates the
// record (24).
//
// Steps 19 and 22 are reported only if the signature verifies, so only the owner of the key
// can cause such a finding.
//
// The error is an *api.Error whose Code is one of this package's constants. Its Kind is
// Unauthenticated for CodeSignatureInvalid and otherwise Invalid.
func VerifyAssertion(r AssertionResponse, p AssertionPolicy, c CredentialRecord) (Assertion, error) {
	client, err := asserting.readClientData(r.ClientDataJSON) // steps 7, 8, 9
	if err != nil {
		return Assertion{}, err
	}
	if err := asserting.checkType(client); err != nil { // step 10
		return Assertion{}, err
	}
	if err := asserting.checkChallenge(client, p.Challenge); err != nil { // step 11
		return Assertion{}, err
	}
	if err := asserting.checkOrigin(client, p.Origins); err != nil { // step 12
		return Assertion{}, err
	}
	if err := asserting.checkCrossOrigin(client, p.TopOrigins); err != nil { // step 13
		return Assertion{}, err
	}
	if err := asserting.checkTopOrigin(client, p.TopOrigins); err != nil { // step 14
		return Assertion{}, err
	}
	authData, err := readAssertionData(r.AuthenticatorData) // step 7
	if err != nil {
		return Assertion{}, err
	}
	rpID, err := asserting.checkRPID(authData, p.RPIDs) // step 15; the appid extension is not offered
	if err != nil {
		return Assertion{}, err
	}
	if err := asserting.checkUserPresent(authData); err != nil { // step 16
		return Assertion{}, err
	}
	if err := asserting.checkUserVerified(authData, p.RequireUserVerification); err != nil { // step 17
		return Assertion{}, err
	}
	if err := asserting.checkBackupFlags(authData); err != nil { // step 18
		return Assertion{}, err
	}
	eligibilityChanged := authData.has(flagBackupEligible) != c.BackupEligible // step 19
	hash := sha256.Sum256(r.ClientDataJSON)                                    // step 20
	if err := checkSignature(authData, hash, r.Signature, c); err != nil {     // step 21
		return Assertion{}, err
	}
	return Assertion{
		RPID:           rpID,
		Origin:         client.origin,
		TopOrigin:      client.topOrigin,
		CrossOrigin:    client.crossOrigin,
		UserVerified:   authData.has(flagUserVerified),
		BackupEligible: authData.has(flagBackupEligible),
		BackupState:    authData.has(flagBackupState),
		SignCount:      authData.signCount,
		Extensions:     authData.extensions, // step 23 is the caller's

		SignCountOutOfLine:       outOfLine(authData.signCount, c.SignCount), // step 22
		BackupEligibilityChanged: eligibilityChanged,
	}, nil
}

// readAssertionData parses the authenticator data of step 7.
func readAssertionData(b []byte) (*authenticatorData, error) {
	const step, what = 7, "authenticator data"
	if len(b) > maxAssertionDataLen {
		return nil, asserting.refuse(CodeAuthenticatorDataMalformed, step, what, bytesCount(len(b)), "at most "+bytesCount(maxAssertionDataLen))
	}
	a, err := parseAssertionData(b)
	if err != nil {
		return nil, because(asserting.refuse(CodeAuthenticatorDataMalformed, step, what,
			bytesCount(len(b)), "authenticator data without attested credential data (§6.1)"), err)
	}
	return a, nil
}

// checkSignature is step 21. The signature is over authenticator data as received and the
// hash of client data, by the record's key with the record's algorithm. A record without a
// key accepts nothing.
func checkSignature(a *authenticatorData, clientDataHash [sha256.Size]byte, signature []byte, c CredentialRecord) error {
	const step, what = 21, "signature"
	if c.PublicKey == nil {
		return asserting.refuse(CodeSignatureInvalid, step, what, "a record without a key", "the credential's public key")
	}
	if err := c.PublicKey.Verify(c.Algorithm, slices.Concat(a.raw, clientDataHash[:]), signature); err != nil {
		cause := api.AsError(err)
		return because(asserting.refuse(CodeSignatureInvalid, step, what+": "+cause.Rule, cause.Received, cause.Expected), err)
	}
	return nil
}

// outOfLine is step 22.
func outOfLine(current, stored uint32) bool {
	return (current != 0 || stored != 0) && current <= stored
}
