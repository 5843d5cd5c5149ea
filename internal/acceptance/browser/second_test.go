package browser_test

import (
	"context"
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
	"github.com/countersign/countersign/internal/verify/totp"
)

func (g *user) policies(p organisation.Policies) {
	g.t.Helper()
	if _, err := g.srv.Organisations.SetPolicies(context.Background(), g.inv.OrgID, p); err != nil {
		g.t.Fatal(err)
	}
}

// code is what an app with the key shows now. It is of a step that was not used before.
func (g *user) code(key string) string {
	g.t.Helper()
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil {
		g.t.Fatalf("%q: %v", key, err)
	}
	g.srv.Clock.Advance(30 * time.Second)
	return totp.Code(secret, totp.Step(g.srv.Clock.Now()))
}

// retype replaces what is in a field.
func (g *user) retype(id, text string) {
	g.t.Helper()
	g.Eval("document.getElementById("+quote(id)+").select()", nil)
	g.typeInto(id, text)
}

// An organisation requires a second factor. Somebody without one is reminded, adds codes from an app, and
// signs in and signs with them from then on.
func TestCodesFromAnApp(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill)
	g.signIn()
	if g.Text("#second-missing") != "" || g.Text("#codes") != "" {
		t.Errorf("codes are offered where they are not accepted: %q %q", g.Text("#second-missing"), g.Text("#codes"))
	}
	g.policies(organisation.Policies{OneTimePasswords: "on", SecondFactor: "required"})
	g.signIn()
	g.wantText("#second-missing", "Your organisation asks for a second factor", "You have none yet", "Add one now")
	check(t, g.Tab, "account second factor missing")
	g.Viewport(1280, 900)
	g.Click("#second-missing button")
	g.wantFocus("codes-title")
	check(t, g.Tab, "account codes")
	g.Viewport(1280, 900)
	key := strings.Join(strings.Fields(g.Text("#codes-key")), "")
	var link string
	g.Eval(`document.querySelector("#codes-link").href`, &link)
	if !strings.HasPrefix(link, "otpauth://totp/Analytical%20Engines:ada%40example.org?secret="+key+"&") {
		t.Errorf("the link is %s, the key %s", link, key)
	}
	if says, err := drawn(t, g.Tab, "#codes-picture svg").read(); err != nil || says != link {
		t.Errorf("the picture says %q, want the link %q: %v", says, link, err)
	}
	g.typeInto("codes-otp", "12345")
	g.Press("\r")
	g.wantText("#codes-otp-error", "six digits")
	g.retype("codes-otp", "000000")
	g.press("#codes-form button.primary", "Add codes from an app as second factor")
	g.Click("#signing-go")
	g.awaitWords("#signing-alert", "The code is not right")
	g.Click("#signing-close")
	code := g.code(key)
	g.retype("codes-otp", code[:3]+" "+code[3:])
	g.sign("#codes-form button.primary")
	g.listed(2)
	g.wantText("#credentials", "Code app", "Codes from an app", "second factor")
	g.wantText("#one-passkey", "your only one")
	if g.Text("#second-missing") != "" || g.Text("#codes") != "" {
		t.Errorf("after it the page says %q %q", g.Text("#second-missing"), g.Text("#codes"))
	}

	// From now on a login asks for a code, after the passkey.
	g.openLogin("")
	g.Click("#sign-in")
	g.awaitState("second")
	g.wantFocus("otp")
	g.wantText("h1", "One more step")
	check(t, g.Tab, "login second factor")
	g.Viewport(1280, 900)
	g.retype("otp", "abc")
	g.Press("\r")
	g.wantText("#otp-error", "Enter the six digits")
	g.retype("otp", "000000")
	g.Press("\r")
	g.awaitWords("#otp-error", "This code is not right")
	g.retype("otp", code)
	g.Press("\r")
	g.awaitWords("#otp-error", "This code was used already")
	g.retype("otp", g.code(key))
	g.Press("\r")
	g.awaitAccount()

	// So does a signature.
	var passkey, app api.AccountCredential
	for _, c := range g.account().Credentials {
		if c.Kind == api.KindFido2 {
			passkey = c
		} else {
			app = c
		}
	}
	g.press(`[data-key="remove:`+app.UUID+`"]`, "Remove Code app")
	g.Click("#signing-go")
	g.WaitFor(`document.activeElement.id === "otp"`)
	g.wantText("#signing-status", "Your organisation asks for a second factor.")
	check(t, g.Tab, "signing second factor")
	g.Viewport(1280, 900)
	g.retype("otp", "000000")
	g.Press("\r")
	g.awaitWords("#otp-error", "This code is not right")
	g.Click("#signing-close")
	g.WaitFor(`!document.querySelector("#signing").open`)
	g.listed(2)
	g.press(`[data-key="remove:` + app.UUID + `"]`)
	g.Click("#signing-go")
	g.WaitFor(`document.activeElement.id === "otp"`)
	g.retype("otp", g.code(key))
	g.Press("\r")
	g.listed(1)
	g.wantText("#status", "Signed and done: Remove Code app")
	g.wantText("#second-missing", "You have none yet")
	if a := g.account(); len(a.Credentials) != 1 || a.Credentials[0].UUID != passkey.UUID {
		t.Errorf("the account has %+v", a.Credentials)
	}
	g.refusedWith("40")
}

