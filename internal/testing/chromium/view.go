package chromium

import (
	"context"
	"fmt"
	"os"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Viewport sets the size of the page in CSS pixels. A width below 600 also emulates a
// phone.
func (tab *Tab) Viewport(width, height int) {
	tab.t.Helper()
	tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: int64(width), Height: int64(height), DeviceScaleFactor: 1, Mobile: width < 600,
		})
		return err
	}))
}

// Media sets media features as name and value, one after the other:
// tab.Media("prefers-color-scheme", "dark", "forced-colors", "active").
func (tab *Tab) Media(features ...string) {
	tab.t.Helper()
	var params emulation.SetEmulatedMediaParams
	for i := 0; i+1 < len(features); i += 2 {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, params)
		return err
	}))
}

// Screenshot writes a PNG of the whole page, as tall as its content, to a file.
func (tab *Tab) Screenshot(file string) {
	tab.t.Helper()
	if err := tab.screenshot(file); err != nil {
		tab.t.Fatalf("screenshot: %v", err)
	}
}

func (tab *Tab) screenshot(file string) error {
	var size struct{ Width, Height float64 }
	if err := tab.eval(`({width: innerWidth, height: Math.max(innerHeight, document.documentElement.scrollHeight)})`, &size); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	yes := true
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format:                page.CaptureScreenshotFormatPng,
		Clip:                  &page.Viewport{Width: size.Width, Height: size.Height, Scale: 1},
		CaptureBeyondViewport: &yes,
	})
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return os.WriteFile(file, shot.Data, 0o644)
}

// Press sends keys to whatever has the focus, one after the other, as a keyboard would.
// Use the names in github.com/chromedp/chromedp/kb for keys without a character.
func (tab *Tab) Press(keys ...string) {
	tab.t.Helper()
	for _, key := range keys {
		tab.Do(chromedp.KeyEvent(key))
		// The page handles the key in a task of its own; a person is slower than this.
		time.Sleep(10 * time.Millisecond)
	}
}

// Downloads has the tab keep what it downloads in a folder, which it returns.
func (tab *Tab) Downloads() string {
	tab.t.Helper()
	dir := tab.t.TempDir()
	tab.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		return tab.profile.download(ctx, cdpbrowser.SetDownloadBehaviorParams{
			Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir,
		})
	}))
	return dir
}
