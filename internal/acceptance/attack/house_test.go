package attack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"
	"github.com/countersign/countersign/internal/testing/database"
)

const (
	initPath     = "/auth/registration/init"
	completePath = "/auth/registration"
	resendPath   = "/auth/registration/code"
	openPath     = "/countersign/registration/open"
	recoveryPath = "/countersign/registration/recovery"
)

// house is a server under attack, with one organisation.
type house struct {
	*countersigntest.Server
	org     store.Organisation
	http    *http.Client
	invited atomic.Int32
}

func open(t *testing.T, options ...countersigntest.Option) *house {
	t.Helper()
	h := &house{Server: countersigntest.Start(t, options...)}
	h.org = h.Organisation(t, "Analytical Engines")
	h.http = h.HTTP()
	t.Cleanup(h.http.CloseIdleConnections)
	return h
}

// each runs a test against a server on each database.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Parallel()
	database.Each(t, func(t *testing.T, url string) { test(t, open(t, countersigntest.Database(url))) })
}

// answer is what came back, read to its end.
type answer struct {
	method, path string
	status       int
	header       http.Header
	closes       bool // the connection, after this answer
	body         []byte
	envelope     api.ErrorBody
}

func (a answer) code() string { return a.envelope.Error.Code }

// judge reads an answer and holds it against the contract.
func judge(t *testing.T, method, path string, res *http.Response) answer {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: the answer broke off: %v", method, path, err)
	}
	a := answer{method: method, path: path, status: res.StatusCode, header: res.Header, closes: res.Close, body: body}
	if err := contract.Check(method, path, a.status, a.header, a.body); err != nil {
		t.Errorf("contract: %v", err)
	}
	if a.status >= 400 && method != http.MethodHead {
		if err := json.Unmarshal(body, &a.envelope); err != nil {
			t.Errorf("%s %s: %v in %q", method, path, err, body)
		}
	}
	// The support id is in a header too, where clients find it that do not read the body.
	if id := res.Header.Get("X-Request-ID"); id == "" || a.status >= 400 && method != http.MethodHead && id != a.envelope.Error.ID {
		t.Errorf("%s %s: X-Request-ID is %q, error.id %q", method, path, id, a.envelope.Error.ID)
	}
	return a
}

// send makes one request. A body of type []byte or string is sent as it is, any other as
// its JSON, and nil not at all.
func (h *house) send(t *testing.T, method, path string, header http.Header, body any) answer {
	t.Helper()
	var sent io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		sent = bytes.NewReader(b)
	case string:
		sent = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, values := range header {
		r.Header[name] = values
	}
	res, err := h.http.Do(r)
	if err != nil {
		t.Fatalf("%s %s: the connection was dropped: %v", method, path, err)
	}
	path, _, _ = strings.Cut(path, "?")
	return judge(t, method, path, res)
}

