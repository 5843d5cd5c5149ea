package useraction_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/useraction"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

type pair struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

func newPair(t *testing.T) pair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair{public, private}
}

func (p pair) sign(t *testing.T, tokenType, kid string, claims any) string {
	t.Helper()
	s, err := useraction.NewSigner(tokenType, kid, p.private)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func claims() useraction.Claims {
	return useraction.Claims{Issuer: "https://sign.example.org", Subject: "or-1", ID: "ua-1", IssuedAt: now.Unix(), Expiry: now.Unix() + 300,
		Method: "POST", Path: "/transfers", PayloadSHA256: useraction.PayloadDigest([]byte(`{"a":1}`)),
		CanonicalSHA256: useraction.CanonicalDigest([]byte(`{"a":1}`)), Challenge: "c",
		Metadata: useraction.Metadata{OrgID: "or-1", UserID: "us-1", TokenKind: "UserAction"}}
}

func TestTokenComesBackAsSigned(t *testing.T) {
	ours := newPair(t)
	keys := func(kid string) (ed25519.PublicKey, bool) { return ours.public, kid == "sk-1" }
	got, err := useraction.Read(ours.sign(t, useraction.TokenType, "sk-1", claims()), keys, now)
	if err != nil || got != claims() {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, c := range []struct{ method, path, payload, differs string }{
		{"POST", "/transfers", `{ "a": 1 }`, ""},
		{"POST", "/transfers?x=1", `{"a":1}`, ""},
		{"PUT", "/transfers", `{"a":1}`, "method"},
		{"post", "/transfers", `{"a":1}`, "method"},
		{"POST", "/transfer", `{"a":1}`, "path"},
		{"POST", "/transfers", `{"a":2}`, "payload"},
	} {
		if differs, ok := got.Covers(c.method, c.path, []byte(c.payload)); differs != c.differs || ok != (c.differs == "") {
			t.Errorf("Covers(%s %s %s) is %q, %v", c.method, c.path, c.payload, differs, ok)
		}
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	ours, theirs := newPair(t), newPair(t)
	keys := func(kid string) (ed25519.PublicKey, bool) { return ours.public, kid == "sk-1" }
	good := ours.sign(t, useraction.TokenType, "sk-1", claims())
	parts := strings.Split(good, ".")
	segment := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	forged := claims()
	forged.Path = "/elsewhere"
	hmacSigner, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: []byte(ours.public), KeyID: "sk-1"}},
		(&jose.SignerOptions{}).WithType(useraction.TokenType))
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := hmacSigner.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	confused, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(*useraction.Claims)) string {
		c := claims()
		change(&c)
		return ours.sign(t, useraction.TokenType, "sk-1", c)
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":                      {"", useraction.ErrMalformed},
		"no token":                   {"x.y.z", useraction.ErrMalformed},
		"a session's type":           {ours.sign(t, useraction.SessionType, "sk-1", claims()), useraction.ErrMalformed},
		"no algorithm":               {segment(map[string]string{"alg": "none", "typ": useraction.TokenType, "kid": "sk-1"}) + "." + parts[1] + ".", useraction.ErrMalformed},
		"HMAC under the public key":  {confused, useraction.ErrMalformed},
		"an unknown key":             {ours.sign(t, useraction.TokenType, "sk-2", claims()), useraction.ErrKey},
		"somebody else's key":        {theirs.sign(t, useraction.TokenType, "sk-1", claims()), useraction.ErrSignature},
		"altered claims":             {parts[0] + "." + segment(forged) + "." + parts[2], useraction.ErrSignature},
		"no signature":               {parts[0] + "." + parts[1] + ".", useraction.ErrSignature},
		"a line break":               {parts[0] + "." + parts[1] + ".\n" + parts[2], useraction.ErrMalformed},
		"four parts":                 {good + ".x", useraction.ErrMalformed},
		"as JSON":                    {`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`, useraction.ErrMalformed},
		"longer than any of ours":    {strings.Repeat("a", 9000), useraction.ErrMalformed},
		"no action":                  {edit(func(c *useraction.Claims) { c.ID = "" }), useraction.ErrMalformed},
		"another kind of token":      {edit(func(c *useraction.Claims) { c.Metadata.TokenKind = "Token" }), useraction.ErrMalformed},
		"expired":                    {edit(func(c *useraction.Claims) { c.Expiry = now.Unix() }), useraction.ErrExpired},
		"without expiry":             {edit(func(c *useraction.Claims) { c.Expiry = 0 }), useraction.ErrExpired},
		"from the future":            {edit(func(c *useraction.Claims) { c.IssuedAt = now.Unix() + 60 }), useraction.ErrExpired},
		"claims that are not claims": {ours.sign(t, useraction.TokenType, "sk-1", []int{1}), useraction.ErrMalformed},
	} {
		if _, err := useraction.Read(c.token, keys, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestStatement(t *testing.T) {
	s := useraction.NewStatement(useraction.Statement{Issuer: "https://sign.example.org", OrgID: "or-1", UserID: "us-1",
		Username: "zoë <z>", Method: "POST", Path: "/transfers?x=1"}, `{"a":1}`, now)
	text := s.Text()
	read, ok := useraction.ReadStatement(text)
	if !ok || read != s {
		t.Fatalf("%s reads as %+v, %v", text, read, ok)
	}
	if s.PayloadSHA256 != useraction.PayloadDigest([]byte(`{"a":1}`)) || s.IssuedAt != "2026-11-22T12:00:00.000Z" {
		t.Errorf("%s", text)
	}
	if again := useraction.NewStatement(s, `{"a":1}`, now); again.Challenge() == s.Challenge() {
		t.Error("the same action has the same challenge twice")
	}
	old := s
	old.Version = 1
	if read, ok := useraction.ReadStatement(old.Text()); !ok || read.Challenge() != useraction.PayloadDigest([]byte(old.Text())) {
		t.Error("the challenge of a statement of version 1 is not its bare digest")
	}
	seen := map[string]bool{useraction.PayloadDigest([]byte(text)): true}
	for _, purpose := range []string{api.PurposeAction, api.PurposeLogin, api.PurposeRegistration} {
		c := api.ChallengeOf(purpose, text)
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(c); err != nil || len(raw) != 32 || seen[c] || (c == s.Challenge()) != (purpose == api.PurposeAction) {
			t.Errorf("the challenge for a %s is %s", purpose, c)
		}
		seen[c] = true
	}
	for name, other := range map[string]string{
		"a space more":    strings.Replace(text, ":", ": ", 1),
		"a member more":   strings.Replace(text, "{", `{"x":1,`, 1),
		"another order":   `{"issuer":"x",` + text[1:],
		"another version": strings.Replace(text, `"countersign":2`, `"countersign":3`, 1),
		"cut short":       text[:len(text)-1],
		"nothing":         "",
	} {
		if _, ok := useraction.ReadStatement(other); ok {
			t.Errorf("%s: read", name)
		}
	}
}

// A statement that is read is written again byte for byte, so that one text has one meaning.
func FuzzReadStatement(f *testing.F) {
	f.Add(useraction.NewStatement(useraction.Statement{OrgID: "or-1"}, "", now).Text())
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := useraction.ReadStatement(text); ok && s.Text() != text {
			t.Errorf("%q is written %q", text, s.Text())
		}
	})
}

// Two payloads have one canonical digest exactly if encoding/json reads the same in both.
func FuzzCanonicalDigest(f *testing.F) {
	f.Add(`{"a":1,"b":[1.0,"x"]}`, `{"b":[1.0,"x"],"a":1}`)
	f.Add(``, `{}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		d, e := useraction.CanonicalDigest([]byte(a)), useraction.CanonicalDigest([]byte(b))
		if d != "" && e != "" && (d == e) != reflect.DeepEqual(value(t, a), value(t, b)) {
			t.Errorf("%q and %q: digests agree is %v", a, b, d == e)
		}
	})
}

// value is what encoding/json reads in a payload, with numbers as they are written.
func value(t *testing.T, payload string) (v any) {
	if strings.TrimSpace(payload) == "" {
		payload = "{}"
	}
	d := json.NewDecoder(strings.NewReader(payload))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Errorf("%q: %v", payload, err)
	}
	return v
}
