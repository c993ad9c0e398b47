//go:build browser

package browser

import (
	"strconv"
	"strings"
	"time"
)

// Ink is a function of JavaScript that counts the colours of a canvas: one that is blank has one.
const Ink = `(c => { const w = document.createElement('canvas'); w.width = c.width; w.height = c.height; const x = w.getContext('2d', {willReadFrequently: true});
	x.drawImage(c, 0, 0); const d = x.getImageData(0, 0, c.width, c.height).data, seen = new Set();
	for (let i = 0; i < d.length; i += 4) seen.add(d[i] << 24 | d[i+1] << 16 | d[i+2] << 8 | d[i+3]); return seen.size })`

// Charts gives the ids of all charts that are shown, and of those among them that are blank or
// not there. It makes the window as high as the page, so that all are in sight.
func (t *Tab) Charts() (all, blank []string) {
	t.tb.Helper()
	t.Resize(int(t.Number(`innerWidth`)), int(t.Number(`document.documentElement.scrollHeight`))+100)
	t.Until("all charts are drawn", `wsrun.plots.every(p => p.page.section.hidden || (p.near && !p.stale))`)
	shown := `[...document.querySelectorAll('figure')].filter(f => f.offsetHeight)`
	all = strings.Fields(t.Text(shown + `.map(f => f.dataset.chart).join(' ')`))
	blank = strings.Fields(t.Text(shown + `.filter(f => ![...f.querySelectorAll('canvas')].some(c => ` + Ink + `(c) > 3)).map(f => f.dataset.chart).join(' ')`))
	return all, blank
}

// Overflow names what makes the page wider than the window.
func (t *Tab) Overflow() string {
	t.tb.Helper()
	return t.Text(`document.documentElement.scrollWidth <= innerWidth ? '' : document.documentElement.scrollWidth + ' px: ' +
		[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
		.map(e => e.tagName.toLowerCase() + '.' + e.className).join(' ')`)
}

// Median gives the time in ms, to the next frame's end, that statements take: the median of n.
func (t *Tab) Median(statements string, n int) float64 {
	t.tb.Helper()
	return t.Number(`(async () => { const all = []; for (let i = 0; i < ` + strconv.Itoa(n) + `; i++) all.push(await new Promise(done => requestAnimationFrame(() => {
		const from = performance.now(); (() => {` + statements + `})();
		requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => done(performance.now() - from); c.port2.postMessage(0) }) })));
		return all.sort((a, b) => a - b)[Math.floor(all.length / 2)] })()`)
}

// AtMost holds the median time of statements against a limit. A busy machine gets five tries.
func (t *Tab) AtMost(what, statements string, limit time.Duration) {
	t.tb.Helper()
	best := time.Hour
	for try := 0; try < 5 && best > limit; try++ {
		best = min(best, time.Duration(t.Median(statements, 9)*float64(time.Millisecond)))
	}
	t.tb.Logf("%s: %v, median", what, best.Round(time.Millisecond))
	if best > limit {
		t.tb.Errorf("%s takes %v, median, at most %v", what, best.Round(time.Millisecond), limit)
	}
}
