package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/countersigntest/authenticator"
	"github.com/countersign/countersign/internal/testing/chromium"
)

const toGo = `document.querySelector("#signing-go").getAttribute("aria-disabled") === "false"`

// Who closes the prompt has changed nothing, is told so, and can try again or leave it.
func TestAdminCancelsThePrompt(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	g.press(row+" [data-key=active]", "Deactivate grace@example.org")
	g.key.SetUserVerified(false) // as when the PIN or fingerprint prompt is closed
	g.Click("#signing-go")
	g.WaitFor(`document.querySelector("#signing-alert .bad")`)
	g.wantText("#signing-alert", "Nothing was signed", "closed the prompt", "Nothing was changed")
	g.wantText("#signing-go", "Try again")
	g.wantText("#signing-elsewhere", "phone or security key")
	g.wantFocus("signing-go")
	if p := g.person("grace@example.org"); p.State != "registered" {
		t.Errorf("a cancelled prompt left %+v", p)
	}
	g.Press(kb.Escape)
	g.WaitFor(`!document.querySelector("#signing").open`)
	var focus string
	g.Eval(`document.activeElement.dataset.key`, &focus)
	if focus != "active" {
		t.Errorf("the focus went to %q, want the button that was pressed", focus)
	}
	if text := g.Text("#status"); text != "" {
		t.Errorf("the page says %q after nothing was done", text)
	}

	// While the browser still asks, it can be left too.
	g.key.SetUserVerified(true)
	g.key.SetPresence(false)
	g.press(row + " [data-key=active]")
	g.Click("#signing-go")
	g.awaitWords("#signing-status", "Your browser is asking now")
	g.Click("#signing-close")
	g.WaitFor(`!document.querySelector("#signing").open`)
	g.key.SetPresence(true)
	if p := g.person("grace@example.org"); p.State != "registered" {
		t.Errorf("a prompt that was left made %+v", p)
	}
	g.sign(row + " [data-key=active]")
	g.awaitWords(row, "Deactivated")
	g.untroubled()
}

// The whole of a change by keyboard alone.
func TestAdminByKeyboardOnly(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/people")
	g.wantFocus("title")
	g.tabTo("invite")
	g.Press(kb.Enter)
	g.awaitState("form")
	g.wantFocus("names")
	g.typeInto("names", "grace@example.org")
	g.tabTo("invite-submit")
	g.Press(kb.Enter)
	g.WaitFor(`document.querySelector("#signing").open && ` + toGo)
	g.wantFocus("signing-title")
	g.tabTo("signing-go")
	g.Press(kb.Enter)
	g.awaitState("created")
	g.wantFocus("title")
	g.tabTo("invited-done")
	g.Press(kb.Enter)
	g.awaitState("ready")
	g.WaitFor(`document.querySelectorAll("#people tbody").length === 2`)
	g.untroubled()
}

// Nobody takes away the last administrator, and the page says why.
func TestAdminCannotRemoveTheLastAdministrator(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/people")
	row := g.open("people", "ada@example.org")
	for _, button := range []string{" [data-key=active]", " [data-key=archive]", " .assignments button"} {
		g.press(row+button, "ada@example.org")
		g.Click("#signing-go")
		g.WaitFor(`document.querySelector("#signing-alert .bad")`)
		g.wantText("#signing-alert", "This is the last administrator", "Give somebody else", "Reference rf-")
		g.wantText("#signing-close", "Close")
		g.wantFocus("signing-close")
		if g.Text("#signing-go") != "" {
			t.Error("another try is offered, which cannot help")
		}
		g.Click("#signing-close")
		g.WaitFor(`!document.querySelector("#signing").open`)
	}
	if p := g.person("ada@example.org"); p.State != "registered" || len(p.Roles) != 1 {
		t.Errorf("the last administrator is now %+v", p)
	}
	g.refusedWith("409")
}

