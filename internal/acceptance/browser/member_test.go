package browser_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
)

// prompt is one call of navigator.credentials.get() that a page made.
type prompt struct {
	Mediation string
	Event     string // of the handler that made it, "" when it came later
	Active    bool   // a user's gesture counted
	Allowed   int    // credentials that were named
	Hints     []string
	Ended     string // an exception's name, "made", or "" while it waits
}

// recordPrompts keeps the calls of get() from page to page of the origin.
const recordPrompts = `{
	const get = CredentialsContainer.prototype.get;
	const all = () => JSON.parse(localStorage.getItem("test.prompts") || "[]");
	const keep = (list) => localStorage.setItem("test.prompts", JSON.stringify(list));
	PublicKeyCredential.isConditionalMediationAvailable().then((can) => { window.prompts ||= can ? 0 : 1; });
	CredentialsContainer.prototype.get = function (options) {
		const list = all(), at = list.length, o = options.publicKey;
		list.push({Mediation: options.mediation || "", Event: window.event?.type || "", Active: navigator.userActivation.isActive,
			Allowed: o.allowCredentials.length, Hints: o.hints || [], Ended: ""});
		keep(list);
		const asked = get.call(this, options);
		// Counted once the browser has it: this question takes the same way after it, and
		// the device needs a moment more to be asked, also on a busy machine.
		PublicKeyCredential.getClientCapabilities().then(() => setTimeout(() => { window.prompts = (window.prompts || 0) + 1; }, 500));
		const note = (ended) => { const now = all(); now[at].Ended = ended; keep(now); };
		return asked.then((c) => { note("made"); return c; }, (e) => { note(e.name); throw e; });
	};
}`

// noAutofill is a browser that offers no passkeys in fields. Chromium's virtual
// authenticator answers such an offer at once, and again after each refusal.
const noAutofill = `
	window.prompts = 1; // nothing to wait for
	PublicKeyCredential.isConditionalMediationAvailable = async () => false;`

// listening is a login page whose browser offers passkeys in the field by now.
const listening = `location.pathname === "/login" && document.body.dataset.state === "ready" && window.prompts > 0`

func (g *user) prompts() (all []prompt) {
	g.t.Helper()
	g.Eval(`JSON.parse(localStorage.getItem("test.prompts") || "[]")`, &all)
	return all
}

// enrol is somebody who registered on the page and has left it. Their device lies aside:
// it answers nothing until SetPresence(true).
func enrol(t *testing.T, srv *countersigntest.Server, options ...func(*webauthn.VirtualAuthenticatorOptions)) *user {
	t.Helper()
	g := invite(t, srv, options...)
	g.register()
	g.key.SetPresence(false)
	g.Open(srv.URL + "/")
	g.BeforeLoad(recordPrompts)
	return g
}

// openLogin opens the login page and waits for the button to be ready. No device answers
// the browser's own suggestions, so that the page stays.
func (g *user) openLogin(fragment string) {
	g.t.Helper()
	g.key.SetPresence(false)
	g.Open(g.srv.URL + "/") // a change of the fragment alone would open nothing
	g.Open(g.srv.URL + "/login" + fragment)
	g.awaitLogin()
	// Who is signed in is told so a moment later, which moves what is to be clicked.
	g.WaitFor(`!sessionStorage.getItem("countersign.session") || document.querySelector("#alert").hasChildNodes()`)
	g.key.SetPresence(true)
}

// signIn signs in by the button and waits for the account page.
func (g *user) signIn() {
	g.t.Helper()
	g.openLogin("")
	g.Click("#sign-in")
	g.awaitAccount()
}

func (g *user) awaitAccount() {
	g.t.Helper()
	g.WaitFor(`location.pathname === "/account" && document.readyState === "complete" && document.body.dataset.state === "ready"`)
}

// awaitLogin waits until the login page is ready for anything. What the browser offers in
// its field is answered at once unless the device lies aside.
func (g *user) awaitLogin() {
	g.t.Helper()
	g.WaitFor(listening)
}

// token is the session's token as this tab keeps it.
func (g *user) token() (token string) {
	g.t.Helper()
	g.Eval(`sessionStorage.getItem("countersign.session") || ""`, &token)
	return token
}

// lives asks the server whether a token still opens the account.
func (g *user) lives(token string) bool {
	g.t.Helper()
	return g.call(http.MethodGet, "/countersign/account", token, "", nil) == http.StatusOK
}

func (g *user) call(method, path, token, body string, out any) int {
	g.t.Helper()
	request, err := http.NewRequest(method, g.srv.URL+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := g.srv.HTTP().Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			g.t.Fatal(err)
		}
	}
	return answer.StatusCode
}

// write changes what the server keeps, as an operator would.
func (g *user) write(change func(tx *store.Tx)) {
	g.t.Helper()
	err := g.srv.DB.Write(context.Background(), func(tx *store.Tx) error { change(tx); return nil })
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *user) account() (a api.Account) {
	g.t.Helper()
	if status := g.call(http.MethodGet, "/countersign/account", g.token(), "", &a); status != http.StatusOK {
		g.t.Fatalf("the account is answered with %d", status)
	}
	return a
}
