package guard_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/verify/useraction"
)

const (
	invalid = "user_action_invalid"
	used    = "user_action_used"
)

// Each front must do the same: let a signed transfer through once, and nothing else.
func TestFronts(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	for name, start := range fronts {
		t.Run(name, func(t *testing.T) {
			f := start(t, srv.URL, ada.OrgID)
			s := signer{ada.Person, t, ada.token}
			t.Run("signed", func(t *testing.T) { testSigned(t, s, f) })
			t.Run("at once", func(t *testing.T) { testAtOnce(t, s, f) })
			t.Run("altered", func(t *testing.T) { testAltered(t, s, f) })
			t.Run("signed for something else", func(t *testing.T) { testElse(t, s, f) })
			t.Run("forged headers", func(t *testing.T) { testForged(t, s, f) })
			t.Run("tokens", func(t *testing.T) { testTokens(t, s, f) })
		})
	}
}

func testSigned(t *testing.T, s signer, f front) {
	wantRefused(t, f.request(t, ""), 403, invalid)
	token := s.sign(f)
	done := wantDone(t, f.request(t, token), s.Person)
	wantRefused(t, f.request(t, token), 400, used)
	wantRefused(t, f.request(t, ""), 403, invalid)
	if again := wantDone(t, f.request(t, s.sign(f)), s.Person); again.Action == done.Action {
		t.Error("two signatures are one action")
	}
	r := f.request(t, s.sign(f))
	r.ContentLength = -1 // chunked
	wantDone(t, r, s.Person)
	r = f.request(t, s.sign(f))
	setBody(r, "{ \"amount\": \"10.00\", \"to\": \"grace@example.org\" }\n")
	wantDone(t, r, s.Person)
	r = f.request(t, s.sign(f))
	setBody(r, transfer+strings.Repeat(" ", 60<<10)) // no proxy keeps this much in memory, and consume would not take it
	wantDone(t, r, s.Person)
}

func testAtOnce(t *testing.T, s signer, f front) {
	token := s.sign(f)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 50 {
		r := f.request(t, token)
		wg.Go(func() {
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			got[res.StatusCode]++
		})
	}
	wg.Wait()
	if got[200] != 1 || got[400] != 49 {
		t.Errorf("fifty at once were answered %v, want one 200 and forty-nine 400", got)
	}
}

