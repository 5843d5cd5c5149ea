package useraction

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
)

// StatementVersion is the version of new statements. Version 1, which older receipts have,
// differs only in its challenge: see Challenge.
const StatementVersion = 2

// Statement is what a credential signs. Its digest is the challenge, so the signature is over
// this action, and nobody, not even the server, can later claim that it was for another. The
// nonce distinguishes two statements of the same action and makes the challenge unpredictable.
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

// Challenge returns the challenge of a statement, labelled as an action's so that a client can
// tell it from a login's: api.ChallengeOf. That of version 1 has no label.
func (s Statement) Challenge() string {
	if s.Version == 1 {
		return PayloadDigest([]byte(s.Text()))
	}
	return api.ChallengeOf(api.PurposeAction, s.Text())
}

// ReadStatement reads a statement's text, of any version. It accepts only what Text writes.
func ReadStatement(text string) (Statement, bool) {
	var s Statement
	err := json.Unmarshal([]byte(text), &s, json.RejectUnknownMembers(true))
	return s, err == nil && (s.Version == 1 || s.Version == StatementVersion) && s.Text() == text
}
