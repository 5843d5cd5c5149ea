package receipt

import "github.com/countersign/countersign/api"

// Reasons for a refusal, the Code of every error of this package. They are stable.
const (
	CodeMalformed  = "receipt_malformed"          // not a receipt of a known version
	CodeLayout     = "receipt_layout"             // not byte for byte as it was sealed
	CodeKeyUnknown = "receipt_key_unknown"        // sealed by a key that is not among the trusted ones
	CodeSeal       = "receipt_seal_invalid"       // changed after it was sealed
	CodeStatement  = "receipt_statement_mismatch" // the signed statement says something else
	CodeCredential = "receipt_credential_invalid" // the credential or its assertion cannot be read
	CodeSignature  = "receipt_signature_invalid"  // the credential did not sign this statement
	CodeKeySet     = "key_set_invalid"            // ReadKeySet refused the key set
)

// refuse returns the error for code. The reader has the whole receipt, so the sentence may be
// exact.
func refuse(code, message, rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: code, Message: message,
		Rule: "Receipt, " + rule, Received: received, Expected: expected}
}

// because sets the cause of an error and returns it.
func because(e *api.Error, cause error) *api.Error {
	e.Cause = cause
	return e
}
