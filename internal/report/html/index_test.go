package html

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// filesOf writes every file of a run but the script, whose bytes are always the same.
func filesOf(t *testing.T, r *Run) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range Files(r) {
		var b bytes.Buffer
		if f.Name != ScriptFile {
			if err := f.Write(&b); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
		out[f.Name] = b.String()
	}
	return out
}

// indexOf writes the index alone.
func indexOf(t *testing.T, r *Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Files(r)[0].Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// kinds are the runs of every kind that there is, by name.
var kinds = []string{"fixed", "sustained", "interrupted", "died", "empty", "unprobed", "failed"}

// someRun makes a run of a kind: the same one each time.
func someRun(kind string) *Run {
	w := newWorld([]int64{4000, 8000}, []float64{0, 100}, 100_000, 400_000)
	rec := w.rec
	switch kind {
	case "fixed":
		return judged(w.measure(1).run())
	case "sustained":
		return newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000).grow(func(step int) (int, [2]int) { return 12 - 4*step, [2]int{12 - 4*step, 14 - 4*step} }).run()
	case "interrupted":
		rec.Units = w.measure(1).rec.Units[:3]
		rec.Notes = []*result.Note{{Code: "interrupted", Text: "ended by a signal; what was measured is kept"}}
	case "died":
		rec.Units = w.measure(1).rec.Units[:2]
		rec.Units[1].State, rec.Torn, rec.Loss = result.CellBegin, true, "the record was cut off: 12 bytes were dropped"
	case "unprobed":
		rec.Probe = nil
	case "failed":
		rec.Notes = []*result.Note{{Code: "failed", Text: "the server at http://localhost:8000 is gone", Fail: true}}
	}
	return w.run()
}

// judged gives a run what stands beside its record: thresholds, files, the scenario.
func judged(r *Run) *Run {
	r.Source, r.Merged = []byte("name: points # as <given>\n"), []byte("name: points\nchunk: 128 # <set>\n")
	r.Files = []DataFile{{Name: "summary_20261124_070000.csv", Bytes: 2048, About: "one row per point and trial"}, {Name: "record.wsr", About: "the record"}}
	r.Found = []verdict.Finding{
		{Expect: "ttft.p95 < 100ms", Where: "hit_rate == 100", Outcome: verdict.Fail, Judged: 3, Against: []verdict.Point{
			{Name: "ctx4000_ws400000_cache100 conc 8", Outcome: verdict.Fail, Values: []verdict.Value{{Name: "ttft.p95", Unit: metric.Seconds, Value: metric.Of(0.2)}}}}},
		{Expect: "edge1 > 100k", Outcome: verdict.Pass, Judged: 2},
		{Expect: "goodput > 1", Outcome: verdict.NoVerdict, Reason: "no measured point meets it"},
	}
	return r
}

// textOf is what a person reads: the page without its markup and data.
func textOf(page string) string {
	page = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>`).ReplaceAllString(page, " ")
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

// The index says how a run ended, what came of its thresholds, what was found, and why
// there may be nothing.
func TestIndexSays(t *testing.T) {
	want := map[string][]string{
		"fixed": {"done The plan was run to its end.", "fail ttft.p95 < 100ms where hit_rate == 100 3 judged: ctx4000_ws400000_cache100 conc 8 ttft.p95 200ms", "pass edge1 > 100k 2 judged",
			"no verdict goodput > 1 0 judged: no measured point meets it", "context 4k, conc 4: tier 1 → tier 2 between 103k and 403k tokens, TTFT x4.00", "Lowest TTFT p95", "Best goodput", "Fixed levels at context 4k, 8k, hit rate 0%, 100%, 2 working sets from 100k to 400k tokens.",
			"Against vllm, model tiny, on 2026-11-24 07:00:00 UTC", "TTFT p95 at most 600ms", "The scenario as given name: points # as <given> In one file, with what it extends and what --set says name: points chunk: 128 # <set>", "summary_20261124_070000.csv one row per point and trial, 2.0 KiB",
			"Context 4k, hit rate 0% without reuse Context 4k, hit rate 100% 100k 400k", "Performance against working set at 8k context"},
		"sustained":   {"Concurrency held 12-14 → 4-6 from working set 100k to working set 400k", "searched from 2 to 0", "sustained: the working set grows", "Context 4k, hit rate 100% grown to 400k"},
		"interrupted": {"interrupted The run was interrupted: what was measured until then is here.", "skipped, of 12 points"},
		"died":        {"unfinished The record ends before the plan does", "wsrun run --resume", "12 bytes were dropped"},
		"empty":       {"empty The record ends before the first cell: nothing was measured.", "The scenario The file as given is not beside the record any more.", `"name": "points"`},
		"unprobed":    {"empty The record ends before the server was probed", "The server was not probed"},
		"failed":      {"failed The run failed: the server at http://localhost:8000 is gone"},
	}
	for _, name := range kinds {
		page := indexOf(t, someRun(name))
		checkPage(t, []byte(page))
		text := textOf(page)
		for _, w := range want[name] {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the index does not say %q:\n%s", name, w, text)
			}
		}
		if len(want[name]) == 0 {
			t.Errorf("%s: nothing is expected", name)
		}
	}
}

var hrefs = regexp.MustCompile(`href="([^"]*)"`)

