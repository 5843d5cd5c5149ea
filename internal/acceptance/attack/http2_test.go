package attack_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
)

// http2Only fails the test when an answer did not come over HTTP/2.
type http2Only struct {
	t    *testing.T
	next http.RoundTripper
}

func (h http2Only) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := h.next.RoundTrip(r)
	if err == nil && res.ProtoMajor != 2 {
		h.t.Errorf("%s %s was answered over %s", r.Method, r.URL.Path, res.Proto)
	}
	return res, err
}

// open2 opens a server over TLS that is spoken to in HTTP/2 alone.
func open2(t *testing.T) *house {
	t.Helper()
	h := open(t, countersigntest.TLS())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.CA}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	h.http = &http.Client{Timeout: 30 * time.Second, Transport: http2Only{t, transport}}
	return h
}

// stream sends a body whose length is not announced.
func (h *house) stream(t *testing.T, path string, body io.ReadCloser) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := h.http.Do(r)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return judge(t, http.MethodPost, path, res)
}

// Over HTTP/2 the answers are those of HTTP/1.1.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	h := open2(t)
	g := h.guest(t)
	if a := h.send(t, "GET", "/healthz", nil, nil); a.status != http.StatusOK {
		t.Errorf("healthz: %d %s", a.status, a.body)
	}
	if a := h.post(t, initPath, g.invitation()); a.status != http.StatusOK {
		t.Errorf("init: %d %s", a.status, a.body)
	}
	h.refused(t, h.post(t, "/nowhere", "{}"), codes("not_found"))
	h.refused(t, h.send(t, "DELETE", initPath, nil, nil), codes("method_not_allowed"))
	h.refused(t, h.send(t, "POST", initPath, http.Header{"Content-Type": {"text/plain"}}, "{}"), codes("content_type_unsupported"))
	h.refused(t, h.send(t, "GET", "/healthz", http.Header{"X-A": {strings.Repeat("a", 20<<10)}}, nil), codes("headers_too_large"))
	h.refused(t, h.send(t, "GET", "/healthz?"+strings.Repeat("a", 20<<10), nil, nil), codes("headers_too_large"))

	// From the page of another site, with a preflight; and where no other site may call.
	site := http.Header{"Origin": {"https://app.example"}}
	preflight := h.send(t, "OPTIONS", initPath, http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}}, nil)
	if preflight.status != http.StatusNoContent || preflight.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v", preflight.status, preflight.header)
	}
	a := h.send(t, "POST", initPath, site, "{}")
	h.refused(t, a, codes("member_missing"))
	if exposed := a.header.Get("Access-Control-Expose-Headers"); a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(exposed, "X-Request-Id") {
		t.Errorf("a page of another site can read %q of %v", exposed, a.header)
	}
	h.refused(t, h.send(t, "POST", openPath, site, g.invitation()), codes("origin_forbidden"))

	// A mistake of ours ends neither the connection nor anybody else's stream.
	now := h.Registration.Now
	h.Registration.Now = func() time.Time { panic("the cat is on the keyboard") }
	a = h.post(t, initPath, g.invitation())
	h.Registration.Now = now
	if a.status != http.StatusInternalServerError || a.code() != "internal" || strings.Contains(string(a.body), "cat") {
		t.Errorf("a panic: %d %s", a.status, a.body)
	}
	g.registers(t)
}

// A body beyond the limit, one that is too slow, and one for nobody are refused, and the
// client reads the refusal although it is still sending.
func TestHTTP2Bodies(t *testing.T) {
	t.Parallel()
	h := open2(t)
	ten := strings.Repeat("a", 10<<20)
	for range 3 { // the connection goes on
		h.refused(t, h.post(t, initPath, ten), codes("body_too_large"))
		h.refused(t, h.stream(t, initPath, io.NopCloser(strings.NewReader(ten))), codes("body_too_large"))
		h.refused(t, h.post(t, "/nowhere", ten), codes("not_found"))
		h.refused(t, h.stream(t, "/nowhere", io.NopCloser(strings.NewReader(ten))), codes("not_found"))
		h.refused(t, h.stream(t, initPath, io.NopCloser(strings.NewReader("{}"))), codes("member_missing"))
	}
	slow, end := io.Pipe()
	defer end.Close()
	a := h.stream(t, initPath, slow)
	h.refused(t, a, codes("body_too_slow"))
	if a.status != http.StatusRequestTimeout {
		t.Errorf("a slow body: status %d, want 408", a.status)
	}
}
