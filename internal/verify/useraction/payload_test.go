package useraction_test

import (
	"testing"

	"github.com/countersign/countersign/internal/verify/useraction"
)

func TestCoversPayload(t *testing.T) {
	for _, c := range []struct {
		name, signed, sent string
		same               bool
	}{
		{"the same bytes", `{"a":1}`, `{"a":1}`, true},
		{"member order", `{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		{"space", `{"a":[1,2]}`, "{ \"a\" : [1,\n2] }", true},
		{"ASCII escapes", `{"name":"Z\u00fcrich \ud83d\ude00"}`, `{"name":"Zürich 😀"}`, true},
		{"an escaped slash", `{"p":"a\/b"}`, `{"p":"a/b"}`, true},
		{"empty and {}", ``, `{}`, true},
		{"{} and empty", `{}`, ``, true},
		{"empty and space", ``, " \n", true},
		{"bytes that are no JSON", `plain text`, `plain text`, true},

		{"another value", `{"a":1}`, `{"a":2}`, false},
		{"a member more", `{"a":1}`, `{"a":1,"b":2}`, false},
		{"empty and a member", ``, `{"a":1}`, false},
		{"empty and null", ``, `null`, false},
		{"{} and []", `{}`, `[]`, false},
		{"array order", `[1,2]`, `[2,1]`, false},
		{"text and number", `{"a":"1"}`, `{"a":1}`, false},
		{"null and absent", `{"a":null}`, `{}`, false},
		{"member case", `{"a":1}`, `{"A":1}`, false},
		{"integers beyond 2^53", `{"a":9007199254740992}`, `{"a":9007199254740993}`, false},
		{"fractions beyond a double", `{"a":0.1}`, `{"a":0.10000000000000000555}`, false},
		{"another spelling of a number", `{"a":100}`, `{"a":1e2}`, false},
		{"composed and decomposed", `{"a":"\u00e9"}`, `{"a":"e\u0301"}`, false},
		{"a member twice, the last the same", `{"a":1}`, `{"a":2,"a":1}`, false},
		{"a member twice, the first the same", `{"a":1}`, `{"a":1,"a":2}`, false},
		{"something after it", `{"a":1}`, `{"a":1}{}`, false},
		{"a byte order mark", `{"a":1}`, "\ufeff{\"a\":1}", false},
		{"text that is not UTF-8", `{"a":"x"}`, "{\"a\":\"x\xff\"}", false},
		{"cut short", `{"a":1}`, `{"a":1`, false},
	} {
		claims := useraction.Claims{PayloadSHA256: useraction.PayloadDigest([]byte(c.signed)),
			CanonicalSHA256: useraction.CanonicalDigest([]byte(c.signed))}
		if got := claims.CoversPayload([]byte(c.sent)); got != c.same {
			t.Errorf("%s: CoversPayload is %v", c.name, got)
		}
	}
}

func TestAudience(t *testing.T) {
	const issuer = "https://sign.example.org"
	for path, want := range map[string]string{
		"/auth/users":                           issuer,
		"/to?url=https://pay.example.org/x":     issuer,
		"/a://b":                                issuer,
		"https://pay.example.org/transfers?x=1": "https://pay.example.org",
		"https://pay.example.org":               "https://pay.example.org",
		"https://pay.example.org?x=/y":          "https://pay.example.org",
		"http://localhost:8080/a":               "http://localhost:8080",
		"https://pay.example.org.evil.test/":    "https://pay.example.org.evil.test",
		"https://u@pay.example.org/":            "https://u@pay.example.org",
	} {
		got := useraction.Audience(issuer, path)
		if got != want {
			t.Errorf("%s is for %s, want %s", path, got, want)
		}
		c := useraction.Claims{Audience: got}
		if !c.MeantFor(want) || c.MeantFor("https://other.example.org") || c.MeantFor("") || !(useraction.Claims{}).MeantFor(want) {
			t.Errorf("%s: MeantFor", path)
		}
	}
}
