package sdk_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// build is one version of the SDK bundled with one of its browser signers.
type build struct {
	name                string
	sdk, signer, npm    string // folders of the versions, and the signer's package
	kind                string // of signer, as browser.mjs knows it
	header, headerValue string // by which the SDK is known
}

var builds = []build{
	{name: "0.8.21 with WebAuthnSigner 0.6.12", sdk: "v0.8", signer: "v0.6", npm: "sdk-browser", kind: "webauthn", header: "X-Dfns-Sdk-Version", headerValue: "0.8.21"},
	{name: "WebAuthnSigner 0.6.12", sdk: "v0.6", signer: "v0.6", npm: "sdk-browser", kind: "webauthn", header: "X-Dfns-Sdk-Version", headerValue: "0.6.12"},
	{name: "WebAuthnSigner 0.5.8", sdk: "v0.5", signer: "v0.5", npm: "sdk-browser", kind: "webauthn", header: "X-Dfns-Appid", headerValue: appID},
	{name: "WebAuthnSigner 0.4.3", sdk: "v0.4", signer: "v0.4", npm: "sdk-browser", kind: "webauthn", header: "X-Dfns-Appid", headerValue: appID},
	{name: "WebAuthn 0.2.5", sdk: "v0.2", signer: "v0.2", npm: "sdk-webauthn", kind: "webauthn-0.2", header: "X-Dfns-Appid", headerValue: appID},
	{name: "0.8.21 with BrowserKeySigner 0.6.12", sdk: "v0.8", signer: "v0.6", npm: "sdk-browser", kind: "key", header: "X-Dfns-Sdk-Version", headerValue: "0.8.21"},
	{name: "BrowserKeySigner 0.6.12", sdk: "v0.6", signer: "v0.6", npm: "sdk-browser", kind: "key", header: "X-Dfns-Sdk-Version", headerValue: "0.6.12"},
	{name: "BrowserKeySigner 0.4.3", sdk: "v0.4", signer: "v0.4", npm: "sdk-browser", kind: "key", header: "X-Dfns-Appid", headerValue: appID},
}

// scripts keeps each bundle, by its environment.
var scripts = struct {
	sync.Mutex
	made map[[3]string]string
}{made: map[[3]string]string{}}

func (b build) script(t *testing.T) string {
	t.Helper()
	key := [3]string{b.sdk, b.signer, b.npm}
	scripts.Lock()
	defer scripts.Unlock()
	if scripts.made[key] == "" {
		scripts.made[key] = string(node(t, "bundle.mjs", map[string]string{
			"SDK": b.sdk, "SIGNER": b.signer, "SIGNER_PACKAGE": b.npm,
		}))
	}
	return scripts.made[key]
}

