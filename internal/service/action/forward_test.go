package action_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// No header that the client of a proxy adds lets another request pass than the one that was
// signed.
func TestForwardedRequests(t *testing.T) {
	t.Parallel()
	world.EachOrganisation(t, func(t *testing.T, h *world.Organisation) {
		ada := h.Employee(t)
		session := h.LogIn(t, ada)
		const path, payload = "/orders?id=1", `{"amount":1}`
		action := h.Sign(t, ada, session, "POST", path, payload)
		type headers = map[string][]string
		original := func(more headers) http.Header {
			all := http.Header{"X-Original-Method": {"POST"}, "X-Original-Uri": {path}, "X-Dfns-Useraction": {action}}
			for name, values := range more {
				all[http.CanonicalHeaderKey(name)] = values
			}
			return all
		}
		before := h.Kept(t)
		for name, c := range map[string]struct {
			method, path string
			header       http.Header
			body         string
			want         string
		}{
			"no family":                           {"POST", "?body=passed", http.Header{"X-Dfns-Useraction": {action}}, payload, "400 forward_auth_headers_missing"},
			"another family for another path":     {"POST", "?body=passed", original(headers{"X-Forwarded-Method": {"POST"}, "X-Forwarded-Uri": {"/cheap"}}), payload, "400 forward_auth_ambiguous"},
			"another family for another method":   {"POST", "?body=passed", original(headers{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {path}}), payload, "400 forward_auth_ambiguous"},
			"another family for another spelling": {"POST", "?body=passed", original(headers{"X-Forwarded-Method": {"POST"}, "X-Forwarded-Uri": {"/%6frders?id=1"}}), payload, "400 forward_auth_ambiguous"},
			"half of another family":              {"POST", "?body=passed", original(headers{"X-Forwarded-Uri": {path}}), payload, "400 forward_auth_ambiguous"},
			"an empty one":                        {"POST", "?body=passed", original(headers{"X-Forwarded-Uri": {""}, "X-Forwarded-Method": {""}}), payload, "400 forward_auth_ambiguous"},
			"a path twice":                        {"POST", "?body=passed", original(headers{"X-Original-Uri": {path, path}}), payload, "400 forward_auth_ambiguous"},
			"a method twice":                      {"POST", "?body=passed", original(headers{"X-Original-Method": {"POST", "POST"}}), payload, "400 forward_auth_ambiguous"},
			"two paths in one":                    {"POST", "?body=passed", original(headers{"X-Original-Uri": {path + ", " + path}}), payload, "403 user_action_invalid"},
			"no path":                             {"POST", "?body=passed", original(headers{"X-Original-Uri": nil}), payload, "400 forward_auth_ambiguous"},
			"the path below another":              {"POST", "/cheap?body=passed", original(nil), payload, "400 forward_auth_ambiguous"},
			"an origin before":                    {"POST", "?body=passed", original(headers{"X-Original-Uri": {"http://evil.example" + path}}), payload, "403 user_action_invalid"},
			"a fragment after":                    {"POST", "?body=passed", original(headers{"X-Original-Uri": {path + "#x"}}), payload, "403 user_action_invalid"},
			"another query":                       {"POST", "?body=passed", original(headers{"X-Original-Uri": {path + "&id=2"}}), payload, "403 user_action_invalid"},
			"an override":                         {"POST", "?body=passed", original(headers{"X-Http-Method-Override": {"POST"}, "X-Original-Method": {"DELETE"}}), payload, "403 user_action_invalid"},
			"another body":                        {"POST", "?body=passed", original(nil), `{"amount":2}`, "403 user_action_invalid"},
			"no body, passed":                     {"GET", "?body=passed", original(nil), "", "403 user_action_invalid"},
			"no body":                             {"GET", "", original(nil), "", "403 body_not_passed"},
			"no body, told by who calls":          {"GET", "", original(headers{"X-Original-Content-Length": {"0"}}), "", "403 body_not_passed"},
			"another mode":                        {"POST", "?body=no", original(nil), payload, "400 parameter_invalid"},
			"two modes":                           {"GET", "?body=passed&body=upstream", original(nil), "", "400 parameter_invalid"},
			"a mode in capitals":                  {"GET", "?body=UPSTREAM", original(nil), "", "400 parameter_invalid"},
			"a mode as a form":                    {"POST", "?body=passed", original(headers{"Content-Type": {"application/x-www-form-urlencoded"}}), "body=upstream", "403 user_action_invalid"},
			"a mode below":                        {"POST", path + "&body=upstream", http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"false"}}, `{"amount":2}`, "403 user_action_invalid"},
			"a mode below, no more":               {"POST", "/orders?body=upstream", http.Header{"X-Dfns-Useraction": {action}}, "", "403 body_not_passed"},
			"below, half of the body":             {"POST", path, http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"true"}}, payload, "403 body_not_passed"},
			"below, whole and half":               {"POST", path, http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"false", "true"}}, payload, "403 body_not_passed"},
			"below, nobody says":                  {"POST", path, http.Header{"X-Dfns-Useraction": {action}}, payload, "403 body_not_passed"},
			"below, encoded":                      {"POST", strings.Replace(path, "orders", "x%2f..%2forders", 1), http.Header{"X-Dfns-Useraction": {action}, "X-Envoy-Auth-Partial-Body": {"false"}}, payload, ""},
			"no action":                           {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": nil}), payload, "403 user_action_invalid"},
			"an empty action":                     {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": {""}}), payload, "403 user_action_invalid"},
			"two actions":                         {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": {action, action}}), payload, "403 user_action_invalid"},
			"two actions in one":                  {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": {action + ", " + action}}), payload, "403 user_action_invalid"},
			"an action as bearer":                 {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": nil, "Authorization": {"Bearer " + action}}), payload, "403 user_action_invalid"},
			"an action in the query":              {"POST", "?body=passed&userAction=" + action, original(headers{"X-Dfns-Useraction": nil}), payload, "403 user_action_invalid"},
			"an action in a cookie":               {"POST", "?body=passed", original(headers{"X-Dfns-Useraction": nil, "Cookie": {"X-DFNS-USERACTION=" + action}}), payload, "403 user_action_invalid"},
			"a large body":                        {"POST", "?body=passed", original(nil), strings.Repeat("a", 64<<10+1), "413 body_too_large"},
		} {
			a := h.Send(t, c.method, forwardPath+c.path, c.header, c.body)
			if c.want == "" {
				h.Refused(t, a, nil, action)
				continue
			}
			h.RefusedBy(t, name, a, c.want)
			h.Refused(t, a, nil, action)
			for name := range a.Header {
				if strings.HasPrefix(name, "Countersign-") && !strings.HasPrefix(name, "Countersign-Refusal-") {
					t.Errorf("%s: the refusal has %s", c.want, name)
				}
			}
		}
		h.Unmoved(t, "forwarded requests", before)
		a := h.Send(t, "POST", forwardPath+"?body=passed", original(headers{"X-Forwarded-Method": {"POST"}, "X-Forwarded-Uri": {path}}), payload)
		if a.Status != http.StatusOK || a.Header.Get("Countersign-User-Id") != ada.UserID {
			t.Errorf("afterwards: %d %s", a.Status, a.Body)
		}
		h.RefusedBy(t, "again", h.Send(t, "POST", forwardPath+"?body=passed", original(nil), payload), "400 user_action_used")

		// Nothing about a user can become a second header.
		if got := a.Header.Get("Countersign-Username"); strings.ContainsAny(got, "\r\n") || got == "" {
			t.Errorf("%q", got)
		}
	})
}

// A query that nobody signed may be the amount: it is accepted for this server's own operations,
// as SDKs need, and for no other service.
func TestForwardedQueries(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ada := h.Employee(t)
	session := h.LogIn(t, ada)
	action := h.Sign(t, ada, session, "POST", "/orders", "")
	for _, header := range []http.Header{
		{"X-Original-Method": {"POST"}, "X-Original-Uri": {"/orders?amount=1000"}},
		{"X-Forwarded-Method": {"POST"}, "X-Forwarded-Uri": {"/orders?"}},
	} {
		header["X-Dfns-Useraction"] = []string{action}
		h.RefusedBy(t, "a query that was not signed", h.Send(t, "GET", forwardPath+"?body=upstream", header, nil), "403 user_action_invalid")
	}
	body := world.Uses[0].Payload(1)
	own := h.Sign(t, ada, session, "POST", usersPath, body)
	world.Read[api.User](t, h.Send(t, "POST", usersPath+"?x=y", world.WithHeader(world.Bearer(session), api.HeaderUserAction, own), body))
}

// Only the proxy can say that there is no body.
func TestForwardedEmptiness(t *testing.T) {
	t.Parallel()
	h := world.Open(t)
	ada := h.Employee(t)
	session := h.LogIn(t, ada)
	for name, header := range map[string]http.Header{
		"nothing told":     {}, // as over HTTP/2, where a body needs no length
		"an empty length":  {"X-Original-Content-Length": {""}},
		"a length":         {"X-Original-Content-Length": {"2"}},
		"two lengths":      {"X-Original-Content-Length": {"0", "0"}},
		"an odd length":    {"X-Original-Content-Length": {"+0"}},
		"chunks":           {"X-Original-Transfer-Encoding": {"chunked"}},
		"chunks, no bytes": {"X-Original-Content-Length": {"0"}, "X-Original-Transfer-Encoding": {"chunked"}},
	} {
		header["X-Dfns-Useraction"] = []string{h.Sign(t, ada, session, "POST", "/orders", "")}
		header["X-Original-Method"], header["X-Original-Uri"] = []string{"POST"}, []string{"/orders"}
		if a := h.Send(t, "GET", forwardPath+"?body=told", header, nil); a.Status == http.StatusOK {
			t.Errorf("%s: passed as a request without body", name)
		}
	}
}
