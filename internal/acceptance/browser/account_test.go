package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(`
		window.signals = [];
		PublicKeyCredential.signalAllAcceptedCredentials = async (what) => { window.signals.push(what); };`)
	g.signIn()
	g.wantText("h1", "Your account")
	g.wantText("#facts", "ada@example.org", "Analytical Engines")
	g.wantText("#credentials", "Chrome on Linux", "Passkey", "Synced", "Created", "Last used")
	g.wantText("#one-passkey", "your only one")
	g.wantText("#sessions", "Chrome on Linux", "This one", "127.0.0.1", "Since", "Until")
	g.wantText("#zone", "UTC")
	if a := g.account(); len(a.Credentials) != 1 || a.Credentials[0].LastUsedAt == "" {
		t.Errorf("the account has %+v, want one passkey that was used", a.Credentials)
	}

	// The provider is told which passkeys count, so that it offers no others.
	var signals []struct {
		RPID   string   `json:"rpId"`
		UserID string   `json:"userId"`
		IDs    []string `json:"allAcceptedCredentialIds"`
	}
	g.Eval("window.signals", &signals)
	made := g.key.Credentials()[0]
	if len(signals) != 1 || signals[0].RPID != "localhost" || signals[0].UserID != base64url([]byte(g.inv.UserID)) ||
		len(signals[0].IDs) != 1 || signals[0].IDs[0] != base64url(made.CredentialID) {
		t.Errorf("signalled %+v, want the one passkey of %s", signals, g.inv.UserID)
	}
	g.untroubled()
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for button, words := range map[string]string{"#out": "You are signed out", "#everywhere": "signed out everywhere"} {
		t.Run(button, func(t *testing.T) {
			g := enrol(t, srv)
			g.signIn()
			first := g.token()
			g.signIn()
			second := g.token()
			g.key.SetPresence(false)
			g.Click(button)
			g.awaitLogin()
			g.wantText("#alert", words)
			if g.lives(second) {
				t.Error("the session still lives")
			}
			if g.lives(first) == (button == "#everywhere") {
				t.Errorf("the other session lives: %v", g.lives(first))
			}
			var held string
			g.Eval(`JSON.stringify([{...sessionStorage}, location.href]) + document.body.innerText`, &held)
			if g.token() != "" {
				t.Errorf("the tab still holds a token: %s", held)
			}
			g.Open(srv.URL + "/account")
			g.awaitLogin()
			g.untroubled()
		})
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("another is ended here", func(t *testing.T) {
		g := enrol(t, srv)
		g.signIn()
		other := g.token()
		g.signIn()
		var buttons int
		g.Eval(`document.querySelectorAll("#sessions button").length`, &buttons)
		if buttons != 1 {
			t.Fatalf("%d sessions can be ended, want the other one alone", buttons)
		}
		g.Click("#sessions button")
		g.WaitFor(`document.querySelectorAll("#sessions li").length === 1`)
		g.wantText("#status", "That session has ended")
		g.wantFocus("sessions-title")
		g.wantText("#sessions", "This one")
		if g.lives(other) || !g.lives(g.token()) {
			t.Errorf("the other session lives: %v; this one: %v", g.lives(other), g.lives(g.token()))
		}
		g.untroubled()
	})

	t.Run("another has ended meanwhile", func(t *testing.T) {
		g := enrol(t, srv)
		g.signIn()
		other := g.token()
		g.signIn()
		if status := g.call(http.MethodPut, "/auth/logout", other, `{}`, nil); status != http.StatusOK {
			t.Fatalf("logout: %d", status)
		}
		g.Click("#sessions button")
		g.WaitFor(`document.querySelectorAll("#sessions li").length === 1`)
		g.wantText("#status", "That session has ended")
	})

	t.Run("this one was ended elsewhere", func(t *testing.T) {
		g := enrol(t, srv)
		g.signIn()
		if status := g.call(http.MethodPut, "/auth/logout", g.token(), `{"allSessions":true}`, nil); status != http.StatusOK {
			t.Fatalf("logout: %d", status)
		}
		g.key.SetPresence(false)
		g.Click("#out")
		g.awaitLogin()
		g.wantText("#alert", "Your session has ended")
		if token := g.token(); token != "" {
			t.Errorf("the tab still holds %q", token)
		}
		g.key.SetPresence(true)
		g.Click("#sign-in")
		g.awaitAccount()
		g.refusedWith("401")
	})

	t.Run("this one runs out", func(t *testing.T) {
		clock := &countersigntest.Clock{}
		g := enrol(t, countersigntest.Start(t, countersigntest.At(clock)))
		g.BeforeLoad(`{
			const parse = Response.prototype.json;
			Response.prototype.json = async function () {
				const answer = await parse.call(this);
				for (const s of answer.sessions || []) s.expiresAt = new Date(Date.now() + (sessionStorage.getItem("test.soon") ? 500 : 4 * 60_000)).toISOString();
				return answer;
			};
		}`)
		g.signIn()
		g.WaitFor(`document.querySelector("#alert .note")`)
		g.wantText("#alert", "Your session ends at")
		g.Eval(`sessionStorage.setItem("test.soon", "yes")`, nil)
		g.key.SetPresence(false)
		g.Open(g.srv.URL + "/")
		g.Open(g.srv.URL + "/account")
		g.awaitAccount()
		clock.Advance(9 * time.Hour)
		g.awaitLogin()
		g.wantText("#alert", "Your session has ended")
		g.refusedWith("401")
	})

	t.Run("who is signed in is told so", func(t *testing.T) {
		g := enrol(t, srv)
		g.signIn()
		g.openLogin("#next=/docs")
		g.WaitFor(`document.querySelector("#alert .note")`)
		g.wantText("#alert", "signed in already", "ada@example.org")
		g.Click(`[data-action="go"]`)
		g.WaitFor(`location.pathname === "/docs"`)
		g.untroubled()
	})
}

