package browser_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// recordSignals keeps what pages tell the passkey provider, from page to page of the origin.
const recordSignals = `
	for (const name of ["signalAllAcceptedCredentials", "signalCurrentUserDetails", "signalUnknownCredential"]) {
		PublicKeyCredential[name] = async (what) => {
			const all = JSON.parse(localStorage.getItem("test.signals") || "[]");
			localStorage.setItem("test.signals", JSON.stringify([...all, {...what, signal: name}]));
		};
	}`

type signal struct {
	Signal       string   `json:"signal"`
	RPID         string   `json:"rpId"`
	UserID       string   `json:"userId"`
	CredentialID string   `json:"credentialId"`
	Accepted     []string `json:"allAcceptedCredentialIds"`
	UserName     string   `json:"name"`
	DisplayName  string   `json:"displayName"`
}

// told checks what the provider was told, once, of the user and of the passkeys that count.
func (g *user) told(when string, accepted []string) {
	g.t.Helper()
	id := base64url([]byte(g.inv.UserID))
	if told := g.signals("signalAllAcceptedCredentials"); len(told) != 1 || !slices.Equal(told[0].Accepted, accepted) || told[0].UserID != id || told[0].RPID != "localhost" {
		g.t.Errorf("%s the provider is told to accept %+v, want %q", when, told, accepted)
	}
	if told := g.signals("signalCurrentUserDetails"); len(told) != 1 || told[0].UserName != g.inv.Username || told[0].DisplayName != g.inv.Username || told[0].UserID != id || told[0].RPID != "localhost" {
		g.t.Errorf("%s the provider is told of the user %+v", when, told)
	}
}

// signals returns the signals of a name since they were forgotten.
func (g *user) signals(name string) (of []signal) {
	g.t.Helper()
	var all []signal
	g.Eval(`JSON.parse(localStorage.getItem("test.signals") || "[]")`, &all)
	for _, s := range all {
		if s.Signal == name {
			of = append(of, s)
		}
	}
	return of
}

func (g *user) forgetSignals() { g.t.Helper(); g.Eval(`localStorage.removeItem("test.signals")`, nil) }

// device is another browser of the same person, which knows nothing of them yet.
func (g *user) device(t *testing.T) *user {
	t.Helper()
	tab := chromium.Open(t)
	other := &user{Tab: tab, t: t, srv: g.srv, inv: g.inv, key: tab.AddVirtualAuthenticator()}
	other.BeforeLoad(noAutofill)
	return other
}

// handOver makes a code for another device, and returns it with the link that the picture shows.
func (g *user) handOver() (code, link string) {
	g.t.Helper()
	g.sign("#add-handover", "Make a code with which another device adds a passkey", "works once, and for a minute")
	g.WaitFor(`document.querySelector("#handover").checkVisibility()`)
	g.wantFocus("handover-title")
	code = g.Text("#handover-code")
	link, err := drawn(g.t, g.Tab, "#handover-picture svg").read()
	if err != nil {
		g.t.Fatal(err)
	}
	if want := g.srv.URL + "/add#code=" + code; link != want || g.Text("#handover-address") != g.srv.URL+"/add" {
		g.t.Fatalf("the picture says %q, want %q", link, want)
	}
	return code, link
}

func credentialNames(g *user) (all []string) {
	for _, c := range g.account().Credentials {
		all = append(all, c.Name)
	}
	return all
}

