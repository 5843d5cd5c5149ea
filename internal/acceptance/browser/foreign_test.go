package browser_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/countersigntest"
)

// odd are objects that extensions and browsers may put in place of a credential, as the body of a
// function of the real one, c. Each has what is needed, somewhere.
var odd = map[string]string{
	"everything but what is needed throws": `return new Proxy({}, {get: (_, name) => {
		if (name === "then") return undefined;
		if (!["rawId", "response"].includes(name)) throw new Error("made by the test");
		return name === "rawId" ? c.rawId : new Proxy({}, {get: (_, member) => {
			if (["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].includes(member)) return c.response[member];
			throw new Error("made by the test");
		}});
	}});`,
	"no methods":             `return {id: c.id, rawId: c.rawId, type: c.type, response: copy(c.response)};`,
	"text in place of bytes": `return {id: c.id, type: c.type, response: texts(c.response)};`,
	"padded base64 in place of bytes": `const r = texts(c.response);
		for (const k of Object.keys(r)) r[k] = r[k].replaceAll("-", "+").replaceAll("_", "/").padEnd(Math.ceil(r[k].length / 4) * 4, "=");
		return {id: c.id, type: c.type, response: r};`,
	"arrays in place of bytes": `const r = copy(c.response);
		for (const k of Object.keys(r)) r[k] = r[k] && [...new Uint8Array(r[k])];
		return {id: c.id, rawId: [...new Uint8Array(c.rawId)], type: c.type, response: r};`,
	"objects with numbers in place of bytes": `const r = copy(c.response);
		for (const k of Object.keys(r)) r[k] = r[k] && JSON.parse(JSON.stringify(new Uint8Array(r[k])));
		return {id: c.id, type: c.type, response: r};`,
	"views in place of buffers": `const r = copy(c.response);
		for (const k of Object.keys(r)) r[k] = r[k] && new DataView(r[k]);
		return {id: c.id, rawId: new Uint8Array(c.rawId), type: c.type, response: r};`,
	"JSON alone": `const json = {id: c.id, rawId: c.id, type: c.type, response: texts(c.response)};
		return {get rawId() { throw new Error("made by the test"); }, get response() { throw new Error("made by the test"); }, toJSON: () => json};`,
	"methods that throw": `return {id: c.id, rawId: c.rawId, type: c.type, response: {...copy(c.response),
			getTransports() { throw new Error("made by the test"); }, getAuthenticatorData() { throw 1; }},
		getClientExtensionResults() { throw null; }, toJSON() { throw new Error("made by the test"); },
		get authenticatorAttachment() { throw undefined; }};`,
	"methods that return nonsense": `return {id: c.id, rawId: c.rawId, type: c.type, authenticatorAttachment: {},
		response: {...copy(c.response), getTransports: () => ({}), getAuthenticatorData: () => "?"},
		getClientExtensionResults: () => ({get credProps() { throw new Error("made by the test"); }, prf: {results: {first: new ArrayBuffer(32)}}})};`,
	"transports of all kinds": `return {id: c.id, rawId: c.rawId, type: c.type,
		response: {...copy(c.response), getTransports: () => ["usb", "usb", "", 1, null, {}, "USB", "\u00fcsb", "x".repeat(500), "hybrid", ...Array(100).fill("nfc")]},
		getClientExtensionResults: () => new Promise(() => {})};`,
	"transports as a set": `return {id: c.id, rawId: c.rawId, type: c.type,
		response: {...copy(c.response), getTransports: () => new Set(["internal"])}, getClientExtensionResults: () => "?"};`,
}

// changed has the browser's answers go through change, from window.odd on.
const changed = `{
	const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
	const b64 = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
	const copy = (r) => Object.fromEntries(names.filter((n) => r[n]).map((n) => [n, r[n]]));
	const texts = (r) => Object.fromEntries(Object.entries(copy(r)).map(([n, b]) => [n, b64(b)]));
	for (const method of ["create", "get"]) {
		const ask = CredentialsContainer.prototype[method];
		CredentialsContainer.prototype[method] = async function (options) {
			const c = await ask.call(this, options);
			return window.odd ? window.odd(c, copy, texts) : c;
		};
	}
	for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials", "getClientCapabilities"]) {
		PublicKeyCredential[name] = () => { throw new Error("made by the test"); };
	}
}`

// Whatever stands in place of the browser's object, a passkey that can be read is registered, logs
// in and signs.
func TestOddCredentialObjects(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for name, change := range odd {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(noAutofill + changed + "window.odd = (c, copy, texts) => {" + change + "};")
			g.register()
			if kept := g.credentials(); len(kept) != 1 || len(kept[0].Transports) > 3 || strings.Contains(string(kept[0].ClientExtensions), "prf") {
				t.Errorf("kept %+v", kept)
			}
			g.Click("#done-sign-in")
			g.WaitFor(`document.body.dataset.state === "ready" && location.pathname === "/login"`)
			g.Click("#sign-in")
			g.awaitAccount()
			srv.Invite(t, g.inv.OrgID, "grace@example.org")
			g.goTo("/people")
			row := g.open("people", "grace@example.org")
			g.sign(row+" [data-key=revoke]", "Withdraw the registration code")
			g.awaitWords(row, "Code withdrawn")
			g.untroubled()
		})
	}
}

