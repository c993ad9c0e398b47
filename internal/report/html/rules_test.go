package html

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// What docs/pages.md says of how charts and figures are to be read, held against the pages.

// Statistics have their dash on every chart of every page: p50 solid, p95 dashed, p99 and max
// dotted.
func TestDashSaysTheStatistic(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{0, 100}, 100_000, 400_000).measure(1).run()
	seen := map[string]int{}
	for _, p := range append(r.workingSets(), r.fixedPages()...) {
		for _, c := range p.filled().View.Charts {
			var templates []struct{ LineStyle struct{ Type string } }
			text, err := json.Marshal(c.Option["series"])
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &templates); err != nil {
				t.Fatalf("%s of %s: %v", c.ID, p.Name, err)
			}
			for i, y := range c.Bind.Y {
				want := map[string]string{"p50": "solid", "p95": "dashed", "p99": "dotted", "max": "dotted"}[y.Stat]
				if want == "" {
					continue
				}
				seen[y.Stat]++
				if got := templates[i].LineStyle.Type; got != want {
					t.Errorf("%s of %s: %s is %s, want %s", c.ID, p.Name, y.Stat, got, want)
				}
			}
		}
	}
	for _, stat := range []string{"p50", "p95", "p99", "max"} {
		if seen[stat] == 0 {
			t.Errorf("no chart has %s", stat)
		}
	}
}

// A capacity that nobody measured is dashed; the best level was measured, and is solid.
func TestCapacitiesAreDashed(t *testing.T) {
	capacities := grid("capacities", "tier text|source text|assumption text|working_set tokens|tokens tokens|concurrency|hit_rate %", "disk|stated|exclusive|150000|9000000|10|100", "disk|stated|inclusive|200000|9000000|10|100")
	dashes := func(chart Chart) (out []string) {
		d := try(t, chart, choose(levels("10"), rates("100")), grid("points", pointsHead, ttftPoints...), capacities)
		for _, s := range d.Option.Series {
			for _, m := range s.MarkLine.Data {
				if m.XAxis != nil {
					out = append(out, fmt.Sprintf("%.6g %s", *m.XAxis, cmp.Or(m.LineStyle.Type, s.MarkLine.LineStyle.Type)))
				}
			}
		}
		slices.Sort(out)
		return out
	}
	equal(t, "both positions", dashes(ttftChart("capacities")), []string{"150000 dashed", "200000 dashed"})
	best := Chart{Bind: Bind{Table: "points", X: "working_set", Unit: []string{"s"}, Where: []string{"level", "rates"}, Marks: []string{"best"}, Y: []Y{{Key: "ttft.p50", Name: "p50"}}}}
	for _, got := range dashes(best) {
		if !strings.HasSuffix(got, "solid") {
			t.Errorf("best passing: %s", got)
		}
	}
}

// A figure of what is invalid is no key figure, and the best level is the best's alone.
func TestInvalidIsNoFigure(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1).run()
	lowest, highest := r.extremes("ttft.p95")
	lowest.Validity, highest.Validity = result.ValidInvalid, result.ValidInvalid
	low, high := r.extremes("ttft.p95")
	if low == nil || high == nil || low == lowest || high == highest || low.Row.Get("ttft.p95").V <= lowest.Row.Get("ttft.p95").V {
		t.Errorf("the extremes are those of invalid points: %v, %v", low == lowest, high == highest)
	}
	for _, m := range r.Sum.Merged {
		row := r.pointRows([]*result.Merged{m})[0]
		if got := row.values.Get("best").Known(); got != m.Best {
			t.Errorf("%s at %d: best %v, want %v", m.Spec.Key, m.Level, got, m.Best)
		}
	}
	if n := len(slices.DeleteFunc(slices.Clone(r.Sum.Merged), func(m *result.Merged) bool { return !m.Best })); n == 0 || n == len(r.Sum.Merged) {
		t.Errorf("%d of %d points are the best of their cells", n, len(r.Sum.Merged))
	}
}

