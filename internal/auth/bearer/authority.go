package bearer

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// Token kinds, as the claim tokenKind names them.
const (
	KindSession        = "Token"
	KindPersonal       = store.TokenPersonal
	KindServiceAccount = store.TokenServiceAccount
	KindAction         = "UserAction"
)

// DefaultSessionLifetime is how long a session lasts unless configured otherwise.
const DefaultSessionLifetime = 8 * time.Hour

// Authority signs and reads tokens. Make one with New.
type Authority struct {
	Ring   *keyring.Ring
	Issuer string // the server's public URL
	Now    func() time.Time

	mu      sync.Mutex
	signers map[string]useraction.Signer // by type and kid
	asked   time.Time                    // when an unknown kid last made us read the keys again

	sessions cache[Claims]
	actions  cache[useraction.Claims]
}

// New returns an authority over the tokens of the issuer, a server's public URL.
func New(ring *keyring.Ring, issuer string, now func() time.Time) *Authority {
	return &Authority{Ring: ring, Issuer: issuer, Now: now,
		sessions: cache[Claims]{generation: manySessions}, actions: cache[useraction.Claims]{generation: someActions}}
}

// Claims is what the token of a session, or an access token, says. Whether it still lives
// is for the store to say.
type Claims struct {
	ID, OrgID, UserID string // ID is "se-…" or "to-…"
	Kind              string // KindSession, KindPersonal or KindServiceAccount
	IssuedAt, Expiry  int64  // Unix seconds
}

// Digest is what of an access token is kept.
func Digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// payload of a bearer token (RFC 7519 §4.1), with those that consumers of these tokens
// read.
type tokenClaims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	ID       string              `json:"jti"`
	IssuedAt int64               `json:"iat"`
	Expiry   int64               `json:"exp"`
	Username string              `json:"https://custom/username"`
	Metadata useraction.Metadata `json:"https://custom/app_metadata"`
}

// Session returns the token of a session.
func (a *Authority) Session(s store.Session, u store.User) (string, error) {
	return a.issue(tokenClaims{ID: s.ID, IssuedAt: s.CreatedAt.Unix(), Expiry: s.ExpiresAt.Unix(),
		Username: u.Username, Metadata: useraction.Metadata{OrgID: s.OrgID, UserID: s.UserID, TokenKind: KindSession}})
}

// AccessToken returns the token of an access token. Of two with the same times it is the
// same as long as the same key signs, so whoever makes one keeps its Digest.
func (a *Authority) AccessToken(t store.AccessToken, u store.User) (string, error) {
	return a.issue(tokenClaims{ID: t.ID, IssuedAt: t.CreatedAt.Unix(), Expiry: t.ExpiresAt.Unix(),
		Username: u.Username, Metadata: useraction.Metadata{OrgID: t.OrgID, UserID: t.UserID, TokenKind: t.Kind}})
}

func (a *Authority) issue(c tokenClaims) (string, error) {
	c.Issuer, c.Subject = a.Issuer, c.Metadata.OrgID
	token, err := a.sign(useraction.SessionType, c)
	if err == nil {
		a.sessions.put(token, c.claims())
	}
	return token, err
}

func (c tokenClaims) claims() Claims {
	return Claims{ID: c.ID, OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID, Kind: c.Metadata.TokenKind,
		IssuedAt: c.IssuedAt, Expiry: c.Expiry}
}

