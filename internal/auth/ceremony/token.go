package ceremony

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A ticket travels as a compact JWS (RFC 7515 §7.1) with HS256 (RFC 7518 §3.2). Nobody else signs
// or verifies tickets, so the header must equal this text: no token can choose an algorithm or a
// key.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." // {"alg":"HS256","typ":"JWT"}

// strict refuses stray bits, so that a token with another last letter is not accepted as the one
// that was signed.
var strict = base64.RawURLEncoding.Strict()

// sign returns the token of a payload.
func sign(key, payload []byte) string {
	b := make([]byte, 0, len(header)+strict.EncodedLen(len(payload))+1+strict.EncodedLen(sha256.Size))
	b = append(b, header...)
	b = strict.AppendEncode(b, payload)
	tag := mac(key, b)
	b = append(b, '.')
	return string(strict.AppendEncode(b, tag[:]))
}

// verify returns the payload of a token that sign returned for the same key.
func verify(key []byte, token string) (payload []byte, ok bool) {
	rest, ours := strings.CutPrefix(token, header)
	body, signature, two := strings.Cut(rest, ".")
	if !ours || !two || strings.ContainsAny(rest, "\r\n") { // which the decoder would skip
		return nil, false
	}
	sent, err := strict.DecodeString(signature)
	if err != nil {
		return nil, false
	}
	expected := mac(key, []byte(token[:len(header)+len(body)]))
	if !hmac.Equal(sent, expected[:]) {
		return nil, false
	}
	payload, err = strict.DecodeString(body)
	return payload, err == nil
}

func mac(key, text []byte) (tag [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	h.Sum(tag[:0])
	return tag
}
