//go:build browser

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/browser"
)

// Two short runs whose pages have everything: tiers, a hit rate of 0, several contexts and
// levels, limits; and a set that grows.
const (
	fixedForPages = `
name: fixed
labels: {gpu: H100, lmcache: "on"}
target: {simulator: {profile: ci}, tiers: [{name: hbm, capacity: 20k}, {name: dram, capacity: 60k}]}
contexts: [2k, 4k]
working_set: [16k, 60k, 200k]
hit_rates: [0, 50, 100]
output_tokens: 16
mode: fixed
concurrency: [2, 8]
duration: {min: 500ms, max: 1s}
slo: {ttft: {p95: 60ms}}
on_miss: continue
warmup: {concurrency: 64}
`
	sustainedForPages = `
name: sustained
target: {simulator: {}}
contexts: [2k]
working_set: [100k, 150k, 300k]
output_tokens: 16
mode: sustained
duration: 24s
assessment_period: 500ms
concurrency: {start: 2, step: 2, max: 16}
slo: {ttft: {p95: 60ms}}
`
)

// The pages of real runs, in a real browser without a network: nothing is complained of, no
// chart is blank, nothing sticks out of a narrow window.
func TestBrowser(t *testing.T) {
	names := []string{"fixed", "sustained"}
	dir := workdir(t, map[string]string{"fixed.yaml": fixedForPages, "sustained.yaml": sustainedForPages})
	t.Run("runs", func(t *testing.T) { // at once: it is pages that are looked at, not figures
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				must(t, 0, dir, name+".yaml")
			})
		}
	})
	if t.Failed() {
		return
	}
	chrome := browser.Start(t)
	for _, name := range names {
		run := runDir(t, dir, name)
		must(t, 0, dir, "report", run, "--single-file")
		seen := map[string]shown{}
		t.Run(name, func(t *testing.T) { eachPage(t, chrome, run, seen) })
		t.Run(name+" single", func(t *testing.T) { singleFile(t, chrome, run, seen) })
	}
	t.Run("history", func(t *testing.T) { look(t, chrome, filepath.Join(dir, "results", "index.html"), "history") })
}

// pictured are the pages of which screenshots are kept, by how their names begin.
var pictured = []string{"index", "performance_vs_working_set_2000", "output_metrics_comparison", "sustained_ctx2000", "fixed_ctx2000_ws60000_cache100"}

// shown is what a page has to show: the names of its charts, and its tables' rows.
type shown struct{ charts, rows string }

// showing gives what a tab shows, within what the selector chooses.
func showing(t *testing.T, tab *browser.Tab, within string) shown {
	t.Helper()
	return shown{strings.Join(drawn(t, tab), " "), tab.Text(`[...document.querySelectorAll('` + within + ` table.data')].map(t => t.tBodies[0].textContent).join('|')`)}
}

// eachPage looks at the pages of a run one by one, and keeps what they show by their names.
func eachPage(t *testing.T, chrome *browser.Browser, run string, seen map[string]shown) {
	pages, err := filepath.Glob(filepath.Join(run, "*.html"))
	if err != nil || len(pages) < 5 {
		t.Fatalf("pages: %q %v", pages, err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".html")
		if name == "report" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for _, begin := range pictured {
				if strings.HasPrefix(name, begin) {
					seen[name] = look(t, chrome, page, filepath.Base(filepath.Dir(run))+"-"+begin)
					return
				}
			}
			seen[name] = showing(t, chrome.Open(t, page, browser.Look{}), "")
		})
	}
}

// drawn holds that every chart of a page shows something, and gives their names.
func drawn(t *testing.T, tab *browser.Tab) []string {
	t.Helper()
	all, blank := tab.Charts()
	if len(blank) > 0 {
		t.Errorf("%d of %d charts are blank: %v", len(blank), len(all), blank)
	}
	if told := tab.Text(`[...document.querySelectorAll('.failed')].map(e => e.textContent).join(' ')`); told != "" {
		t.Error(told)
	}
	return all
}

// look looks at a page as its readers do, wide, dark and narrow, and gives what it shows.
func look(t *testing.T, chrome *browser.Browser, page, name string) (seen shown) {
	dir := browser.Screenshots(t)
	for _, l := range []struct {
		as   string
		look browser.Look
	}{
		{"light", browser.Look{}}, {"dark", browser.Look{Dark: true}},
		{"narrow", browser.Look{Width: 400, Height: 800}},
	} {
		t.Run(l.as, func(t *testing.T) {
			tab := chrome.Open(t, page, l.look)
			if wide := tab.Overflow(); wide != "" {
				t.Errorf("the page is wider than the window: %s", wide)
			}
			seen = showing(t, tab, "")
			tab.Screenshot(dir, name+"-"+l.as, true)
			if scheme, background := tab.Text(`getComputedStyle(document.documentElement).colorScheme`), tab.Text(`getComputedStyle(document.body).backgroundColor`); l.look.Dark != (scheme == "dark") || l.look.Dark == (background == "rgb(255, 255, 255)") {
				t.Errorf("the colours are %s on %s", scheme, background)
			}
		})
	}
	return seen
}

// singleFile opens report.html alone in a folder, goes through its pages, and finds in each
// what the page's own file has.
func singleFile(t *testing.T, chrome *browser.Browser, run string, seen map[string]shown) {
	text, err := os.ReadFile(filepath.Join(run, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(alone, text, 0o644); err != nil {
		t.Fatal(err)
	}
	tab := chrome.Open(t, alone, browser.Look{})
	pages, err := filepath.Glob(filepath.Join(run, "*_*.html"))
	if err != nil || len(pages) < 4 {
		t.Fatalf("pages: %q %v", pages, err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".html")
		tab.Run(`location.hash = '#` + name + `'`)
		tab.Until(name+" is shown", `[...document.querySelectorAll('section.view')].filter(s => s.offsetHeight).map(s => s.id).join() === '`+name+`'`)
		if got := showing(t, tab, "#"+name); got != seen[name] {
			t.Errorf("%s has the charts %s, its own file %s; rows alike: %v", name, got.charts, seen[name].charts, got.rows == seen[name].rows)
		}
	}
}