// Read reads the token of a session or an access token. It refuses, with
// Unauthenticated, whatever this server did not sign as one, and what has expired.
func (a *Authority) Read(ctx context.Context, token string) (Claims, error) {
	if token == "" {
		return Claims{}, auth.TokenInvalid("bearer token: a bearer token", "", errors.New("there is none"))
	}
	b, known := a.sessions.get(token)
	if !known {
		payload, err := useraction.Open(useraction.SessionType, token, a.keys(ctx))
		if err != nil {
			return Claims{}, auth.TokenInvalid("bearer token: a bearer token of ours", "", err)
		}
		var c tokenClaims
		if err := json.Unmarshal(payload, &c); err != nil {
			return Claims{}, auth.TokenInvalid("bearer token: claims of a bearer token", "", err)
		}
		b = c.claims()
		if c.Issuer != a.Issuer || c.Subject != b.OrgID || prefixes[b.Kind] == "" || !api.ValidID(prefixes[b.Kind], b.ID) {
			return Claims{}, auth.TokenInvalid("bearer token: issuer, subject, kind and id of a bearer token", "", nil)
		}
		a.sessions.put(token, b)
	}
	if err := useraction.Current(b.IssuedAt, b.Expiry, a.Now()); err != nil {
		return Claims{}, auth.TokenInvalid("bearer token: its lifetime", "", err)
	}
	return b, nil
}

// prefixes are the kinds of bearer token with the prefix of their ids.
var prefixes = map[string]string{KindSession: api.PrefixSession, KindPersonal: api.PrefixToken, KindServiceAccount: api.PrefixToken}

// Action returns the token of a signed action; the caller fills in what was signed.
func (a *Authority) Action(c useraction.Claims) (string, error) {
	c.Issuer, c.Metadata.TokenKind = a.Issuer, KindAction
	token, err := a.sign(useraction.TokenType, c)
	if err == nil {
		a.actions.put(token, c)
	}
	return token, err
}

// ReadAction reads the token of a signed action and checks that it is ours and current.
// Whether it was used is for the store to say. Its errors are plain: what they mean for
// the request is the caller's to say.
func (a *Authority) ReadAction(ctx context.Context, token string) (useraction.Claims, error) {
	c, known := a.actions.get(token)
	if known {
		return c, useraction.Current(c.IssuedAt, c.Expiry, a.Now())
	}
	c, err := useraction.Read(token, a.keys(ctx), a.Now())
	if err == nil && c.Issuer != a.Issuer {
		err = errors.New("it was issued by another server")
	}
	if err == nil {
		a.actions.put(token, c)
	}
	return c, err
}

func (a *Authority) sign(tokenType string, claims any) (string, error) {
	key := a.Ring.SigningKey(a.Now())
	a.mu.Lock()
	s, ok := a.signers[tokenType+key.ID]
	if !ok {
		var err error
		if s, err = useraction.NewSigner(tokenType, key.ID, key.Private); err != nil {
			a.mu.Unlock()
			return "", err
		}
		if a.signers == nil {
			a.signers = map[string]useraction.Signer{}
		}
		a.signers[tokenType+key.ID] = s
	}
	a.mu.Unlock()
	return s.Token(claims)
}

// patience is how often a kid that nobody knows may make us read the keys again: anybody
// can send one.
const patience = 5 * time.Second

// keys finds a published key. One that is not known may have been made by another server
// a moment ago.
func (a *Authority) keys(ctx context.Context) useraction.Keys {
	return func(kid string) (ed25519.PublicKey, bool) {
		key, ok := a.published(kid)
		if ok || !api.ValidID(api.PrefixKey, kid) {
			return key, ok
		}
		a.mu.Lock()
		now := time.Now()
		soon := now.Sub(a.asked) < patience
		if !soon {
			a.asked = now
		}
		a.mu.Unlock()
		if soon || a.Ring.Refresh(ctx) != nil {
			return nil, false
		}
		return a.published(kid)
	}
}

func (a *Authority) published(kid string) (ed25519.PublicKey, bool) {
	for _, k := range a.Ring.SigningKeys() {
		if k.ID == kid {
			return k.Public(), true
		}
	}
	return nil, false
}

// Follow keeps the published keys up to date until ctx ends.
func (a *Authority) Follow(ctx context.Context, failed func(error)) {
	t := time.NewTicker(30 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := a.Ring.Refresh(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}

// KeySet returns the public keys (RFC 7517 §5, RFC 8037 §2).
func (a *Authority) KeySet() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, k := range a.Ring.SigningKeys() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: k.ID, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	return set
}
