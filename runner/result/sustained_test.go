package result

import (
	"math"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

func within(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// Each size that the set grew to is a point of its own: its axes, its window, the level
// that it held, its share of what was touched.
func TestSustainedPoints(t *testing.T) {
	g := newGrower(10, 20, 40)
	g.ttft = func(step, level int) float64 { return 0.1 * float64(1+step) * float64(level) / 4 }
	g.legs = []leg{{0, 2, 2, "ramp"}, {0, 4, 6, "grow"}, {1, 4, 6, "grow"}, {2, 3, 8, "end"}}
	g.ingest = 5
	sum := g.summary()
	if len(sum.Points) != 3 || len(sum.Merged) != 3 {
		t.Fatalf("%d points, %d merged, want 3", len(sum.Points), len(sum.Merged))
	}
	for step, p := range sum.Points {
		level := []int{4, 4, 3}[step]
		size := float64(g.sizes[step]) * 1000
		if p.Step != step || p.Level != level || !p.Converged || p.Validity != ValidOK || !p.Best || p.Missed {
			t.Errorf("step %d: %+v", step, p)
		}
		if p.Spec.Prompts != g.sizes[step] || p.Row.Get("working_set") != metric.Of(size) || p.Row.Get("reuse_distance") != metric.Of(size*1.02) || p.Row.Get("concurrency") != metric.Of(float64(level)) {
			t.Errorf("step %d has the axes of another: %v", step, p.Row)
		}
		if want := g.ttft(step, level); !within(p.Row.Get("ttft.p50").V, want, 0.02) {
			t.Errorf("step %d: ttft.p50 %v, want about %g", step, p.Row.Get("ttft.p50"), want)
		}
		if n := float64(p.Periods); p.Window().Seconds() != n*periodSec || p.Search != 4 || p.Touched != 1 {
			t.Errorf("step %d: window %g s of %g periods, search %d, touched %g", step, p.Window().Seconds(), n, p.Search, p.Touched)
		}
		if m := sum.Merged[step]; m.Spec.WorkingSet != int64(size) || m.Level != level || !m.Converged || m.Bracket != [2]int{level, level} {
			t.Errorf("merged %d: %+v", step, m)
		}
	}
	if f := sum.Failures(); f != nil {
		t.Errorf("failures %v", f)
	}
}

// What started before the level or the size came into force does not count for its
// latency, but does for what the server did.
func TestLeftBehindRequestsDoNotCountForLatency(t *testing.T) {
	g := newGrower(10, 20)
	g.ttft = func(step, _ int) float64 { return []float64{25, 0.5}[step] }
	g.sc.SLO.TTFT[0].Limit = 1
	u := g.unit(1)
	sum := Summarise(g.record(u))
	p := sum.Points[1]
	if v := p.Row.Get("ttft.max"); !v.Known() || v.V > 1 {
		t.Errorf("ttft.max %v: a request of the size before is in it", v)
	}
	if v := p.Row.Get("goodput_share"); v != metric.Of(100) {
		t.Errorf("goodput_share %v", v)
	}
	old, w := 0, p.Window()
	for _, r := range u.Requests {
		if r.Started < u.Changes[1].At && w.Has(r.FirstToken) {
			old++
		}
	}
	if old == 0 {
		t.Fatal("the fixture has no request that was left behind")
	}
	all, _ := Measure(u.Requests, w, MeasureOptions{})
	for _, name := range []string{"input_throughput", "output_throughput", "completed", "hit_rate_observed", "concurrency_achieved"} {
		if p.Row.Get(name) != all.Get(name) {
			t.Errorf("%s is %v, of all requests %v", name, p.Row.Get(name), all.Get(name))
		}
	}
	if got := int64(p.Samples + old); got*1000 != p.InputTokens {
		t.Errorf("%d samples and %d left behind, but %d input tokens", p.Samples, old, p.InputTokens)
	}
}

// Not converged is a doubt with its bracket in words; a step that never came says why.
func TestNotConvergedAndSkippedSteps(t *testing.T) {
	for _, c := range []struct {
		note    string
		bracket [2]int
		want    string
	}{
		{"", [2]int{16, 32}, "at 10k: between 16, which passes, and 32, which violates"},
		{"", [2]int{16, 0}, "16 passes, no level has violated"},
		{"", [2]int{0, 2}, "no level has passed, 2 violates"},
		{"", [2]int{}, "no period said anything"},
		{"not converged: its budget was spent", [2]int{16, 32}, "at 10k: its budget was spent"},
	} {
		g := newGrower(10, 20)
		g.legs = []leg{{0, 4, 4, "end"}}
		g.phases = func(_ *grower, u *UnitRecord) {
			ph := held(u, 0)
			ph.Bracket = c.bracket
			if c.note != "" {
				ph.Notes = []string{c.note}
			}
			u.Phases = append(u.Phases, ph, &Phase{Unit: u.Unit, Phase: PhaseSkipped, Step: 1, Reason: "the duration is over"})
		}
		sum := g.summary()
		p, skipped := sum.Points[0], sum.Points[1]
		if p.Validity != ValidDoubt || len(p.Reasons) != 1 || p.Reasons[0].Code != "not-converged" || !strings.Contains(p.Reasons[0].Text, c.want) {
			t.Errorf("%+v: %v %+v", c, p.Validity, p.Reasons)
		}
		if lo, hi := p.Held(); [2]int{lo, hi} != c.bracket || sum.Merged[0].Bracket != c.bracket || sum.Merged[0].Converged {
			t.Errorf("%+v: held %d-%d, merged %+v", c, lo, hi, sum.Merged[0])
		}
		if skipped.Validity != ValidSkipped || skipped.Step != 1 || skipped.Level != 0 || skipped.Spec.WorkingSet != 20_000 || skipped.Reasons[0] != (Reason{Code: "skipped", Class: ValidSkipped, Text: "the duration is over"}) {
			t.Errorf("skipped step: %+v", skipped)
		}
		if skipped.Row.Get("concurrency").Known() || skipped.Row.Get("working_set") != metric.Of(20_000) {
			t.Errorf("axes of a skipped step: %v", skipped.Row)
		}
		if f := sum.Failures(); f != nil {
			t.Errorf("failures %v", f)
		}
	}
}

// A unit that failed, one that was cut off and one that never began have a point for
// each size all the same.
func TestSustainedUnitsWithoutPhases(t *testing.T) {
	g := newGrower(10, 20)
	for name, c := range map[string]struct {
		u    *UnitRecord
		want Reason
	}{
		"failed":  {&UnitRecord{State: CellFailed, Class: "warm-up", Reason: "warm-up: refused"}, Reason{Code: "failed", Class: ValidFailed, Text: "warm-up: refused"}},
		"cut off": {&UnitRecord{State: CellBegin}, Reason{Code: "interrupted", Class: ValidSkipped, Text: "the record ends inside this cell"}},
		"never":   {nil, Reason{Code: "not-run", Class: ValidSkipped, Text: "the run ended before it"}},
	} {
		rec := g.record()
		if c.u != nil {
			c.u.Unit, c.u.Spec = Unit{g.cell().Key, 1}, g.cell()
			rec.Units = append(rec.Units, c.u)
		}
		sum := Summarise(rec)
		if len(sum.Points) != 2 {
			t.Errorf("%s: %d points, want 2", name, len(sum.Points))
			continue
		}
		for step, p := range sum.Points {
			if p.Step != step || p.Reasons[0] != c.want || p.Spec.Prompts != g.sizes[step] {
				t.Errorf("%s: step %d: %+v", name, step, p)
			}
		}
	}
}

// Trials that held other levels are one row: the median, and the range of what may hold.
func TestSustainedTrialsMerge(t *testing.T) {
	g := newGrower(10)
	g.sc.Trials = 3
	var units []*UnitRecord
	for i, level := range []int{6, 4, 5} {
		g.legs = []leg{{0, level, 6, "end"}}
		units = append(units, g.unit(i+1))
	}
	m := Summarise(g.record(units...)).Merged
	if len(m) != 1 || m[0].Level != 5 || m[0].Trials != 3 || !m[0].Converged || m[0].Bracket != [2]int{4, 6} || m[0].Row.Get("concurrency") != metric.Of(5) || !m[0].Best {
		t.Fatalf("merged: %+v", m[0])
	}
	ph := units[0].step(PhaseMeasure, 0)
	ph.Converged, ph.Bracket = false, [2]int{3, 0}
	if m = Summarise(g.record(units...)).Merged; m[0].Converged || m[0].Bracket != [2]int{3, 0} || m[0].Validity != ValidDoubt {
		t.Errorf("merged with one that is open above: %+v", m[0])
	}
}

// While new prompts are ingested misses are no sign of a cache that forgets.
func TestIngestInTheWindowIsNoLowHitRate(t *testing.T) {
	for ingest, want := range map[bool]string{true: "ingest", false: "hit-rate-low"} {
		g := newGrower(10, 11)
		g.cached = func(step int) int64 { return []int64{900, 500}[step] }
		u := g.unit(1)
		if w := u.step(PhaseMeasure, 1); ingest {
			u.Phases = append(u.Phases, &Phase{Unit: u.Unit, Phase: PhaseIngest, Step: 1, Start: w.Start + 1, End: w.Start + 2})
		}
		rec := g.record(u)
		rec.Probe.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 1_000_000}}
		if p := Summarise(rec).Points[1]; !p.has(want) {
			t.Errorf("ingest %v: %+v, want %s", ingest, p.Reasons, want)
		}
	}
}

