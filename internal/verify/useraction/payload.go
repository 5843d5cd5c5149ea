package useraction

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"path"
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

// SameTarget reports whether path and query of a request are those that were signed. It is
// the rule for other services: what their queries mean is unknown, so the query must be
// signed.
func SameTarget(signed, sent string) bool {
	_, query, hasQuery := strings.Cut(signed, "?")
	_, sentQuery, sentHasQuery := strings.Cut(sent, "?")
	return SamePath(signed, sent) && hasQuery == sentHasQuery && query == sentQuery
}

// SamePath reports whether the path of a request to this server is the one that was
// signed. Some SDKs sign the query and some do not: a signed query must match byte for byte,
// and an unsigned one is ignored.
func SamePath(signed, sent string) bool {
	path, query, hasQuery := strings.Cut(signed, "?")
	sentPath, sentQuery, _ := strings.Cut(sent, "?")
	return samePath(path, sentPath) && (!hasQuery || query == sentQuery)
}

// OneMeaning reports whether all routers read the path of a target alike: it has no dot
// segments, empty segments, backslashes or control characters, encoded or not. Routers
// disagree about those, so the handler could act on another path than the signer saw. An
// origin before the path and a query after it are ignored.
func OneMeaning(target string) bool {
	target, _, _ = strings.Cut(target, "?")
	if _, rest, absolute := strings.Cut(target, "://"); absolute && !strings.HasPrefix(target, "/") {
		_, after, _ := strings.Cut(rest, "/")
		target = "/" + after
	}
	decoded, err := url.PathUnescape(target)
	clean := path.Clean("/" + decoded)
	if strings.HasSuffix(decoded, "/") && clean != "/" {
		clean += "/"
	}
	return err == nil && decoded == clean &&
		!strings.ContainsFunc(decoded, func(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f })
}

// samePath compares two paths after decoding the percent-encoding of their segments, so that
// an encoded slash does not equal a slash.
func samePath(a, b string) bool {
	if a == b {
		return true
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		x, errX := url.PathUnescape(as[i])
		y, errY := url.PathUnescape(bs[i])
		if errX != nil || errY != nil || x != y {
			return false
		}
	}
	return true
}
