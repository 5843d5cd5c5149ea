package acceptance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
)

// Every answer that is not a success is the error envelope, whatever was asked.
func TestEveryErrorIsJSON(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve()
		huge := `{"orgId":"` + strings.Repeat("x", 70_000) + `"}`
		for _, c := range []struct {
			method, path, body string
			headers            []string
			status             int
			code               string
		}{
			{"GET", "/nothing", "", nil, 404, "not_found"},
			{"POST", "/auth/nothing", "{}", nil, 404, "not_found"},
			{"GET", "/auth/registration/init/", "", nil, 404, "not_found"},
			{"POST", "/auth//registration", "{}", nil, 404, "not_found"},
			{"GET", "/auth/../healthz", "", nil, 404, "not_found"},
			{"GET", "/assets/nothing.js", "", nil, 404, "not_found"},
			{"GET", "/auth/registration/init", "", nil, 405, "method_not_allowed"},
			{"DELETE", "/auth/registration", "", nil, 405, "method_not_allowed"},
			{"PATCH", "/auth/registration/code", "{}", nil, 405, "method_not_allowed"},
			{"POST", "/register", "{}", nil, 405, "method_not_allowed"},
			{"POST", "/healthz", "{}", nil, 405, "method_not_allowed"},
			{"BREW", "/healthz", "", nil, 405, "method_not_allowed"},
			{"POST", "/auth/registration/init", huge, nil, 413, "body_too_large"},
			{"PUT", "/auth/registration/code", huge, nil, 413, "body_too_large"},
			{"POST", "/auth/registration/init", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "content_type_unsupported"},
			{"POST", "/auth/registration", "<a/>", []string{"Content-Type", "text/xml"}, 415, "content_type_unsupported"},
			{"POST", "/auth/registration/init", "{}", []string{"Content-Encoding", "gzip"}, 415, "content_encoding_unsupported"},
			{"GET", "/healthz", "", []string{"X-Long", strings.Repeat("x", 20_000)}, 431, "headers_too_large"},
			{"GET", "/healthz?" + strings.Repeat("x", 20_000), "", nil, 431, "headers_too_large"},
			{"POST", "/auth/registration/init", "{", nil, 400, "invalid_json"},
			{"POST", "/auth/registration/init", "", nil, 400, "member_missing"},
			{"POST", "/auth/registration", "{}", nil, 401, "token_invalid"},
			{"POST", "/auth/registration", "{}", []string{"Authorization", "Basic YTpi"}, 401, "token_invalid"},
		} {
			res, body := n.exchange(c.method, c.path, c.body, c.headers...)
			e := read[api.ErrorBody](h, body).Error
			if res.StatusCode != c.status || e.Code != c.code {
				h.Errorf("%s %.40s: %d %s, want %d %s", c.method, c.path, res.StatusCode, body, c.status, c.code)
			}
			if c.status == 405 && res.Header.Get("Allow") == "" {
				h.Errorf("%s %s: 405 without Allow", c.method, c.path)
			}
			if got := res.Header.Get("Cache-Control"); got != "no-store" {
				h.Errorf("%s %.40s: Cache-Control %q", c.method, c.path, got)
			}
			if res.Header.Get("X-Content-Type-Options") != "nosniff" {
				h.Errorf("%s %.40s: no nosniff", c.method, c.path)
			}
		}
		// Far beyond that net/http answers by itself.
		req, err := http.NewRequestWithContext(h.Context(), "GET", n.URL+"/healthz", nil)
		must(h, err)
		req.Header.Set("X-Long", strings.Repeat("x", 100_000))
		res, err := http.DefaultClient.Do(req)
		must(h, err)
		if res.Body.Close(); res.StatusCode != 431 {
			h.Errorf("a header of 100 kB: %d, want 431", res.StatusCode)
		}
		if t := n.fetch("GET", n.URL+"/healthz", 200); !strings.Contains(t, `"ok"`) {
			h.Errorf("healthz says %s", t)
		}
	})
}

// HEAD is answered as GET is, without a body.
func TestHead(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve()
		for path, status := range map[string]int{"/": 200, "/register": 200, "/docs": 200, "/healthz": 200, "/openapi.json": 200,
			"/nothing": 404, "/auth/registration/init": 405, "/auth/registration/code": 405} {
			if body := n.fetch(http.MethodHead, n.URL+path, status); body != "" {
				h.Errorf("HEAD %s has the body %q", path, body)
			}
		}
	})
}

