// Package invitation owns registration codes: how they are made, typed, recognised
// and kept, the link that carries one, and the mail that brings it. Whom to invite,
// and what happens when a code is presented, is the business of the rooms above it.
package invitation
