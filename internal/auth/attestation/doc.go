// Package attestation reads and verifies the credentials that a user registers: passkeys
// by WebAuthn L3 §7.1 (package webauthn) and keys by their own signature (package
// keycredential), against the challenge of the ceremony and the policy that the
// organisation has at this moment. It writes nothing: services store what it returns,
// in the transaction of their effect.
package attestation
