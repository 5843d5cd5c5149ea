package webauthn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/countersign/countersign/api"
)

// steps is one of the two numbered lists of §7. The lists share most of their checks, with
// different numbers and public sentences.
type steps struct {
	section  string
	kind     string            // the type that client data must have
	messages map[string]string // public sentences that differ from those of a registration

	// The numbers of the shared steps.
	clientData, typ, challenge, origin, crossOrigin, topOrigin int
	rpIDHash, userPresent, userVerified, backupFlags           int
}

var registering = &steps{
	section:     "§7.1",
	kind:        "webauthn.create",
	clientData:  6,
	typ:         7,
	challenge:   8,
	origin:      9,
	crossOrigin: 10,
	topOrigin:   11,

	rpIDHash:     14,
	userPresent:  15,
	userVerified: 16,
	backupFlags:  17,
}

var asserting = &steps{
	section:     "§7.2",
	kind:        "webauthn.get",
	messages:    assertionMessages,
	clientData:  9,
	typ:         10,
	challenge:   11,
	origin:      12,
	crossOrigin: 13,
	topOrigin:   14,

	rpIDHash:     15,
	userPresent:  16,
	userVerified: 17,
	backupFlags:  18,
}

// refuse returns the error for a step; what names the part of the response it looks at.
func (s *steps) refuse(code string, step int, what, received, expected string) *api.Error {
	e := refuse(code, s.section+" step "+strconv.Itoa(step)+", "+what, received, expected)
	if message, ok := s.messages[code]; ok {
		e.Message = message
	}
	return e
}

func (s *steps) readClientData(b []byte) (clientData, error) {
	const what = "client data"
	if len(b) > maxClientDataLen {
		return clientData{}, s.refuse(CodeClientDataMalformed, s.clientData, what, bytesCount(len(b)), "at most "+bytesCount(maxClientDataLen))
	}
	c, err := parseClientData(b)
	if err != nil {
		return clientData{}, because(s.refuse(CodeClientDataMalformed, s.clientData, what, bytesCount(len(b)),
			"a JSON object with type, challenge and origin"), err)
	}
	return c, nil
}

func (s *steps) checkType(c clientData) error {
	if c.kind != s.kind {
		return s.refuse(CodeClientDataType, s.typ, "type", api.Shown(c.kind), s.kind)
	}
	return nil
}

// checkChallenge accepts the challenge as issued or base64url-encoded once more.
func (s *steps) checkChallenge(c clientData, issued string) error {
	if issued != "" && (sameText(c.challenge, issued) ||
		sameText(c.challenge, base64.RawURLEncoding.EncodeToString([]byte(issued)))) {
		return nil
	}
	return s.refuse(CodeChallengeMismatch, s.challenge, "challenge", api.Digest(c.challenge), api.Digest(issued))
}

func sameText(a, b string) bool {
	return len(a) == len(b) && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

func (s *steps) checkOrigin(c clientData, allowed []string) error {
	if !slices.Contains(allowed, c.origin) {
		return s.refuse(CodeOriginNotAllowed, s.origin, "origin", api.Shown(c.origin), listed(allowed))
	}
	return nil
}

// checkCrossOrigin refuses a frame if the policy names no page that may frame ours.
func (s *steps) checkCrossOrigin(c clientData, topOrigins []string) error {
	if c.crossOrigin && len(topOrigins) == 0 {
		return s.refuse(CodeCrossOriginNotAllowed, s.crossOrigin, "crossOrigin", "true", "false or absent")
	}
	return nil
}

// checkTopOrigin refuses a topOrigin without crossOrigin, which clients never send (§5.8.1).
// It accepts a frame without topOrigin, which clients of Level 2 do not know.
func (s *steps) checkTopOrigin(c clientData, allowed []string) error {
	const what = "topOrigin"
	if !c.hasTopOrigin {
		return nil
	}
	if !c.crossOrigin {
		return s.refuse(CodeTopOriginNotAllowed, s.topOrigin, what, api.Shown(c.topOrigin)+" with crossOrigin not true", "no topOrigin")
	}
	if !slices.Contains(allowed, c.topOrigin) {
		return s.refuse(CodeTopOriginNotAllowed, s.topOrigin, what, api.Shown(c.topOrigin), listed(allowed))
	}
	return nil
}

// checkRPID returns the RP ID that the authenticator data is scoped to.
func (s *steps) checkRPID(a *authenticatorData, rpIDs []string) (string, error) {
	for _, id := range rpIDs {
		if hash := sha256.Sum256([]byte(id)); string(hash[:]) == string(a.rpIDHash) {
			return id, nil
		}
	}
	return "", s.refuse(CodeRPIDMismatch, s.rpIDHash, "rpIdHash", hexed(a.rpIDHash), "SHA-256 of "+listed(rpIDs))
}

// checkUserPresent has no exception for conditional mediation: §7.1 has one for creating,
// which is not offered, and §7.2 has none.
func (s *steps) checkUserPresent(a *authenticatorData) error {
	if !a.has(flagUserPresent) {
		return s.refuse(CodeUserNotPresent, s.userPresent, "UP flag", flagsText(a), "UP set")
	}
	return nil
}

func (s *steps) checkUserVerified(a *authenticatorData, required bool) error {
	if required && !a.has(flagUserVerified) {
		return s.refuse(CodeUserNotVerified, s.userVerified, "UV flag", flagsText(a), "UV set")
	}
	return nil
}

// checkBackupFlags refuses a credential that is backed up although it is not eligible.
func (s *steps) checkBackupFlags(a *authenticatorData) error {
	if a.has(flagBackupState) && !a.has(flagBackupEligible) {
		return s.refuse(CodeBackupFlagsInconsistent, s.backupFlags, "BE and BS flags", flagsText(a), "BS only with BE")
	}
	return nil
}