// What navigator.credentials.get() may fail with: each has its own words, and AbortError is
// quiet.
func TestAdminEveryBrowserErrorHasItsWords(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.BeforeLoad(`{
		const get = CredentialsContainer.prototype.get;
		CredentialsContainer.prototype.get = function (options) {
			const name = window.failing;
			return name ? Promise.reject(new DOMException("made by the test", name)) : get.call(this, options);
		};
	}`)
	g.goTo("/people")
	g.press(g.open("people", "ada@example.org") + " [data-key=active]")
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
		g.Click("#signing-go")
		g.WaitFor(toGo + ` && Boolean(document.querySelector("#signing-alert .bad")) === ` + fmt.Sprint(words != ""))
		text := g.Text("#signing-alert")
		if words == "" && text != "" || !strings.Contains(text, words) || words != "" && !strings.Contains(strings.ToLower(text), "nothing was changed") {
			t.Errorf("%s: the page says %q, want %q", name, text, words)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the same words as %s", name, other)
		}
		seen[text] = name
	}
	g.untroubled()
}

// What the server may refuse a change with: each code has its own words, and its reference.
// again says that another try is offered.
func TestAdminEveryRefusalHasItsWords(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))
	g.BeforeLoad(`{
		const send = window.fetch;
		window.fetch = async (path, options) => {
			const r = window.refusal;
			if (!r || options.method === "GET" || (r.at === "sign" ? path !== "/auth/action" : path.startsWith("/auth/action"))) return send(path, options);
			if (r.code === "gone") throw new TypeError("made by the test");
			return new Response(JSON.stringify({error: {id: "rf-made-by-the-test", code: r.code, details: {username: "charles"},
				message: "Nobody is authorized to perform operation (Auth:Users:Deactivate)"}}), {status: r.status});
		};
	}`)
	g.goTo("/people")
	button := g.open("people", "grace@example.org") + " [data-key=active]"
	seen := map[string]string{}
	for _, c := range []struct {
		at, code, words string
		status          int
		again           bool
	}{
		{"sign", "signature_invalid", "one of your account’s", 401, true},
		{"sign", "user_not_verified", "a PIN is required", 400, true},
		{"sign", "credential_inactive", "deactivated", 401, true},
		{"sign", "sign_count_refused", "counter", 401, false},
		{"sign", "backup_state_refused", "synced differently", 401, false},
		{"sign", "second_factor_required", "two credentials", 401, false},
		{"sign", "origin_not_allowed", "refused on localhost", 400, false},
		{"sign", "too_many_tries", "Try again later", 429, true},
		{"sign", "gone", "the signature did not arrive", 0, true},
		{"request", "permission_denied", "takes the permission Auth:Users:Deactivate", 403, false},
		{"request", "last_administrator", "last administrator", 409, false},
		{"request", "user_already_exists", "charles was invited before", 409, false},
		{"request", "username_twice", "look for charles", 400, false},
		{"request", "username_invalid", "because of charles", 400, false},
		{"request", "user_not_registered", "nobody to give a new start", 409, false},
		{"request", "recovery_of_oneself", "add a passkey on your account page", 409, false},
		{"request", "user_already_registered", "no code to make", 409, false},
		{"request", "registration_code_not_live", "no code to withdraw", 409, false},
		{"request", "user_not_found", "not there any more", 404, false},
		{"request", "permission_name_taken", "role of that name", 409, false},
		{"request", "permission_changed", "at the same moment", 409, false},
		{"request", "permission_already_assigned", "have that role already", 409, false},
		{"request", "permission_archived", "role is archived", 400, false},
		{"request", "permission_immutable", "only be given and taken away", 403, false},
		{"request", "operations_missing", "allows nothing", 400, false},
		{"request", "service_account_name_taken", "service account of that name", 409, false},
		{"request", "token_name_taken", "access token of that name", 409, false},
		{"request", "name_invalid", "1 to 100 visible characters", 400, false},
		{"request", "public_key_invalid", "BEGIN PUBLIC KEY", 400, false},
		{"request", "lifetime_invalid", "1 to 730 days", 400, false},
		{"request", "payload_too_large", "fewer names", 413, false},
		{"request", "user_action_used", "counts once", 403, false},
		{"request", "user_action_invalid", "does not take this signature any more", 403, true},
		{"request", "something_new", "is authorized to perform", 400, false},
		{"request", "store_unavailable", "wrong on the server", 503, false},
		{"request", "gone", "not known whether that was done", 0, false},
	} {
		g.Eval(fmt.Sprintf(`window.refusal = {at: %q, status: %d, code: %q}`, c.at, c.status, c.code), nil)
		g.press(button)
		g.Click("#signing-go")
		g.WaitFor(`document.querySelector("#signing-alert .bad")`)
		text := g.Text("#signing-alert")
		if !strings.Contains(text, c.words) {
			t.Errorf("%s: the page says %q, want %q", c.code, text, c.words)
		}
		if c.code != "gone" && !strings.Contains(text, "Reference rf-made-by-the-test") {
			t.Errorf("%s: the page shows no reference: %q", c.code, text)
		}
		if again := g.Text("#signing-go") != ""; again != c.again {
			t.Errorf("%s: another try is offered: %v", c.code, again)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the same words as %s", c.code, other)
		}
		seen[text] = c.code
		g.Click("#signing-close")
		g.WaitFor(`!document.querySelector("#signing").open`)
	}
	if p := g.person("grace@example.org"); p.State != "registered" {
		t.Errorf("refused requests made %+v", p)
	}
	g.untroubled()
}