// A step is in force from its ingest on.
func TestStepAt(t *testing.T) {
	g := newGrower(10, 20)
	g.legs = []leg{{0, 4, 2, "grow"}, {1, 4, 2, "end"}}
	g.ingest = 5
	u := g.unit(1) // step 0 from 10 s, ingest from 30 s, step 1 from 35 s
	for s, want := range map[float64]int{2: 10, 10: 10, 29.9: 10, 30: 20, 34: 20, 35: 20, 54: 20} {
		if got := u.Spec.At(u.StepAt(at(s))).Prompts; got != want {
			t.Errorf("at %g s: %d prompts, want %d", s, got, want)
		}
	}
	fixed := &UnitRecord{Spec: scenario.Cell{Prompts: 7}, Changes: []*Change{{At: 5, Level: 3}}}
	if got := fixed.StepAt(9); got != 0 {
		t.Errorf("fixed: step %d", got)
	}
}

// Periods partition what the unit did, and know their change-overs.
func TestPeriodRows(t *testing.T) {
	g := newGrower(10, 20)
	g.legs = []leg{{0, 2, 3, "ramp"}, {0, 4, 3, "grow"}, {1, 4, 3, "end"}}
	u := g.unit(1)
	rows := PeriodRows(g.record(u), u)
	if len(rows) != 9 {
		t.Fatalf("%d rows, want 9", len(rows))
	}
	launched, completed, output := 0, 0, int64(0)
	for i, r := range rows {
		if r.Number != i+1 || r.ChangeOver != (i%3 == 0) || r.Cell.Prompts != g.sizes[r.Step] || r.Final.Get("working_set").V != float64(1000*g.sizes[r.Step]) {
			t.Errorf("row %d: number %d, change-over %v, %d prompts", i, r.Number, r.ChangeOver, r.Cell.Prompts)
		}
		launched, completed, output = launched+r.Launched, completed+r.Counts.Completed, output+r.Counts.OutputTokens
		whole, _ := Measure(u.Requests, Window{r.Start, r.End}, MeasureOptions{SLO: g.sc.SLO, TokensPerEvent: 1, Since: u.since(r.Step, r.Level, r.End)})
		for name, v := range whole {
			if r.Final.Get(name) != v {
				t.Errorf("row %d: %s is %v, of all requests %v", i, name, r.Final.Get(name), v)
			}
		}
	}
	all := Window{u.Periods[0].Start, u.Periods[8].End}
	_, want := Measure(u.Requests, all, MeasureOptions{})
	if launched != len(u.Requests) || completed != want.Completed || output != want.OutputTokens {
		t.Errorf("launched %d, completed %d, output %d; want %d, %d, %d", launched, completed, output, len(u.Requests), want.Completed, want.OutputTokens)
	}
}