// A level that misses the slo is not the best passing one, however many requests keep it: of
// eight in flight six sevenths do, which is more a second than all of four.
func TestBestPassingHoldsTheSLO(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	w.rec.Run.Scenario.SLO.TTFT = []scenario.Line{{Stat: "p95", Limit: 0.111}}
	r := w.measure(1).run()
	four, eight := r.Sum.Merged[0], r.Sum.Merged[1]
	if a, b := four.Row.Get("goodput"), eight.Row.Get("goodput"); four.Level != 4 || eight.Level != 8 || a.V >= b.V {
		t.Fatalf("goodput %v at %d, %v at %d", a, four.Level, b, eight.Level)
	}
	if !four.Best || eight.Best {
		t.Errorf("best passing: %v at 4, %v at 8", four.Best, eight.Best)
	}
	if p := r.fixedPages()[0]; !strings.HasSuffix(p.Lead, "The level that passes the slo best is 4.") {
		t.Errorf("the page says %q", p.Lead)
	}
}

// However many hit rates there are, a page opens with at most eight lines on a chart, among
// them the lowest and the highest rate.
func TestPageOpensWithEightLines(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{0, 10, 25, 50, 75, 90, 100}, 100_000, 400_000).measure(1).run()
	p, tallest := r.workingSets()[0].filled(), 0
	if c := controlOf(p, "rates"); len(c.Options) != 6 || len(c.Default) != 4 || c.Default[0] != "10" || c.Default[3] != "100" {
		t.Errorf("the page opens with hit rates %v of %d", c.Default, len(c.Options))
	}
	for _, c := range p.View.Charts {
		if c.Bind.Kind != Lines {
			continue
		}
		d := try(t, c, scene{View: p.View}, p.Tables...)
		n := len(slices.DeleteFunc(d.of("line", ""), func(s serie) bool { return s.Silent }))
		if tallest = max(tallest, n); n > 8 || d.Option.Left != "" {
			t.Errorf("%s opens with %d lines: %s", c.ID, n, d.Option.Left)
		}
	}
	if tallest != 8 {
		t.Errorf("no chart has more than %d lines", tallest)
	}
}

// What was meant to be found is not what was: a server that finds nothing has 0 % against what
// was sent to be found.
func TestIntendedIsNotObserved(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	w.ttft = func(scenario.Cell, int) (float64, bool) { return 0.1, false }
	r := w.measure(1).run()
	for _, row := range r.pointRows(r.Sum.Merged) {
		want := 100 * float64(row.spec.Prefix) / float64(row.spec.R)
		if got, seen := row.values.Get("hit_rate_intended"), row.values.Get("hit_rate_observed"); math.Abs(got.V-want) > 0.01 || seen != metric.Of(0) {
			t.Errorf("intended %v, want %g; observed %v, want 0", got, want, seen)
		}
	}
}

// Half of the users see at least the rate that half of the requests' time for a token comes to.
func TestOutputRateIsOneOverTPOT(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1).run()
	for _, row := range r.pointRows(r.Sum.Merged) {
		if rate, tpot := row.values.Get("output_rate.p50"), row.values.Get("tpot.p50"); !rate.Known() || math.Abs(rate.V*tpot.V-1) > 1e-9 {
			t.Errorf("rate %v at TPOT %v", rate, tpot)
		}
	}
}

// A doubt that many points share is said once, with how many they are.
func TestDoubtsSayHowManyPoints(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1).run()
	for _, p := range r.Sum.Points {
		p.Validity, p.Reasons = result.ValidDoubt, []result.Reason{{Code: "too-few-samples", Class: result.ValidDoubt, Text: "few"}}
	}
	if got, want := r.verdicts().Doubts, (remark{"doubt", "doubtful", "too-few-samples", "few (4 points)"}); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What computing again costs at least is said so.
