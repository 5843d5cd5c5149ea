package guard_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/guard"
)

// seen is what a service behind a proxy learns of a request: its headers as they came, and
// who signed.
type seen struct {
	Header http.Header
	Action guard.Action
}

// behind starts a service in this process that answers what it has seen.
func behind(t *testing.T, countersign string) string {
	t.Helper()
	g, err := guard.New(guard.Config{Server: countersign, Origin: pay})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := r.Header.Clone()
		g.RequireBehindProxy(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			action, _ := guard.From(r.Context())
			json.NewEncoder(w).Encode(seen{all, action})
		})).ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// proxies are the documented ones that can be run here.
var proxies = map[string]func(t *testing.T, countersign, upstream string) string{"nginx": nginx, "Caddy": caddy}

// sendRaw sends the usual transfer with lines of the client's own in its head, which no HTTP
// library would write.
func sendRaw(t *testing.T, url, token string, lines ...string) (int, seen) {
	t.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /transfers?fast=1 HTTP/1.1\r\nHost: %s\r\nX-DFNS-USERACTION: %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s",
		host, token, strings.Join(lines, "\r\n"), len(transfer), transfer)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var s seen
	if res.StatusCode == http.StatusOK {
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
			t.Fatal(err)
		}
	}
	return res.StatusCode, s
}

// A client has a proxy drop headers by naming them in Connection. That never makes a program
// pass for its person: the service learns which token signed, or refuses.
func TestNoProxyDropsWhoSigned(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	tokenID, program := srv.PersonalToken(t, srv.Session(t, ada.Person), "reports", "")
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			url := start(t, srv.URL, behind(t, srv.URL))
			for what, lines := range map[string][]string{
				"nothing":             {"Accept: */*"},
				"the token":           {"Connection: close, Countersign-Token-Id"},
				"the token, first":    {"Connection: Countersign-Token-Id, close"},
				"mixed case":          {"cOnNeCtIoN: cOuNtErSiGn-ToKeN-iD"},
				"several lines":       {"Connection: close", "Connection: countersign-token-id"},
				"odd spaces":          {"Connection: close ,\tCountersign-Token-Id\t,"},
				"beside keep-alive":   {"Connection: keep-alive, Countersign-Token-Id", "Keep-Alive: timeout=5"},
				"in Proxy-Connection": {"Proxy-Connection: Countersign-Token-Id"},
				"in Keep-Alive":       {"Connection: Keep-Alive", "Keep-Alive: Countersign-Token-Id"},
				"in Trailer":          {"Connection: Trailer", "Trailer: Countersign-Token-Id"},
				"in TE":               {"Connection: TE, Countersign-Token-Id", "TE: trailers"},
				"with an upgrade":     {"Connection: Upgrade, Countersign-Token-Id", "Upgrade: websocket"},
				"who":                 {"Connection: Countersign-User-Id, Countersign-Username, Countersign-Action-Id"},
				"where":               {"Connection: Countersign-Org-Id, Countersign-Credential-Uuid"},
				"the digests":         {"Connection: Countersign-Payload-Sha256, Countersign-Payload-Canonical-Sha256"},
				"the action's token":  {"Connection: X-DFNS-USERACTION"},
				"what the proxy asks": {"Connection: X-Original-Method, X-Original-URI, X-Forwarded-Method, X-Forwarded-Uri"},
				"a token of my own":   {"Connection: Countersign-Token-Id", "Countersign-Token-Id: none"},
				"none beside it":      {"Countersign-Token-Id: none", "Countersign-Token-Id: none"},
				"a twin beside it":    {"Countersign_Token_Id: none", "Countersign-Token_Id: none", "countersign.token.id: none"},
			} {
				action, err := program.SignFor(t.Context(), "POST", pay+"/transfers?fast=1", []byte(transfer))
				if err != nil {
					t.Fatal(err)
				}
				status, s := sendRaw(t, url, action, lines...)
				if status == http.StatusOK && (s.Action.TokenID != tokenID || s.Action.UserID != ada.UserID) {
					t.Errorf("%s: passed as %+v", what, s.Action)
				}
				if status != http.StatusOK { // the documented configurations lose nothing
					t.Errorf("%s: answered %d", what, status)
				}
			}
			if status, s := sendRaw(t, url, ada.sign(front{prefix: pay}), "Connection: Countersign-Token-Id"); status != http.StatusOK || s.Action.TokenID != "" {
				t.Errorf("the person: answered %d, %+v", status, s.Action)
			}
		})
	}
}

// The same over HTTP/2, which has no Connection header, and with trailers.
func TestNoTrailerSaysWhoSigned(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	tokenID, program := srv.PersonalToken(t, srv.Session(t, ada.Person), "reports", "")
	url := caddy(t, srv.URL, behind(t, srv.URL))
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	for what, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2": {Protocols: &protocols}} {
		t.Cleanup(transport.CloseIdleConnections)
		action, err := program.SignFor(t.Context(), "POST", pay+"/transfers?fast=1", []byte(transfer))
		if err != nil {
			t.Fatal(err)
		}
		r := front{url: url}.request(t, action)
		r.ContentLength = -1
		r.Header.Set("Countersign-Token-Id", "none")
		r.Trailer = http.Header{"Countersign-Token-Id": {"none"}, "X-Rewrite-Url": {"/"}}
		res, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var s seen
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil || res.StatusCode != http.StatusOK || s.Action.TokenID != tokenID {
			t.Errorf("%s: answered %s %d, %+v, %v", what, res.Proto, res.StatusCode, s.Action, err)
		}
	}
}

// Headers by which a service takes a request for another, or a client for somebody else, do
// not reach the service through the documented configurations.
func TestProxiesDropWhatMisleads(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	ada := logIn(t, srv)
	misleading := []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Original-Method",
		"x-rewrite-url", "X_Rewrite_URL", "X-Rewrite_URL", "X_HTTP_METHOD_OVERRIDE", "X_Original-URL",
		"Countersign_User_Id", "Countersign_Token_Id", "countersign-user_id", "COUNTERSIGN_ACTION_ID", "Countersign.User.Id"}
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			url := start(t, srv.URL, behind(t, srv.URL))
			lines := []string{"X-Mine: 1"}
			for _, m := range misleading {
				lines = append(lines, m+": forged")
			}
			status, s := sendRaw(t, url, ada.sign(front{prefix: pay}), lines...)
			if status != http.StatusOK || s.Action.UserID != ada.UserID || s.Header.Get("X-Mine") != "1" {
				t.Fatalf("answered %d, %+v", status, s)
			}
			for name, values := range s.Header {
				if slices.Contains(values, "forged") {
					t.Errorf("the service sees %s", name)
				}
			}
		})
	}
}
