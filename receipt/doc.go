// Package receipt makes and verifies receipts of signed actions. A receipt is one JSON
// document that holds all the evidence that somebody signed a request: the statement
// whose SHA-256 their credential signed, the signature with what it is over, the public
// key, the request itself, and who they are, under the server's seal. It is verified
// years later with no server, no network and no database; it is pure, no I/O.
//
// What the credential's signature covers needs nobody's word: issuer, organisation,
// user, method, path, payload, the time the statement was issued. That the key is this
// person's, their name, and when the signature was used is the server's word, and the
// seal, an Ed25519 signature under one of the server's published keys, keeps it to it.
package receipt