func TestRecomputeMayBeABound(t *testing.T) {
	d := try(t, ttftChart("recompute"), choose(levels("10"), rates("100")), grid("points", pointsHead, "|0|10|≥0.3|0.4|ok||", "100000|100|10|0.1|0.2|ok||1"))
	equal(t, "lines", d.across(), []string{"recompute p50 ≥300ms @0.3", "recompute p95 400ms @0.4"})
}

// Where nothing was measured a page says nothing: no cell of a point that was skipped holds a
// number of it, and least of all 0.
func TestNothingIsNotZero(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{0, 100}, 100_000, 400_000).run()
	axes := []string{"working_set", "hit_rate", "context", "concurrency", "trial", "reuse_distance", "validity", "reasons", "working_set_real"}
	rows := 0
	for _, p := range r.pages() {
		p = p.filled()
		for i := range p.Tables {
			for _, c := range p.Tables[i].Columns {
				for row, text := range cells(&p.Tables[i], c.Key) {
					if rows++; text != "" && !slices.Contains(axes, c.Key) {
						t.Errorf("%s: row %d of %s has %s %q", p.Name, row, p.Tables[i].ID, c.Key, text)
					}
				}
			}
		}
	}
	if rows == 0 {
		t.Error("there are no cells")
	}
}

// The verdict on all points has the badge of the worst that was measured.
func TestValidityOf(t *testing.T) {
	for _, c := range []struct {
		of   string
		want remark
	}{
		{"", remark{Class: "bad", Word: "none", Text: "there is no point"}},
		{"ok ok", remark{Class: "ok", Word: "all ok", Text: "2 ok, of 2 points"}},
		{"ok skipped", remark{Class: "ok", Word: "ok where measured", Text: "1 ok, 1 skipped, of 2 points"}},
		{"skipped", remark{Class: "bad", Word: "none", Text: "1 skipped, of 1 point"}},
		{"ok doubtful", remark{Class: "doubt", Word: "not all ok", Text: "1 ok, 1 doubtful, of 2 points"}},
		{"invalid doubtful ok", remark{Class: "bad", Word: "not all ok", Text: "1 ok, 1 doubtful, 1 invalid, of 3 points"}},
		{"ok failed skipped", remark{Class: "bad", Word: "not all ok", Text: "1 ok, 1 skipped, 1 failed, of 3 points"}},
	} {
		var points []*result.Point
		for _, v := range strings.Fields(c.of) {
			points = append(points, &result.Point{Validity: result.Validity(v)})
		}
		if got := validityOf(points); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.of, got, c.want)
		}
	}
}

