// Package attestation reads and verifies the credentials that a user registers: passkeys by
// WebAuthn L3 §7.1 (package webauthn) and keys by their own signature (package keycredential).
// They must answer the challenge of the ceremony and satisfy the organisation's policy as it is
// now. The package writes nothing: services store what it returns in the transaction of their
// effect.
package attestation
