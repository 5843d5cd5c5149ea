package guard_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/useraction"
)

func TestSignedRequestPassesOnce(t *testing.T) {
	f := start(t)
	s := protect(t, f)
	token := f.token(t)
	r := s.transfer(t, token)
	untrusted := []string{"X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "X_HTTP_METHOD_OVERRIDE", "x-http_method.override",
		"X-Original-URL", "X-Rewrite-URL", "X_Rewrite_Url", "X-Original-Method", "X-Original-URI", "X-Forwarded-Method", "X-Forwarded-Uri",
		"Countersign-User-Id", "Countersign_User_Id", "countersign_user-id", "COUNTERSIGN-TOKEN_ID", "Countersign.User.Id", "Countersign-New", "X_DFNS_USERACTION"}
	for _, name := range untrusted {
		r.Header[name] = []string{"DELETE"}
	}
	r.Header.Set("Idempotency-Key", "7")
	s.wantPassed(t, r)

	if s.body != payload || s.request.ContentLength != int64(len(payload)) {
		t.Errorf("the handler read %q of %d bytes, want the body as it was sent", s.body, s.request.ContentLength)
	}
	for name := range s.request.Header {
		if strings.EqualFold(name, api.HeaderUserAction) || slices.ContainsFunc(untrusted, func(u string) bool { return strings.EqualFold(u, name) }) {
			t.Errorf("the handler sees %s", name)
		}
	}
	if s.request.Header.Get("Idempotency-Key") != "7" || s.request.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the handler misses headers of the request: %v", s.request.Header)
	}
	a := s.action
	if a.OrgID != org || a.UserID != "us-1" || a.Username != "ada@example.org" || a.CredentialUUID != "cr-1" ||
		a.CredentialKind != api.KindFido2 || !strings.HasPrefix(a.ActionID, "ua-") || string(a.Receipt) != "{\n  \"receipt\": 1\n}\n" ||
		!a.SignedAt.Equal(time.Date(2026, 11, 22, 10, 20, 30, 456e6, time.UTC)) {
		t.Errorf("From says %+v", a)
	}

	s.wantRefused(t, s.transfer(t, token), 400, "user_action_used")
	if id := s.ids[len(s.ids)-1]; id != supportID {
		t.Errorf("the server's refusal is answered under %s, want the id its operator can look up", id)
	}
}

func TestFromWithoutAGuard(t *testing.T) {
	r, _ := http.NewRequest("GET", "/", nil)
	if a, ok := guard.From(r.Context()); ok || a.UserID != "" {
		t.Errorf("From says %+v of a request that no guard saw", a)
	}
}

// Of fifty equal requests at once one passes: the server decides which.
func TestReplayInParallel(t *testing.T) {
	f := start(t)
	s := protect(t, f)
	token := f.token(t)
	var wg sync.WaitGroup
	counts := make(chan string, 50)
	for range 50 {
		r := s.transfer(t, token)
		wg.Go(func() {
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				counts <- err.Error()
				return
			}
			defer res.Body.Close()
			b, _ := io.ReadAll(res.Body)
			var e api.ErrorBody
			json.Unmarshal(b, &e)
			counts <- fmt.Sprint(res.StatusCode, e.Error.Code)
		})
	}
	wg.Wait()
	close(counts)
	got := map[string]int{}
	for c := range counts {
		got[c]++
	}
	if s.called() != 1 || got["200"] != 1 || got["400user_action_used"] != 49 {
		t.Errorf("the handler was called %d times; answers: %v", s.called(), got)
	}
	if n := f.keysAsked.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times for fifty requests at once, want 1", n)
	}
}

