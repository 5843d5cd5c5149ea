package useraction

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"
)

// StatementVersion is the only version of Statement there is.
const StatementVersion = 1

// Statement is what a credential signs. The SHA-256 of its text is the challenge, so the
// signature is over this action, and nobody, not even the server, can later claim that it
// was for another. The nonce distinguishes two statements of the same action and makes the
// challenge unpredictable.
type Statement struct {
	Version       int    `json:"countersign"`
	Issuer        string `json:"issuer"` // the server's public URL
	OrgID         string `json:"orgId"`
	UserID        string `json:"userId"`
	Username      string `json:"username"`
	Method        string `json:"method"`
	Path          string `json:"path"`          // as the caller sent it, query included
	PayloadSHA256 string `json:"payloadSha256"` // PayloadDigest of the payload
	IssuedAt      string `json:"issuedAt"`      // ISO 8601, UTC
	Nonce         string `json:"nonce"`         // unpadded base64url of 32 random bytes
}

// NewStatement returns s with version, payload digest, time and nonce.
func NewStatement(s Statement, payload string, now time.Time) Statement {
	var nonce [32]byte
	rand.Read(nonce[:])
	s.Version = StatementVersion
	s.PayloadSHA256 = PayloadDigest([]byte(payload))
	s.IssuedAt = now.UTC().Format("2006-01-02T15:04:05.000Z")
	s.Nonce = base64.RawURLEncoding.EncodeToString(nonce[:])
	return s
}

// Text returns the statement as JSON, always the same bytes.
func (s Statement) Text() string {
	b, err := json.Marshal(s, json.Deterministic(true))
	if err != nil { // only for text that is not UTF-8, which callers refused
		panic("useraction: " + err.Error())
	}
	return string(b)
}

// ChallengeOf returns the challenge of a statement's text: unpadded base64url of its SHA-256.
func ChallengeOf(text string) string { return PayloadDigest([]byte(text)) }

// ReadStatement reads a statement's text. It accepts only what Text writes.
func ReadStatement(text string) (Statement, bool) {
	var s Statement
	err := json.Unmarshal([]byte(text), &s, json.RejectUnknownMembers(true))
	return s, err == nil && s.Version == StatementVersion && s.Text() == text
}