// Whichever comes last, the new level or the end of the ingest, begins what counts.
func TestSince(t *testing.T) {
	u := &UnitRecord{Spec: newGrower(10, 20).cell(), Changes: []*Change{{At: 10, Level: 4}, {At: 30, Level: 4, Step: 1}, {At: 50, Level: 2, Step: 1}, {At: 70, Level: 4, Step: 1}}}
	u.Phases = []*Phase{{Phase: PhaseIngest, Step: 1, Start: 30, End: 35}}
	for _, c := range []struct {
		step, level int
		end, want   int64
	}{{0, 4, 30, 10}, {1, 4, 50, 35}, {1, 2, 70, 50}, {1, 4, 90, 70}, {1, 9, 32, 0}} {
		if got := u.since(c.step, c.level, c.end); got != c.want {
			t.Errorf("step %d at %d until %d: since %d, want %d", c.step, c.level, c.end, got, c.want)
		}
	}
	if got := u.Since(&Phase{Step: 1, Level: 2, End: 70}); got != 50 {
		t.Errorf("Since %d", got)
	}
	if got := u.grown(1); got != 35 {
		t.Errorf("grown %d", got)
	}
	fixed := &UnitRecord{Changes: u.Changes}
	if got := fixed.Since(&Phase{Level: 4, End: 90}); got != 0 {
		t.Errorf("fixed mode: %d", got)
	}
}

