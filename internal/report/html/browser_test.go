//go:build browser

package html

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/wsrun/wsrun/internal/browser"
)

// folder writes pages, each as a file of its own, and the script that they share.
func folder(t *testing.T, pages ...*Page) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range pages {
		keep(t, filepath.Join(dir, p.Name+".html"), written(t, p))
	}
	var b bytes.Buffer
	if err := script(&b); err != nil {
		t.Fatal(err)
	}
	keep(t, filepath.Join(dir, ScriptFile), b.Bytes())
	return dir
}

func keep(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// column gives the texts of a column of the rows that are shown.
const column = `(key => { const t = document.querySelector('table.sortable'), i = [...t.tHead.rows[0].cells].findIndex(c => c.dataset.key === key);
	return [...t.tBodies[0].rows].filter(r => r.offsetHeight).map(r => r.cells[i].textContent).join(' ') })`

// byNumber compares texts of cells as numbers.
func byNumber(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		return 1 // not in order
	}
	return cmp.Compare(x, y)
}

// press sorts by a column and gives its texts.
func press(tab *browser.Tab, key string) []string {
	tab.Run(fmt.Sprintf(`document.querySelector('th[data-key="%s"] button').click()`, key))
	return strings.Split(tab.Text(column+`("`+key+`")`), " ")
}

func TestBrowserTablesSort(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(30)), "page.html"), browser.Look{})
	given := strings.Split(tab.Text(column+`("ttft.p95")`), " ")
	up, down := press(tab, "ttft.p95"), press(tab, "ttft.p95")
	for i, got := range [][]string{up, down} {
		values := make([]float64, 0, 30)
		for _, text := range got[:27] {
			v, err := strconv.ParseFloat(strings.TrimPrefix(text, "≥"), 64)
			if err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			values = append(values, v*float64(1-2*i))
		}
		if !slices.IsSorted(values) || strings.Join(got[27:], "") != "" {
			t.Errorf("direction %d: %q", i, got)
		}
	}
	tab.Run(`document.querySelector('table.sortable tbody tr td:last-child').textContent = 'ttft.p95 rests on 21 samples, a verdict needs 59; '.repeat(9)`)
	if high := tab.Number(`Math.max(...[...document.querySelectorAll('table.sortable tbody tr')].map(r => r.offsetHeight))`); high > 30 {
		t.Errorf("a row is %v px high for what is out of sight", high)
	}
	if state := tab.Text(`document.querySelector('th[aria-sort]').getAttribute('aria-sort')`); state != "descending" {
		t.Errorf("aria-sort %s", state)
	}
	if got := press(tab, "ttft.p95"); !slices.Equal(got, given) {
		t.Errorf("the third time the order is %q, want as written: %q", got, given)
	}
	press(tab, "concurrency")
	if got := tab.Text(column + `("hit_rate")`); !strings.HasPrefix(got, "50 100 50 100") {
		t.Errorf("rows that are equal changed their order: %s", got)
	}
	press(tab, "started")
	if dates := strings.Split(tab.Text(strings.ReplaceAll(column, "join(' ')", "join('|')")+`("started")`), "|"); !slices.IsSorted(dates) || len(dates) != 30 {
		t.Errorf("by date: %q", dates)
	}
	if got := press(tab, "validity"); got[0] != "doubtful" || got[29] != "ok" {
		t.Errorf("by text: %q", got)
	}
}