// A person's credentials for life: a second passkey by the link in the picture, used, renamed, the first
// removed; a recovery key made on the account page; all lost; and back in.
func TestCredentialsForLife(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t, countersigntest.Mail()))
	g.BeforeLoad(recordSignals)
	g.signIn()
	first := g.account().Credentials[0]
	g.wantText("#credentials", "You signed in with it", "Last sign-in from", "Chrome on Linux, 127.0.0.1", "Backed up", "Yes, when it was last used")

	_, link := g.handOver()
	phone := g.device(t)
	phone.BeforeLoad(recordSignals)
	phone.Open(link)
	phone.awaitState("ready")
	phone.wantText("#ready", "Analytical Engines", g.inv.Username, "only if it is yours")
	phone.Click("#create")
	phone.awaitState("done")
	phone.wantText("#done", "Chrome on Linux", "Synced", g.inv.Username)
	g.listed(2)
	g.wantText("#status", "Chrome on Linux was added by the other device")
	if g.Text("#handover") != "" {
		t.Error("the code is still shown")
	}
	second := g.account().Credentials[1]
	g.WaitFor(`document.activeElement.dataset.key === "rename:` + second.UUID + `"`)

	g.forgetSignals()
	g.Press(kb.Enter)
	g.named("My phone")
	g.toSign("Rename Chrome on Linux", "to My phone")
	g.Click("#signing-go")
	g.awaitWords("#credentials", "My phone")
	g.WaitFor(`document.activeElement.dataset.key === "rename:` + second.UUID + `"`)
	if all := credentialNames(g); !slices.Equal(all, []string{"Chrome on Linux", "My phone"}) {
		t.Errorf("the credentials are called %q", all)
	}
	both := []string{first.CredentialID, second.CredentialID}
	g.told("after the renaming", both)
	g.forgetSignals()

	// What is inactive may be activated again, so the provider must keep it.
	flip := `[data-key="active:` + second.UUID + `"]`
	g.sign(flip, "Deactivate My phone")
	g.awaitWords("#credentials", "Deactivated")
	g.told("after the deactivation", both)
	if told := g.signals("signalUnknownCredential"); len(told) != 0 {
		t.Errorf("after the deactivation the provider is told of %+v", told)
	}
	g.sign(flip, "Activate My phone")
	g.WaitFor(`!document.querySelector("#credentials").innerText.includes("Deactivated")`)

	var used string
	g.Eval(`localStorage.getItem("countersign.used")`, &used)
	if used != first.UUID {
		t.Errorf("in this browser %q was used, want %s", used, first.UUID)
	}
	g.Eval(`localStorage.setItem("countersign.used", `+quote(first.UUID+" "+second.UUID)+`)`, nil)
	g.Do(reload)
	g.awaitAccount()
	g.wantText("#credentials li:nth-child(1)", "You signed in with it")
	g.wantText("#credentials li:nth-child(2)", "Used in this browser", "Yes, when it was made")
	check(t, g.Tab, "account for life")
	g.untroubled()

	phone.Click("#sign-in")
	phone.awaitLogin()
	phone.Click("#sign-in")
	phone.awaitAccount()
	phone.forgetSignals()
	phone.wantText("#credentials li:nth-child(2)", "My phone", "You signed in with it")
	if text := phone.Text("#credentials li:nth-child(1)"); strings.Contains(text, "You signed in") || strings.Contains(text, "Used in this browser") {
		t.Errorf("the other device's passkey is shown as %q", text)
	}
	phone.sign(`[data-key="remove:`+first.UUID+`"]`, "Remove Chrome on Linux", "for good")
	phone.listed(1)
	if told := phone.signals("signalUnknownCredential"); len(told) != 1 || told[0].CredentialID != first.CredentialID || told[0].RPID != "localhost" {
		t.Errorf("after the removal the provider is told of %+v", told)
	}
	phone.told("after the removal", []string{second.CredentialID})

	phone.wantText("#recovery-part", "If you lost all your passkeys", "Make a recovery key")
	phone.sign("#make-recovery", "Add a recovery key", "shown once")
	code := strings.Join(phone.shownCode(), "-")
	phone.saveCode()
	phone.awaitState("ready")
	phone.wantFocus("recovery-title")
	phone.wantText("#recovery-part", "You have a recovery key, made on", "Recovery key", "Replace it")
	if text := phone.Text("body"); strings.Contains(text, code[:9]) {
		t.Error("the code is still in the page")
	}
	phone.untroubled()

	phone.lose()
	phone.Eval("sessionStorage.clear()", nil)
	phone.reachPasskey(code)
	phone.Click("#create")
	phone.shownCode()
	phone.keepCode()
	phone.Click("#sign-in")
	phone.awaitLogin()
	phone.Click("#sign-in")
	phone.awaitAccount()
	if all := phone.account().Credentials; len(all) != 2 || all[0].UUID == second.UUID || all[1].UUID == second.UUID {
		t.Errorf("after the recovery the account has %+v", all)
	}
	phone.untroubled()
}

