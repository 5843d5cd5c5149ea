// Package bearer signs and reads the tokens that others may verify: those of sessions and of signed
// user actions, and access tokens. They are EdDSA JWTs. The public keys are published as a JWK
// set. A new key is published for a while before it signs, so that a rotation logs nobody out.
package bearer
