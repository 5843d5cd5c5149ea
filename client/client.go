// Package client is the Go client of Countersign: the calls of the wire contract that
// this server answers, with its errors as they travel, and a signer for machines whose
// credential is a plain key.
//
// Client has one method for each call of registration, login and signing, with tokens and
// signed actions as arguments. Session, which LogIn returns, remembers who is logged in and
// signs what must be signed; it administers users, service accounts, access tokens and
// permissions as well. Do and DoSigned make every other call.
//
// This package sends nothing twice by itself: what may be repeated, and when, is told
// with the call. It depends on package api, and on a library for secp256k1.
package client

import (
	"fmt"
	"net/http"
	"time"

	"github.com/countersign/countersign/api"
)

// Client calls one server. The zero HTTP client is replaced by one with a timeout of
// 30 seconds. Redirects are not followed, for what a call carries is meant for this
// server alone. It is safe for concurrent use.
type Client struct {
	BaseURL string // "https://sign.example.org": an origin, without path
	HTTP    *http.Client
}

// Error is a refusal as the server told it. Code is CodeUnexpected, and nothing but the
// status is known, when the answer is not one that this server gives.
type Error struct {
	api.ErrorDetail
	RetryAfter time.Duration // with status 429 and 503, if the server said so
}

// CodeUnexpected is the Code of an answer that is not the server's, such as a proxy's
// page of an error, or a redirect.
const CodeUnexpected = "answer_unexpected"

func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
	if e.ID != "" {
		s += " (reference " + e.ID + ")"
	}
	return s
}
