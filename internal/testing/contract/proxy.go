package contract

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Exchange is one request and its answer, as they passed through a [Transport] or a
// [Proxy]. The request's body is already consumed.
type Exchange struct {
	Request *http.Request
	Status  int
	Header  http.Header
	Body    []byte
}

// Transport returns a RoundTripper that does what base does (nil means
// http.DefaultTransport) and fails t for every answer that does not keep the contract.
// Each observer is called with each exchange, before the caller sees the answer; calls
// may be concurrent. It must not be used after t has ended.
func Transport(t testing.TB, base http.RoundTripper, observers ...func(Exchange)) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{t: t, base: base, observers: observers}
}

type transport struct {
	t         testing.TB
	base      http.RoundTripper
	observers []func(Exchange)
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := tr.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		// Half an answer is no answer: what was promised was not sent.
		tr.t.Errorf("%s %s: the answer broke off: %v", r.Method, r.URL.Path, err)
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))

	if !Preflight(r) || res.StatusCode >= 400 {
		if err := Check(r.Method, r.URL.Path, res.StatusCode, res.Header, body); err != nil {
			tr.t.Error(err)
		}
	}
	for _, observe := range tr.observers {
		observe(Exchange{Request: r, Status: res.StatusCode, Header: res.Header, Body: body})
	}
	return res, nil
}

// Proxy starts a reverse proxy to the server at target (http://…) on a loopback port
// and returns its address, http://localhost:PORT. It fails t as [Transport] does, and
// when the server cannot be reached or drops a connection. It ends with the test.
func Proxy(t testing.TB, target string, observers ...func(Exchange)) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		t.Fatalf("contract.Proxy: %q is not the address of a server", target)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.Proxy = nil
	base.DisableCompression = true
	t.Cleanup(base.CloseIdleConnections)

	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding") // so that bodies can be read on the way
		},
		Transport: Transport(t, base, observers...),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			// A client that went away is not the server's fault.
			if r.Context().Err() == nil {
				t.Errorf("%s %s: no answer: %v", r.Method, r.URL.Path, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	})
	t.Cleanup(front.Close)
	at, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	// By name, not by address: a relying party ID is a domain, never an IP address.
	return "http://localhost:" + at.Port()
}
