package publickey

import "github.com/countersign/countersign/api"

// Every failure of this package is an *api.Error of Kind Invalid with one of these codes:
// public_key_malformed (no valid DER or PEM), public_key_unsupported (well-formed, but of an
// unsupported type), public_key_invalid (the key is unsound), signature_algorithm_mismatch,
// signature_malformed, signature_invalid.

func malformed(rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: "public_key_malformed",
		Message: "The public key is not encoded correctly.",
		Rule:    rule, Received: received, Expected: expected}
}

func unsupported(rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: "public_key_unsupported",
		Message: "This type of public key is not supported.",
		Rule:    rule, Received: received, Expected: expected}
}

func invalid(rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: "public_key_invalid",
		Message: "The public key is not valid.",
		Rule:    rule, Received: received, Expected: expected}
}

func badSignature(code, message, rule, received, expected string) *api.Error {
	return &api.Error{Kind: api.Invalid, Code: code, Message: message,
		Rule: rule, Received: received, Expected: expected}
}