// A limit that was met is said once, with the first places and how many more there are.
func TestStopsOf(t *testing.T) {
	var points []*result.Point
	for level := range 5 {
		p := &result.Point{Level: level + 1, Stop: "ttft.p95 > 2s"}
		p.Cell = "cell"
		points = append(points, p, &result.Point{Level: 9})
	}
	got := stopsOf(points)
	if want := []remark{{Code: "ttft.p95 > 2s", Text: "cell conc 1, cell conc 2, cell conc 3, and 2 more"}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What says whether to believe the figures stands before them, and what was asked after them.
func TestOrderOfTheIndex(t *testing.T) {
	page, at := indexOf(t, judged(someRun("fixed"))), -1
	for _, next := range []string{">Verdicts</h2>", "ttft.p95 &lt; 100ms", " of 12 points", ">Transitions</h2>", ">Key figures</h2>", `data-table="points"`, ">Pages</h2>", ">What was asked</h2>", ">Files</h2>", ">The scenario as given</h2>"} {
		i := strings.Index(page, next)
		if i <= at {
			t.Errorf("%q stands at %d, what should come before it at %d", next, i, at)
		}
		at = i
	}
}

// A record of 100 sustained cells of 1,000 periods gives its index and each page in under two
// seconds. What costs time is the number of cells for the pages about all of them, and that of
// periods for a cell's own; BenchmarkLargeSustainedRun has both.
func TestLargeRunIsQuick(t *testing.T) {
	for _, c := range []struct {
		of    soakRun
		pages []string
	}{
		{soakRun{cells: 1, periods: 996, slow: 4}, []string{soakPage}},
		{soakRun{cells: 100, periods: 36, slow: 4}, []string{IndexName, "performance_vs_working_set_2000", "output_throughput_comparison", "output_metrics_comparison"}},
	} {
		r := c.of.run()
		for _, name := range c.pages {
			begin := time.Now()
			files := Files(r)
			i := slices.IndexFunc(files, func(f File) bool { return f.Name == name+".html" })
			if i < 0 {
				t.Fatalf("there is no %s", name)
			}
			if err := files[i].Write(io.Discard); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("%s of %d cells took %v", name, c.of.cells, took)
			}
		}
	}
}

// What servers tell of a moment is the mean of the period, and what was least and most in it.
func TestGaugesAreMeanLeastAndMost(t *testing.T) {
	r := soakRun{periods: 36}.run()
	p, _ := soakOf(t, r)
	rows, checked := result.PeriodRows(r.Rec, r.Rec.Units[0]), 0
	for _, gauge := range []string{"server.requests_waiting", "server.kv_usage"} {
		for i, row := range rows {
			for end, want := range map[string]float64{"": row.Server[gauge].Mean, ".min": row.Server[gauge].Min, ".max": row.Server[gauge].Max} {
				got := cells(tableOf(p, "periods"), gauge+end)
				if len(got) != len(rows) || !shows(got[i], metric.Of(want)) {
					t.Errorf("period %d: %s%s is not %v: %q", i+1, gauge, end, want, got)
				}
			}
			if s := row.Server[gauge]; s.Min < s.Mean && s.Mean < s.Max {
				checked++
			}
		}
	}
	if checked < 10 {
		t.Errorf("only in %d periods do they differ", checked)
	}
}

// What failed looks like it, and a run that is done but failed does not look well.
func TestVerdictsLookAsTheyAre(t *testing.T) {
	r := judged(someRun("fixed"))
	page := indexOf(t, r)
	for _, want := range []string{`<span class="bad">fail</span> <code>ttft.p95 &lt; 100ms`, `<span class="ok">pass</span> <code>edge1 &gt; 100k`, `<span class="doubt">no verdict</span> <code>goodput &gt; 1`} {
		if !strings.Contains(page, want) {
			t.Errorf("the index does not have %s", want)
		}
	}
	if s := r.state(); s.Class != "ok" {
		t.Errorf("the run is done: %+v", s)
	}
	r.Sum.Notes = append(r.Sum.Notes, result.RunNote{Code: "stopped", Text: "a stop condition with fail", Fail: true})
	if s := r.state(); s.Class != "bad" {
		t.Errorf("a run that failed is %+v", s)
	}
}

// A limit is dashed, since nobody measured it; a level that was measured is solid, as what
// computing again costs on the page of a map, which its table has and nothing else.
func TestLimitsAreDashedAndLevelsSolid(t *testing.T) {
	c := ttftChart("recomputed")
	c.Bind.Refs = []Ref{{Y: 1.5, Name: "slo"}}
	d := try(t, c, choose(levels("10"), rates("100")), grid("points", pointsHead, ttftPoints...), grid("tiers", "tier text|trial|ttft.p50 s", "hbm|0|0.1", "recompute|0|1.2", "recompute|1|1.3"))
	var got []string
	for _, s := range d.Option.Series {
		for _, m := range s.MarkLine.Data {
			got = append(got, m.Name+" "+s.MarkLine.LineStyle.Type)
		}
	}
	slices.Sort(got)
	equal(t, "lines", got, []string{"recompute p50 1.20s solid", "slo 1.50s dashed"})
}
