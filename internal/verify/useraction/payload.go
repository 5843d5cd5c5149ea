package useraction

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// SamePayload reports whether the body of a request is the payload that was signed: the
// same bytes, or the same JSON (RFC 8259): member order, space and the way a string is
// escaped do not matter, numbers must be written alike. Empty, and the object without
// members, are the same.
func SamePayload(signed, sent []byte) bool {
	if string(signed) == string(sent) {
		return true
	}
	a, ok := canonical(signed)
	if !ok {
		return false
	}
	b, ok := canonical(sent)
	return ok && string(a) == string(b)
}

// PayloadDigest is unpadded base64url of the SHA-256 of a payload's bytes.
func PayloadDigest(payload []byte) string {
	sum := sha256.Sum256(payload)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// CanonicalDigest is PayloadDigest of the payload's canonical form: RFC 8785, but with
// numbers left as they are written, because that standard rounds them to 53 bits and so
// would let one amount pass for another. The empty payload is canonically {}. It returns
// "" for what is not JSON or names a member twice.
func CanonicalDigest(payload []byte) string {
	c, ok := canonical(payload)
	if !ok {
		return ""
	}
	return PayloadDigest(c)
}

func canonical(payload []byte) ([]byte, bool) {
	if strings.TrimSpace(string(payload)) == "" {
		return []byte("{}"), true
	}
	v := jsontext.Value(append([]byte(nil), payload...))
	err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return v, err == nil
}

// SameTarget reports whether path and query of a request are those that were signed. It
// is the rule for other services, of whose queries nothing is known.
func SameTarget(signed, sent string) bool {
	_, query, hasQuery := strings.Cut(signed, "?")
	_, sentQuery, sentHasQuery := strings.Cut(sent, "?")
	return SamePath(signed, sent) && hasQuery == sentHasQuery && query == sentQuery
}

// SamePath reports whether the path of a request to this server is the one that was
// signed. Some SDKs sign the query and some do not: a query that was signed must match
// byte for byte, one that was not is passed over.
func SamePath(signed, sent string) bool {
	path, query, hasQuery := strings.Cut(signed, "?")
	sentPath, sentQuery, _ := strings.Cut(sent, "?")
	return samePath(path, sentPath) && (!hasQuery || query == sentQuery)
}

// OneMeaning reports whether everybody reads the path of a target alike: no dot segments,
// no empty ones, no backslashes or control characters, encoded or not. Routers disagree
// about those, so the signer may have seen one meaning and the handler act on another. An
// origin before the path and a query after it are not looked at.
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

// samePath compares byte by byte or, if only the percent-encoding differs, what it stands
// for. An encoded slash does not stand for a slash.
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