// What was kept beside little private KV is not known to be kept beside much.
func TestKeptBesidePrivateKV(t *testing.T) {
	g := newGrower(10, 20)
	g.legs = []leg{{0, 100, 3, "grow"}, {1, 2, 30, "end"}}
	g.cached = func(step int) int64 { return []int64{0, 900}[step] }
	p := g.summary().Points[0] // 10.2k, and 12k in flight; 20.4k was kept beside 240
	if p.has("hit-rate-low") || !p.has("over-capacity") {
		t.Errorf("%+v", p.Reasons)
	}
	g.legs[0] = leg{0, 2, 30, "grow"}
	if p = g.summary().Points[0]; !p.has("hit-rate-low") {
		t.Errorf("at the same level: %+v", p.Reasons)
	}
}

// What the size before touched is not touched at this one.
func TestTouchedSinceGrowth(t *testing.T) {
	g := newGrower(390, 400)
	p := g.summary().Points[1]
	if p.Touched > 0.9 || p.Touched < 0.7 || !p.has("partial-coverage") {
		t.Errorf("touched %g: %+v", p.Touched, p.Reasons)
	}
}

// Goodput is what the server did, its share what those that count met.
func TestSinceLeavesGoodputWhole(t *testing.T) {
	reqs := synth{workers: 4, from: 0, until: 60, spread: 1, ttft: constant(5), events: 10, tokens: 10, told: true, gap: 0.1, sent: 1000}.requests()
	w := Window{at(20), at(60)}
	opt := MeasureOptions{SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 6}}}}
	all, counts := Measure(reqs, w, opt)
	opt.Since = at(20)
	row, since := Measure(reqs, w, opt)
	if counts.FirstTokens-since.FirstTokens != 4 {
		t.Errorf("%d and %d first tokens: 4 were waiting when the window opened", counts.FirstTokens, since.FirstTokens)
	}
	for _, name := range []string{"goodput", "goodput_share", "input_throughput", "attempts"} {
		if !(all.Get(name).V > 0) || row.Get(name) != all.Get(name) {
			t.Errorf("%s is %v, of all %v", name, row.Get(name), all.Get(name))
		}
	}
}
