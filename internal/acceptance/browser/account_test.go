package browser_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
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