// site serves an application's page that loads the bundle, on an origin of its own.
func site(t *testing.T, script string) (origin string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><title>An application</title><link rel="icon" href="data:,"><script src="/sdk.js"></script>`))
	})
	mux.HandleFunc("GET /sdk.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write([]byte(script))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)
}

// register has the page in the tab register with the server at baseURL.
func register(t *testing.T, tab *chromium.Tab, b build, baseURL string, inv countersigntest.Invitation) outcome {
	t.Helper()
	task, err := json.Marshal(map[string]any{
		"signer":       b.kind,
		"relyingParty": map[string]string{"id": "localhost", "name": "Analytical Engines"},
		"options":      map[string]string{"baseUrl": baseURL, "appId": appID},
		"invitation": map[string]string{
			"orgId": inv.OrgID, "username": inv.Username, "registrationCode": inv.RegistrationCode,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text json.RawMessage
	tab.Eval("register("+string(task)+")", &text)
	return decodeOutcome(t, text)
}

// checkStored compares what the store has with what the browser made.
func checkStored(t *testing.T, h *checkedServer, b build, key *chromium.Authenticator, inv countersigntest.Invitation, o outcome) {
	t.Helper()
	if o.Error != nil {
		t.Fatalf("the SDK threw %+v %s", *o.Error, o.Error.Body)
	}
	credentials := h.registered(t, inv, o.Result)
	if b.kind == "key" {
		if len(credentials) != 1 || credentials[0].Kind != api.KindKey || credentials[0].Algorithm != "ES256" {
			t.Errorf("stored %+v, want one ES256 key", credentials)
		}
		return
	}
	made := key.Credentials()
	if len(made) != 1 {
		t.Fatalf("the authenticator keeps %d credentials, want 1", len(made))
	}
	stored := only(t, credentials, api.KindFido2, base64.RawURLEncoding.EncodeToString(made[0].CredentialID))
	if stored.RPID != "localhost" || !stored.UserVerified {
		t.Errorf("stored for %q, user verified: %v; want localhost, true", stored.RPID, stored.UserVerified)
	}
	// The user handle is the UTF-8 of the user's id, in every version.
	if handle := string(made[0].UserHandle); handle != inv.UserID {
		t.Errorf("the authenticator's user handle is %q, want %s", handle, inv.UserID)
	}
}

// An application on an origin of its own, which its organisation lists.
func TestBrowserSDKRegistersAcrossOrigins(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			origin := site(t, b.script(t))
			org := h.OrganisationWith(t, organisation.New{Name: "Analytical Engines", RPID: "localhost", Origins: []string{origin}})
			inv := h.Invite(t, org.ID, "ada@example.org")

			tab := chromium.Open(t)
			key := tab.AddVirtualAuthenticator()
			tab.Open(origin)
			before := len(h.passed(with(b.header, b.headerValue)))
			o := register(t, tab, b, h.proxy, inv)

			checkStored(t, h, b, key, inv, o)
			if p := tab.Problems(); len(p) > 0 {
				t.Errorf("the browser complains: %q", p)
			}
			if n := len(h.passed(preflight(origin))); n == 0 {
				t.Error("no preflight was seen: this was not across origins")
			}
			if calls := len(h.passed(with(b.header, b.headerValue))) - before; calls != 2 {
				t.Errorf("%d calls with %s: %s, want init and complete", calls, b.header, b.headerValue)
			}
		})
	}
}

// An application on the server's own origin, of an organisation that lists none.
func TestBrowserSDKRegistersOnTheServersOrigin(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			inv := h.Invite(t, org.ID, strings.ReplaceAll(b.name, " ", ".")+"@example.org")
			tab := chromium.Open(t)
			key := tab.AddVirtualAuthenticator()
			tab.Open(h.URL + "/register")
			tab.Eval(b.script(t), nil)
			checkStored(t, h, b, key, inv, register(t, tab, b, h.URL, inv))
		})
	}
}

// A page that the organisation does not list gets nowhere, and costs nothing.
func TestBrowserSDKIsRefusedOnAForeignOrigin(t *testing.T) {
	t.Parallel()
	h := start(t)
	org := h.Organisation(t, "Analytical Engines")
	inv := h.Invite(t, org.ID, "ada@example.org")
	b := builds[0]
	script := b.script(t)

	tab := chromium.Open(t)
	tab.AddVirtualAuthenticator()
	tab.Open(site(t, script))
	o := register(t, tab, b, h.proxy, inv)
	wantRefused(t, "an origin that the organisation does not list", o, http.StatusBadRequest, "origin_not_allowed")
	if o.Error != nil && strings.Contains(string(o.Error.Body), h.URL) {
		t.Errorf("the refusal tells the origin that was expected: %s", o.Error.Body)
	}
	h.unregistered(t, inv)

	// The code still works where it should.
	tab = chromium.Open(t)
	key := tab.AddVirtualAuthenticator()
	tab.Open(h.URL + "/register")
	tab.Eval(script, nil)
	checkStored(t, h, b, key, inv, register(t, tab, b, h.URL, inv))
}

// A refusal reaches the page as the SDK's error, across origins too: the browser must be
// allowed to read it.
func TestBrowserSDKReadsRefusals(t *testing.T) {
	t.Parallel()
	h := start(t)
	b := builds[0]
	origin := site(t, b.script(t))
	org := h.OrganisationWith(t, organisation.New{Name: "Analytical Engines", RPID: "localhost", Origins: []string{origin}})
	inv := h.Invite(t, org.ID, "ada@example.org")
	inv.RegistrationCode = "AAAA-AAAA-AAAA-AAAA-AAAA"

	tab := chromium.Open(t)
	tab.AddVirtualAuthenticator()
	tab.Open(origin)
	o := register(t, tab, b, h.proxy, inv)
	if o.Error == nil || o.Error.HTTPStatus != http.StatusUnauthorized || o.reason() != "registration_refused" {
		t.Errorf("the page got %+v, want the refusal", o)
	}
	h.unregistered(t, inv)
}
