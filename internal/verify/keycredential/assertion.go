package keycredential

import "github.com/countersign/countersign/internal/verify/publickey"

// AssertionResponse is what the client sent, decoded from base64url and otherwise as
// received.
type AssertionResponse struct {
	ClientData []byte // JSON with type and challenge; every byte is signed
	Signature  []byte // ECDSA in DER, the 64 bytes of Ed25519, or RSA PKCS #1 v1.5
}

// AssertionPolicy is what was issued.
type AssertionPolicy struct {
	// Challenge is the text that was issued: unpadded base64url. The client may return it
	// unchanged or base64url-encoded once more.
	Challenge string
}

// ChallengeIn returns the challenge that client data of an assertion say they answer. Nothing is verified.
// The error is as for VerifyAssertion.
func ChallengeIn(data []byte) (string, error) {
	client, err := parseClientData(data)
	return client.challenge, err
}

// VerifyAssertion verifies that the client data is for this challenge and that key signed
// it. The algorithm is the one that the key was registered with, whatever the client says
// now. The caller checks that the credential belongs to the user and is active.
//
// The error is an *api.Error whose Code is one of this package's constants. Its Kind is
// Unauthenticated for CodeSignatureInvalid and otherwise Invalid.
func VerifyAssertion(r AssertionResponse, p AssertionPolicy, key *publickey.Key, algorithm publickey.Algorithm) error {
	if err := using.verifyClientData(r.ClientData, p.Challenge); err != nil {
		return err
	}
	if key == nil {
		return refuse(CodeSignatureInvalid, "signature", "a record without a key", "the credential's public key")
	}
	if err := key.Verify(algorithm, r.ClientData, r.Signature); err != nil {
		return because(CodeSignatureInvalid, "signature", err)
	}
	return nil
}
