package html

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// The page opens with the highest level that is ok at every size, else with the lowest.
func TestDefaultLevel(t *testing.T) {
	type at struct {
		size  int64
		rate  float64
		level int
		is    result.Validity
	}
	const ok, doubt, invalid, skipped = result.ValidOK, result.ValidDoubt, result.ValidInvalid, result.ValidSkipped
	for name, c := range map[string]struct {
		points []at
		want   int
	}{
		"none":                        {nil, 0},
		"all ok":                      {[]at{{1, 100, 4, ok}, {1, 100, 8, ok}, {2, 100, 4, ok}, {2, 100, 8, ok}}, 8},
		"skipped at the larger size":  {[]at{{1, 100, 4, ok}, {1, 100, 8, ok}, {2, 100, 4, ok}, {2, 100, 8, skipped}}, 4},
		"not run at the larger size":  {[]at{{1, 100, 4, ok}, {1, 100, 8, ok}, {2, 100, 4, ok}}, 4},
		"doubtful everywhere":         {[]at{{1, 100, 8, doubt}, {1, 100, 4, doubt}, {2, 100, 4, doubt}, {2, 100, 8, doubt}}, 4},
		"a gap below":                 {[]at{{1, 100, 4, doubt}, {1, 100, 8, ok}, {2, 100, 4, ok}, {2, 100, 8, ok}}, 8},
		"invalid at one hit rate":     {[]at{{1, 50, 4, ok}, {1, 100, 4, ok}, {1, 50, 8, invalid}, {1, 100, 8, ok}}, 4},
		"hit rate 0 does not count":   {[]at{{0, 0, 2, ok}, {0, 0, 16, ok}, {1, 100, 4, doubt}, {1, 100, 8, doubt}}, 4},
		"a size that held no level":   {[]at{{1, 100, 0, skipped}, {2, 100, 3, ok}}, 3},
		"only recompute, no size":     {[]at{{0, 0, 2, ok}}, 0},
		"ok at every size but lowest": {[]at{{1, 100, 2, doubt}, {2, 100, 2, doubt}, {1, 100, 4, ok}, {2, 100, 4, ok}, {1, 100, 8, ok}, {2, 100, 8, doubt}}, 4},
	} {
		var merged []*result.Merged
		for _, p := range c.points {
			merged = append(merged, &result.Merged{Spec: scenario.Cell{Key: scenario.CellKey(4000, p.size, p.rate), HitRate: p.rate, WorkingSet: p.size}, Level: p.level, Validity: p.is})
		}
		if got := defaultLevel(merged); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestEvenly(t *testing.T) {
	for _, c := range []struct {
		n    int
		xs   []float64
		want []float64
	}{
		{8, []float64{1, 2}, []float64{1, 2}}, {3, []float64{1, 2, 3, 4, 5}, []float64{1, 3, 5}}, {4, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, []float64{1, 3, 6, 9}}, {4, nil, nil},
	} {
		if got := evenly(c.xs, c.n); !slices.Equal(got, c.want) {
			t.Errorf("evenly(%v, %d) = %v, want %v", c.xs, c.n, got, c.want)
		}
	}
}

// The page of a context has a chart for each question, and only rows of its context.
func TestWorkingSetPage(t *testing.T) {
	p := pageNamed(t, newWorld([]int64{2000, 4000}, []float64{0, 50, 100}, 100_000, 400_000).measure(1).run().workingSets(), "performance_vs_working_set_4000").filled()
	want := []string{"ttft", "ttft_heat", "input", "prefill", "output", "tpot", "goodput", "hits", "reused", "share", "latency_throughput", "user_throughput"}
	if got := chartIDs(p); !slices.Equal(got, want) {
		t.Errorf("charts %v, want %v", got, want)
	}
	for _, context := range cells(&p.Tables[0], "context") {
		if context != "4000" {
			t.Errorf("a row of context %s", context)
		}
	}
	ttft := chartOf(t, p, "ttft")
	if ttft.Bind.X != "" || ttft.Bind.By != "hit_rate" || !slices.Equal(ttft.Bind.Where, []string{"level", "rates", "trial"}) || !slices.Equal(ttft.Bind.Marks, []string{"transitions", "capacities", "recompute"}) {
		t.Errorf("TTFT is drawn from %+v", ttft.Bind)
	}
	if len(ttft.Bind.Refs) != 1 || ttft.Bind.Refs[0] != (Ref{Y: 0.6, Name: "slo p95"}) {
		t.Errorf("limits of TTFT: %+v", ttft.Bind.Refs)
	}
	if c := controlOf(p, "level"); c == nil || !slices.Equal(c.Default, []string{"8"}) || c.Options[len(c.Options)-1] != (Option{Value: "best", Label: "best passing", Match: "best"}) {
		t.Errorf("level: %+v", c)
	}
	if c := controlOf(p, "rates"); c == nil || !slices.Equal(c.Default, []string{"50", "100"}) {
		t.Errorf("rates: %+v: hit rate 0 is the reference, not a line", c)
	}
	if c := controlOf(p, "rate"); c == nil || !slices.Equal(c.Default, []string{"100"}) {
		t.Errorf("rate: %+v", c)
	}
	curve := chartOf(t, p, "latency_throughput").Bind
	if curve.X != "output_throughput" || curve.Join != "concurrency" || curve.By != "working_set" || curve.Y[0].Key != "ttft.p95" || len(curve.Refs) != 1 {
		t.Errorf("the latency-throughput curve is drawn from %+v", curve)
	}
}

// What was not measured is not drawn, and a sentence says why.
func TestWhatIsNotDrawn(t *testing.T) {
	told := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1)
	silent := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1)
	silent.rec.Run.Scenario.SLO = scenario.SLO{}
	for _, u := range silent.rec.Units {
		for _, r := range u.Requests {
			r.CachedTokens = -1
		}
	}
	for name, c := range map[string]struct {
		page *Page
		want map[string]bool // charts
		says []string
	}{
		"told":   {told.run().workingSets()[0].filled(), map[string]bool{"hits": true, "goodput": true, "share": true}, []string{"No GB/s"}},
		"silent": {silent.run().workingSets()[0].filled(), map[string]bool{"hits": false, "goodput": false, "share": false, "prefill": false, "ttft": true}, []string{"No hit rate", "No goodput", "No prompt tokens by source"}},
		"one level": {func() *Page {
			w := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000)
			for i := range w.rec.Run.Cells {
				w.rec.Run.Cells[i].Levels = []int{4}
			}
			return w.measure(1).run().workingSets()[0].filled()
		}(), map[string]bool{"latency_throughput": false, "ttft": true}, []string{"No latency-throughput curves"}},
		"recompute": {newWorld([]int64{4000}, []float64{0}).measure(1).run().workingSets()[0].filled(), map[string]bool{"ttft": false}, []string{"Only hit rate 0 was run"}},
	} {
		for id, drawn := range c.want {
			if got := slices.Contains(chartIDs(c.page), id); got != drawn {
				t.Errorf("%s: chart %s drawn: %v, want %v", name, id, got, drawn)
			}
		}
		for _, s := range c.says {
			if notes := string(c.page.Prose); !strings.Contains(notes, s) {
				t.Errorf("%s: the page does not say %q, but %q", name, s, notes)
			}
		}
	}
}

