package result

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// sweep is a record of sizes 1..n (times 20k) in a number of trials: prompts are
// kept up to the size kept and take fast, beyond it slow.
func sweep(n, kept, trials int, edit func(*basic)) (*basic, *Record) {
	b := newBasic()
	b.sc.Trials = trials
	if edit != nil {
		edit(b)
	}
	var units []*UnitRecord
	for trial := 1; trial <= trials; trial++ {
		for i := 1; i <= n; i++ {
			c := *b
			size := int64(i) * 20000
			c.cell.Key, c.cell.WorkingSet, c.cell.Real, c.cell.ReuseDistance = fmt.Sprintf("ws%d", size), size, size, size+400*int64(i)
			if i > kept {
				c.load.ttft = wobble(2)
			}
			u := c.unit()
			u.Trial = trial
			if i > kept {
				each(1, func(r *sample.Request) { r.CachedTokens = 0 })(u)
			}
			units = append(units, u)
		}
	}
	return b, b.record(units...)
}

func TestSummariseASweep(t *testing.T) {
	_, rec := sweep(6, 4, 2, nil)
	s := Summarise(rec)
	if len(s.Points) != 12 || len(s.Merged) != 6 || len(s.Series) != 2 {
		t.Fatalf("%d points, %d merged, %d series", len(s.Points), len(s.Merged), len(s.Series))
	}
	for i, p := range s.Points {
		if p.Trial != i/6+1 || p.Spec.WorkingSet != int64(i%6+1)*20000 {
			t.Errorf("point %d is trial %d of size %d", i, p.Trial, p.Spec.WorkingSet)
		}
	}
	for _, found := range s.Series {
		if len(found.Transitions) != 1 || found.Transitions[0].Lo != 81600 || found.Transitions[0].Hi != 102000 || found.Farthest != 122400 {
			t.Errorf("trial %d: %+v", found.Trial, found)
		}
	}
	edges := s.Edges(SeriesKey{1000, 90, 4})
	if len(edges) != 9 || edges[0] != metric.Of(81600) || edges[1] != metric.Lower(122400) {
		t.Errorf("edges %v", edges)
	}
	if got := s.Edges(SeriesKey{1000, 90, 5}); got != nil {
		t.Errorf("edges of a level that was not run: %v", got)
	}
	if !s.Points[5].has("over-capacity") || s.Points[5].Validity != ValidOK {
		t.Errorf("beyond the edge: %s %+v", s.Points[5].Validity, s.Points[5].Reasons)
	}
	m := s.Merged[0]
	if m.Trials != 2 || m.Row.Get("ttft.p50") != m.Low.Get("ttft.p50") || m.Samples != 2*s.Points[0].Samples || !m.Best {
		t.Errorf("merged %+v", m)
	}
}

// Trials that disagree on an edge: their median; one that found none gives a bound.
func TestEdgesOverTrials(t *testing.T) {
	_, rec := sweep(6, 4, 3, nil)
	for _, u := range rec.Units { // in trial 3 nothing is lost
		if u.Trial == 3 && u.Spec.WorkingSet > 80000 {
			b := newBasic()
			u.Requests = b.unit().Requests
		}
	}
	s := Summarise(rec)
	if got := s.Edges(SeriesKey{1000, 90, 4}); got[0] != metric.Of(81600) || got[1] != metric.Lower(122400) {
		t.Errorf("edges %v, series %+v", got, s.Series[2])
	}
	if none := s.Series[2].None; none == "" {
		t.Error("no sentence for the trial without a transition")
	}
}

// Uniform access: a point stands at the median of its requests' own distances, and
// hit-rate-low is held against the largest.
func TestUniformAccess(t *testing.T) {
	edit := func(b *basic) { b.sc.Access = "uniform" }
	s := summarise(change{make: edit, unit: func(u *UnitRecord) {
		for i, r := range u.Requests {
			r.ReuseDistance = int64(i % 3 * 1000)
			if i%7 == 0 {
				r.ReuseDistance = sample.Unknown
			}
		}
	}})
	want(t, s.Points[0].Row, "reuse_distance", metric.Of(1000))
	s = summarise(change{make: edit})
	want(t, s.Points[0].Row, "reuse_distance", metric.Value{})
}

