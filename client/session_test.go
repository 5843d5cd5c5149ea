package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/verify/useraction"
)

const loginStatement = `{"countersign":2,"issuer":"https://sign.example.org","orgId":"or-1","nonce":"n"}`

// fakeServer answers like the server for a single user, whose key is k: a signed call must
// come with the action that was signed, and be the request that was signed.
type fakeServer struct {
	*fake
	k *client.KeySigner

	mu      sync.Mutex
	actions map[string]api.InitActionRequest // by challenge identifier, later by action
	n       int
	refuse  map[string]string // codes by the path that is refused
}

func newFakeServer(t *testing.T, k *client.KeySigner) *fakeServer {
	h := &fakeServer{k: k, actions: map[string]api.InitActionRequest{}, refuse: map[string]string{}}
	reg := registered(t, k)
	verify := func(in api.SignedChallenge) bool {
		a := in.FirstFactor.CredentialAssertion
		return a.CredID == k.CredentialID() &&
			reg.PublicKey.Verify(reg.Algorithm, decode(t, a.ClientData), decode(t, a.Signature)) == nil
	}
	h.fake = serve(t, func(w http.ResponseWriter, r seen) {
		h.mu.Lock()
		defer h.mu.Unlock()
		refuse := func(status int, code string) {
			say(status, fmt.Sprintf(`{"error":{"id":"rf-1","status":%d,"code":%q,"message":"No."},"message":"No."}`, status, code))(w, r)
		}
		if c := h.refuse[r.URI]; c != "" {
			refuse(403, c)
			return
		}
		answer := func(v any) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Error(err)
			}
			say(200, string(b))(w, r)
		}
		bearer := r.Header.Get("Authorization") == "Bearer session"
		var signed api.SignedChallenge
		switch r.URI {
		case "/auth/login/init":
			answer(labelled(listing(k.CredentialID()), api.PurposeLogin, loginStatement))
		case "/auth/login":
			if json.Unmarshal([]byte(r.Body), &signed) != nil || signed.ChallengeIdentifier != labelled(api.SigningChallenge{}, api.PurposeLogin, loginStatement).ChallengeIdentifier || !verify(signed) {
				refuse(401, "signature_invalid")
				return
			}
			answer(api.LoginResult{Token: "session"})
		case "/auth/action/init":
			var in api.InitActionRequest
			if err := json.Unmarshal([]byte(r.Body), &in); err != nil || !bearer {
				refuse(401, "token_invalid")
				return
			}
			h.n++
			c := labelled(listing(k.CredentialID()), api.PurposeAction, useraction.NewStatement(
				useraction.Statement{OrgID: "or-1", Method: in.Method, Path: in.Path}, in.Payload, time.Now()).Text())
			h.actions[c.ChallengeIdentifier] = in
			answer(c)
		case "/auth/action":
			if json.Unmarshal([]byte(r.Body), &signed) != nil || !bearer || !verify(signed) {
				refuse(401, "signature_invalid")
				return
			}
			action := "action-" + signed.ChallengeIdentifier
			h.actions[action] = h.actions[signed.ChallengeIdentifier]
			answer(api.ActionResult{UserAction: action})
		default:
			action := r.Header.Get(api.HeaderUserAction)
			in, known := h.actions[action]
			if r.Method != http.MethodGet && (!known || in.Method != r.Method || in.Path != r.URI || in.Payload != r.Body) {
				refuse(403, "user_action_invalid")
				return
			}
			delete(h.actions, action)
			say(200, `{"email":"","userId":"us-1","payload":`+string(quote(t, r.Body))+`}`)(w, r)
		}
	})
	return h
}

func quote(t *testing.T, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		t.Error(err)
	}
	return b
}

