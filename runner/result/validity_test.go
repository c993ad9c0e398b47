package result

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// change edits what the basic record is made from, the unit, and the record.
type change struct {
	make func(*basic)
	unit func(*UnitRecord)
	rec  func(*Record)
}

func summarise(c change) *Summary {
	b := newBasic()
	if c.make != nil {
		c.make(b)
	}
	u := b.unit()
	if c.unit != nil {
		c.unit(u)
	}
	rec := b.record(u)
	if c.rec != nil {
		c.rec(rec)
	}
	return Summarise(rec)
}

// each edits every n-th load request.
func each(n int, edit func(*sample.Request)) func(*UnitRecord) {
	return func(u *UnitRecord) {
		for i, r := range u.Requests {
			if i%n == 0 {
				edit(r)
			}
		}
	}
}

func self(values map[string]float64) func(*Record) {
	return func(r *Record) {
		for t := 20.5; t < 80; t++ {
			r.Scrapes = append(r.Scrapes, &Scrape{sample.Scrape{At: at(t), Endpoint: sample.Self, Values: values}})
		}
	}
}

// Each rule fires where it must, with its class, and stays silent just short of it.
func TestValidity(t *testing.T) {
	slo := func(stat string) func(*basic) {
		return func(b *basic) { b.sc.SLO.TTFT = []scenario.Line{{Stat: stat, Limit: 100}} }
	}
	trend := func(rise float64) func(*basic) {
		return func(b *basic) {
			b.load.ttft = func(start float64, n int) float64 { return wobble(0.5)(start, n) * (1 + rise*(start-20)/60) }
		}
	}
	prompts := func(from, to int) func(*UnitRecord) { // only prompts [from, to) are ever sent
		return each(1, func(r *sample.Request) { r.Prompt = int32(from + int(r.ID)%(to-from)) })
	}
	for _, c := range []struct {
		code   string
		class  Validity
		fires  change
		silent change
	}{
		{"hit-rate-high", ValidInvalid,
			change{unit: each(1, func(r *sample.Request) { r.CachedTokens = 921 })},
			change{unit: each(1, func(r *sample.Request) { r.CachedTokens = 919 })}},
		{"hit-rate-low", ValidInvalid,
			change{make: func(b *basic) { b.probe.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 26125}} },
				unit: each(1, func(r *sample.Request) { r.CachedTokens = 100 })},
			change{make: func(b *basic) { b.probe.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 26075}} }, // 480 tokens in flight are private
				unit: each(1, func(r *sample.Request) { r.CachedTokens = 100 })}},
		{"over-capacity", ValidOK,
			change{unit: each(1, func(r *sample.Request) { r.CachedTokens = 100 })},
			change{}},
		{"over-capacity", ValidOK, // nothing is told but a capacity
			change{make: func(b *basic) { b.probe.Capacity = []sample.Capacity{{Tokens: 10000}, {Tokens: 10399}} }, unit: each(1, func(r *sample.Request) { r.CachedTokens = -1 })},
			change{make: func(b *basic) { b.probe.Capacity = []sample.Capacity{{Tokens: 10000}, {Tokens: 10400}} }, unit: each(1, func(r *sample.Request) { r.CachedTokens = -1 })}},
		{"no-reuse", ValidInvalid,
			change{make: func(b *basic) { b.probe.RepeatCached = 0 }},
			change{make: func(b *basic) { b.probe.RepeatCached = sample.Unknown }}},
		{"prompt-length-off", ValidInvalid,
			change{unit: each(1, func(r *sample.Request) { r.PromptTokens = 1011 })},
			change{unit: each(1, func(r *sample.Request) { r.PromptTokens = 1010 })}},
		{"errors", ValidInvalid,
			change{unit: each(50, func(r *sample.Request) { fail(r, sample.Status, 0.1) })},
			change{unit: each(150, func(r *sample.Request) { fail(r, sample.Status, 0.1) })}},
		{"short-outputs", ValidInvalid,
			change{unit: each(1, func(r *sample.Request) { r.MaxTokens = 22 })},
			change{unit: each(1, func(r *sample.Request) { r.MaxTokens = 21 })}},
		{"client-limited", ValidDoubt,
			change{unit: each(10, func(r *sample.Request) { r.Wrote = r.Started + at(0.006) })},
			change{unit: each(1, func(r *sample.Request) { r.Wrote = r.Started + at(0.004) })}}, // 1 % of 0.5 s are 5 ms
		{"client-limited", ValidDoubt,
			change{unit: each(10, func(r *sample.Request) { r.ReadLagMax = at(0.006) })},
			change{unit: each(10, func(r *sample.Request) { r.ReadLagMax = at(0.004) })}},
		{"client-limited", ValidDoubt,
			change{rec: self(map[string]float64{"self.sched_n.0.0001": 985, "self.sched_n.0.006": 15})},
			change{rec: self(map[string]float64{"self.sched_n.0.0001": 991, "self.sched_n.0.006": 9})}},
		{"client-limited", ValidDoubt, // pauses
			change{rec: self(map[string]float64{"self.gc_pause_p99_seconds": 0.006, "self.gc_paused_seconds": 0.02, "self.wall_seconds": 1})},
			change{rec: self(map[string]float64{"self.gc_pause_p99_seconds": 0.006, "self.gc_paused_seconds": 0.006, "self.wall_seconds": 1})}},
		{"client-limited", ValidDoubt, // no CPU
			change{rec: self(map[string]float64{"self.run_queue_seconds": 6, "self.run_slices": 1000})},
			change{rec: self(map[string]float64{"self.run_queue_seconds": 4, "self.run_slices": 1000})}},
		{"client-limited", ValidDoubt,
			change{rec: self(map[string]float64{"self.cpu_share": 0.91})},
			change{rec: self(map[string]float64{"self.cpu_share": 0.89})}},
		{"partial-coverage", ValidDoubt,
			change{unit: prompts(0, 17)},
			change{unit: prompts(0, 18)}},
		{"few-prompts", ValidDoubt,
			change{make: func(b *basic) { b.level, b.cell.Levels = 21, []int{21} }},
			change{make: func(b *basic) { b.level, b.cell.Levels = 20, []int{20} }}},
		{"too-few-samples", ValidDoubt,
			change{make: slo("p99")}, // fewer than 299 first tokens, more than 59
			change{make: slo("p95")}},
		{"too-few-samples", ValidDoubt,
			change{make: func(b *basic) { b.sc.Stop = []scenario.Stop{{When: "total.ttft.p99 > 3s or error_rate > 5%"}} }},
			change{make: func(b *basic) { b.sc.Stop = []scenario.Stop{{When: "ttft.max > 3s"}} }}},
		{"too-few-samples", ValidDoubt,
			change{make: func(b *basic) { b.sc.Thresholds = []scenario.Threshold{{Expect: "ttlt.p99 < 3s"}} }},
			change{make: func(b *basic) { b.sc.Thresholds = []scenario.Threshold{{Expect: "itl.p99 < 3s"}} }}}, // there are thousands of gaps
		{"not-steady", ValidDoubt,
			change{make: trend(0.2)},
			change{make: trend(0.08)}},
		{"not-steady", ValidDoubt,
			change{make: trend(-0.2)},
			change{}},
		{"warm-in-cut", ValidOK,
			change{unit: func(u *UnitRecord) { u.Phases[1].Notes = []string{"warm-in cut after 1m0s"} }},
			change{}},
		{"verdict-differs", ValidOK,
			change{make: slo("p95"), unit: func(u *UnitRecord) { u.Phases[2].Missed = true }},
			change{make: slo("p95")}},
	} {
		t.Run(c.code, func(t *testing.T) {
			p := summarise(c.fires).Points[0]
			i := slices.IndexFunc(p.Reasons, func(r Reason) bool { return r.Code == c.code })
			if i < 0 || p.Reasons[i].Class != c.class || p.Validity != c.class {
				t.Errorf("must fire as %s: %s, %+v", c.class, p.Validity, p.Reasons)
			}
			if i >= 0 && (p.Reasons[i].Text == "" || strings.Contains(p.Reasons[i].Text, "%!")) {
				t.Errorf("text %q", p.Reasons[i].Text)
			}
			p = summarise(c.silent).Points[0]
			if slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == c.code }) {
				t.Errorf("must be silent: %+v", p.Reasons)
			}
		})
	}
}

