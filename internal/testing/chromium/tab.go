package chromium

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience limits each single step. It is far above what any step needs, so that a
// loaded machine does not fail a test, and far below the time limit of a test run.
const patience = 30 * time.Second

// Tab is a page in a Chromium, in a browser context that belongs to one test. Its methods end the test
// (testing.TB.Fatal) when the browser cannot do what is asked, so they are called from
// the test's own goroutine.
type Tab struct {
	t       testing.TB
	ctx     context.Context
	profile profile

	mu       sync.Mutex
	problems []string
}

// Path returns the Chromium that tests use: the program named by COUNTERSIGN_CHROMIUM,
// or the first of the usual names found in PATH.
func Path() (string, error) {
	if p := os.Getenv("COUNTERSIGN_CHROMIUM"); p != "" {
		return exec.LookPath(p)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: run `make test`, which installs what the browser tests need, or name one in COUNTERSIGN_CHROMIUM")
}

// browser is the Chromium that the tabs of this process share. It starts with the first tab.
var browser struct {
	sync.Mutex
	idle []profile // whose tests have ended
	ctx  context.Context
	stop func() // nil when it does not run

	// blank is the URL of an empty page where an idle tab waits. It is of the same site as the servers under
	// test: Chromium starts a process for a tab that goes from one site to another.
	blank string
}

// Main runs the tests of a package and then ends the browser, so that no test process leaves one behind. It
// is all that TestMain of a package with such tests does.
func Main(m *testing.M) {
	status := m.Run()
	browser.Lock()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(status)
}

// Open returns a tab with cookies, storage and authenticators of its own. It ends with t, a test or a
// subtest. Tests with tabs of their own may run in parallel. [Main] runs the tests.
func Open(t testing.TB) *Tab {
	t.Helper()
	p, err := acquire()
	if err != nil {
		t.Fatal(err)
	}
	tab := &Tab{t: t, profile: p}
	ctx, detach := p.attach(browser.ctx, chromedp.WithListener(tab.listen))
	tab.ctx = ctx
	t.Cleanup(func() {
		if err := within(func() error { detach(); return nil }); err != nil {
			t.Errorf("leave a tab of Chromium: %v", err)
			return // nobody else gets it
		}
		p.release()
	})
	if err := within(func() error { return chromedp.Do(ctx) }); err != nil {
		t.Fatalf("open a tab of Chromium: %v", err)
	}
	return tab
}

// within calls do and waits for patience at most. It is for what must have a context without a deadline,
// because that outlives the call.
func within(do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return fmt.Errorf("it took longer than %v", patience)
	}
}

// acquire returns a profile for a tab. It starts the browser if it does not run.
func acquire() (profile, error) {
	browser.Lock()
	defer browser.Unlock()
	if browser.stop == nil {
		if err := launch(); err != nil {
			return profile{}, err
		}
	}
	if n := len(browser.idle); n > 0 {
		p := browser.idle[n-1]
		browser.idle = browser.idle[:n-1]
		return p, nil
	}
	return newProfile()
}

// launch starts a headless Chromium with an empty profile.
func launch() error {
	path, err := Path()
	if err != nil {
		return err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests run in containers, where the sandbox has no namespaces
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("lang", "en-GB"),
		// chromedp's own, and no process kept ready for a page that no test will open.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,SpareRendererForSitePerProcess"),
	)
	blank := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	}))
	browser.blank = strings.Replace(blank.URL, "127.0.0.1", "localhost", 1)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	end := func() { cancel(); stop(); blank.Close() }
	if err := within(func() error { return chromedp.Do(ctx) }); err != nil {
		end()
		return fmt.Errorf("start Chromium: %w", err)
	}
	browser.ctx, browser.stop = ctx, end
	return nil
}

// Context is the tab's chromedp context, for what this package has no method for.
func (tab *Tab) Context() context.Context { return tab.ctx }

// Do runs the steps in order.
func (tab *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.fatal("%v", err)
	}
}

