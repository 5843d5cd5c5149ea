package sdk_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/chromium"
	"github.com/countersign/countersign/internal/testing/contract"
)

// open shows an application's page with the build in it: on an origin of its own, or on
// the server's. It returns the program in it and where its SDK finds the server.
func (b build) open(t *testing.T, h *checkedServer, tab *chromium.Tab, origin string) (p program, url string) {
	t.Helper()
	if origin != "" {
		tab.Open(origin)
		return inPage(tab), h.proxy
	}
	tab.Open(h.URL + "/register")
	tab.Eval(b.script(t), nil)
	return inPage(tab), h.URL
}

// organisationAt makes an organisation whose passkeys work on the origin, "" for the server's own.
func organisationAt(t *testing.T, h *checkedServer, origin string) store.Organisation {
	t.Helper()
	if origin == "" {
		return h.Organisation(t, "Analytical Engines")
	}
	return h.OrganisationWith(t, organisation.New{Name: "Analytical Engines", RPID: "localhost", Origins: []string{origin}})
}

// makeBrowserSigner gives the user the build's signer.
func (u *sdkUser) makeBrowserSigner(t *testing.T, b build) {
	t.Helper()
	u.makeSigner(t, b.kind, map[string]any{"relyingParty": map[string]string{"id": "localhost", "name": "Analytical Engines"}})
}

// In the browser: who registered with a passkey or a key of the browser logs in, and
// countersigns the creation of a user, with every signer there was; by an application on
// an origin of its own, and on the server's.
func TestBrowserSDKLogsInAndCountersigns(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, where := range []string{"across origins", "on the server's origin"} {
		for _, b := range builds {
			t.Run(where+"/"+b.name, func(t *testing.T) {
				origin := ""
				if where == "across origins" {
					origin = site(t, b.script(t))
				}
				org := organisationAt(t, h, origin)
				inv := h.Invite(t, org.ID, "ada@example.org")
				tab := chromium.Open(t)
				key := tab.AddVirtualAuthenticator()
				p, url := b.open(t, h, tab, origin)

				ada := newUser(p, "ada", url)
				ada.makeBrowserSigner(t, b)
				ada.register(t, inv)
				ada = ada.logIn(t, named(org.ID, inv.Username))
				checkToken(t, h, ada.token(), inv)
				ada = ada.with("orgId", org.ID)
				browserCreates(t, ada)
				if p := tab.Problems(); len(p) > 0 {
					t.Errorf("the browser complains: %q", p)
				}
				checkUsed(t, h, b, key, inv, origin)
				ada.call(t, "base.userLogout").into(t, nil)
				wantRefused(t, "after logout", ada.call(t, "auth.listUsers"), http.StatusUnauthorized, "token_invalid")
			})
		}
	}
}

// browserCreates creates a user with each of the two clients.
func browserCreates(t *testing.T, u *sdkUser) {
	t.Helper()
	request := func(name string) map[string]any {
		return body(map[string]string{"email": name + "@example.org", "kind": api.CustomerEmployee})
	}
	u.call(t, "auth.createUser", request("bob")).into(t, nil)
	var challenge json.RawMessage
	u.delegated(t, "auth.createUserInit", request("eve")).into(t, &challenge)
	u.delegated(t, "auth.createUserComplete", request("eve"), sign(t, u, challenge)).into(t, nil)
	var list api.UserList
	u.call(t, "auth.listUsers").into(t, &list)
	var names []string
	for _, user := range list.Items {
		names = append(names, user.Username)
	}
	if !slices.Equal(names, []string{"ada@example.org", "bob@example.org", "eve@example.org"}) {
		t.Errorf("the organisation has %q", names)
	}
}

