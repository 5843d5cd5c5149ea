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

// CanonicalDigest returns PayloadDigest of the payload's canonical form: RFC 8785, but with
// numbers left as they are written, because that standard rounds them to 53 bits and so
// would let one amount pass for another. The empty payload is canonically {}. The digest is
// "" if the payload is not JSON or repeats a member.
func CanonicalDigest(payload []byte) string {
	v := jsontext.Value("{}")
	if strings.TrimSpace(string(payload)) != "" {
		v = bytes.Clone(payload)
	}
	if v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) != nil {
		return ""
	}
	return PayloadDigest(v)
}