func TestBrowserTablesFilter(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(30)), "page.html"), browser.Look{})
	for _, c := range []struct{ filter, count, first string }{
		{"", "30 rows", "1 1 2"},
		{"INVALID", "10 of 30 rows", "2 3 5"},
		{"row 29 invalid", "1 of 30 rows", "15"},
		{"validity = ok", "10 of 30 rows", "1 2 4"},
		{"validity != ok hit_rate=100", "10 of 30 rows", "1 3 4"},
		{"concurrency<=2", "4 of 30 rows", "1 1 2"},
		{"ttft.p50 < 150ms", "5 of 30 rows", "1 5 7"},
		{`ttft.p95 = ""`, "3 of 30 rows", "5 10 15"},
		{"ttft.p95 >= 0", "27 of 30 rows", "1 1 2"}, // a cell without data fulfils nothing
		{"started >= 2026-11-27", "2 of 30 rows", "3 6"},
		{`reasons = ""`, "10 of 30 rows", "1 2 4"},
		{"nothing of the kind", "0 of 30 rows", ""},
		{"depth > 3", "no column is called depth", ""},
		{"concurrency > many", "many is not a number", ""},
		{"", "30 rows", "1 1 2"},
	} {
		tab.Run(fmt.Sprintf(`const i = document.querySelector('.tools input'); i.value = %q; i.dispatchEvent(new Event('input'))`, c.filter))
		if got := tab.Text(`document.querySelector('.tools output').textContent`); got != c.count {
			t.Errorf("%q: %s, want %s", c.filter, got, c.count)
		}
		if got := tab.Text(column + `("concurrency")`); !strings.HasPrefix(got, c.first) {
			t.Errorf("%q shows %s, want %s ...", c.filter, got, c.first)
		}
	}
}

// With 1,000 rows sorting and filtering stay under a tenth of a second, to the next frame.
func TestBrowserTablesAreQuick(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(1000)), "page.html"), browser.Look{})
	if got := tab.Text(`document.querySelector('.tools output').textContent`); got != "1000 rows, the first 200 shown" {
		t.Errorf("the table says %q", got)
	}
	for what, statement := range map[string]string{
		"sort":   `document.querySelector('th[data-key="ttft.p50"] button').click()`,
		"filter": `const i = document.querySelector('.tools input'); i.value = i.value ? '' : 'ttft.p95 > 5 ok'; i.dispatchEvent(new Event('input'))`,
	} {
		tab.AtMost(what, statement, 100*time.Millisecond)
	}
	tab.Run(`const i = document.querySelector('.tools input'); i.value = ''; i.dispatchEvent(new Event('input')); document.querySelector('.tools button').click()`)
	if n := len(strings.Fields(tab.Text(column + `("concurrency")`))); n != 1000 {
		t.Errorf("after Show all %d rows are shown", n)
	}
}

const firstCanvas = `document.querySelector('.plot canvas')`

// A long table is laid out when the page is there, and not again with each piece of it: with
// 10,000 rows that took 20 s. Where the script does nothing it is there soon all the same.
func TestBrowserTablesAreLaidOutOnce(t *testing.T) {
	chrome, dir := browser.Start(t), folder(t, samplePage(300))
	const laid = `getComputedStyle(document.querySelector('.scroll')).contentVisibility`
	tab := chrome.Open(t, filepath.Join(dir, "page.html"), browser.Look{})
	if got := tab.Text(laid); got != "visible" {
		t.Errorf("the table of a page that is drawn is %s", got)
	}
	keep(t, filepath.Join(dir, ScriptFile), []byte(`document.body.dataset.was = `+laid+`; document.body.dataset.ready = 'true'`))
	tab = chrome.Open(t, filepath.Join(dir, "page.html"), browser.Look{})
	if got := tab.Text(`document.body.dataset.was`); got != "hidden" {
		t.Errorf("the table of a page that is being read is %s", got)
	}
	tab.Until("the table is there without a script", laid+` === 'visible' && document.querySelector('.scroll td').offsetHeight > 0`)
}

func TestBrowserControlsChangeTheChartAndTheAddress(t *testing.T) {
	dir := folder(t, samplePage(30))
	chrome := browser.Start(t)
	tab := chrome.Open(t, filepath.Join(dir, "page.html"), browser.Look{})
	lines := func(tab *browser.Tab) string {
		return tab.Text(`echarts.getInstanceByDom(document.querySelector('.plot')).getOption().series.filter(s => s.data.length).map(s => s.name + ' ' + JSON.stringify(s.data[0])).join('; ')`)
	}
	before := lines(tab)
	tab.Run(`const s = document.querySelector('select[name=rate]'); s.value = '50'; s.dispatchEvent(new Event('change', {bubbles: true}))`)
	tab.Run(`document.querySelector('input[name=stats][value=p95]').click()`)
	after := lines(tab)
	if before == after || !strings.Contains(before, "p95") || strings.Contains(after, "p95") {
		t.Errorf("before: %s, after: %s", before, after)
	}
	hash := tab.Text(`location.hash`)
	if hash != "#rate=50&stats=p50" {
		t.Errorf("the address ends with %s", hash)
	}
	other := chrome.Open(t, filepath.Join(dir, "page.html"), browser.Look{Fragment: strings.TrimPrefix(hash, "#")})
	if got := lines(other); got != after || other.Text(`document.querySelector('select[name=rate]').value`) != "50" {
		t.Errorf("the address shows %s, want %s", got, after)
	}
	wrong := chrome.Open(t, filepath.Join(dir, "page.html"), browser.Look{Fragment: "rate=75&__proto__=x&%zz=%zz&main"})
	if got := lines(wrong); got != before {
		t.Errorf("an address that asks for nonsense shows %s, want the default: %s", got, before)
	}
}

