package chromium

import (
	"context"
	"net/url"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// profile is a browser context with one tab. The next test gets it when one has ended: to start the
// processes of a new one costs as much as ten pages.
type profile struct {
	id  cdp.BrowserContextID
	tab target.ID
}

func newProfile() (p profile, err error) {
	ctx, cancel := context.WithTimeout(browser.ctx, patience)
	defer cancel()
	made, err := chromedp.CallBrowser(ctx, target.CreateBrowserContext, target.CreateBrowserContextParams{})
	if err != nil {
		return p, err
	}
	p.id = made.BrowserContextID
	opened, err := chromedp.CallBrowser(ctx, target.CreateTarget, target.CreateTargetParams{URL: browser.blank, BrowserContextID: p.id})
	p.tab = opened.TargetID
	return p, err
}

// attach opens a session with the tab. What a session sets ends with it: virtual authenticators, scripts
// before load, viewport, media, what is off.
func (p profile) attach(parent context.Context, options ...chromedp.ContextOption) (context.Context, context.CancelFunc) {
	return chromedp.NewContext(parent, append(options, chromedp.WithTargetID(p.tab), chromedp.WithDetachOnCancel())...)
}

// reset makes the profile as good as new: no page, no history, no further tab, nothing stored.
func (p profile) reset() error {
	var tab context.Context
	tab, detach := p.attach(browser.ctx, chromedp.WithListener(func(event any) {
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks { // whether to leave the page
			go func() {
				_, _ = chromedp.Call(tab, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
		}
	}))
	defer detach()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		targets, err := chromedp.Targets(ctx)
		if err != nil {
			return err
		}
		for _, t := range targets {
			if t.BrowserContextID == p.id && t.TargetID != p.tab && t.Type == "page" {
				if _, err := chromedp.CallBrowser(ctx, target.CloseTarget, target.CloseTargetParams{TargetID: t.TargetID}); err != nil {
					return err
				}
			}
		}
		visited, err := chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		// Session storage is reached from its page alone.
		if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`try { sessionStorage.clear() } catch {}`)); err != nil {
			return err
		}
		if err := chromedp.Do(ctx, chromedp.Navigate(browser.blank)); err != nil {
			return err
		}
		for _, e := range visited.Entries {
			at, err := url.Parse(e.URL)
			if err != nil || at.Host == "" {
				continue
			}
			if _, err := chromedp.Call(ctx, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{
				Origin: at.Scheme + "://" + at.Host, StorageTypes: "all",
			}); err != nil {
				return err
			}
		}
		if _, err := chromedp.CallBrowser(ctx, storage.ClearCookies, storage.ClearCookiesParams{BrowserContextID: p.id}); err != nil {
			return err
		}
		if err := p.download(ctx, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorDefault}); err != nil {
			return err
		}
		_, err = chromedp.Call(ctx, page.ResetNavigationHistory, cdp.Empty{})
		return err
	}))
}

func (p profile) download(ctx context.Context, how cdpbrowser.SetDownloadBehaviorParams) error {
	how.BrowserContextID = p.id
	_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetDownloadBehavior, how)
	return err
}

// release lets another test have the profile if it could be reset, and ends it otherwise.
func (p profile) release() {
	if err := p.reset(); err != nil {
		_, _ = chromedp.CallBrowser(browser.ctx, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: p.id})
		return
	}
	browser.Lock()
	defer browser.Unlock()
	browser.idle = append(browser.idle, p)
}
