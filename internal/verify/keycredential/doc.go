// Package keycredential verifies credentials that are bare key pairs: the kinds Key,
// PasswordProtectedKey and RecoveryKey of the Dfns auth API. VerifyRegistration takes a new
// one, VerifyAssertion a signature by one that was registered. It is pure: bytes in,
// verdict out. The key and the signature are publickey's to judge; what was issued,
// spent or stored, and the encrypted private key that some kinds carry, are the
// callers'.
//
// There is no authenticator here and so nothing vouches for where the key lives or for
// the page it was made on: a client may name any origin or none, and it is not read.
package keycredential
