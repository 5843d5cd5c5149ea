package browser_test

import (
	"net/http"
	"testing"

	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
)

// agent is a client that calls itself something.
type agent struct {
	http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(r)
}

const firefox = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"

// equipped registers somebody with two passkeys, a recovery key and a session by each passkey.
func equipped(t *testing.T, g *user, name string) (laptop, phone *countersigntest.Person, sessions [2]string) {
	t.Helper()
	laptop = g.srv.Register(t, g.srv.Invite(t, g.inv.OrgID, name), authenticator.Options{Name: "Laptop"})
	h := g.srv.HTTP()
	h.Transport = agent{h.Transport, firefox}
	laptop.Client = &client.Client{BaseURL: g.srv.URL, HTTP: h}
	phone = laptop.AddPasskey(t, authenticator.Options{Name: "Phone", BackupEligible: true, BackupState: true})
	laptop.AddRecoveryKey(t)
	admin, err := g.srv.Users.EndSessionsByOperator(t.Context(), g.inv.OrgID, name, nil) // those of the helpers
	if err != nil || !admin {
		t.Fatal(err)
	}
	return laptop, phone, [2]string{laptop.LogIn(t), phone.LogIn(t)}
}

// An administrator sees what somebody has, stops a passkey and ends sessions.
func TestAdminStopsAPasskeyAndSessions(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	laptop, phone, sessions := equipped(t, g, "grace@example.org")
	lives := func(token string) bool {
		_, err := srv.Client().Session(token, nil).ListCredentials(t.Context())
		return err == nil
	}
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	check(t, g.Tab, "person, in the list")
	g.Viewport(1280, 900)
	g.Click(row + " [data-key=access]")
	g.awaitState("access")
	g.wantFocus("title")
	g.wantText("h1", "Passkeys and sessions")
	g.wantText("#access-lead", "grace@example.org")
	g.wantText("#access-credentials", "Laptop", "Phone", "Recovery key", "Synced", "On one device only", "Created", "Last used")
	g.wantText("#access-sessions", "Firefox on Mac", "With Laptop", "With Phone", "127.0.0.1")
	g.wantText("#access-zone", "UTC")
	check(t, g.Tab, "person")
	g.Viewport(1280, 900)

	deactivate := `#access [data-key="deactivate:` + phone.CredentialUUID(t) + `"]`
	g.press(deactivate, "Deactivate Phone of grace@example.org", "sessions that were opened with it end", "cannot activate it again")
	picture(g.Tab, "person, deactivate")
	g.Viewport(1280, 900)
	g.Click("#signing-close")
	g.WaitFor(`!document.querySelector("#signing").open`)
	if !lives(sessions[1]) {
		t.Fatal("cancelled, and the session has ended")
	}
	g.sign(deactivate)
	g.awaitWords("#access-credentials", "Deactivated")
	g.wantFocus("access-credentials-title")
	g.wantText("#status", "Signed and done: Deactivate Phone of grace@example.org")
	if lives(sessions[1]) || !lives(sessions[0]) {
		t.Error("the session of the phone ends, and no other")
	}

	session := `#access-sessions button`
	g.sign(session, "Sign grace@example.org out of Firefox on Mac")
	g.WaitFor(`document.querySelectorAll("#access-sessions li").length < 2`)
	g.wantFocus("access-sessions-title")
	another := laptop.LogIn(t)
	g.Click("#access-back")
	g.awaitState("ready")
	g.WaitFor(`document.activeElement.dataset.key === "access"`)
	g.Click(row + " [data-key=access]")
	g.awaitState("access")
	g.sign("#access-end", "Sign grace@example.org out everywhere", "can sign in again")
	g.awaitWords("#access", "not signed in anywhere")
	if lives(sessions[0]) || lives(another) {
		t.Error("a session lives on")
	}

	// The last one: she needs a new start.
	g.press(`#access [data-key="deactivate:`+laptop.CredentialUUID(t)+`"]`, "no other to sign in with", "new start")
	g.Click("#signing-go")
	g.WaitFor(`!document.querySelector("#signing").open`)
	g.awaitWords("#alert", "grace@example.org has nothing to sign in with now")
	check(t, g.Tab, "person, nothing left")
	g.Viewport(1280, 900)
	if p := g.person("grace@example.org"); p.Passkeys != 0 {
		t.Errorf("the server says %+v", p)
	}
	g.Click("#access-back")
	g.awaitState("ready")
	g.sign(row + " [data-key=restart]")
	g.awaitState("created")
	g.untroubled()
}

// One's own account is changed on its own page, and the last administrator's last passkey stays.
func TestAdminOfOneselfAndTheLastAdministrator(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	c := g.colleague(t, "clerk@example.org")
	srv.Grant(t, g.inv.OrgID, srv.Permission(t, g.inv.OrgID, "clerk", "Auth:Users:Read", "Auth:Users:Deactivate"), g.person("clerk@example.org").UserID)
	g.goTo("/people")
	g.Click(g.open("people", "ada@example.org") + " [data-key=access]")
	g.awaitState("access")
	g.wantText("#access", "This is your own account", "This one")
	var buttons int
	g.Eval(`[...document.querySelectorAll("#access button")].filter((b) => b.checkVisibility()).length`, &buttons)
	if buttons != 1 {
		t.Errorf("%d buttons, want the one that leads back", buttons)
	}
	check(t, g.Tab, "person, oneself")

	c.key.SetPresence(true)
	c.goTo("/people")
	c.Click(c.open("people", "ada@example.org") + " [data-key=access]")
	c.awaitState("access")
	c.press("#access-credentials button", "no other to sign in with")
	c.Click("#signing-go")
	c.awaitWords("#signing-alert", "last administrator who can sign in")
	c.Click("#signing-close")
	if a := g.account(); len(a.Credentials) != 1 || !a.Credentials[0].IsActive || len(a.Sessions) == 0 {
		t.Errorf("ada has %+v", a)
	}
	c.refusedWith("409")
	g.untroubled()
}
