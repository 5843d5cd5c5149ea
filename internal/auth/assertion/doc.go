// Package assertion verifies the signatures with which credentials log their users in and
// sign actions: which credential answers, whether the signature is its own (packages
// webauthn and keycredential), whether a second factor must answer as well, and what the
// organisation's policies say to the counter and the backup flags. The services write what
// it finds in the transaction of the effect.
//
// A refusal tells nobody whether a user or a credential exists: until a signature has
// verified, an unknown one is refused like a known one, at the same cost.
package assertion
