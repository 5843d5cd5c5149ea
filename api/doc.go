// Package api holds the types on the wire: requests, responses, identifiers and the one
// error type. Member names and limits are those of the Dfns auth API. It imports no other
// package of Countersign, so a client may use it alone.
package api
