// Package world fills a test server with organisations, people and what they have, and
// says what must be true of its answers. [Organisation] is one with nobody in it yet,
// [Tenant] one with a caller of each kind.
package world
