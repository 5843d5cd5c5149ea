package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
)

var background = context.Background()

// calls are all calls of Client, each with the request that must arrive.
var calls = map[string]struct {
	call              func(c *client.Client) (any, error)
	method, uri, body string
	bearer, action    string
}{
	"InitRegistration": {call: func(c *client.Client) (any, error) {
		return c.InitRegistration(background, api.InitRegistrationRequest{OrgID: "or-1", Username: "ada", RegistrationCode: "1234"})
	}, method: "POST", uri: "/auth/registration/init", body: `{"orgId":"or-1","username":"ada","registrationCode":"1234"}`},
	"Register": {call: func(c *client.Client) (any, error) {
		return c.Register(background, "ticket", api.RegistrationRequest{})
	}, method: "POST", uri: "/auth/registration", body: `{"firstFactorCredential":null}`, bearer: "ticket"},
	"ResendRegistrationCode": {call: func(c *client.Client) (any, error) {
		return c.ResendRegistrationCode(background, api.ResendRegistrationCodeRequest{OrgID: "or-1", Username: "ada"})
	}, method: "PUT", uri: "/auth/registration/code", body: `{"username":"ada","orgId":"or-1"}`},
	"InitLogin": {call: func(c *client.Client) (any, error) {
		return c.InitLogin(background, api.InitLoginRequest{OrgID: "or-1", Username: "ada", LoginCode: "12"})
	}, method: "POST", uri: "/auth/login/init", body: `{"username":"ada","orgId":"or-1","loginCode":"12"}`},
	"InitLogin, nobody named": {call: func(c *client.Client) (any, error) {
		return c.InitLogin(background, api.InitLoginRequest{})
	}, method: "POST", uri: "/auth/login/init", body: `{}`},
	"Login": {call: func(c *client.Client) (any, error) {
		return c.Login(background, api.SignedChallenge{ChallengeIdentifier: "id", FirstFactor: &api.CredentialAssertion{Kind: "Key"}})
	}, method: "POST", uri: "/auth/login", body: `{"challengeIdentifier":"id","firstFactor":{"kind":"Key"}}`},
	"SendLoginCode": {call: func(c *client.Client) (any, error) {
		return c.SendLoginCode(background, api.SendLoginCodeRequest{OrgID: "or-1", Username: "ada"})
	}, method: "POST", uri: "/auth/login/code", body: `{"username":"ada","orgId":"or-1"}`},
	"Logout": {call: func(c *client.Client) (any, error) {
		return c.Logout(background, "session", false)
	}, method: "PUT", uri: "/auth/logout", body: `{}`, bearer: "session"},
	"Logout, all": {call: func(c *client.Client) (any, error) {
		return c.Logout(background, "session", true)
	}, method: "PUT", uri: "/auth/logout", body: `{"allSessions":true}`, bearer: "session"},
	"InitAction": {call: func(c *client.Client) (any, error) {
		return c.InitAction(background, "session", api.InitActionRequest{Method: "GET", Path: "/x?y=1"})
	}, method: "POST", uri: "/auth/action/init", bearer: "session",
		body: `{"userActionHttpMethod":"GET","userActionHttpPath":"/x?y=1","userActionPayload":""}`},
	"SignAction": {call: func(c *client.Client) (any, error) {
		return c.SignAction(background, "session", api.SignedChallenge{ChallengeIdentifier: "id"})
	}, method: "POST", uri: "/auth/action", body: `{"challengeIdentifier":"id","firstFactor":null}`, bearer: "session"},
	"CreateUser": {call: func(c *client.Client) (any, error) {
		return c.CreateUser(background, "session", "action", api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee})
	}, method: "POST", uri: "/auth/users", body: `{"email":"grace@example.org","kind":"CustomerEmployee"}`, bearer: "session", action: "action"},
	"ListUsers": {call: func(c *client.Client) (any, error) {
		return c.ListUsers(background, "session", api.ListUsersRequest{})
	}, method: "GET", uri: "/auth/users", bearer: "session"},
	"ListUsers, a page": {call: func(c *client.Client) (any, error) {
		return c.ListUsers(background, "session", api.ListUsersRequest{Limit: 2, PaginationToken: "a&b=/+", Kind: api.EndUser})
	}, method: "GET", uri: "/auth/users?kind=EndUser&limit=2&paginationToken=a%26b%3D%2F%2B", bearer: "session"},
	"GetUser": {call: func(c *client.Client) (any, error) {
		return c.GetUser(background, "session", "us-1")
	}, method: "GET", uri: "/auth/users/us-1", bearer: "session"},
	"GetUser, not as meant": {call: func(c *client.Client) (any, error) {
		return c.GetUser(background, "session", "../logout?x#y")
	}, method: "GET", uri: "/auth/users/..%2Flogout%3Fx%23y", bearer: "session"},
	"ConsumeAction": {call: func(c *client.Client) (any, error) {
		payload := ""
		return c.ConsumeAction(background, api.ConsumeActionRequest{UserAction: "jwt", Method: "POST", Path: "/pay", Payload: &payload})
	}, method: "POST", uri: "/countersign/actions/consume", body: `{"userAction":"jwt","httpMethod":"POST","httpPath":"/pay","payload":""}`},
	"Receipt": {call: func(c *client.Client) (any, error) {
		return c.Receipt(background, "session", "ua-1")
	}, method: "GET", uri: "/countersign/actions/ua-1", bearer: "session"},
}

