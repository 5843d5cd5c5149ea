package api

import (
	"crypto/sha256"
	"encoding/base64"
)

// Purposes of a challenge.
const (
	PurposeRegistration = "registration"
	PurposeLogin        = "login"
	PurposeCredential   = "credential"
	PurposeRecovery     = "recovery"
	PurposeAction       = "action"
)

// ChallengeOf returns the challenge of a text: unpadded base64url of the SHA-256 of the purpose in
// a line of its own and the text. The text is JSON that names at least the server (issuer), the
// organisation (orgId) and a nonce; it is the claim "statement" of the challengeIdentifier or
// temporaryAuthenticationToken, which are JWTs. So whoever answers a challenge can recompute it,
// and one challenge never has two purposes.
func ChallengeOf(purpose, text string) string {
	sum := sha256.Sum256([]byte("countersign " + purpose + " 2\n" + text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
