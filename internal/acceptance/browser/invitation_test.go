package browser_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/api"
	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/service/organisation"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testing/chromium"
)

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (g *user) wantFocus(id string) {
	g.t.Helper()
	var focus string // within two seconds: a page sets it once it has shown what was done
	g.Eval(fmt.Sprintf(`new Promise((done) => {
		const end = performance.now() + 2000;
		(function look() {
			const at = document.activeElement.id || document.activeElement.tagName;
			at === %q || performance.now() > end ? done(at) : setTimeout(look, 20);
		})();
	})`, id), &focus)
	if focus != id {
		g.t.Errorf("the focus is on %q, want %q", focus, id)
	}
}

// Codes that can no longer be used: the page says which way, and when.
func TestCodesThatNoLongerWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, title, says string
		spoil             func(t *testing.T, g *user)
	}{
		{"expired", "This invitation has expired", "UTC", func(t *testing.T, g *user) {
			g.srv.Clock.Advance(25 * time.Hour)
		}},
		{"revoked", "This invitation was withdrawn", "UTC", func(t *testing.T, g *user) {
			revoke(t, g)
		}},
		{"replaced", "There is a newer invitation", "UTC", func(t *testing.T, g *user) {
			g.srv.Invite(t, g.inv.OrgID, g.inv.Username)
		}},
		{"used", "This invitation has been used", "sign in with your passkey", func(t *testing.T, g *user) {
			g.register()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := countersigntest.Start(t)
			g := invite(t, srv)
			c.spoil(t, g)
			g.Open("about:blank")
			g.Open(g.inv.RegistrationURL)
			g.awaitState("problem")
			g.wantText("h1", c.title)
			g.wantText("#problem", c.says, "Reference rf-")
			g.wantFocus("title")
			if n := len(g.key.Credentials()); c.name != "used" && n != 0 {
				t.Errorf("a passkey was made with an %s code", c.name)
			}
		})
	}
}