func TestNothingWrong(t *testing.T) {
	s := summarise(change{})
	p := s.Points[0]
	if p.Validity != ValidOK || len(p.Reasons) > 0 || !p.Best || p.Missed || p.Touched != 1 || len(s.Notes) > 0 || len(s.Failures()) > 0 {
		t.Errorf("validity %s, reasons %+v, best %v, missed %v, touched %v, notes %+v, failures %v", p.Validity, p.Reasons, p.Best, p.Missed, p.Touched, s.Notes, s.Failures())
	}
	if p.Samples != len(p.TTFTs) || p.Samples == 0 || p.CachedTokens != int64(p.Samples)*900 || p.InputTokens != int64(p.Samples)*1000 {
		t.Errorf("samples %d, TTFTs %d, input %d, cached %d", p.Samples, len(p.TTFTs), p.InputTokens, p.CachedTokens)
	}
	if got := p.Intended.V; got != 90 {
		t.Errorf("intended %v", got)
	}
	// Inserted: the tenth that is not reused, and the output.
	if want := (float64(p.Samples)*100 + float64(p.OutputTokens)) / 60; p.Churn < want*0.999 || p.Churn > want*1.001 {
		t.Errorf("churn %v, want %v", p.Churn, want)
	}
}

// A point that lost its prompts far within what another size was seen to keep is
// invalid, and makes no transition.
func TestHitRateLowByWhatWasKept(t *testing.T) {
	b := newBasic()
	var units []*UnitRecord
	for i, cached := range []int64{900, 0, 900, 900} {
		u := b.unit()
		size := int64(i+1) * 20000
		u.Cell, u.Spec.Key = "cell"+string(rune('0'+i)), "cell"+string(rune('0'+i))
		u.Spec.WorkingSet, u.Spec.Real, u.Spec.ReuseDistance = size, size, size
		for _, r := range u.Requests {
			r.CachedTokens = cached
		}
		units = append(units, u)
	}
	s := Summarise(b.record(units...))
	var got []Validity
	for _, p := range s.Points {
		got = append(got, p.Validity)
	}
	if diff := cmp.Diff([]Validity{ValidOK, ValidInvalid, ValidOK, ValidOK}, got); diff != "" {
		t.Error(diff)
	}
	if !s.Points[1].has("hit-rate-low") || len(s.Series) != 1 || len(s.Series[0].Transitions) != 0 {
		t.Errorf("reasons %+v, series %+v", s.Points[1].Reasons, s.Series)
	}
	if f := s.Failures(); len(f) != 1 || !strings.Contains(f[0], "cell1: no point is usable (invalid: hit-rate-low") {
		t.Errorf("failures %q", f)
	}
}

