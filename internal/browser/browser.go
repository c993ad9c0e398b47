//go:build browser

// Package browser looks at pages in a headless Chromium that has no network. It is for
// tests only, and is built with the tag browser only: `make browser` runs them.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// Browser is a running Chromium.
type Browser struct{ ctx context.Context }

// names are those that Chromium goes by, in the order in which they are looked for.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// executable finds Chromium: WSRUN_CHROMIUM, else the PATH. Without one the tests fail: a
// browser test that is skipped shows nothing.
func executable(tb testing.TB) string {
	tb.Helper()
	if path := os.Getenv("WSRUN_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	tb.Fatalf("no browser: none of %q is on the PATH. Install Chromium (Debian: apt-get install chromium), or say where it is in WSRUN_CHROMIUM", names)
	return ""
}

// Start starts a Chromium that ends with the test. It reaches no network: names do not
// resolve, and what is asked for by address goes to a proxy that is not there.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(executable(tb)), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.UserDataDir(tb.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true), chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.Flag("proxy-server", "127.0.0.1:9"),
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stop := chromedp.NewContext(allocator)
	tb.Cleanup(func() { stop(); cancel() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		tb.Fatalf("starting the browser: %v", err)
	}
	return &Browser{ctx: ctx}
}

// Screenshots is the folder for pictures: WSRUN_SCREENSHOTS, else one that goes with the test.
func Screenshots(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("WSRUN_SCREENSHOTS")
	if dir == "" {
		return tb.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return full
}
