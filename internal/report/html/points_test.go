package html

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Whatever a run was, its pages hold together, are written the same twice, and are
// named as the original named them.
func TestPagesOfPoints(t *testing.T) {
	golden, err := result.Read("../../../runner/result/testdata/record-v1.wsr")
	if err != nil {
		t.Fatal(err)
	}
	one := []int64{4000}
	for name, c := range map[string]struct {
		run  *Run
		want []string
	}{
		"contexts and rates": {newWorld([]int64{2000, 4000}, []float64{0, 50, 100}, 100_000, 400_000).measure(1).run(), []string{
			"performance_vs_working_set_2000", "performance_vs_working_set_4000", "output_throughput_comparison", "output_metrics_comparison",
			"fixed_ctx2000_ws0_cache0", "fixed_ctx2000_ws100000_cache50", "fixed_ctx2000_ws400000_cache50", "fixed_ctx2000_ws100000_cache100", "fixed_ctx2000_ws400000_cache100",
			"fixed_ctx4000_ws0_cache0", "fixed_ctx4000_ws100000_cache50", "fixed_ctx4000_ws400000_cache50", "fixed_ctx4000_ws100000_cache100", "fixed_ctx4000_ws400000_cache100"}},
		"trials": {newWorld(one, []float64{99.5}, 100_000, 400_000).measure(2).run(), []string{
			"performance_vs_working_set_4000", "output_throughput_comparison", "output_metrics_comparison", "fixed_ctx4000_ws100000_cache99_5", "fixed_ctx4000_ws400000_cache99_5"}},
		"recompute alone": {newWorld(one, []float64{0}).measure(1).run(), []string{"performance_vs_working_set_4000", "fixed_ctx4000_ws0_cache0"}},
		"nothing done":    {newWorld(one, []float64{100}, 100_000).run(), []string{"performance_vs_working_set_4000", "output_throughput_comparison", "output_metrics_comparison", "fixed_ctx4000_ws100000_cache100"}},
		"sustained": {newWorld(one, []float64{100}, 100_000, 400_000).grow(func(int) (int, [2]int) { return 4, [2]int{4, 4} }).run(), []string{
			"performance_vs_working_set_4000", "output_throughput_comparison", "output_metrics_comparison"}},
		"a record of the first version": {&Run{Rec: golden, Sum: result.Summarise(golden)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			again := pointPages(c.run)
			for i, p := range pointPages(c.run) {
				got = append(got, p.Name)
				wellMade(t, p)
				if again := again[i]; !bytes.Equal(bytesOf(t, p), bytesOf(t, again)) {
					t.Errorf("%s is not the same when it is made again", p.Name)
				}
			}
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("pages %v, want %v", got, c.want)
			}
			if len(got) < 2 {
				t.Errorf("pages %v", got)
			}
		})
	}
}

// One trial is one row a point. With more the median comes first and each trial after
// it, and a control tells them apart.
func TestTrialsAreRows(t *testing.T) {
	for trials, want := range map[int][]string{1: nil, 3: {"0", "1", "2", "3", "0", "1", "2", "3"}} {
		r := newWorld([]int64{4000}, []float64{100}, 100_000).measure(trials).run()
		for _, p := range []*Page{r.fixedPages()[0].filled(), r.workingSets()[0].filled()} {
			got := cells(&p.Tables[0], "trial")
			if !slices.Equal(got, want) {
				t.Errorf("%s of %d trials: column trial %v, want %v", p.Name, trials, got, want)
			}
			if c := controlOf(p, "trial"); (c != nil) != (trials > 1) || c != nil && (len(c.Options) != 4 || c.Default[0] != "0" || c.Options[0].Label != "median of 3") {
				t.Errorf("%s of %d trials: control %+v", p.Name, trials, c)
			}
		}
	}
}

