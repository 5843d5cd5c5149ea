package contract

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// witness is a testing.TB that remembers failures instead of failing.
type witness struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (w *witness) Error(args ...any)                 { w.note(fmt.Sprint(args...)) }
func (w *witness) Errorf(format string, args ...any) { w.note(fmt.Sprintf(format, args...)) }

func (w *witness) note(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, s)
}

func (w *witness) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures
}

func serve(t *testing.T, answer http.HandlerFunc) string {
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	return srv.URL
}

func post(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	res, err := client.Post(url, "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestTransportPassesAnswersAndFailsForBadOnes(t *testing.T) {
	answers := []string{goodResult, `{"credential":{}}`}
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answers[0])
		answers = answers[1:]
	})
	w := &witness{TB: t}
	var exchanges []Exchange
	client := &http.Client{Transport: Transport(w, nil, func(e Exchange) { exchanges = append(exchanges, e) })}

	if status, body := post(t, client, target+"/auth/registration"); status != 200 || body != goodResult {
		t.Errorf("the answer did not pass unchanged: %d %s", status, body)
	}
	if f := w.seen(); len(f) != 0 {
		t.Errorf("a good answer failed the test: %q", f)
	}
	if _, body := post(t, client, target+"/auth/registration"); body != `{"credential":{}}` {
		t.Errorf("the answer did not pass unchanged: %s", body)
	}
	if f := w.seen(); len(f) != 1 || !strings.Contains(f[0], "POST /auth/registration answered 200") {
		t.Errorf("a bad answer was reported as %q", f)
	}
	if len(exchanges) != 2 || exchanges[0].Status != 200 || string(exchanges[0].Body) != goodResult {
		t.Errorf("observed %+v", exchanges)
	}
}

func TestProxyPassesAnswersAndFailsForBadOnes(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Probe") != "" {
			t.Error("the hop-by-hop header passed")
		}
		switch {
		case string(body) != "{}" && r.Method == http.MethodPost:
			t.Errorf("the request's body arrived as %q", body)
		case r.Method == http.MethodOptions:
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Path == "/auth/registration/code":
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"message":"success"}`)
		default:
			http.NotFound(w, r) // text, as the standard library has it
		}
	})
	w := &witness{TB: t}
	var seen sync.Map
	at := Proxy(w, target, func(e Exchange) { seen.Store(e.Request.Method+" "+e.Request.URL.Path, e.Status) })
	if !strings.HasPrefix(at, "http://localhost:") {
		t.Errorf("the proxy is at %s, want a port of localhost", at)
	}

	request := func(method, path string) int {
		r, err := http.NewRequest(method, at+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Connection", "X-Probe")
		r.Header.Set("X-Probe", "1")
		r.Header.Set("Origin", "http://localhost:1")
		r.Header.Set("Access-Control-Request-Method", "PUT")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if status := request(http.MethodOptions, "/auth/registration/code"); status != 204 {
		t.Errorf("preflight: %d", status)
	}
	if status := request(http.MethodPut, "/auth/registration/code"); status != 200 {
		t.Errorf("PUT: %d", status)
	}
	if f := w.seen(); len(f) != 0 {
		t.Errorf("good answers failed the test: %q", f)
	}
	if status := request(http.MethodPost, "/auth/nothing"); status != 404 {
		t.Errorf("POST: %d", status)
	}
	if f := w.seen(); len(f) != 1 || !strings.Contains(f[0], "application/json") {
		t.Errorf("an error in plain text was reported as %q", f)
	}
	if status, ok := seen.Load("PUT /auth/registration/code"); !ok || status != 200 {
		t.Errorf("the observer was not told of the PUT: %v", status)
	}
}

// A dropped or broken-off answer is never taken for an answer.
func TestDroppedConnectionsFail(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"dropped": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"broken off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &witness{TB: t}
			at := Proxy(w, serve(t, answer))
			if status, _ := post(t, http.DefaultClient, at+"/auth/registration"); status != http.StatusBadGateway {
				t.Errorf("the client got %d", status)
			}
			if f := w.seen(); len(f) == 0 {
				t.Error("the test did not fail")
			}
		})
	}
}
