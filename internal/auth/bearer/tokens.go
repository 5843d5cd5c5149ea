package bearer

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/cache"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// KindSession is the claim tokenKind of a session. For an access token the claim is its kind in
// the store.
const KindSession = "Token"

const kindAction = "UserAction" // the claim tokenKind of a signed action

// DefaultSessionLifetime is how long a session lasts unless configured otherwise.
const DefaultSessionLifetime = 8 * time.Hour

// Verifying the signature is the expensive part of reading a token, so the claims of tokens that
// were signed or verified here are cached; times and states are checked at each use. A cache holds
// at most twice as many. The token of a session is read often and takes about a kilobyte; that of
// an action is read once, soon after it was signed, and takes two.
const (
	maxSessions = 4096
	maxActions  = 512
)

// Tokens signs and reads tokens. Make one with New.
type Tokens struct {
	Ring   *keyring.Ring
	Issuer string // the server's public URL
	Now    func() time.Time

	sessions *cache.Cache[Claims] // and access tokens
	actions  *cache.Cache[useraction.Claims]

	mu        sync.Mutex
	signers   map[string]useraction.Signer // by type and kid
	refreshed time.Time                    // when the keys were last read again for an unknown kid
}

// New returns the tokens of an issuer, which is named by the server's public URL.
func New(ring *keyring.Ring, issuer string, now func() time.Time) *Tokens {
	return &Tokens{Ring: ring, Issuer: issuer, Now: now,
		sessions: cache.New[Claims](maxSessions, 0), actions: cache.New[useraction.Claims](maxActions, 0)}
}

// Claims is what the token of a session, or an access token, says. The store says whether the
// session or access token is still live.
type Claims struct {
	ID, OrgID, UserID string // ID is "se-…" or "to-…"
	Kind              string // KindSession, store.TokenPersonal or store.TokenServiceAccount
	IssuedAt, Expiry  int64  // Unix seconds
}

// Digest returns what is stored of an access token.
func Digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// payload is the payload of a bearer token (RFC 7519 §4.1), with the claims that SDKs read.
type payload struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	ID       string              `json:"jti"`
	IssuedAt int64               `json:"iat"`
	Expiry   int64               `json:"exp"`
	Username string              `json:"https://custom/username"`
	Metadata useraction.Metadata `json:"https://custom/app_metadata"`
}

// SignSession returns the token of a session.
func (t *Tokens) SignSession(s store.Session, u store.User) (string, error) {
	return t.signBearer(payload{ID: s.ID, IssuedAt: s.CreatedAt.Unix(), Expiry: s.ExpiresAt.Unix(),
		Username: u.Username, Metadata: useraction.Metadata{OrgID: s.OrgID, UserID: s.UserID, TokenKind: KindSession}})
}

// SignAccessToken returns the text of an access token.
func (t *Tokens) SignAccessToken(a store.AccessToken, u store.User) (string, error) {
	return t.signBearer(payload{ID: a.ID, IssuedAt: a.CreatedAt.Unix(), Expiry: a.ExpiresAt.Unix(),
		Username: u.Username, Metadata: useraction.Metadata{OrgID: a.OrgID, UserID: a.UserID, TokenKind: a.Kind}})
}

func (t *Tokens) signBearer(p payload) (string, error) {
	p.Issuer, p.Subject = t.Issuer, p.Metadata.OrgID
	token, err := t.sign(useraction.SessionType, p)
	if err == nil {
		t.sessions.Put(token, p.claims())
	}
	return token, err
}

func (p payload) claims() Claims {
	return Claims{ID: p.ID, OrgID: p.Metadata.OrgID, UserID: p.Metadata.UserID, Kind: p.Metadata.TokenKind,
		IssuedAt: p.IssuedAt, Expiry: p.Expiry}
}

// Read reads the token of a session or an access token. A token that this server did not sign as
// one of these, or that has expired, is Unauthenticated.
func (t *Tokens) Read(ctx context.Context, token string) (Claims, error) {
	if token == "" {
		return Claims{}, invalid("a bearer token", errors.New("there is none"))
	}
	c, err := t.sessions.Get(token, func() (Claims, error) { return t.verifyBearer(ctx, token) })
	if err != nil {
		return Claims{}, err
	}
	if err := useraction.Current(c.IssuedAt, c.Expiry, t.Now()); err != nil {
		return Claims{}, invalid("its lifetime", err)
	}
	return c, nil
}

// verifyBearer reads a token and does not check its lifetime.
func (t *Tokens) verifyBearer(ctx context.Context, token string) (Claims, error) {
	text, err := useraction.Open(useraction.SessionType, token, t.keys(ctx))
	if err != nil {
		return Claims{}, invalid("a bearer token of ours", err)
	}
	var p payload
	if err := json.Unmarshal(text, &p); err != nil {
		return Claims{}, invalid("claims of a bearer token", err)
	}
	c := p.claims()
	if p.Issuer != t.Issuer || p.Subject != c.OrgID || prefixes[c.Kind] == "" || !api.ValidID(prefixes[c.Kind], c.ID) {
		return Claims{}, invalid("issuer, subject, kind and id of a bearer token", nil)
	}
	return c, nil
}

// prefixes has the prefix of the ids of each kind of bearer token.
var prefixes = map[string]string{KindSession: api.PrefixSession, store.TokenPersonal: api.PrefixToken, store.TokenServiceAccount: api.PrefixToken}

// SignAction returns the token of a signed action. It fills in issuer and kind of c.
func (t *Tokens) SignAction(c useraction.Claims) (string, error) {
	c.Issuer, c.Metadata.TokenKind = t.Issuer, kindAction
	token, err := t.sign(useraction.TokenType, c)
	if err == nil {
		t.actions.Put(token, c)
	}
	return token, err
}

// ReadAction reads the token of a signed action and checks that it is ours and current. The store
// says whether it was used. Its errors are not api.Errors: the caller turns them into refusals.
func (t *Tokens) ReadAction(ctx context.Context, token string) (useraction.Claims, error) {
	c, err := t.actions.Get(token, func() (useraction.Claims, error) {
		c, err := useraction.Read(token, t.keys(ctx), t.Now())
		if err == nil && c.Issuer != t.Issuer {
			err = errors.New("it was issued by another server")
		}
		return c, err
	})
	if err != nil {
		return c, err
	}
	return c, useraction.Current(c.IssuedAt, c.Expiry, t.Now())
}

func invalid(rule string, cause error) error {
	return auth.TokenInvalid("bearer token: "+rule, "", cause)
}

func (t *Tokens) sign(tokenType string, claims any) (string, error) {
	key := t.Ring.SigningKey(t.Now())
	t.mu.Lock()
	s, ok := t.signers[tokenType+key.ID]
	if !ok {
		var err error
		if s, err = useraction.NewSigner(tokenType, key.ID, key.Private); err != nil {
			t.mu.Unlock()
			return "", err
		}
		if t.signers == nil {
			t.signers = map[string]useraction.Signer{}
		}
		t.signers[tokenType+key.ID] = s
	}
	t.mu.Unlock()
	return s.Token(claims)
}
