package webauthn

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/countersign/countersign/api"
)

// Reasons for a refusal, the Code of every error of this package. They are stable.
const (
	CodeClientDataMalformed          = "client_data_malformed"           // not the UTF-8 JSON of §5.8.1
	CodeClientDataType               = "client_data_type"                // made for another ceremony
	CodeChallengeMismatch            = "challenge_mismatch"              // answers another challenge
	CodeOriginNotAllowed             = "origin_not_allowed"              // made on a page of another origin
	CodeCrossOriginNotAllowed        = "cross_origin_not_allowed"        // made inside a frame
	CodeTopOriginNotAllowed          = "top_origin_not_allowed"          // framed by an unexpected page
	CodeAttestationMalformed         = "attestation_malformed"           // the attestation object or statement does not follow §6.5.4 or §8
	CodeAuthenticatorDataMalformed   = "authenticator_data_malformed"    // does not follow §6.1
	CodeRPIDMismatch                 = "rp_id_mismatch"                  // scoped to another relying party
	CodeUserNotPresent               = "user_not_present"                // no test of user presence
	CodeUserNotVerified              = "user_not_verified"               // required, but no user verification
	CodeBackupFlagsInconsistent      = "backup_flags_inconsistent"       // backed up, yet not eligible
	CodeAlgorithmNotOffered          = "algorithm_not_offered"           // the key is for an algorithm that was not offered
	CodeCredentialKeyInvalid         = "credential_key_invalid"          // the key is unsound or mislabelled
	CodeAttestationFormatUnsupported = "attestation_format_unsupported"  // a format this package does not verify
	CodeAttestationInvalid           = "attestation_invalid"             // the statement does not prove what it claims
	CodeAttestationCertificate       = "attestation_certificate_invalid" // a certificate is unfit
	CodeCredentialIDMismatch         = "credential_id_mismatch"          // two credential IDs in one response
	CodeCredentialIDTooLong          = "credential_id_too_long"          // over 1023 bytes
	CodeSignatureInvalid             = "signature_invalid"               // the credential's key did not sign the assertion
)

// messages are the public sentences, one for each code. None says what was expected. The one
// of CodeSignatureInvalid is used for unknown credentials too, so that it does not reveal
// whether a credential exists.
var messages = map[string]string{
	CodeClientDataMalformed:          "The browser's part of the response could not be read.",
	CodeClientDataType:               "The response does not come from creating a passkey.",
	CodeChallengeMismatch:            "The response does not belong to this registration; please start again.",
	CodeOriginNotAllowed:             "Passkeys for this organisation cannot be made on this page.",
	CodeCrossOriginNotAllowed:        "Passkeys cannot be made inside an embedded page.",
	CodeTopOriginNotAllowed:          "Passkeys cannot be made inside that page.",
	CodeAttestationMalformed:         "The authenticator's part of the response could not be read.",
	CodeAuthenticatorDataMalformed:   "The authenticator's data could not be read.",
	CodeRPIDMismatch:                 "The passkey was made for another site.",
	CodeUserNotPresent:               "The authenticator did not confirm that someone was present.",
	CodeUserNotVerified:              "The authenticator did not verify you by fingerprint, face, PIN or the like, which is required here.",
	CodeBackupFlagsInconsistent:      "The authenticator contradicts itself about whether the passkey is backed up.",
	CodeAlgorithmNotOffered:          "The passkey uses an algorithm that is not accepted here.",
	CodeCredentialKeyInvalid:         "The passkey's public key is not valid.",
	CodeAttestationFormatUnsupported: "This kind of attestation is not supported.",
	CodeAttestationInvalid:           "The authenticator's attestation could not be verified.",
	CodeAttestationCertificate:       "The authenticator's attestation certificate is not acceptable.",
	CodeCredentialIDMismatch:         "The response names two different passkeys.",
	CodeCredentialIDTooLong:          "The passkey's identifier is too long.",
	CodeSignatureInvalid:             "This passkey or key is not accepted here.",
}

// assertionMessages are the sentences that differ when a passkey is used to log in or to sign
// an action.
var assertionMessages = map[string]string{
	CodeClientDataType:        "The response does not come from using a passkey.",
	CodeChallengeMismatch:     "The response does not belong to this request; please start again.",
	CodeOriginNotAllowed:      "Passkeys for this organisation cannot be used on this page.",
	CodeCrossOriginNotAllowed: "Passkeys cannot be used inside an embedded page.",
	CodeTopOriginNotAllowed:   "Passkeys cannot be used inside that page.",
}

// refuse returns the error for code. Rule, received and expected are for the operator.
func refuse(code, rule, received, expected string) *api.Error {
	kind := api.Invalid
	if code == CodeSignatureInvalid {
		kind = api.Unauthenticated
	}
	return &api.Error{
		Kind:     kind,
		Code:     code,
		Message:  messages[code],
		Rule:     "WebAuthn L3 " + rule,
		Received: received,
		Expected: expected,
	}
}

// because sets the cause of an error and returns it.
func because(e *api.Error, cause error) *api.Error {
	e.Cause = cause
	return e
}

func bytesCount(n int) string { return strconv.Itoa(n) + " bytes" }

// hexed returns at most 40 bytes in hexadecimal.
func hexed(b []byte) string {
	const limit = 40
	if len(b) > limit {
		return hex.EncodeToString(b[:limit]) + "…"
	}
	return hex.EncodeToString(b)
}

// listed says what a policy allows.
func listed(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing: the policy names none"
	}
	return "one of " + strings.Join(allowed, ", ")
}

func numbers(ns []int) string {
	texts := make([]string, len(ns))
	for i, n := range ns {
		texts[i] = strconv.Itoa(n)
	}
	return listed(texts)
}

func flagsText(a *authenticatorData) string {
	return "flags 0b" + strconv.FormatUint(uint64(a.flags), 2)
}