// Open navigates to a URL and waits until the page has loaded. A navigation of the page itself that comes in
// between aborts it; it is tried again then.
func (tab *Tab) Open(url string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Navigate(url))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "net::ERR_ABORTED") {
			tab.fatal("%v", err)
		}
	}
}

// BeforeLoad has script run in every page opened from now on, before the page's own
// scripts. The page's content security policy does not apply to it.
func (tab *Tab) BeforeLoad(script string) {
	tab.t.Helper()
	tab.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// Eval evaluates a JavaScript expression in the page, waits for it if it is a promise,
// and decodes its JSON into out, which may be nil.
func (tab *Tab) Eval(expression string, out any) {
	tab.t.Helper()
	if err := tab.eval(expression, out); err != nil {
		tab.fatal("evaluate %s: %v", short(expression), err)
	}
}

func (tab *Tab) eval(expression string, out any) error {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	yes := true
	result, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if err != nil {
		return err
	}
	if e := result.ExceptionDetails; e != nil {
		if e.Exception != nil {
			return fmt.Errorf("%s", e.Exception.Description)
		}
		return fmt.Errorf("%s", e.Text)
	}
	if out == nil || len(result.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(result.Result.Value, out)
}

// WaitFor waits until a JavaScript expression is truthy.
func (tab *Tab) WaitFor(expression string) {
	tab.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		var done bool
		err := tab.eval("Boolean("+expression+")", &done)
		if err == nil && done {
			return
		}
		if time.Now().After(deadline) {
			tab.fatal("waited %s in vain for %s (%v)", patience, short(expression), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Text returns the rendered text of the first element that matches a CSS selector, ""
// when there is none or it is hidden.
func (tab *Tab) Text(selector string) string {
	tab.t.Helper()
	var text string
	tab.Eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q);
		return e && e.checkVisibility() ? e.innerText.trim() : ""; })()`, selector), &text)
	return text
}

// Click waits until the element that matches a CSS selector is visible and clicks in
// its middle with a real mouse event, which counts as a user's gesture. It goes by the
// place, not by a node of the protocol: nodes lose their numbers a moment after a page
// has sent itself elsewhere.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.WaitFor(fmt.Sprintf(`document.readyState === "complete" && document.querySelector(%q)?.checkVisibility()`, selector))
	var at struct{ X, Y float64 }
	tab.Eval(fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
		const r = e.getBoundingClientRect();
		return {X: r.x + r.width / 2, Y: r.y + r.height / 2};
	})()`, selector), &at)
	tab.Do(chromedp.MouseClickXY(at.X, at.Y))
}

// Problems returns what went wrong in the page so far: uncaught exceptions, console
// errors and warnings, violations of the content security policy, failed loads.
func (tab *Tab) Problems() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string(nil), tab.problems...)
}

func (tab *Tab) listen(event any) {
	var problem string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			problem += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != "error" && e.Type != "warning" {
			return
		}
		problem = "console " + string(e.Type) + ":"
		for _, arg := range e.Args {
			problem += " " + string(arg.Value) + arg.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		problem = string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	tab.mu.Lock()
	tab.problems = append(tab.problems, strings.TrimSpace(problem))
	tab.mu.Unlock()
}

// fatal ends the test with what the page shows, which is what one wants to know next.
func (tab *Tab) fatal(format string, args ...any) {
	tab.t.Helper()
	var shown string
	_ = tab.eval("location.href.split('#')[0] + '\\n' + document.body.innerText", &shown)
	if dir := os.Getenv("COUNTERSIGN_SCREENSHOTS"); dir != "" {
		name := strings.NewReplacer("/", "-", " ", "-").Replace(tab.t.Name())
		_ = tab.screenshot(filepath.Join(dir, name+".png"))
	}
	tab.t.Fatalf("%s\nproblems: %q\nthe page: %s", fmt.Sprintf(format, args...), tab.Problems(), shown)
}

func short(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