// Every link of every page leads to a file that is there, or to a place in the page.
func TestLinksResolve(t *testing.T) {
	for _, name := range kinds {
		r := someRun(name)
		files := filesOf(t, r)
		there := map[string]bool{}
		for f := range files {
			there[f] = true
		}
		for _, f := range r.Files {
			there[f.Name] = true
		}
		reached := map[string]bool{}
		for file, page := range files {
			resolves(t, name+": "+file, page, there, reached)
		}
		for f := range files {
			if f != ScriptFile && f != IndexName+".html" && !reached[f] {
				t.Errorf("%s: nothing leads to %s", name, f)
			}
		}
		if name != "fixed" && name != "sustained" { // compressing the script is what costs time here
			continue
		}
		var b bytes.Buffer
		if err := Single(r, &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resolves(t, name+": in one file", b.String(), nil, map[string]bool{})
	}
}

var packedPages = regexp.MustCompile(`data-pages="([^"]*)"`)

// resolves holds each link of a page against what is there; a place may be a page that is
// packed into the file.
func resolves(t *testing.T, name, page string, there, reached map[string]bool) {
	t.Helper()
	packed := map[string]bool{}
	for _, m := range packedPages.FindAllStringSubmatch(page, -1) {
		for _, name := range strings.Fields(html.UnescapeString(m[1])) {
			packed[name] = true
		}
	}
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		link := html.UnescapeString(m[1])
		if at, ok := strings.CutPrefix(link, "#"); ok {
			if !packed[at] && !strings.Contains(page, `id="`+html.EscapeString(at)+`"`) {
				t.Errorf("%s: there is no place %s", name, link)
			}
			continue
		}
		file, err := url.PathUnescape(strings.TrimPrefix(link, "./"))
		if err != nil || !there[file] {
			t.Errorf("%s: %s leads nowhere (%v)", name, link, err)
		}
		reached[file] = true
	}
}

// The same record gives the same bytes.
func TestSameBytes(t *testing.T) {
	for _, name := range []string{"fixed", "sustained", "died"} {
		a, b := filesOf(t, someRun(name)), filesOf(t, someRun(name))
		for file := range a {
			if a[file] != b[file] {
				t.Errorf("%s: %s has other bytes", name, file)
			}
		}
	}
}

func TestOrderOfPages(t *testing.T) {
	r := someRun("fixed")
	var names []string
	pages := r.pages()
	for _, p := range pages {
		names = append(names, p.Name)
		if p.View.Provenance != r.line() && p.filled().View.Provenance != r.line() {
			t.Errorf("%s does not say where its pictures come from", p.Name)
		}
	}
	want := []string{"index", "performance_vs_working_set_4000", "performance_vs_working_set_8000", "output_throughput_comparison", "output_metrics_comparison", "fixed_ctx4000_ws0_cache0", "fixed_ctx4000_ws100000_cache100"}
	if len(names) != 11 || !slices.Equal(names[:len(want)], want) {
		t.Errorf("pages %v", names)
	}
	var nav []string
	for _, l := range r.navigation(pages, 6) {
		nav = append(nav, l.Text)
	}
	if got := strings.Join(nav, " | "); got != "Overview | Context 4k | Context 8k | Throughput compared | Metrics compared | 4k, 100k, 100%" {
		t.Errorf("navigation %s", got)
	}
	around := pages[6].Around
	if len(around) != 3 || around[1].Rel != "prev" || around[1].Href != "fixed_ctx4000_ws0_cache0.html" || around[2].Rel != "next" || around[2].Text != "4k, 400k, 100%" {
		t.Errorf("around %+v", around)
	}
	if len(pages[5].Around) != 2 || len(pages[len(pages)-1].Around) != 2 {
		t.Error("the first and the last cell have one neighbour")
	}
}

