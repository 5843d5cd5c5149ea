// Package onetime gives users the secrets of their one-time passwords and compares codes with them. A secret
// is not stored: it is derived from a nonce under a key of the server. The nonce is the challenge of the
// ceremony that registers it, so a secret is of one ceremony, user and organisation.
package onetime

import (
	"encoding/base64"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/totp"
)

// Secrets derives secrets with the key of a ring.
type Secrets struct{ Ring *keyring.Ring }

func (s Secrets) of(orgID, userID string, nonce []byte) []byte {
	return s.Ring.MAC(keyring.OneTime, orgID, userID, string(nonce))[:totp.SecretSize]
}

// URL returns what an app reads the secret of a ceremony from, "" if the organisation does not accept
// one-time passwords. issuer is how the app names the organisation.
func (s Secrets) URL(org store.Organisation, u store.User, challenge, issuer string) string {
	nonce, err := Nonce(challenge)
	if !org.OneTimePasswords || err != nil {
		return ""
	}
	return totp.URL(s.of(org.ID, u.ID, nonce), issuer, u.Username)
}

// Nonce returns what the secret of a ceremony is derived from, which is stored as the credential's id.
func Nonce(challenge string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(challenge) }

// Match compares a code with a credential of kind Totp and returns its step, which must be stored as its
// sign count by a statement that demands that the count rises: then a code is accepted once.
func (s Secrets) Match(c store.Credential, code string, now time.Time) (step int64, err error) {
	step, ok, used := totp.Match(s.of(c.OrgID, c.UserID, c.CredentialID), code, now, c.SignCount)
	switch {
	case ok:
		return step, nil
	case used:
		return 0, ErrUsed
	}
	return 0, ErrInvalid
}

// Refusals of codes. Only who has proved the first factor, or registers, gets one.
var (
	ErrInvalid = &api.Error{Kind: api.Unauthenticated, Code: "one_time_code_invalid",
		Message: "The code is not right; enter the one that your app shows now.",
		Rule:    "RFC 6238 §5.2: a code of the present step or a neighbour", Received: "another code"}
	ErrUsed = &api.Error{Kind: api.Unauthenticated, Code: "one_time_code_used",
		Message: "This code was used already; wait for the next one.",
		Rule:    "RFC 6238 §5.2: a code is accepted once", Received: "a code of a step that was used, or before it"}
	ErrNotAccepted = &api.Error{Kind: api.Invalid, Code: "credential_kind_not_supported",
		Message: "Your organisation does not accept one-time passwords.", Rule: "one-time passwords of the organisation", Expected: "on"}
)

// Read reads a code as people type it: with spaces.
func Read(member, text string) (string, error) {
	var digits []byte
	for i := range len(text) {
		if text[i] != ' ' {
			digits = append(digits, text[i])
		}
	}
	switch {
	case text == "":
		return "", api.Missing(member)
	case !totp.WellFormed(string(digits)):
		return "", &api.Error{Kind: api.Invalid, Code: "one_time_code_malformed", Message: "The member " + member + " must be six digits."}
	}
	return string(digits), nil
}
