package browser_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// shownCode waits for a recovery code and returns its groups.
func (g *user) shownCode() (groups []string) {
	g.t.Helper()
	g.awaitState("recovery")
	g.Eval(`[...document.querySelectorAll("#code span")].map((e) => e.textContent)`, &groups)
	return groups
}

// registerRecoverable registers somebody with a recovery code, which it returns.
func registerRecoverable(t *testing.T, srv *countersigntest.Server) (g *user, code string) {
	t.Helper()
	g = invite(t, srv)
	return g, g.registerRecoverable()
}

// registerRecoverable registers somebody who was invited, with a recovery code, which it returns.
func (g *user) registerRecoverable() (code string) {
	g.t.Helper()
	g.BeforeLoad(recordCalls + noAutofill)
	g.register()
	g.Click("#make-recovery")
	code = strings.Join(g.shownCode(), "-")
	g.keepCode()
	return code
}

func (g *user) keepCode() {
	g.t.Helper()
	g.saveCode()
	g.awaitState("finished")
}

// saveCode says that the code that is shown is saved, and shows it by typing its end.
func (g *user) saveCode() {
	g.t.Helper()
	var end string
	g.Eval(`document.querySelector("#code").textContent.slice(-6)`, &end)
	g.Click("#saved")
	g.wantFocus("last-part")
	g.typeInto("last-part", strings.ToLower(end))
	g.Click("#finish")
}

// lose takes the device away and gives an empty one.
func (g *user) lose() {
	g.t.Helper()
	g.key.Remove()
	g.key = g.AddVirtualAuthenticator()
}

var inMail = regexp.MustCompile(`(?m)^Code: +([0-9A-Z-]+)\r?$`)

// mailedCode returns the recovery code that was mailed last.
func (g *user) mailedCode() (code string) {
	g.t.Helper()
	g.srv.Codes.Outbox.Finish()
	for _, m := range g.srv.Mailbox.Messages() {
		if found := inMail.FindSubmatch(m.Data); found != nil {
			code = string(found[1])
		}
	}
	if code == "" {
		g.t.Fatal("no recovery code was mailed")
	}
	return code
}

// enter fills in the two codes and sends them.
func (g *user) enter(verificationCode, recoveryCode string) {
	g.t.Helper()
	g.Eval(`for (const id of ["verificationCode", "recoveryCode"]) document.getElementById(id).value = "";`, nil)
	g.typeInto("verificationCode", verificationCode)
	g.typeInto("recoveryCode", recoveryCode)
	g.Press(kb.Enter)
}

// openRecover opens the recovery page as the login page does.
func (g *user) openRecover() {
	g.t.Helper()
	g.Open(g.srv.URL + "/")
	g.Open(g.srv.URL + "/recover#org=" + g.inv.OrgID + "&username=" + g.inv.Username)
	g.awaitState("ask")
}

// reachPasskey goes to the step where a passkey is made.
func (g *user) reachPasskey(code string) {
	g.t.Helper()
	g.openRecover()
	g.Click("#send")
	g.awaitState("codes")
	g.enter(g.mailedCode(), code)
	g.awaitState("ready")
}

