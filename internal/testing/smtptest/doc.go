// Package smtptest is an SMTP server for tests: a small one that speaks the protocol
// properly over a loopback port and keeps what it is given. It owns the conversation
// (RFC 5321), STARTTLS (RFC 3207), implicit TLS and AUTH PLAIN and LOGIN (RFC 4954),
// with a certificate authority of its own, and can be told to misbehave. What the
// mails say is for the tests to judge.
package smtptest
