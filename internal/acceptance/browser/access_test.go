package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/countersigntest"
	"github.com/countersign/countersign/internal/testing/chromium"
)

var scriptsOff = chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return err
})

// The whole registration by keyboard alone.
func TestKeyboardOnly(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t, countersigntest.Mail())) // a recovery code needs it
	g.arrive()
	g.wantFocus("title")
	g.tabTo("create")
	g.Press(kb.Enter)
	g.awaitState("done")
	g.wantFocus("title")
	g.tabTo("make-recovery")
	g.Press(kb.Enter)
	g.awaitState("recovery")
	g.wantFocus("title")
	g.tabTo("code")
	g.saveCodeByKeyboard()
	g.awaitState("finished")
	g.wantFocus("title")
	g.untroubled()
}

// saveCodeByKeyboard is saveCode without a mouse.
func (g *user) saveCodeByKeyboard() {
	g.t.Helper()
	var end string
	g.Eval(`document.querySelector("#code").textContent.slice(-6)`, &end)
	g.tabTo("saved")
	g.Press(" ")
	g.wantFocus("last-part")
	g.typeInto("last-part", end)
	g.tabTo("finish")
	g.Press(kb.Enter)
}

// tabTo presses Tab until a control has the focus, and sees that the focus is visible.
func (g *user) tabTo(id string) {
	g.t.Helper()
	for range 12 {
		g.Press(kb.Tab)
		var at struct {
			ID      string
			Visible bool
		}
		g.Eval(`(() => {
			const e = document.activeElement, s = getComputedStyle(e);
			return {ID: e.id, Visible: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2};
		})()`, &at)
		if !at.Visible {
			g.t.Errorf("the focus on %q cannot be seen", at.ID)
		}
		if at.ID == id {
			return
		}
	}
	g.t.Fatalf("Tab does not lead to %s", id)
}

// check looks at what can be measured of one state of a page: it fits 320 pixels (which
// is also 640 at twice the size), text stands out from its ground in both colour
// schemes, controls have names and are large enough, and there is one h1 and one main.
func check(t *testing.T, tab *chromium.Tab, state string) {
	t.Helper()
	for _, width := range []int{320, 1280} {
		tab.Viewport(width, 740)
		// Not innerWidth: a phone zooms out until everything fits, and that grows.
		var wide int
		tab.Eval(`document.documentElement.scrollWidth`, &wide)
		if wide > width {
			t.Errorf("%s: %d pixels do not fit a width of %d", state, wide, width)
		}
		var small []string
		tab.Eval(`[...document.querySelectorAll("button, input, summary, .button")].filter((e) => e.checkVisibility())
			.filter((e) => { const r = e.getBoundingClientRect(); return Math.min(r.width, r.height) < (e.type === "checkbox" ? 20 : 24); })
			.map((e) => e.id || e.textContent)`, &small)
		if len(small) > 0 {
			t.Errorf("%s: too small to touch at a width of %d: %q", state, width, small)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		tab.Media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
		var faint []string
		tab.Eval(contrast, &faint)
		if len(faint) > 0 {
			t.Errorf("%s: faint in the %s scheme: %q", state, scheme, faint)
		}
	}
	names(t, tab, state)
	picture(tab, state)
}

// picture writes what the state looks like to the folder that COUNTERSIGN_SCREENSHOTS
// names, for people to look at.
func picture(tab *chromium.Tab, state string) {
	dir := os.Getenv("COUNTERSIGN_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		tab.Media("prefers-color-scheme", scheme)
		for _, size := range [][2]int{{1280, 900}, {360, 740}} {
			tab.Viewport(size[0], size[1])
			time.Sleep(200 * time.Millisecond) // colours fade over
			name := strings.Trim(strings.ReplaceAll(state, "/", "-"), "-")
			tab.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, size[0], scheme)))
		}
	}
}

// contrast lists the texts whose colour has a contrast of less than 4.5 with the nearest
// ground behind them (WCAG 2.2, 1.4.3). Text of what is disabled is exempt.
const contrast = `(() => {
	const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
		.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const faint = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || e.closest(":disabled, noscript")) continue;
		const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) faint.push(ratio.toFixed(2) + " " + walk.currentNode.textContent.trim());
	}
	return faint;
})()`