// Who has lost their passkey gets back in with the code that they kept and one by mail, whatever goes
// wrong on the way. What was there before opens nothing any more.
func TestRecover(t *testing.T) {
	t.Parallel()
	g, code := registerRecoverable(t, countersigntest.Start(t, countersigntest.Mail()))
	g.signIn()
	session, lost := g.token(), g.key.Credentials()[0]
	g.lose()

	g.openLogin("")
	g.typeInto("username", g.inv.Username)
	g.Click("#lost")
	g.awaitState("ask")
	g.wantFocus("title")
	g.wantText("h1", "Recover your account at Analytical Engines")
	g.Click("#send")
	g.awaitState("codes")
	g.wantFocus("title")
	g.wantText("#sent", "If "+g.inv.Username)
	mailed := g.mailedCode()

	// A wrong code from the mail is the server's to refuse, and leaves the right one good.
	g.enter("AAAA-AAAA-AAAA-AAAA-AAAA", code)
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "The code from the mail is not right", "Reference rf-")
	g.wantFocus("verificationCode")

	// A wrong recovery code is found out here, and neither sent nor allowed to spend anything.
	for wrong, words := range map[string]string{
		code[:len(code)-1]:                    "this one has 25",
		otherLast(code):                       "does not open the recovery key",
		mailed:                                "this one has 20",
		"":                                    "Enter the recovery code",
		strings.Repeat("!", 8) + code + "0 0": "this one has 28",
	} {
		g.enter(mailed, wrong)
		g.WaitFor(`document.querySelector("#recoveryCode-error").textContent.includes(` + quote(words) + `)`)
		g.wantFocus("recoveryCode")
	}
	g.enter(code, code) // the one that is never sent, in the field of the other
	g.wantText("#verificationCode-error", "The code from the mail goes here")
	g.wantFocus("verificationCode")
	if n := len(g.sent("/auth/recover/user/init")); n != 0 {
		t.Errorf("%d recoveries were begun without the recovery code", n)
	}

	lookalikes := strings.NewReplacer("0", "o", "1", "l", "-", " ")
	g.enter(strings.ToLower(mailed), lookalikes.Replace(strings.ToLower(code)))
	g.awaitState("ready")
	g.wantFocus("title")
	g.wantText("#ready", "Analytical Engines", g.inv.Username, "stop working")

	g.key.SetPresence(false)
	g.Click("#create")
	g.Click("#cancel")
	g.WaitFor(`document.querySelector("#create-label").textContent === "Try again"`)
	g.wantFocus("create")
	g.key.SetPresence(true)
	g.key.SetUserVerified(false)
	g.Click("#create")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "No passkey was made", "your code still works")
	g.wantFocus("create")
	if n := len(g.sent("/auth/recover/user")); n != 0 {
		t.Errorf("%d recoveries were completed without a passkey", n)
	}
	g.key.SetUserVerified(true)
	g.Click("#create")
	fresh := strings.Join(g.shownCode(), "-")
	if fresh == code || len(fresh) != len(code) {
		t.Errorf("the new recovery code is %q, the former was %q", fresh, code)
	}
	g.wantFocus("title")
	checkNothingIsLeft(t, g, mailed, code, fresh)
	g.keepCode()
	g.wantText("#finished", "Analytical Engines", g.inv.Username, "Chrome on Linux")
	g.Click("#sign-in")
	g.awaitLogin()
	g.Click("#sign-in")
	g.awaitAccount()

	if g.lives(session) {
		t.Error("the session from before is still good")
	}
	if a := g.account(); len(a.Credentials) != 2 {
		t.Errorf("the account has %d credentials, want the passkey and the recovery key", len(a.Credentials))
	}
	g.key.Remove()
	g.key = g.AddVirtualAuthenticator()
	g.key.Add(lost)
	g.Eval("sessionStorage.clear()", nil) // signed in already, one is asked whether to continue
	g.openLogin("")
	g.Click("#sign-in")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "This passkey no longer works")
	g.lose()
	g.openRecover()
	g.Click("#send")
	g.awaitState("codes")
	g.enter(g.mailedCode(), code)
	g.WaitFor(`document.querySelector("#recoveryCode-error").textContent.includes("does not open")`)
	g.refusedWith("40")
}

// otherLast is a code with another last character.
func otherLast(code string) string {
	if strings.HasSuffix(code, "7") {
		return code[:len(code)-1] + "8"
	}
	return code[:len(code)-1] + "7"
}