// A cell shows what the metric is: nothing where it is null, a bound where it is one.
func TestPointCells(t *testing.T) {
	rows := []pointRow{
		{validity: result.ValidOK, values: metric.Row{"ttft.p95": metric.Of(0.25), "ttft.p99": metric.Lower(2)}, samples: 8, bins: func() []result.Bin { return []result.Bin{{From: 0.1, Share: 12.5}, {From: 0.12589254, Share: 87.5}} }},
		{validity: result.ValidSkipped, values: metric.Row{}, reasons: []result.Reason{{Code: "skipped", Text: `</td><script>alert("x")</script>`}, {Code: "note", Text: "b"}}},
	}
	table := pointsTable(rows, "ttft.p95", "ttft.p99", "goodput", "ttft_bins", "ttft.p95")
	var keys []string
	for _, c := range table.Columns {
		keys = append(keys, c.Key)
	}
	if want := []string{"ttft.p95", "ttft.p99", "ttft_bins", "validity", "reasons"}; !slices.Equal(keys, want) {
		t.Fatalf("columns %v, want %v: an empty column is none", keys, want)
	}
	for key, want := range map[string][]string{
		"ttft.p95": {"0.25", ""}, "ttft.p99": {"≥2", ""}, "ttft_bins": {"0.1:12.5 0.126:87.5", ""}, "validity": {"ok", "skipped"},
		"reasons": {"", "skipped: &lt;/td&gt;&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;; note: b"},
	} {
		if got := cells(&table, key); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

// Every metric that a page may show has a head for people, and a unit that the script
// knows.
func TestColumnsAreDescribed(t *testing.T) {
	units := []string{"", "s", "min", "date", "ms", "tokens", "tokens/s", "requests/s", "%", "GB/s", "x", "date"}
	keys := []string{"share.hbm", "source.cached", "bandwidth.dram"}
	for key := range headings {
		keys = append(keys, key)
	}
	for _, d := range metric.All() {
		if !d.Open && !d.Threshold {
			keys = append(keys, d.Name)
		}
	}
	for _, key := range keys {
		head, unit, title := describe(key)
		if head == "" || head == key || title == "" || !slices.Contains(units, unit) {
			t.Errorf("%s: head %q, unit %q, title %q", key, head, unit, title)
		}
	}
	if head, _, _ := describe("ttft.p95"); head != "TTFT p95" {
		t.Errorf("ttft.p95 is called %q", head)
	}
}

// Sources are told apart by tier, nearest first, what no tier has last; a tier that gave
// nothing anywhere is left out. Where nothing
// says how many bytes a token has there is no GB/s.
func TestParts(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000).run()
	add := func(row metric.Row) pointRow {
		return r.addValues(pointRow{spec: scenario.Cell{HitRate: 100}, validity: result.ValidOK, values: row}, metric.Value{}, 0, 0)
	}
	rows := []pointRow{
		add(metric.Row{"tier_share.ssd": metric.Of(10), "tier_share.dram": metric.Of(20), "hit_rate_observed": metric.Of(60), "input_throughput": metric.Of(1000)}),
		add(metric.Row{"tier_share.hbm": metric.Of(100), "tier_share.attic": metric.Of(0), "hit_rate_observed": metric.Of(100), "input_throughput": metric.Of(500)}),
	}
	if got, want := parts(rows, "share."), []string{"hbm", "dram", "ssd", "cached", "computed"}; !slices.Equal(got, want) {
		t.Errorf("parts %v, want %v", got, want)
	}
	if got := parts(rows, "bandwidth."); len(got) > 0 {
		t.Errorf("bandwidth of %v, and nothing tells the bytes of a token", got)
	}
	for key, want := range map[string]float64{"share.ssd": 10, "share.cached": 30, "share.computed": 40, "source.dram": 200} {
		if got := rows[0].values.Get(key); got != metric.Of(want) {
			t.Errorf("%s is %v, want %g", key, got, want)
		}
	}
}

// An ordinary page is mailed: 200 points with every column stay under 150 KB.
func TestSizeOfAPage(t *testing.T) {
	w := newWorld([]int64{30_000}, []float64{0, 25, 50, 75, 100}, 100_000)
	sc := w.rec.Run.Scenario
	sc.Target.KVBytesPerToken, sc.Target.GPUs = 131_072, 8
	sum := &result.Summary{Run: w.rec.Run, Probe: w.rec.Probe}
	for _, rate := range sc.HitRates[1:] {
		for size := range int64(10) {
			for level := range 5 {
				sum.Merged = append(sum.Merged, fullPoint(scenario.CellOf(sc, 30_000, 123_457*(size+1), rate), 1<<level, int(size)))
			}
		}
	}
	r := &Run{Rec: w.rec, Sum: sum}
	for _, p := range append(r.workingSets(), r.comparisons()...) {
		p = p.filled()
		page := bytesOf(t, p)
		if p.Tables[0].Rows != 200 || len(page) > 150_000 {
			t.Errorf("%s: %d bytes for %d points of %d columns, at most 150000", p.Name, len(page), p.Tables[0].Rows, len(p.Tables[0].Columns))
		}
	}
	if p := r.workingSets()[0].filled(); len(p.Tables[0].Columns) < 36 || len(cells(&p.Tables[0], "bandwidth.ssd")) != 200 {
		t.Errorf("only %d columns", len(p.Tables[0].Columns))
	}
}

// fullPoint is a doubtful point that has every metric, none of them a round number.
func fullPoint(c scenario.Cell, level, n int) *result.Merged {
	row := metric.Row{}
	for i, d := range metric.All() {
		if !d.Axis && !d.Open && !d.Threshold {
			row.Set(d.Name, metric.Of(0.0123456789*float64(1+i*level+n)))
		}
	}
	result.SetAxes(row, c, level)
	row.Set("hit_rate_observed", metric.Of(c.HitRate*0.987654))
	row.Set("input_throughput", metric.Of(123_456.789))
	for i, tier := range []string{"hbm", "dram", "ssd"} {
		row.Set("tier_share."+tier, metric.Of(c.HitRate*0.987654*[]float64{0.5123, 0.3123, 0.1754}[i]))
	}
	p := &result.Point{Spec: c, Level: level, Row: row, Validity: result.ValidDoubt, Intended: metric.Of(c.HitRate * 0.99), Samples: 123}
	p.Unit = result.Unit{Cell: c.Key, Trial: 1}
	for i := range 40 {
		p.TTFTs = append(p.TTFTs, 0.02+0.01*float64(i))
	}
	reasons := []result.Reason{{Code: "too-few-samples", Class: result.ValidDoubt, Text: "ttft.p95 rests on 58 samples, a verdict needs 59"}}
	return &result.Merged{Spec: c, Level: level, Points: []*result.Point{p}, Trials: 1, Row: row, Validity: result.ValidDoubt, Reasons: reasons, Samples: 123, Best: n == level}
}

func TestCrossings(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000, 500_000)
	r := w.measure(2).run()
	p := r.workingSets()[0].filled()
	table := tableOf(p, "transitions")
	if table == nil {
		t.Fatalf("no transitions in %+v", r.Sum.Series)
	}
	levels, trials := cells(table, "concurrency"), cells(table, "trial")
	if want := []string{"4", "8", "4", "4", "8", "8"}; !slices.Equal(levels, want) {
		t.Errorf("levels %v, want %v", levels, want)
	}
	if want := []string{"0", "0", "1", "2", "1", "2"}; !slices.Equal(trials, want) {
		t.Errorf("trials %v, want %v", trials, want)
	}
	for i := range table.Rows {
		lo, hi := cells(table, "size_lo")[i], cells(table, "size_hi")[i]
		if lo != "150000" || hi != "400000" {
			t.Errorf("row %d: between %s and %s, want 150000 and 400000", i, lo, hi)
		}
		if v, err := strconv.ParseFloat(cells(table, "ratio")[i], 64); err != nil || v < 1.2 {
			t.Errorf("row %d: ratio %q", i, cells(table, "ratio")[i])
		}
	}
	if !strings.Contains(string(p.Prose), "Hit rate 100%, 8 in flight") {
		t.Errorf("the page says %s", p.Prose)
	}
}