func logIn(t *testing.T, h *fakeServer) *client.Session {
	t.Helper()
	s, err := h.LogIn(background, "or-1", "ada", h.k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func paths(all []seen) string {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintf(&b, "%s %s\n", r.Method, r.URI)
	}
	return b.String()
}

func TestLoggingIn(t *testing.T) {
	for _, keyType := range keyTypes {
		h := newFakeServer(t, signer(t, keyType))
		s := logIn(t, h)
		if s.Token != "session" || s.Signer != client.Signer(h.k) {
			t.Errorf("%s: %+v", keyType, s)
		}
		all := h.requests()
		if got, want := paths(all), "POST /auth/login/init\nPOST /auth/login\n"; got != want {
			t.Errorf("%s: sent\n%s", keyType, got)
		}
		if want := `{"username":"ada","orgId":"or-1"}`; all[0].Body != want {
			t.Errorf("%s: began with %s", keyType, all[0].Body)
		}
	}
}

func TestLoggingInFails(t *testing.T) {
	k := signer(t, client.P256)
	h := newFakeServer(t, k)
	other, err := client.GenerateKeySigner(client.P256)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.LogIn(background, "or-1", "ada", other); !errors.Is(err, client.ErrNotAllowed) || s != nil {
		t.Errorf("another's key: %v", err)
	}
	impostor, err := client.NewKeySigner(k.CredentialID(), other.PrivateKeyPEM())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.LogIn(background, "or-1", "ada", impostor); code(err) != "signature_invalid" || s != nil {
		t.Errorf("another key of that name: %v", err)
	}
	h.refuse["/auth/login/init"] = "too_many_tries"
	if s, err := h.LogIn(background, "or-1", "ada", k); code(err) != "too_many_tries" || s != nil {
		t.Errorf("refused: %v", err)
	}
	before := len(h.requests())
	for _, c := range []struct {
		org, name string
		signer    client.Signer
	}{{"", "ada", k}, {"or-1", "", k}, {"or-1", "ada", nil}} {
		if s, err := h.LogIn(background, c.org, c.name, c.signer); err == nil || s != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if n := len(h.requests()) - before; n != 0 {
		t.Errorf("%d requests were sent for what cannot be", n)
	}
}

// Each call sends byte for byte what was signed, with any body and query.
func TestSignedCalls(t *testing.T) {
	h := newFakeServer(t, signer(t, client.Ed25519))
	s := logIn(t, h)
	for name, c := range map[string]struct {
		method, path string
		in           any
		payload      string
	}{
		"an object":          {"POST", "/x", map[string]any{"b": "<&>\u2028é", "a": 1}, `{"a":1,"b":"\u003c\u0026\u003e\u2028é"}`},
		"raw":                {"PUT", "/x", json.RawMessage(`{"amount":12345678901234567890.00}`), `{"amount":12345678901234567890.00}`},
		"nothing":            {"DELETE", "/x/1?force=true&a=%2f", nil, ""},
		"an empty object":    {"POST", "/x", struct{}{}, "{}"},
		"null":               {"POST", "/x", json.RawMessage("null"), "null"},
		"an encoded segment": {"POST", "/x/a%2Fb%20c", 1, "1"},
	} {
		before := len(h.requests())
		var out struct{ Payload string }
		if err := s.DoSigned(background, c.method, c.path, c.in, &out); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := h.requests()[before:]
		if want := "POST /auth/action/init\nPOST /auth/action\n" + c.method + " " + c.path + "\n"; paths(all) != want {
			t.Errorf("%s: sent\n%s", name, paths(all))
			continue
		}
		if out.Payload != c.payload || all[2].Body != c.payload {
			t.Errorf("%s: sent %s, want %s", name, all[2].Body, c.payload)
		}
	}
	if u, err := s.CreateUser(background, api.CreateUserRequest{Email: "grace@example.org", Kind: api.CustomerEmployee}); err != nil || u.UserID != "us-1" {
		t.Errorf("CreateUser: %+v, %v", u, err)
	}
}

func TestASignedCallThatIsRefused(t *testing.T) {
	k := signer(t, client.P256)
	for at, want := range map[string]string{
		"/auth/action/init": "POST /auth/action/init\n",
		"/auth/action":      "POST /auth/action/init\nPOST /auth/action\n",
		"/auth/users":       "POST /auth/action/init\nPOST /auth/action\nPOST /auth/users\n",
	} {
		h := newFakeServer(t, k)
		h.refuse[at] = "permission_denied"
		u, err := h.Session("session", k).CreateUser(background, api.CreateUserRequest{})
		if code(err) != "permission_denied" || u.UserID != "" || paths(h.requests()) != want {
			t.Errorf("refused at %s: %v, sent\n%s", at, err, paths(h.requests()))
		}
	}
}

// refusing is a signer that does not sign.
type refusing struct{ err error }

func (s refusing) Sign(context.Context, api.SigningChallenge) (api.CredentialAssertion, error) {
	return api.CredentialAssertion{}, s.err
}

func TestUnsignedCallsAreNotSent(t *testing.T) {
	k := signer(t, client.P256)
	h := newFakeServer(t, k)
	declined := errors.New("declined by its owner")
	for name, s := range map[string]*client.Session{"declined": h.Session("session", refusing{declined}), "no signer": h.Session("session", nil)} {
		err := s.DoSigned(background, "POST", "/x", nil, nil)
		if err == nil || name == "declined" && !errors.Is(err, declined) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := h.Session("session", k)
	if err := s.DoSigned(background, "POST", "/x", func() {}, nil); err == nil {
		t.Error("a body that is not JSON was sent")
	}
	if err := s.Do(background, "POST", "/x", func() {}, nil); err == nil {
		t.Error("a body that is not JSON was sent, unsigned")
	}
	for _, r := range h.requests() {
		if r.URI != "/auth/action/init" {
			t.Errorf("sent %s %s", r.Method, r.URI)
		}
	}
	before := len(h.requests())
	for _, path := range []string{"x", "@evil.example/x", "/x#y", "/\x7f"} {
		if err := s.DoSigned(background, "POST", path, nil, nil); err == nil {
			t.Errorf("path %q was signed", path)
		}
	}
	for _, c := range []struct{ path, payload string }{{"/x", "\xff"}, {"/x", `{"a":"` + "\xed\xa0\x80" + `"}`}, {"/\xff", ""}} {
		if a, err := s.SignFor(background, "POST", c.path, []byte(c.payload)); err == nil || a != "" {
			t.Errorf("%q %q was signed, as other text than it is", c.path, c.payload)
		}
	}
	if n := len(h.requests()) - before; n != 0 {
		t.Errorf("%d requests were sent for what cannot be signed", n)
	}
}

// For another service the path may begin with its origin, and the payload may be any text.
func TestSigningForAnotherService(t *testing.T) {
	h := newFakeServer(t, signer(t, client.Secp256k1))
	s := logIn(t, h)
	for _, c := range []struct{ method, path, payload string }{
		{"POST", "https://pay.example.org/transfers?dry=1", `{"amount": 1}`},
		{"DELETE", "/transfers/1", ""},
		{"PUT", "/notes", "not JSON, \x00 but text"},
	} {
		action, err := s.SignFor(background, c.method, c.path, []byte(c.payload))
		if err != nil || action == "" {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		got := h.actions[action]
		if got.Method != c.method || got.Path != c.path || got.Payload != c.payload {
			t.Errorf("signed %+v, want %+v", got, c)
		}
	}
}

func TestReadingAndLoggingOut(t *testing.T) {
	h := newFakeServer(t, signer(t, client.P256))
	s := h.Session("session", nil)
	if u, err := s.GetUser(background, "us-1"); err != nil || u.UserID != "us-1" {
		t.Errorf("GetUser: %+v, %v", u, err)
	}
	if _, err := s.ListUsers(background, api.ListUsersRequest{Limit: 1}); err != nil {
		t.Error(err)
	}
	if err := s.Do(background, "GET", "/x", nil, nil); err != nil {
		t.Error(err)
	}
	h.refuse["/auth/logout"] = "token_invalid"
	if err := s.LogOut(background, true); code(err) != "token_invalid" {
		t.Errorf("LogOut: %v", err)
	}
	all := h.requests()
	if want := "GET /auth/users/us-1\nGET /auth/users?limit=1\nGET /x\nPUT /auth/logout\n"; paths(all) != want {
		t.Errorf("sent\n%s", paths(all))
	}
	if all[3].Body != `{"allSessions":true}` {
		t.Errorf("logged out with %s", all[3].Body)
	}
	for _, r := range all {
		if r.Header.Get("Authorization") != "Bearer session" || r.Header.Get(api.HeaderUserAction) != "" {
			t.Errorf("%s with %v", r.URI, r.Header)
		}
	}
}

func TestASessionOfManyGoroutines(t *testing.T) {
	h := newFakeServer(t, signer(t, client.Ed25519))
	s := logIn(t, h)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			var out struct{ Payload string }
			if err := s.DoSigned(background, "POST", "/x", i, &out); err != nil || out.Payload != fmt.Sprint(i) {
				t.Errorf("%d: %+v, %v", i, out, err)
			}
		})
	}
	all.Wait()
}

func TestNothingPrintsTheToken(t *testing.T) {
	k := signer(t, client.P256)
	s := (&client.Client{BaseURL: "https://sign.example.org"}).Session("secret-token", k)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, v := range []any{s, *s, []any{s}, struct{ S *client.Session }{s}} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "secret") || strings.Contains(out, fmt.Sprintf("%x", "secret")) {
				t.Errorf("%s of %T prints %s", verb, v, out)
			}
		}
	}
	if out, err := json.Marshal(s); err != nil || string(out) != "{}" {
		t.Errorf("as JSON: %s, %v", out, err)
	}
	if !strings.Contains(s.String(), "sign.example.org") {
		t.Errorf("is called %q", s)
	}
}
