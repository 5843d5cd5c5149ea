package browser_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

var adminPages = map[string]string{"/people": "Auth:Users:Read", "/roles": "Permissions:Read",
	"/machines": "Auth:ServiceAccounts:Read", "/audit": "Auth:Logs:Read"}

// ways are the links of the navigation that can be seen.
func (g *user) ways() (ways string) {
	g.t.Helper()
	g.Eval(`[...document.querySelectorAll(".links a")].filter((a) => a.checkVisibility()).map((a) => a.textContent).join(", ")`, &ways)
	return ways
}

func TestAdminPagesShowWhatIsAllowed(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	if ways := g.ways(); ways != "Account, People, Roles, Service accounts, Audit log" {
		t.Errorf("an administrator can go to %q", ways)
	}

	t.Run("nothing", func(t *testing.T) {
		c := g.colleague(t, "grace@example.org")
		if ways := c.ways(); ways != "Account" {
			t.Errorf("somebody without a role can go to %q", ways)
		}
		for path, operation := range adminPages {
			c.Open(srv.URL + path)
			c.awaitState("problem")
			c.wantText("h1", "This page is not for your account")
			c.wantText("#problem", operation, "An administrator of your organisation")
			c.wantFocus("title")
			if ways := c.ways(); ways != "Account" {
				t.Errorf("%s: somebody without a role can go to %q", path, ways)
			}
		}
		check(t, c.Tab, "admin denied")
		c.untroubled()
	})

	t.Run("reading people", func(t *testing.T) {
		c := g.colleague(t, "charles@example.org")
		g.goTo("/roles")
		g.Click("#new")
		g.typeInto("role-name", "Reader")
		g.Click(`[value="Auth:Users:Read"]`)
		g.sign("#save", "Make the role Reader", "Auth:Users:Read")
		g.goTo("/people")
		row := g.open("people", "charles@example.org")
		g.choose(row+" select", "Reader")
		g.sign(row+" [data-key=assign]", "Give the role Reader to charles@example.org")
		c.goTo("/people")
		if ways := c.ways(); ways != "Account, People" {
			t.Errorf("a reader of people can go to %q", ways)
		}
		c.open("people", "ada@example.org")
		c.wantText("#people", "ada@example.org", everything)
		var buttons string
		c.Eval(`[...document.querySelectorAll(".card button")].filter((b) => b.checkVisibility()).map((b) => b.textContent).join(" ")`, &buttons)
		if buttons = strings.Replace(buttons, " Passkeys and sessions", "", 1); strings.ReplaceAll(buttons, "Manage", "") != strings.Repeat(" ", strings.Count(buttons, "Manage")-1) {
			t.Errorf("a reader of people is offered %q", buttons)
		}
		c.Click(c.row("people", "ada@example.org") + " [data-key=access]")
		c.awaitState("access")
		c.wantText("#access", "Chrome on Linux", "Where they are signed in")
		c.Eval(`[...document.querySelectorAll(".card button")].filter((b) => b.checkVisibility()).map((b) => b.textContent).join(" ")`, &buttons)
		if buttons != "Back to the list" {
			t.Errorf("a reader of people is offered %q with somebody's passkeys", buttons)
		}
		c.untroubled()
	})

	t.Run("nobody", func(t *testing.T) {
		c := &user{Tab: chromium.Open(t), t: t, srv: srv}
		for path := range adminPages {
			c.Open(srv.URL + path)
			c.WaitFor(`location.pathname === "/login" && location.hash.includes("next=` + strings.ReplaceAll(path, "/", "%2F") + `")`)
		}
	})
}

func TestAdminPagesWithoutJavaScript(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for path := range adminPages {
		g := &user{Tab: chromium.Open(t), t: t, srv: srv}
		g.Do(scriptsOff)
		g.Open(srv.URL + path)
		g.wantText("noscript", "needs JavaScript")
	}
}

// Every page for administrators in every state, as people see it.
func TestAdminPagesAreAccessible(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	look := func(state string) {
		t.Helper()
		check(t, g.Tab, "admin "+state)
		g.Viewport(1280, 900)
	}
	long := strings.Repeat("m", 60) + "@example.org"
	srv.Invite(t, g.inv.OrgID, long)
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))

	g.goTo("/people")
	g.open("people", long)
	look("people")
	g.press(g.open("people", "grace@example.org")+" [data-key=archive]", "Archive grace@example.org")
	g.Click("#signing summary")
	look("people archiving")
	g.key.SetUserVerified(false)
	g.Click("#signing-go")
	g.WaitFor(`document.querySelector("#signing-alert .bad")`)
	look("people cancelled")
	g.key.SetUserVerified(true)
	g.Click("#signing-close")
	g.Click("#invite")
	g.typeInto("names", "charles@example.org\nалан@example.org")
	look("people inviting")
	g.press("#invite-submit", "Invite 2 people")
	look("people signing")
	g.Click("#signing-go")
	g.awaitState("created")
	look("people invited")
	g.Click("#invited-done")

	g.goTo("/roles")
	g.Click("#new")
	g.typeInto("role-name", "Auditor")
	g.Click(`[value="Auth:Logs:Read"]`)
	look("roles making")
	g.Click("#other-services summary")
	look("roles making others")
	g.sign("#save", "Make the role Auditor")
	g.awaitState("ready")
	g.open("roles", everything)
	g.open("roles", "Auditor")
	g.awaitWords("#roles .assignees", "ada@example.org")
	look("roles")

	g.goTo("/machines")
	look("machines none")
	g.Click("#new-service-account")
	g.typeInto("thing-name", "Payroll")
	g.Click("#thing .primary")
	look("machines making")
	g.Eval(`document.querySelector("#public-key").value = `+quote(publicKey(t)), nil)
	g.sign("#thing .primary", "Make the service account Payroll")
	look("machines made")
	g.Click("#created-done")
	g.open("service-accounts", "Payroll")
	look("machines")

	g.goTo("/audit")
	g.Click("#entries [data-key=manage]")
	look("audit")
	g.untroubled()
}
