package attack_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/world"
)

// What no route has is answered in the envelope, and never with a redirect: SDKs want
// JSON, and a POST that is redirected loses its body.
func TestPathTricks(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	h.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{
		"//", "//auth/registration/init", "/auth//registration/init", "/auth/registration//init", "/auth/registration/init/",
		"/auth/registration/", "/auth/registration/code/", "/auth/./registration/init", "/auth/../auth/registration/init",
		"/../auth/registration/init", "/..", "/.", "/auth/registration/init/.", "/auth/registration/init/..", "/%2e%2e/auth/registration/init",
		"/auth/%2e/registration/init", "/auth/registration%2finit", "/auth%2Fregistration%2Finit", "/%2fauth/registration/init",
		"/auth/registration/init%00", "/auth/registration/init%20", "/auth/registration/init%0d%0aX-Injected:%20yes", "/auth/registration/init;a=b",
		"/AUTH/registration/init", "/Auth/Registration/Init", "/auth/registration/INIT", "/auth/registration/init.json", "/auth/registration/ini",
		"/auth/registration/init%c0%ae", "/auth/registration/%69nit/x", "/auth", "/auth/", "/auth/registration/enduser/", "/auth/registration/delegated/x",
		"/auth/login/", "/auth/login/init/", "/auth/login/x", "/auth//login", "/auth/users/", "/auth/users//x", "/auth/users/x/y", "/auth/action/", "/auth/action/init/",
		"/auth/logout/", "/Auth/Users", "/auth%2Fusers", "/auth/users%2Fx/y", "/countersign/actions/", "/countersign/actions/x/y", "/countersign/sessions", "/countersign/sessions/",
		"/login/", "/account/", "/.well-known/", "/.well-known/jwks.json/", "/.well-known/openid-configuration", "/countersign", "/countersign/", "/countersign/registration", "/assets", "/assets/",
		"/assets/none.js", "/assets/..%2fregister", "/assets/%2e%2e%2fgo.mod", "/register/", "/register/x", "/docs/", "/openapi.json/", "/openapi.yaml",
		"/healthz/", "/debug/pprof/", "/metrics", "/.git/config", "/.env", "/countersign.db", "/index.html", "/favicon.ico",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			a := h.Send(t, method, path, nil, "{}")
			h.Refused(t, a, nil)
			if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s answered %d, want 404 or 405", method, path, a.Status)
			}
			if a.Header.Get("X-Injected") != "" {
				t.Errorf("%s %s put a header into the answer", method, path)
			}
		}
	}
}

func TestWrongMethods(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	routes := map[string]string{initPath: "POST", completePath: "POST", resendPath: "PUT", openPath: "POST", recoveryPath: "POST",
		loginInitPath: "POST", loginPath: "POST", loginCodePath: "POST", actionInitPath: "POST", actionPath: "POST", "/.well-known/jwks.json": "GET",
		"/login": "GET", "/recover": "GET", "/add": "GET", "/account": "GET", "/countersign/account": "GET", "/countersign/site": "GET", "/countersign/sessions/x": "DELETE",
		"/healthz": "GET", "/openapi.json": "GET", "/": "GET", "/register": "GET", "/docs": "GET"}
	for path, right := range routes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "post", "X", "CONNECT"} {
			if method == right || right == "GET" && method == "HEAD" {
				continue
			}
			if method == "CONNECT" {
				h.Refused(t, say(t, h, "CONNECT "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), world.Codes("method_not_allowed"))
				continue
			}
			a := h.Send(t, method, path, nil, nil)
			if a.Status != http.StatusMethodNotAllowed || !strings.Contains(a.Header.Get("Allow"), right) {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.Status, a.Header.Get("Allow"))
			}
			if method != "HEAD" {
				h.Refused(t, a, world.Codes("method_not_allowed"))
			}
		}
		// Methods do not hide in headers either.
		if right == "POST" {
			h.Refused(t, h.Send(t, "GET", path, http.Header{"X-Http-Method-Override": {"POST"}}, nil), world.Codes("method_not_allowed"))
		}
	}
}

