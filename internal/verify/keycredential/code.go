package keycredential

import "github.com/countersign/countersign/api"

// Reasons for a refusal, the Code of every error of this package. They are stable. Package
// webauthn uses the same code for the same reason.
const (
	CodeClientDataMalformed  = "client_data_malformed"  // not a JSON object with a text type and challenge
	CodeClientDataType       = "client_data_type"       // made for another ceremony
	CodeChallengeMismatch    = "challenge_mismatch"     // answers another challenge
	CodeAttestationMalformed = "attestation_malformed"  // attestation data that cannot be read
	CodeAlgorithmUnsupported = "algorithm_unsupported"  // an unknown signature algorithm, or one that does not fit the key
	CodeCredentialKeyInvalid = "credential_key_invalid" // the key is unsound or of an unsupported type
	CodeAttestationInvalid   = "attestation_invalid"    // the signature does not prove possession of the key
	CodeSignatureInvalid     = "signature_invalid"      // the credential's key did not sign the assertion
)

// messages are the public sentences, one for each code. None says what was expected. The one
// of CodeSignatureInvalid is used for unknown credentials too, so that it does not reveal
// whether a credential exists.
var messages = map[string]string{
	CodeClientDataMalformed:  "The client data of the key could not be read.",
	CodeClientDataType:       "The client data does not come from creating a key.",
	CodeChallengeMismatch:    "The response does not belong to this registration; please start again.",
	CodeAttestationMalformed: "The attestation data of the key could not be read.",
	CodeAlgorithmUnsupported: "The signature algorithm is not supported for this key.",
	CodeCredentialKeyInvalid: "The public key is not valid or not of a supported type.",
	CodeAttestationInvalid:   "The signature of the key could not be verified.",
	CodeSignatureInvalid:     "This passkey or key is not accepted here.",
}

// assertionMessages are the sentences that differ when a key is used to log in or to sign an
// action.
var assertionMessages = map[string]string{
	CodeClientDataType:    "The client data does not come from using a key.",
	CodeChallengeMismatch: "The response does not belong to this request; please start again.",
}

// refuse returns the error for code. Rule, received and expected are for the operator.
func refuse(code, rule, received, expected string) *api.Error {
	kind := api.Invalid
	if code == CodeSignatureInvalid {
		kind = api.Unauthenticated
	}
	return &api.Error{Kind: kind, Code: code, Message: messages[code],
		Rule: "Key credential, " + rule, Received: received, Expected: expected}
}

// because returns the error for code, with the details of an error of publickey.
func because(code, rule string, cause error) *api.Error {
	c := api.AsError(cause)
	e := refuse(code, rule+": "+c.Rule, c.Received, c.Expected)
	e.Cause = cause
	return e
}
