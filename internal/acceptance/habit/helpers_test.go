package habit_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"
)

// secureServer is a server that speaks https alone, under a private authority, with one
// organisation.
type secureServer struct {
	*countersigntest.Server
	org  store.Organisation
	http *http.Client
}

func start(t *testing.T, options ...countersigntest.Option) *secureServer {
	t.Helper()
	h := &secureServer{Server: countersigntest.Start(t, append(options, countersigntest.TLS())...)}
	h.org = h.Organisation(t, "Analytical Engines")
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = &tls.Config{RootCAs: h.CA}
	t.Cleanup(base.CloseIdleConnections)
	h.http = &http.Client{Transport: contract.Transport(t, base)}
	return h
}

// elsewhere is the same server with another organisation.
func (h *secureServer) elsewhere(t *testing.T) *secureServer {
	t.Helper()
	return &secureServer{Server: h.Server, http: h.http, org: h.Organisation(t, "Difference Engines")}
}

// answer is what came back, read to its end.
type answer struct {
	call   string
	status int
	body   []byte
}

// send sends a request, with no body at all for nil. Whatever comes back must be
// something that every SDK can parse: JSON, never nothing, and no status that means
// something else to one of them.
func (h *secureServer) send(t *testing.T, method, path string, header http.Header, body []byte) answer {
	t.Helper()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	res, err := h.http.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	a := answer{call: method + " " + path, status: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatalf("%s: %v", a.call, err)
	}
	mediaType, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || !json.Valid(a.body) {
		t.Errorf("%s: %d %q %q (%v), want JSON", a.call, a.status, mediaType, a.body, err)
	}
	switch {
	case a.status == http.StatusAccepted: // TypeScript takes it for a pending approval
		t.Errorf("%s: 202", a.call)
	case a.status > 202 && a.status < 400, a.status >= 500:
		t.Errorf("%s: %d", a.call, a.status)
	}
	return a
}

// into fails t if the call was refused, and decodes the answer into out, which may be nil.
func (a answer) into(t *testing.T, out any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", a.call, a.status, a.body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%s: %v in %s", a.call, err, a.body)
	}
}

// refused fails t unless the call was refused so. What Python reads, message at the top,
// is there too.
func (a answer) refused(t *testing.T, what string, status int, code string) {
	t.Helper()
	var body api.ErrorBody
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("%s: %s: %v in %s", what, a.call, err, a.body)
	}
	if a.status != status || body.Error.Code != code || body.Message == "" || body.Message != body.Error.Message {
		t.Errorf("%s: %s: %d %s, want %d %s", what, a.call, a.status, a.body, status, code)
	}
}

// count returns how many users the organisation has whose name begins so.
func (h *secureServer) count(t *testing.T, prefix string) (n int) {
	t.Helper()
	members, err := h.DB.Members(t.Context(), h.org.ID, "", "", 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if strings.HasPrefix(m.Username, prefix) {
			n++
		}
	}
	return n
}
