package useraction

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"
)

// StatementVersion is the only version of Statement there is.
const StatementVersion = 1

// Statement is what a credential signs: SHA-256 of its text is the challenge, so that
// the signature is over this very action and nobody, the server included, can say later
// that it was for another. The nonce keeps two statements of the same action apart and
// the challenge unpredictable.
type Statement struct {
	Version       int    `json:"countersign"`
	Issuer        string `json:"issuer"` // the server's public URL
	OrgID         string `json:"orgId"`
	UserID        string `json:"userId"`
	Username      string `json:"username"`
	Method        string `json:"method"`
	Path          string `json:"path"`          // as it was given, query included
	PayloadSHA256 string `json:"payloadSha256"` // PayloadDigest of the payload as it was given
	IssuedAt      string `json:"issuedAt"`      // ISO 8601, UTC
	Nonce         string `json:"nonce"`         // unpadded base64url of 32 random bytes
}

// NewStatement completes s with version, payload digest, time and nonce.
func NewStatement(s Statement, payload string, now time.Time) Statement {
	var nonce [32]byte
	rand.Read(nonce[:])
	s.Version = StatementVersion
	s.PayloadSHA256 = PayloadDigest([]byte(payload))
	s.IssuedAt = now.UTC().Format("2006-01-02T15:04:05.000Z")
	s.Nonce = base64.RawURLEncoding.EncodeToString(nonce[:])
	return s
}

// Text is the statement as JSON, always the same bytes.
func (s Statement) Text() string {
	b, err := json.Marshal(s, json.Deterministic(true))
	if err != nil { // only for text that is not UTF-8, which callers have refused
		panic("useraction: " + err.Error())
	}
	return string(b)
}

// ChallengeOf is the challenge of a statement's text: unpadded base64url of its SHA-256.
func ChallengeOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ReadStatement reads a statement's text. It accepts exactly what Text writes.
func ReadStatement(text string) (Statement, bool) {
	var s Statement
	err := json.Unmarshal([]byte(text), &s, json.RejectUnknownMembers(true))
	return s, err == nil && s.Version == StatementVersion && s.Text() == text
}
