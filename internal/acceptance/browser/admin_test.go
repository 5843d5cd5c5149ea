package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// adminIn is the first user of an organisation, signed in with a passkey, whose device
// answers every prompt.
func adminIn(t *testing.T, srv *countersigntest.Server) *user {
	t.Helper()
	g := enrol(t, srv)
	g.signIn()
	return g
}

// colleague is another user of g's organisation, signed in in a browser context of their own.
func (g *user) colleague(t *testing.T, name string) *user {
	t.Helper()
	tab := chromium.Open(t)
	c := &user{Tab: tab, t: t, srv: g.srv, inv: g.srv.Invite(t, g.inv.OrgID, name), key: tab.AddVirtualAuthenticator()}
	c.register()
	c.key.SetPresence(false)
	c.Open(g.srv.URL + "/")
	c.BeforeLoad(recordPrompts)
	c.signIn()
	return c
}

// goTo opens a page in the same tab, which keeps the session.
func (g *user) goTo(path string) {
	g.t.Helper()
	g.Open(g.srv.URL + path)
	g.awaitState("ready")
}

// press presses what asks for a signature and waits until it can be given.
func (g *user) press(selector string, says ...string) {
	g.t.Helper()
	g.Click(selector)
	g.toSign(says...)
}

// toSign waits until a change can be signed.
func (g *user) toSign(says ...string) {
	g.t.Helper()
	g.WaitFor(`document.querySelector("#signing").open && document.querySelector("#signing-go").getAttribute("aria-disabled") === "false"`)
	g.wantText("#signing", append([]string{"You are about to sign"}, says...)...)
}

// sign presses what asks for a signature, signs, and waits until that is done.
func (g *user) sign(selector string, says ...string) {
	g.t.Helper()
	g.press(selector, says...)
	g.Click("#signing-go")
	g.WaitFor(`!document.querySelector("#signing").open`)
}

// row is a selector of the row of a thing that is called so. It waits for it.
func (g *user) row(table, name string) string {
	g.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll("#%s tbody")].find((b) => b.querySelector("th bdi")?.textContent === %s)`, table, quote(name))
	g.WaitFor(find)
	var id string
	g.Eval(find+".dataset.id", &id)
	return fmt.Sprintf(`#%s tbody[data-id="%s"]`, table, id)
}

// open shows what there is to do about a thing, and returns the selector of its row.
func (g *user) open(table, name string) string {
	g.t.Helper()
	row := g.row(table, name)
	var open bool
	g.Eval(`document.querySelector(`+quote(row)+`).classList.contains("open")`, &open)
	if !open {
		g.Click(row + " [data-key=manage]")
	}
	return row
}

// awaitWords waits until an element says something.
func (g *user) awaitWords(selector, words string) {
	g.t.Helper()
	g.WaitFor(fmt.Sprintf(`document.querySelector(%s)?.innerText.includes(%s)`, quote(selector), quote(words)))
}

// person is somebody as the server knows them.
func (g *user) person(name string) (p api.Person) {
	g.t.Helper()
	var list api.PeopleList
	if status := g.call(http.MethodGet, "/countersign/people", g.token(), "", &list); status != http.StatusOK {
		g.t.Fatalf("people are answered with %d", status)
	}
	for _, p := range list.Items {
		if p.Username == name {
			return p
		}
	}
	return p
}

// choose chooses an option of a <select> by its words, as a person would.
func (g *user) choose(selector, words string) {
	g.t.Helper()
	g.Eval(fmt.Sprintf(`{
		const e = document.querySelector(%s);
		e.value = [...e.options].find((o) => o.textContent === %s).value;
		e.dispatchEvent(new Event("input", {bubbles: true}));
	}`, quote(selector), quote(words)), nil)
}

const everything = "ManagedFullAdminAccess"

