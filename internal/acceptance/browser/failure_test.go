package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

var reload = chromedp.Reload()

func TestCancelledPromptLeavesTheCodeUsable(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.BeforeLoad(recordCalls)
	g.arrive()
	g.key.SetUserVerified(false) // as when the PIN or fingerprint prompt is closed
	g.Click("#create")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert", "No passkey was made", "your code still works")
	g.wantText("#create", "Try again")
	g.wantFocus("create")
	if calls := g.sent("/auth/registration"); len(calls) != 0 {
		t.Errorf("%d completing calls were sent for a cancelled prompt", len(calls))
	}
	g.WaitFor(`window.sent.filter((c) => c.path === "/auth/registration/init").length === 2`)

	g.key.SetUserVerified(true)
	g.Click("#create")
	g.awaitState("done")
	g.untroubled()
}

// What navigator.credentials.create() may fail with: each has its own words, keeps the
// page usable, and AbortError is quiet.
func TestEveryBrowserErrorHasItsWords(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	seen := map[string]string{}
	for name, words := range map[string]string{
		"NotAllowedError":   "closed the prompt",
		"InvalidStateError": "already has a passkey",
		"NotSupportedError": "kind of key",
		"ConstraintError":   "PIN, fingerprint or face",
		"SecurityError":     "not your fault",
		"UnknownError":      "UnknownError",
		"AbortError":        "",
	} {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(fmt.Sprintf(`
				window.asked = [];
				const create = CredentialsContainer.prototype.create;
				CredentialsContainer.prototype.create = function (options) {
					// window.event is only set while the handler itself runs.
					window.asked.push({event: window.event?.type, active: navigator.userActivation.isActive});
					if (window.asked.length > 1) return create.call(this, options);
					return Promise.reject(new DOMException("made by the test", %q));
				};`, name))
			g.arrive()
			g.Click("#create")
			g.WaitFor(`window.asked.length === 1 && document.querySelector("#create").getAttribute("aria-disabled") === "false"`)
			text := g.Text("#alert")
			if words == "" && text != "" || !strings.Contains(text, words) {
				t.Errorf("the page says %q, want %q", text, words)
			}
			if other, ok := seen[text]; ok && text != "" {
				t.Errorf("%s has the same words as %s", name, other)
			}
			seen[text] = name
			g.Click("#create")
			g.awaitState("done")
			var asked []struct {
				Event  string
				Active bool
			}
			g.Eval("window.asked", &asked)
			for i, a := range asked {
				if a.Event != "click" || !a.Active {
					t.Errorf("call %d of create() was made outside the click: %+v", i, a)
				}
			}
			g.untroubled()
		})
	}
}

// The same errors as Chromium itself brings them about.
func TestChromiumsOwnErrors(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("the authenticator already has a passkey", func(t *testing.T) {
		g := invite(t, srv)
		g.register()
		first := g.key.Credentials()[0]
		// A second person on the same device, whose challenge excludes the first's passkey.
		g.inv = srv.Invite(t, g.inv.OrgID, "grace@example.org")
		g.BeforeLoad(fmt.Sprintf(`
			const parse = Response.prototype.json;
			Response.prototype.json = async function () {
				const answer = await parse.call(this);
				if (answer.excludeCredentials) answer.excludeCredentials = [{type: "public-key", id: %q}];
				return answer;
			};`, base64url(first.CredentialID)))
		g.arrive()
		g.Click("#create")
		g.WaitFor(`document.querySelector("#alert .bad")`)
		g.wantText("#alert", "There is a passkey already")
		g.untroubled()
	})

	t.Run("the authenticator is too old", func(t *testing.T) {
		g := invite(t, srv, chromium.U2F)
		g.arrive()
		g.Click("#create")
		g.WaitFor(`document.querySelector("#alert .bad")`)
		g.wantText("#alert", "code still works")
		g.untroubled()
	})
}