// names looks at the page as a screen reader is told of it.
func names(t *testing.T, tab *chromium.Tab, state string) {
	t.Helper()
	var tree []*accessibility.Node
	tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		tree = got.Nodes
		return err
	}))
	count, called := map[string]int{}, map[string]int{}
	for _, n := range tree {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		var name string
		if n.Name != nil {
			name = strings.Trim(string(n.Name.Value), `"`)
		}
		if role == "heading" {
			for _, p := range n.Properties {
				if p.Name == "level" && string(p.Value.Value) == "1" {
					role = "h1"
				}
			}
		}
		count[role]++
		if slices.Contains([]string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "heading", "h1", "navigation", "table", "dialog", "search", "Date"}, role) && strings.TrimSpace(name) == "" {
			t.Errorf("%s: a %s has no name", state, role)
		}
		if role == "button" && !strings.HasPrefix(name, "Show date picker") { // the browser's own
			if called[name]++; called[name] == 2 {
				t.Errorf("%s: two buttons are called %q", state, name)
			}
		}
	}
	var levels []int
	tab.Eval(`[...(document.querySelector("dialog[open]") || document.querySelector("main")).querySelectorAll("h1, h2, h3, h4, h5, h6")]
		.filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]))`, &levels)
	for i, level := range levels {
		if i > 0 && level > levels[i-1]+1 {
			t.Errorf("%s: the headings are of the levels %d", state, levels)
			break
		}
	}
	want := map[string]int{"main": 1, "h1": 1, "banner": 1, "contentinfo": 1}
	if count["dialog"] > 0 { // nothing but it is there
		want = map[string]int{"dialog": 1, "heading": 1}
	}
	for role, want := range want {
		if count[role] != want {
			t.Errorf("%s: %d of role %s, want %d", state, count[role], role, want)
		}
	}
}

func TestEveryStateIsAccessible(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)

	t.Run("registration", func(t *testing.T) {
		g := invite(t, countersigntest.Start(t, countersigntest.Mail()))
		g.arrive()
		g.Click("summary")
		check(t, g.Tab, "ready")
		g.key.SetUserVerified(false)
		g.Click("#create")
		g.WaitFor(`document.querySelector("#alert .bad")`)
		check(t, g.Tab, "cancelled")
		var announced string
		g.Eval(`document.querySelector("#alert").getAttribute("role") + " " + document.querySelector("#status").getAttribute("role")`, &announced)
		if announced != "alert status" {
			t.Errorf("the live regions have the roles %q", announced)
		}
		g.key.SetUserVerified(true)
		g.Click("#create")
		g.awaitState("done")
		check(t, g.Tab, "done")
		g.Click("#make-recovery")
		g.awaitState("recovery")
		check(t, g.Tab, "recovery")
		g.Click("#saved")
		g.Click("#finish")
		g.wantText("#last-part-error", "Type the last six characters")
		check(t, g.Tab, "recovery check")
		g.Click("#show-again")
		g.wantFocus("code")
		g.keepCode()
		check(t, g.Tab, "finished")
		g.untroubled()
	})

	t.Run("registered", func(t *testing.T) {
		g := invite(t, srv)
		g.arrive()
		g.key.SetPresence(false)
		g.Click("#create")
		g.WaitFor(`document.querySelector("#cancel").checkVisibility()`)
		check(t, g.Tab, "asking")
		g.Click("#cancel")
		g.key.SetPresence(true)
		g.Click("#create")
		g.awaitState("done")
		g.tabTo("done-sign-in")
		check(t, g.Tab, "registered")
		g.untroubled()
	})

	t.Run("about to end", func(t *testing.T) {
		g := invite(t, srv)
		g.inv = srv.InviteFor(t, g.inv.OrgID, "grace@example.org", 4*time.Minute)
		g.arrive()
		g.WaitFor(`document.querySelector("#alert .note")`)
		check(t, g.Tab, "about to end")
	})

	t.Run("problem", func(t *testing.T) {
		g := invite(t, srv)
		g.inv = srv.InviteFor(t, g.inv.OrgID, strings.Repeat("wide", 12)+"@example.org", time.Minute)
		srv.Clock.Advance(time.Hour)
		g.Open(g.inv.RegistrationURL)
		g.awaitState("problem")
		check(t, g.Tab, "problem")
	})

	for _, path := range []string{"/", "/docs", "/register", "/login", "/nothing"} {
		t.Run("page "+path, func(t *testing.T) {
			g := &user{Tab: chromium.Open(t), t: t, srv: srv}
			g.Open(srv.URL + path)
			if path == "/docs" {
				g.awaitState("ready") // its content comes from a script
			}
			check(t, g.Tab, "page"+path)
			g.refusedWith("404")
		})
	}
}

// A long name in any script must neither break the layout nor be cut.
func TestLongNames(t *testing.T) {
	t.Parallel()
	g := invite(t, countersigntest.Start(t))
	g.inv = g.srv.Invite(t, g.inv.OrgID, strings.Repeat("m", 48)+"@example.org")
	g.arrive()
	check(t, g.Tab, "long name")
	g.wantText("#account", g.inv.Username)
}

// Another page must not be able to show this one inside itself.
func TestFraming(t *testing.T) {
	t.Parallel()
	srv := countersigntest.Start(t)
	frame := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><iframe src="%s/register"></iframe>`, srv.URL)
	}))
	t.Cleanup(frame.Close)
	tab := chromium.Open(t)
	tab.Open(strings.Replace(frame.URL, "127.0.0.1", "localhost", 1))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if strings.Contains(strings.Join(tab.Problems(), " "), "frame-ancestors") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page can be framed; the browser only says %q", tab.Problems())
		}
	}
}
