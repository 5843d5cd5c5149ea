package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func browse(method, target, accept string) (bool, *http.Response) {
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	return handler().Browse(w, r), w.Result()
}

// Who gets a page is told by Accept: browsers do, programs do not.
func TestBrowsersAreToldFromProgramsByAccept(t *testing.T) {
	for accept, want := range map[string]bool{
		browser:                    true,
		"text/html":                true,
		"TEXT/HTML; charset=utf-8": true,
		"application/xhtml+xml":    true,
		"text/html;q=0.9, application/json;q=0.1": true,
		"*/*, text/html":                    true,
		"":                                  false,
		"*/*":                               false,
		"text/*":                            false,
		"application/json":                  false,
		"application/json, text/plain, */*": false,
		"application/json, text/html":       false,
		"application/json, text/html;q=0.5": false,
		"application/problem+json, text/html;q=0.9": false,
		"text/html;q=0":    false,
		"text/html;q=x":    false,
		"text/html;;;":     false,
		"text/plain":       false,
		"garbage, /, ;q=1": false,
	} {
		if got, r := browse(http.MethodGet, "/nothing", accept); got != want || got && r.StatusCode != http.StatusNotFound {
			t.Errorf("Accept %q: a page is %v (%d), want %v", accept, got, r.StatusCode, want)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		if got, _ := browse(method, "/nothing", browser); got {
			t.Errorf("%s is answered with a page", method)
		}
	}
}

func TestNothingThereIsAPage(t *testing.T) {
	for _, path := range []string{"/nothing", "/people/none", "/assets/gone.js", "/auth/none", "/register.html", "/%23", "/%E2%80%AE", "/a%2fb"} {
		got, r := browse(http.MethodGet, path, browser)
		page := body(t, r)
		if !got || r.StatusCode != http.StatusNotFound || !strings.Contains(page, "There is no such page") || !strings.Contains(page, `href="/login"`) {
			t.Errorf("%s: %d %.80s", path, r.StatusCode, page)
		}
		if r.Header.Get("Content-Security-Policy") == "" || r.Header.Get("Cache-Control") != "no-store" || strings.Contains(page, "<script") {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	if got, r := browse(http.MethodHead, "/nothing", browser); !got || r.StatusCode != http.StatusNotFound || r.ContentLength <= 0 {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
}

// An address with a slash too many, or of a link whose # was encoded, leads to the page, and never
// elsewhere.
func TestAddressesThatMeanAPage(t *testing.T) {
	for path, want := range map[string]string{
		"/people/":                           "/people",
		"/people///":                         "/people",
		"/register/":                         "/register",
		"/login/?a=b":                        "/login?a=b",
		"/account/":                          "/account",
		"/docs/":                             "/docs",
		"/register%23code=A&org=or-1":        "/register#code=A&org=or-1",
		"/register/%23code%3DA%26org%3Dor-1": "/register#code%3DA%26org%3Dor-1",
		"/register%23code=A?x=y":             "/register#code=A",
		"/login%23org=or-1&username=a%40b":   "/login#org=or-1&username=a%40b",
		"//people":                           "",
		"//example.org/people/":              "",
		"//example.org%2Fpeople/":            "",
		"/nothing/":                          "",
		"/nothing%23code=A":                  "",
		"//":                                 "",
		"/people/../":                        "",
		"/%2Fexample.org/%23":                "",
	} {
		got, r := browse(http.MethodGet, path, browser)
		to := r.Header.Get("Location")
		if !got || to != want || (want != "") != (r.StatusCode == http.StatusPermanentRedirect) {
			t.Errorf("%s: %d to %q, want %q", path, r.StatusCode, to, want)
		}
		if got, _ := browse(http.MethodGet, path, "application/json"); got {
			t.Errorf("%s: a program is sent to a page", path)
		}
	}
}