// checkUsed looks at what three signatures left: the credential's use, and the
// preflights of what an application on another origin sent.
func checkUsed(t *testing.T, h *checkedServer, b build, key *chromium.Authenticator, inv countersigntest.Invitation, origin string) {
	t.Helper()
	credentials, err := h.DB.CredentialsOfUser(t.Context(), inv.UserID)
	if err != nil || len(credentials) != 1 {
		t.Fatalf("%d credentials, %v", len(credentials), err)
	}
	if credentials[0].LastUsedAt.IsZero() {
		t.Error("the credential was never used")
	}
	made := key.Credentials()
	switch {
	case b.kind == "key" && (credentials[0].Kind != api.KindKey || len(made) != 0):
		t.Errorf("a %s is stored, and %d passkeys are in the authenticator", credentials[0].Kind, len(made))
	case b.kind != "key" && (len(made) != 1 || int64(made[0].SignCount) != credentials[0].SignCount):
		t.Errorf("the authenticator has %+v, stored is %+v", made, credentials[0])
	}
	if origin == "" {
		return
	}
	for _, path := range []string{"/auth/login/init", "/auth/login", "/auth/action/init", "/auth/action", "/auth/users"} {
		asked := h.passed(func(e contract.Exchange) bool { return preflight(origin)(e) && e.Request.URL.Path == path })
		if len(asked) == 0 {
			t.Errorf("no preflight for %s was seen: this was not across origins", path)
		}
	}
}

// Whoever holds a discoverable passkey logs in without a name: for an organisation, or,
// on the server's own page, for whatever one the passkey is of.
func TestBrowserSDKLogsInWithoutAName(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, b := range builds {
		if b.kind == "key" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			origin := site(t, b.script(t))
			for where, at := range map[string]string{"across origins": origin, "on the server's origin": ""} {
				tab := chromium.Open(t)
				tab.AddVirtualAuthenticator()
				p, url := b.open(t, h, tab, at)
				org, other := organisationAt(t, h, at), organisationAt(t, h, at)
				inv := h.Invite(t, org.ID, "ada@example.org")
				ada := newUser(p, "ada", url)
				ada.makeBrowserSigner(t, b)
				ada.register(t, inv)

				checkToken(t, h, ada.logIn(t, map[string]string{"orgId": org.ID}).token(), inv)
				o := ada.call(t, "authenticator.login", map[string]string{"orgId": other.ID})
				wantRefused(t, where+", another organisation", o, http.StatusUnauthorized, "signature_invalid")
				if at == "" {
					checkToken(t, h, ada.logIn(t, map[string]string{}).token(), inv)
				} else {
					o := ada.call(t, "authenticator.login", map[string]string{})
					wantRefused(t, "no organisation, on an origin of one", o, http.StatusBadRequest, "origin_not_allowed")
				}
			}
		})
	}
}

// A passkey for one user is no answer for another, known or not: the browser finds none
// of the listed ones, or the page says that it is not accepted.
func TestBrowserSDKCannotLogInAsAnother(t *testing.T) {
	t.Parallel()
	h := start(t)
	b := builds[0]
	org := h.Organisation(t, "Analytical Engines")
	tab := chromium.Open(t)
	tab.AddVirtualAuthenticator()
	p, url := b.open(t, h, tab, "")
	ada := newUser(p, "ada", url)
	ada.makeBrowserSigner(t, b)
	ada.register(t, h.Invite(t, org.ID, "ada@example.org"))
	h.Invite(t, org.ID, "bob@example.org") // not registered
	for _, name := range []string{"bob@example.org", "nobody@example.org"} {
		o := ada.call(t, "authenticator.login", named(org.ID, name))
		if o.Error == nil || o.Error.Name != "DOMException" || o.Error.HTTPStatus != 0 {
			t.Errorf("as %s: %+v, want the browser to have no such passkey", name, o)
		}
	}
	ada.logIn(t, named(org.ID, "ada@example.org"))
}

// PasswordProtectedKey in Chromium, on both origins.
func TestPasswordProtectedKeyInTheBrowser(t *testing.T) {
	t.Parallel()
	m := startMailed(t)
	b := builds[0]
	for where, origin := range map[string]string{"across origins": site(t, b.script(t)), "on the server's origin": ""} {
		t.Run(where, func(t *testing.T) {
			tab := chromium.Open(t)
			p, url := b.open(t, m.checkedServer, tab, origin)
			protectedKey(t, m, organisationAt(t, m.checkedServer, origin), p, url)
		})
	}
}
