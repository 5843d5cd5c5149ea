package guard_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// clock is real time plus what the test added.
type clock struct{ added atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.added.Load())) }

func turning(c *clock) func(*guard.Config) { return func(g *guard.Config) { g.Now = c.now } }

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestRotatedKey(t *testing.T) {
	f, now := start(t), &clock{}
	s := protect(t, f, turning(now))
	s.wantPassed(t, s.transfer(t, f.token(t)))

	// The server makes a new key and signs with it. Consume in the fake knows f.key only.
	old := f.token(t)
	next := newKey(t)
	f.set(func() {
		f.published = append(f.published, jwk("k2", next.Public().(ed25519.PublicKey)))
		f.consume = anything(t, f)
	})
	token := tokenOf(t, useraction.TokenType, "k2", next, f.claims())
	s.wantRefused(t, s.transfer(t, token), 403, "user_action_invalid")
	if n := f.keysAsked.Load(); n != 1 {
		t.Fatalf("the keys were fetched %d times within ten seconds, want once", n)
	}
	now.added.Add(int64(11 * time.Second))
	s.wantPassed(t, s.transfer(t, token))
	s.wantPassed(t, s.transfer(t, old))
	if n := f.keysAsked.Load(); n != 2 {
		t.Errorf("the keys were fetched %d times, want twice", n)
	}
}

// anything spends every token that a published key signed, and answers with its claims.
func anything(t *testing.T, f *fake) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		in := f.consumed[len(f.consumed)-1]
		var c useraction.Claims
		for _, k := range f.published {
			key, err := useraction.Open(useraction.TokenType, in.UserAction, func(string) (ed25519.PublicKey, bool) { return decode(t, k["x"]), true })
			if err == nil && json.Unmarshal(key, &c) == nil {
				json.NewEncoder(w).Encode(answer(c))
				return
			}
		}
		envelope(w, 403, "user_action_invalid")
	}
}

// A flood of made-up kids costs the server one fetch in ten seconds, even if they come at once.
func TestFloodOfKids(t *testing.T) {
	f, now := start(t), &clock{}
	s := protect(t, f, turning(now))
	f.set(func() {
		f.jwks = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(50 * time.Millisecond)
			json.NewEncoder(w).Encode(map[string]any{"keys": f.published})
		}
	})
	flood := func() {
		var wg sync.WaitGroup
		for i := range 30 {
			r := s.transfer(t, tokenOf(t, useraction.TokenType, strings.Repeat("x", i+1), f.key, f.claims()))
			wg.Go(func() {
				if res, err := http.DefaultClient.Do(r); err != nil || res.StatusCode != 403 {
					t.Errorf("answered %v, %v", res, err)
				} else {
					res.Body.Close()
				}
			})
		}
		wg.Wait()
	}
	flood()
	flood()
	if n := f.keysAsked.Load(); n != 1 {
		t.Errorf("sixty kids made the Guard fetch the keys %d times, want once", n)
	}
	now.added.Add(int64(11 * time.Second))
	flood()
	if n := f.keysAsked.Load(); n != 2 {
		t.Errorf("ten seconds later it had fetched the keys %d times, want twice", n)
	}
}

func TestUnusableKeys(t *testing.T) {
	f := start(t)
	public := f.key.Public().(ed25519.PublicKey)
	other := newKey(t)
	f.set(func() {
		with := func(changes ...any) map[string]any {
			k := jwk("k1", public)
			for i := 0; i < len(changes); i += 2 {
				k[changes[i].(string)] = changes[i+1]
			}
			return k
		}
		f.published = append([]map[string]any{
			{"kty": "RSA", "kid": "k1", "n": "AQAB", "e": "AQAB", "use": "sig"},
			{"kty": "EC", "crv": "P-256", "kid": "k1", "x": "AA", "y": "AA"},
			{"kty": "oct", "kid": "k1", "k": "AAAA"},
			{"kty": 7}, {}, with("kid", 7), with("kid", "kty", "kty", "EC"),
			with("kid", "enc", "use", "enc"), with("kid", "alg", "alg", "HS256"), with("kid", "crv", "crv", "X25519"),
			with("kid", "short", "x", "AAAA"), with("kid", "bad", "x", "!"), with("kid", ""),
		}, f.published...)
		f.published = append(f.published, jwk("other", other.Public().(ed25519.PublicKey)))
	})
	s := protect(t, f)
	s.wantPassed(t, s.transfer(t, f.token(t)))
	for _, kid := range []string{"kty", "enc", "alg", "crv", "short", "bad", "other"} {
		s.wantRefused(t, s.transfer(t, tokenOf(t, useraction.TokenType, kid, f.key, f.claims())), 403, "user_action_invalid")
	}
}