func TestHitRateZeroHasNoSize(t *testing.T) {
	s := summarise(change{make: func(b *basic) {
		b.cell.HitRate, b.cell.WorkingSet, b.cell.Prompts, b.cell.Real, b.cell.ReuseDistance, b.cell.Prefix = 0, 0, 0, 0, 0, 0
		b.load.cached, b.load.prompts = 0, 0
	}})
	p := s.Points[0]
	want(t, p.Row, "working_set", metric.Value{})
	want(t, p.Row, "reuse_distance", metric.Value{})
	want(t, p.Row, "hit_rate_observed", metric.Of(0))
	if p.Validity != ValidOK || len(p.Reasons) > 0 || len(s.Series) > 0 {
		t.Errorf("%s, %+v, series %+v", p.Validity, p.Reasons, s.Series)
	}
}

// What was not measured is a row too, and says why; what the slo or a stop skipped
// is no failure, all else is.
func TestPointsThatWereNotMeasured(t *testing.T) {
	measured := func(level int) *Phase {
		return &Phase{Phase: PhaseMeasure, Level: level, Start: at(20), End: at(80)}
	}
	for _, c := range []struct {
		name     string
		unit     func(*UnitRecord)
		notes    []*Note
		validity []Validity
		code     string
		text     string
		failure  string
	}{
		{"slo skipped the higher level", func(u *UnitRecord) {
			u.Phases = append(u.Phases, &Phase{Phase: PhaseSkipped, Level: 8, Reason: "slo missed at concurrency 4"})
		}, nil, []Validity{ValidOK, ValidSkipped}, "skipped", "slo missed at concurrency 4", ""},
		{"failed warm-up", func(u *UnitRecord) {
			u.State, u.Class, u.Reason, u.Phases = CellFailed, "warm-up", "warm-up: 20 % of prompts failed", u.Phases[:1]
		}, nil, []Validity{ValidFailed, ValidFailed}, "failed", "warm-up: 20 % of prompts failed", "(failed: warm-up: 20 % of prompts failed"},
		{"failed after the first level", func(u *UnitRecord) { u.State, u.Class = CellFailed, "server" },
			nil, []Validity{ValidOK, ValidFailed}, "failed", "server", ""},
		{"skipped by a stop", func(u *UnitRecord) { u.State, u.Reason, u.Phases = CellSkipped, "stop: ttft.p95 > 3s", nil },
			nil, []Validity{ValidSkipped, ValidSkipped}, "skipped", "stop: ttft.p95 > 3s", ""},
		{"interrupted", func(u *UnitRecord) { u.State, u.Reason, u.Phases = CellInterrupted, "interrupted", u.Phases[:1] },
			nil, []Validity{ValidSkipped, ValidSkipped}, "interrupted", "interrupted", "skipped: interrupted"},
		{"killed", func(u *UnitRecord) { u.State = CellBegin },
			nil, []Validity{ValidOK, ValidSkipped}, "interrupted", "the record ends inside this cell", ""},
		{"levels beyond the plan are kept", func(u *UnitRecord) { u.Phases = append(u.Phases, measured(8), measured(6)) },
			nil, []Validity{ValidOK, ValidOK, ValidOK}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBasic()
			b.cell.Levels = []int{4, 8}
			u := b.unit()
			c.unit(u)
			rec := b.record(u)
			rec.Notes = c.notes
			s := Summarise(rec)
			var got []Validity
			for _, p := range s.Points {
				got = append(got, p.Validity)
			}
			if diff := cmp.Diff(c.validity, got); diff != "" {
				t.Fatal(diff)
			}
			if last := s.Points[len(s.Points)-1]; c.code != "" && (last.Reasons[0].Code != c.code || last.Reasons[0].Text != c.text || last.Row.Get("concurrency") != metric.Of(8)) {
				t.Errorf("%+v in %v", last.Reasons, last.Row)
			}
			if f := strings.Join(s.Failures(), "\n"); (f == "") != (c.failure == "") || !strings.Contains(f, c.failure) {
				t.Errorf("failures %q, want %q", f, c.failure)
			}
		})
	}
}