// A refusal after the authenticator has stored the key must not leave a passkey behind
// that opens nothing.
func TestRefusalAfterThePromptIsSignalled(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.BeforeLoad(`
		window.signals = [];
		const signal = PublicKeyCredential.signalUnknownCredential;
		PublicKeyCredential.signalUnknownCredential = function (what) {
			window.signals.push(what);
			return signal.call(this, what);
		};
		const send = window.fetch;
		window.fetch = (path, options) => {
			if (path === "/auth/registration" && !window.honest) {
				const body = JSON.parse(options.body);
				window.spoilt = body.firstFactorCredential.credentialInfo.credId;
				body.firstFactorCredential.credentialInfo.clientData = btoa('{"type":"webauthn.get"}').replaceAll("=", "");
				options = {...options, body: JSON.stringify(body)};
			}
			return send(path, options);
		};`)
	g.arrive()
	g.Click("#create")
	g.WaitFor(`document.querySelector("#alert .bad")`)
	g.wantText("#alert .reference-id", "Reference rf-")
	g.wantFocus("create")
	var signals []struct{ RPID, CredentialID string }
	g.Eval(`window.signals.map((s) => ({RPID: s.rpId, CredentialID: s.credentialId}))`, &signals)
	var made string
	g.Eval("window.spoilt", &made)
	if len(signals) != 1 || signals[0].RPID != "localhost" || signals[0].CredentialID != made {
		t.Errorf("signalled %+v, want the refused passkey %s of localhost", signals, made)
	}
	if kept := g.credentials(); len(kept) != 0 {
		t.Errorf("the server kept %d credentials of a refused registration", len(kept))
	}

	g.Eval("window.honest = true", nil)
	g.Click("#create")
	g.awaitState("done")
	if kept := g.credentials(); len(kept) != 1 {
		t.Errorf("the same code then kept %d credentials, want 1", len(kept))
	}
	g.refusedWith("400")
}

// The connection breaks after the server has stored the passkey: the same call again
// brings the same success, and nothing has to be repeated on the device.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	const lose = `
		window.calls = 0;
		const send = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await send(path, options);
			if (path === %q && ++window.calls <= %d) throw new TypeError("made by the test");
			return answer;
		};`

	t.Run("of the registration", func(t *testing.T) {
		g := invite(t, srv)
		g.BeforeLoad(fmt.Sprintf(lose, "/auth/registration", 2))
		g.register()
		if n := len(g.key.Credentials()); n != 1 {
			t.Errorf("the authenticator made %d passkeys, want 1", n)
		}
		if kept := g.credentials(); len(kept) != 1 {
			t.Errorf("the server keeps %d credentials, want 1", len(kept))
		}
		g.untroubled()
	})

	t.Run("of the recovery key", func(t *testing.T) {
		g := invite(t, countersigntest.Start(t, countersigntest.Mail()))
		g.BeforeLoad(fmt.Sprintf(lose, "/countersign/registration/recovery", 1))
		g.register()
		g.Click("#make-recovery")
		g.awaitState("recovery")
		if kept := g.credentials(); len(kept) != 2 {
			t.Errorf("the server keeps %d credentials, want 2", len(kept))
		}
		g.untroubled()
	})

	t.Run("of the first question", func(t *testing.T) {
		g := invite(t, srv)
		g.BeforeLoad(fmt.Sprintf(lose, "/countersign/registration/open", 1))
		g.Open(g.inv.RegistrationURL)
		g.awaitState("problem")
		g.wantText("h1", "The server did not answer")
		g.Click(`[data-action="retry"]`)
		g.awaitState("ready")
		g.untroubled()
	})
}

// Extensions put objects of their own in place of the browser's.
func TestForeignCredentialObjects(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.BeforeLoad(`
		const create = CredentialsContainer.prototype.create;
		CredentialsContainer.prototype.create = async function (options) {
			const {id, type, response} = await create.call(this, options);
			return {id, type, response: {clientDataJSON: response.clientDataJSON, attestationObject: response.attestationObject},
				getClientExtensionResults: () => { throw new Error("made by the test"); }};
		};
		delete PublicKeyCredential.getClientCapabilities;
		delete PublicKeyCredential.signalUnknownCredential;`)
	g.register()
	g.wantText("#passkey-kept", "Synced")
	if kept := g.credentials(); len(kept) != 1 || len(kept[0].Transports) != 0 {
		t.Errorf("kept %+v, want one credential without transports", kept)
	}
	g.untroubled()
}
