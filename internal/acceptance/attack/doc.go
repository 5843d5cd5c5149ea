// Package attack holds tests alone: hostile requests of every layer against the whole
// server, over HTTP and, where state matters, on both databases. Each must be refused
// with a 4xx in the error envelope, leave nothing behind, spend nothing and tell nothing;
// the registration code that was used for it must still register its user.
package attack