// Every way in which a request may differ from the one that was signed. None may spend the
// token: nobody but the signer can use it up with a request of their own.
func TestAlteredRequests(t *testing.T) {
	f := start(t)
	s := protect(t, f)
	for name, alter := range map[string]func(r *http.Request){
		"another method":        func(r *http.Request) { r.Method = "PUT" },
		"method in small":       func(r *http.Request) { r.Method = "post" },
		"another path":          func(r *http.Request) { r.URL.Path = "/transfers/1" },
		"path in capitals":      func(r *http.Request) { r.URL.Path = "/Transfers" },
		"trailing slash":        func(r *http.Request) { r.URL.Path = "/transfers/" },
		"double slash":          func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + "//transfers" },
		"dot segment":           func(r *http.Request) { r.URL.Path = "/x/../transfers" },
		"encoded dot segment":   func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/./transfers", "/%2e/transfers" },
		"encoded slash":         func(r *http.Request) { r.URL.Path, r.URL.RawPath = "//transfers", "/%2Ftransfers" },
		"parameter in the path": func(r *http.Request) { r.URL.Path = "/transfers;a=b" },
		"NUL in the path":       func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/transfers\x00", "/transfers%00" },
		"without the query":     func(r *http.Request) { r.URL.RawQuery = "" },
		"another query":         func(r *http.Request) { r.URL.RawQuery = "fast=0" },
		"more query":            func(r *http.Request) { r.URL.RawQuery = "fast=1&to=mallory" },
		"query in other order":  func(r *http.Request) { r.URL.RawQuery = "&fast=1" },
		"encoded query":         func(r *http.Request) { r.URL.RawQuery = "f%61st=1" },
		"another body":          func(r *http.Request) { setBody(r, `{"to":"mallory","amount":10}`) },
		"no body":               func(r *http.Request) { setBody(r, "") },
		"empty object":          func(r *http.Request) { setBody(r, "{}") },
		"member twice":          func(r *http.Request) { setBody(r, `{"to":"grace","amount":10,"to":"mallory"}`) },
		"member twice, alike":   func(r *http.Request) { setBody(r, `{"to":"grace","to":"grace","amount":10}`) },
		"one member more":       func(r *http.Request) { setBody(r, `{"to":"grace","amount":10,"x":null}`) },
		"number written other":  func(r *http.Request) { setBody(r, `{"to":"grace","amount":10.0}`) },
		"number as exponent":    func(r *http.Request) { setBody(r, `{"to":"grace","amount":1e1}`) },
		"number as string":      func(r *http.Request) { setBody(r, `{"to":"grace","amount":"10"}`) },
		"trailing value":        func(r *http.Request) { setBody(r, payload+`{"to":"mallory","amount":1}`) },
		"trailing letter":       func(r *http.Request) { setBody(r, payload+"x") },
		"leading BOM":           func(r *http.Request) { setBody(r, "\ufeff"+payload) },
		"as a form":             func(r *http.Request) { setBody(r, "to=grace&amount=10") },
		"body in UTF-16":        func(r *http.Request) { setBody(r, "\x00{\x00}") },
		"with a Host that lies": func(r *http.Request) { r.Host = "x/transfers?fast=1#"; r.URL.Path = "/admin" },
		"path in a header":      func(r *http.Request) { r.URL.Path = "/admin"; r.Header.Set("X-Original-URI", "/transfers?fast=1") },
		"override of method":    func(r *http.Request) { r.Method = "DELETE"; r.Header.Set("X-HTTP-Method-Override", "POST") },
		"HEAD":                  func(r *http.Request) { r.Method = "HEAD" },
	} {
		t.Run(name, func(t *testing.T) {
			token := f.token(t)
			r := s.transfer(t, token)
			alter(r)
			before, spent := s.called(), f.spent()
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if f.spent() != spent {
				t.Error("the server was asked to spend the token")
			}
			if want := 403; res.StatusCode != want && !(name == "with a Host that lies" && res.StatusCode == 400) {
				t.Errorf("answered %d, want %d", res.StatusCode, want)
			}
			if s.called() != before {
				t.Error("the handler was called")
			}
			s.wantPassed(t, s.transfer(t, token)) // and the signer's own still passes
		})
	}
}

func setBody(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.GetBody = nil
}