// Capacities lie where reuse distance and what is in flight fill the tier: both places
// while inclusion is unknown.
func TestCapacitiesTable(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 400_000, 500_000)
	w.rec.Run.Scenario.Target.Tiers = []scenario.Tier{{Name: "hbm", Capacity: 200_000}, {Name: "dram", Capacity: 600_000}}
	p := w.measure(1).run().workingSets()[0].filled()
	table := tableOf(p, "capacities")
	if table == nil {
		t.Fatal("no capacities")
	}
	var got []string
	for i, at := range cells(table, "reuse_distance") {
		got = append(got, fmt.Sprint(cells(table, "tier")[i], " ", cells(table, "assumption")[i], " ", cells(table, "concurrency")[i], " ", at))
	}
	c := w.rec.Run.Cells[0]
	private := c.R - c.Prefix + 16
	want := []string{
		fmt.Sprint("hbm  4 ", 200_000-4*private), fmt.Sprint("dram exclusive 4 ", 800_000-4*private), fmt.Sprint("dram inclusive 4 ", 600_000-4*private),
		fmt.Sprint("hbm  8 ", 200_000-8*private), fmt.Sprint("dram exclusive 8 ", 800_000-8*private), fmt.Sprint("dram inclusive 8 ", 600_000-8*private),
	}
	if !slices.Equal(got, want) {
		t.Errorf("capacities\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if tableOf(newWorld([]int64{4000}, []float64{100}, 100_000).measure(1).run().workingSets()[0].filled(), "capacities") != nil {
		t.Error("capacities of which nothing is stated")
	}
}

