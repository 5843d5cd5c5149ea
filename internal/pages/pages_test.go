package pages_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/pages"
)

func handler() *pages.Pages {
	return pages.Handler(pages.Config{
		Version: "1.2.3",
		Refuse: func(w http.ResponseWriter, _ *http.Request, e *api.Error) {
			w.WriteHeader(map[api.Kind]int{api.NotFound: 404, api.MethodNotAllowed: 405, api.Internal: 500}[e.Kind])
			_, _ = w.Write([]byte(e.Code))
		},
	})
}

// all are the pages, and scripted those that need their script.
var (
	scripted = []string{"/register", "/login", "/recover", "/add", "/account", "/people", "/roles", "/machines", "/audit", "/docs"}
	all      = append([]string{"/"}, scripted...)
)

func get(t *testing.T, h http.Handler, method, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryPageIsProtected(t *testing.T) {
	h := handler()
	for _, path := range all {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := get(t, h, method, path)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: %d", method, path, r.StatusCode)
			}
			want := map[string]string{
				"Content-Type":               "text/html; charset=utf-8",
				"Cache-Control":              "no-store",
				"Referrer-Policy":            "no-referrer",
				"X-Content-Type-Options":     "nosniff",
				"Cross-Origin-Opener-Policy": "same-origin",
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
					"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
			}
			for name, value := range want {
				if got := r.Header.Get(name); got != value {
					t.Errorf("%s %s: %s is %q, want %q", method, path, name, got, value)
				}
			}
			if p := r.Header.Get("Permissions-Policy"); !strings.Contains(p, "publickey-credentials-create=(self)") {
				t.Errorf("%s %s: Permissions-Policy %q", method, path, p)
			}
		}
	}
}

// A page must work under its own policy: nothing inline, nothing from elsewhere.
func TestPagesHoldNothingInlineAndNothingForeign(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:|<base|<iframe|https?://`)
	h := handler()
	for _, path := range all {
		_, page, _ := strings.Cut(body(t, get(t, h, http.MethodGet, path)), "\r\n\r\n")
		if m := inline.FindString(page); m != "" {
			t.Errorf("%s holds %q", path, m)
		}
		if !strings.Contains(page, `<html lang="en">`) || strings.Count(page, "<h1") != 1 || strings.Count(page, "<main") != 1 {
			t.Errorf("%s lacks a language, one h1 or one main", path)
		}
	}
	for _, path := range scripted {
		if page := body(t, get(t, h, http.MethodGet, path)); !strings.Contains(page, "<noscript>") {
			t.Errorf("%s says nothing without JavaScript", path)
		}
	}
}

// Everything that a page or an asset refers to exists, has the right type, and may be cached
// forever because its name changes with its content.
func TestEveryReferenceLeadsToAnAsset(t *testing.T) {
	h := handler()
	reference := regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]{16}\.([a-z]+)`)
	types := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		r := get(t, h, http.MethodGet, path)
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, r.StatusCode)
			return
		}
		text := body(t, r)
		if strings.Contains(text, `"./`) {
			t.Errorf("%s refers to a file by a name that changes", path)
		}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			if seen[m[0]] {
				continue
			}
			seen[m[0]] = true
			head := get(t, h, http.MethodHead, m[0]).Header
			if got := head.Get("Content-Type"); got != types[m[1]] {
				t.Errorf("%s has type %q", m[0], got)
			}
			if got := head.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("%s: Cache-Control %q", m[0], got)
			}
			follow(m[0])
		}
	}
	for _, path := range all {
		follow(path)
	}
	if len(seen) < 45 {
		t.Errorf("only %d assets are referred to", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	h := handler()
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/nothing", 404, "not_found"},
		{"GET", "/register/", 404, "not_found"},
		{"GET", "/assets/", 404, "not_found"},
		{"GET", "/assets/register.js", 404, "not_found"},
		{"GET", "/assets/../pages.go", 404, "not_found"},
		{"GET", "/login/", 404, "not_found"},
		{"GET", "/account/passkeys", 404, "not_found"},
		{"GET", "/people/", 404, "not_found"},
		{"GET", "/audit.html", 404, "not_found"},
		{"POST", "/register", 405, "method_not_allowed"},
		{"POST", "/login", 405, "method_not_allowed"},
		{"DELETE", "/account", 405, "method_not_allowed"},
		{"POST", "/people", 405, "method_not_allowed"},
		{"PUT", "/nothing", 405, "method_not_allowed"},
	} {
		r := get(t, h, c.method, c.path)
		if r.StatusCode != c.status || !strings.HasSuffix(body(t, r), c.code) {
			t.Errorf("%s %s: %d, want %d %s", c.method, c.path, r.StatusCode, c.status, c.code)
		}
	}
	bare := pages.Handler(pages.Config{})
	for path, status := range map[string]int{"/docs": 200, "/nothing": 404, "/": 200} { // by a program
		if r := get(t, bare, "GET", path); r.StatusCode != status {
			t.Errorf("without a configuration %s: %d, want %d", path, r.StatusCode, status)
		}
	}
}

// Without mail, nobody must be asked to wait for one: the page's script reads this mark.
func TestPagesKnowWhetherMailIsSent(t *testing.T) {
	const mark = `data-mail="none"`
	if page := body(t, get(t, pages.Handler(pages.Config{NoMail: true}), http.MethodGet, "/register")); !strings.Contains(page, mark) {
		t.Error("without mail the page is not marked")
	}
	if page := body(t, get(t, handler(), http.MethodGet, "/register")); strings.Contains(page, mark) {
		t.Error("with mail the page is marked as without")
	}
}

