package guard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// ask is a question that a reverse proxy puts to the forward-auth endpoint.
type ask struct {
	method, path string // of the question itself; GET and /countersign/forward-auth unless given
	body         string
	header       map[string]string
	token        string
	prefix       string // origin that is signed for, "" for none
}

const endpoint = "/countersign/forward-auth"

func (a ask) put(t *testing.T, srv *countersigntest.Server) (int, string, http.Header) {
	t.Helper()
	if a.method == "" {
		a.method = "GET"
	}
	if a.path == "" {
		a.path = endpoint
	}
	r, err := http.NewRequest(a.method, srv.URL, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = strings.TrimPrefix(srv.URL, "http:") + a.path
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	if a.token != "" {
		r.Header.Set(api.HeaderUserAction, a.token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e api.ErrorBody
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatalf("%d is answered with %q", res.StatusCode, b)
	}
	if res.StatusCode == 200 && string(bytes.TrimSpace(b)) != "{}" {
		t.Errorf("200 is answered with %q, want {}", b)
	}
	if res.StatusCode != 200 {
		for name := range res.Header {
			if strings.HasPrefix(name, "Countersign-Payload") || strings.HasSuffix(name, "-User-Id") {
				t.Errorf("a refusal has the header %s", name)
			}
		}
	}
	return res.StatusCode, e.Error.Code, res.Header
}

func told(family, method, uri string) map[string]string {
	return map[string]string{"X-" + family + "-Method": method, "X-" + family + "-Uri": uri}
}

// whole is how Envoy says that it passes the whole body.
func whole() map[string]string { return map[string]string{"X-Envoy-Auth-Partial-Body": "false"} }

func with(h map[string]string, more ...string) map[string]string {
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

// How each proxy asks when all is well.
func TestForwardAuthPasses(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	const path = "/transfers?fast=1"
	for name, a := range map[string]ask{
		"Traefik":               {path: endpoint + "?body=passed", body: transfer, header: told("Forwarded", "POST", path)},
		"Caddy, body upstream":  {path: endpoint + "?body=upstream", header: told("Forwarded", "POST", path)},
		"nginx, body upstream":  {path: endpoint + "?body=upstream", header: told("Original", "POST", path)},
		"body judged by chance": {method: "POST", body: transfer, header: told("Original", "POST", path)},
		"Envoy":                 {method: "POST", path: endpoint + path, body: transfer, header: whole()},
		"both, agreeing":        {path: endpoint + "?body=passed", body: transfer, header: with(told("Original", "POST", path), "X-Forwarded-Method", "POST", "X-Forwarded-Uri", path)},
		"for this origin":       {path: endpoint + "?body=passed&origin=" + pay, body: transfer, header: told("Forwarded", "POST", path), prefix: pay},
		"Envoy, this origin":    {method: "POST", path: endpoint + path, body: transfer, header: with(whole(), "Countersign-Guard-Origin", pay), prefix: pay},
		"of this organisation":  {path: endpoint + "?body=passed&org=or-x," + ada.OrgID, body: transfer, header: told("Forwarded", "POST", path)},
		"body in other order":   {path: endpoint + "?body=passed", body: `{"amount":"10.00","to":"grace@example.org"}`, header: told("Forwarded", "POST", path)},
	} {
		t.Run(name, func(t *testing.T) {
			a.token = ada.Sign(t, ada.token, "POST", a.prefix+path, transfer)
			status, code, h := a.put(t, srv)
			if status != 200 {
				t.Fatalf("answered %d %s, want 200", status, code)
			}
			username, err := url.PathUnescape(h.Get("Countersign-Username"))
			if err != nil || username != ada.Username || h.Get("Countersign-User-Id") != ada.UserID || h.Get("Countersign-Org-Id") != ada.OrgID ||
				!strings.HasPrefix(h.Get("Countersign-Action-Id"), "ua-") || !strings.HasPrefix(h.Get("Countersign-Credential-Uuid"), "cr-") {
				t.Errorf("the answer's headers are %v", h)
			}
			if h.Get("Countersign-Payload-Sha256") != useraction.PayloadDigest([]byte(transfer)) ||
				h.Get("Countersign-Payload-Canonical-Sha256") != useraction.CanonicalDigest([]byte(transfer)) {
				t.Errorf("the digests are %s and %s", h.Get("Countersign-Payload-Sha256"), h.Get("Countersign-Payload-Canonical-Sha256"))
			}
			if status, code, _ := a.put(t, srv); status != 400 || code != used {
				t.Errorf("asked again it answers %d %s, want 400 %s", status, code, used)
			}
		})
	}
	t.Run("every header has a value", func(t *testing.T) {
		tokenID, program := srv.PersonalToken(t, srv.Session(t, ada.Person), "reports", "")
		for body, canonical := range map[string]string{transfer: useraction.CanonicalDigest([]byte(transfer)), "": useraction.CanonicalDigest(nil),
			"plain text": "none", `{"a":1,"a":2}`: "none", "{": "none"} {
			byProgram, err := program.SignFor(t.Context(), "POST", path, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			for token, signed := range map[string]string{ada.Sign(t, ada.token, "POST", path, body): "none", byProgram: tokenID} {
				status, code, h := ask{path: endpoint + "?body=upstream", header: told("Forwarded", "POST", path), token: token}.put(t, srv)
				if status != 200 || h.Get(guard.HeaderTokenID) != signed || h.Get(guard.HeaderCanonicalPayload) != canonical {
					t.Errorf("%q: answered %d %s, %v", body, status, code, h)
				}
				for _, name := range []string{guard.HeaderActionID, guard.HeaderOrgID, guard.HeaderUserID, guard.HeaderUsername, guard.HeaderCredentialUUID,
					guard.HeaderTokenID, guard.HeaderPayload, guard.HeaderCanonicalPayload} {
					if v := h.Values(name); len(v) != 1 || v[0] == "" {
						t.Errorf("%q: %s is %q", body, name, v)
					}
				}
			}
		}
	})
	t.Run("without a body", func(t *testing.T) {
		for _, a := range []ask{
			{path: endpoint + "?body=passed", header: told("Forwarded", "DELETE", "/transfers/1")},
			{method: "DELETE", path: endpoint + "/transfers/1", header: map[string]string{"X-Original-Content-Length": "0"}}, // Envoy says nothing of a body where there is none
		} {
			a.token = ada.Sign(t, ada.token, "DELETE", "/transfers/1", "")
			if status, code, _ := a.put(t, srv); status != 200 {
				t.Errorf("answered %d %s, want 200", status, code)
			}
		}
	})
}

// What must not pass. None of it may cost the signer the signature.
func TestForwardAuthRefuses(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	const path = "/transfers?fast=1"
	const mallory = `{"to":"mallory","amount":"10.00"}`
	const ambiguous, unjudged = "400 forward_auth_ambiguous", "403 body_not_passed"
	passed, upstream := endpoint+"?body=passed", endpoint+"?body=upstream"
	for name, c := range map[string]struct {
		ask  ask
		want string
	}{
		"no token":               {ask{path: upstream, header: told("Original", "POST", path), token: "-"}, "403 " + invalid},
		"the session's token":    {ask{path: upstream, header: told("Original", "POST", path), token: ada.token}, "403 " + invalid},
		"another method":         {ask{path: upstream, header: told("Original", "PUT", path)}, "403 " + invalid},
		"method in small":        {ask{path: upstream, header: told("Original", "post", path)}, "403 " + invalid},
		"another path":           {ask{path: upstream, header: told("Forwarded", "POST", "/transfers/1?fast=1")}, "403 " + invalid},
		"another query":          {ask{path: upstream, header: told("Forwarded", "POST", "/transfers?fast=0")}, "403 " + invalid},
		"dot segments":           {ask{path: upstream, header: told("Forwarded", "POST", "/x/../transfers?fast=1")}, "403 " + invalid},
		"encoded slash":          {ask{path: upstream, header: told("Forwarded", "POST", "/%2Ftransfers?fast=1")}, "403 " + invalid},
		"another body":           {ask{path: passed, body: mallory, header: told("Forwarded", "POST", path)}, "403 " + invalid},
		"an empty body":          {ask{path: passed, header: told("Forwarded", "POST", path)}, "403 " + invalid},
		"another body, Envoy":    {ask{method: "POST", path: endpoint + path, body: mallory, header: whole()}, "403 " + invalid},
		"another method, Envoy":  {ask{method: "PUT", path: endpoint + path, body: transfer, header: whole()}, "403 " + invalid},
		"another query, Envoy":   {ask{method: "POST", path: endpoint + path + "&x=y", body: transfer, header: whole()}, "403 " + invalid},
		"families that differ":   {ask{path: passed, body: transfer, header: with(told("Forwarded", "POST", path), "X-Original-Method", "POST", "X-Original-Uri", "/x")}, ambiguous},
		"methods that differ":    {ask{path: passed, body: transfer, header: with(told("Forwarded", "POST", path), "X-Original-Method", "PUT", "X-Original-Uri", path)}, ambiguous},
		"header and path differ": {ask{method: "POST", path: endpoint + path, body: transfer, header: told("Forwarded", "POST", "/x")}, ambiguous},
		"a method alone":         {ask{path: passed, body: transfer, header: map[string]string{"X-Original-Method": "POST"}}, ambiguous},
		"half of the other":      {ask{path: passed, body: transfer, header: with(told("Forwarded", "POST", path), "X-Original-Uri", path)}, ambiguous},
		"an empty URI":           {ask{path: passed, body: transfer, header: told("Forwarded", "POST", "")}, ambiguous},
		"nothing told":           {ask{path: passed, body: transfer}, "400 forward_auth_headers_missing"},
		"no body, nothing said":  {ask{header: told("Original", "POST", path)}, unjudged},
		"no body, Envoy":         {ask{method: "POST", path: endpoint + path}, unjudged},
		"half a body, Envoy":     {ask{method: "POST", path: endpoint + path, body: transfer, header: map[string]string{"X-Envoy-Auth-Partial-Body": "true"}}, unjudged},
		"two modes":              {ask{path: endpoint + "?body=passed&body=upstream", body: transfer, header: told("Forwarded", "POST", path)}, "400 parameter_invalid"},
		"an unknown mode":        {ask{path: endpoint + "?body=ignored", body: transfer, header: told("Forwarded", "POST", path)}, "400 parameter_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			token := ada.Sign(t, ada.token, "POST", path, transfer)
			a := c.ask
			switch a.token {
			case "":
				a.token = token
			case "-":
				a.token = ""
			}
			status, code, _ := a.put(t, srv)
			if got := fmt.Sprint(status, " ", code); got != c.want {
				t.Errorf("answered %s, want %s", got, c.want)
			}
			good := ask{path: passed, body: transfer, header: told("Forwarded", "POST", path), token: token}
			if status, code, _ := good.put(t, srv); status != 200 {
				t.Errorf("afterwards the request itself is answered %d %s", status, code)
			}
		})
	}
}

// A query that was not signed may be the amount. It is refused for other services, even
// though SDKs leave it out for Countersign's own operations.
func TestForwardAuthUnsignedQuery(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	for _, a := range []ask{
		{path: endpoint + "?body=passed", body: transfer, header: told("Forwarded", "POST", "/transfers?to=mallory")},
		{path: endpoint + "?body=upstream", header: told("Original", "POST", "/transfers?to=mallory")},
		{method: "POST", path: endpoint + "/transfers?to=mallory", body: transfer, header: whole()},
	} {
		a.token = ada.Sign(t, ada.token, "POST", "/transfers", transfer)
		if status, code, _ := a.put(t, srv); status != 403 || code != invalid {
			t.Errorf("%s: answered %d %s, want 403 %s", a.path, status, code, invalid)
		}
	}
}

// Where the path is the original's, so is the query: a client's own body=upstream must
// not switch the comparison off, signed or not.
func TestForwardAuthModeIsTheProxysOwn(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	const mallory = `{"to":"mallory","amount":"10.00"}`
	for _, signed := range []string{"/transfers?body=upstream", "/transfers"} {
		a := ask{method: "POST", path: endpoint + "/transfers?body=upstream", body: mallory, header: whole(), token: ada.Sign(t, ada.token, "POST", signed, transfer)}
		if status, code, _ := a.put(t, srv); status != 403 || code != invalid {
			t.Errorf("signed for %s, with another body: answered %d %s, want 403 %s", signed, status, code, invalid)
		}
	}
	a := ask{method: "POST", path: endpoint + "/transfers?body=whole", body: transfer, header: whole(), token: ada.Sign(t, ada.token, "POST", "/transfers?body=whole", transfer)}
	if status, code, _ := a.put(t, srv); status != 200 {
		t.Errorf("a service's own parameter named body: answered %d %s, want 200", status, code)
	}
}

// Caddy and Traefik hand a client's X-Original-… on, and nginx leaves a header out that
// would be empty: over HTTP/2 it has neither a length nor an encoding of a body that is
// still to come. So nothing but the proxy's own "0" says that there is no body, or the
// service would get one that nobody compared.
func TestForwardAuthEmptyIsTheProxysWord(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	for _, a := range []ask{
		{header: with(told("Forwarded", "POST", "/transfers"), "X-Original-Content-Length", "0")},
		{header: told("Original", "POST", "/transfers")},
		{path: endpoint + "?body=told", header: told("Original", "POST", "/transfers")},
		{path: endpoint + "?body=told", header: with(told("Original", "POST", "/transfers"), "X-Original-Content-Length", "")},
		{path: endpoint + "?body=told", header: with(told("Original", "POST", "/transfers"), "X-Original-Content-Length", "0", "X-Original-Transfer-Encoding", "chunked")},
		{path: endpoint + "?body=told", header: with(told("Original", "POST", "/transfers"), "X-Original-Content-Length", "2")},
	} {
		a.token = ada.Sign(t, ada.token, "POST", "/transfers", "")
		if status, _, _ := a.put(t, srv); status == 200 {
			t.Errorf("%s with %v: answered 200", a.path, a.header)
		}
	}
}

// A signature for one service does not pass at another that has the same path, nor one by
// somebody of another organisation, nor one for a path that has two meanings.
func TestForwardAuthOfAnotherService(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	const path = "/transfers?fast=1"
	passed := endpoint + "?body=passed"
	for name, c := range map[string]struct {
		ask
		signed, want string
	}{
		"for another origin":      {ask{path: passed + "&origin=" + pay}, "https://other.example.org" + path, "403 " + invalid},
		"for the plain path":      {ask{path: passed + "&origin=" + pay}, path, "403 " + invalid},
		"for an origin, not here": {ask{path: passed}, pay + path, "403 " + invalid},
		"of another organisation": {ask{path: passed + "&org=or-06h0b-l1ppd-u397q554d1f7vkpc"}, path, "403 " + invalid},
		"an empty origin":         {ask{path: passed + "&origin="}, path, "400 forward_auth_ambiguous"},
		"an empty organisation":   {ask{path: passed + "&org="}, path, "400 forward_auth_ambiguous"},
		"two origins":             {ask{path: passed + "&origin=" + pay + "&origin=https://other.example.org"}, pay + path, "400 forward_auth_ambiguous"},
	} {
		a := c.ask
		a.body, a.header, a.token = transfer, told("Original", "POST", path), ada.Sign(t, ada.token, "POST", c.signed, transfer)
		if status, code, _ := a.put(t, srv); fmt.Sprint(status, " ", code) != c.want {
			t.Errorf("%s: answered %d %s, want %s", name, status, code, c.want)
		}
	}
	for _, odd := range []string{"/a/../transfers", "/a/%2e%2e/transfers", "/transfers/./x", "/transfers//x", "/a%5cb", "/a/..;/transfers", "/a/..;x/transfers", "/a/.;/transfers",
		"/transfers;x=1", "/transfers%3bx", "/a/%252e%252e/transfers", "/a/%c0%ae%c0%ae/transfers", "/a%c0%aftransfers", "/a%2ftransfers", "/transfers%00", "/transfers%20", "/transfers.",
		"/a/%ef%bc%8e%ef%bc%8e/transfers", "/a%ef%bc%8ftransfers", "/transfers%3fx=1", "/transfers%23x", "/transfers%0a"} {
		for _, prefix := range []string{"", pay} {
			signed := ada.Sign(t, ada.token, "POST", prefix+odd, transfer)
			query := ""
			if prefix != "" {
				query = "&origin=" + prefix
			}
			for what, a := range map[string]ask{
				"Original":  {path: passed + query, body: transfer, header: told("Original", "POST", odd), token: signed},
				"Forwarded": {path: passed + query, body: transfer, header: told("Forwarded", "POST", odd), token: signed},
				"consume":   {method: "POST", path: "/countersign/actions/consume", header: map[string]string{"Content-Type": "application/json"}, body: consumption(t, signed, prefix+odd)},
			} {
				if status, code, _ := a.put(t, srv); status != 403 || code != invalid {
					t.Errorf("%s%s, signed as it is, by %s: answered %d %s", prefix, odd, what, status, code)
				}
			}
		}
	}
	// The address of a request line may name an origin of the client's choice.
	for _, sent := range []string{pay + path, "http://localhost" + path, "https:" + path, "x" + path, "*"} {
		a := ask{path: passed, body: transfer, header: told("Original", "POST", sent), token: ada.Sign(t, ada.token, "POST", pay+path, transfer)}
		if status, code, _ := a.put(t, srv); status != 403 || code != invalid {
			t.Errorf("%s: answered %d %s", sent, status, code)
		}
	}
}

func consumption(t *testing.T, token, path string) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"userAction": token, "httpMethod": "POST", "httpPath": path, "payload": transfer})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