func TestEvidence(t *testing.T) {
	sc := &scenario.Scenario{
		SLO:        scenario.SLO{TTFT: []scenario.Line{{Stat: "avg", Limit: 1}, {Stat: "p90", Limit: 1}}, OutputRate: []scenario.Line{{Stat: "p5", Limit: 1}}},
		Stop:       []scenario.Stop{{When: "prev.ttlt.p50*2 < total.ttlt.p50 and best.goodput>1"}},
		Thresholds: []scenario.Threshold{{Expect: "max(itl.p99, tpot.max) < 30ms"}, {Expect: "edge1 > 950k"}},
	}
	if diff := cmp.Diff([]string{"itl.p99", "output_rate.p5", "ttft.p90", "ttlt.p50"}, Evidence(sc)); diff != "" {
		t.Error(diff)
	}
	if n := FirstTokensNeeded(sc); n != 299 {
		t.Errorf("needed %d", n)
	}
	if n := FirstTokensNeeded(&scenario.Scenario{}); n != 59 {
		t.Errorf("needed by default %d", n)
	}
}

// Over trials the worst reason of a code stays.
func TestMergedReasonIsTheWorst(t *testing.T) {
	var points []*Point
	for trial, lag := range []float64{1, 3, 2} {
		p := &Point{Unit: Unit{Cell: "c", Trial: trial + 1}, Validity: ValidOK}
		p.addGraded("client-limited", ValidDoubt, lag, "lagged by %g ms", lag)
		points = append(points, p)
	}
	m := merge(points)
	if len(m) != 1 || len(m[0].Reasons) != 1 || m[0].Reasons[0].Text != "lagged by 3 ms" || m[0].Validity != ValidDoubt {
		t.Errorf("merged: %+v", m[0].Reasons)
	}
}