func TestCellsThatWereNeverBegun(t *testing.T) {
	b := newBasic()
	rec := b.record(b.unit())
	other := b.cell
	other.Key, other.Levels = "other", []int{4, 8}
	rec.Run.Cells = append(rec.Run.Cells, other)
	s := Summarise(rec)
	if len(s.Points) != 3 || s.Points[1].Reasons[0].Code != "not-run" || len(s.Failures()) != 1 {
		t.Errorf("%d points, failures %v", len(s.Points), s.Failures())
	}
	rec.Notes = []*Note{{Code: "stop-run", Text: "too slow"}}
	if s = Summarise(rec); s.Points[1].Reasons[0].Code != "skipped" || len(s.Failures()) != 0 {
		t.Errorf("after a stop: %+v, failures %v", s.Points[1].Reasons, s.Failures())
	}
	rec.Notes, rec.Run.Only = nil, []string{b.cell.Key}
	if s = Summarise(rec); len(s.Points) != 1 || len(s.Failures()) != 0 {
		t.Errorf("with --only: %d points, failures %v", len(s.Points), s.Failures())
	}
	rec.Sessions = append(rec.Sessions, &Run{Session: 2}) // resumed without --only
	if s = Summarise(rec); len(s.Points) != 3 {
		t.Errorf("resumed without --only: %d points", len(s.Points))
	}
	if s = Summarise(&Record{Run: rec.Run}); len(s.Points) != 1 || s.Points[0].Validity != ValidSkipped {
		t.Errorf("nothing begun: %+v", s.Points)
	}
	if s = Summarise(&Record{}); len(s.Points) != 0 {
		t.Errorf("an empty record has points: %+v", s.Points)
	}
}

func TestBestPassingLevel(t *testing.T) {
	b := newBasic()
	b.cell.Levels = []int{4, 8, 12}
	b.sc.SLO.TTFT = []scenario.Line{{Stat: "p95", Limit: 1}}
	u := b.unit()
	u.Phases = append(u.Phases, &Phase{Phase: PhaseMeasure, Level: 8, Start: at(80), End: at(140)}, &Phase{Phase: PhaseMeasure, Level: 12, Start: at(140), End: at(200)})
	for i, workers := range []int{8, 12} {
		more := b.load
		more.workers, more.from, more.until = workers, float64(80+60*i), float64(139+60*i)
		if workers == 12 {
			more.ttft = wobble(1.5)
		}
		u.Requests = append(u.Requests, more.requests()...)
	}
	s := Summarise(b.record(u))
	var got []string
	for _, p := range s.Points {
		got = append(got, fmt.Sprint(p.Level, p.Best, p.Missed, p.Stop))
	}
	if diff := cmp.Diff([]string{"4falsefalse", "8truefalse", "12falsetruettft.p95 > 1s"}, spaceless(got)); diff != "" {
		t.Error(diff)
	}
}

func spaceless(in []string) (out []string) {
	for _, s := range in {
		if head, tail, ok := strings.Cut(s, "ttft"); ok {
			out = append(out, strings.ReplaceAll(head, " ", "")+"ttft"+tail)
			continue
		}
		out = append(out, strings.ReplaceAll(s, " ", ""))
	}
	return out
}

