package useraction

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// PayloadDigest returns unpadded base64url of the SHA-256 of a payload.
func PayloadDigest(payload []byte) string {
	sum := sha256.Sum256(payload)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CanonicalDigest returns PayloadDigest of the payload's Canonical form, or "" if it has none.
func CanonicalDigest(payload []byte) string {
	canonical, ok := Canonical(payload)
	if !ok {
		return ""
	}
	return PayloadDigest(canonical)
}

// Canonical returns the payload's canonical form: RFC 8785, but with numbers left as they are
// written, because that standard rounds them to 53 bits and so would let one amount pass for
// another. The empty payload is canonically {}. It has none if it is not JSON or repeats a
// member.
func Canonical(payload []byte) (canonical []byte, ok bool) {
	v := jsontext.Value("{}")
	if strings.TrimSpace(string(payload)) != "" {
		v = bytes.Clone(payload)
	}
	err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return v, err == nil
}
