package useraction

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// TokenType is the "typ" of an action token's header. No other token of this server has it,
// so none can pass for an action (compare RFC 9068 §2.1).
const TokenType = "countersign-action+jwt"

// SessionType is the "typ" of every bearer token.
const SessionType = "JWT"

// Claims are the payload of an action token.
type Claims struct {
	Issuer   string `json:"iss"`           // the server's public URL
	Subject  string `json:"sub"`           // the organisation
	Audience string `json:"aud,omitempty"` // Audience of issuer and path
	ID       string `json:"jti"`           // the action, "ua-…"
	IssuedAt int64  `json:"iat"`           // Unix seconds
	Expiry   int64  `json:"exp"`

	Method          string `json:"httpMethod"`
	Path            string `json:"httpPath"`                         // as signed, query included
	PayloadSHA256   string `json:"payloadSha256"`                    // PayloadDigest of the payload as signed
	CanonicalSHA256 string `json:"payloadCanonicalSha256,omitempty"` // CanonicalDigest of it; absent if it is not JSON
	Challenge       string `json:"challenge"`                        // the challenge that was signed
	CredentialUUID  string `json:"credentialUuid"`
	CredentialKind  string `json:"credentialKind"`
	TokenID         string `json:"tokenId,omitempty"` // "to-…", the access token whose key signed; absent if the user signed

	Username string   `json:"https://custom/username"`
	Metadata Metadata `json:"https://custom/app_metadata"`
}

// Metadata is the claim that SDKs read from every token.
type Metadata struct {
	OrgID     string `json:"orgId"`
	UserID    string `json:"userId"`
	TokenKind string `json:"tokenKind"`
}

// Audience returns for whom an action is: the origin in the signed path or, without one, the server
// that issued its token.
func Audience(issuer, path string) string {
	scheme, rest, absolute := strings.Cut(path, "://")
	if !absolute || strings.HasPrefix(path, "/") {
		return issuer
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return scheme + "://" + rest
}

// MeantFor reports whether a token is for a service with that origin, by its aud. A token without
// one is from a server of an older version; its path alone says for whom it is.
func (c Claims) MeantFor(origin string) bool { return c.Audience == "" || c.Audience == origin }

// Covers reports whether a request is the one that was signed, and if not, which part
// differs: "method", "path" or "payload".
func (c Claims) Covers(method, path string, payload []byte) (differs string, ok bool) {
	switch {
	case c.Method != method:
		return "method", false
	case !SamePath(c.Path, path):
		return "path", false
	case !c.CoversPayload(payload):
		return "payload", false
	}
	return "", true
}

// CoversPayload reports whether the body of a request is the payload that was signed: the
// same bytes, or the same JSON (RFC 8259). In JSON the order of members, white space and the
// escapes in strings do not matter, but numbers must be written alike. An empty body equals
// an empty object. The token holds only digests of the payload.
func (c Claims) CoversPayload(payload []byte) bool {
	return PayloadDigest(payload) == c.PayloadSHA256 ||
		c.CanonicalSHA256 != "" && CanonicalDigest(payload) == c.CanonicalSHA256
}

// Reasons why Read refuses a token.
var (
	ErrMalformed = errors.New("it is not a token of that type")
	ErrKey       = errors.New("no published key has its kid")
	ErrSignature = errors.New("its signature does not verify")
	ErrExpired   = errors.New("it has expired")
)

// Keys finds the public key for a kid.
type Keys func(kid string) (ed25519.PublicKey, bool)

// Drift is how far a reader's clock may be behind the server's, and how far the server's own may be
// set back without refusing what it issued just before.
const Drift = 30 * time.Second

// maxToken is the longest token that is read, in bytes. Tokens of this server have less than
// 2,000 plus twice the length of the path.
const maxToken = 8 << 10

var strict = base64.RawURLEncoding.Strict()

// algorithms are those that a token may have: only EdDSA (RFC 8037 §3.1).
var algorithms = []jose.SignatureAlgorithm{jose.EdDSA}

// Signer makes tokens of one type with one key. It is safe for concurrent use.
type Signer struct{ jose.Signer }

// NewSigner returns a signer of tokens with that type and kid in their header.
func NewSigner(tokenType, kid string, key ed25519.PrivateKey) (Signer, error) {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(tokenType)))
	return Signer{s}, err
}

// Token signs claims as a compact JWS (RFC 7515 §7.1).
func (s Signer) Token(claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := s.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// Open returns the payload of a token that one of keys signed. Its header must have the
// algorithm EdDSA, the given type and a kid; other members are ignored.
func Open(tokenType, token string, keys Keys) ([]byte, error) {
	if len(token) > maxToken || strings.ContainsAny(token, " \t\r\n") {
		return nil, ErrMalformed
	}
	for part := range strings.SplitSeq(token, ".") { // one token has one spelling
		if _, err := strict.DecodeString(part); err != nil {
			return nil, ErrMalformed
		}
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, ErrMalformed
	}
	h := signed.Signatures[0].Protected
	if kind, _ := h.ExtraHeaders[jose.HeaderType].(string); kind != tokenType {
		return nil, ErrMalformed
	}
	key, known := keys(h.KeyID)
	if !known || len(key) != ed25519.PublicKeySize {
		return nil, ErrKey
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

// Read opens an action token and checks that it is valid at now. Only the server knows
// whether it was used before.
func Read(token string, keys Keys, now time.Time) (Claims, error) {
	payload, err := Open(TokenType, token, keys)
	if err != nil {
		return Claims{}, err
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Claims{}, ErrMalformed
	}
	if c.ID == "" || c.Method == "" || c.Path == "" || c.Metadata.TokenKind != "UserAction" {
		return Claims{}, ErrMalformed
	}
	return c, Current(c.IssuedAt, c.Expiry, now)
}

// Current checks that a token with these times is valid at now.
func Current(issued, expires int64, now time.Time) error {
	if !now.Before(time.Unix(expires, 0)) || now.Add(Drift).Before(time.Unix(issued, 0)) {
		return ErrExpired
	}
	return nil
}