// unreadable are answers that hold nothing to send, and failures of other shapes.
var unreadable = map[string]string{
	"nothing in it":          `return {};`,
	"a function":             `return () => {};`,
	"text":                   `return "passkey";`,
	"a number":               `return 1;`,
	"everything throws":      `return new Proxy({}, {get: (_, name) => { if (name === "then") return undefined; throw new Error("made by the test"); }});`,
	"no response":            `return {id: c.id, rawId: c.rawId};`,
	"an empty response":      `return {id: c.id, rawId: c.rawId, response: {clientDataJSON: new ArrayBuffer(0), attestationObject: "", signature: null}};`,
	"text that is no base64": `return {id: c.id, response: {clientDataJSON: "{}", attestationObject: "\u2026", signature: "?"}};`,
	"it throws text":         `throw "made by the test";`,
	"it throws nothing":      `throw undefined;`,
	"it throws what throws":  `throw new Proxy({}, {get() { throw new Error("made by the test"); }});`,
	"it throws a long name":  `throw Object.assign(new Error(""), {name: "x".repeat(5000)});`,
	"null":                   `return null;`,
}

// An answer that cannot be read leaves one explanation and a button that works.
func TestUnreadableAnswers(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	for name, change := range unreadable {
		t.Run(name, func(t *testing.T) {
			g := invite(t, srv)
			g.BeforeLoad(noAutofill + changed + "window.change = (c) => {" + change + "};")
			g.arrive()
			fails := func(button, alert, ready string) {
				t.Helper()
				g.Eval("void (window.odd = window.change)", nil)
				for range 2 {
					g.Click(button)
					g.WaitFor(`document.querySelector("` + alert + ` .bad") && document.querySelector("` + button + `").getAttribute("aria-disabled") === "false"`)
					if text := g.Text(alert); len(text) < 40 || len(text) > 600 {
						t.Errorf("%s: the page says %q", button, text)
					}
					g.wantText(button, ready)
				}
				g.Eval("void (window.odd = null)", nil)
				g.Click(button)
			}
			fails("#create", "#alert", "Try again")
			g.awaitState("done")
			g.Click("#done-sign-in")
			g.WaitFor(`document.body.dataset.state === "ready" && location.pathname === "/login"`)
			fails("#sign-in", "#alert", "Try again")
			g.awaitAccount()
			srv.Invite(t, g.inv.OrgID, "grace@example.org")
			g.goTo("/people")
			row := g.open("people", "grace@example.org")
			g.press(row + " [data-key=revoke]")
			fails("#signing-go", "#signing-alert", "Try again")
			g.awaitWords(row, "Code withdrawn")
			g.untroubled()
		})
	}
}

// A prompt that never ends, and does not listen to its signal either, can be cancelled on every
// page.
func TestCancelWhileThePromptHangs(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := invite(t, srv)
	g.BeforeLoad(noAutofill + `
		for (const method of ["create", "get"]) {
			const ask = CredentialsContainer.prototype[method];
			CredentialsContainer.prototype[method] = function (options) {
				return window.hangs ? new Promise(() => {}) : ask.call(this, options);
			};
		}`)
	g.arrive()
	if g.Text("#cancel") != "" {
		t.Error("cancelling is offered before anything was asked")
	}
	cancels := func(button, cancel string) {
		t.Helper()
		for _, start := range []string{button, button} {
			g.Eval("window.hangs = true", nil)
			g.Click(start)
			g.WaitFor(`document.querySelector("` + button + `").getAttribute("aria-disabled") === "true"`)
			g.Click(cancel)
			g.WaitFor(`document.querySelector("` + button + `").getAttribute("aria-disabled") === "false"`)
			if text := g.Text("#alert"); text != "" {
				t.Errorf("%s: after cancelling the page says %q", button, text)
			}
			if g.Text(cancel) != "" {
				t.Errorf("%s: cancelling is still offered", button)
			}
			g.wantFocus(button[1:])
		}
		g.Eval("window.hangs = false", nil)
	}
	cancels("#create", "#cancel")
	g.Click("#create")
	g.awaitState("done")
	g.Click("#done-sign-in")
	g.WaitFor(`document.body.dataset.state === "ready" && location.pathname === "/login"`)
	cancels("#sign-in", "#cancel")
	g.Click("#sign-in")
	g.awaitAccount()
	g.untroubled()
}