func TestWhatEachCallSends(t *testing.T) {
	t.Parallel()
	for name, c := range calls {
		f := serve(t, say(200, `{}`))
		if _, err := c.call(f.Client); err != nil && !errors.Is(err, client.ErrChallenge) { // {} is no challenge
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := f.requests()
		if len(all) != 1 {
			t.Errorf("%s: %d requests", name, len(all))
			continue
		}
		r := all[0]
		if r.Method != c.method || r.URI != c.uri || r.Body != c.body {
			t.Errorf("%s sent %s %s %s\nwant %s %s %s", name, r.Method, r.URI, r.Body, c.method, c.uri, c.body)
		}
		bearer, contentType := "", ""
		if c.bearer != "" {
			bearer = "Bearer " + c.bearer
		}
		if c.body != "" {
			contentType = "application/json"
		}
		for header, want := range map[string]string{"Authorization": bearer, api.HeaderUserAction: c.action,
			"Content-Type": contentType, "Accept": "application/json"} {
			if got := r.Header.Get(header); got != want {
				t.Errorf("%s sent %s %q, want %q", name, header, got, want)
			}
		}
	}
}

// Each call returns what was answered.
func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	login := labelled(api.SigningChallenge{}, api.PurposeLogin, loginStatement)
	f := serve(t, func(w http.ResponseWriter, r seen) {
		io.WriteString(w, map[string]string{
			"/auth/login/init":             `{"challenge":"` + login.Challenge + `","challengeIdentifier":"` + login.ChallengeIdentifier + `","allowCredentials":{"key":[{"type":"public-key","id":"k"}],"webauthn":[]},"later":1}`,
			"/auth/login":                  `{"token":"t"}`,
			"/auth/action":                 `{"userAction":"a"}`,
			"/auth/users":                  `{"items":[{"userId":"us-1"}],"nextPageToken":"n"}`,
			"/countersign/actions/consume": `{"actionId":"ua-1","receipt":"{\"a\": 1}"}`,
		}[r.URI])
	})
	if c, err := f.InitLogin(background, api.InitLoginRequest{}); err != nil || c.Challenge != login.Challenge || c.ChallengeIdentifier != login.ChallengeIdentifier || c.AllowCredentials.Key[0].ID != "k" {
		t.Errorf("InitLogin: %+v, %v", c, err)
	}
	if r, err := f.Login(background, api.SignedChallenge{}); err != nil || r.Token != "t" {
		t.Errorf("Login: %+v, %v", r, err)
	}
	if r, err := f.SignAction(background, "s", api.SignedChallenge{}); err != nil || r.UserAction != "a" {
		t.Errorf("SignAction: %+v, %v", r, err)
	}
	if l, err := f.ListUsers(background, "s", api.ListUsersRequest{}); err != nil || l.NextPageToken != "n" || l.Items[0].UserID != "us-1" {
		t.Errorf("ListUsers: %+v, %v", l, err)
	}
	if a, err := f.ConsumeAction(background, api.ConsumeActionRequest{}); err != nil || a.ActionID != "ua-1" || a.Receipt != `{"a": 1}` {
		t.Errorf("ConsumeAction: %+v, %v", a, err)
	}
}

