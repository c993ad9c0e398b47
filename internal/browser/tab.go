//go:build browser

package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a page that is open. Its test fails when the page complains: a message of level
// warning or worse, an exception, a violated policy, a request that is not for a file.
type Tab struct {
	tb  testing.TB
	ctx context.Context

	colours    string // what the system prefers: light or dark
	mu         sync.Mutex
	complaints []string
}

// Look says how a page is looked at.
type Look struct {
	Width, Height int    // CSS px; 0: 1280, 900
	Dark          bool   // the system's colours
	Fragment      string // of the address, without #
}

// Open opens a file and waits until its charts in sight are drawn.
func (b *Browser) Open(tb testing.TB, file string, look Look) *Tab {
	tb.Helper()
	full, err := filepath.Abs(file)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(full); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx)
	t := &Tab{tb: tb, ctx: ctx}
	tb.Cleanup(func() { t.quiet(); cancel() })
	if err := chromedp.Listen(ctx, t.hear); err != nil {
		tb.Fatal(err)
	}
	t.colours = "light"
	if look.Dark {
		t.colours = "dark"
	}
	send(t, log.Enable, cdp.Empty{})
	send(t, runtime.Enable, cdp.Empty{})
	send(t, network.Enable, network.EnableParams{})
	t.Resize(or(look.Width, 1280), or(look.Height, 900))
	t.media("")
	address := url.URL{Scheme: "file", Path: full, Fragment: look.Fragment}
	if err := chromedp.Do(ctx, chromedp.Navigate(address.String())); err != nil {
		tb.Fatal(err)
	}
	t.ready()
	return t
}

func (t *Tab) ready() {
	t.tb.Helper()
	t.Until("the charts in sight are drawn", `document.body && document.body.dataset.ready === 'true'`)
}

// Reload loads the page again.
func (t *Tab) Reload() {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx, chromedp.Reload()); err != nil {
		t.tb.Fatal(err)
	}
	t.ready()
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// hear keeps what the page complains of.
func (t *Tab) hear(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelWarning || e.Entry.Level == log.EntryLevelError {
			t.complain("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			words = append(words, string(a.Value)+a.Description)
		}
		t.complain("console.%s: %s", e.Type, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		t.complain("%v", &chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails})
	case *page.EventJavascriptDialogOpening:
		t.complain("a dialog opens: %s", e.Message)
	case *network.EventRequestWillBeSent:
		if !local(e.Request.URL) {
			t.complain("asked for %s", e.Request.URL)
		}
	}
}

// local reports whether an address needs no network.
func local(address string) bool {
	for _, scheme := range []string{"file:", "data:", "blob:", "about:"} {
		if strings.HasPrefix(address, scheme) {
			return true
		}
	}
	return false
}

func (t *Tab) complain(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complaints = append(t.complaints, fmt.Sprintf(format, args...))
}

// Complaints gives what the page complained of since the last call.
func (t *Tab) Complaints() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.complaints
	t.complaints = nil
	return out
}

func (t *Tab) quiet() {
	for _, c := range t.Complaints() {
		t.tb.Errorf("the page complains: %s", c)
	}
}

// send sends a command of the DevTools protocol.
func send[P, R any](t *Tab, command cdp.Command[P, R], params P) R {
	t.tb.Helper()
	r, err := chromedp.Call(t.ctx, command, params)
	if err != nil {
		t.tb.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// Resize gives the window another size, in CSS px.
func (t *Tab) Resize(width, height int) {
	t.tb.Helper()
	send(t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: int64(height), DeviceScaleFactor: 1})
}

func (t *Tab) media(kind string) {
	t.tb.Helper()
	send(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: t.colours}}})
}

// Press presses keys as a person does: kb has the names of those without a letter.
func (t *Tab) Press(keys string) {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx, chromedp.KeyEvent(keys)); err != nil {
		t.tb.Fatal(err)
	}
}

// Run runs statements and waits until what they asked for is drawn.
func (t *Tab) Run(statements string) {
	t.tb.Helper()
	eval[chromedp.Void](t, "(async () => {"+statements+"; await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))})()")
}

func eval[T any](t *Tab, expression string) T {
	t.tb.Helper()
	v, err := chromedp.Run(t.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.tb.Fatalf("%s\n%v", expression, err)
	}
	return v
}

// Text evaluates an expression to a string.
func (t *Tab) Text(expression string) string {
	t.tb.Helper()
	return eval[string](t, "String("+expression+")")
}

// Number evaluates an expression to a number, and awaits it.
func (t *Tab) Number(expression string) float64 {
	t.tb.Helper()
	return eval[float64](t, "Promise.resolve("+expression+").then(Number)")
}

// True evaluates an expression to a truth value.
func (t *Tab) True(expression string) bool {
	t.tb.Helper()
	return eval[bool](t, "Boolean("+expression+")")
}

// Until waits for an expression to be true, at most half a minute.
func (t *Tab) Until(what, expression string) {
	t.tb.Helper()
	if _, err := chromedp.Run(t.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		t.tb.Fatalf("waiting until %s: %v\n%s", what, err, strings.Join(t.Complaints(), "\n"))
	}
}

// Screenshot keeps a picture of the page in sight, or of the whole page, as dir/name.png.
func (t *Tab) Screenshot(dir, name string, whole bool) {
	t.tb.Helper()
	take := chromedp.CaptureScreenshot()
	if whole {
		take = chromedp.FullScreenshot(100)
	}
	picture, err := chromedp.Run(t.ctx, take)
	if err != nil {
		t.tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		t.tb.Fatal(err)
	}
}

// Paper switches the page to paper, or back to the screen.
func (t *Tab) Paper(on bool) {
	t.tb.Helper()
	kind := ""
	if on {
		kind = "print"
	}
	t.media(kind)
	t.Run("")
}

// PDF prints the page.
func (t *Tab) PDF() []byte {
	t.tb.Helper()
	pdf, err := chromedp.Run(t.ctx, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
	if err != nil {
		t.tb.Fatal(err)
	}
	return pdf
}

// Download lets statements start a download, and gives the file when it is whole.
func (t *Tab) Download(statements string) (name string, content []byte) {
	t.tb.Helper()
	dir, yes := t.tb.TempDir(), true
	names, done := make(chan string, 1), make(chan string, 1)
	ctx, cancel := context.WithTimeout(t.ctx, 30*time.Second)
	defer cancel()
	err := chromedp.ListenBrowser(ctx, func(event any) {
		switch e := event.(type) {
		case *browserdomain.EventDownloadWillBegin:
			names <- e.SuggestedFilename
		case *browserdomain.EventDownloadProgress:
			if e.State == browserdomain.DownloadProgressStateCompleted {
				done <- e.GUID
			}
		}
	})
	if err != nil {
		t.tb.Fatal(err)
	}
	_, err = chromedp.CallBrowser(ctx, browserdomain.SetDownloadBehavior, browserdomain.SetDownloadBehaviorParams{
		Behavior: browserdomain.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &yes})
	if err != nil {
		t.tb.Fatal(err)
	}
	t.Run(statements)
	select {
	case guid := <-done:
		if content, err = os.ReadFile(filepath.Join(dir, guid)); err != nil {
			t.tb.Fatal(err)
		}
		return <-names, content
	case <-ctx.Done():
		t.tb.Fatalf("no download within half a minute of %s\n%s", statements, strings.Join(t.Complaints(), "\n"))
	}
	return "", nil
}
