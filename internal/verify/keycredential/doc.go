// Package keycredential verifies credentials that are bare key pairs: the kinds Key,
// PasswordProtectedKey and RecoveryKey of the Dfns auth API. VerifyRegistration verifies a new
// credential, VerifyAssertion a signature by a registered one. It is pure: bytes in, verdict
// out. Package publickey checks keys and signatures. Callers know what was issued, spent or
// stored, and handle the encrypted private key that some kinds come with.
//
// There is no authenticator, so nothing proves where the key is kept or on which page it was
// made. A client may send any origin or none; it is not read.
package keycredential
