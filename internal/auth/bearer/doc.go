// Package bearer makes and reads the tokens that this server signs for others to verify:
// the sessions of people and machines, and signed user actions. They are EdDSA JWTs; the
// public keys are published as a JWK set, and a new key signs only after it was published
// for a while, so nobody is logged out by a rotation.
package bearer