// A code that is typed adds a passkey once. Until it is right, the page says nothing about anybody; what
// was begun with it can be completed when it has ended.
func TestCodeForAnotherDevice(t *testing.T) {
	t.Parallel()
	clock := &countersigntest.Clock{}
	g := enrol(t, countersigntest.Start(t, countersigntest.At(clock)))
	g.signIn()
	code, _ := g.handOver()
	check(t, g.Tab, "account handover")
	g.Viewport(1280, 900)

	other := g.device(t)
	other.BeforeLoad(recordCalls)
	other.Open(g.srv.URL + "/add")
	other.awaitState("form")
	other.wantFocus("code")
	check(t, other.Tab, "add form")
	other.Viewport(1280, 900)
	other.Press(kb.Enter)
	other.wantText("#code-error", "Enter the code")
	other.typeInto("code", "abcdefgh0")
	other.Press(kb.Enter)
	other.awaitWords("#alert", "This code does not work")
	other.wantFocus("code")
	if text := other.Text("body"); strings.Contains(text, "ada@") || strings.Contains(text, "Analytical") {
		t.Errorf("without a code the page says %q", text)
	}
	check(t, other.Tab, "add wrong code")
	other.Viewport(1280, 900)
	other.Eval(`document.querySelector("#code").value = ""`, nil)
	other.typeInto("code", strings.ToLower(strings.ReplaceAll(code, "-", " ")))
	other.Press(kb.Enter)
	other.awaitState("ready")
	other.wantFocus("title")
	other.wantText("#ready", "Analytical Engines", "ada@example.org")
	check(t, other.Tab, "add ready")
	other.Viewport(1280, 900)

	clock.Advance(61 * time.Second)
	other.key.SetUserVerified(false)
	other.Click("#create")
	other.awaitWords("#alert", "No passkey was made")
	other.wantText("#alert", "you can try again")
	other.key.SetUserVerified(true)
	other.WaitFor(`window.sent.filter((c) => c.path === "/auth/credentials/code/init").length === 3`) // refused, and the challenge is kept
	other.Click("#create")
	other.awaitState("done")
	var login string
	other.Eval(`document.querySelector("#sign-in").href`, &login)
	if want := g.srv.URL + "/login#org=" + g.inv.OrgID + "&username=ada%40example.org"; login != want {
		t.Errorf("the link to the login is %s, want %s: with a name alone it asks for an id that nobody knows there", login, want)
	}
	check(t, other.Tab, "add done")
	other.Viewport(1280, 900)
	var held string
	other.Eval(`JSON.stringify([location.href, document.referrer, {...localStorage}, {...sessionStorage}, performance.getEntries().map((e) => e.name)])`, &held)
	if strings.Contains(held, code) || strings.Contains(g.srv.Log.String(), code) {
		t.Error("the code is kept where others may find it")
	}
	g.listed(2)

	other.Open(g.srv.URL + "/")
	other.Open(g.srv.URL + "/add#code=" + code)
	other.awaitState("form")
	other.wantText("#alert", "This code does not work")
	other.refusedWith("403")
	g.untroubled()
}

// A code adds no passkey that is stronger than the one that signed for it. Another one can be made with it.
func TestStrongerPasskeyOfAnotherDevice(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.signIn()
	_, link := g.handOver()
	other := g.device(t)
	other.BeforeLoad(recordSignals)
	other.key.SetPresence(false)
	stick := other.AddVirtualAuthenticator(chromium.SecurityKey)
	other.Open(link)
	other.awaitState("ready")
	other.Click("#elsewhere")
	other.awaitWords("#alert", "This passkey counts for more than yours")
	made := stick.Credentials()[0].CredentialID
	if told := other.signals("signalUnknownCredential"); len(told) != 1 || told[0].CredentialID != base64url(made) {
		t.Errorf("the provider is told of %+v, want the passkey that was refused", told)
	}
	check(t, other.Tab, "add stronger")
	other.Viewport(1280, 900)
	stick.Remove()
	other.key.SetPresence(true)
	other.Click("#create")
	other.awaitState("done")
	g.listed(2)
	other.refusedWith("403")
	g.untroubled()
}

