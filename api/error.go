package api

import (
	"errors"
	"time"
)

// Kind is the kind of failure. The server maps each to one HTTP status.
type Kind int

const (
	// Internal is a failure that has no other kind: 500, and none of it is shown.
	Internal         Kind = iota
	Invalid               // 400: the request is malformed or its content is refused
	Unauthenticated       // 401: credentials are missing, wrong or outdated
	Forbidden             // 403: known, but not allowed
	NotFound              // 404
	MethodNotAllowed      // 405
	Timeout               // 408: the request did not arrive in time
	Conflict              // 409
	TooLarge              // 413
	Unsupported           // 415: not JSON
	TooManyRequests       // 429: RetryAfter says when to try again
	HeadersTooLarge       // 431
	NotOffered            // 501: an operation of the contract that this server does not have
	Unavailable           // 503: the store cannot be used just now
)

// Error is the one error type of Countersign. Message is safe to show to anyone. Rule,
// Received, Expected and Cause are for the operator alone: they are stored with the
// refusal (see `countersign refusal show`) and never sent. None may hold a secret (code,
// token, challenge, private key).
type Error struct {
	Kind    Kind
	Code    string         // stable, lower-case words joined by "_"; programs may test it
	Message string         // one plain sentence for the caller
	Details map[string]any // optional, public

	Rule     string // the rule that failed, as its standard names it: "WebAuthn L3 §7.1 step 9, origin"
	Received string // what came, shortened
	Expected string // what the rule wants

	Subject Subject // whom it concerns, as far as is known; for the operator

	RetryAfter time.Duration // with TooManyRequests and Unavailable
	Cause      error
}

// Subject says whom a refusal concerns.
type Subject struct{ OrgID, UserID, CodeID string }

// Error returns the public sentence and the private cause. It is for logs.
func (e *Error) Error() string {
	s := e.Code + ": " + e.Message
	if e.Rule != "" {
		s += " [" + e.Rule + "]"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError returns the *Error in err or, if there is none, an Internal one with err as its
// cause. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Message: "Internal Server Error", Cause: err}
}

// KindOf returns the kind of err: Internal if err is not an *Error, and -1, which is no
// kind, for nil.
func KindOf(err error) Kind {
	if err == nil {
		return -1
	}
	return AsError(err).Kind
}

// CodeOf returns the stable code of err, "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}

// ErrorBody is the JSON of every answer that is not a success. It holds Message twice
// because SDKs differ in where they read it.
type ErrorBody struct {
	Error   ErrorDetail `json:"error"`
	Message string      `json:"message"`
}

// ErrorDetail is the inner object of ErrorBody.
type ErrorDetail struct {
	ID      string         `json:"id"`     // support id, to be told to the operator
	Status  int            `json:"status"` // the HTTP status, repeated
	Code    string         `json:"code"`   // stable reason
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}
