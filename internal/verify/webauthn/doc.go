// Package webauthn is relying-party verification of WebAuthn (W3C Web Authentication
// Level 3): bytes in, verdict out, no I/O and no clock of its own. It owns client data,
// the attestation object, authenticator data, COSE keys and the attestation statement
// formats. What a key or a signature is, it leaves to publickey; what was issued, spent
// or stored, to its callers.
//
// VerifyRegistration and VerifyAssertion read like the numbered lists of §7.1 and §7.2;
// the steps that the lists share are written once (steps.go). Every failure is an
// *api.Error whose Code is one of this package's constants and whose Rule names the step.
// Its Kind is Invalid, save for a signature that is not the credential's
// (CodeSignatureInvalid), which is Unauthenticated.
//
// Two things are found and not judged: a counter that did not grow and a changed backup
// eligibility. Whether they refuse, or only alert, is a policy and the caller's.
//
// Strict: client data is JSON without duplicate or mis-cased members; CBOR is definite,
// shortest and untagged, and in CTAP2 canonical order wherever CTAP2 asks for it;
// authenticator data is consumed to its last byte; the credential key is checked to be
// a sound key of an algorithm that was offered; an assertion has no attested credential
// data, so no attestation passes for one. Tolerated, as the standard says: unknown
// client data members, a byte order mark, an absent crossOrigin, reserved flags,
// extension outputs nobody asked for, any member order in the attestation object.
//
// No trust anchors are configured yet: a certificate chain is verified link by link, but
// nothing says that its last certificate is a manufacturer's. An attestation type of
// Basic, AttCA or AnonCA is therefore a claim, not yet a proof, about the model.
package webauthn
