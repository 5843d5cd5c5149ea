package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/store"
)

func TestCancelledLoginCanBeRepeated(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(recordCalls)
	g.openLogin("")
	g.key.SetUserVerified(false) // as when the PIN or fingerprint prompt is closed
	g.Click("#sign-in")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "No passkey was used", "closed the prompt", "phone or a security key")
	g.wantText("#sign-in", "Try again")
	g.wantFocus("sign-in")
	if n := len(g.sent("/auth/login")); n != 0 {
		t.Errorf("%d answers were sent for a cancelled prompt", n)
	}
	// The browser's suggestions are there again, for the challenge that was not used.
	g.WaitFor(`JSON.parse(localStorage.getItem("test.prompts")).length >= 3`) // the device refuses it, and it is offered again
	if p := g.prompts(); p[2].Mediation != "conditional" {
		t.Errorf("the prompts were %+v, want the last to be conditional again", p)
	}
	if n := len(g.sent("/auth/login/init")); n != 1 {
		t.Errorf("%d challenges were fetched, want 1", n)
	}
	g.key.SetUserVerified(true)
	g.Click("#sign-in")
	g.awaitAccount()
	g.untroubled()
}

// What navigator.credentials.get() may fail with: each has its own words, keeps the page
// usable, and AbortError is quiet.
func TestEveryLoginErrorHasItsWords(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill + `{
		const get = CredentialsContainer.prototype.get;
		CredentialsContainer.prototype.get = function (options) {
			const name = window.failing;
			return name ? Promise.reject(new DOMException("made by the test", name)) : get.call(this, options);
		};
	}`)
	g.openLogin("")
	seen := map[string]string{}
	for name, words := range map[string]string{
		"NotAllowedError":   "closed the prompt",
		"InvalidStateError": "does not hold a passkey",
		"NotSupportedError": "does not support",
		"ConstraintError":   "a PIN is required",
		"SecurityError":     "not your fault",
		"OperationError":    "earlier question",
		"UnknownError":      "UnknownError",
		"AbortError":        "",
	} {
		g.Eval("window.failing = "+quote(name), nil)
		g.Click("#sign-in")
		g.WaitFor(`document.querySelector("#sign-in").getAttribute("aria-disabled") === "false" &&
			Boolean(document.querySelector("#alert .bad")) === ` + fmt.Sprint(words != ""))
		text := g.Text("#alert")
		if words == "" && text != "" || !strings.Contains(text, words) {
			t.Errorf("%s: the page says %q, want %q", name, text, words)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the same words as %s", name, other)
		}
		seen[text] = name
	}
	g.Eval(`window.failing = ""`, nil)
	g.Click("#sign-in")
	g.awaitAccount()
	g.untroubled()
}

// What the server may refuse with: each code has its own words, and its reference.
func TestEveryLoginRefusalHasItsWords(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill + `{
		PublicKeyCredential.signalUnknownCredential = async () => {}; // or the passkey would be gone
		const send = window.fetch;
		window.fetch = async (path, options) => {
			if (path !== "/auth/login" || !window.refusal) return send(path, options);
			if (window.refusal.code === "gone") throw new TypeError("made by the test");
			const {status, code} = window.refusal;
			return new Response(JSON.stringify({error: {id: "rf-made-by-the-test", code, message: "The server's own sentence."}}), {status});
		};
	}`)
	g.openLogin("")
	seen := map[string]string{}
	for _, c := range []struct {
		status      int
		code, words string
	}{
		{401, "signature_invalid", "may have been removed"},
		{401, "challenge_used", "counts once"},
		{400, "ceremony_expired", "longer than the server waits"},
		{400, "challenge_invalid", "attempt to sign in"},
		{401, "user_handle_missing", "Type your user name"},
		{400, "user_inactive", "deactivated the account"},
		{401, "credential_inactive", "deactivated it"},
		{401, "sign_count_refused", "counter"},
		{401, "backup_state_refused", "synced differently"},
		{401, "second_factor_required", "two credentials"},
		{400, "user_not_verified", "a PIN is required"},
		{400, "origin_not_allowed", "refused on localhost"},
		{400, "something_new", "The server's own sentence."},
		{503, "store_unavailable", "our side"},
		{0, "gone", "no answer came"},
		{429, "too_many_tries", "Try again later"},
	} {
		g.Eval(fmt.Sprintf(`window.refusal = {status: %d, code: %q}`, c.status, c.code), nil)
		g.Eval(`document.querySelector("#alert").replaceChildren()`, nil)
		g.Click("#sign-in")
		g.WaitFor(`document.querySelector("#alert .bad, #problem:not([hidden])")`)
		text := g.Text("#alert") + g.Text("#problem")
		if !strings.Contains(text, c.words) {
			t.Errorf("%s: the page says %q, want %q", c.code, text, c.words)
		}
		if c.code != "gone" && !strings.Contains(text, "Reference rf-made-by-the-test") {
			t.Errorf("%s: the page shows no reference: %q", c.code, text)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the same words as %s", c.code, other)
		}
		seen[text] = c.code
		if g.token() != "" {
			t.Fatalf("%s: a session was kept", c.code)
		}
	}
	g.Eval(`window.refusal = null`, nil)
	g.Click(`[data-action="retry"]`) // too many tries leave nothing else on the page
	g.awaitState("ready")
	g.Click("#sign-in")
	g.awaitAccount()
}