// Whatever is wrong with the server, no request passes, and the client learns that it is not
// to blame.
func TestServerThatCannotBeReached(t *testing.T) {
	const code = "countersign_unavailable"
	away := elsewhere(t)
	for name, keys := range map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"no keys":  func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) },
		"null":     func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`null`)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, away.URL, http.StatusTemporaryRedirect)
		},
		"broken off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run("keys "+name, func(t *testing.T) {
			f, now := start(t), &clock{}
			s := protect(t, f, turning(now))
			f.set(func() { f.jwks = keys })
			s.wantRefused(t, s.transfer(t, f.token(t)), 503, code)
			s.wantRefused(t, s.transfer(t, f.token(t)), 503, code)
			if n := f.keysAsked.Load(); n != 1 {
				t.Errorf("the failing server was called %d times within ten seconds, want once", n)
			}
			f.set(func() { f.jwks = nil })
			now.added.Add(int64(11 * time.Second))
			s.wantPassed(t, s.transfer(t, f.token(t)))

			f.set(func() { f.jwks = keys })
			now.added.Add(int64(11 * time.Second))
			s.wantRefused(t, s.transfer(t, tokenOf(t, useraction.TokenType, "k2", f.key, f.claims())), 503, code)
			s.wantPassed(t, s.transfer(t, f.token(t))) // the key it has is still used
		})
	}
	var f *fake
	another := func(change func(*useraction.Claims)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			part := strings.Split(f.consumed[len(f.consumed)-1].UserAction, ".")[1]
			var c useraction.Claims
			if err := json.Unmarshal(decode(t, part), &c); err != nil {
				t.Error(err)
			}
			change(&c)
			json.NewEncoder(w).Encode(answer(c))
		}
	}
	for name, consume := range map[string]http.HandlerFunc{
		"500":                   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"an unknown 400":        func(w http.ResponseWriter, _ *http.Request) { envelope(w, 400, "invalid_json") },
		"429":                   func(w http.ResponseWriter, _ *http.Request) { envelope(w, 429, "too_many_tries") },
		"used with a wrong 403": func(w http.ResponseWriter, _ *http.Request) { envelope(w, 403, "user_action_used") },
		"invalid with a 400":    func(w http.ResponseWriter, _ *http.Request) { envelope(w, 400, "user_action_invalid") },
		"404 of something else": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"empty":                 func(http.ResponseWriter, *http.Request) {},
		"an empty object":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{}`)) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, away.URL, http.StatusTemporaryRedirect)
		},
		"created":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.Write([]byte(`{}`)) },
		"broken off":             func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"about another action":   another(func(c *useraction.Claims) { c.ID = "ua-2" }),
		"without when":           func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"signedAt":"today"}`)) },
		"about another's user":   another(func(c *useraction.Claims) { c.Metadata.OrgID = "or-2" }),
		"about a different user": another(func(c *useraction.Claims) { c.Metadata.UserID = "us-2" }),
	} {
		t.Run("consume "+name, func(t *testing.T) {
			f = start(t)
			s := protect(t, f)
			f.set(func() { f.consume = consume })
			s.wantRefused(t, s.transfer(t, f.token(t)), 503, code)
		})
	}
	if n := away.hits.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times with the token", n)
	}
	t.Run("gone", func(t *testing.T) {
		f := start(t)
		s := protect(t, f)
		s.wantPassed(t, s.transfer(t, f.token(t)))
		f.Close()
		s.wantRefused(t, s.transfer(t, f.token(t)), 503, code)
		if e := s.refused[len(s.refused)-1]; e.Cause == nil || e.RetryAfter == 0 {
			t.Errorf("the outage is reported as %+v", e)
		}
	})
	t.Run("refused there", func(t *testing.T) {
		f := start(t)
		s := protect(t, f)
		f.set(func() {
			f.consume = func(w http.ResponseWriter, _ *http.Request) { envelope(w, 403, "user_action_invalid") }
		})
		s.wantRefused(t, s.transfer(t, f.token(t)), 403, "user_action_invalid")
		if s.ids[0] != supportID {
			t.Errorf("answered under %s, want %s", s.ids[0], supportID)
		}
	})
}
