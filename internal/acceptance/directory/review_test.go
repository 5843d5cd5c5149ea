package directory_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/internal/testing/world"
)

// sendHalting sends a request all but its body. The answer comes once the rest is sent.
func sendHalting(t *testing.T, n *world.Tenant, method, path, token, action, body string) (rest func() world.Answer) {
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
	return func() world.Answer {
		t.Helper()
		io.WriteString(c, body)
		res, err := http.ReadResponse(from, nil)
		must(t, err)
		return world.ReadAnswer(t, method, path, res)
	}
}

// Who sends slowly keeps no right that was deactivated meanwhile: it is checked once the
// request is whole.
func TestRevocationWhileARequestComes(t *testing.T) {
	t.Parallel()
	world.EachTenant(t, func(t *testing.T, n *world.Tenant) {
		ctx := t.Context()
		clerk := n.Employ(t, "clerk@example.org")
		target := n.Employ(t, "target@example.com")
		a := n.Allow(t, clerk.ID, "Auth:Users:Deactivate", "Auth:Users:Read")
		path := "/auth/users/" + target.ID + "/deactivate"
		action, err := clerk.SignFor(ctx, "PUT", path, []byte("{}"))
		must(t, err)
		changes := sendHalting(t, n, "PUT", path, clerk.Token, action, "{}")
		reads := sendHalting(t, n, "GET", "/auth/users", clerk.Token, "", "{}")
		must(t, n.Admin.Revoke(ctx, a.PermissionID, a.ID))
		changes().Wants(t, "a change", 403, "permission_denied")
		reads().Wants(t, "a read", 403, "permission_denied")
		if !n.Lives(t, target.Session) {
			t.Error("the user is deactivated")
		}

		reads = sendHalting(t, n, "GET", "/auth/pats", clerk.Token, "", "{}")
		_, err = n.Admin.DeactivateUser(ctx, clerk.ID)
		must(t, err)
		reads().Wants(t, "who is deactivated", 401, "user_inactive")
	})
}
