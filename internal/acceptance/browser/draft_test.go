package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
)

// end ends all of g's sessions, as elsewhere.
func (g *user) end() {
	g.t.Helper()
	if status := g.call(http.MethodPut, "/auth/logout", g.token(), `{"allSessions":true}`, nil); status != http.StatusOK {
		g.t.Fatalf("logout: %d", status)
	}
}

// back logs in again on the page that g was sent to, and waits for the page that comes.
func (g *user) back(path, state string) {
	g.t.Helper()
	g.awaitLogin()
	g.wantText("#alert", "Your session has ended")
	g.key.SetPresence(true)
	g.Click("#sign-in")
	g.WaitFor(`location.pathname === ` + quote(path) + ` && document.body.dataset.state === ` + quote(state))
}

// Who is signed out in the middle of a form finds it as it was after the next login.
func TestFormsOutliveTheirSession(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	value := func(id, want string) {
		t.Helper()
		var got string
		g.Eval(`document.querySelector(`+quote("#"+id)+`).value`, &got)
		if got != want {
			t.Errorf("%s holds %q, want %q", id, got, want)
		}
	}
	lose := func(submit, path string) {
		t.Helper()
		g.end()
		g.key.SetPresence(false)
		g.Click(submit)
		g.back(path, "form")
		g.wantText("#status", "What you had typed is here again")
	}

	g.goTo("/people")
	g.Click("#invite")
	g.typeInto("names", "grace@example.org, charles@example.org")
	g.choose("#invite-kind", "End user")
	lose("#invite-submit", "/people")
	value("names", "grace@example.org, charles@example.org")
	value("invite-kind", "EndUser")
	g.wantText("#invite-submit", "Invite 2 people")
	g.sign("#invite-submit", "Invite 2 people", "grace@example.org")
	g.awaitState("created")
	g.Click("#invited-done")
	g.awaitState("ready")
	g.goTo("/people") // once it is sent it is gone
	if text := g.Text("#form"); text != "" {
		t.Errorf("the form is open again: %q", text)
	}

	g.goTo("/roles")
	g.Click("#new")
	g.typeInto("role-name", "Auditor")
	g.Click(`[value="Auth:Logs:Read"]`)
	lose("#save", "/roles")
	value("role-name", "Auditor")
	g.wantText("#chosen", "1 chosen")
	g.sign("#save", "Make the role Auditor", "Auth:Logs:Read")
	g.awaitState("ready")

	g.Click(g.open("roles", "Auditor") + " [data-key=edit]")
	g.awaitState("form")
	g.typeInto("role-name", "s")
	g.Click(`[value="Auth:Users:Read"]`)
	lose("#save", "/roles")
	g.wantText("h1", "Edit Auditor")
	value("role-name", "Auditors")
	g.sign("#save", "Change the role Auditors", "Auth:Users:Read")
	g.awaitState("ready")

	key := publicKey(t)
	g.goTo("/machines")
	g.Click("#new-token")
	g.typeInto("thing-name", "Backup job")
	g.Eval(`document.querySelector("#public-key").value = `+quote(key), nil)
	g.typeInto("days", "30")
	lose("#thing .primary", "/machines")
	g.wantText("h1", "access token")
	value("thing-name", "Backup job")
	value("days", "30")
	value("public-key", key)
	g.sign("#thing .primary", "Make the access token Backup job")
	g.awaitState("created")
	g.Click("#created-done")
	g.awaitState("ready")

	g.goTo("/audit")
	g.typeInto("text", "Auditors")
	g.choose("#outcome", "Done")
	g.WaitFor(`document.querySelectorAll("#entries tbody").length === 1`)
	g.end()
	g.key.SetPresence(false)
	g.typeInto("text", " ")
	g.back("/audit", "ready")
	value("outcome", "done")
	g.WaitFor(`document.querySelectorAll("#entries tbody").length === 1`)
	g.refusedWith("401")
}

// What was typed is nobody else's, and holds no private key.
func TestFormsAreKeptForTheirUserAlone(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	kept := func() (text string) {
		g.Eval(`JSON.stringify({...sessionStorage, ...localStorage})`, &text)
		return text
	}
	g.goTo("/machines")
	g.Click("#new-token")
	g.typeInto("thing-name", "a secret plan")
	g.Eval(`document.querySelector("#public-key").value = "-----BEGIN PRIVATE KEY-----"`, nil)
	g.key.SetPresence(false)
	g.end()
	g.Eval(`(async () => { (`+module("page")+`).leave("ended"); })()`, nil) // as when it ends by itself
	g.awaitLogin()
	if text := kept(); strings.Contains(text, "PRIVATE KEY") || !strings.Contains(text, "a secret plan") {
		t.Errorf("kept is %s, want what was typed but for the private key", text)
	}
	other := srv.RegisterKey(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"), "P-256")
	g.Eval(`sessionStorage.setItem("countersign.session", `+quote(other.LogIn(t))+`)`, nil)
	g.Open(srv.URL + "/machines")
	g.WaitFor(`["ready", "problem", "form"].includes(document.body.dataset.state)`)
	var page string
	g.Eval(`document.body.dataset.state + [...document.querySelectorAll("input")].map((e) => e.value).join() + document.documentElement.outerHTML`, &page)
	if strings.HasPrefix(page, "form") || strings.Contains(page+kept(), "secret plan") {
		t.Errorf("another user sees what was typed: %s", kept())
	}
}

// Signing out on purpose leaves nothing that was typed.
func TestSigningOutForgetsForms(t *testing.T) {
	t.Parallel()
	g := adminIn(t, countersigntest.Start(t))
	g.goTo("/people")
	g.Click("#invite")
	g.typeInto("names", "a secret plan")
	g.end()
	g.key.SetPresence(false)
	g.Click("#invite-submit")
	g.back("/people", "form")
	g.goTo("/account")
	g.key.SetPresence(false)
	g.Click("#out")
	g.awaitLogin()
	var text string
	g.Eval(`JSON.stringify({...sessionStorage, ...localStorage})`, &text)
	if strings.Contains(text, "secret plan") {
		t.Errorf("what was typed is kept: %s", text)
	}
}
