package guard_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// counting is a server somewhere else that must never be called.
type counting struct {
	*httptest.Server
	hits atomic.Int32
}

func elsewhere(t *testing.T) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { c.hits.Add(1) }))
	t.Cleanup(c.Close)
	return c
}

func decode(t *testing.T, x any) ed25519.PublicKey {
	t.Helper()
	s, _ := x.(string)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBehindProxy(t *testing.T) {
	f := start(t)
	s := protect(t, f, func(c *guard.Config) { c.MaxBody = 1000; c.OrgIDs = []string{org} })
	s.Config.Handler = s.guard.RequireBehindProxy(http.HandlerFunc(s.serve))
	vouched := func(change ...func(http.Header)) *http.Request {
		r := s.transfer(t, "")
		r.Header = http.Header{
			guard.HeaderActionID: {"ua-1"}, guard.HeaderOrgID: {org}, guard.HeaderUserID: {"us-1"},
			guard.HeaderUsername: {"Ad%C3%A9%20L%25"}, guard.HeaderCredentialUUID: {"cr-1"}, guard.HeaderTokenID: {"none"},
			guard.HeaderPayload: {useraction.PayloadDigest([]byte(payload))}, guard.HeaderCanonicalPayload: {useraction.CanonicalDigest([]byte(payload))},
		}
		for _, ch := range change {
			ch(r.Header)
		}
		return r
	}
	s.wantPassed(t, vouched())
	if a := s.action; a.ActionID != "ua-1" || a.OrgID != org || a.UserID != "us-1" || a.Username != "Adé L%" || a.CredentialUUID != "cr-1" || a.TokenID != "" || a.Receipt != nil {
		t.Errorf("From says %+v", a)
	}
	if s.body != payload || s.request.Header.Get(guard.HeaderUserID) != "" {
		t.Errorf("the handler read %q and %v", s.body, s.request.Header)
	}
	reordered := vouched()
	setBody(reordered, `{"amount":10,"to":"grace"}`)
	s.wantPassed(t, reordered)

	for _, body := range []string{"", "{}", `{"to":"mallory","amount":10}`, payload + payload} {
		r := vouched()
		setBody(r, body)
		s.wantRefused(t, r, 403, "user_action_invalid")
	}
	r := vouched(func(h http.Header) { h.Set(guard.HeaderCanonicalPayload, "none") })
	setBody(r, `{"amount":10,"to":"grace"}`)
	s.wantRefused(t, r, 403, "user_action_invalid")
	s.wantPassed(t, vouched(func(h http.Header) { h.Set(guard.HeaderCanonicalPayload, "none") }))
	s.wantPassed(t, vouched(func(h http.Header) { h.Set(guard.HeaderTokenID, "to-1") }))
	if s.action.TokenID != "to-1" {
		t.Errorf("the token is %q", s.action.TokenID)
	}

	for _, name := range []string{guard.HeaderActionID, guard.HeaderOrgID, guard.HeaderUserID, guard.HeaderUsername, guard.HeaderCredentialUUID,
		guard.HeaderTokenID, guard.HeaderPayload, guard.HeaderCanonicalPayload} {
		for what, change := range map[string]func(http.Header){
			"missing":                 func(h http.Header) { h.Del(name) },
			"empty":                   func(h http.Header) { h.Set(name, "") },
			"twice":                   func(h http.Header) { h.Add(name, "forged") },
			"twice, the same":         func(h http.Header) { h.Add(name, h.Get(name)) },
			"twice, the second none":  func(h http.Header) { h.Add(name, "none") },
			"twice, the second empty": func(h http.Header) { h.Add(name, "") },
			"twice, in one":           func(h http.Header) { h.Set(name, h.Get(name)+", none") },
			"a twin in its place":     func(h http.Header) { h[strings.ReplaceAll(name, "-", "_")] = h[name]; h.Del(name) },
		} {
			before := len(s.refused)
			s.wantRefused(t, vouched(change), 403, "user_action_invalid")
			if len(s.refused) == before || !strings.Contains(s.refused[len(s.refused)-1].Rule, name) {
				t.Errorf("%s %s: the operator is not told which header it was", name, what)
			}
		}
	}
	s.wantRefused(t, vouched(func(h http.Header) { h.Set(guard.HeaderUsername, "%") }), 403, "user_action_invalid")
	s.wantRefused(t, vouched(func(h http.Header) { h.Set(guard.HeaderOrgID, "or-b") }), 403, "user_action_invalid")
	r = vouched()
	r.URL.Opaque = "//" + r.URL.Host + "/open/../transfers"
	s.wantRefused(t, r, 403, "user_action_invalid")
	r = vouched()
	setBody(r, strings.Repeat(" ", 1001))
	s.wantRefused(t, r, 413, "body_too_large")
	if n := f.keysAsked.Load(); n != 0 {
		t.Errorf("the keys were fetched %d times although the proxy calls the server", n)
	}
}