// listed waits until so many passkeys and keys are listed.
func (g *user) listed(count int) {
	g.t.Helper()
	g.WaitFor(fmt.Sprintf(`document.querySelectorAll("#credentials li").length === %d`, count))
}

// add has the browser make another passkey, gives it a name or leaves it the one that is offered, and
// waits until its addition can be signed.
func (g *user) add(name string, says ...string) {
	g.t.Helper()
	g.Click("#add")
	g.named(name)
	g.toSign(says...)
}

// named answers the question for a name, with "" by the one that is offered.
func (g *user) named(name string) {
	g.t.Helper()
	g.WaitFor(`document.querySelector("#asking").open`)
	g.wantFocus("asking-value")
	if name != "" {
		g.Eval(`document.querySelector("#asking-value").value = `+quote(name), nil)
	}
	g.Press(kb.Enter)
}

// A second passkey is added, deactivated, activated and removed; the last one stays.
func TestPasskeysOfTheAccount(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(`
		window.forgotten = 0;
		PublicKeyCredential.signalUnknownCredential = async () => { window.forgotten++; };`)
	g.signIn()
	g.wantText("#add-hint", "Your passkeys are synced", "a new start")
	first := g.account().Credentials[0].UUID
	button := func(what, id string) string { return `[data-key="` + what + ":" + id + `"]` }

	// The device has one already: it makes no other.
	g.Click("#add")
	g.WaitFor(`document.querySelector("#add-alert .bad")`)
	g.wantText("#add-alert", "It has a passkey of yours already", "Nothing was added")
	g.wantFocus("add")
	check(t, g.Tab, "account add refused")
	g.Viewport(1280, 900)

	g.key.SetPresence(false)
	g.Click("#add")
	g.awaitWords("#add-status", "Your browser is asking now")
	g.Click("#add-cancel")
	g.WaitFor(`document.querySelector("#add").getAttribute("aria-disabled") === "false"`)
	g.wantFocus("add")

	other := g.AddVirtualAuthenticator(chromium.SecurityKey, func(o *webauthn.VirtualAuthenticatorOptions) {
		o.DefaultBackupEligibility, o.DefaultBackupState = true, true
	})
	add := func() {
		g.t.Helper()
		g.key.SetPresence(false)
		other.SetPresence(true)
		g.add("", "Add the passkey Security key", "sign with a passkey that you had before")
		other.SetPresence(false)
		g.key.SetPresence(true)
	}
	add()
	picture(g.Tab, "account add")
	g.Viewport(1280, 900)
	g.Click("#signing-close")
	g.WaitFor(`window.forgotten === 1 && !document.querySelector("#signing").open`)
	g.listed(1)
	add()
	g.Click("#signing-go")
	g.listed(2)
	g.wantText("#credentials", "Chrome on Linux", "Security key")
	g.wantText("#status", "Signed and done: Add the passkey Security key")
	g.wantFocus("add")
	if text := g.Text("#one-passkey"); text != "" {
		t.Errorf("with two passkeys the page says %q", text)
	}
	check(t, g.Tab, "account two passkeys")
	g.Viewport(1280, 900)
	second := g.account().Credentials[1].UUID

	g.sign(button("active", second), "Deactivate Security key", "signs nothing until you activate it again")
	g.awaitWords("#credentials", "Deactivated")
	g.wantText("#one-passkey", "your only one")
	focused := `document.activeElement.dataset.key === "active:` + second + `"`
	g.WaitFor(focused + ` && document.activeElement.textContent === "Activate"`)
	check(t, g.Tab, "account deactivated")
	g.Viewport(1280, 900)
	g.press(button("remove", first), "Remove Chrome on Linux", "for good")
	g.Click("#signing-go")
	g.awaitWords("#signing-alert", "This is your last one")
	g.wantText("#signing-alert", "Add another passkey first", "Reference rf-")
	g.wantFocus("signing-close")
	g.Click("#signing-close")
	// The focus goes back once the dialog is gone, and nothing moves under the next click.
	g.WaitFor(`!document.querySelector("#signing").open && document.activeElement.dataset.key === "remove:` + first + `"`)
	g.sign(button("active", second), "Activate Security key")
	g.WaitFor(focused + ` && document.activeElement.textContent === "Deactivate"`)
	g.sign(button("remove", second), "Remove Security key", "for good")
	g.listed(1)
	g.wantFocus("credentials-title")
	if a := g.account(); len(a.Credentials) != 1 || a.Credentials[0].UUID != first {
		t.Errorf("the account has %+v, want the first passkey", a.Credentials)
	}
	g.refusedWith("409")
}