// Every byte of a receipt counts, even its last line break.
func TestAReceiptComesByteForByte(t *testing.T) {
	t.Parallel()
	document := "{\n  \"version\" : 1,\t\"text\":\"\\u003c<\"\n}\n"
	f := serve(t, say(200, document))
	got, err := f.Receipt(background, "session", "ua-1")
	if err != nil || string(got) != document {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := serve(t, say(200, "<html>")).Receipt(background, "session", "ua-1"); code(err) != client.CodeUnexpected || got != nil {
		t.Errorf("no receipt: %q, %v", got, err)
	}
}

func code(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestRefusalsTravelWhole(t *testing.T) {
	t.Parallel()
	f := serve(t, func(w http.ResponseWriter, r seen) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		io.WriteString(w, `{"error":{"id":"rf-1","status":400,"code":"too_many_tries","message":"Wait.","details":{"retryAfterSeconds":7}},"message":"Wait."}`)
	})
	_, err := f.InitLogin(background, api.InitLoginRequest{})
	var e *client.Error
	if !errors.As(err, &e) || e.Status != 429 || e.Code != "too_many_tries" || e.ID != "rf-1" || e.Message != "Wait." ||
		e.RetryAfter != 7*time.Second || e.Details["retryAfterSeconds"] != 7.0 {
		t.Fatalf("%#v", err)
	}
	if want := "429 too_many_tries: Wait. (reference rf-1)"; err.Error() != want {
		t.Errorf("says %q, want %q", err, want)
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d requests: it tried again", n)
	}
}

// Answers of others than Countersign: a proxy, a portal, another service.
func TestAnswersThatAreNotTheServers(t *testing.T) {
	t.Parallel()
	huge := `{"token":"` + strings.Repeat("a", 4<<20) + `"}`
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"a proxy's page": {502, "<html>Bad Gateway</html>"}, "nothing": {500, ""}, "another's error": {403, `{"error":"forbidden"}`},
		"an error without code": {403, `{"error":{"message":"no"},"message":"no"}`}, "an empty object": {400, "{}"},
		"a portal": {200, "<html>Log in to the hotel</html>"}, "empty success": {200, ""}, "no content": {204, ""},
		"accepted": {202, `{"token":"t"}`}, "created": {201, `{"token":"t"}`}, "cut": {200, `{"token":"t`}, "two": {200, `{"token":"t"}{}`},
		"huge": {200, huge}, "huge error": {500, huge}, "huge, of spaces": {200, `{"token":"t"}` + strings.Repeat(" ", 4<<20)},
	} {
		f := serve(t, say(c.status, c.body))
		got, err := f.Login(background, api.SignedChallenge{})
		var e *client.Error
		if !errors.As(err, &e) || e.Code != client.CodeUnexpected || e.Status != c.status || e.Message == "" {
			t.Errorf("%s: %v", name, err)
		}
		if got.Token != "" || err != nil && len(err.Error()) > 200 {
			t.Errorf("%s: %q, %v", name, got.Token, err)
		}
	}
	most := `{"token":"t"}` + strings.Repeat(" ", 4<<20-len(`{"token":"t"}`))
	if got, err := serve(t, say(200, most)).Login(background, api.SignedChallenge{}); err != nil || got.Token != "t" {
		t.Errorf("as much as is read: %v", err)
	}
	for name, body := range map[string]string{"an array": "[]", "a number": "1", "a token of numbers": `{"token":1}`} {
		if got, err := serve(t, say(200, body)).Login(background, api.SignedChallenge{}); err == nil || got.Token != "" {
			t.Errorf("%s: %q, %v", name, got.Token, err)
		}
	}
}

// net/http would send a signed action, and with 307 and 308 the body, to any server that a
// redirect names.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	thief := serve(t, say(200, `{}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		f := serve(t, func(w http.ResponseWriter, _ seen) {
			w.Header().Set("Location", thief.BaseURL+"/auth/users")
			w.WriteHeader(status)
		})
		own := f.HTTP
		_, err := f.CreateUser(background, "session", "action", api.CreateUserRequest{})
		if code(err) != client.CodeUnexpected {
			t.Errorf("%d: %v", status, err)
		}
		if f.HTTP != own || own.CheckRedirect != nil {
			t.Errorf("%d: the caller's HTTP client was changed", status)
		}
		if _, err := f.GetUser(background, "session", "us-1"); code(err) != client.CodeUnexpected {
			t.Errorf("%d, GET: %v", status, err)
		}
	}
	if n := len(thief.requests()); n != 0 {
		t.Errorf("%d requests went where the redirects pointed", n)
	}
}

