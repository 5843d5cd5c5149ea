package api

import (
	"encoding/base64"
	"strings"
)

// DecodeBase64URL reads base64url (RFC 4648 §5). Padding is optional, since old clients
// pad. Line breaks, another alphabet and stray bits are refused. The error names the
// member.
func DecodeBase64URL(member, text string) ([]byte, error) {
	enc := base64.RawURLEncoding.Strict()
	if len(text)%4 == 0 && len(text) > 0 && text[len(text)-1] == '=' {
		enc = base64.URLEncoding.Strict()
	}
	b, err := enc.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return nil, &Error{Kind: Invalid, Code: "base64url_malformed", Message: "The member " + member + " is not base64url."}
	}
	return b, nil
}
