package html

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// A cell has a chart for each question, over the levels, with its limits.
func TestFixedPage(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	sc := w.rec.Run.Scenario
	sc.SLO.OutputRate = []scenario.Line{{Stat: "p10", Limit: 20}}
	sc.Thresholds = []scenario.Threshold{{Expect: "ttft.p50 < 150ms", Where: "working_set <= 200k"}, {Expect: "ttft.max < 9s", Where: "working_set > 1M"}, {Expect: "edge1 > 100k"}}
	sc.Stop = []scenario.Stop{{When: "error_rate > 5%"}, {When: "ttft.p95 > 2 * prev.ttft.p95"}}
	w.measure(1)
	for i, r := range w.rec.Units[0].Requests {
		if i%20 == 0 {
			r.Class, r.Status, r.Err = sample.Status, 503, "overloaded"
		}
	}
	p := w.run().fixedPages()[0].filled()
	wellMade(t, p)
	want := []string{"ttft", "input", "output", "tpot", "itl", "rate", "goodput", "hits", "concurrency", "share", "errors"}
	if got := chartIDs(p); !slices.Equal(got, want) {
		t.Errorf("charts %v, want %v", got, want)
	}
	for id, refs := range map[string][]Ref{
		"ttft": {{Y: 0.6, Name: "slo p95"}, {Y: 0.15, Name: "threshold p50"}}, "rate": {{Y: 20, Name: "slo p10"}}, "errors": {{Y: 5, Name: "stop"}}, "tpot": nil,
	} {
		if got := chartOf(t, p, id).Bind.Refs; !slices.Equal(got, refs) {
			t.Errorf("limits of %s: %+v, want %+v", id, got, refs)
		}
	}
	for _, c := range p.View.Charts {
		if c.Bind.X != "concurrency" || !slices.Equal(c.Bind.Marks, []string{"best"}) {
			t.Errorf("%s is over %s with %v", c.ID, c.Bind.X, c.Bind.Marks)
		}
	}
	if !strings.Contains(p.Title, "100k working set, hit rate 100%") {
		t.Errorf("title %q, lead %q", p.Title, p.Lead)
	}
	if c := controlOf(p, "stats"); c == nil || len(c.Options) != 5 || !slices.Equal(c.Default, []string{"p50", "p95", "p99"}) {
		t.Errorf("statistics: %+v", c)
	}
}

// Levels that were skipped stay rows, with their reason; where one trial or all met a
// limit, the page says which.
func TestFixedPageSaysWhatStopped(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	w.ttft = func(scenario.Cell, int) (float64, bool) { return 0.7, true }
	w.rec.Run.Cells[0].Levels = []int{4, 8, 16}
	w.measure(1)
	u := w.rec.Units[0]
	for _, ph := range u.Phases[1:] {
		*ph = result.Phase{Unit: u.Unit, Phase: result.PhaseSkipped, Level: ph.Level, Reason: "ttft.p95 > 600ms at level 4"}
	}
	p := w.run().fixedPages()[0].filled()
	wellMade(t, p)
	if got, want := cells(&p.Tables[0], "validity"), []string{"ok", "skipped", "skipped"}; !slices.Equal(got, want) {
		t.Errorf("validity %v, want %v", got, want)
	}
	if got, want := cells(&p.Tables[0], "ttft.p50"), 2; got[1] != "" || got[2] != "" || got[0] == "" {
		t.Errorf("TTFT of %d skipped levels: %q", want, got)
	}
	for _, want := range []string{"2 of 3 points: not measured", "Level 4 crossed a limit: ttft.p95 > 600ms", "Levels 8, 16 skipped: ttft.p95 > 600ms at level 4"} {
		if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("the page does not say %q, but %q", want, p.Notes)
		}
	}
	if p.Lead != "One cell at every level of requests in flight. No level is known to pass the slo." {
		t.Errorf("lead %q", p.Lead)
	}
}

// An invalid point keeps its figures and says so.
func TestInvalidPoint(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{50}, 100_000).measure(1)
	for _, r := range w.rec.Units[0].Requests {
		r.CachedTokens = r.PromptTokens
	}
	p := w.run().fixedPages()[0].filled()
	if got := cells(&p.Tables[0], "validity"); !slices.Equal(got, []string{"invalid", "invalid"}) || cells(&p.Tables[0], "ttft.p95")[0] == "" {
		t.Errorf("validity %v", got)
	}
	if !strings.Contains(p.Notes[0], "2 of 2 points: invalid") {
		t.Errorf("notes %q", p.Notes)
	}
}

// Gaps are told apart by token only where the server tells them.
func TestChunksStandInForTokens(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1)
	for _, r := range w.rec.Units[0].Requests {
		r.Flags = 0
	}
	p := w.run().fixedPages()[0].filled()
	if ids := chartIDs(p); slices.Contains(ids, "itl") || !slices.Contains(ids, "icl") {
		t.Errorf("charts %v", ids)
	}
}

func TestBestLevel(t *testing.T) {
	cell := func(best ...int) (out []*result.Merged) {
		for _, level := range []int{1, 2, 4} {
			out = append(out, &result.Merged{Level: level, Best: slices.Contains(best, level)})
		}
		return out
	}
	for _, c := range []struct {
		best []int
		slo  bool
		want string
	}{
		{[]int{2}, true, "The level that passes the slo best is 2."}, {[]int{4}, false, "The level with the highest output throughput is 4."},
		{[]int{1, 4}, true, "Trials differ in the level that passes the slo best: 1, 4."}, {nil, true, "No level is known to pass the slo."}, {nil, false, "No level gives figures that may be believed."},
	} {
		if got := bestLevel(cell(c.best...), c.slo); got != c.want {
			t.Errorf("best %v: %q, want %q", c.best, got, c.want)
		}
	}
}
