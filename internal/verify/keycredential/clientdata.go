package keycredential

import (
	"encoding/base64"

	"github.com/countersign/countersign/api"
)

// ceremony is one of the two in which a key signs.
type ceremony struct {
	kind     string            // the type that client data must have
	messages map[string]string // public sentences that differ from those of a registration
}

var (
	creating = ceremony{kind: "key.create"}
	using    = ceremony{kind: "key.get", messages: assertionMessages}
)

func (c ceremony) refuse(code, rule, received, expected string) *api.Error {
	e := refuse(code, rule, received, expected)
	if message, ok := c.messages[code]; ok {
		e.Message = message
	}
	return e
}

// verifyClientData checks that client data was made in this ceremony and for the issued
// challenge.
func (c ceremony) verifyClientData(b []byte, issued string) error {
	client, err := parseClientData(b)
	if err != nil {
		return err
	}
	if client.kind != c.kind {
		return c.refuse(CodeClientDataType, "client data, type", api.Shown(client.kind), c.kind)
	}
	if !sameChallenge(client.challenge, issued) {
		return c.refuse(CodeChallengeMismatch, "client data, challenge", api.Digest(client.challenge), api.Digest(issued))
	}
	return nil
}

// sameChallenge accepts the challenge as issued or base64url-encoded once more: clients
// differ in whether they encode the encoded text again.
func sameChallenge(received, issued string) bool {
	return issued != "" && (received == issued || received == base64.RawURLEncoding.EncodeToString([]byte(issued)))
}
