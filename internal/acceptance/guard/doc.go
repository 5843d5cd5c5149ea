// Package guard proves that a service can demand countersigned requests: the example
// service by itself, behind a real nginx and behind a real Caddy, each configured as
// docs/guarding.md says, and its page in a real Chromium. `make test` installs what they
// need.
package guard