func TestContentTypesAndEncodings(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		body := g.Request()
		for _, values := range [][]string{
			{"text/plain"}, {"text/json"}, {"application/xml"}, {"application/x-www-form-urlencoded"}, {"multipart/form-data; boundary=x"},
			{"application/jsonp"}, {"application/json-patch+json"}, {"application"}, {"application/json, text/plain"}, {";"}, {"application/json;="},
			{"application/json", "text/plain"}, {"text/plain", "application/json"}, {strings.Repeat("a", 5000)},
		} {
			h.Refused(t, h.Send(t, "POST", initPath, http.Header{"Content-Type": values}, body), world.Codes("content_type_unsupported"))
		}
		for _, values := range [][]string{{"application/json; charset=utf-8"}, {"Application/JSON"}, {"application/json;charset=\"UTF-8\""}, {""}, {}} {
			if a := h.Send(t, "POST", initPath, http.Header{"Content-Type": values}, body); a.Status != http.StatusOK {
				t.Errorf("Content-Type %q: %d %s", values, a.Status, a.Body)
			}
		}
		for _, values := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"identity, gzip"}, {"identity", "gzip"}, {"GZIP"}, {"x"}} {
			h.Refused(t, h.Send(t, "POST", initPath, http.Header{"Content-Encoding": values}, body), world.Codes("content_encoding_unsupported"))
		}
		gzipped := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"
		h.Refused(t, h.Send(t, "POST", initPath, nil, gzipped), world.Codes("invalid_json"))
		g.Registers(t)
	})
}

// A secret in a query is not ours to ask for, but it must not end up in a log either.
func TestSecretsInQueries(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	g := h.Invitee(t)
	query := "?org=" + g.OrgID + "&username=" + g.Username + "&code=" + g.RegistrationCode
	for _, path := range []string{initPath, completePath, openPath, "/nowhere"} {
		h.Refused(t, h.Send(t, "POST", path+query, http.Header{"Referer": {h.URL + "/" + query}, "Cookie": {"code=" + g.RegistrationCode}}, "{}"), nil, g.RegistrationCode)
	}
	for _, path := range []string{"/register", "/", "/docs", "/healthz"} {
		if a := h.Send(t, "GET", path+query, nil, nil); a.Status != http.StatusOK || strings.Contains(a.Body, g.RegistrationCode) {
			t.Errorf("GET %s with a query: %d, or the code is on the page", path, a.Status)
		}
	}
	h.KeepsSecret(t, nil, g.RegistrationCode, g.Username)
	g.Registers(t)
}

// Pages are sent whole or not at all; conditions and ranges that net/http would refuse
// in its own words are not looked at.
func TestPartialPages(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	for _, header := range []http.Header{
		{"Range": {"bytes=999999-"}}, {"Range": {"nonsense"}}, {"Range": {"bytes=0-0,1-1,2-2"}}, {"Range": {"bytes=-1"}},
		{"If-Match": {"\"x\""}}, {"If-None-Match": {"*"}}, {"If-Modified-Since": {"Mon, 01 Jan 2035 00:00:00 GMT"}},
		{"If-Unmodified-Since": {"Mon, 01 Jan 2001 00:00:00 GMT"}}, {"If-Range": {"x"}, "Range": {"bytes=0-1"}},
	} {
		for _, path := range []string{"/", "/register", "/docs", "/openapi.json", "/healthz"} {
			if a := h.Send(t, "GET", path, header, nil); a.Status != http.StatusOK || len(a.Body) == 0 {
				t.Errorf("GET %s with %v: %d, %d bytes", path, header, a.Status, len(a.Body))
			}
		}
		h.Refused(t, h.Send(t, "GET", "/assets/none.css", header, nil), world.Codes("not_found"))
	}
}

