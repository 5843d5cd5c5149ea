package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("by a suggestion of the browser", func(t *testing.T) {
		g := enrol(t, srv)
		g.key.SetPresence(true) // Chromium's virtual authenticator chooses at once
		g.Open(srv.URL + "/login")
		g.awaitAccount()
		if p := g.prompts(); len(p) != 1 || p[0].Mediation != "conditional" || p[0].Allowed != 0 {
			t.Errorf("the prompts were %+v, want one conditional without named credentials", p)
		}
		g.wantText("#facts", "ada@example.org", "Analytical Engines")
		checkTokenIsKeptInTheTab(t, g)
		g.untroubled()
	})

	t.Run("by the button", func(t *testing.T) {
		g := enrol(t, srv)
		g.signIn()
		p := g.prompts()
		if len(p) != 2 || p[0].Mediation != "conditional" || p[0].Ended != "AbortError" {
			t.Fatalf("the prompts were %+v, want a conditional one that was aborted before another", p)
		}
		if p[1].Mediation != "" || p[1].Ended != "made" || !p[1].Active || p[1].Allowed != 0 {
			t.Errorf("the button's prompt was %+v, want it within the gesture and for any passkey", p[1])
		}
		g.untroubled()
	})

	// Safari takes a gesture for spent once anything was awaited.
	t.Run("by the button in the very click", func(t *testing.T) {
		g := enrol(t, srv)
		g.BeforeLoad(noAutofill)
		g.signIn()
		if p := g.prompts(); len(p) != 1 || p[0].Event != "submit" {
			t.Errorf("the prompts were %+v, want one within the handler of the click", p)
		}
		g.untroubled()
	})

	t.Run("with a user name", func(t *testing.T) {
		g := enrol(t, srv)
		g.BeforeLoad(recordCalls)
		g.openLogin("#org=" + g.inv.OrgID + "&username=ada%40example.org")
		g.WaitFor(`window.sent.some((c) => c.body?.username === "ada@example.org")`)
		for _, call := range g.sent("/auth/login/init") {
			if call["orgId"] != g.inv.OrgID {
				t.Errorf("a challenge was asked for with %v, want the organisation in it", call)
			}
		}
		g.Click("#sign-in")
		g.awaitAccount()
		if p := g.prompts(); p[len(p)-1].Allowed == 0 {
			t.Errorf("the prompts were %+v, want the last to name credentials", p)
		}
		g.untroubled()
	})

	t.Run("with everything typed", func(t *testing.T) {
		g := enrol(t, srv) // there are several organisations by now
		g.openLogin("")
		g.typeInto("username", "ada@example.org")
		g.Press("\r")
		g.wantFocus("orgId")
		g.wantText("#orgId-error", "Enter the organisation id")
		g.typeInto("orgId", g.inv.OrgID)
		g.Press("\r")
		g.awaitAccount()
		g.untroubled()
	})

	t.Run("with a security key", func(t *testing.T) {
		g := enrol(t, srv, chromium.SecurityKey)
		g.openLogin("")
		g.Click("#elsewhere")
		g.awaitAccount()
		p := g.prompts()
		if last := p[len(p)-1]; strings.Join(last.Hints, " ") != "hybrid security-key" {
			t.Errorf("the prompt hints at %q, want a phone or a security key", last.Hints)
		}
		g.wantText("#credentials", "Security key", "On one device only")
		g.untroubled()
	})

	t.Run("with objects that an extension made", func(t *testing.T) {
		g := enrol(t, srv)
		g.BeforeLoad(noAutofill + `{
			const get = CredentialsContainer.prototype.get;
			CredentialsContainer.prototype.get = async function (options) {
				const {id, type, response: r} = await get.call(this, options);
				return {id, type, response: {clientDataJSON: r.clientDataJSON, authenticatorData: r.authenticatorData,
					signature: r.signature, userHandle: r.userHandle}};
			};
			delete PublicKeyCredential.signalAllAcceptedCredentials;
			delete PublicKeyCredential.signalUnknownCredential;
		}`)
		g.signIn()
		g.untroubled()
	})
}