func TestNotesAreSaidOnce(t *testing.T) {
	b := newBasic()
	b.sc.Warmup.Reset.Auto = true
	b.probe.ResetVerified, b.probe.Fitted, b.probe.Notes = false, true, []string{"two models"}
	b.load.told = false
	u := b.unit()
	each(1, func(r *sample.Request) {
		r.CachedTokens, r.CompletionTokens, r.Flags = sample.Unknown, sample.Unknown, sample.NoUsage
	})(u)
	rec := b.record(u)
	rec.Torn = true
	rec.Run.Warnings = []string{"powersave"}
	for _, cell := range []string{"a", "b"} {
		rec.Notes = append(rec.Notes, &Note{Unit: Unit{Cell: cell}, Code: "reset-unverified", Text: "of " + cell}, &Note{Unit: Unit{Cell: cell}, Code: "not-cold", Text: "old state"},
			&Note{Unit: Unit{Cell: cell}, Code: "stop-cell", Text: "in the table"}, &Note{Unit: Unit{Cell: cell}, Code: "stop-sweep", Text: "server is failing", Fail: cell == "b"})
	}
	var got []string
	for _, n := range Summarise(rec).Notes {
		got = append(got, n.Code)
		if n.Fail != (n.Code == "stop-sweep") || n.Text == "" {
			t.Errorf("%+v", n)
		}
	}
	if diff := cmp.Diff([]string{"warning", "reset-unverified", "not-cold", "not-cold", "stop-sweep", "hit-rate-unverified", "fitted", "probe", "no-usage", "torn"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMedianValue(t *testing.T) {
	of, low, null := metric.Of, metric.Lower, metric.Value{}
	for _, c := range []struct {
		in   []metric.Value
		want metric.Value
	}{
		{nil, null}, {[]metric.Value{null, null}, null}, {[]metric.Value{of(3), null}, of(3)},
		{[]metric.Value{of(3), of(1), of(2)}, of(2)}, {[]metric.Value{of(1), of(2)}, of(1.5)},
		{[]metric.Value{of(3), of(1), low(9)}, of(3)},    // whatever the bound hides, 3 stays in the middle
		{[]metric.Value{of(3), low(1), of(2)}, low(2)},   // it may lie above the others
		{[]metric.Value{of(2), low(2), of(1)}, of(2)},    // at the same number the bound is the larger
		{[]metric.Value{of(1), low(2)}, low(1.5)},        // it is half of the median
		{[]metric.Value{low(5), low(6), low(7)}, low(6)}, // none was seen
		{[]metric.Value{of(1), of(2), of(3), low(2.5)}, low(2.25)},
	} {
		if got := MedianValue(c.in); got != c.want {
			t.Errorf("MedianValue(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

// Trials that are invalid do not enter the medians of those that are not.
func TestMergeLeavesInvalidTrialsOut(t *testing.T) {
	_, rec := sweep(1, 1, 3, nil)
	each(1, func(r *sample.Request) { r.PromptTokens = 1020 })(rec.Units[1])
	m := Summarise(rec).Merged[0]
	if m.Trials != 2 || m.Validity != ValidOK || len(m.Points) != 3 || len(m.Reasons) != 0 {
		t.Errorf("%+v", m)
	}
	for _, u := range rec.Units {
		each(1, func(r *sample.Request) { r.PromptTokens = 1020 })(u)
	}
	s := Summarise(rec)
	if m = s.Merged[0]; m.Trials != 3 || m.Validity != ValidInvalid || m.Usable() || len(m.Reasons) != 1 || m.Best || len(s.Failures()) != 1 {
		t.Errorf("%+v, failures %v", m, s.Failures())
	}
}

// The same record gives the same summary, whatever the order of maps.
func TestSummariseIsDeterministic(t *testing.T) {
	_, rec := sweep(5, 3, 2, func(b *basic) { b.sc.SLO.TTFT = []scenario.Line{{Stat: "p99", Limit: 1}} })
	rec.Scrapes = append(rec.Scrapes, scrape(20, 0, map[string]float64{promptTokens: 0, cachedPrefix + "local": 0, cachedPrefix + "x": 0}), scrape(80, 0, map[string]float64{promptTokens: 9, cachedPrefix + "local": 4, cachedPrefix + "x": 3}))
	a := Summarise(rec)
	for range 5 {
		b := Summarise(rec)
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(Summary{})); diff != "" {
			t.Fatal(diff)
		}
	}
}

// A million requests are summarised in seconds: 40 cells, 25,000 requests of 64
// events each, three levels.
func BenchmarkSummarise(b *testing.B) {
	bs := newBasic()
	bs.cell.Levels = []int{4, 8, 12}
	bs.load.workers, bs.load.events, bs.load.tokens, bs.load.gap = 100, 64, 64, 0.01
	bs.load.until = 10 + 1.1*250
	u := bs.unit()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, r := range u.Requests { // no two gaps alike
		var evs []sample.Event
		r.EachEvent(func(ev sample.Event) bool {
			evs = append(evs, sample.Event{At: ev.At + rng.Int64N(9e6), Tokens: 1})
			return true
		})
		r.SetEvents(evs)
	}
	third := at(bs.load.until-20) / 3
	u.Phases = u.Phases[:2]
	for i, level := range bs.cell.Levels {
		u.Phases = append(u.Phases, &Phase{Phase: PhaseMeasure, Level: level, Start: at(20) + int64(i)*third, End: at(20) + int64(i+1)*third})
	}
	var units []*UnitRecord
	for i := range 40 {
		c := *u
		c.Cell, c.Spec.Key = fmt.Sprint(i), fmt.Sprint(i)
		units = append(units, &c)
	}
	rec := bs.record(units...)
	b.ResetTimer()
	for b.Loop() {
		start := time.Now()
		Summarise(rec)
		b.ReportMetric(time.Since(start).Seconds()/float64(len(units)*len(u.Requests))*1e6, "s/Mrequests")
	}
}

func TestLevelsKeepTheirOrder(t *testing.T) {
	u := &UnitRecord{Spec: scenario.Cell{Levels: []int{1, 2}}, Phases: []*Phase{{Phase: PhaseMeasure, Level: 3}, {Phase: PhaseMeasure, Level: 2}}}
	if got := levels(u); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("levels %v", got)
	}
}

// Pinned prompts spread the set over the endpoints, so that what one replica says
// it holds counts as often; least-loaded ones promise no hit rate at all.
func TestCapacityOfSeveralEndpoints(t *testing.T) {
	cold := each(1, func(r *sample.Request) { r.CachedTokens = 0 })
	for _, c := range []struct {
		balance string
		want    string
		notes   int
	}{{"pinned", "hit-rate-low", 0}, {"round-robin", "over-capacity", 0}, {"least-loaded", "over-capacity", 1}} {
		s := summarise(change{make: func(b *basic) {
			b.sc.Target.Balance, b.sc.Target.Endpoints = c.balance, []string{"http://a", "http://b"}
			b.probe.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 15000}}
		}, unit: cold})
		if p := s.Points[0]; !p.has(c.want) || len(p.Reasons) != 1 || len(s.Notes) != c.notes {
			t.Errorf("%s: %+v, notes %+v", c.balance, p.Reasons, s.Notes)
		}
	}
	s := summarise(change{make: func(b *basic) {
		b.sc.Target.Balance, b.sc.Target.Endpoints = "least-loaded", []string{"http://a", "http://b"}
		b.probe.Capacity = []sample.Capacity{{Tier: "hbm", Tokens: 1e6}}
	}, unit: cold})
	if p := s.Points[0]; p.has("hit-rate-low") {
		t.Errorf("least-loaded: %+v", p.Reasons)
	}
}

// Points at hit rate 0 say what a cold prompt costs: the last tier is recompute even
// where the server tells no cached tokens.
func TestColdPointsNameRecompute(t *testing.T) {
	b, rec := sweep(6, 3, 1, nil)
	untold := each(1, func(r *sample.Request) { r.CachedTokens = sample.Unknown })
	for _, u := range rec.Units {
		untold(u)
	}
	name := func() string {
		s := Summarise(rec).Series
		if len(s) != 1 || len(s[0].Transitions) != 1 {
			t.Fatalf("series %+v", s)
		}
		return s[0].Transitions[0].To
	}
	if got := name(); got == "recompute" {
		t.Error("nothing says that the slow points are recomputed")
	}
	zero := *b
	zero.cell.Key, zero.cell.HitRate, zero.cell.WorkingSet, zero.cell.Prompts, zero.load.prompts = "cold", 0, 0, 0, 0
	zero.load.ttft = wobble(2)
	u := zero.unit()
	untold(u)
	rec.Units = append(rec.Units, u)
	if got := name(); got != "recompute" {
		t.Errorf("the last tier is %q", got)
	}
}

func TestErrorsAreNamedByClass(t *testing.T) {
	s := summarise(change{unit: func(u *UnitRecord) {
		each(40, func(r *sample.Request) { fail(r, sample.Status, 0.1) })(u)
		each(60, func(r *sample.Request) { fail(r, sample.Reset, 0.1) })(u)
		each(100, func(r *sample.Request) { fail(r, sample.Connect, 0.1); r.Started = sample.Never })(u)
	}})
	p := s.Points[0]
	if p.Validity != ValidInvalid || !strings.Contains(p.worst().Text, "connect") || p.ErrorsBy["reset"] == 0 || p.ErrorsBy["status"] == 0 {
		t.Errorf("%+v %v", p.Reasons, p.ErrorsBy)
	}
}

func TestKVBytesGiveBandwidth(t *testing.T) {
	s := summarise(change{make: func(b *basic) { b.probe.KVBytesPerToken = 1000 }})
	reuse := s.Points[0].Row.Get("reuse_throughput").V
	want(t, s.Points[0].Row, "reuse_bandwidth", metric.Of(reuse*1000/1e9))
	s = summarise(change{make: func(b *basic) { b.probe.KVBytesPerToken, b.sc.Target.KVBytesPerToken = 1000, 2000 }})
	want(t, s.Points[0].Row, "reuse_bandwidth", metric.Of(reuse*2000/1e9))
}

// What the probe noted is left out where a note of its own code says it better.
func TestNotesOfTheProbeAreNotSaidTwice(t *testing.T) {
	b := newBasic()
	b.probe.Notes = []string{"the server tells no usage: words", "no telemetry: status 404"}
	rec := b.record(b.unit())
	said := func() (codes []string) {
		for _, n := range Summarise(rec).Notes {
			codes = append(codes, n.Code+": "+n.Text)
		}
		return codes
	}
	if diff := cmp.Diff([]string{"probe: the server tells no usage: words", "probe: no telemetry: status 404"}, said()); diff != "" {
		t.Errorf("nothing else says it: %s", diff)
	}
	rec.Notes = append(rec.Notes, &Note{Code: "no-usage", Text: "counted events"})
	if diff := cmp.Diff([]string{"no-usage: counted events", "probe: no telemetry: status 404"}, said()); diff != "" {
		t.Error(diff)
	}
}

// A failed cell is said to have failed once.
func TestFailuresSayWhyOnce(t *testing.T) {
	s := &Summary{Points: []*Point{
		{Unit: Unit{Cell: "a"}, Validity: ValidFailed, Reasons: []Reason{{Code: "failed", Class: ValidFailed, Text: "warm-up: 20 %"}}},
		{Unit: Unit{Cell: "b"}, Validity: ValidInvalid, Reasons: []Reason{{Code: "errors", Class: ValidInvalid, Text: "9 of 9"}}},
	}}
	want := []string{"a: no point is usable (failed: warm-up: 20 %)", "b: no point is usable (invalid: errors: 9 of 9)"}
	if diff := cmp.Diff(want, s.Failures()); diff != "" {
		t.Error(diff)
	}
}
