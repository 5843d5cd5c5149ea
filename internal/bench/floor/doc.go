// Package floor is what Countersign is measured against: the least that could serve
// the same wire. Its server is the standard library's mux and encoding/json, one
// signed token, one read and one grouped durable write for each registration, of the
// same bytes into tables of the same shape. It proves nothing about who registers (no
// attestation, no key, no policy, no limits, no log) and must never serve anybody.
package floor