// Only this tab may have the token: no address, no lasting storage, no log.
func checkTokenIsKeptInTheTab(t *testing.T, g *user) {
	t.Helper()
	token := g.token()
	if !g.lives(token) {
		t.Fatalf("the tab keeps %q, which opens no account", token)
	}
	var held string
	g.Eval(`JSON.stringify([location.href, document.referrer, document.cookie, {...localStorage},
		document.documentElement.outerHTML, performance.getEntries().map((e) => e.name)])`, &held)
	signature := token[strings.LastIndexByte(token, '.')+1:]
	if strings.Contains(held, signature) {
		t.Errorf("the token is held outside the tab's storage: %s", held)
	}
	if log := g.srv.Log.String(); strings.Contains(log, signature) || strings.Contains(log, "username=") {
		t.Error("the log holds the token or what the link's fragment said")
	}
	fresh := chromium.Open(t) // a browser context of its own, as another person's
	fresh.Open(g.srv.URL + "/account")
	fresh.WaitFor(`location.pathname === "/login" && document.body.dataset.state === "ready"`)
}

// The end of the registration leads to the login, and so does the news that there is a
// passkey already.
func TestFromRegistrationToLogin(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("after registering", func(t *testing.T) {
		g := invite(t, srv)
		g.BeforeLoad(recordPrompts)
		g.register()
		g.key.SetPresence(false)
		g.Click("#done-sign-in")
		g.awaitLogin()
		var username string
		g.Eval(`document.querySelector("#username").value`, &username)
		if username != "ada@example.org" {
			t.Errorf("the login page knows the user name as %q", username)
		}
		g.key.SetPresence(true)
		g.Click("#sign-in")
		g.awaitAccount()
		g.untroubled()
	})

	for name, arrive := range map[string]func(t *testing.T, g *user){
		"with a passkey already": func(t *testing.T, g *user) {
			g.BeforeLoad(`CredentialsContainer.prototype.create = () =>
				Promise.reject(new DOMException("made by the test", "InvalidStateError"));`)
			g.arrive()
			g.Click("#create")
		},
		"with a used invitation": func(t *testing.T, g *user) {
			g.register()
			g.Open(srv.URL + "/")
			g.Open(g.inv.RegistrationURL)
			g.awaitState("problem")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(recordPrompts)
			arrive(t, g)
			g.key.SetPresence(false)
			g.Click(`[data-action="signin"]`)
			g.awaitLogin()
			var hash string
			g.Eval("location.hash", &hash)
			if hash != "#org="+g.inv.OrgID+"&username=ada%40example.org" {
				t.Errorf("the login page was given %q", hash)
			}
		})
	}
}

// A passkey of another server under the same relying party: nobody here knows it.
func TestLoginWithAnUnknownPasskey(t *testing.T) {
	t.Parallel()
	home := countersigntest.Start(t)
	const recordSignals = `
		window.signals = [];
		const signal = PublicKeyCredential.signalUnknownCredential;
		PublicKeyCredential.signalUnknownCredential = function (what) {
			window.signals.push(what);
			return signal.call(this, what);
		};`

	for _, c := range []struct {
		name          string
		organisations int
		named         bool
		signalled     bool
	}{
		{"where it can only be unknown", 1, false, true},
		{"where any organisation may answer", 2, false, true},
		{"where another organisation may know it", 2, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := enrol(t, home)
			g.BeforeLoad(noAutofill + recordSignals)
			other := countersigntest.Start(t)
			fragment := ""
			for i := range c.organisations {
				o := other.Organisation(t, fmt.Sprintf("Difference Engines %d", i))
				if c.named {
					fragment = "#org=" + o.ID
				}
			}
			g.srv = other
			made := base64url(g.key.Credentials()[0].CredentialID)
			g.openLogin(fragment)
			g.Click("#sign-in")
			g.WaitFor(`document.querySelector("#alert .bad")`)
			g.wantText("#alert", "not accepted here", "Reference rf-")
			g.wantFocus("sign-in")
			var signals []struct{ RPID, CredentialID string }
			g.Eval(`window.signals.map((s) => ({RPID: s.rpId, CredentialID: s.credentialId}))`, &signals)
			switch {
			case !c.signalled && len(signals) != 0:
				t.Errorf("signalled %+v, which may take a good passkey from its owner", signals)
			case c.signalled && (len(signals) != 1 || signals[0].RPID != "localhost" || signals[0].CredentialID != made):
				t.Errorf("signalled %+v, want the passkey %s of localhost", signals, made)
			}
			if kept := len(g.key.Credentials()); (kept == 0) != c.signalled {
				t.Errorf("the authenticator keeps %d passkeys afterwards", kept)
			}
			if g.token() != "" {
				t.Error("a session was kept")
			}
			g.refusedWith("401")
		})
	}
}

