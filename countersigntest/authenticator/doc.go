// Package authenticator is a software authenticator and key signer for tests, benchmarks and
// demonstrations. It does the client's part of a ceremony: it makes credentials in every
// attestation format, with its own certificates, and can change any part of them before or
// after signing. The caller sends the result. The package stores and protects nothing: never
// use it for real keys.
package authenticator