// The hosted page's endpoints are for that page; where a request says that it comes from
// another one, it is refused whatever else is right.
func TestForeignOrigins(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		for _, origin := range []string{"https://evil.example", "null", "http://localhost", "https://localhost", h.URL + "/", strings.ToUpper(h.URL),
			h.URL + ".evil.example", "http://127.0.0.1", " ", "file://", h.URL + " " + h.URL, h.URL + "@evil.example"} {
			if strings.TrimSpace(origin) == "" {
				origin = "%20"
			}
			for _, path := range []string{openPath, recoveryPath} {
				a := h.Send(t, "POST", path, http.Header{"Origin": {origin}}, g.Request())
				h.Refused(t, a, world.Codes("origin_forbidden"))
				if a.Status != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s from %s: %d with %v", path, origin, a.Status, a.Header)
				}
			}
		}
		state, err := h.DB.RegistrationState(context.Background(), g.UserID, g.CodeID)
		if err != nil || !state.Code.OpenedAt.IsZero() {
			t.Errorf("a foreign page opened the link: %v %v", state.Code.OpenedAt, err)
		}
		// No page reads an answer with credentials of its own: there are none to send.
		a := h.Send(t, "POST", initPath, http.Header{"Origin": {"https://app.example"}}, g.Request())
		if a.Status != http.StatusOK || a.Header.Get("Access-Control-Allow-Credentials") != "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("init from a page: %d %v", a.Status, a.Header)
		}
		g.Registers(t)
	})
}

// Who the client is, and where this server is, is not what headers say.
func TestForgedForwarding(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		g := h.Invitee(t)
		wrong := g.Request()
		wrong.RegistrationCode = "0000-0000-0000-0000-0000"
		forged := http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Forwarded": {"for=203.0.113.7;host=evil.example;proto=https"},
			"X-Real-Ip": {"203.0.113.7"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "X-Original-Url": {"/openapi.json"},
			"X-Rewrite-Url": {"/openapi.json"}, "Cf-Connecting-Ip": {"203.0.113.7"}, "True-Client-Ip": {"203.0.113.7"}}
		a := h.Send(t, "POST", initPath, forged, wrong)
		h.Refused(t, a, world.Codes("registration_refused"))
		f, err := h.DB.Refusal(context.Background(), a.SupportID)
		if err != nil || f.Address != "127.0.0.1" {
			t.Errorf("the refusal is kept with the address %q (%v), want 127.0.0.1", f.Address, err)
		}
		c := dial(t, h)
		body := `{"orgId":"` + g.OrgID + `","username":"` + g.Username + `","registrationCode":"` + g.RegistrationCode + `"}`
		if a := say(t, h, "POST "+initPath+" HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: "+
			strconv.Itoa(len(body))+"\r\nConnection: close\r\n\r\n"+body); a.Status != http.StatusOK || strings.Contains(a.Body, "evil") {
			t.Errorf("with another Host: %d %s", a.Status, a.Body)
		}
		c.Close()
		g.Registers(t)
	})
}

// Behind a trusted proxy the client is the last hop that no trusted proxy is, however
// many more the client made up.
func TestForwardingThroughProxies(t *testing.T) {
	t.Parallel()
	h := world.Open(t, countersigntest.Proxies(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")))
	front := h.NewServer()
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"198.51.100.1:1", []string{"203.0.113.7"}, "198.51.100.1"}, // no proxy: its word counts for nothing
		{"10.0.0.1:1", []string{"203.0.113.7"}, "203.0.113.7"},
		{"10.0.0.1:1", []string{"192.0.2.1, 203.0.113.7"}, "203.0.113.7"}, // what came before is the client's own word
		{"10.0.0.1:1", []string{"192.0.2.1", "203.0.113.7, 10.9.9.9"}, "203.0.113.7"},
		{"10.0.0.1:1", []string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
		{"10.0.0.1:1", []string{"nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"203.0.113.7, nonsense"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"[2001:db8:1::1]:1", []string{"2001:db8:2::1%eth0"}, "2001:db8:2::1"},
		{"10.0.0.1:1", []string{strings.Repeat("203.0.113.7,", 500) + "203.0.113.8"}, "203.0.113.8"},
	} {
		r := httptest.NewRequest("POST", initPath, strings.NewReader("{}"))
		r.RemoteAddr = c.remote
		r.Header["X-Forwarded-For"] = c.forwarded
		w := httptest.NewRecorder()
		front.Handler().ServeHTTP(w, r)
		a := world.ReadAnswer(t, "POST", initPath, w.Result())
		h.Refused(t, a, world.Codes("member_missing"))
		f, err := h.DB.Refusal(context.Background(), a.SupportID)
		if err != nil || f.Address != c.want {
			t.Errorf("%s with %q is taken for %q (%v), want %s", c.remote, c.forwarded, f.Address, err, c.want)
		}
	}
}
