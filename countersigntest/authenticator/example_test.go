package authenticator_test

import (
	"crypto/sha256"
	"fmt"
	"log"
	"slices"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// An authenticator makes a passkey for a registration challenge. The passkey then answers
// other challenges.
func Example() {
	attestation, passkey, err := authenticator.New().Create(api.RegistrationChallenge{
		User:             api.ChallengeUser{ID: "us-1", Name: "ada@example.org"},
		Challenge:        "cmVnaXN0cmF0aW9u",
		RP:               &api.RelyingParty{ID: "example.org", Name: "Example"},
		PubKeyCredParams: []api.PubKeyCredParam{{Type: "public-key", Alg: -7}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(attestation.CredentialKind, passkey.Algorithm, passkey.RPID)

	assertion, err := passkey.Assert("bG9naW4")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(assertion.ClientDataJSON))
	key, err := passkey.PublicKey()
	if err != nil {
		log.Fatal(err)
	}
	hash := sha256.Sum256(assertion.ClientDataJSON)
	signed := slices.Concat(assertion.AuthenticatorData, hash[:])
	fmt.Println("it verifies:", key.Verify(passkey.Algorithm, signed, assertion.Signature) == nil)
	// Output:
	// Fido2 ES256 example.org
	// {"type":"webauthn.get","challenge":"bG9naW4","origin":"https://example.org","crossOrigin":false}
	// it verifies: true
}