// The place of the last login is remembered, but not the person.
func TestTheOrganisationIsRemembered(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	srv.Organisation(t, "Difference Engines")
	g := enrol(t, srv)
	g.signIn()
	g.openLogin("")
	g.wantText("h1", "Sign in to Analytical Engines")
	g.wantText("#organisation", g.inv.OrgID)
	var kept, username string
	g.Eval(`localStorage.getItem("countersign.organisation")`, &kept)
	g.Eval(`document.querySelector("#username").value`, &username)
	if want := `{"id":"` + g.inv.OrgID + `","name":"Analytical Engines"}`; kept != want || username != "" {
		t.Errorf("%s is kept and the user name is %q, want %s and none", kept, username, want)
	}
	g.key.SetPresence(false)
	g.Click("#another")
	g.WaitFor(`document.querySelector("h1").textContent === "Sign in" && document.body.dataset.state === "ready"`)
	g.Open(srv.URL + "/")
	g.openLogin("")
	g.wantText("h1", "Sign in")
	if text := g.Text("#known"); text != "" {
		t.Errorf("the organisation is still known: %q", text)
	}
	g.Click("#sign-in")
	g.awaitAccount()
	g.untroubled()
}

// A link to the login page must not be able to send people to another site.
func TestNextIsOfTheSameOrigin(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.openLogin("")
	for next, want := range map[string]string{
		"":                      "/account",
		"/docs?a=b#c":           "/docs?a=b#c",
		"/account":              "/account",
		"/login":                "/account",
		"/login#next=/login":    "/account",
		"docs":                  "/account",
		"https://example.org/":  "/account",
		"//example.org/":        "/account",
		"///example.org/":       "/account",
		`/\example.org/`:        "/account",
		"/\t/example.org/":      "/account",
		"/\n/example.org/":      "/account",
		" //example.org/":       "/account",
		"javascript:alert(1)":   "/account",
		"data:text/html,x":      "/account",
		"/.//example.org/":      "//example.org/", // a path of ours, said with its origin
		"/@example.org/":        "/@example.org/",
		"http:/example.org":     "/account",
		"/javascript:alert(1)":  "/javascript:alert(1)",
		g.srv.URL + "/docs":     "/account",
		"/..//example.org/docs": "//example.org/docs",
	} {
		var got string
		g.Eval(fmt.Sprintf(`(async () => {
			const name = performance.getEntriesByType("resource").find((e) => e.name.includes("/assets/session.")).name;
			return (await import(name)).destination(%s);
		})()`, quote(next)), &got)
		if got != g.srv.URL+want {
			t.Errorf("next %q leads to %q, want %q", next, got, g.srv.URL+want)
		}
	}
	for next, want := range map[string]string{"/docs": "/docs", "//example.org/": "/account", "/.//example.org/": "//example.org/"} {
		g.Eval("sessionStorage.clear()", nil) // signed in already, one is asked whether to continue
		g.openLogin("#next=" + next)
		g.Click("#sign-in")
		g.WaitFor(`location.pathname === ` + quote(want))
		var origin string
		g.Eval("location.origin", &origin)
		if origin != g.srv.URL {
			t.Errorf("next %q left for %s", next, origin)
		}
	}
}