// Who lost the phone with the codes asks an administrator, who deactivates them. The next login asks for none,
// and the account page tells how to come by new ones.
func TestLostCodes(t *testing.T) {
	t.Parallel()
	g := adminIn(t, countersigntest.Start(t))
	g.policies(organisation.Policies{OneTimePasswords: "on", SecondFactor: "required"})
	c := g.colleague(t, "grace@example.org")
	add := func() {
		t.Helper()
		c.Click("#codes-add")
		c.wantFocus("codes-title")
		c.typeInto("codes-otp", c.code(strings.Join(strings.Fields(c.Text("#codes-key")), "")))
		c.sign("#codes-form button.primary")
		c.listed(2)
	}
	add()
	codes := c.account().Credentials[1].UUID

	g.goTo("/people")
	g.Click(g.open("people", "grace@example.org") + " [data-key=access]")
	g.awaitState("access")
	g.sign(`#access [data-key="deactivate:`+codes+`"]`, "Deactivate Code app of grace@example.org", "Its codes count for nothing")
	g.awaitWords("#access-credentials", "Deactivated")
	g.untroubled()

	c.openLogin("")
	c.Click("#sign-in")
	c.awaitAccount()
	c.wantText("#second-missing", "Your codes from an app are deactivated", "remove them and add new ones")
	c.sign(`[data-key="remove:`+codes+`"]`, "Remove Code app", "its codes count for nothing any more")
	c.listed(1)
	add()
	if text := c.Text("#second-missing"); text != "" {
		t.Errorf("with new codes the page says %q", text)
	}
	c.untroubled()
}

// A second passkey is touched after the first, to sign in and to sign.
func TestSecondPasskey(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill)
	g.BeforeLoad(`{
		const fetch = window.fetch; // the page adds first factors alone
		window.signatures = 0;
		window.fetch = (path, o) => {
			if (path === "/auth/action") window.signatures++;
			return fetch(path, path === "/auth/credentials/init" ? {...o, body: '{"kind":"Fido2","factor":"second"}'} : o);
		};
	}`)
	g.signIn()
	g.key.SetPresence(false)
	other := g.AddVirtualAuthenticator(chromium.SecurityKey, func(o *webauthn.VirtualAuthenticatorOptions) {
		o.DefaultBackupEligibility, o.DefaultBackupState = true, true
	})
	g.Click("#add")
	g.named("")
	first := func() { other.SetPresence(false); g.key.SetPresence(true) }
	second := func() { g.key.SetPresence(false); other.SetPresence(true) }
	first()
	g.toSign()
	g.Click("#signing-go")
	g.listed(2)
	g.wantText("#credentials", "second factor")
	g.wantText("#one-passkey", "your only one")
	g.policies(organisation.Policies{SecondFactor: "required"})

	g.openLogin("")
	first()
	g.Click("#sign-in")
	g.WaitFor(`document.activeElement.id === "second-passkey"`)
	second()
	g.Click("#second-passkey")
	g.awaitAccount()
	remove := `[data-key="remove:` + g.account().Credentials[1].UUID + `"]`
	toSecond := func() {
		first()
		g.press(remove)
		g.Click("#signing-go")
		g.WaitFor(`document.activeElement.id === "second-passkey"`)
		second()
	}

	// Whoever cancels while the second prompt is open has signed nothing, whatever it answers then.
	toSecond()
	g.Eval(`{
		const get = CredentialsContainer.prototype.get;
		CredentialsContainer.prototype.get = function ({ publicKey }) {
			CredentialsContainer.prototype.get = get;
			return new Promise((resolve) => { window.touch = () => get.call(this, { publicKey }).then(resolve); });
		};
	}`, nil)
	g.Click("#second-passkey")
	g.WaitFor("Boolean(window.touch)")
	g.Click("#signing-close")
	g.WaitFor(`!document.querySelector("#signing").open`)
	var sent int
	g.Eval(`(async () => {
		const before = window.signatures;
		await window.touch();
		await new Promise((resolve) => setTimeout(resolve, 200));
		return window.signatures - before;
	})()`, &sent)
	if sent != 0 {
		t.Errorf("after cancelling the page sent %d signatures", sent)
	}
	g.listed(2)

	toSecond()
	g.Click("#second-passkey")
	g.listed(1)
	g.refusedWith("401")
}