func TestCellNames(t *testing.T) {
	for name, want := range map[string]cellName{
		"fixed_ctx4000_ws100000_cache99_5":    {4000, 100_000, "99.5"},
		"sustained_ctx30000_ws5000000_cache0": {30_000, 5_000_000, "0"},
	} {
		if got, ok := cellOf(name); !ok || got != want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"index", "fixed_", "fixed_ctx_ws1_cache1", "fixed_ctx1", "performance_vs_working_set_4000"} {
		if got, ok := cellOf(name); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := (&Page{Name: performancePrefix + "x", Title: "T"}).brief(); got != "T" {
		t.Errorf("brief %s", got)
	}
}

// What a header, a body, a key or a URL carries in secret is on no page.
func TestNoSecrets(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1)
	to := &w.rec.Run.Scenario.Target
	to.Endpoints = []string{"https://user:hunter2@gpu.example:8443/base?token=hunter3#hunter4", "nonsense hunter5"}
	to.Headers = map[string]string{"X-Team": "hunter6"}
	to.Body = map[string]any{"key": "hunter7"}
	to.Metrics = []string{"http://m:hunter8@gpu.example/metrics"}
	w.rec.Run.Scenario.Warmup.Reset = scenario.Reset{Posts: []string{"http://x:hunter9@gpu.example/reset"}, Command: []string{"reset", "hunter10"}}
	for name, page := range filesOf(t, w.run()) {
		if i := strings.Index(page, "hunter"); i >= 0 {
			t.Errorf("%s tells %q", name, page[max(0, i-80):i+20])
		}
		if name == "index.html" && !strings.Contains(page, "https://gpu.example:8443/base, (not a URL)") {
			t.Error("the endpoints are not named")
		}
	}
}

func TestProvenance(t *testing.T) {
	r := someRun("fixed")
	run, p := r.Rec.Run, r.Rec.Probe
	run.Digest = "0123456789abcdef"
	run.Host = result.Host{Name: "bench-1", OS: "linux", Arch: "amd64", CPUs: 64, CPULimit: 8, Governor: "performance"}
	run.Scenario.Labels = map[string]string{"lmcache": "on", "gpu": "H100"}
	run.Scenario.Target.GPUs = 8
	p.Version, p.API, p.TokenIDs, p.Block, p.BlockFrom, p.MaxModelLen = "0.32", "completions", true, 16, "told", 131_072
	p.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 200_000, Source: "cache_config_info"}}
	p.KVBytesPerToken = 65_536
	got := map[string]string{}
	for _, f := range r.provenance() {
		got[f.Key] = f.Value
	}
	for key, want := range map[string]string{
		"Scenario": "points", "Digest": "01234567", "Run": "20261124_070000-k3f9", "Started": "2026-11-24 07:00:00 UTC", "Ended": "2026-11-24 07:12:01 UTC", "wsrun": "v0.1.0",
		"Server": "vllm 0.32", "Model": "tiny", "Endpoints": "http://localhost:8000", "GPUs": "8", "API": "completions, token ids", "Block": "16 tokens (told)", "Longest request": "131k tokens",
		"Capacities told": "hbm 200k tokens (cache_config_info)", "KV per token": "65536 bytes", "Load from": "bench-1 linux/amd64, 64 cores, limited to 8, governor performance",
		"Seed": "0", "Labels": "gpu=H100, lmcache=on",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	if got, want := r.line(), "wsrun v0.1.0 · points · 20261124_070000-k3f9 · 01234567 · vllm 0.32 · tiny"; got != want {
		t.Errorf("line %s", got)
	}
}

