package ceremony

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A ticket travels as a compact JWS (RFC 7515 §7.1) with HS256 (RFC 7518 §3.2). Since
// nobody else signs or reads them there is one header, letter by letter: no token can
// bring an algorithm, a key or anything else of its own choosing.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." // {"alg":"HS256","typ":"JWT"}

// strict refuses stray bits, so that a token altered in its last letter does not pass
// for the one that was signed.
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

// verify returns the payload of a token that sign made under the same key.
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
	made := mac(key, []byte(token[:len(header)+len(body)]))
	if !hmac.Equal(sent, made[:]) {
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
