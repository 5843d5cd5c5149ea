package bearer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/bearer"
	"github.com/countersign/countersign/internal/keyring"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/database"
	"github.com/countersign/countersign/internal/verify/useraction"
)

const issuer = "https://sign.example.org"

var ctx = context.Background()

type clock struct{ now time.Time }

func tokens(t testing.TB, db *store.DB, c *clock) *bearer.Tokens {
	t.Helper()
	ring, err := keyring.Open(ctx, db, nil, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return bearer.New(ring, issuer, func() time.Time { return c.now })
}

func open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(ctx, database.SQLite(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func session(now time.Time) store.Session {
	return store.Session{ID: api.NewID(api.PrefixSession, now), OrgID: api.NewID(api.PrefixOrganization, now),
		UserID: api.NewID(api.PrefixUser, now), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
}

// The claims that SDKs read must be there, and verify with the published keys.
func TestSessionIsAJWTThatOthersVerify(t *testing.T) {
	t.Parallel()
	c := &clock{time.Now()}
	a := tokens(t, open(t), c)
	s := session(c.now)
	token, err := a.SignSession(s, store.User{Username: "zoë@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	published, err := json.Marshal(a.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(published), `"d"`) {
		t.Fatalf("a private key is published: %s", published)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(published, &set); err != nil {
		t.Fatal(err)
	}
	payload, err := parsed.Verify(set)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss, Sub, Jti string
		Iat, Exp      int64
		Username      string                                    `json:"https://custom/username"`
		Metadata      struct{ OrgID, UserID, TokenKind string } `json:"https://custom/app_metadata"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != issuer || claims.Sub != s.OrgID || claims.Jti != s.ID || claims.Exp-claims.Iat != 3600 || claims.Username != "zoë@example.org" ||
		claims.Metadata.OrgID != s.OrgID || claims.Metadata.UserID != s.UserID || claims.Metadata.TokenKind != "Token" {
		t.Errorf("claims %s", payload)
	}
}

// Another server of the same database reads the token with a cold cache; both refuse it once it
// has expired, cached or not.
func TestSessionsAreReadByEveryServer(t *testing.T) {
	t.Parallel()
	c, db := &clock{time.Now()}, open(t)
	one, two := tokens(t, db, c), tokens(t, db, c)
	s := session(c.now)
	token, err := one.SignSession(s, store.User{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for name, a := range map[string]*bearer.Tokens{"the issuer": one, "another": two} {
			if got, err := a.Read(ctx, token); err != nil || got.ID != s.ID || got.UserID != s.UserID || got.OrgID != s.OrgID {
				t.Errorf("%s reads %+v, %v", name, got, err)
			}
		}
	}
	c.now = c.now.Add(time.Hour)
	for name, a := range map[string]*bearer.Tokens{"the issuer": one, "another": two} {
		if _, err := a.Read(ctx, token); api.CodeOf(err) != "token_invalid" {
			t.Errorf("%s reads an expired session: %v", name, err)
		}
	}
}

// A server reads tokens that are signed with a new key of another server.
func TestRotationLogsNobodyOut(t *testing.T) {
	t.Parallel()
	c, db := &clock{time.Now().Add(-time.Hour)}, open(t)
	one, two := tokens(t, db, c), tokens(t, db, c)
	old, err := one.SignSession(session(c.now), store.User{})
	if err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Minute)
	if err := one.Ring.Rotate(ctx, c.now); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(keyring.Announced + time.Second)
	fresh, err := one.SignSession(session(c.now), store.User{})
	if err != nil {
		t.Fatal(err)
	}
	if kid(t, old) == kid(t, fresh) {
		t.Fatal("the old key still signs")
	}
	for _, token := range []string{old, fresh} {
		if _, err := two.Read(ctx, token); err != nil {
			t.Errorf("the other server refuses: %v", err)
		}
	}
}

func kid(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[0].Header.KeyID
}

func TestTokensAreNotTakenForOthers(t *testing.T) {
	t.Parallel()
	c, db := &clock{time.Now()}, open(t)
	a := tokens(t, db, c)
	elsewhere := tokens(t, db, c)
	elsewhere.Issuer = "https://other.example.org"
	s := session(c.now)
	sessionToken, err := a.SignSession(s, store.User{})
	if err != nil {
		t.Fatal(err)
	}
	action := useraction.Claims{Subject: s.OrgID, ID: "ua-1", IssuedAt: c.now.Unix(), Expiry: c.now.Unix() + 60, Method: "GET", Path: "/",
		Metadata: useraction.Metadata{OrgID: s.OrgID, UserID: s.UserID}}
	actionToken, err := a.SignAction(action)
	if err != nil {
		t.Fatal(err)
	}
	foreignSession, err := elsewhere.SignSession(s, store.User{})
	if err != nil {
		t.Fatal(err)
	}
	foreignAction, err := elsewhere.SignAction(action)
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ := ed25519.GenerateKey(nil)
	signer, err := useraction.NewSigner(useraction.SessionType, a.Ring.SigningKeys()[0].ID, private)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := signer.Token(map[string]any{"iss": issuer, "sub": s.OrgID, "jti": s.ID, "exp": c.now.Unix() + 60})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"none": "", "an action": actionToken, "another issuer's": foreignSession, "a forged one": forged} {
		if _, err := a.Read(ctx, token); api.CodeOf(err) != "token_invalid" {
			t.Errorf("as a session, %s: %v", name, err)
		}
	}
	for name, token := range map[string]string{"none": "", "a session": sessionToken, "another issuer's": foreignAction, "a forged one": forged} {
		if _, err := a.ReadAction(ctx, token); err == nil {
			t.Errorf("as an action, %s: accepted", name)
		}
	}
	if _, err := a.ReadAction(ctx, actionToken); err != nil {
		t.Errorf("the action itself: %v", err)
	}
}

func BenchmarkReadBearer(b *testing.B) {
	c, db := &clock{time.Now()}, open(b)
	token, err := tokens(b, db, c).SignSession(session(c.now), store.User{})
	if err != nil {
		b.Fatal(err)
	}
	for _, warm := range []bool{false, true} {
		b.Run(fmt.Sprintf("warm=%v", warm), func(b *testing.B) {
			b.ReportAllocs()
			a := tokens(b, db, c)
			for b.Loop() {
				if !warm {
					b.StopTimer()
					a = bearer.New(a.Ring, issuer, a.Now)
					b.StartTimer()
				}
				if _, err := a.Read(ctx, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