// checkNothingIsLeft looks for codes where they must not be: in what was sent, in addresses, in what is
// stored, and in the log.
func checkNothingIsLeft(t *testing.T, g *user, mailed, former, fresh string) {
	t.Helper()
	plain := func(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "-", "")) }
	var sent, held string
	g.Eval(`JSON.stringify(window.sent)`, &sent)
	g.Eval(`JSON.stringify([location.href, history.state, document.referrer, document.cookie, {...localStorage}, {...sessionStorage},
		performance.getEntries().map((e) => e.name), [...document.querySelectorAll("input, textarea")].map((e) => e.value)])`, &held)
	for name, c := range map[string]string{"mail": mailed, "former": former, "new": fresh} {
		if strings.Contains(plain(held), plain(c)) || strings.Contains(plain(g.srv.Log.String()), plain(c)) {
			t.Errorf("the %s code is held where others may find it", name)
		}
		if name != "mail" && strings.Contains(plain(sent), plain(c)) {
			t.Errorf("the %s code was sent", name)
		}
	}
}

// The answer to the completing call is lost: the page finds out that the passkey is stored, and shows the
// new recovery code all the same.
func TestLostAnswerOfARecovery(t *testing.T) {
	t.Parallel()
	g, code := registerRecoverable(t, countersigntest.Start(t, countersigntest.Mail()))
	g.lose()
	g.BeforeLoad(`{
		const send = window.fetch;
		let lost = false;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (path === "/auth/recover/user" && !lost) {
				lost = true;
				throw new TypeError("made by the test");
			}
			return answer;
		};
	}`)
	g.reachPasskey(code)
	g.Click("#create")
	fresh := strings.Join(g.shownCode(), "-")
	g.keepCode()
	g.Click("#sign-in")
	g.awaitLogin()
	g.Click("#sign-in")
	g.awaitAccount()
	g.lose()
	g.reachPasskey(fresh)
	g.refusedWith("401")
}

// A refused recovery changes nothing, leaves no passkey behind and can be tried again.
func TestRefusedRecovery(t *testing.T) {
	t.Parallel()
	g, code := registerRecoverable(t, countersigntest.Start(t, countersigntest.Mail()))
	g.signIn()
	session := g.token()
	g.lose()
	g.BeforeLoad(`{
		window.signals = 0;
		PublicKeyCredential.signalUnknownCredential = async () => { window.signals++; };
		const send = window.fetch;
		window.fetch = (path, options) => {
			if (path !== "/auth/recover/user" || window.honest) return send(path, options);
			const body = JSON.parse(options.body);
			body.newCredentials.firstFactorCredential.credentialName = "Another";
			return send(path, {...options, body: JSON.stringify(body)});
		};
	}`)
	g.reachPasskey(code)
	g.Click("#create")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "must sign the new credentials", "Reference rf-")
	g.wantFocus("create")
	var signals int
	g.Eval("window.signals", &signals)
	if signals != 1 || !g.lives(session) {
		t.Errorf("%d passkeys were reported as unknown, want 1; the session lives: %v", signals, g.lives(session))
	}
	g.Eval("window.honest = true", nil)
	g.Click("#create")
	g.awaitState("recovery")
	g.refusedWith("400")
}

// Where there is no mail there is no way to the page, and the page says who can help.
func TestNoRecoveryWithoutMail(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.BeforeLoad(noAutofill)
	g.openLogin("")
	g.wantText("#ready", "Lost your passkey? Ask an administrator")
	if text := g.Text("#lost"); text != "" {
		t.Errorf("there is a way to the recovery page: %q", text)
	}
	g.Open(g.srv.URL + "/recover")
	g.awaitState("problem")
	g.wantText("h1", "Ask your administrator")
	g.wantText("#problem", "a new invitation")
	check(t, g.Tab, "recover without mail")
	g.Click(`[data-action="signin"]`)
	g.awaitLogin()
	g.untroubled()
}

