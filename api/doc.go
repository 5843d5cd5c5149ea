// Package api holds the words on the wire: requests, responses, identifiers and
// the one error type. It follows the Dfns auth API, so member names and limits are
// those of that contract. It imports nothing of ours, so a client may use it alone.
package api