// Without recovery, or without the mail that it begins with, nobody is offered a key for it or sent to
// the page for it.
func TestPagesOfferRecoveryWhereThereIsOne(t *testing.T) {
	for _, path := range []string{"/register", "/login", "/recover", "/account"} {
		for _, c := range []pages.Config{{Recovery: true}, {}, {Recovery: true, NoMail: true}} {
			is := c.Recovery && !c.NoMail
			page := body(t, get(t, pages.Handler(c), http.MethodGet, path))
			if strings.Contains(page, `data-recovery="offered"`) != is {
				t.Errorf("%s with recovery %v is marked wrongly", path, is)
			}
			if path == "/account" && strings.Contains(page, "only a recovery key") != is {
				t.Errorf("%s with recovery %v speaks of recovery keys wrongly", path, is)
			}
			if path == "/login" && (strings.Contains(page, `href="/recover"`) != is || strings.Contains(page, "Ask an administrator") == is) {
				t.Errorf("%s with recovery %v says wrongly what to do about a lost passkey", path, is)
			}
		}
	}
}

// A page for logged-in people shows the other pages and which one it is; an open page does not.
func TestPagesShowTheWaysThatThereAre(t *testing.T) {
	h := handler()
	for _, path := range all {
		page := body(t, get(t, h, http.MethodGet, path))
		at := strings.Count(page, `aria-current="page"`)
		switch path {
		case "/account", "/people", "/roles", "/machines", "/audit":
			if !strings.Contains(page, `href="`+path+`" aria-current="page"`) || at != 1 {
				t.Errorf("%s does not say that one is there", path)
			}
			// Links are hidden until the script knows what the person may do.
			if n := strings.Count(page, " hidden>People<") + strings.Count(page, " hidden>Audit log<"); n != 2 {
				t.Errorf("%s shows ways to all", path)
			}
		default:
			if at != 0 || strings.Contains(page, "data-needs") {
				t.Errorf("%s shows ways for who is signed in", path)
			}
		}
	}
}

// A role can have every operation, and those of this server have words.
func TestRolesPageOffersEveryOperation(t *testing.T) {
	page := body(t, get(t, handler(), http.MethodGet, "/roles"))
	own, elsewhere, _ := strings.Cut(page, `<details id="other-services"`)
	for _, name := range api.Operations {
		if strings.HasPrefix(name, "Webhooks:") {
			if strings.Contains(page, `value="`+name+`"`) {
				t.Errorf("%s is offered, which nothing asks for", name)
			}
			continue
		}
		box := `<label class="check"><input type="checkbox" value="` + name + `"> <span>`
		if strings.Count(page, box) != 1 {
			t.Errorf("%s is offered %d times", name, strings.Count(page, box))
		}
		group, _, _ := strings.Cut(name, ":")
		ours := group == "Auth" || group == "Permissions" || strings.HasPrefix(name, "Orgs:Settings:")
		if ours != strings.Contains(own, box) || ours == strings.Contains(elsewhere, box) {
			t.Errorf("%s is in the wrong place", name)
		}
		if ours && strings.Contains(own, box+"<code>") {
			t.Errorf("%s has no words", name)
		}
	}
}

// Each sort of passkey provider has a picture, and each provider is there once under its AAGUID.
func TestProvidersHavePictures(t *testing.T) {
	script, err := os.ReadFile("asset/providers.js")
	if err != nil {
		t.Fatal(err)
	}
	style, err := os.ReadFile("asset/page.css")
	if err != nil {
		t.Fatal(err)
	}
	pictures := regexp.MustCompile(`(?m)^  ([a-z]+): \{$|return "([a-z]+)"|\? "([a-z]+)" : "([a-z]+)"`).FindAllStringSubmatch(string(script), -1)
	if len(pictures) < 7 {
		t.Fatalf("only %d pictures are named: %q", len(pictures), pictures)
	}
	for _, m := range pictures {
		for _, name := range m[1:] {
			if name != "" && !strings.Contains(string(style), `.glyph.`+name+` { mask: url("./`+name+`.svg")`) {
				t.Errorf("there is no picture %q", name)
			}
		}
	}
	seen := map[string]bool{}
	all := regexp.MustCompile(`(?m)^    "([^"]+)": "`).FindAllStringSubmatch(string(script), -1)
	for _, m := range all {
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString(m[1]) || seen[m[1]] {
			t.Errorf("%q is no AAGUID, or is there twice", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) < 16 {
		t.Errorf("only %d providers are known", len(seen))
	}
}

// Scripts set text; nothing that they receive can become part of the page. One module alone stores
// the session, for its tab.
func TestScriptsRunNothingThatTheyAreGiven(t *testing.T) {
	h := handler()
	script := regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]{16}\.js`)
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		text := body(t, get(t, h, http.MethodGet, path))
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc", "localStorage", "sessionStorage", "document.cookie"} {
			if strings.Contains(text, sink) && !(strings.HasSuffix(sink, "Storage") && strings.HasPrefix(path, "/assets/session.")) {
				t.Errorf("%s uses %s", path, sink)
			}
		}
		for _, next := range script.FindAllString(text, -1) {
			if !seen[next] {
				seen[next] = true
				follow(next)
			}
		}
	}
	for _, path := range scripted {
		follow(path)
	}
	if len(seen) < 40 {
		t.Errorf("only %d scripts were read", len(seen))
	}
}