func TestBrowserKeyboardGoesFromPointToPoint(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(30)), "page.html"), browser.Look{})
	tab.Run(`document.querySelector('.plot').focus()`)
	said := func() string { return tab.Text(`document.querySelector('.live').textContent`) }
	plain := tab.Text(firstCanvas + `.toDataURL()`)
	tab.Press(kb.ArrowRight)
	tab.Run("")
	first := said()
	if !strings.Contains(first, " 1: ") || !strings.Contains(first, "p50 ") || !strings.Contains(first, "p95 ") {
		t.Errorf("the first point is told as %q", first)
	}
	if tab.Text(firstCanvas+`.toDataURL()`) == plain {
		t.Error("no tooltip is drawn")
	}
	tab.Press(kb.ArrowRight)
	if second := said(); second == first || !strings.Contains(second, " 2: ") {
		t.Errorf("the second point is told as %q", second)
	}
	tab.Press(kb.Escape)
	tab.Run("await new Promise(done => setTimeout(done, 300))")
	if tab.Text(firstCanvas+`.toDataURL()`) != plain {
		t.Error("Escape leaves the tooltip")
	}
	tab.Run(`document.querySelectorAll('.acts button')[1].click()`)
	if !tab.True(`document.activeElement.matches('.scroll')`) {
		t.Error("the button Table does not lead to the table")
	}
	if label := tab.Text(`document.querySelector('.plot').getAttribute('aria-label')`); !strings.Contains(label, "p50 from ") {
		t.Errorf("the chart is described as %q", label)
	}
}

func TestBrowserPictureIsTwiceAsFine(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(30)), "page.html"), browser.Look{Dark: true})
	name, content := tab.Download(`document.querySelector('.acts button').click()`)
	if name != "page_ttft.png" {
		t.Errorf("the picture is called %q", name)
	}
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size != (image.Point{X: 2000, Y: 1040}) {
		t.Errorf("the picture has %v px", size)
	}
	if r, g, b, a := picture.At(1, 1).RGBA(); r+g+b+a != 4*0xffff {
		t.Errorf("the picture is not white: %x %x %x %x", r, g, b, a)
	}
	keep(t, filepath.Join(browser.Screenshots(t), "saved.png"), content)
}