// The switch to speed-up is there where hit rate 0 was measured, and only there.
func TestSpeedUpNeedsRecompute(t *testing.T) {
	for _, c := range []struct {
		rates []float64
		run   bool
		want  bool
	}{{[]float64{0, 100}, true, true}, {[]float64{100}, true, false}, {[]float64{0}, true, false}, {[]float64{0, 100}, false, false}} {
		w := newWorld([]int64{4000}, c.rates, 100_000, 400_000)
		if c.run {
			w.measure(1)
		}
		p := w.run().workingSets()[0].filled()
		if got := controlOf(p, "speedup") != nil; got != c.want {
			t.Errorf("rates %v, measured %v: speed-up %v, want %v", c.rates, c.run, got, c.want)
		}
	}
}

// The x axis is in GiB as well where the bytes of a token are known, and throughput is
// per GPU where their number is.
func TestXOfSizes(t *testing.T) {
	for _, known := range []bool{false, true} {
		w := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1)
		want, x := []string{"tokens", "reuse"}, "output_throughput"
		if known {
			w.rec.Run.Scenario.Target.KVBytesPerToken, w.rec.Run.Scenario.Target.GPUs = 1<<17, 8
			want, x = []string{"tokens", "gib", "reuse"}, "output_throughput_per_gpu"
		}
		p := w.run().workingSets()[0].filled()
		var got []string
		for _, o := range controlOf(p, "x").Options {
			got = append(got, o.Value)
			if o.Value == "gib" && (o.Scale != 1.0/8192 || o.Unit != "GiB" || o.Key != "working_set") {
				t.Errorf("GiB: %+v", o)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("x is in %v, want %v", got, want)
		}
		if curve := chartOf(t, p, "user_throughput").Bind; curve.X != x {
			t.Errorf("curves are over %s, want %s", curve.X, x)
		}
		if drawn := slices.Contains(chartIDs(p), "bandwidth"); drawn != known {
			t.Errorf("GB/s drawn: %v, bytes known: %v", drawn, known)
		}
	}
	w := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1)
	w.rec.Run.Scenario.Target.GPUs = 8
	row := w.run().pointRows(w.run().Sum.Merged)[0]
	if all, one := row.values.Get("output_throughput"), row.values.Get("output_throughput_per_gpu"); one != metric.Of(all.V/8) {
		t.Errorf("%v of 8 GPUs is %v of one", all, one)
	}
}