// Every state of the page, by keyboard alone.
func TestRecoverIsAccessible(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Mail())
	g, code := registerRecoverable(t, srv)
	g.lose()
	look := func(state string) {
		g.t.Helper()
		check(t, g.Tab, "recover "+state)
		g.Viewport(1280, 900)
	}
	g.openLogin("")
	look("login")
	srv.Organisation(t, "Difference Engines") // now the organisation has to be typed
	g.Open(g.srv.URL + "/recover")
	g.awaitState("ask")
	g.wantFocus("title")
	g.tabTo("orgId")
	g.Press(kb.Enter)
	g.wantFocus("orgId")
	look("missing")
	g.typeInto("orgId", "or-nonsense")
	g.tabTo("username")
	g.typeInto("username", g.inv.Username)
	g.tabTo("send")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantFocus("orgId")
	look("organisation")
	g.openRecover()
	look("ask")
	g.tabTo("send")
	g.Press(kb.Enter)
	g.awaitState("codes")
	g.wantFocus("title")
	g.tabTo("resend")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#status").textContent.includes("Another mail")`)
	look("codes")
	g.enter("AAAA-AAAA-AAAA-AAAA-AAAA", code)
	g.WaitFor(`document.querySelector("#alert .bad")`)
	look("wrong code")
	g.enter(g.mailedCode(), otherLast(code))
	g.WaitFor(`document.querySelector("#recoveryCode-error").textContent`)
	look("wrong recovery code")
	g.enter(g.mailedCode(), code)
	g.awaitState("ready")
	g.wantFocus("title")
	look("ready")
	g.key.SetPresence(false)
	g.tabTo("create")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#cancel").checkVisibility()`)
	look("asking")
	g.tabTo("cancel")
	g.Press(kb.Enter)
	g.wantFocus("create")
	g.key.SetPresence(true)
	g.key.SetUserVerified(false)
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#alert .bad")`)
	look("cancelled")
	g.key.SetUserVerified(true)
	g.Press(kb.Enter)
	g.awaitState("recovery")
	g.wantFocus("title")
	look("code")
	g.saveCodeByKeyboard()
	g.awaitState("finished")
	g.wantFocus("title")
	look("finished")
	g.refusedWith("40")
}

// The page opens what the page sealed, with the code and the id that belong to it alone, and what it opens
// can sign and not be read.
func TestOpenRecoveryKey(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Mail())
	tab := chromium.Open(t)
	tab.Open(srv.URL + "/recover")
	tab.WaitFor(`document.body.dataset.state === "ask"`)
	var wrong []string
	tab.Eval(fmt.Sprintf(`(async () => {
		const { makeRecoveryKey, openRecoveryKey, readCode, signRecovery } =
			await import(performance.getEntriesByType("resource").find((e) => e.name.includes("/assets/recovery.")).name);
		const wrong = [];
		const { code, credential } = await makeRecoveryKey("AAAA", "key");
		const envelope = credential.encryptedPrivateKey, { credId } = credential.credentialInfo;
		const key = await openRecoveryKey(envelope, readCode(" " + code.toLowerCase().replaceAll("0", "o").replaceAll("1", "I")), credId);
		if (!key || key.extractable || key.usages.join() !== "sign" || key.type !== "private") return ["the key"];
		const signed = await signRecovery(key, credId, {a: 1});
		if (signed.kind !== %q || signed.credentialAssertion.credId !== credId) wrong.push("the signature's form");
		const data = JSON.parse(atob(signed.credentialAssertion.clientData.replaceAll("-", "+").replaceAll("_", "/")));
		if (data.type !== "key.get" || atob(data.challenge) !== '{"a":1}') wrong.push("what is signed");
		const parts = envelope.split(".");
		for (const [what, ...args] of [
			["another code", envelope, code.replaceAll("-", "").slice(0, 25) + (code.endsWith("7") ? "8" : "7"), credId],
			["no code", envelope, "", credId],
			["another credential", envelope, readCode(code), credId.replace(/./, (c) => c === "A" ? "B" : "A")],
			["another version", envelope.replace("csr1", "csr2"), readCode(code), credId],
			["a part too few", parts.slice(0, 3).join("."), readCode(code), credId],
			["no base64", "csr1.!.!.!", readCode(code), credId],
			["what is cut", envelope.slice(0, -4), readCode(code), credId],
			["nothing", "", readCode(code), credId],
		]) if (await openRecoveryKey(...args) !== null) wrong.push(what);
		return wrong;
	})()`, api.KindRecoveryKey), &wrong)
	if len(wrong) > 0 {
		t.Errorf("wrong: %q", wrong)
	}
}
