package attack_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
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
func open2(t *testing.T) *world.Organisation {
	t.Helper()
	h := world.Open(t, countersigntest.TLS())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.CA}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	h.HTTPClient = &http.Client{Timeout: 30 * time.Second, Transport: http2Only{t, transport}}
	return h
}

// stream sends a body whose length is not announced.
func stream(t *testing.T, h *world.Organisation, path string, body io.ReadCloser) world.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := h.HTTPClient.Do(r)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return world.ReadAnswer(t, http.MethodPost, path, res)
}

// Over HTTP/2 the answers are those of HTTP/1.1.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	h := open2(t)
	g := h.Invitee(t)
	if a := h.Send(t, "GET", "/healthz", nil, nil); a.Status != http.StatusOK {
		t.Errorf("healthz: %d %s", a.Status, a.Body)
	}
	if a := h.Post(t, initPath, g.Request()); a.Status != http.StatusOK {
		t.Errorf("init: %d %s", a.Status, a.Body)
	}
	h.Refused(t, h.Post(t, "/nowhere", "{}"), world.Codes("not_found"))
	h.Refused(t, h.Send(t, "DELETE", initPath, nil, nil), world.Codes("method_not_allowed"))
	h.Refused(t, h.Send(t, "POST", initPath, http.Header{"Content-Type": {"text/plain"}}, "{}"), world.Codes("content_type_unsupported"))
	h.Refused(t, h.Send(t, "GET", "/healthz", http.Header{"X-A": {strings.Repeat("a", 20<<10)}}, nil), world.Codes("headers_too_large"))
	h.Refused(t, h.Send(t, "GET", "/healthz?"+strings.Repeat("a", 20<<10), nil, nil), world.Codes("headers_too_large"))

	// From the page of another site, with a preflight; and where no other site may call.
	site := http.Header{"Origin": {"https://app.example"}}
	preflight := h.Send(t, "OPTIONS", initPath, http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}}, nil)
	if preflight.Status != http.StatusNoContent || preflight.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v", preflight.Status, preflight.Header)
	}
	a := h.Send(t, "POST", initPath, site, "{}")
	h.Refused(t, a, world.Codes("member_missing"))
	if exposed := a.Header.Get("Access-Control-Expose-Headers"); a.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(exposed, "X-Request-Id") {
		t.Errorf("a page of another site can read %q of %v", exposed, a.Header)
	}
	h.Refused(t, h.Send(t, "POST", openPath, site, g.Request()), world.Codes("origin_forbidden"))

	// A mistake of ours ends neither the connection nor anybody else's stream.
	now := h.Registration.Now
	h.Registration.Now = func() time.Time { panic("the cat is on the keyboard") }
	a = h.Post(t, initPath, g.Request())
	h.Registration.Now = now
	if a.Status != http.StatusInternalServerError || a.Code != "internal" || strings.Contains(a.Body, "cat") {
		t.Errorf("a panic: %d %s", a.Status, a.Body)
	}
	g.Registers(t)
}

// A body beyond the limit, one that is too slow, and one for nobody are refused, and the
// client reads the refusal although it is still sending.
func TestHTTP2Bodies(t *testing.T) {
	t.Parallel()
	h := open2(t)
	ten := strings.Repeat("a", 10<<20)
	for range 3 { // the connection goes on
		h.Refused(t, h.Post(t, initPath, ten), world.Codes("body_too_large"))
		h.Refused(t, stream(t, h, initPath, io.NopCloser(strings.NewReader(ten))), world.Codes("body_too_large"))
		h.Refused(t, h.Post(t, "/nowhere", ten), world.Codes("not_found"))
		h.Refused(t, stream(t, h, "/nowhere", io.NopCloser(strings.NewReader(ten))), world.Codes("not_found"))
		h.Refused(t, stream(t, h, initPath, io.NopCloser(strings.NewReader("{}"))), world.Codes("member_missing"))
	}
	slow, end := io.Pipe()
	defer end.Close()
	a := stream(t, h, initPath, slow)
	h.Refused(t, a, world.Codes("body_too_slow"))
	if a.Status != http.StatusRequestTimeout {
		t.Errorf("a slow body: status %d, want 408", a.Status)
	}
}