// A limit on a statistic shows it, beside the median.
func TestStatisticsThatLimitsName(t *testing.T) {
	for stat, want := range map[string][]string{"p90": {"p50", "p90"}, "max": {"p50", "max"}, "p50": {"p50", "p95"}} {
		w := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000)
		w.rec.Run.Scenario.SLO.TTFT = []scenario.Line{{Stat: stat, Limit: 0.6}}
		p := w.measure(1).run().workingSets()[0].filled()
		if c := controlOf(p, "stats"); !slices.Equal(c.Default, want) {
			t.Errorf("slo on %s: the page begins with %v, want %v", stat, c.Default, want)
		}
		if columnOf(&p.Tables[0], "ttft."+stat) == nil {
			t.Errorf("slo on %s: no such column", stat)
		}
	}
}

// In sustained mode the level is a result: it is the first chart, with its bracket, and
// there is none to choose.
func TestSustainedSizes(t *testing.T) {
	held := func(step int) (int, [2]int) {
		return []int{8, 6, 4}[step], [][2]int{{8, 8}, {5, 7}, {4, 0}}[step]
	}
	p := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000).grow(held).run().workingSets()[0].filled()
	wellMade(t, p)
	first := p.View.Charts[0]
	if first.ID != "held" || first.Bind.Y[0].Lo != "concurrency_lo" || first.Bind.Y[0].Hi != "concurrency_hi" || slices.Contains(first.Bind.Where, "level") {
		t.Errorf("first chart %s of %+v", first.ID, first.Bind)
	}
	for key, want := range map[string][]string{"concurrency": {"8", "6", "4"}, "concurrency_lo": {"8", "5", "4"}, "concurrency_hi": {"8", "7", ""}} {
		if got := cells(&p.Tables[0], key); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if controlOf(p, "level") != nil || slices.Contains(chartIDs(p), "latency_throughput") {
		t.Error("there is a level to choose")
	}
}

// With access at random a point's reuse distance is the median of its requests.
func TestReuseDistanceOfUniformAccess(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000)
	w.rec.Run.Scenario.Access = "uniform"
	w.measure(1)
	for _, u := range w.rec.Units {
		for i, r := range u.Requests {
			r.ReuseDistance = []int64{1000, 7000, 90_000}[i%3]
		}
	}
	p := w.run().workingSets()[0].filled()
	if got := cells(&p.Tables[0], "reuse_distance"); !slices.Equal(got, []string{"7000", "7000"}) {
		t.Errorf("reuse distance %v, want the median of the requests, 7000", got)
	}
}

// Of a run that was cut short the charts of one hit rate show the highest that was measured.
func TestRateBeginsWhereSomethingWasMeasured(t *testing.T) {
	for _, c := range []struct {
		measured float64
		want     string
	}{{100, "100"}, {50, "50"}} {
		r := newWorld([]int64{4000}, []float64{0, 50, 100}, 100_000, 400_000).measure(1).run()
		for _, m := range r.Sum.Merged {
			if m.Spec.HitRate > c.measured {
				m.Validity = result.ValidSkipped
			}
		}
		for _, p := range []*Page{r.workingSets()[0].filled(), r.comparisons()[0].filled()} {
			if rate := controlOf(p, "rate"); rate == nil || rate.Default[0] != c.want {
				t.Errorf("%s: measured up to hit rate %g, the page begins with %+v", p.Name, c.measured, rate)
			}
		}
	}
}