// An administrator invites somebody, who registers elsewhere; the administrator sees it, and
// does to them all that there is to do.
func TestAdminInvitesAndSeesTheRegistration(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/people")
	g.wantText("#people", "ada@example.org", "Member · you", "Registered", everything)
	g.wantText("#zone", "UTC")
	g.Click("#invite")
	g.awaitState("form")
	g.wantFocus("names")
	g.typeInto("names", "grace@example.org")
	g.sign("#invite-submit", "Invite grace@example.org")
	g.awaitState("created")
	g.wantFocus("title")
	g.wantText("#created", "grace@example.org", "not shown again", "UTC")
	link := g.Text("#created .secret code")
	g.Click("#created .secret button")
	g.WaitFor(`document.querySelector("#status").textContent !== ""`)
	g.Click("#invited-done")
	g.awaitState("ready")
	row := g.row("people", "grace@example.org")
	g.wantText(row, "Invited", "Never", "None")
	var held bool
	g.Eval(`document.documentElement.outerHTML.includes("register#")`, &held)
	if held {
		t.Error("the link is still in the page")
	}

	other := chromium.Open(t)
	newcomer := &user{Tab: other, t: t, srv: srv, inv: countersigntest.Invitation{RegistrationURL: link}, key: other.AddVirtualAuthenticator()}
	newcomer.arrive()
	g.awaitWords(row, "Link opened")
	newcomer.Click("#create")
	newcomer.awaitState("done")
	g.awaitWords(row, "Registered")
	g.wantText("#status", "grace@example.org: Registered")
	if p := g.person("grace@example.org"); p.State != "registered" || p.Passkeys != 1 {
		t.Errorf("the server says %+v, want one passkey", p)
	}

	g.open("people", "grace@example.org")
	g.choose(row+" select", everything)
	g.sign(row+" [data-key=assign]", "Give the role "+everything+" to grace@example.org")
	g.awaitWords(row+" .assignments", everything)
	g.wantText("#status", "Signed and done: Give the role "+everything+" to grace@example.org")
	if p := g.person("grace@example.org"); len(p.Roles) != 1 {
		t.Errorf("the server says %+v, want one role", p)
	}
	g.sign(row+" .assignments button", "Take the role "+everything+" away from grace@example.org")
	g.awaitWords(row, "Without a role")
	g.sign(row+" [data-key=active]", "Deactivate grace@example.org")
	g.awaitWords(row, "Deactivated")
	if p := g.person("grace@example.org"); p.State != "inactive" || len(p.Roles) != 0 {
		t.Errorf("the server says %+v, want nobody active", p)
	}
	g.sign(row+" [data-key=active]", "Activate grace@example.org")
	g.awaitWords(row, "Registered")
	g.sign(row+" [data-key=archive]", "Archive grace@example.org", "for good")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 1`)
	g.wantFocus("title")
	if p := g.person("grace@example.org"); p.UserID != "" {
		t.Errorf("the server still has %+v", p)
	}
	for _, p := range g.prompts()[2:] { // after the two of the login page
		if p.Event != "click" || !p.Active || p.Allowed != 1 || p.Ended != "made" {
			t.Errorf("a change was signed by %+v, want a prompt in the very click, for the one passkey", p)
		}
	}
	g.untroubled()
	newcomer.untroubled()
}

// Codes are renewed and withdrawn, and the one before is void.
func TestAdminRenewsAndWithdrawsCodes(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	first := srv.Invite(t, g.inv.OrgID, "grace@example.org")
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	g.sign(row+" [data-key=code]", "Make a new registration code for grace@example.org", "stops working")
	g.awaitState("created")
	second := g.Text("#created .secret code")
	if second == first.RegistrationURL || !strings.Contains(second, "/register#") {
		t.Errorf("the new link is %q", second)
	}
	g.Click("#invited-done")
	g.awaitState("ready")
	g.sign(row+" [data-key=revoke]", "Withdraw the registration code of grace@example.org")
	g.awaitWords(row, "Code withdrawn")
	for link, title := range map[string]string{first.RegistrationURL: "There is a newer invitation", second: "This invitation was withdrawn"} {
		late := &user{Tab: chromium.Open(t), t: t, srv: srv}
		late.Open(link)
		late.awaitState("problem")
		late.wantText("h1", title)
	}
	g.sign(row+" [data-key=code]", "Make a new registration code for grace@example.org")
	g.awaitState("created")
	g.untroubled()
}

// Who lost everything gets a new start: what they had is void, and they register again as the same user.
func TestAdminGivesANewStart(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	c := g.colleague(t, "grace@example.org")
	before, session := g.person("grace@example.org"), c.token()
	g.goTo("/people")
	g.open("people", "ada@example.org")
	var own bool
	if g.Eval(`document.querySelector("[data-key=restart]") !== null`, &own); own {
		t.Error("a new start is offered for oneself")
	}
	g.Click(g.row("people", "ada@example.org") + " [data-key=manage]")
	row := g.open("people", "grace@example.org")
	g.choose(row+" select", everything)
	g.sign(row + " [data-key=assign]")
	g.awaitWords(row+" .assignments", everything)
	g.press(row+" [data-key=restart]", "Give a new start to grace@example.org", "passkeys, keys, recovery keys and access tokens",
		"sessions end", "history stay", "register again")
	picture(g.Tab, "new start")
	g.Viewport(1280, 900)
	g.Click("#signing-go")
	g.awaitState("created")
	g.wantFocus("title")
	g.wantText("h1", "A new start")
	g.wantText("#created", "grace@example.org", "not shown again")
	check(t, g.Tab, "new start made")
	g.Viewport(1280, 900)
	link := g.Text("#created .secret code")
	g.Click("#invited-done")
	g.awaitState("ready")
	g.wantText(row, "Invited", everything)
	if c.lives(session) {
		t.Error("the session from before is still good")
	}

	c.lose()
	c.inv.RegistrationURL = link
	c.register()
	g.awaitWords(row, "Registered")
	c.key.SetPresence(false)
	c.Open(srv.URL + "/")
	c.signIn()
	after := g.person("grace@example.org")
	if c.account().User.ID != before.UserID || after.UserID != before.UserID || after.Passkeys != 1 || len(after.Roles) != 1 {
		t.Errorf("after the new start: %+v, before: %+v", after, before)
	}
	g.untroubled()
}

// Where the server sends mail the code goes by mail alone.
func TestAdminInvitesByMail(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Mail())
	g := adminIn(t, srv)
	g.goTo("/people")
	g.Click("#invite")
	g.wantText("#form", "gets a link by mail")
	g.typeInto("names", "grace@example.org, no address")
	g.sign("#invite-submit", "Invite 2 people")
	g.awaitState("created")
	g.wantText("#invited-list li:first-child", "grace@example.org", "Mailed")
	if text := g.Text("#invited-list li:first-child"); strings.Contains(text, "/register#") {
		t.Errorf("the link is shown although it was mailed: %q", text)
	}
	g.wantText("#invited-list li:last-child", "no address", "/register#")
	g.Click("#invited-done")
	g.awaitWords(g.row("people", "grace@example.org"), "Code sent")

	srv.Register(t, srv.Invite(t, g.inv.OrgID, "charles@example.org"))
	g.goTo("/people")
	g.sign(g.open("people", "charles@example.org") + " [data-key=restart]")
	g.awaitState("created")
	g.wantText("#created", "charles@example.org", "on the way by mail", "Mailed")
	g.untroubled()
}

// Many are invited at once, the list goes on by pages, and names find people in it.
func TestAdminInvitesMany(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/people")
	g.Click("#invite")
	g.Click("#invite-submit")
	g.wantText("#names-error", "at least one name")
	g.wantFocus("names")
	var names []string
	for i := range 70 {
		names = append(names, fmt.Sprintf("guest%02d@example.org", i))
	}
	names = append(names, `<img src=x onerror="window.broken=1">`, "שלום עולם")
	g.Eval(`document.querySelector("#names").value = `+quote(strings.Join(names, ", \n")), nil)
	g.choose("#invite-role", everything)
	g.choose("#invite-kind", "Member of the organisation")
	g.sign("#invite-submit", "Invite 72 people with the role "+everything, "guest07@example.org", "שלום עולם")
	g.awaitState("created")
	g.wantText("h1", "72 people are invited")
	var shown int
	g.Eval(`document.querySelectorAll("#invited-list li").length`, &shown)
	if shown != 72 {
		t.Errorf("%d invitations are shown, want 72", shown)
	}
	g.Click("#invited-done")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 51 && !document.querySelector("#people-more").hidden`)

	g.goTo("/people")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 50`)
	g.Click("#people-more")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 73 && document.querySelector("#people-more").hidden`)
	g.row("people", `<img src=x onerror="window.broken=1">`)
	g.typeInto("name", "GUEST1")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 10`)
	g.wantText(g.row("people", "guest17@example.org"), "Invited", everything)
	g.choose("#kind", "End users")
	g.awaitWords("#people-none", "Nobody’s name begins like that")
	var broken bool
	g.Eval("Boolean(window.broken)", &broken)
	if broken {
		t.Error("a name was run as a script")
	}
	g.untroubled()
}

// A name that looks like somebody's is refused with both names, and nobody is invited.
func TestAdminInvitesALookalike(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	srv.Invite(t, g.inv.OrgID, "capo") // in Latin letters
	g.goTo("/people")
	g.Click("#invite")
	g.Eval(`document.querySelector("#names").value = "саро"`, nil)
	g.choose("#invite-kind", "Member of the organisation")
	g.press("#invite-submit", "саро")
	g.Click("#signing-go")
	g.awaitWords("body", `The username "саро" looks like "capo"`)
	picture(g.Tab, "lookalike")
	if p := g.person("саро"); p.UserID != "" {
		t.Errorf("the server has %+v", p)
	}
}
