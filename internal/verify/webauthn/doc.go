// Package webauthn verifies WebAuthn responses for a relying party (W3C Web Authentication
// Level 3): bytes in, verdict out, no I/O and no clock of its own. It reads client data, the
// attestation object, authenticator data, COSE keys and the attestation statement formats.
// Package publickey checks keys and signatures; callers know what was issued, spent or
// stored.
//
// VerifyRegistration and VerifyAssertion read like the numbered lists of §7.1 and §7.2;
// the steps that the lists share are written once (steps.go). Every failure is an
// *api.Error whose Code is one of this package's constants and whose Rule names the step.
// Its Kind is Unauthenticated for a signature that is not the credential's
// (CodeSignatureInvalid) and otherwise Invalid.
//
// Two findings do not fail: a counter that did not grow and a changed backup eligibility.
// The caller decides by its policy whether to refuse or only to report them.
//
// Strict: client data is JSON without duplicate or mis-cased members; CBOR is definite,
// shortest and untagged, the credential key in CTAP2 canonical order;
// authenticator data is read to its last byte; the credential key must be a sound key of an
// algorithm that was offered; an assertion has no attested credential data, so no
// attestation passes for one. Accepted, as the standard says: unknown client data members,
// a byte order mark, an absent crossOrigin, reserved flags, any member order in the attestation
// object and statement, extension outputs that nobody requested, in any order and spelling.
//
// Attestation statements (§8): none, packed, tpm, android-key, fido-u2f, apple, and compound of these.
// Statement holds what a policy can judge one by, and says where it comes from. android-safetynet
// is refused by its name. A certificate chain is verified link by link, but its last certificate
// may be anybody's: an attestation type of Basic, AttCA or AnonCA is an unproven claim about the
// model until the caller finds an anchor for it, with package anchor.
package webauthn