// By keyboard alone: another device is asked for, the code is seen, and the place is left again.
func TestHandoverByKeyboardOnly(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t, countersigntest.Mail()))
	g.signIn()
	g.Eval(`document.querySelector("#add").focus()`, nil)
	g.tabTo("add-handover")
	g.Press(kb.Enter)
	g.toSign()
	g.tabTo("signing-go")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#handover").checkVisibility()`)
	g.wantFocus("handover-title")
	g.tabTo("handover-new")
	g.tabTo("handover-close")
	g.Press(kb.Enter)
	g.wantFocus("add-handover")
	g.tabTo("make-recovery")
	g.Press(kb.Enter)
	g.toSign()
	g.tabTo("signing-go")
	g.Press(kb.Enter)
	g.shownCode()
	g.wantFocus("title")
	g.saveCodeByKeyboard()
	g.awaitState("ready")
	g.wantFocus("recovery-title")
	g.untroubled()
}

// The code is counted down; when it has ended it is gone from the page, and another can be made.
func TestEndOfACode(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(`{
		const parse = Response.prototype.json;
		Response.prototype.json = async function () {
			const answer = await parse.call(this);
			if (answer.code && !window.patient) answer.expiration = new Date(Date.now() + 1200).toISOString();
			return answer;
		};
	}`)
	g.signIn()
	g.sign("#add-handover")
	g.awaitWords("#handover-left", "1 second")
	g.awaitWords("#handover-status", "The code has ended")
	if g.Text("#handover-live") != "" {
		t.Error("a code that has ended is shown")
	}
	check(t, g.Tab, "account handover ended")
	g.Viewport(1280, 900)
	g.Eval("window.patient = true", nil)
	g.sign("#handover-new")
	g.awaitWords("#handover-left", "seconds")
	left := g.Text("#handover-left")
	var seconds int
	if _, err := fmt.Sscanf(left, "%d seconds", &seconds); err != nil || seconds < 30 || seconds > 60 {
		t.Errorf("the code works for %q, want nearly a minute", left)
	}
	g.Click("#handover-close")
	g.wantFocus("add-handover")
	g.untroubled()
}

// What is to be signed says a time. As long as nobody signs, it is made anew.
func TestSignatureOfATimeIsKeptFresh(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.signIn()
	g.press("#add-handover")
	said := func() (s struct{ Expiration time.Time }) {
		t.Helper()
		var request string
		g.Eval(`document.querySelector("#signing-request").textContent`, &request)
		_, body, _ := strings.Cut(request, "\n\n")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		return s
	}
	before := said()
	g.WaitFor(`!document.querySelector("#signing-request").textContent.includes(` + quote(before.Expiration.Format("2006-01-02T15:04:05")) + `)`)
	if again := said(); again.Expiration.Sub(before.Expiration) < 5*time.Second {
		t.Errorf("the time is %v, after %v", again, before)
	}
	g.toSign()
	g.Click("#signing-go")
	g.WaitFor(`document.querySelector("#handover").checkVisibility()`)
	g.untroubled()
}

