package directory_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/countersign/countersign/api"
)

// halting sends a request all but its body. The answer comes once the rest is sent.
func (n *tenant) halting(t *testing.T, method, path, token, action, body string) (rest func() answer) {
	t.Helper()
	u, err := url.Parse(n.URL)
	must(t, err)
	c, err := net.Dial("tcp", u.Host)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", method, path, u.Host, token, len(body))
	if action != "" {
		fmt.Fprintf(c, "%s: %s\r\n", api.HeaderUserAction, action)
	}
	fmt.Fprint(c, "\r\n")
	from := bufio.NewReader(c)
	res, err := http.ReadResponse(from, nil)
	if err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v, want 100", res, err)
	}
	return func() answer {
		t.Helper()
		io.WriteString(c, body)
		res, err := http.ReadResponse(from, nil)
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		var e api.ErrorBody
		if res.StatusCode >= 400 {
			must(t, json.Unmarshal(text, &e))
		}
		return answer{res.StatusCode, e.Error.Code, string(text)}
	}
}

// Who sends slowly keeps no right that was withdrawn meanwhile: it is judged once the
// request is whole.
func TestReviewWithdrawalWhileARequestComes(t *testing.T) {
	offices(t, func(t *testing.T, n *tenant) {
		ctx := t.Context()
		clerk := n.hire(t, "clerk@example.org")
		target := n.hire(t, "target@example.com")
		a := n.allow(t, clerk.id, "Auth:Users:Deactivate", "Auth:Users:Read")
		path := "/auth/users/" + target.id + "/deactivate"
		action, err := clerk.SignFor(ctx, "PUT", path, []byte("{}"))
		must(t, err)
		changes := n.halting(t, "PUT", path, clerk.Token, action, "{}")
		reads := n.halting(t, "GET", "/auth/users", clerk.Token, "", "{}")
		must(t, n.admin.Revoke(ctx, a.PermissionID, a.ID))
		changes().wants(t, "a change", 403, "permission_denied")
		reads().wants(t, "a read", 403, "permission_denied")
		if !n.lives(t, target.Session) {
			t.Error("the user is deactivated")
		}

		reads = n.halting(t, "GET", "/auth/pats", clerk.Token, "", "{}")
		_, err = n.admin.DeactivateUser(ctx, clerk.id)
		must(t, err)
		reads().wants(t, "who is deactivated", 400, "user_inactive")
	})
}