func (h *house) post(t *testing.T, path string, body any) answer {
	t.Helper()
	return h.send(t, http.MethodPost, path, nil, body)
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// inside are words that only somebody who looks into the server should ever read.
var inside = []string{"pq:", "sqlite", "pgx", "postgres", "sql", "select ", "insert ", "update ", "constraint",
	"cbor", "json:", "jsontext", "asn1", "x509", "crypto/", "jose", "strconv", "reflect", "runtime", "goroutine", "panic",
	"eof", "illegal base64", "invalid character", "unmarshal", "net/http", "http:", "tls:", "github.com", ".go:", "0x", "nil"}

// refused fails t unless a is a refusal as every refusal must be: a 4xx in the envelope
// with one of the codes, if any are given, that tells nothing from inside the server and
// none of the secrets.
func (h *house) refused(t *testing.T, a answer, codes []string, secrets ...string) {
	t.Helper()
	if a.status < 400 || a.status > 499 {
		t.Errorf("%s %s answered %d, want a 4xx: %s", a.method, a.path, a.status, a.body)
		return
	}
	if len(codes) > 0 && !contains(codes, a.code()) {
		t.Errorf("%s %s refused with %d %q (%s), want %q", a.method, a.path, a.status, a.code(), a.envelope.Message, codes)
	}
	text := strings.ToLower(strings.ReplaceAll(string(a.body), a.envelope.Error.ID, "")) // random letters spell anything
	for _, word := range inside {
		if strings.Contains(text, word) {
			t.Errorf("%s %s: the refusal speaks of %q: %s", a.method, a.path, word, a.body)
		}
	}
	for _, secret := range append(secrets, h.URL, "localhost") {
		if secret != "" && strings.Contains(text, strings.ToLower(secret)) {
			t.Errorf("%s %s: the refusal tells %q: %s", a.method, a.path, secret, a.body)
		}
	}
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

func codes(all ...string) []string { return all }

// guest is an invited user at whose expense attacks are made.
type guest struct {
	countersigntest.Invitation
	h *house
}

func (h *house) guest(t *testing.T) *guest {
	t.Helper()
	return &guest{h.Invite(t, h.org.ID, fmt.Sprintf("guest%d@example.org", h.invited.Add(1))), h}
}

func (g *guest) invitation() api.InitRegistrationRequest {
	return api.InitRegistrationRequest{OrgID: g.OrgID, Username: g.Username, RegistrationCode: g.RegistrationCode}
}

// begin presents the code and returns the challenge.
func (g *guest) begin(t *testing.T) (c api.RegistrationChallenge) {
	t.Helper()
	a := g.h.post(t, initPath, g.invitation())
	if a.status != http.StatusOK {
		t.Fatalf("init: %d %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (g *guest) complete(t *testing.T, token string, body any) answer {
	t.Helper()
	return g.h.send(t, http.MethodPost, completePath, bearer(token), body)
}

// authenticators are shared: making their attestation keys takes time.
var passkeys = authenticator.New()

// passkey answers a challenge as a browser on the server's own page does.
func (g *guest) passkey(t *testing.T, c api.RegistrationChallenge, o authenticator.Options) api.CredentialAttestation {
	t.Helper()
	if o.Origin == "" {
		o.Origin = g.h.URL
	}
	made, _, err := passkeys.Create(c, o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func first(c api.CredentialAttestation) api.RegistrationRequest {
	return api.RegistrationRequest{FirstFactorCredential: &c}
}

// untouched fails t if anything was stored for the guest or if the code was spent.
func (g *guest) untouched(t *testing.T) {
	t.Helper()
	state, err := g.h.DB.RegistrationState(context.Background(), g.UserID, g.CodeID)
	if err != nil {
		t.Fatal(err)
	}
	if !state.User.RegisteredAt.IsZero() || !state.Code.SpentAt.IsZero() || !state.Code.RevokedAt.IsZero() {
		t.Errorf("the refused request left its mark: registered %v, spent %v, revoked %v",
			state.User.RegisteredAt, state.Code.SpentAt, state.Code.RevokedAt)
	}
	if kept := g.credentials(t); len(kept) > 0 {
		t.Errorf("the refused request left %d credentials", len(kept))
	}
}

func (g *guest) credentials(t *testing.T) []store.Credential {
	t.Helper()
	kept, err := g.h.DB.CredentialsOfUser(context.Background(), g.UserID)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// registers fails t unless the code still does what it is for.
func (g *guest) registers(t *testing.T) {
	t.Helper()
	g.untouched(t)
	c := g.begin(t)
	if a := g.complete(t, c.TemporaryAuthenticationToken, first(g.passkey(t, c, authenticator.Options{}))); a.status != http.StatusOK {
		t.Errorf("after the attacks the code does not register: %d %s", a.status, a.body)
	}
	if kept := g.credentials(t); len(kept) != 1 {
		t.Errorf("%d credentials, want 1", len(kept))
	}
}

// discreet fails t if the log or the record of a refusal holds one of the secrets.
func (h *house) discreet(t *testing.T, refusals []string, secrets ...string) {
	t.Helper()
	log := h.Log.String()
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, id := range refusals {
		f, err := h.DB.Refusal(context.Background(), id)
		if err != nil {
			t.Fatalf("refusal %s cannot be looked up: %v", id, err)
		}
		text := fmt.Sprintf("%+v", f)
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the record of a refusal holds %q: %s", secret, text)
			}
		}
	}
}
