// Package publickey owns public keys and the signatures made with them: it reads a
// key from COSE coordinates, DER or PEM, checks that the key itself is sound, and
// verifies signatures strictly. What was signed, and why, is left to webauthn and
// keycredential.
package publickey
