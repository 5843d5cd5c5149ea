package world

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Bearer is a header with a token.
func Bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// WithHeader adds a header.
func WithHeader(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// Read decodes an answer that must be a success.
func Read[T any](t testing.TB, a Answer) (v T) {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", a.Method, a.Path, a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("%s %s: %v in %s", a.Method, a.Path, err, a.Body)
	}
	return v
}

// inside are words that only somebody who looks into the server should ever read.
var inside = []string{"pq:", "sqlite", "pgx", "postgres", "sql", "select ", "insert ", "update ", "constraint",
	"cbor", "json:", "jsontext", "asn1", "x509", "crypto/", "jose", "strconv", "reflect", "runtime", "goroutine", "panic",
	"eof", "illegal base64", "invalid character", "unmarshal", "net/http", "http:", "tls:", "github.com", ".go:", "0x", "nil"}

var anID = regexp.MustCompile(`[a-z]{2}-[0-9a-v]{5}-[0-9a-v]{5}-[0-9a-v]{16}`)

// Refused fails t unless a is a refusal as every refusal must be: a 4xx in the envelope
// with one of the codes, if any are given, that tells nothing from inside the server and
// none of the secrets.
func (o *Organisation) Refused(t testing.TB, a Answer, codes []string, secrets ...string) {
	t.Helper()
	if a.Status < 400 || a.Status > 499 {
		t.Errorf("%s %s answered %d, want a 4xx: %s", a.Method, a.Path, a.Status, a.Body)
		return
	}
	if len(codes) > 0 && !slices.Contains(codes, a.Code) {
		t.Errorf("%s %s refused with %d %q (%s), want %q", a.Method, a.Path, a.Status, a.Code, a.Message, codes)
	}
	text := strings.ToLower(anID.ReplaceAllString(a.Body, "")) // random letters spell anything
	for _, word := range inside {
		if strings.Contains(text, word) {
			t.Errorf("%s %s: the refusal speaks of %q: %s", a.Method, a.Path, word, a.Body)
		}
	}
	for _, secret := range append(secrets, o.URL, "localhost") {
		if secret != "" && strings.Contains(text, strings.ToLower(secret)) {
			t.Errorf("%s %s: the refusal tells %q: %s", a.Method, a.Path, secret, a.Body)
		}
	}
}

// RefusedAs fails t unless a is a refusal of that status and one of the codes.
func (o *Organisation) RefusedAs(t testing.TB, what string, a Answer, status int, codes ...string) {
	t.Helper()
	if a.Status != status || !slices.Contains(codes, a.Code) {
		t.Errorf("%s: %s %s answered %d %q (%s), want %d %q", what, a.Method, a.Path, a.Status, a.Code, a.Message, status, codes)
		return
	}
	o.Refused(t, a, codes)
}

// Shape is all of an answer that a stranger could compare: everything but the support
// id, the date and the seconds to wait.
func Shape(t testing.TB, a Answer) string {
	t.Helper()
	header := maps.Clone(a.Header)
	header.Del("Date")
	header.Del("X-Request-Id") // each request has its own
	if s := header.Get("Retry-After"); s != "" {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 900 {
			t.Errorf("Retry-After is %q", s)
		}
		header.Set("Retry-After", strings.Repeat("s", len(s)))
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatal(err)
	}
	if e, ok := body["error"].(map[string]any); ok {
		e["id"] = len(e["id"].(string))
		if d, ok := e["details"].(map[string]any); ok {
			if _, ok := d["retryAfterSeconds"]; ok {
				d["retryAfterSeconds"] = "s"
			}
		}
	}
	return fmt.Sprint(a.Status, " ", len(a.Body), " ", header, " ", body)
}

// Same fails t unless all shapes, which are named, are one.
func Same(t testing.TB, path string, shapes map[string]string) {
	t.Helper()
	want := ""
	for name, s := range shapes {
		if want == "" {
			want = s
		}
		if s != want {
			t.Errorf("%s: %s is answered otherwise:\n%s\n%s", path, name, s, want)
		}
	}
}

// Race makes all calls at once and returns how many were served; the others are refused
// with one of the codes.
func (o *Organisation) Race(t testing.TB, calls []func() Answer, losing ...string) (won int) {
	t.Helper()
	answers := make([]Answer, len(calls))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() { <-start; answers[i] = call() })
	}
	close(start)
	wg.Wait()
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
			if !json.Valid([]byte(a.Body)) {
				t.Errorf("the winner got %s", a.Body)
			}
			continue
		}
		o.Refused(t, a, losing)
	}
	return won
}

// Codes is a list of codes.
func Codes(all ...string) []string { return all }

// RefusedBy is RefusedAs with status and code in one text, "400 user_inactive".
func (o *Organisation) RefusedBy(t testing.TB, what string, a Answer, want string) {
	t.Helper()
	status, code, _ := strings.Cut(want, " ")
	if strconv.Itoa(a.Status) != status {
		t.Errorf("%s: %s %s answered %d %s, want %s", what, a.Method, a.Path, a.Status, a.Body, want)
		return
	}
	o.RefusedAs(t, what, a, a.Status, code)
}