// What SDKs and proxies may change without changing the meaning of a request.
func TestHarmlessDifferences(t *testing.T) {
	f := start(t)
	s := protect(t, f)
	for name, alter := range map[string]func(r *http.Request){
		"member order":  func(r *http.Request) { setBody(r, `{"amount":10,"to":"grace"}`) },
		"space":         func(r *http.Request) { setBody(r, "{ \"to\": \"grace\",\n \"amount\": 10 }\n") },
		"escapes":       func(r *http.Request) { setBody(r, `{"to":"gr\u0061ce","amount":10}`) },
		"chunked":       func(r *http.Request) { r.ContentLength = -1; r.Body = io.NopCloser(strings.NewReader(payload)) },
		"encoded path":  func(r *http.Request) { r.URL.RawPath = "/tr%61nsfers" },
		"another Host":  func(r *http.Request) { r.Host = "elsewhere.example" },
		"absolute form": func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + "/transfers" },
	} {
		t.Run(name, func(t *testing.T) {
			r := s.transfer(t, f.token(t))
			alter(r)
			s.wantPassed(t, r)
			if s.request.ContentLength != int64(len(s.body)) || s.body == "" {
				t.Errorf("the handler read %q with a length of %d", s.body, s.request.ContentLength)
			}
		})
	}
	t.Run("no body and an empty object", func(t *testing.T) {
		for _, signed := range []string{"", "{}"} {
			for _, sent := range []string{"", "{}", " { } "} {
				r := s.transfer(t, f.token(t, signs(signed)))
				setBody(r, sent)
				if sent == "" {
					r.Body = http.NoBody
				}
				s.wantPassed(t, r)
			}
		}
	})
	t.Run("GET", func(t *testing.T) {
		token := f.token(t, signs(""), func(c *useraction.Claims) { c.Method = "GET"; c.Path = "/a/%C3%A9%20b" })
		r, err := http.NewRequest("GET", s.URL+"/a/%C3%A9%20b", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(api.HeaderUserAction, token)
		s.wantPassed(t, r)
	})
}

func signs(body string) func(*useraction.Claims) {
	return func(c *useraction.Claims) {
		c.PayloadSHA256, c.CanonicalSHA256 = useraction.PayloadDigest([]byte(body)), useraction.CanonicalDigest([]byte(body))
	}
}

// A path that routers may read in two ways does not pass, even if it was signed.
func TestPathsOfTwoMeanings(t *testing.T) {
	f := start(t)
	direct, proxied := protect(t, f), protect(t, f)
	proxied.Config.Handler = proxied.guard.RequireBehindProxy(http.HandlerFunc(proxied.serve))
	told := "Countersign-Action-Id: ua-1\r\nCountersign-Org-Id: " + org + "\r\nCountersign-User-Id: us-1\r\nCountersign-Username: ada\r\nCountersign-Credential-Uuid: cr-1\r\n" +
		"Countersign-Token-Id: none\r\nCountersign-Payload-Sha256: " + useraction.PayloadDigest(nil) + "\r\nCountersign-Payload-Canonical-Sha256: none\r\n"
	for p, want := range map[string]int{"/a/b": 200, "/a/../b": 403, "/a/%2e%2e/b": 403, "/./a": 403, "//a": 403, "/a//b": 403, "/a/%2F/b": 403, "/a%2Fb": 403, "/a%5Cb": 403,
		"/a%00": 403, "/a/..%2fb": 403, "/a/.": 403, "/..": 403, "/a/..;/b": 403, "/a/..;x/b": 403, "/a/.;/b": 403, "/a;x": 403, "/a%3bx": 403, "/a/%252e%252e/b": 403, "/a/%25252e/b": 403,
		"/a/%c0%ae%c0%ae/b": 403, "/a%c0%afb": 403, "/a/%ef%bc%8e%ef%bc%8e/b": 403, "/a/%e2%80%a5/b": 403, "/a%ef%bc%8fb": 403, "/a.": 403, "/a%20": 403, "/a%3fx": 403, "/a%23x": 403} {
		token := f.token(t, signs(""), func(c *useraction.Claims) { c.Path = p })
		for name, s := range map[string]*service{"by itself": direct, "behind a proxy": proxied} {
			before := s.called()
			status, head := raw(t, s, "POST "+p+" HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\nX-DFNS-USERACTION: "+token+"\r\n"+told+"\r\n")
			if status != want || want == 403 && s.called() != before {
				t.Errorf("%s, %s: answered %s, want %d", p, name, head, want)
			}
		}
	}
}

// raw sends bytes that net/http's client would not.
func raw(t *testing.T, s *service, request string) (int, string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Status
}

