package client

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/countersign/countersign/api"
)

// ErrChallenge is the error of a challenge that is not for what was asked. A server that answers
// so is older than this client, or tries to have something else signed.
var ErrChallenge = errors.New("the challenge of the server is not for what was asked")

// statement is what a challenge is the digest of. A login's has no more than the first three.
type statement struct {
	Version       int    `json:"countersign"`
	Issuer        string `json:"issuer"`
	OrgID         string `json:"orgId"`
	Method        string `json:"method"`
	Path          string `json:"path"`
	PayloadSHA256 string `json:"payloadSha256"`
}

// check recomputes a challenge from the statement in its token: it is for that purpose, made by
// the server that c names, if it names one, for that organisation unless "". So whoever
// answers a login never signs an action unawares. It returns what is signed.
func (c *Client) check(purpose, challenge, token, orgID string) (statement, error) {
	var claims struct {
		Statement string `json:"statement"`
	}
	var s statement
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return s, mismatch(purpose, "its token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Statement == "" {
		return s, mismatch(purpose, "its token has no statement")
	}
	if strings.TrimRight(challenge, "=") != api.ChallengeOf(purpose, claims.Statement) {
		return s, mismatch(purpose, "it is not the digest of its statement")
	}
	// A statement that other readers understand differently supports no receipt: that has only
	// the one form in which the server writes.
	if json.Unmarshal([]byte(claims.Statement), &s) != nil || s.Version != 2 {
		return s, mismatch(purpose, "its statement cannot be read")
	}
	if c.PublicURL != "" && s.Issuer != strings.TrimRight(c.PublicURL, "/") {
		return s, mismatch(purpose, fmt.Sprintf("it is of the server %q", s.Issuer))
	}
	if orgID != "" && s.OrgID != orgID {
		return s, mismatch(purpose, fmt.Sprintf("it is for the organisation %q", s.OrgID))
	}
	return s, nil
}

// checkAction checks that a challenge is for that very action.
func (c *Client) checkAction(challenge api.SigningChallenge, in api.InitActionRequest) error {
	s, err := c.check(api.PurposeAction, challenge.Challenge, challenge.ChallengeIdentifier, "")
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(in.Payload))
	if s.Method != in.Method || s.Path != in.Path || s.PayloadSHA256 != base64url(digest[:]) {
		return mismatch(api.PurposeAction, fmt.Sprintf("its statement is about %s %q or another payload", s.Method, s.Path))
	}
	return nil
}

func mismatch(purpose, why string) error {
	return fmt.Errorf("client: %s refused: %w: %s", purpose, ErrChallenge, why)
}