// Browser SDKs call from the pages of other sites, with headers of their own.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		n := h.serve()
		const page = "https://app.example.org"
		for path, method := range map[string]string{"/auth/registration/init": "POST", "/auth/registration": "POST", "/auth/registration/code": "PUT"} {
			asks := "authorization,content-type,x-dfns-useraction,x-dfns-sdk-version,x-dfns-appid,x-dfns-nonce,x-dfns-appsecret"
			res, body := n.exchange(http.MethodOptions, path, "", "Origin", page,
				"Access-Control-Request-Method", method, "Access-Control-Request-Headers", asks)
			if res.StatusCode != 204 || body != "" || !allows(res.Header, "Access-Control-Allow-Origin", page) ||
				!allows(res.Header, "Access-Control-Allow-Methods", method) {
				h.Errorf("preflight of %s %s: %d %v", method, path, res.StatusCode, res.Header)
			}
			for name := range strings.SplitSeq(asks, ",") {
				if !allows(res.Header, "Access-Control-Allow-Headers", name) {
					h.Errorf("preflight of %s %s does not allow %s", method, path, name)
				}
			}
			if res.Header.Get("Access-Control-Allow-Credentials") != "" {
				h.Errorf("preflight of %s %s allows credentials", method, path)
			}

			// The page can read what comes, refusals too, and when to come back.
			res, _ = n.exchange(method, path, "{}", "Origin", page, "X-Dfns-Nonce", "x", "X-Dfns-Appid", "y")
			if res.StatusCode/100 != 4 || !allows(res.Header, "Access-Control-Allow-Origin", page) ||
				!allows(res.Header, "Access-Control-Expose-Headers", "X-Dfns-Result-Truncated") ||
				!allows(res.Header, "Access-Control-Expose-Headers", "Retry-After") {
				h.Errorf("%s %s: %d %v", method, path, res.StatusCode, res.Header)
			}
		}
		res, _ := n.exchange(http.MethodPost, "/nothing", "{}", "Origin", page)
		if !allows(res.Header, "Access-Control-Allow-Origin", page) {
			h.Errorf("a page cannot read that there is nothing: %v", res.Header)
		}

		// What only the hosted page calls is for its own origin alone.
		inv := h.invite(h.organisation(), "ada")
		for _, origin := range []string{page, "null", "http://localhost:1", strings.Replace(n.origin, "http", "https", 1)} {
			for _, path := range []string{"/countersign/registration/open", "/countersign/registration/recovery"} {
				res, body := n.exchange(http.MethodPost, path,
					`{"orgId":"`+inv.OrgID+`","username":"ada","registrationCode":"`+inv.RegistrationCode+`"}`, "Origin", origin)
				if e := read[api.ErrorBody](h, body).Error; res.StatusCode != 403 || e.Code != "origin_forbidden" ||
					res.Header.Get("Access-Control-Allow-Origin") != "" {
					h.Errorf("%s for a page of %s: %d %s %v", path, origin, res.StatusCode, body, res.Header)
				}
			}
		}
		if s := h.state(inv); s != "invited" {
			h.Errorf("another site's page opened the code: %s", s)
		}
	})
}

// allows reports whether a CORS header lists value, or everything where that may be.
func allows(header http.Header, name, value string) bool {
	for v := range strings.SplitSeq(header.Get(name), ",") {
		v = strings.TrimSpace(v)
		if strings.EqualFold(v, value) || v == "*" && name == "Access-Control-Allow-Origin" {
			return true
		}
	}
	return false
}

// A mistake of ours, a panic in the middle of an operation, is an answer like any other:
// it shows nothing of itself, is logged once with its place, and harms nobody else.
func TestPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(h *installation) {
		srv := countersigntest.Start(h, countersigntest.Database(h.database))
		inv := srv.Invite(h, srv.Organisation(h, "Engines").ID, "ada")
		n := &node{installation: h, origin: srv.URL, http: httpClient(h), client: &client.Client{BaseURL: srv.URL, HTTP: httpClient(h)}}
		now := srv.Registration.Now
		srv.Registration.Now = func() time.Time { panic("the cat is on the keyboard") }
		ada := invitation{OrgID: inv.OrgID, Username: inv.Username, RegistrationCode: inv.RegistrationCode}
		_, err := n.init(ada)
		e := refusal(h, err)
		if e.Status != 500 || e.Code != "internal" || e.Message != "Internal Server Error" || len(e.Details) > 0 {
			h.Errorf("the answer to a panic is %v, %v", e, e.Details)
		}
		srv.Registration.Now = now
		n.register(ada)
		h.look().want(1)

		log := srv.Log.String()
		lines := slices.DeleteFunc(strings.Split(log, "\n"), func(l string) bool {
			return !strings.Contains(l, e.ID) || !strings.Contains(l, "msg=request")
		})
		if len(lines) != 1 || !strings.Contains(lines[0], "status=500") || !strings.Contains(lines[0], "level=ERROR") {
			h.Errorf("the log lines of the request are %q", lines)
		}
		if !strings.Contains(log, "the cat is on the keyboard") || !strings.Contains(log, "serving_test.go") {
			h.Errorf("the log does not say what went wrong and where:\n%s", log)
		}
		if strings.Contains(h.look().dump(tables...), "goroutine") {
			h.Error("a stack is kept in the database")
		}
	})
}
