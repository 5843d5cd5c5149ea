package world

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// Base64 is b in base64url without padding.
func Base64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Parts takes a token apart.
func Parts(t testing.TB, token string) (header, claims map[string]any, signature string) {
	t.Helper()
	p := strings.Split(token, ".")
	if len(p) != 3 {
		t.Fatalf("%d parts in the token", len(p))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(p[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims, p[2]
}

// FromBase64 undoes Base64.
func FromBase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	Must(t, err)
	return b
}
