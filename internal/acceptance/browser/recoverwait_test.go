package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/testing/chromium"
)

// waits makes a passkey on the recovery page, where the recovery then waits, and returns the new recovery
// code.
func (g *user) waits(code string) (fresh string) {
	g.t.Helper()
	g.reachPasskey(code)
	g.Click("#create")
	fresh = strings.Join(g.shownCode(), "-")
	g.wantText("#recovery", "once the recovery is complete", "Until then the former code does")
	g.saveCode()
	g.awaitState("waiting")
	g.wantFocus("title")
	return fresh
}

// Who lost everything recovers where that has to wait. A session of theirs stops one; an administrator
// approves the next; the page that made the passkey completes it when its time has come.
func TestRecoveryThatWaits(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t, countersigntest.Mail())
	boss := adminIn(t, srv)
	_, err := srv.Organisations.SetPolicies(t.Context(), boss.inv.OrgID, organisation.Policies{RecoveryWait: "24h", RecoveryApproval: "on"})
	if err != nil {
		t.Fatal(err)
	}
	tab := chromium.Open(t)
	g := &user{Tab: tab, t: t, srv: srv, inv: srv.Invite(t, boss.inv.OrgID, "grace@example.org"), key: tab.AddVirtualAuthenticator()}
	g.BeforeLoad(`
		window.signals = { unknown: 0, accepted: 0 };
		PublicKeyCredential.signalUnknownCredential = async () => { window.signals.unknown++; };
		PublicKeyCredential.signalAllAcceptedCredentials = async () => { window.signals.accepted++; };`)
	signals := func(kind string) (n int) { t.Helper(); g.Eval("window.signals."+kind, &n); return n }
	code := g.registerRecoverable()
	g.signIn()
	if text := g.Text("#own-recovery"); text != "" || signals("accepted") != 1 {
		t.Errorf("without a recovery the account page says %q, and told the provider %d times what there is", text, signals("accepted"))
	}
	session := g.token()
	g.lose()

	// One that a session of the owner stops.
	first := g.waits(code)
	if signals("unknown") != 0 {
		t.Error("the passkey that waits was reported as unknown")
	}
	g.wantText("h1", "Your recovery has to wait")
	g.wantText("#waiting", "Nothing has changed yet", "An administrator must approve yours", "Not before", "Analytical Engines", "grace@example.org",
		"Still missing", "in this browser")
	checkNothingIsLeft(t, g, "....................", code, first)
	check(t, g.Tab, "recover waits")
	g.Viewport(1280, 900)
	g.tabTo("check")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#status").textContent.includes("It still waits")`)
	g.wantFocus("check")
	if !g.lives(session) {
		t.Fatal("the recovery waits, and the session has ended")
	}
	g.goTo("/account")
	g.wantText("#own-recovery", "Somebody is recovering this account", "127.0.0.1", "Stop it")
	if signals("accepted") != 0 {
		t.Error("the provider was told what there is without the passkey that waits")
	}
	check(t, g.Tab, "account recovery waits")
	g.Viewport(1280, 900)
	g.Click("[data-key=stop-recovery]")
	g.awaitWords("#status", "The recovery is stopped")
	g.wantFocus("title")
	if text := g.Text("#own-recovery"); text != "" {
		t.Errorf("stopped, it is still shown: %q", text)
	}
	g.Open(srv.URL + "/recover")
	g.awaitState("problem")
	g.wantText("h1", "This recovery was stopped")
	check(t, g.Tab, "recover stopped")
	g.Viewport(1280, 900)
	if signals("unknown") != 1 {
		t.Errorf("the passkey that is good for nothing was reported as unknown %d times, want once", signals("unknown"))
	}
	g.Click("[data-action=begin]")
	g.awaitState("ask")

	// One that an administrator approves.
	srv.Clock.Advance(time.Minute)
	second := g.waits(code)
	boss.goTo("/people")
	row := boss.open("people", "grace@example.org")
	boss.wantText(row, "Recovering", "Speak to its owner", "127.0.0.1", "Still missing")
	check(t, boss.Tab, "people recovery waits")
	boss.Viewport(1280, 900)
	boss.press(row+" [data-key=approveRecovery]", "Approve the recovery of", "grace@example.org", "Be sure that it was its owner")
	check(t, boss.Tab, "people recovery approve")
	boss.Viewport(1280, 900)
	boss.Click("#signing-go")
	boss.WaitFor(`!document.querySelector("#signing").open`)
	boss.awaitWords(row, "Given")
	boss.untroubled()

	g.Open(srv.URL + "/") // the browser was closed meanwhile
	g.Open(srv.URL + "/recover")
	g.awaitState("waiting")
	g.awaitWords("#waiting-approval", "Given")
	if text := g.Text("#waiting"); strings.Contains(text, "must approve") {
		t.Errorf("approved, it says %q", text)
	}
	check(t, g.Tab, "recover approved")
	g.Viewport(1280, 900)
	g.Open(srv.URL + "/")
	srv.Clock.Advance(24 * time.Hour)
	g.Open(srv.URL + "/recover") // that is all there is to do
	g.awaitState("finished")
	g.wantFocus("title")
	g.wantText("h1", "You are back in")
	g.wantText("#finished", "Analytical Engines", "grace@example.org", "Chrome on Linux")
	var held string
	g.Eval(`JSON.stringify({...localStorage})`, &held)
	if strings.Contains(held, "countersign.recovery") || strings.Contains(held, "grace") {
		t.Errorf("complete, it is still kept: %s", held)
	}
	g.Click("#sign-in")
	g.awaitLogin()
	g.Click("#sign-in")
	g.awaitAccount()
	if a := g.account(); len(a.Credentials) != 2 || a.Recovery != nil {
		t.Errorf("the account is %+v", a)
	}

	// The new recovery code opens the account now; the person gives up what waits, and begins again.
	srv.Clock.Advance(15 * time.Minute)
	g.lose()
	g.waits(second)
	g.Click("#abandon")
	g.awaitState("ask")
	g.refusedWith("4")
}
