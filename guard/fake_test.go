package guard_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/guard"
	"github.com/countersign/countersign/internal/verify/useraction"
)

// fake is the part of a Countersign server that a Guard calls: it publishes keys and spends
// tokens. A test may replace either.
type fake struct {
	*httptest.Server
	key ed25519.PrivateKey

	mu        sync.Mutex
	published []map[string]any
	used      map[string]bool
	consumed  []api.ConsumeActionRequest
	jwks      http.HandlerFunc // instead of the keys, unless nil
	consume   http.HandlerFunc // instead of spending, unless nil

	keysAsked atomic.Int32
}

func start(t *testing.T) *fake {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{key: private, used: map[string]bool{}, published: []map[string]any{jwk("k1", public)}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", f.serveKeys)
	mux.HandleFunc("POST /countersign/actions/consume", f.serveConsume)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func jwk(kid string, public ed25519.PublicKey) map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid,
		"x": base64.RawURLEncoding.EncodeToString(public)}
}

func (f *fake) serveKeys(w http.ResponseWriter, r *http.Request) {
	f.keysAsked.Add(1)
	f.mu.Lock()
	instead, set := f.jwks, map[string]any{"keys": f.published}
	f.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	json.NewEncoder(w).Encode(set)
}

func (f *fake) serveConsume(w http.ResponseWriter, r *http.Request) {
	var in api.ConsumeActionRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		envelope(w, http.StatusBadRequest, "invalid_json")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.consumed = append(f.consumed, in)
	if f.consume != nil {
		f.consume(w, r)
		return
	}
	c, err := useraction.Read(in.UserAction, func(string) (ed25519.PublicKey, bool) { return f.key.Public().(ed25519.PublicKey), true }, time.Now())
	switch {
	case in.Method == "" || in.Path == "" || in.Payload == nil:
		envelope(w, http.StatusBadRequest, "member_missing")
	case err != nil || in.Method != c.Method || !useraction.SamePath(c.Path, in.Path) || !c.CoversPayload([]byte(*in.Payload)):
		envelope(w, http.StatusForbidden, "user_action_invalid")
	case f.used[c.ID]:
		envelope(w, http.StatusBadRequest, "user_action_used")
	default:
		f.used[c.ID] = true
		json.NewEncoder(w).Encode(answer(c))
	}
}

func answer(c useraction.Claims) api.ConsumedAction {
	return api.ConsumedAction{ActionID: c.ID, OrgID: c.Metadata.OrgID, UserID: c.Metadata.UserID, Username: c.Username,
		CredentialUUID: c.CredentialUUID, CredentialKind: c.CredentialKind, Method: c.Method, Path: c.Path,
		SignedAt: "2026-11-22T10:20:30.456Z", Receipt: "{\n  \"receipt\": 1\n}\n"}
}

const supportID = "rf-06h0a-4n6ft-umr6kh4hga5vq27s"

func envelope(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(api.ErrorBody{Error: api.ErrorDetail{ID: supportID, Status: status, Code: code, Message: "no"}, Message: "no"})
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// spent is how often the server was asked to spend a token.
func (f *fake) spent() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.consumed)
}

const (
	payload = `{"to":"grace","amount":10}`
	org     = "or-00000-00000-0000000000000000"
)

// claims is a signed transfer: POST /transfers?fast=1 with payload.
func (f *fake) claims() useraction.Claims {
	now := time.Now()
	return useraction.Claims{
		Issuer: f.URL, Subject: org, ID: api.NewID(api.PrefixAction, now), IssuedAt: now.Unix(), Expiry: now.Add(5 * time.Minute).Unix(),
		Method: "POST", Path: "/transfers?fast=1",
		PayloadSHA256: useraction.PayloadDigest([]byte(payload)), CanonicalSHA256: useraction.CanonicalDigest([]byte(payload)),
		Challenge: "c", CredentialUUID: "cr-1", CredentialKind: api.KindFido2, Username: "ada@example.org",
		Metadata: useraction.Metadata{OrgID: org, UserID: "us-1", TokenKind: "UserAction"},
	}
}

// token signs the transfer's claims after change.
func (f *fake) token(t *testing.T, change ...func(*useraction.Claims)) string {
	t.Helper()
	c := f.claims()
	for _, ch := range change {
		ch(&c)
	}
	return tokenOf(t, useraction.TokenType, "k1", f.key, c)
}

func tokenOf(t *testing.T, kind, kid string, key ed25519.PrivateKey, claims any) string {
	t.Helper()
	s, err := useraction.NewSigner(kind, kid, key)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Token(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// service is a guarded service that records what its handler saw.
type service struct {
	*httptest.Server
	guard *guard.Guard

	mu      sync.Mutex
	calls   int
	request *http.Request
	body    string
	action  guard.Action
	refused []*api.Error
	ids     []string
}

func protect(t *testing.T, f *fake, change ...func(*guard.Config)) *service {
	t.Helper()
	s := &service{}
	c := guard.Config{Server: f.URL, Refused: func(_ *http.Request, id string, err *api.Error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused, s.ids = append(s.refused, err), append(s.ids, id)
	}}
	for _, ch := range change {
		ch(&c)
	}
	var err error
	if s.guard, err = guard.New(c); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(s.guard.Require(http.HandlerFunc(s.serve)))
	t.Cleanup(s.Close)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.request, s.body = r, string(b)
	s.action, _ = guard.From(r.Context())
	io.WriteString(w, "done")
}

func (s *service) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// transfer is the signed request with a token, as a client sends it.
func (s *service) transfer(t *testing.T, token string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", s.URL+"/transfers?fast=1", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(api.HeaderUserAction, token)
	return r
}

// send returns status and envelope; every refusal must have an envelope.
func send(t *testing.T, r *http.Request) (int, api.ErrorBody) {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return read(t, res)
}

func read(t *testing.T, res *http.Response) (int, api.ErrorBody) {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var e api.ErrorBody
	if res.StatusCode != http.StatusOK {
		d := json.NewDecoder(bytes.NewReader(b))
		if err := d.Decode(&e); err != nil {
			t.Fatalf("%d is answered with %q, which is not an envelope", res.StatusCode, b)
		}
		if e.Error.Status != res.StatusCode || e.Error.Message != e.Message || e.Message == "" || !api.ValidID(api.PrefixRefusal, e.Error.ID) {
			t.Errorf("the envelope of a %d is %s", res.StatusCode, b)
		}
		if got := res.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("a refusal has the content type %q", got)
		}
	}
	return res.StatusCode, e
}

// wantRefused requires that a request is refused and the handler is not called.
func (s *service) wantRefused(t *testing.T, r *http.Request, status int, code string) {
	t.Helper()
	before := s.called()
	got, e := send(t, r)
	if got != status || e.Error.Code != code {
		t.Errorf("answered %d %s, want %d %s", got, e.Error.Code, status, code)
	}
	if s.called() != before {
		t.Error("the handler was called")
	}
}

func (s *service) wantPassed(t *testing.T, r *http.Request) {
	t.Helper()
	before := s.called()
	if got, e := send(t, r); got != http.StatusOK || s.called() != before+1 {
		t.Errorf("answered %d %s, want 200", got, e.Error.Code)
	}
}