// The index of 200 points with every column stays under 150 KB, and each row leads to
// its cell.
func TestSizeOfTheIndex(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	sum := &result.Summary{Run: w.rec.Run, Probe: w.rec.Probe}
	for n := range 200 {
		c := scenario.CellOf(w.rec.Run.Scenario, 4000, int64(100_000+10_000*(n/2)), 100)
		sum.Merged = append(sum.Merged, fullPoint(c, 4+4*(n%2), n))
	}
	r := &Run{Rec: w.rec, Sum: sum}
	page := indexOf(t, r)
	if len(page) > 150_000 {
		t.Errorf("%d bytes", len(page))
	}
	if n := strings.Count(page, `<td><a href="fixed_ctx4000_ws`); n != 200 {
		t.Errorf("%d rows lead to their cell", n)
	}
}

func TestAsked(t *testing.T) {
	sc := &scenario.Scenario{
		Mode: "sustained", Contexts: []int64{4000}, HitRates: []float64{99.5}, OutputTokens: 16, WorkingSet: scenario.WorkingSet{Sizes: []int64{100_000, 1_000_000}, Refine: 2},
		Search: scenario.Search{Start: 2, Step: 2, Max: 64}, Growth: scenario.Growth{By: "time", Prompts: "cold", Hold: 3, AtEnd: "hold"}, Duration: scenario.Span{Min: scenario.Duration(60 * second), Max: scenario.Duration(60 * second)},
		Assessment: scenario.Duration(5 * second), Warmup: scenario.Warmup{Concurrency: 16, Rewarm: "once", Reset: scenario.Reset{Auto: true}, Verify: true}, Trials: 3, Order: "shuffled",
		SLO:        scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 2}}, OutputRate: []scenario.Line{{Stat: "p10", Limit: 20}}, Margin: 10},
		Stop:       []scenario.Stop{{When: "error_rate > 5", Periods: 3, Ends: "run", Fail: true, Reason: "broken"}},
		Thresholds: []scenario.Threshold{{Expect: "goodput > 1", Where: "context == 4k"}},
		Target:     scenario.Target{Tiers: []scenario.Tier{{Name: "dram", Capacity: 4_000_000, Bandwidth: 50e9}}},
	}
	got := map[string]string{}
	for _, f := range asked(sc) {
		got[f.Key] = f.Value
	}
	for key, want := range map[string]string{
		"Working sets": "100k, 1M tokens; the bracket of each transition halved 2 times", "Hit rates": "99.5%", "Concurrency": "searched from 2 to 64 in steps of 2", "Duration": "1m a cell, assessed every 5s",
		"Growth": "by time, new prompts cold, each size held for 3 periods, the last one until the duration is over", "Warm-up": "once, the cache is emptied before it, concurrency 16", "Trials": "3, order shuffled",
		"SLO":  "TTFT p95 at most 2.00s, output rate p10 at least 20 tokens/s, 10% kept clear of each limit",
		"Stop": "error_rate > 5 for 3 periods ends the run and fails the run: broken", "Threshold": "goodput > 1 where context == 4k", "Stated tier": "dram, 4M tokens, 50.0 GB/s",
	} {
		if got[key] != want {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
}

// What is said of a run, by whoever, is text on its index.
func TestHostileVerdicts(t *testing.T) {
	evil := strings.Join(hostile, " ")
	r := someRun("fixed")
	sc := r.Rec.Run.Scenario
	sc.Order, sc.Access = evil, evil
	sc.Stop = []scenario.Stop{{When: evil, Ends: evil, Reason: evil}}
	sc.Thresholds = []scenario.Threshold{{Expect: evil, Where: evil}}
	r.Sum.Notes = append(r.Sum.Notes, result.RunNote{Code: evil, Text: evil, Fail: true})
	for _, p := range r.Sum.Points {
		p.Stop, p.Cell = evil, evil
	}
	for _, s := range r.Sum.Series {
		for i := range s.Transitions {
			s.Transitions[i].From, s.Transitions[i].To, s.Transitions[i].Notes = evil, evil, []string{evil}
		}
	}
	r.Found[0].Expect, r.Found[0].Where, r.Found[0].Against[0].Name, r.Found[0].Reason = evil, evil, evil, evil
	page := indexOf(t, r)
	checkPage(t, []byte(page))
	if n := strings.Count(textOf(page), `"><img src=x onerror=alert(1)>`); n < 15 {
		t.Errorf("the index shows %d of the texts", n)
	}
}