// A session that ends meanwhile leads to the login page, and back.
func TestAdminSessionEnds(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	g.goTo("/people")
	button := g.open("people", "ada@example.org") + " [data-key=active]"
	if status := g.call(http.MethodPut, "/auth/logout", g.token(), `{"allSessions":true}`, nil); status != http.StatusOK {
		t.Fatalf("logout: %d", status)
	}
	g.key.SetPresence(false)
	g.Click(button)
	g.awaitLogin()
	g.wantText("#alert", "Your session has ended")
	g.key.SetPresence(true)
	g.Click("#sign-in")
	g.WaitFor(`location.pathname === "/people" && document.body.dataset.state === "ready"`)
	g.refusedWith("401")
}

// Who registered with a key can look, and is told why they cannot sign.
func TestAdminWithoutAPasskey(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	org := srv.Organisation(t, "Analytical Engines")
	p := srv.RegisterKey(t, srv.Invite(t, org.ID, "ada@example.org"), authenticator.KeyTypes[0])
	g := &user{Tab: chromium.Open(t), t: t, srv: srv}
	g.Open(srv.URL + "/")
	g.Eval(`sessionStorage.setItem("countersign.session", `+quote(p.LogIn(t))+`)`, nil)
	g.goTo("/people")
	g.wantText("#alert", "You cannot sign changes here", "registered with a key")
	g.Click(g.open("people", "ada@example.org") + " [data-key=active]")
	g.WaitFor(`document.querySelector("#signing-alert .bad")`)
	g.wantText("#signing-alert", "Your account has no passkey", "which a browser cannot use")
	g.goTo("/account")
	g.wantText("#add-hint", "which a browser cannot use")
	if text := g.Text("#adding") + g.Text("#credentials"); strings.Contains(text, "Add") || strings.Contains(text, "Remove") {
		t.Errorf("the account page offers what nothing here can sign: %q", text)
	}
	g.untroubled()
}

// Who deactivates themselves is told what that means, and is out.
func TestAdminDeactivatesThemselves(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	c := g.colleague(t, "grace@example.org")
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	g.choose(row+" select", everything)
	g.sign(row + " [data-key=assign]")
	c.goTo("/people")
	c.press(c.open("people", "grace@example.org")+" [data-key=active]", "This is your own account")
	c.key.SetPresence(true)
	c.Click("#signing-go")
	c.WaitFor(`location.pathname === "/login"`)
	g.awaitWords(row, "Deactivated")
}