func testAltered(t *testing.T, s signer, f front) {
	// Where no proxy stands before it, the service's own routing refuses these.
	elsewhere := map[string]bool{"method": true, "path": true, "slash more": true, "dot segments": true}
	bodies := map[string]bool{"another body": true, "member twice": true, "no body": true, "empty object": true, "more behind it": true, "chunked": true}
	for name, alter := range map[string]func(r *http.Request){
		"method":         func(r *http.Request) { r.Method = "PUT" },
		"path":           func(r *http.Request) { r.URL.Path = "/transfers/1" },
		"slash more":     func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + "//transfers" },
		"dot segments":   func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + "/x/../transfers" },
		"query":          func(r *http.Request) { r.URL.RawQuery = "fast=0" },
		"query more":     func(r *http.Request) { r.URL.RawQuery = "fast=1&to=mallory" },
		"no query":       func(r *http.Request) { r.URL.RawQuery = "" },
		"body mode":      func(r *http.Request) { r.URL.RawQuery = "body=upstream" },
		"another body":   func(r *http.Request) { setBody(r, `{"to":"mallory","amount":"10.00"}`) },
		"member twice":   func(r *http.Request) { setBody(r, `{"to":"grace@example.org","amount":"10.00","to":"mallory"}`) },
		"no body":        func(r *http.Request) { setBody(r, "") },
		"empty object":   func(r *http.Request) { setBody(r, "{}") },
		"more behind it": func(r *http.Request) { setBody(r, transfer+transfer) },
		"chunked": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"to":"mallory","amount":"10.00"}`)), -1
		},
	} {
		t.Run(name, func(t *testing.T) {
			token := s.sign(f)
			r := f.request(t, token)
			alter(r)
			if elsewhere[name] && !f.burns {
				if status, _, done := send(t, r); status == 200 || done.Action != "" {
					t.Errorf("answered %d %+v, want it refused", status, done)
				}
			} else {
				wantRefused(t, r, 403, invalid)
			}
			if f.burns && bodies[name] {
				wantRefused(t, f.request(t, token), 400, used)
			} else {
				wantDone(t, f.request(t, token), s.Person) // the signer has lost nothing
			}
		})
	}
}

// What was signed for another request does not pass for the transfer.
func testElse(t *testing.T, s signer, f front) {
	const path = "/transfers?fast=1"
	for name, token := range map[string]string{
		"another method":  s.Sign(t, s.token, "PUT", f.prefix+path, transfer),
		"another path":    s.Sign(t, s.token, "POST", f.prefix+"/transfers/1?fast=1", transfer),
		"another query":   s.Sign(t, s.token, "POST", f.prefix+"/transfers?fast=0", transfer),
		"no query":        s.Sign(t, s.token, "POST", f.prefix+"/transfers", transfer),
		"another body":    s.Sign(t, s.token, "POST", f.prefix+path, `{"to":"grace@example.org","amount":"1.00"}`),
		"nothing":         s.Sign(t, s.token, "POST", f.prefix+path, ""),
		"another service": s.Sign(t, s.token, "POST", "https://other.example.org"+path, transfer),
		"user creation":   s.Sign(t, s.token, "POST", "/auth/users", transfer),
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, f.request(t, token), 403, invalid) })
	}
}

// A client's own headers must not pass for the proxy's.
func testForged(t *testing.T, s signer, f front) {
	digests := func(h http.Header, body string) {
		h.Set("Countersign-Payload-Sha256", useraction.PayloadDigest([]byte(body)))
		h.Set("Countersign-Payload-Canonical-Sha256", useraction.CanonicalDigest([]byte(body)))
	}
	everything := func(h http.Header) {
		h.Set("Countersign-Action-Id", "ua-forged")
		h.Set("Countersign-Org-Id", s.OrgID)
		h.Set("Countersign-User-Id", "us-forged")
		h.Set("Countersign-Username", "mallory")
		h.Set("Countersign-Credential-Uuid", "cr-forged")
		digests(h, transfer)
	}
	const mallory = `{"to":"mallory","amount":"10.00"}`
	original := func(h http.Header, method, uri string) {
		h.Set("X-Original-Method", method)
		h.Set("X-Original-URI", uri)
		h.Set("X-Original-Content-Length", "0")
		h.Set("X-Original-Transfer-Encoding", "")
	}
	forwarded := func(h http.Header, method, uri string) {
		h.Set("X-Forwarded-Method", method)
		h.Set("X-Forwarded-Uri", uri)
	}
	refused := map[string]func(r *http.Request){
		"everything but a token":    func(r *http.Request) { r.Header.Del(api.HeaderUserAction); everything(r.Header) },
		"everything, a bad token":   func(r *http.Request) { r.Header.Set(api.HeaderUserAction, "x"); everything(r.Header) },
		"digests of the other body": func(r *http.Request) { setBody(r, mallory); digests(r.Header, mallory) },
		"digests removed": func(r *http.Request) {
			setBody(r, mallory)
			r.Header.Set("Connection", "Countersign-Payload-Sha256, Countersign-Payload-Canonical-Sha256")
			digests(r.Header, mallory)
		},
		"method override": func(r *http.Request) { r.Method = "PUT"; r.Header.Set("X-HTTP-Method-Override", "POST") },
		"original":        func(r *http.Request) { r.URL.Path = "/transfers/1"; original(r.Header, "POST", "/transfers?fast=1") },
		"forwarded":       func(r *http.Request) { r.URL.Path = "/transfers/1"; forwarded(r.Header, "POST", "/transfers?fast=1") },
		"both": func(r *http.Request) {
			r.URL.Path = "/transfers/1"
			original(r.Header, "POST", "/transfers?fast=1")
			forwarded(r.Header, "POST", "/transfers?fast=1")
		},
		"no body, it says": func(r *http.Request) { setBody(r, mallory); original(r.Header, "POST", "/transfers?fast=1") },
	}
	for name, forge := range refused {
		t.Run(name, func(t *testing.T) {
			r := f.request(t, s.sign(f))
			forge(r)
			status, code, done := send(t, r)
			if (status < 400 || status > 405) || done.Action != "" {
				t.Errorf("answered %d %s %+v, want it refused", status, code, done)
			}
		})
	}
	harmless := map[string]func(h http.Header){
		"everything":            everything,
		"another original":      func(h http.Header) { original(h, "DELETE", "/everything") },
		"another forwarded":     func(h http.Header) { forwarded(h, "DELETE", "/everything") },
		"half of an original":   func(h http.Header) { h.Set("X-Original-Method", "DELETE") },
		"half of a forwarded":   func(h http.Header) { h.Set("X-Forwarded-Uri", "/everything") },
		"a body mode of my own": func(h http.Header) { h.Set("X-Original-Content-Length", "0") },
	}
	for name, forge := range harmless {
		t.Run(name+", beside a signature", func(t *testing.T) {
			r := f.request(t, s.sign(f))
			forge(r.Header)
			wantDone(t, r, s.Person)
		})
	}
}

func testTokens(t *testing.T, s signer, f front) {
	good := s.sign(f)
	for name, token := range map[string]string{
		"the session's":  s.token,
		"no JWT":         "x",
		"signature cut":  good[:len(good)-5],
		"twice, in one":  good + "," + good,
		"with a scheme":  "Bearer " + good,
		"with a twin":    good,
		"larger than it": good + strings.Repeat("A", 9<<10),
	} {
		t.Run(name, func(t *testing.T) {
			r := f.request(t, token)
			if name == "with a twin" {
				r.Header.Add(api.HeaderUserAction, s.sign(f))
			}
			status, code, done := send(t, r)
			if status != 403 && status != 400 || done.Action != "" {
				t.Errorf("answered %d %s %+v, want it refused", status, code, done)
			}
		})
	}
	wantDone(t, f.request(t, good), s.Person) // it was good all the while
}

// Without Countersign nothing passes, and the client is told that it is not at fault.
func TestFrontsWithoutCountersign(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	nobody := "http://localhost:" + countersigntest.FreePort(t)
	for name, start := range fronts {
		t.Run(name, func(t *testing.T) {
			f := start(t, nobody, ada.OrgID)
			status, code, done := send(t, f.request(t, ada.sign(f)))
			if status < 500 || done.Action != "" {
				t.Errorf("answered %d %s %+v, want a 5xx", status, code, done)
			}
		})
	}
}

// A user who was deactivated after signing has signed nothing.
func TestFrontsAfterLogout(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for name, start := range fronts {
		t.Run(name, func(t *testing.T) {
			ada := logIn(t, srv)
			f := start(t, srv.URL, ada.OrgID)
			token := ada.sign(f)
			if _, err := ada.Client.Logout(t.Context(), ada.token, false); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, f.request(t, token), 403, invalid)
		})
	}
}
