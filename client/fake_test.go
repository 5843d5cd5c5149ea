package client_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

// seen is a request as the fake server received it.
type seen struct {
	Method, URI, Body string
	Header            http.Header
}

// fake answers what a test wants and records the requests.
type fake struct {
	*client.Client
	mu  sync.Mutex
	all []seen
}

// serve starts a fake server. The answer is called with the body already read.
func serve(t testing.TB, answer func(w http.ResponseWriter, r seen)) *fake {
	t.Helper()
	f := &fake{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		s := seen{r.Method, r.RequestURI, string(body), r.Header.Clone()}
		f.mu.Lock()
		f.all = append(f.all, s)
		f.mu.Unlock()
		answer(w, s)
	}))
	t.Cleanup(srv.Close)
	f.Client = &client.Client{BaseURL: srv.URL, HTTP: srv.Client()}
	return f
}

func (f *fake) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seen(nil), f.all...)
}

// labelled is the challenge with that statement, as the server makes it.
func labelled(c api.SigningChallenge, purpose, statement string) api.SigningChallenge {
	claims, _ := json.Marshal(map[string]string{"statement": statement})
	c.Challenge = api.ChallengeOf(purpose, statement)
	c.ChallengeIdentifier = "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".e30"
	return c
}

// say answers every request with one status and body.
func say(status int, body string) func(http.ResponseWriter, seen) {
	return func(w http.ResponseWriter, _ seen) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}
