// Package publickey reads public keys and verifies signatures. It reads a key from COSE
// coordinates, DER or PEM, checks that the key is sound, and verifies signatures strictly.
// Packages webauthn and keycredential know what was signed, and why.
package publickey
