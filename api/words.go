package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Time writes a time as the wire has it, ISO 8601 in UTC with milliseconds; "" for the
// zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// Missing returns the error for a request that lacks a required member.
func Missing(member string) error {
	return &Error{Kind: Invalid, Code: "member_missing",
		Message: "The member /" + strings.TrimPrefix(member, "/") + " is required."}
}

// About returns err with its subject, for the operator. It returns a copy, because some
// errors are shared by all requests.
func About(err error, subject Subject) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Subject = subject
	return &c
}

// Shown returns a received text, quoted and shortened for the operator.
func Shown(s string) string {
	const limit = 120
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "…"
	}
	return strconv.Quote(s)
}

// Digest returns a text that stands, for the operator, for a value that must not be logged.
func Digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "SHA-256 " + hex.EncodeToString(sum[:4]) + "…"
}
