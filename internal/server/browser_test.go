package server_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/server"
)

// A browser that comes to an address where nothing is gets a page, a program the envelope.
func TestBrowsersGetPagesAndProgramsJSON(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	client := srv.HTTP()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ask := func(method, path, accept string) (int, string, string) {
		r, err := http.NewRequest(method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		b, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, a.Header.Get("Location"), string(b)
	}
	for path, want := range map[string]struct {
		status int
		to     string
		code   string
	}{
		"/people/":                     {308, "/people", "not_found"},
		"/register/":                   {308, "/register", "not_found"},
		"/register%23code=A&org=or-1":  {308, "/register#code=A&org=or-1", "not_found"},
		"/nothing":                     {404, "", "not_found"},
		"/nothing/":                    {404, "", "not_found"},
		"//people":                     {404, "", "not_found"},
		"/people/../people":            {404, "", "not_found"},
		"/auth/login":                  {404, "", "method_not_allowed"},
		"/.well-known/change-password": {404, "", "not_found"},
		"/favicon.ico":                 {404, "", "not_found"},
	} {
		status, to, body := ask("GET", path, "text/html,application/xhtml+xml,*/*;q=0.8")
		if status != want.status || to != want.to || status == 404 && !strings.Contains(body, "<h1>There is no such page</h1>") {
			t.Errorf("%s: a browser gets %d to %q: %.60s", path, status, to, body)
		}
		for _, accept := range []string{"*/*", "application/json", "application/json, text/plain, */*"} {
			if _, to, body := ask("GET", path, accept); to != "" || !strings.Contains(body, `"code":"`+want.code+`"`) {
				t.Errorf("%s: a program that accepts %s gets %q %.60s", path, accept, to, body)
			}
		}
	}
	for _, c := range []struct{ method, path string }{{"POST", "/nothing"}, {"GET", "/auth/users"}, {"POST", "/auth/login"}, {"GET", "/webhooks"}, {"PUT", "/people"}} {
		if _, _, body := ask(c.method, c.path, "text/html"); !strings.HasPrefix(body, `{"error"`) {
			t.Errorf("%s %s is no longer answered in JSON: %.60s", c.method, c.path, body)
		}
	}
}

// The roles page offers exactly what some route asks for, beside what is kept for other services.
func TestRolesPageOffersWhatRoutesAskFor(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	a, err := srv.HTTP().Get(srv.URL + "/roles")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	page, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	own, _, _ := strings.Cut(string(page), `<details id="other-services"`)
	asked := map[string]bool{}
	for _, r := range server.Table() {
		name, _ := api.Operation(r.Permission)
		asked[name] = true
	}
	for _, m := range regexp.MustCompile(`type="checkbox" value="([^"]+)"`).FindAllStringSubmatch(own, -1) {
		if !asked[m[1]] {
			t.Errorf("the page offers %s, which no route asks for", m[1])
		}
		delete(asked, m[1])
	}
	for name := range asked {
		if strings.HasPrefix(name, "Auth:") && !strings.HasPrefix(name, "Auth:Apps") {
			t.Errorf("a route asks for %s, which the page does not offer", name)
		}
	}
}
