package assertion

import (
	"encoding/base64"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/keycredential"
)

// ErrNotRecovery refuses a credential that is not a recovery key, in the contract's words.
var ErrNotRecovery = &api.Error{Kind: api.Unauthenticated, Code: "credential_not_recovery",
	Message: "Credential cannot be used as a recovery factor.", Rule: "an active recovery key of the user"}

// VerifyRecovery verifies that a recovery key signed new credentials. The challenge in its client data is
// the base64url of their JSON text. Clients write that text in their own way, so what it says is compared
// and not its bytes. owner is the user with the recovery key that the ceremony was begun with.
func (v *Verifier) VerifyRecovery(in *api.CredentialAssertion, credentials api.RegistrationRequest, owner store.Owner) error {
	if in.Kind != api.KindRecoveryKey {
		return about(owner, ErrNotRecovery)
	}
	read := *in
	read.Kind = api.KindKey // the assertion has the same form
	f, err := readOne("/recovery", &read)
	if err != nil {
		return err
	}
	if c := owner.Credential; !owner.CredentialFound || c.Factor != store.FactorRecovery || !c.Active ||
		f.UUID != c.ID && string(f.CredentialID) != string(c.CredentialID) {
		return about(owner, ErrNotRecovery)
	}
	record, err := recordOf(owner.Credential, true)
	if err != nil {
		return err
	}
	challenge, err := keycredential.ChallengeIn(f.ClientData)
	if err != nil {
		return about(owner, err)
	}
	if err := keycredential.VerifyAssertion(
		keycredential.AssertionResponse{ClientData: f.ClientData, Signature: f.Signature},
		keycredential.AssertionPolicy{Challenge: challenge}, record.PublicKey, record.Algorithm); err != nil {
		return about(owner, err)
	}
	signed, ok := credentialsIn(challenge)
	if !ok || !reflect.DeepEqual(signed, credentials) {
		return about(owner, &api.Error{Kind: api.Invalid, Code: "recovery_mismatch",
			Message:  "The recovery key must sign the new credentials: its challenge is the base64url of their JSON text.",
			Rule:     "the challenge of the recovery key says the same as newCredentials",
			Received: api.Digest(challenge), Expected: "the credentials of the request"})
	}
	return nil
}

// credentialsIn reads the credentials in a challenge, which a client may have encoded once more.
func credentialsIn(challenge string) (in api.RegistrationRequest, ok bool) {
	for range 2 {
		text, err := base64.RawURLEncoding.DecodeString(challenge)
		if err != nil {
			return in, false
		}
		if len(text) > 0 && text[0] == '{' {
			return in, json.Unmarshal(text, &in) == nil
		}
		challenge = string(text)
	}
	return in, false
}