// A threshold on an edge has a row for each series that it is about, and is none of a row's limits.
func TestEdgeLimits(t *testing.T) {
	w := newWorld([]int64{4000}, []float64{50, 100}, 100_000, 150_000, 400_000, 500_000)
	w.rec.Run.Scenario.Target.Tiers = []scenario.Tier{{Name: "hbm", Capacity: 200_000}}
	w.rec.Run.Scenario.Thresholds = []scenario.Threshold{
		{Expect: "edge.hbm >= 180k and edge.hbm < 300k", Where: "concurrency == 8 and hit_rate == 100"},
		{Expect: "edge1 > 120k", Where: "hit_rate == 50 and concurrency < 8"},
		{Expect: "edge1 > 1k", Where: "context == 8k"},
		{Expect: "ttft.p95 < 1s"},
	}
	p := w.measure(2).run().workingSets()[0].filled()
	table := tableOf(p, "edge_limits")
	if table == nil {
		t.Fatal("no thresholds on edges")
	}
	var got []string
	for i, at := range cells(table, "reuse_distance") {
		got = append(got, fmt.Sprint(cells(table, "edge")[i], " ", cells(table, "hit_rate")[i], " ", cells(table, "concurrency")[i], " ", at))
	}
	if want := []string{"edge.hbm 100 8 180000", "edge.hbm 100 8 300000", "edge1 50 4 120000"}; !slices.Equal(got, want) {
		t.Errorf("thresholds on edges %q, want %q", got, want)
	}
	c := w.rec.Run.Cells[slices.IndexFunc(w.rec.Run.Cells, func(c scenario.Cell) bool { return c.HitRate == 100 })]
	size, err := strconv.ParseFloat(cells(table, "working_set")[0], 64)
	if want := 180_000 * float64(c.Real) / float64(c.ReuseDistance); err != nil || math.Abs(size-want) > 1 {
		t.Errorf("at working set %g, want %g", size, want)
	}
}
