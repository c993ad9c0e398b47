package html

import (
	"slices"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// A speed-up is over the smallest working set of the same context, hit rate, level and
// trial, and there is none where that has no figure to believe.
func TestSpeedUps(t *testing.T) {
	type at struct {
		context, size int64
		rate          float64
		level, trial  int
	}
	row := func(a at, v metric.Value, is result.Validity) pointRow {
		p := pointRow{spec: scenario.Cell{Context: a.context, HitRate: a.rate, WorkingSet: a.size}, level: a.level, trial: a.trial, validity: is, values: metric.Row{}}
		p.values.Set("x", v)
		return p
	}
	const ok = result.ValidOK
	for name, c := range map[string]struct {
		rows []pointRow
		want []metric.Value
	}{
		"each context by itself": {[]pointRow{row(at{1, 20, 100, 4, 0}, metric.Of(50), ok), row(at{1, 10, 100, 4, 0}, metric.Of(100), ok), row(at{2, 20, 100, 4, 0}, metric.Of(30), ok)},
			[]metric.Value{metric.Of(0.5), metric.Of(1), metric.Of(1)}},
		"each level, rate and trial by itself": {[]pointRow{row(at{1, 10, 100, 4, 0}, metric.Of(100), ok), row(at{1, 20, 100, 8, 0}, metric.Of(50), ok), row(at{1, 20, 50, 4, 0}, metric.Of(25), ok), row(at{1, 20, 100, 4, 1}, metric.Of(10), ok)},
			[]metric.Value{metric.Of(1), metric.Of(1), metric.Of(1), metric.Of(1)}},
		"smallest is zero":    {[]pointRow{row(at{1, 10, 100, 4, 0}, metric.Of(0), ok), row(at{1, 20, 100, 4, 0}, metric.Of(5), ok)}, []metric.Value{{}, {}}},
		"smallest is null":    {[]pointRow{row(at{1, 10, 100, 4, 0}, metric.Value{}, ok), row(at{1, 20, 100, 4, 0}, metric.Of(5), ok)}, []metric.Value{{}, {}}},
		"smallest is invalid": {[]pointRow{row(at{1, 10, 100, 4, 0}, metric.Of(10), result.ValidInvalid), row(at{1, 20, 100, 4, 0}, metric.Of(5), ok)}, []metric.Value{{}, {}}},
		"a point is null":     {[]pointRow{row(at{1, 10, 100, 4, 0}, metric.Of(10), ok), row(at{1, 20, 100, 4, 0}, metric.Value{}, result.ValidSkipped)}, []metric.Value{metric.Of(1), {}}},
	} {
		speedUps(c.rows, "x")
		for i := range c.rows {
			if got := c.rows[i].values.Get("x_speedup"); got != c.want[i] {
				t.Errorf("%s: row %d has %v, want %v", name, i, got, c.want[i])
			}
		}
	}
}

// With more than one context there is a matrix; with one there is one line.
func TestComparisonPages(t *testing.T) {
	for _, contexts := range [][]int64{{4000}, {2000, 4000, 8000}} {
		pages := newWorld(contexts, []float64{0, 100}, 100_000, 400_000).measure(1).run().comparisons()
		throughput, metrics := pages[0].filled(), pages[1].filled()
		if got := chartIDs(throughput); !slices.Equal(got, []string{"output", "input"}) {
			t.Errorf("charts %v", got)
		}
		output := chartOf(t, throughput, "output").Bind
		if y := output.Y[1]; y.Key != "output_throughput_speedup" || y.Axis != 1 || y.dash() != "dashed" || !slices.Equal(output.Unit, []string{"tokens/s", "x"}) {
			t.Errorf("output is drawn from %+v", output)
		}
		several := len(contexts) > 1
		if got := slices.Contains(chartIDs(metrics), "matrix"); got != several || (controlOf(metrics, "measure") != nil) != several || (controlOf(metrics, "contexts") != nil) != several || (output.By == "context") != several {
			t.Errorf("contexts %v: charts %v, controls %+v, output by %q", contexts, chartIDs(metrics), metrics.View.Controls, output.By)
		}
		for _, p := range []*Page{throughput, metrics} {
			if want := len(contexts) * 4; p.Tables[0].Rows != want {
				t.Errorf("%s has %d rows, want %d: hit rate 0 has no size", p.Name, p.Tables[0].Rows, want)
			}
			for _, c := range p.View.Charts {
				if c.Bind.By == "" && slices.ContainsFunc(c.Bind.Y, func(y Y) bool { return y.Name == "" }) {
					t.Errorf("%s: a line of %s has no name", p.Name, c.ID)
				}
			}
		}
	}
}

// One page does not take from the next what it does not show.
func TestMeasuresStay(t *testing.T) {
	before := slices.Clone(measures)
	w := newWorld([]int64{2000, 4000}, []float64{100}, 100_000).measure(1)
	w.rec.Run.Scenario.SLO = scenario.SLO{}
	w.run().comparisons()[1].filled()
	if !slices.Equal(before, measures) {
		t.Errorf("measures are %v now", measures)
	}
}
