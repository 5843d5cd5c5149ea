// Package bearer signs and reads the tokens that others may verify: those of sessions, access
// tokens and signed user actions. They are EdDSA JWTs; the public keys are published as a JWK
// set, and a new key signs only after it was published for a while, so a rotation logs nobody
// out.
package bearer
