// Package useraction defines a signed user action: the statement that a credential signs
// (its labelled digest is the challenge), the token that says that it was signed, and the rules by
// which a request is the one that was signed. It is pure. This server, other services
// (package guard) and receipts share it.
package useraction
