// Package assertion judges the signatures with which credentials log their users in and
// sign actions: which credential answers, whether the signature is its own (packages
// webauthn and keycredential), and what follows from its counter and its backup flags.
// What it finds is written by the rooms, with the effect.
//
// Nobody learns from a refusal whether a user or a credential exists: until a signature
// has verified, one that is unknown is refused as one that is known, at the same cost.
package assertion
