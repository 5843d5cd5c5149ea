package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/contract"

	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestMain(m *testing.M) { chromium.Main(m) }

// checkedServer is a running server with a proxy before it that holds every answer
// against the contract.
type checkedServer struct {
	*countersigntest.Server
	proxy string // address of the proxy

	mu        sync.Mutex
	exchanges []contract.Exchange
}

func start(t *testing.T, options ...countersigntest.Option) *checkedServer {
	t.Helper()
	h := &checkedServer{Server: countersigntest.Start(t, options...)}
	h.proxy = contract.Proxy(t, h.URL, func(e contract.Exchange) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.exchanges = append(h.exchanges, e)
	})
	return h
}

// passed returns the exchanges that went through the proxy for which keep is true.
func (h *checkedServer) passed(keep func(contract.Exchange) bool) []contract.Exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kept []contract.Exchange
	for _, e := range h.exchanges {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// with keeps the exchanges whose request has this header.
func with(name, value string) func(contract.Exchange) bool {
	return func(e contract.Exchange) bool { return e.Request.Header.Get(name) == value }
}

// preflight keeps the CORS preflights that were granted to a page of this origin.
func preflight(origin string) func(contract.Exchange) bool {
	return func(e contract.Exchange) bool {
		return contract.Preflight(e.Request) && e.Request.Header.Get("Origin") == origin &&
			e.Status/100 == 2 && e.Header.Get("Access-Control-Allow-Origin") != ""
	}
}

// registered fails t unless the SDK's result and the store agree that the invited user
// is registered, and returns the user's credentials.
func (h *checkedServer) registered(t *testing.T, inv countersigntest.Invitation, result json.RawMessage) []store.Credential {
	t.Helper()
	// What the SDK hands to its caller is the wire's answer, no member lost.
	asSent := http.Header{"Content-Type": {"application/json"}}
	if err := contract.Check(http.MethodPost, "/auth/registration", http.StatusOK, asSent, result); err != nil {
		t.Fatalf("the SDK's result: %v", err)
	}
	var got api.RegistrationResult
	if err := json.Unmarshal(result, &got); err != nil {
		t.Fatal(err)
	}
	if want := (api.RegisteredUser{ID: inv.UserID, Username: inv.Username, OrgID: inv.OrgID}); got.User != want {
		t.Errorf("the result names the user %+v, want %+v", got.User, want)
	}

	user, err := h.DB.User(t.Context(), inv.UserID)
	if err != nil {
		t.Fatal(err)
	}
	if user.RegisteredAt.IsZero() {
		t.Errorf("%s is not registered in the store", inv.Username)
	}
	credentials, err := h.DB.CredentialsOfUser(t.Context(), inv.UserID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range credentials {
		if c.ID == got.Credential.UUID {
			if c.Kind != got.Credential.Kind || c.Factor != store.FactorFirst {
				t.Errorf("the store has %s %s, the result said a first factor %s", c.Factor, c.Kind, got.Credential.Kind)
			}
			return credentials
		}
	}
	t.Fatalf("the store has no credential %s", got.Credential.UUID)
	return nil
}

// unregistered fails t if anything was stored for the invited user.
func (h *checkedServer) unregistered(t *testing.T, inv countersigntest.Invitation) {
	t.Helper()
	user, err := h.DB.User(t.Context(), inv.UserID)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := h.DB.CredentialsOfUser(t.Context(), inv.UserID)
	if err != nil {
		t.Fatal(err)
	}
	if !user.RegisteredAt.IsZero() || len(credentials) > 0 {
		t.Errorf("%s is registered (%v) with %d credentials, want nothing stored", inv.Username, user.RegisteredAt, len(credentials))
	}
}

// only fails t unless there is exactly one credential, of this kind and id.
func only(t *testing.T, credentials []store.Credential, kind, credentialID string) store.Credential {
	t.Helper()
	if len(credentials) != 1 {
		t.Fatalf("%d credentials are stored, want 1", len(credentials))
	}
	c := credentials[0]
	if c.Kind != kind {
		t.Errorf("the credential is a %s, want a %s", c.Kind, kind)
	}
	if id := base64.RawURLEncoding.EncodeToString(c.CredentialID); id != credentialID {
		t.Errorf("the credential's id is %s, want %s as the SDK sent it", id, credentialID)
	}
	return c
}
