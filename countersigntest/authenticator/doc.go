// Package authenticator is a software authenticator and key signer for tests, benchmarks
// and demonstrations. It owns the client's side of a ceremony: it makes credentials in
// every attestation format, with certificates of its own making, and can spoil any part
// of them before or after signing. It stores nothing and protects nothing: never use it
// to hold keys that matter. Sending what it makes is left to the caller.
package authenticator