// Names are asked for in a dialog that can be left, and says what is wrong with them.
func TestNamesOfCredentials(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.BeforeLoad(`
		window.forgotten = 0;
		PublicKeyCredential.signalUnknownCredential = async () => { window.forgotten++; };`)
	g.signIn()
	rename := `[data-key="rename:` + g.account().Credentials[0].UUID + `"]`
	g.Click(rename)
	g.WaitFor(`document.querySelector("#asking").open`)
	g.wantText("#asking", "Rename Chrome on Linux", "only for you")
	g.wantFocus("asking-value")
	check(t, g.Tab, "account rename")
	g.Viewport(1280, 900)
	g.Eval(`document.querySelector("#asking-value").value = " "`, nil)
	g.Click("#asking-go")
	g.wantText("#asking-value-error", "Enter a name")
	g.Eval(`document.querySelector("#asking-value").value = "é".repeat(101)`, nil)
	g.Click("#asking-go")
	g.wantText("#asking-value-error", "at most 100")
	check(t, g.Tab, "account rename refused")
	g.Viewport(1280, 900)
	g.Press(kb.Escape)
	g.WaitFor(`!document.querySelector("#asking").open && document.activeElement.matches(` + quote(rename) + `)`)
	g.Click(rename)
	g.named("a\u202eb")
	g.toSign()
	g.Click("#signing-go")
	g.awaitWords("#signing-alert", "This name cannot be used")
	g.Click("#signing-close")
	g.WaitFor(`!document.querySelector("#signing").open`)

	// A new passkey whose maker thinks better of it is forgotten.
	g.key.SetPresence(false)
	other := g.AddVirtualAuthenticator(chromium.SecurityKey)
	g.Click("#add")
	g.WaitFor(`document.querySelector("#asking").open`)
	g.wantText("#asking", "Name your new passkey")
	var offered string
	g.Eval(`document.querySelector("#asking-value").value`, &offered)
	if offered != "Security key" {
		t.Errorf("the name %q is offered, want what it is", offered)
	}
	check(t, g.Tab, "account naming")
	g.Viewport(1280, 900)
	g.Click("#asking-close")
	g.WaitFor(`window.forgotten === 1`)
	other.Remove()
	if all := credentialNames(g); !slices.Equal(all, []string{"Chrome on Linux"}) {
		t.Errorf("the credentials are called %q", all)
	}
	g.refusedWith("400")
}

// A recovery key is replaced: the former one works until the code of the new one is kept. Then the last
// passkey can be removed, by who says so twice.
func TestRecoveryKeyAndTheLastPasskey(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t, countersigntest.Mail()))
	g.BeforeLoad(recordSignals + noAutofill)
	g.signIn()
	passkey := g.account().Credentials[0]
	remove := `[data-key="remove:` + passkey.UUID + `"]`
	g.sign("#make-recovery")
	former := strings.Join(g.shownCode(), "-")
	check(t, g.Tab, "account recovery code")
	g.Viewport(1280, 900)
	g.Click("#saved")
	g.wantFocus("last-part")
	g.Click("#finish")
	g.wantText("#last-part-error", "Type the last six")
	check(t, g.Tab, "account recovery check")
	g.Viewport(1280, 900)
	g.Click("#show-again")
	g.saveCode()
	g.awaitState("ready")
	check(t, g.Tab, "account recovery key")
	g.Viewport(1280, 900)

	g.sign("#make-recovery")
	code := strings.Join(g.shownCode(), "-")
	if n := len(g.account().Credentials); n != 3 {
		t.Errorf("while the new code is shown there are %d credentials, want the passkey and both recovery keys", n)
	}
	g.saveCode()
	g.toSign("Remove the former recovery key, made on", "The new one works already")
	g.Click("#signing-go")
	g.WaitFor(`document.querySelectorAll("#recovery-keys li").length === 1`)
	g.wantText("#recovery-state", "You have a recovery key, made on")
	if former == code {
		t.Error("the code is the former one")
	}

	// The last passkey. It is the last one beside a password too, which signs nothing.
	g.policies(organisation.Policies{Passwords: "on"})
	g.Eval(`(async () => {
		const { beginCredential } = `+module("api")+`, { sign } = `+module("sign")+`;
		const { challengeIdentifier } = await beginCredential("Password");
		sign({ summary: ["Add a password"], method: "POST", path: "/auth/credentials", body: {
			credentialKind: "Password", credentialName: "Password", credentialInfo: { password: "Analytical 1843" }, challengeIdentifier } });
	})()`, nil)
	g.toSign("Add a password")
	g.Click("#signing-go")
	g.awaitWords("#status", "Add a password")
	g.goTo("/account")
	g.listed(2)
	g.wantText("#one-passkey", "your only one")
	g.Click(remove)
	g.WaitFor(`document.querySelector("#asking").open`)
	g.wantFocus("asking-title")
	g.wantText("#asking", "Remove your last passkey?", "only your recovery key", "I have the code")
	check(t, g.Tab, "account last passkey")
	g.Viewport(1280, 900)
	g.Click("#asking-close")
	g.WaitFor(`!document.querySelector("#asking").open && document.activeElement.matches(` + quote(remove) + `)`)
	if g.Text("#signing") != "" {
		t.Error("a signature is asked for although nobody is sure")
	}
	g.Click(remove)
	g.WaitFor(`document.querySelector("#asking").open`)
	g.Click("#asking-go")
	g.toSign("Remove Chrome on Linux", "This is your last passkey")
	g.wantRequest("DELETE /auth/credentials/" + passkey.UUID + "?force=true")
	g.forgetSignals()
	g.Click("#signing-go")
	g.awaitLogin()
	if told := g.signals("signalUnknownCredential"); len(told) != 1 || told[0].CredentialID != passkey.CredentialID {
		t.Errorf("after the removal the provider is told of %+v", told)
	}
	g.lose()
	g.reachPasskey(code)
	g.Click("#create")
	g.shownCode()
	g.keepCode()
	g.Click("#sign-in")
	g.awaitLogin()
	g.Click("#sign-in")
	g.awaitAccount()
	g.refusedWith("40")
}