func TestTokensThatDoNotPass(t *testing.T) {
	f := start(t)
	s := protect(t, f)
	public := f.key.Public().(ed25519.PublicKey)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := f.token(t)
	parts := strings.Split(good, ".")
	withHeader := func(h string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + parts[1] + "."
	}
	hs256 := func(h string, key []byte) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + parts[1]
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
	x := base64.RawURLEncoding.EncodeToString(public)
	change := func(ch func(*useraction.Claims)) string { return f.token(t, ch) }
	for name, token := range map[string]string{
		"no token":              "",
		"no JWT":                "signed by me",
		"alg none":              withHeader(`{"alg":"none","kid":"k1","typ":"countersign-action+jwt"}`),
		"alg None":              withHeader(`{"alg":"None","kid":"k1","typ":"countersign-action+jwt"}`),
		"HS256 under the key":   hs256(`{"alg":"HS256","kid":"k1","typ":"countersign-action+jwt"}`, public),
		"HS256 under its text":  hs256(`{"alg":"HS256","kid":"k1","typ":"countersign-action+jwt"}`, []byte(x)),
		"key in its own header": embedded(t, other, f.claims()),
		"session token":         tokenOf(t, useraction.SessionType, "k1", f.key, f.claims()),
		"no type":               tokenOf(t, "", "k1", f.key, f.claims()),
		"another kind inside":   change(func(c *useraction.Claims) { c.Metadata.TokenKind = "Token" }),
		"another key":           tokenOf(t, useraction.TokenType, "k1", other, f.claims()),
		"a kid of nobody":       tokenOf(t, useraction.TokenType, "k9", f.key, f.claims()),
		"a kid that is a path":  tokenOf(t, useraction.TokenType, "../../k1", f.key, f.claims()),
		"no kid":                tokenOf(t, useraction.TokenType, "", f.key, f.claims()),
		"another issuer":        change(func(c *useraction.Claims) { c.Issuer = "https://sign.example.org" }),
		"issuer and a slash":    change(func(c *useraction.Claims) { c.Issuer += "/" }),
		"no issuer":             change(func(c *useraction.Claims) { c.Issuer = "" }),
		"expired":               change(func(c *useraction.Claims) { c.Expiry = time.Now().Add(-time.Second).Unix() }),
		"without expiry":        change(func(c *useraction.Claims) { c.Expiry = 0 }),
		"from the future":       change(func(c *useraction.Claims) { c.IssuedAt = time.Now().Add(time.Minute).Unix() }),
		"no method":             change(func(c *useraction.Claims) { c.Method = "" }),
		"no path":               change(func(c *useraction.Claims) { c.Path = "" }),
		"path without slash":    change(func(c *useraction.Claims) { c.Path = "transfers?fast=1" }),
		"for another service":   change(func(c *useraction.Claims) { c.Path = "https://pay.example.org/transfers?fast=1" }),
		"empty query signed":    change(func(c *useraction.Claims) { c.Path = "/transfers?" }),
		"query not signed":      change(func(c *useraction.Claims) { c.Path = "/transfers" }),
		"no digests":            change(func(c *useraction.Claims) { c.PayloadSHA256, c.CanonicalSHA256 = "", "" }),
		"signature cut":         good[:len(good)-4],
		"signature gone":        parts[0] + "." + parts[1] + ".",
		"part more":             good + ".x",
		"space inside":          parts[0] + ". " + parts[1] + "." + parts[2],
		"twice in one header":   good + ", " + good,
		"Bearer before":         "Bearer " + good,
		"ten kilobytes":         good + strings.Repeat("A", 10<<10),
	} {
		t.Run(name, func(t *testing.T) {
			s.wantRefused(t, s.transfer(t, token), 403, "user_action_invalid")
		})
	}
	t.Run("two headers", func(t *testing.T) {
		r := s.transfer(t, good)
		r.Header.Add(api.HeaderUserAction, good)
		s.wantRefused(t, r, 403, "user_action_invalid")
	})
	t.Run("an empty header beside", func(t *testing.T) {
		r := s.transfer(t, "")
		r.Header.Add(api.HeaderUserAction, good)
		s.wantRefused(t, r, 403, "user_action_invalid")
	})
	t.Run("in a trailer", func(t *testing.T) {
		status, _ := raw(t, s, "POST /transfers?fast=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Dfns-Useraction\r\nConnection: close\r\n\r\n"+
			fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Dfns-Useraction: %s\r\n\r\n", len(payload), payload, good))
		if status != 403 || s.called() != 0 {
			t.Errorf("answered %d, want 403", status)
		}
	})
	s.wantPassed(t, s.transfer(t, good)) // the token was valid all the time
	for _, e := range s.refused {
		for _, text := range []string{e.Error(), e.Received, e.Expected} {
			if strings.Contains(text, parts[1][:40]) || strings.Contains(text, payload) {
				t.Errorf("a refusal reports the token or the body: %s", text)
			}
		}
		if e.Code == "user_action_invalid" && e.Rule == "" {
			t.Error("a refusal does not say its rule")
		}
	}
}

// embedded signs with its own key and embeds it as the header's jwk (RFC 7515 §4.1.3), which
// must not be trusted.
func embedded(t *testing.T, key ed25519.PrivateKey, c useraction.Claims) string {
	t.Helper()
	header, err := json.Marshal(map[string]any{"alg": "EdDSA", "typ": useraction.TokenType, "kid": "k1", "jwk": jwk("k1", key.Public().(ed25519.PublicKey))})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

func TestOrigin(t *testing.T) {
	f := start(t)
	s := protect(t, f, func(c *guard.Config) { c.Origin = "https://Pay.example.org:443/" })
	s.wantPassed(t, s.transfer(t, f.token(t, func(c *useraction.Claims) { c.Path = "https://pay.example.org" + c.Path })))
	if got := f.consumed[0].Path; got != "https://pay.example.org/transfers?fast=1" {
		t.Errorf("spent for the path %s, want the one that was signed", got)
	}
	for _, before := range []string{"", "http://pay.example.org", "https://pay.example.org:443", "https://pay.example.org.evil.example",
		"https://pay.example.org@evil.example", "https://pay.example.org/", "https://evil.example/https://pay.example.org", "//pay.example.org"} {
		s.wantRefused(t, s.transfer(t, f.token(t, func(c *useraction.Claims) { c.Path = before + c.Path })), 403, "user_action_invalid")
	}
	for i, e := range s.refused {
		if before := i != 5; before && e.Rule != "it was signed for this service" { // the sixth only has a slash too many
			t.Errorf("signed for %s, refused for the rule %q", e.Received, e.Rule)
		}
	}
}

func TestOrganisations(t *testing.T) {
	f := start(t)
	s := protect(t, f, func(c *guard.Config) { c.OrgIDs = []string{"or-a", org} })
	s.wantPassed(t, s.transfer(t, f.token(t)))
	s.wantRefused(t, s.transfer(t, f.token(t, func(c *useraction.Claims) { c.Metadata.OrgID = "or-b" })), 403, "user_action_invalid")
	s.wantRefused(t, s.transfer(t, f.token(t, func(c *useraction.Claims) { c.Metadata.OrgID = "" })), 403, "user_action_invalid")
}

func TestLargeBodies(t *testing.T) {
	f := start(t)
	s := protect(t, f, func(c *guard.Config) { c.MaxBody = 1000 })
	most := `{"a":"` + strings.Repeat("x", 1000-8) + `"}`
	for name, prepare := range map[string]func(r *http.Request){
		"with its length": func(r *http.Request) { setBody(r, most+" ") },
		"chunked":         func(r *http.Request) { setBody(r, most+" "); r.ContentLength = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			token := f.token(t, signs(most))
			r := s.transfer(t, token)
			prepare(r)
			s.wantRefused(t, r, 413, "body_too_large")
			r = s.transfer(t, token)
			setBody(r, most)
			s.wantPassed(t, r)
		})
	}
	t.Run("not read without a token", func(t *testing.T) {
		var read bytes.Buffer
		r := s.transfer(t, "none")
		r.Header.Set("Expect", "100-continue")
		setBody(r, "")
		r.Body, r.ContentLength = io.NopCloser(io.TeeReader(strings.NewReader(most), &read)), int64(len(most))
		s.wantRefused(t, r, 403, "user_action_invalid")
		if read.Len() > 0 {
			t.Errorf("%d bytes of a body without a token were asked for", read.Len())
		}
	})
	t.Run("not read if it says it is too long", func(t *testing.T) {
		var read bytes.Buffer
		r := s.transfer(t, f.token(t))
		r.Header.Set("Expect", "100-continue")
		setBody(r, "")
		r.Body, r.ContentLength = io.NopCloser(io.TeeReader(strings.NewReader(most+" "), &read)), int64(len(most)+1)
		s.wantRefused(t, r, 413, "body_too_large")
		if read.Len() > 0 {
			t.Errorf("%d bytes of too long a body were asked for", read.Len())
		}
	})
	t.Run("cut off", func(t *testing.T) {
		status, _ := raw(t, s, "POST /transfers?fast=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nX-Dfns-Useraction: "+f.token(t)+"\r\n\r\nzz\r\n")
		if status != 400 {
			t.Errorf("a malformed body is answered %d, want 400", status)
		}
	})
	t.Run("packed", func(t *testing.T) {
		r := s.transfer(t, f.token(t))
		r.Header.Set("Content-Encoding", "gzip")
		s.wantRefused(t, r, 415, "content_encoding_unsupported")
	})
}

func TestConfigsThatCannotWork(t *testing.T) {
	for _, c := range []guard.Config{
		{}, {Server: "sign.example.org"}, {Server: "http://sign.example.org"}, {Server: "https://sign.example.org/auth"},
		{Server: "https://u:p@sign.example.org"}, {Server: "https://sign.example.org?a"}, {Server: "https://sign.example.org#a"},
		{Server: "ftp://sign.example.org"}, {Server: "https://"}, {Server: "https://:443"}, {Server: "http://127.0.0.1.example.org"},
		{Server: "https://a.example", Origin: "a.example"}, {Server: "https://a.example", Origin: "https://a.example/x"},
		{Server: "https://a.example", Origin: "http://a.example"},
		{Server: "https://a.example", OrgIDs: []string{""}}, {Server: "https://a.example", MaxBody: -1},
	} {
		if _, err := guard.New(c); err == nil || !strings.HasPrefix(err.Error(), "guard: ") {
			t.Errorf("New(%+v): %v, want an error", c, err)
		}
	}
	for _, server := range []string{"https://sign.example.org/", "https://SIGN.example.org:8443", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080", "http://a.localhost"} {
		if _, err := guard.New(guard.Config{Server: server}); err != nil {
			t.Errorf("New with %s: %v", server, err)
		}
	}
}

// A token for another service is refused by its aud, whatever its path is.
func TestTokensForOtherServices(t *testing.T) {
	t.Parallel()
	f := start(t)
	plain := protect(t, f)
	named := protect(t, f, func(c *guard.Config) { c.Origin = "https://pay.example.org" })
	const path = "/transfers?fast=1"
	for _, c := range []struct {
		at       *service
		path, to string
		accepted bool
	}{
		{plain, path, "", true}, {plain, path, f.URL, true},
		{plain, path, "https://pay.example.org", false}, {plain, path, f.URL + "/", false}, {plain, path, strings.ToUpper(f.URL), false},
		{named, "https://pay.example.org" + path, "", true}, {named, "https://pay.example.org" + path, "https://pay.example.org", true},
		{named, "https://pay.example.org" + path, f.URL, false}, {named, "https://pay.example.org" + path, "https://pay.example.org:443", false},
		{named, "https://pay.example.org" + path, "https://pay.example.org.evil.test", false},
	} {
		spent := f.spent()
		token := f.token(t, func(cl *useraction.Claims) {
			cl.ID, cl.Path, cl.Audience = api.NewID(api.PrefixAction, time.Now()), c.path, c.to
		})
		if !c.accepted {
			c.at.wantRefused(t, c.at.transfer(t, token), http.StatusForbidden, "user_action_invalid")
			if f.spent() != spent {
				t.Errorf("%s for %q was spent", c.path, c.to)
			}
			continue
		}
		if status, e := send(t, c.at.transfer(t, token)); status != http.StatusOK {
			t.Errorf("%s for %q: %d %s", c.path, c.to, status, e.Error.Code)
		}
	}
}
