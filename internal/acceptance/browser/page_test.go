// Package browser_test drives the hosted pages in a real Chromium with virtual
// authenticators, against the whole server.
package browser_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// user is a person with an invitation, a browser tab and, in most tests, a device.
type user struct {
	*chromium.Tab
	t   *testing.T
	srv *countersigntest.Server
	inv countersigntest.Invitation
	key *chromium.Authenticator
}

// invite gives a new person of a new organisation a tab of the browser.
func invite(t *testing.T, srv *countersigntest.Server, options ...func(*webauthn.VirtualAuthenticatorOptions)) *user {
	t.Helper()
	org := srv.Organisation(t, "Analytical Engines")
	tab := chromium.Open(t)
	return &user{Tab: tab, t: t, srv: srv, inv: srv.Invite(t, org.ID, "ada@example.org"), key: tab.AddVirtualAuthenticator(options...)}
}

// arrive opens the invitation's link and waits for the button to be ready.
func (g *user) arrive() {
	g.t.Helper()
	g.Open(g.inv.RegistrationURL)
	g.awaitState("ready")
}

// register makes a passkey on the page.
func (g *user) register() {
	g.t.Helper()
	g.arrive()
	g.Click("#create")
	g.awaitState("done")
}

func (g *user) awaitState(state string) {
	g.t.Helper()
	g.WaitFor(`document.body.dataset.state === "` + state + `"`)
}

// credentials are what the server keeps from the invitation's code.
func (g *user) credentials() []store.Credential {
	g.t.Helper()
	kept, err := g.srv.DB.CredentialsOfCode(context.Background(), g.inv.CodeID)
	if err != nil {
		g.t.Fatal(err)
	}
	return kept
}

// untroubled fails the test if the page met an error or broke its own policy.
func (g *user) untroubled() {
	g.t.Helper()
	for _, p := range g.Problems() {
		g.t.Errorf("the page has a problem: %s", p)
	}
}

// refusedWith fails the test unless the only problems are the answers that a test
// provoked; Chromium logs each of them.
func (g *user) refusedWith(status string) {
	g.t.Helper()
	for _, p := range g.Problems() {
		if !strings.Contains(p, "responded with a status of "+status) {
			g.t.Errorf("the page has a problem: %s", p)
		}
	}
}

// recordCalls keeps what the page sends in window.sent, as {path, body}.
const recordCalls = `
	window.sent = [];
	{
		const send = window.fetch;
		window.fetch = (path, options) => {
			window.sent.push({path, body: options.body ? JSON.parse(options.body) : null});
			return send(path, options);
		};
	}`

func (g *user) sent(path string) []map[string]any {
	g.t.Helper()
	var calls []struct {
		Path string
		Body map[string]any
	}
	g.Eval("window.sent", &calls)
	var bodies []map[string]any
	for _, c := range calls {
		if c.Path == path {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

func (g *user) wantText(selector string, parts ...string) {
	g.t.Helper()
	text := g.Text(selector)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			g.t.Errorf("%s shows %q, want it to say %q", selector, text, part)
		}
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