func revoke(t *testing.T, g *user) {
	t.Helper()
	err := g.srv.DB.Write(t.Context(), func(tx *store.Tx) error {
		tx.RevokeCode(g.inv.CodeID, g.inv.OrgID, store.CodeRevoked, g.srv.Clock.Now(), api.AsError(fmt.Errorf("gone")))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A code that is revoked while the page is open is refused after the prompt, and the
// page then says so.
func TestRevokedWhileThePageIsOpen(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.arrive()
	revoke(t, g)
	g.Click("#create")
	g.awaitState("problem")
	g.wantText("h1", "This invitation was withdrawn")
	if kept := g.credentials(); len(kept) != 0 {
		t.Errorf("the server kept %d credentials", len(kept))
	}
	g.refusedWith("401")
}

func TestUnknownCodeAndTooManyTries(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	link := func(code string) string {
		return strings.Replace(g.inv.RegistrationURL, g.inv.RegistrationCode, code, 1)
	}
	if link("x") == g.inv.RegistrationURL {
		t.Fatalf("the link %q does not hold the code as it is written", g.inv.RegistrationURL)
	}
	g.Open(link("AAAA-AAAA-AAAA-AAAA-AAAA"))
	g.awaitState("problem")
	g.wantText("h1", "That did not match")
	g.wantText("#problem", "Reference rf-")
	for i := 0; g.Text("h1") != "Too many tries"; i++ {
		if i > 12 {
			t.Fatal("wrong codes are not limited")
		}
		g.Open("about:blank")
		g.Open(link(fmt.Sprintf("AAAA-AAAA-AAAA-AAAA-AAA%d", i%10)))
		g.awaitState("problem")
	}
	g.wantText("#problem", "Try again in", "minutes")
}

// Without a link there is a form, which takes the code however it is typed.
func TestForm(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("typed", func(t *testing.T) {
		g := invite(t, srv)
		g.Open(srv.URL + "/register")
		g.awaitState("form")
		g.wantFocus("orgId")
		g.Click(`#manual [type="submit"]`)
		for _, field := range []string{"orgId", "username", "registrationCode"} {
			g.wantText("#"+field+"-error", "Enter")
		}
		g.wantFocus("orgId")
		g.typeInto("orgId", g.inv.OrgID)
		g.typeInto("username", g.inv.Username)
		g.typeInto("registrationCode", " "+strings.ToLower(strings.ReplaceAll(g.inv.RegistrationCode, "-", ". ")))
		g.Click(`#manual [type="submit"]`)
		g.awaitState("ready")
		g.Click("#create")
		g.awaitState("done")
		g.untroubled()
	})

	t.Run("wrong, then mended", func(t *testing.T) {
		g := invite(t, srv)
		g.Open(srv.URL + "/register#org=" + g.inv.OrgID + "&username=ada%40example.org")
		g.awaitState("form")
		g.wantFocus("registrationCode")
		g.typeInto("registrationCode", "SHORT")
		g.Click(`#manual [type="submit"]`)
		g.WaitFor(`document.querySelector("#alert .bad")`)
		g.wantText("#alert", "do not belong together", "Reference rf-")
		g.wantFocus("registrationCode")
		g.Eval(`document.querySelector("#registrationCode").value = ""`, nil)
		g.typeInto("registrationCode", g.inv.RegistrationCode)
		g.Press("\r")
		g.awaitState("ready")
		g.refusedWith("401")
	})

	t.Run("pasted link", func(t *testing.T) {
		g := invite(t, srv)
		g.Open(srv.URL + "/register")
		g.awaitState("form")
		g.Eval(`{
			const data = new DataTransfer();
			data.setData("text/plain", `+quote(g.inv.RegistrationURL)+`);
			document.querySelector("#registrationCode").dispatchEvent(
				new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
		}`, nil)
		g.Click(`#manual [type="submit"]`)
		g.awaitState("ready")
		g.wantText("#account", "ada@example.org")
		g.untroubled()
	})
}

func (g *user) typeInto(id, text string) {
	g.t.Helper()
	g.Eval("document.getElementById("+quote(id)+").focus()", nil)
	for _, r := range text {
		g.Press(string(r))
	}
}

// An invitation that is about to end says so while there is still time.
func TestAnInvitationThatIsAboutToEnd(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.inv = g.srv.InviteFor(t, g.inv.OrgID, "grace@example.org", 4*time.Minute)
	g.arrive()
	g.WaitFor(`document.querySelector("#alert .note")`)
	g.wantText("#alert", "This invitation ends in 4 minutes, at")
	g.Click("#create")
	g.awaitState("done")
	g.untroubled()
}

// A page that was open for longer than a challenge lives gets a new one.
func TestStaleChallenge(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.BeforeLoad(recordCalls + `
		window.later = 0;
		const now = Date.now;
		Date.now = () => now() + window.later;`)
	g.arrive()
	g.Eval("window.later = 20 * 60 * 1000", nil)
	g.Click("#create")
	g.WaitFor(`document.querySelector("#status").textContent.includes("press the button once more")`)
	if n := len(g.sent("/auth/registration/init")); n != 2 {
		t.Errorf("%d challenges were fetched, want 2", n)
	}
	if n := len(g.key.Credentials()); n != 0 {
		t.Errorf("a passkey was made for a challenge that is too old")
	}
	g.Click("#create")
	g.awaitState("done")
	g.untroubled()
}

// What makes a passkey impossible is said before the prompt, and only then.
func TestObstacles(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("another relying party", func(t *testing.T) {
		g := invite(t, srv)
		org := srv.OrganisationWith(t, organisation.New{Name: "Elsewhere", RPID: "example.com", Origins: []string{"https://login.example.com"}})
		g.inv = srv.Invite(t, org.ID, "ada@example.org")
		g.Open(g.inv.RegistrationURL)
		g.awaitState("problem")
		g.wantText("#problem", "not your fault", "localhost", "example.com")
		g.untroubled()
	})

	for name, c := range map[string]struct{ script, title string }{
		"not secure":  {`Object.defineProperty(window, "isSecureContext", {get: () => false})`, "This page is not secure"},
		"no WebAuthn": {`delete window.PublicKeyCredential`, "This browser cannot make passkeys"},
	} {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(c.script)
			g.Open(g.inv.RegistrationURL)
			g.awaitState("problem")
			g.wantText("h1", c.title)
			g.untroubled()
		})
	}

	t.Run("no authenticator in the device", func(t *testing.T) {
		g := invite(t, srv, chromium.SecurityKey)
		g.arrive()
		g.wantText("#elsewhere", "phone or security key")
		var blocked bool
		g.Eval(`document.querySelector("#create").getAttribute("aria-disabled") === "true"`, &blocked)
		if blocked {
			t.Error("the button is blocked for want of a platform authenticator")
		}
	})

	t.Run("no JavaScript", func(t *testing.T) {
		g := invite(t, srv)
		g.Do(scriptsOff)
		g.Open(g.inv.RegistrationURL)
		g.wantText("noscript", "needs JavaScript")
	})
}

// Names are text, whatever they look like.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	name := `<img src=x onerror="window.broken=1"> & "שלום"`
	org := g.srv.OrganisationWith(t, organisation.New{Name: name})
	g.inv = g.srv.Invite(t, org.ID, `<script>window.broken=1</script>`)
	g.register()
	g.wantText("#done-organisation", name)
	g.wantText("#done-account", "<script>window.broken=1</script>")
	var broken bool
	g.Eval("Boolean(window.broken)", &broken)
	if broken {
		t.Error("a name was run as a script")
	}
	g.untroubled()
}