func TestLoginOfWhoIsSwitchedOff(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("the user", func(t *testing.T) {
		g := enrol(t, srv)
		g.write(func(tx *store.Tx) { tx.DeactivateUser(g.inv.UserID, g.inv.OrgID, srv.Clock.Now(), fmt.Errorf("gone")) })
		g.BeforeLoad(noAutofill)
		g.openLogin("")
		g.Click("#sign-in")
		g.WaitFor(`document.querySelector("#alert .bad")`)
		g.wantText("#alert", "This account is deactivated", "Reference rf-")
		g.refusedWith("400")
	})

	t.Run("the passkey", func(t *testing.T) {
		g := enrol(t, srv)
		passkey := g.credentials()[0]
		g.write(func(tx *store.Tx) { tx.DeactivateCredential(passkey, srv.Clock.Now(), fmt.Errorf("gone")) })
		g.BeforeLoad(noAutofill + `
			window.signals = 0;
			PublicKeyCredential.signalUnknownCredential = async () => { window.signals++; };`)
		g.openLogin("")
		g.Click("#sign-in")
		g.WaitFor(`document.querySelector("#alert .bad")`)
		g.wantText("#alert", "This passkey no longer works", "Reference rf-")
		var signals int
		g.Eval("window.signals", &signals)
		if signals != 0 {
			t.Error("a passkey that may be switched on again was reported to its provider as unknown")
		}
		g.refusedWith("401")
	})
}

// A page that was open for longer than a challenge lives gets a new one: for the
// browser's suggestions by itself, for a button when it is pressed.
func TestStaleLogin(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(recordCalls + `
		window.later = 0;
		const now = Date.now;
		Date.now = () => now() + window.later;`)
	g.Open(g.srv.URL + "/login")
	g.awaitLogin()
	g.Eval(`window.later = 10 * 60 * 1000; document.dispatchEvent(new Event("visibilitychange"))`, nil)
	g.WaitFor(`window.prompts === 2`)
	if p := g.prompts(); p[0].Ended != "AbortError" || p[1].Mediation != "conditional" {
		t.Errorf("the prompts were %+v, want the old one aborted for a new", p)
	}
	if n := len(g.sent("/auth/login/init")); n != 2 {
		t.Errorf("%d challenges were fetched, want 2", n)
	}
	g.key.SetPresence(true)
	g.Eval("window.later = 25 * 60 * 1000", nil)
	g.Click("#sign-in")
	g.awaitAccount()
	g.untroubled()
}

// What makes a login impossible is said before the prompt, and only then.
func TestLoginObstacles(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for name, c := range map[string]struct{ script, title string }{
		"not secure":  {`Object.defineProperty(window, "isSecureContext", {get: () => false})`, "This page is not secure"},
		"no WebAuthn": {`delete window.PublicKeyCredential`, "This browser cannot use passkeys"},
		"no server":   {`window.fetch = async () => { throw new TypeError("made by the test"); }`, "The server did not answer"},
		"another relying party": {`{
			const parse = Response.prototype.json;
			Response.prototype.json = async function () {
				const answer = await parse.call(this);
				if (answer.rp) answer.rp.id = "example.com";
				return answer;
			};
		}`, "This page is not set up for passkeys"},
	} {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(c.script)
			g.Open(srv.URL + "/login")
			g.awaitState("problem")
			g.wantText("h1", c.title)
			g.wantFocus("title")
			g.untroubled()
		})
	}

	t.Run("no storage", func(t *testing.T) {
		g := enrol(t, srv)
		g.openLogin("")
		g.Eval(`Object.defineProperty(window, "sessionStorage", {get() { throw new DOMException("made by the test", "SecurityError"); }}), 0`, nil)
		g.Click("#sign-in")
		g.awaitState("problem")
		g.wantText("#problem", "Allow storage")
		g.untroubled()
	})

	t.Run("no such organisation", func(t *testing.T) {
		g := enrol(t, srv)
		g.key.SetPresence(false)
		g.Open(srv.URL + "/login#org=nonsense")
		g.awaitState("problem")
		g.wantText("h1", "There is no such organisation")
		g.Click(`[data-action="another"]`)
		g.awaitLogin()
		g.key.SetPresence(true)
		g.Click("#sign-in")
		g.awaitAccount()
		g.refusedWith("400")
	})

	t.Run("no JavaScript", func(t *testing.T) {
		for _, path := range []string{"/login", "/account"} {
			g := invite(t, srv)
			g.Do(scriptsOff)
			g.Open(srv.URL + path)
			g.wantText("noscript", "needs JavaScript")
		}
	})
}