// A challenge for anything but the change that the dialog shows is not signed.
func TestAdminIsAskedToSignSomethingElse(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	g := adminIn(t, srv)
	srv.Register(t, srv.Invite(t, g.inv.OrgID, "grace@example.org"))
	g.goTo("/people")
	row := g.open("people", "grace@example.org")
	// The answer of /auth/action/init is that of another request, another payload, or has another challenge.
	g.Eval(`{
		const send = window.fetch;
		window.tamper = "";
		window.prompts = 0;
		const ask = navigator.credentials.get.bind(navigator.credentials);
		navigator.credentials.get = (o) => { window.prompts++; return ask(o); };
		window.fetch = async (url, options) => {
			if (!String(url).endsWith("/auth/action/init")) return send(url, options);
			const body = JSON.parse(options.body);
			if (window.tamper === "method") body.userActionHttpMethod = "DELETE";
			if (window.tamper === "path") body.userActionHttpPath += "/x";
			if (window.tamper === "payload") body.userActionPayload = '{"a":1}';
			const answer = await (await send(url, {...options, body: JSON.stringify(body)})).json();
			if (window.tamper === "challenge") answer.challenge = answer.challenge.split("").reverse().join("");
			if (window.tamper === "token") answer.challengeIdentifier = "x";
			return new Response(JSON.stringify(answer), {status: 200, headers: {"Content-Type": "application/json"}});
		};
	}`, nil)
	for _, what := range []string{"method", "path", "payload", "challenge", "token"} {
		g.Eval(fmt.Sprintf(`window.tamper = %q`, what), nil)
		g.press(row + " [data-key=active]")
		g.WaitFor(`document.querySelector("#signing-alert .bad")`)
		g.wantText("#signing-alert", "something else", "Nothing was signed")
		g.Click("#signing-close")
		g.WaitFor(`!document.querySelector("#signing").open`)
	}
	var prompts int
	if g.Eval(`window.prompts`, &prompts); prompts != 0 {
		t.Errorf("the browser was asked %d times", prompts)
	}
	g.Eval(`window.tamper = "none"`, nil)
	g.sign(row + " [data-key=active]")
	if p := g.person("grace@example.org"); p.State != "inactive" {
		t.Errorf("after an honest answer: %+v", p)
	}
}

// A long name in the dialog stays one name: it wraps in a place of its own, below the one before.
func TestAdminSigningShowsOneNameALine(t *testing.T) {
	t.Parallel()
	g := adminIn(t, countersigntest.Start(t))
	g.goTo("/people")
	g.Click("#invite")
	names := []string{strings.Repeat("m", 60) + "@example.org", "a name of many words that goes on and on until nobody reads it any more, grace",
		"שלום עולם " + strings.Repeat("ש", 60), strings.Repeat("i", 64) + "@" + strings.Repeat("sub.", 20) + "example.org", "grace@example.org", "日本語" + strings.Repeat("語", 50)}
	for i, name := range names { // commas would divide one
		names[i] = strings.ReplaceAll(name, ",", "")
	}
	g.Eval(`document.querySelector("#names").value = `+quote(strings.Join(names, "\n")), nil)
	g.press("#invite-submit", "Invite 6 people")
	for _, width := range []int{1280, 360} {
		g.Viewport(width, 740)
		var rows []struct {
			Text                     string
			Left, Right, Top, Bottom float64
			Clipped, Isolated        bool
		}
		g.Eval(`[...document.querySelectorAll("#signing-names li")].map((li) => { const r = li.getBoundingClientRect(), n = li.querySelector("bdi");
			return {Text: n.textContent, Left: r.left, Right: r.right, Top: r.top, Bottom: r.bottom, Isolated: li.childNodes.length === 1,
				Clipped: li.scrollWidth > li.clientWidth || getComputedStyle(n).textOverflow === "ellipsis"}; })`, &rows)
		if len(rows) != len(names) {
			t.Fatalf("%d lines for %d names", len(rows), len(names))
		}
		for i, r := range rows {
			if r.Text != names[i] || r.Clipped || !r.Isolated || r.Left != rows[0].Left || r.Right != rows[0].Right || i > 0 && r.Top < rows[i-1].Bottom {
				t.Errorf("at %d pixels the name %q has the place %+v", width, names[i], r)
			}
		}
	}
	g.untroubled()
}