// A path that continues the host's name would send the token to another host.
func TestInvalidPathsAndOrigins(t *testing.T) {
	t.Parallel()
	f := serve(t, say(200, `{}`))
	s := f.Session("session", nil)
	for _, path := range []string{"", "x", ".evil.example/x", "@evil.example/x", ":1/x", "?x", "/x#y", "https://evil.example/", "/\x00", "/%zz"} {
		if err := s.Do(background, "GET", path, nil, nil); err == nil {
			t.Errorf("path %q was sent", path)
		}
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := f.GetUser(background, "session", id); err == nil {
			t.Errorf("user %q was asked for", id)
		}
		if _, err := f.Receipt(background, "session", id); err == nil {
			t.Errorf("action %q was asked for", id)
		}
	}
	if n := len(f.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, base := range []string{"", "sign.example.org", "//sign.example.org", "ftp://sign.example.org", "https://", "https:///x", "http://%zz"} {
		c := &client.Client{BaseURL: base}
		if _, err := c.InitLogin(background, api.InitLoginRequest{}); err == nil || !strings.Contains(err.Error(), "BaseURL") {
			t.Errorf("base %q: %v", base, err)
		}
	}
	slash := &client.Client{BaseURL: f.BaseURL + "/"} // HTTP is the default
	if _, err := slash.Login(background, api.SignedChallenge{}); err != nil || f.requests()[0].URI != "/auth/login" {
		t.Errorf("base with a slash: %v", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	f := serve(t, func(http.ResponseWriter, seen) { <-hold })
	defer close(hold)
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	if _, err := f.InitLogin(ctx, api.InitLoginRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	over, end := context.WithCancel(background)
	end()
	if _, err := f.CreateUser(over, "session", "action", api.CreateUserRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := len(f.requests()); n > 1 {
		t.Errorf("%d requests", n)
	}
}

// A call whose answer is lost may have had its effect, so it is not repeated.
func TestACallIsNotRepeated(t *testing.T) {
	t.Parallel()
	var lose atomic.Bool
	f := serve(t, func(w http.ResponseWriter, r seen) {
		if !lose.Load() {
			say(200, `{}`)(w, r)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	for _, reused := range []bool{false, true} { // net/http repeats some calls on a reused connection
		f.HTTP.CloseIdleConnections()
		if lose.Store(false); reused {
			if _, err := f.Login(background, api.SignedChallenge{}); err != nil {
				t.Fatal(err)
			}
		}
		before := len(f.requests())
		lose.Store(true)
		_, err := f.ConsumeAction(background, api.ConsumeActionRequest{UserAction: "jwt-of-a-user"})
		if err == nil || strings.Contains(err.Error(), "jwt-of-a-user") {
			t.Errorf("reused %t: %v", reused, err)
		}
		if n := len(f.requests()) - before; n != 1 {
			t.Errorf("reused %t: %d requests", reused, n)
		}
	}
}

// If nobody listens, the network error is returned and does not contain the token.
func TestAServerThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := &client.Client{BaseURL: "http://" + address}
	_, err = c.CreateUser(background, "the-session-token", "the-user-action", api.CreateUserRequest{})
	var op *net.OpError
	if !errors.As(err, &op) || strings.Contains(err.Error(), "the-session") || strings.Contains(err.Error(), "the-user") {
		t.Errorf("%v", err)
	}
}

func TestRetryAfterThatIsNotANumber(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT"} {
		f := serve(t, func(w http.ResponseWriter, r seen) {
			w.Header().Set("Retry-After", value)
			say(503, `{"error":{"id":"rf-1","status":503,"code":"unavailable","message":"Later."},"message":"Later."}`)(w, r)
		})
		_, err := f.InitLogin(background, api.InitLoginRequest{})
		var e *client.Error
		if !errors.As(err, &e) || e.RetryAfter != 0 || e.Code != "unavailable" {
			t.Errorf("%q: %#v", value, err)
		}
	}
}

// A body that is already JSON is not quoted again.
func TestRawJSONGoesAsItIs(t *testing.T) {
	t.Parallel()
	f := serve(t, say(200, `{"a":1}`))
	var out json.RawMessage
	if err := f.Session("session", nil).Do(background, "PATCH", "/x?y=%20z", json.RawMessage(`{"n":1e400,"s":"a"}`), &out); err != nil {
		t.Fatal(err)
	}
	if r := f.requests()[0]; r.Method != "PATCH" || r.URI != "/x?y=%20z" || r.Body != `{"n":1e400,"s":"a"}` || string(out) != `{"a":1}` {
		t.Errorf("%+v, %s", r, out)
	}
}
