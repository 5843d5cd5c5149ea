// Package useraction says what a signed user action is: the statement that a credential
// signs (its SHA-256 is the challenge), the token that says it was signed, and the rules
// by which a request is the one that was signed. It is pure, and the same for this
// server, for other services (package guard) and for receipts.
package useraction