func (g *user) wantRequest(request string) {
	g.t.Helper()
	var shown string
	g.Eval(`document.querySelector("#signing-request").textContent`, &shown)
	if shown != request {
		g.t.Errorf("what is signed is %q, want %q", shown, request)
	}
}

// Without a recovery key the last passkey stays, and without mail no recovery key is offered.
func TestNoRecoveryKeyWithoutMail(t *testing.T) {
	t.Parallel()
	g := enrol(t, countersigntest.Start(t))
	g.signIn()
	if text := g.Text("#recovery-part"); text != "" {
		t.Errorf("without mail the page says %q", text)
	}
	g.press(`[data-key="remove:`+g.account().Credentials[0].UUID+`"]`, "Remove Chrome on Linux", "for good")
	g.Click("#signing-go")
	g.awaitWords("#signing-alert", "This is your last one")
	g.refusedWith("409")
}

// Whoever registered with a passkey that stays on its device is offered a second one at once, and may
// decline.
func TestSecondPasskeyIsProposed(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t, countersigntest.Mail()), chromium.SecurityKey)
	g.BeforeLoad(noAutofill)
	g.register()
	g.wantText("#done", "On one device only", "stays on this one device", "Add a second passkey", "Not now")
	for _, id := range []string{"#recovery-offer", "#done-next"} {
		if text := g.Text(id); text != "" {
			t.Errorf("%s is offered at the same time: %q", id, text)
		}
	}
	check(t, g.Tab, "done second")
	g.Viewport(1280, 900)
	g.Click("#not-now")
	g.wantText("#recovery-offer", "recovery code", "by mail", "later on your account page")
	g.wantFocus("title")
	g.Do(reload)
	g.awaitState("done")
	g.wantText("#done-next", "Sign in") // what a recovery key needs is gone

	other := invite(t, g.srv, chromium.SecurityKey)
	other.BeforeLoad(noAutofill)
	other.register()
	other.Do(reload)
	other.awaitState("done")
	other.Click("#add-second")
	other.awaitLogin()
	other.Click("#sign-in")
	other.awaitAccount()
	other.wantFocus("add-elsewhere")
	other.wantText("#add-status", "Add a second passkey here")
	other.wantText("#credentials", "Security key", "No: it stays on its one device")
	var url string
	other.Eval("location.href", &url)
	if url != g.srv.URL+"/account" {
		t.Errorf("the address is %s", url)
	}
	check(t, other.Tab, "account second")
	other.untroubled()
	g.untroubled()
}
