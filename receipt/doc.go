// Package receipt makes and verifies receipts of signed actions. A receipt is one JSON
// document with all evidence that somebody signed a request: the statement whose digest
// their credential signed, the signature and what it covers, the public key, the request,
// and who they are, sealed by the server. Anybody can verify it years later without server,
// network or database. The package is pure: no I/O.
//
// The credential's signature proves issuer, organisation, user, method, path, payload and
// the time when the statement was issued. Only the server says that the key belongs to this
// person, their name, and when the signature was used. The seal, an Ed25519 signature with
// one of the server's published keys, proves that the server said so.
package receipt
