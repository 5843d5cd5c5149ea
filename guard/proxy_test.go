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
			guard.HeaderUsername: {"Ad%C3%A9%20L%25"}, guard.HeaderCredentialUUID: {"cr-1"},
			guard.HeaderPayload: {useraction.PayloadDigest([]byte(payload))}, guard.HeaderCanonicalPayload: {useraction.CanonicalDigest([]byte(payload))},
		}
		for _, ch := range change {
			ch(r.Header)
		}
		return r
	}
	s.wantPassed(t, vouched())
	if a := s.action; a.ActionID != "ua-1" || a.OrgID != org || a.UserID != "us-1" || a.Username != "Adé L%" || a.CredentialUUID != "cr-1" || a.Receipt != nil {
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
	r := vouched(func(h http.Header) { h.Del(guard.HeaderCanonicalPayload) })
	setBody(r, `{"amount":10,"to":"grace"}`)
	s.wantRefused(t, r, 403, "user_action_invalid")
	s.wantPassed(t, vouched(func(h http.Header) { h.Del(guard.HeaderCanonicalPayload) }))

	for _, name := range []string{guard.HeaderActionID, guard.HeaderOrgID, guard.HeaderUserID, guard.HeaderUsername, guard.HeaderCredentialUUID, guard.HeaderPayload} {
		s.wantRefused(t, vouched(func(h http.Header) { h.Del(name) }), 403, "user_action_invalid")
		s.wantRefused(t, vouched(func(h http.Header) { h.Set(name, "") }), 403, "user_action_invalid")
		s.wantRefused(t, vouched(func(h http.Header) { h.Add(name, "forged") }), 403, "user_action_invalid")
	}
	s.wantRefused(t, vouched(func(h http.Header) { h.Add(guard.HeaderCanonicalPayload, useraction.CanonicalDigest([]byte("{}"))) }), 403, "user_action_invalid")
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
