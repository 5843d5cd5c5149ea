// Package client is the Go client of Countersign: the calls of the wire contract that the
// server answers, its errors as they are on the wire, and a signer for programs whose
// credential is a plain key.
//
// Client has one method for each call of registration, login and signing, with tokens and
// signed actions as arguments. Session, which LogIn returns, is a logged-in user: it sends
// the token and signs the calls that must be signed. It also administers users, service
// accounts, access tokens and permissions. Do and DoSigned make every other call.
//
// This package repeats no call by itself: the comment of a call says whether it may be
// repeated. It depends on package api, and on a library for secp256k1.
package client

import (
	"fmt"
	"net/http"
	"time"

	"github.com/countersign/countersign/api"
)

// Client calls one server. If HTTP is nil, calls have a timeout of 30 seconds. Redirects are
// not followed, because tokens and signed actions are meant for this server only. A Client is
// safe for concurrent use.
type Client struct {
	BaseURL string // "https://sign.example.org": an origin, without path
	HTTP    *http.Client

	// PublicURL is the public URL of the server. If it is set, challenges of other servers are
	// refused: keys, unlike passkeys, do not know the server that they are for, so a server in
	// between could pass them on.
	PublicURL string
}

// Error is a refusal by the server. If the answer is not one of Countersign, Code is
// CodeUnexpected and only the status is known.
type Error struct {
	api.ErrorDetail
	RetryAfter time.Duration // with status 429 and 503, if the server sent it
}

// CodeUnexpected is the Code of an answer that is not Countersign's, such as the error page of
// a proxy, or a redirect.
const CodeUnexpected = "answer_unexpected"

func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
	if e.ID != "" {
		s += " (reference " + e.ID + ")"
	}
	return s
}
