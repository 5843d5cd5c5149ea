package ceremony_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/auth/ceremony"
)

var (
	key   = []byte("0123456789abcdef0123456789abcdef")
	start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

func newIssuer(t testing.TB, key []byte, now *time.Time) *ceremony.Issuer {
	t.Helper()
	d, err := ceremony.NewIssuer(key, "https://sign.example.org", func() time.Time { return *now }, ceremony.DefaultLifetime)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ticket() ceremony.Ticket {
	return ceremony.Ticket{Purpose: ceremony.Registration, OrgID: "or-1", UserID: "us-1", CodeID: "rc-1",
		RPID: "example.org", Algorithms: []int{-7, -8}}
}

func TestTicketComesBackAsIssued(t *testing.T) {
	now := start
	issuer := newIssuer(t, key, &now)
	issued, token, err := issuer.Begin(ticket())
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.RawURLEncoding.DecodeString(issued.Challenge); err != nil || len(raw) != 32 {
		t.Errorf("challenge %q is not unpadded base64url of 32 bytes", issued.Challenge)
	}
	now = start.Add(ceremony.DefaultLifetime - time.Second)
	read, err := issuer.Open(ceremony.Registration, token)
	if err != nil {
		t.Fatal(err)
	}
	read.Issued, read.Expires = read.Issued.UTC(), read.Expires.UTC()
	if !reflect.DeepEqual(read, issued) {
		t.Errorf("issued %+v, read %+v", issued, read)
	}
	other, _, _ := issuer.Begin(ticket())
	if other.Challenge == issued.Challenge {
		t.Error("two ceremonies share a challenge")
	}
}

// The token must be a valid JWT: SDKs read its claims.
func TestTokenIsAJWT(t *testing.T) {
	now := start
	_, token, _ := newIssuer(t, key, &now).Begin(ticket())
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Metadata struct{ OrgID, UserID, TokenKind string } `json:"https://custom/app_metadata"`
		Sub      string
		Exp, Iat int64
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	if c.Metadata.OrgID != "or-1" || c.Metadata.UserID != "us-1" || c.Metadata.TokenKind != "Temp" || c.Sub != "or-1" ||
		c.Exp-c.Iat != int64(ceremony.DefaultLifetime/time.Second) {
		t.Errorf("claims %s", payload)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	now := start
	issuer := newIssuer(t, key, &now)
	_, token, _ := issuer.Begin(ticket())
	_, foreign, _ := newIssuer(t, []byte("another key, of the same length!"), &now).Begin(ticket())
	other := ticket()
	other.Purpose = "login"
	_, elsewhere, _ := issuer.Begin(other)
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "us-1", "us-2", 1)))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))

	if _, err := issuer.Open(ceremony.Registration, signed(t, jose.HS256, key, payload)); err != nil {
		t.Fatalf("what the test signs itself, unaltered: %v", err)
	}
	for name, text := range map[string]string{
		"empty":                   "",
		"no token":                "x",
		"another key":             foreign,
		"another purpose":         elsewhere,
		"altered claims":          parts[0] + "." + forged + "." + parts[2],
		"no algorithm":            none + "." + parts[1] + ".",
		"no algorithm, signed":    none + "." + parts[1] + "." + parts[2],
		"no signature":            parts[0] + "." + parts[1] + ".",
		"padded":                  token + "=",
		"a line break":            parts[0] + "." + parts[1] + ".\n" + parts[2],
		"stray bits":              token[:len(token)-1] + string(token[len(token)-1]+1),
		"four parts":              token + ".x",
		"JSON serialisation":      `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"HS512":                   signed(t, jose.HS512, append(key, key...), payload),
		"another issuer":          signed(t, jose.HS256, key, edit(t, payload, "iss", "elsewhere")),
		"subject not the org":     signed(t, jose.HS256, key, edit(t, payload, "sub", "or-2")),
		"no expiry":               signed(t, jose.HS256, key, edit(t, payload, "exp", nil)),
		"issued in the future":    signed(t, jose.HS256, key, edit(t, payload, "iat", start.Unix()+60)),
		"claims are not claims":   signed(t, jose.HS256, key, []byte(`[]`)),
		"a claim twice":           signed(t, jose.HS256, key, []byte(strings.Replace(string(payload), "{", `{"purpose":"x",`, 1))),
		"longer than any of ours": strings.Repeat("a", 5000),
	} {
		if _, err := issuer.Open(ceremony.Registration, text); api.KindOf(err) != api.Unauthenticated {
			t.Errorf("%s: %v, want Unauthenticated", name, err)
		}
	}
}

func TestTicketExpires(t *testing.T) {
	now := start
	issuer := newIssuer(t, key, &now)
	_, token, _ := issuer.Begin(ticket())
	now = start.Add(ceremony.DefaultLifetime)
	if _, err := issuer.Open(ceremony.Registration, token); api.CodeOf(err) != "ceremony_expired" {
		t.Errorf("an expired ticket: %v", err)
	}
}

func TestLifetimeIsNeverTooShortForPeople(t *testing.T) {
	if _, err := ceremony.NewIssuer(key, "https://sign.example.org", time.Now, 4*time.Minute); err == nil {
		t.Error("a lifetime of four minutes is accepted")
	}
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key, payload []byte) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := j.CompactSerialize()
	return text
}

func edit(t *testing.T, payload []byte, claim string, value any) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	m[claim] = value
	b, _ := json.Marshal(m)
	return b
}

func BenchmarkTicket(b *testing.B) {
	now := start
	issuer := newIssuer(b, key, &now)
	b.ReportAllocs()
	for b.Loop() {
		_, token, err := issuer.Begin(ticket())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := issuer.Open(ceremony.Registration, token); err != nil {
			b.Fatal(err)
		}
	}
}