func TestBrowserPaperIsLightAndWhole(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 60, slow: 1}.run())
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, p), p.Name+".html"), browser.Look{Dark: true, Height: 700})
	drawn := `[...document.querySelectorAll('.plot canvas')].filter(c => ` + browser.Ink + `(c) > 3).length`
	if n := tab.Number(drawn); n == 0 || n == float64(len(p.View.Charts)) {
		t.Errorf("%v of %d charts are drawn before they are in sight", n, len(p.View.Charts))
	}
	tab.Run(`document.querySelector('table.sortable th[data-key="ttft.p95"] button').click()`)
	if n := tab.Number(`document.querySelectorAll('table.sortable tr.more').length`); n == 0 {
		t.Error("the table is too short to show that paper has all its rows")
	}
	tab.Run(`document.querySelector('main').append(document.createElement('details'))`)
	tab.Paper(true)
	if !tab.True(`[...document.querySelectorAll('details')].every(d => d.open)`) {
		t.Error("what is folded is lost on paper")
	}
	if n := tab.Number(drawn); n != float64(len(p.View.Charts)) {
		t.Errorf("on paper %v of %d charts are drawn", n, len(p.View.Charts))
	}
	if got := tab.Text(`getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		t.Errorf("paper is %s", got)
	}
	for _, gone := range []string{".controls", "header nav", ".acts", ".tools", ".theme"} {
		if !tab.True(`[...document.querySelectorAll('` + gone + `')].every(e => getComputedStyle(e).display === 'none')`) {
			t.Errorf("%s is printed", gone)
		}
	}
	if light := tab.Text(`wsrun.plots[0].option.textStyle.color`); light != tab.Text(`wsrun.themes.light.ink`) {
		t.Errorf("charts are printed in %s", light)
	}
	if ratio := tab.Number(`(c => (c.width / c.height) / (c.getBoundingClientRect().width / c.getBoundingClientRect().height))(` + firstCanvas + `)`); math.Abs(ratio-1) > .02 {
		t.Errorf("on paper charts are stretched by %v", ratio)
	}
	onPaper := strings.Fields(tab.Text(column + `("ttft.p95")`))
	if !slices.IsSortedFunc(onPaper, byNumber) || !tab.True(`[...document.querySelector('table.sortable').tBodies[0].rows].every(r => r.offsetHeight)`) {
		t.Errorf("paper does not have all rows in their order: %v", onPaper)
	}
	tab.Resize(1040, 730)
	if wide := tab.Number(`Math.max(...[...document.querySelectorAll('table.data')].map(t => t.getBoundingClientRect().right))`); wide > 1041 {
		t.Errorf("a table is cut: it ends at %v of 1040 px", wide)
	}
	dir := browser.Screenshots(t)
	tab.Screenshot(dir, "paper", true)
	pdf := tab.PDF()
	if !bytes.HasPrefix(pdf, []byte("%PDF")) {
		t.Error("no PDF")
	}
	keep(t, filepath.Join(dir, "paper.pdf"), pdf)
	tab.Paper(false)
	if dark := tab.Text(`wsrun.plots[0].option.textStyle.color`); dark != tab.Text(`wsrun.themes.dark.ink`) {
		t.Errorf("back on the screen charts are drawn in %s", dark)
	}
}

func TestBrowserThemeIsChosenAndKept(t *testing.T) {
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(3)), "page.html"), browser.Look{})
	background := `getComputedStyle(document.body).backgroundColor`
	light := tab.Text(background)
	tab.Run(`const s = document.querySelector('.theme select'); s.value = 'dark'; s.dispatchEvent(new Event('change'))`)
	if dark := tab.Text(background); dark == light || tab.Text(`wsrun.plots[0].option.textStyle.color`) != tab.Text(`wsrun.themes.dark.ink`) {
		t.Errorf("the page stays %s", dark)
	}
	tab.Reload()
	if kept := tab.Text(background); kept == light || tab.Text(`document.querySelector('.theme select').value`) != "dark" {
		t.Errorf("loaded again the page is %s", kept)
	}
}

func TestBrowserNarrowPageDoesNotOverflow(t *testing.T) {
	dir := browser.Screenshots(t)
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, samplePage(30)), "page.html"), browser.Look{Width: 400, Height: 800})
	if wide := tab.Overflow(); wide != "" {
		t.Errorf("the page is wider than the window: %s", wide)
	}
	tab.Screenshot(dir, "narrow", true)
	tab.Resize(1280, 900)
	tab.Run("")
	if w := tab.Number(firstCanvas + `.getBoundingClientRect().width`); w < 800 {
		t.Errorf("after the window grew the chart is %v px wide", w)
	}
}

// A step of the linked zoom over all charts of 1,000 periods, all of them in sight, is on the
// screen in a quarter of a second.
func TestBrowserLinkedZoomIsQuick(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 996, slow: 1}.run())
	n := len(p.View.Charts)
	if n < 11 {
		t.Fatalf("the page has %d charts, want 11 or more", n)
	}
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, p), p.Name+".html"), browser.Look{Height: 8000})
	if drawn := tab.Number(`wsrun.plots.filter(p => p.c && !p.stale).length`); drawn != float64(n) {
		t.Fatalf("%v charts are drawn, want %d", drawn, n)
	}
	step := `self.zoomed = ((self.zoomed || 0) + 3) % 45; wsrun.plots[0].c.dispatchAction({type: 'dataZoom', start: self.zoomed, end: 100 - self.zoomed})`
	tab.AtMost(fmt.Sprintf("a step of the linked zoom over %d charts", n), step, 250*time.Millisecond)
	tab.AtMost("sorting its table", `document.querySelector('th[data-key="ttft.p95"] button').click()`, 100*time.Millisecond)
	tab.Run(`wsrun.plots[3].c.dispatchAction({type: 'dataZoom', start: 20, end: 60})`)
	if got := tab.Text(`wsrun.plots.map(p => { const z = p.c.getOption().dataZoom[0]; return z.start + '-' + z.end }).join(' ')`); got != strings.TrimSpace(strings.Repeat("20-60 ", n)) {
		t.Errorf("the charts show %s %%", got)
	}
	tab.Run(`wsrun.again()`)
	if got := tab.Text(`wsrun.plots[10].c.getOption().dataZoom[0].start`); got != "20" {
		t.Errorf("drawn again, a chart starts at %s %%, want 20", got)
	}
}

// A run whose every text is hostile is only text: nothing of it runs, loads or is an element,
// and its charts are drawn.
func TestBrowserHostileRun(t *testing.T) {
	r := hostileRun(newWorld([]int64{4000}, []float64{0, 100}, 100_000, 150_000, 400_000).measure(1))
	dir := t.TempDir()
	for _, f := range append(Files(r), File{SingleFile, func(w io.Writer) error { return Single(r, w) }}) {
		var b bytes.Buffer
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		keep(t, filepath.Join(dir, f.Name), b.Bytes())
	}
	chrome := browser.Start(t)
	for _, name := range []string{"index.html", "performance_vs_working_set_4000.html", "fixed_ctx4000_ws400000_cache100.html", SingleFile} {
		t.Run(name, func(t *testing.T) {
			tab := chrome.Open(t, filepath.Join(dir, name), browser.Look{})
			if name == SingleFile {
				tab.Run(`location.hash = '#fixed_ctx4000_ws400000_cache100'`)
				tab.Until("the cell is shown", `document.querySelector('#fixed_ctx4000_ws400000_cache100')?.offsetHeight`)
			}
			if all, blank := tab.Charts(); len(all) == 0 || len(blank) > 0 {
				t.Errorf("of the charts %v are blank: %v", all, blank)
			}
			if n := tab.Number(`document.querySelectorAll('img, iframe, textarea, [onerror], [onfocus]').length`); n != 0 {
				t.Errorf("%v elements out of texts", n)
			}
			tab.Resize(400, 800)
			tab.Run("")
			if wide := tab.Overflow(); wide != "" {
				t.Errorf("a narrow page is wider than the window: %s", wide)
			}
			if name == "index.html" && !strings.Contains(tab.Text(`document.body.textContent`), hostile[0]) {
				t.Error("the text itself is not there")
			}
		})
	}
}

// One chart that cannot be drawn says so in its place; the others go on.
func TestBrowserBrokenChartIsTold(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 60, slow: 1}.run())
	tab := browser.Start(t).Open(t, filepath.Join(folder(t, p), p.Name+".html"), browser.Look{Height: 900})
	first := p.View.Charts[0].ID
	tab.Run(`self.build = wsrun.build; wsrun.build = (chart, ctx) => { if (chart.id === '` + first + `') throw new Error('no such thing'); return self.build(chart, ctx) }; wsrun.again()`)
	if told := tab.Text(`document.querySelector('figure .failed').textContent`); told != "This chart could not be drawn (no such thing). Its numbers are in the table." {
		t.Errorf("told: %s", told)
	}
	if c := tab.Complaints(); len(c) != 1 || !strings.Contains(c[0], "chart "+first+": ") {
		t.Errorf("the console has %q", c)
	}
	if _, blank := tab.Charts(); !slices.Equal(blank, []string{first}) {
		t.Errorf("blank are %v, want %s alone", blank, first)
	}
	tab.Complaints() // of the broken one, drawn again
	tab.Run(`wsrun.build = self.build; wsrun.again()`)
	tab.Until("the chart is drawn again", `!document.querySelector('.failed')`)
}
