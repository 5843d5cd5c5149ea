package habit_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/verify/publickey"
)

// operations returns method and path of everything that the server describes, with ids
// in the paths.
func operations(t *testing.T, h *secureServer) (all [][2]string) {
	t.Helper()
	var description struct {
		Paths map[string]map[string]json.RawMessage
	}
	h.send(t, "GET", "/openapi.json", nil, nil).into(t, &description)
	ids := strings.NewReplacer("{userId}", "us-00000-00000-0000000000000000", "{actionId}", "ua-00000-00000-0000000000000000",
		"{sessionId}", "se-00000-00000-0000000000000000")
	for path, methods := range description.Paths {
		for method := range methods {
			all = append(all, [2]string{strings.ToUpper(method), ids.Replace(path)})
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d operations are described, want at least 20", len(all))
	}
	return all
}

// Whatever is sent, by whatever method, with a body or without: what comes back is JSON
// and says what it is. send fails the test otherwise.
func TestEveryAnswerIsJSON(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	ada.logIn(t)
	addresses := map[string]bool{"/": false, "/auth": true, "/auth/nothing": true, "/nothing": true, "/countersign/nothing": true,
		"/auth/users/us-00000-00000-0000000000000000/nothing": true, "/countersign/forward-auth": true, "/countersign/forward-auth/x": true}
	served := map[string]bool{}
	for _, o := range operations(t, h) {
		addresses[o[1]] = true
		served[o[0]+" "+o[1]] = true
	}
	// As the id of an action, a user or a credential, which they are not.
	for _, o := range []string{"GET /countersign/actions/consume", "GET /auth/users/invite", "PUT /auth/users/invite", "DELETE /auth/users/invite",
		"DELETE /auth/credentials/init", "DELETE /auth/credentials/activate", "DELETE /auth/credentials/deactivate", "DELETE /auth/credentials/code"} {
		served[o] = true
	}
	for path, called := range addresses {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			if !called && method == "GET" || path == "/auth/logout" || path == "/openapi.json" && method == "GET" {
				continue // a page, or what would end the session
			}
			for _, body := range [][]byte{nil, []byte(`{}`), []byte(`[]`), []byte(`{"orgId":7}`), []byte(`null`), []byte("\x00")} {
				for _, token := range []string{"", ada.token} {
					u := *ada
					u.token = token
					a := u.sendAs(t, method, path, body, "")
					if !served[method+" "+path] && !strings.HasPrefix(path, "/countersign/forward-auth") && a.status != 404 && a.status != 405 {
						t.Errorf("%s: %d, want 404 or 405", a.call, a.status)
					}
				}
			}
		}
	}
}

// A body that is too large is refused in JSON, announced or not, everywhere.
func TestTooLargeIsJSON(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	ada.logIn(t)
	large := bytes.Repeat([]byte(" "), 64<<10+1)
	for _, o := range operations(t, h) {
		if o[0] == http.MethodGet || o[1] == "/countersign/site" {
			continue
		}
		t.Run(o[0]+" "+o[1], func(t *testing.T) {
			ada.sendAs(t, o[0], o[1], large, "garbage").refused(t, "too large", 413, "body_too_large")
		})
	}
	payload := compact.text(object{{"x", strings.Repeat("x", 32<<10)}})
	ada.call(t, "POST", "/auth/action/init", object{{"userActionHttpMethod", "POST"}, {"userActionHttpPath", "/x"},
		{"userActionPayload", payload}}, "").refused(t, "a payload too large to sign", 413, "payload_too_large")
}

// Logging out takes no body, an empty one, {} and what says the same, by both methods,
// and answers with a message.
func TestLogoutInEveryForm(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	for _, method := range []string{"PUT", "POST"} {
		for _, body := range []string{"", "{}", `{"allSessions":false}`, `{"allSessions":true}`, " { } ", `{"unknown":1}`} {
			for _, contentType := range []string{"application/json", "application/json; charset=utf-8", ""} {
				ada.logIn(t)
				header := http.Header{"Authorization": {"Bearer " + ada.token}}
				if contentType != "" {
					header["Content-Type"] = []string{contentType}
				}
				var message api.Message
				h.send(t, method, "/auth/logout", header, []byte(body)).into(t, &message)
				if message.Message == "" {
					t.Errorf("%s with %q as %q: no message", method, body, contentType)
				}
				h.send(t, method, "/auth/logout", header, []byte(body)).refused(t, "logged out already", 401, "token_invalid")
			}
		}
	}
}

// DELETE comes without a body from Go and Python, with {} from TypeScript.
func TestDeleteWithAndWithoutABody(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	ada.logIn(t)
	for what, body := range map[string][]byte{"nothing": nil, "an empty body": {}, "{}": []byte("{}"), "more": []byte(`{"force":true}`)} {
		other := *ada
		other.logIn(t)
		var account api.Account
		other.call(t, "GET", "/countersign/account", nil, "").into(t, &account)
		for _, s := range account.Sessions {
			if s.Current {
				var message api.Message
				ada.sendAs(t, "DELETE", "/countersign/sessions/"+s.ID, body, "").into(t, &message)
				if message.Message == "" {
					t.Errorf("with %s: no message", what)
				}
				ada.sendAs(t, "DELETE", "/countersign/sessions/"+s.ID, body, "").refused(t, "twice, with "+what, 404, "session_not_found")
			}
		}
		other.call(t, "GET", "/countersign/account", nil, "").refused(t, "the session that was ended, with "+what, 401, "token_invalid")
	}
	ada.call(t, "GET", "/countersign/account", nil, "").into(t, nil)
}

// TypeScript leaves out of a query what is false or empty; others send it.
func TestQueriesWithoutAValue(t *testing.T) {
	t.Parallel()
	h := start(t)
	ada := h.join(t, goSDK, "ada", publickey.P256)
	ada.logIn(t)
	for _, query := range []string{"", "?", "?limit=200", "?kind=EndUser"} {
		ada.call(t, "GET", "/auth/users"+query, nil, "").into(t, nil)
	}
	for _, query := range []string{"?limit=0", "?limit=201", "?limit=-1", "?limit=1e1", "?limit=x", "?kind=Robot", "?paginationToken=x", "?unknown=1", "?pagination_token=x"} {
		if a := ada.call(t, "GET", "/auth/users"+query, nil, ""); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", a.call, a.status)
		}
	}
}