// Who removes the passkey that they signed in with is signed out, and told so.
func TestRemovingThePasskeyOfTheSession(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill)
	g.signIn()
	first := g.account().Credentials[0].UUID
	g.key.SetPresence(false)
	other := g.AddVirtualAuthenticator(chromium.SecurityKey)
	g.add("")
	other.SetPresence(false)
	g.key.SetPresence(true)
	g.Click("#signing-go")
	g.awaitWords("#signing-alert", "This passkey does not count for that")
	g.wantText("#signing-alert", "Sign with a passkey that stays on one device", "a new start")
	g.wantText("#signing-go", "Try again")
	g.Click("#signing-close")
	g.listed(1)
	other.Remove()

	g.key.SetPresence(false)
	other = g.AddVirtualAuthenticator(chromium.SecurityKey, func(o *webauthn.VirtualAuthenticatorOptions) {
		o.DefaultBackupEligibility, o.DefaultBackupState = true, true
	})
	g.add("")
	other.SetPresence(false)
	g.key.SetPresence(true)
	g.Click("#signing-go")
	g.listed(2)
	other.Remove() // asked as well, it may refuse for both before the other answers
	g.press(`[data-key="remove:`+first+`"]`, "this one too if it is the one that you signed in with")
	g.Click("#signing-go")
	g.awaitLogin()
	g.wantText("#alert", "Your session has ended")
	g.refusedWith("40")
}

// Login, account and logout by keyboard alone.
func TestLoginByKeyboardOnly(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.openLogin("")
	g.wantFocus("title")
	g.tabTo("username")
	g.tabTo("sign-in")
	g.Press(kb.Enter)
	g.awaitAccount()
	g.wantFocus("title")
	g.key.SetPresence(false)
	g.tabTo("out")
	g.Press(kb.Enter)
	g.awaitLogin()
	g.wantFocus("title")
	g.wantText("#alert", "signed out")
	g.untroubled()
}

func TestLoginAndAccountAreAccessible(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := enrol(t, srv)
	g.openLogin("")
	g.Click("summary")
	check(t, g.Tab, "login")
	g.key.SetUserVerified(false)
	g.Viewport(1280, 900)
	g.Click("#sign-in")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	check(t, g.Tab, "login cancelled")
	srv.Organisation(t, "Difference Engines")
	g.openLogin("")
	g.typeInto("username", "ada@example.org")
	g.Press("\r")
	g.wantFocus("orgId")
	check(t, g.Tab, "login organisation")
	g.openLogin("#org=" + g.inv.OrgID + "&username=" + g.inv.Username)
	check(t, g.Tab, "login known")
	g.key.SetPresence(false)
	g.Viewport(1280, 900)
	g.Open(srv.URL + "/")
	g.Open(srv.URL + "/login#org=nonsense")
	g.awaitState("problem")
	check(t, g.Tab, "login problem")
	g.key.SetUserVerified(true)
	g.Viewport(1280, 900)
	g.signIn()
	g.signIn()
	check(t, g.Tab, "account")
	g.key.SetPresence(false)
	g.Click("#everywhere")
	g.awaitLogin()
	check(t, g.Tab, "signed out")
	g.refusedWith("400")
}

// Names and user agents are text, whatever they look like.
func TestHostileNamesInTheAccount(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	name := `<img src=x onerror="window.broken=1"> & "שלום"`
	org := srv.OrganisationWith(t, organisation.New{Name: name})
	g := invite(t, srv)
	g.inv = srv.Invite(t, org.ID, `<script>window.broken=1</script>`)
	g.BeforeLoad(recordPrompts)
	g.register()
	g.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: `<img/onerror=window.broken=1> (none)`})
		return err
	}))
	g.signIn()
	g.wantText("#facts", name, "<script>window.broken=1</script>")
	g.wantText("#sessions", "A program (<img)")
	g.openLogin("#org=" + org.ID)
	g.wantText("h1", name)
	var broken bool
	g.Eval("Boolean(window.broken)", &broken)
	if broken {
		t.Error("a name was run as a script")
	}
	g.untroubled()
}
