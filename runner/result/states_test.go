package result

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

const (
	running = "server.requests_running"
	waiting = "server.requests_waiting"
	kvUsage = "server.kv_usage"
)

func TestSpread(t *testing.T) {
	w := Window{at(10), at(20)}
	state := func(t float64, endpoint int32, name string, v float64) *Scrape {
		return scrape(t, endpoint, map[string]float64{name: v})
	}
	for _, c := range []struct {
		name    string
		scrapes []*Scrape
		want    map[string]Spread
	}{
		{"nothing told", []*Scrape{scrape(12, 0, map[string]float64{promptTokens: 5})}, map[string]Spread{}},
		{"zero is told", []*Scrape{state(12, 0, waiting, 0)}, map[string]Spread{waiting: {}}},
		{"one endpoint", []*Scrape{state(9, 0, running, 99), state(10, 0, running, 2), state(15, 0, running, 9), state(19, 0, running, 1), state(20, 0, running, 99)},
			map[string]Spread{running: {1, 4, 9}}},
		{"the sum is of one moment: loads that alternate are steady together", []*Scrape{
			state(11, 0, running, 8), state(11.01, 1, running, 0), state(12, 0, running, 0), state(12.01, 1, running, 8), state(13, 0, running, 8), state(13.01, 1, running, 0)},
			map[string]Spread{running: {8, 8, 8}}},
		{"shares are averaged", []*Scrape{state(11, 0, kvUsage, 20), state(11, 1, kvUsage, 40), state(12, 0, kvUsage, 60), state(12, 1, kvUsage, 100)},
			map[string]Spread{kvUsage: {30, 55, 80}}},
		{"a round across the border", []*Scrape{state(9.99, 1, running, 3), state(10, 0, running, 4), state(19.99, 1, running, 5)},
			map[string]Spread{running: {7, 7, 7}}},
		{"a scrape that failed is bridged by its neighbour", []*Scrape{
			state(11, 0, running, 1), state(12, 0, running, 2), state(13, 0, running, 3), state(11, 1, running, 10), state(13, 1, running, 30)},
			map[string]Spread{running: {11, float64(11+12+33) / 3, 33}}},
		{"an endpoint that is not there", []*Scrape{state(11, 0, running, 1), state(40, 1, running, 7)}, map[string]Spread{running: {1, 1, 1}}},
		{"the last one before a window without any", []*Scrape{state(9, 0, running, 6)}, map[string]Spread{running: {6, 6, 6}}},
		{"what cannot be added up", []*Scrape{state(11, 0, running, math.MaxFloat64), state(11, 1, running, math.MaxFloat64)}, map[string]Spread{}},
	} {
		tel := NewTelemetry(c.scrapes)
		if diff := cmp.Diff(c.want, tel.Spread(w)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		server := tel.Server(w)
		for name := range gauges {
			got, told := server[name]
			if s, want := c.want[name]; told != want || told && got != s.Mean {
				t.Errorf("%s: %s is %v in the row, %v here", c.name, name, got, s.Mean)
			}
		}
	}
	// 2.5 s of a short window, half of a long one: no state stands for longer.
	gap := NewTelemetry([]*Scrape{state(10, 0, running, 1), state(10.1, 1, running, 1), state(19, 0, running, 50)})
	if got := gap.Spread(w)[running]; got != (Spread{2, 2, 2}) {
		t.Errorf("a round without one of the endpoints counts: %v", got)
	}
}

// Whatever is told, the mean lies between the ends, and the order of the scrapes does
// not matter.
func TestSpreadProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var scrapes []*Scrape
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			values := map[string]float64{}
			for _, name := range []string{running, kvUsage} {
				if rapid.Bool().Draw(t, "told") {
					values[name] = rapid.Float64Range(0, 1e6).Draw(t, name)
				}
			}
			scrapes = append(scrapes, scrape(float64(len(scrapes))/2+rapid.Float64Range(0, 0.4).Draw(t, "at"), rapid.Int32Range(0, 2).Draw(t, "endpoint"), values))
		}
		from := rapid.Float64Range(0, 20).Draw(t, "from")
		w := Window{at(from), at(from + rapid.Float64Range(0.1, 20).Draw(t, "length"))}
		got := NewTelemetry(scrapes).Spread(w)
		for name, s := range got {
			if !(s.Min <= s.Mean && s.Mean <= s.Max) {
				t.Fatalf("%s: %v", name, s)
			}
		}
		slices.Reverse(scrapes)
		if diff := cmp.Diff(got, NewTelemetry(scrapes).Spread(w)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A period has its servers' states, tier shares and reuse in GB/s by what the engine
// tells of a token; scrapes far from the unit change nothing.
func TestPeriodsHaveTelemetry(t *testing.T) {
	g := newGrower(10)
	u := g.unit(1) // 6 periods of 10 s from 10 s on
	rec := g.record(u)
	rec.Probe.KVBytesPerToken = 1000
	before := len(PeriodRows(rec, u)[0].Server)
	for s := -1000; s < 1000; s++ {
		at := float64(s)
		rec.Scrapes = append(rec.Scrapes, scrape(at, 0, map[string]float64{running: float64(s % 10), promptTokens: 100*at + 1e6, cachedPrefix + "hbm": 60*at + 1e6, cachedPrefix + "dram": 30*at + 1e6}))
	}
	rows := PeriodRows(rec, u)
	all := NewTelemetry(rec.Scrapes)
	for i, r := range rows {
		w := Window{r.Start, r.End}
		if before != 0 || r.Server[running] != (Spread{0, 4.5, 9}) || r.Final.Get(running) != metric.Of(4.5) {
			t.Errorf("period %d: %v", i, r.Server)
		}
		if diff := cmp.Diff(all.Spread(w), r.Server); diff != "" {
			t.Error(diff)
		}
		for name, v := range all.Server(w) {
			if r.Final.Get(name) != metric.Of(v) {
				t.Errorf("period %d: %s is %v, of all scrapes %v", i, name, r.Final.Get(name), v)
			}
		}
		if hbm, dram := r.Final.Get("tier_share.hbm"), r.Final.Get("tier_share.dram"); hbm != metric.Of(60) || dram != metric.Of(30) {
			t.Errorf("period %d: %v, %v", i, hbm, dram)
		}
		if got, want := r.Final.Get("reuse_bandwidth").V, r.Final.Get("reuse_throughput").V*1000/1e9; got != want || want == 0 {
			t.Errorf("period %d: %v GB/s, want %v", i, got, want)
		}
	}
}

func TestKVBytesPerToken(t *testing.T) {
	g := newGrower(10)
	rec := g.record()
	if got := rec.KVBytesPerToken(); got != 0 {
		t.Errorf("nobody said, but %v", got)
	}
	rec.Probe.KVBytesPerToken = 7
	if got := rec.KVBytesPerToken(); got != 7 {
		t.Errorf("the engine said 7, not %v", got)
	}
	g.sc.Target.KVBytesPerToken = 9
	if got := rec.KVBytesPerToken(); got != 9 {
		t.Errorf("the scenario said 9, not %v", got)
	}
	if got := new(Record).KVBytesPerToken(); got != 0 {
		t.Errorf("an empty record says %v", got)
	}
}

func TestIngestsAndGrowths(t *testing.T) {
	g := newGrower(10, 20, 30)
	g.legs = []leg{{0, 2, 2, "ramp"}, {0, 4, 2, "grow"}, {1, 4, 2, "ramp"}, {1, 3, 2, "grow"}, {2, 3, 2, "end"}}
	g.ingest = 5
	u := g.unit(1)
	u.Phases = append(u.Phases, &Phase{Unit: u.Unit, Phase: PhaseIngest, Step: 3, Start: at(500), End: at(600), Sent: 7, Failed: 1, Reason: "cut"})
	slices.Reverse(u.Phases)
	wantIngests := []Ingest{{Window: Window{at(50), at(55)}, Step: 1}, {Window: Window{at(95), at(100)}, Step: 2}, {Window{at(500), at(600)}, 3, 7, 1, "cut"}}
	if diff := cmp.Diff(wantIngests, u.Ingests()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Growth{{at(55), 1, 4}, {at(100), 2, 3}}, u.Growths()); diff != "" {
		t.Error(diff)
	}
	fixed := newBasic().unit()
	if fixed.Ingests() != nil || fixed.Growths() != nil {
		t.Error("fixed mode grew")
	}
}

// Points and periods are made of the requests that met them, and are what all requests of
// the unit would have made of them: those never sent for want of a connection, too.
func TestWhatAWindowIsMadeOf(t *testing.T) {
	g := newGrower(10, 20, 30)
	g.ingest = 5
	u := g.unit(1)
	for i, s := range []float64{12, 35, 44.5, 90, 101} {
		r := synth{ttft: constant(1), events: 1, tokens: 1, sent: 1000}.request(s, 9000+i)
		fail(r, sample.Connect, 0)
		r.Started, r.Wrote = sample.Never, sample.Never
		u.Requests = append(u.Requests, r)
	}
	lost := *u.Requests[0]
	lost.Started, lost.End, lost.FirstToken, lost.LastToken = sample.Never, sample.Never, sample.Never, sample.Never
	u.Requests = append([]*sample.Request{&lost}, u.Requests...)
	rec := g.record(u)
	opt := MeasureOptions{SLO: g.sc.SLO, TokensPerEvent: TokensPerEvent(u.Requests)}
	for _, p := range Summarise(rec).Points {
		opt.Since = u.since(p.Step, p.Level, p.End)
		whole, counts := Measure(u.Requests, p.Window(), opt)
		for name, v := range whole {
			if p.Row.Get(name) != v {
				t.Errorf("step %d: %s is %v, of all requests %v", p.Step, name, p.Row.Get(name), v)
			}
		}
		if want := touched(u, p.Spec.Prompts, p.Step, p.Window()); p.Touched != want || p.Samples != counts.FirstTokens || p.Samples == 0 {
			t.Errorf("step %d: touched %g, want %g; %d samples", p.Step, p.Touched, want, p.Samples)
		}
	}
	failed := 0
	for _, r := range PeriodRows(rec, u) {
		failed += r.Counts.ErrorsBy["connect"]
	}
	if failed != 5 {
		t.Errorf("5 attempts without a connection, %d in the periods", failed)
	}
	for i, in := range dealt(u) {
		for _, r := range in {
			if r.Started < 0 && !(Window{u.Periods[i].Start, u.Periods[i].End + 1}).Has(r.End) {
				t.Errorf("period %d looks at an attempt that ended elsewhere", i)
			}
		}
	}
}

// The load generator's own CPU, in percent; nothing told is all zero, and a window only
// reads what lies in it.
func TestOwnCPU(t *testing.T) {
	tel := &Telemetry{}
	for i, share := range []float64{0.9, 0.1, 0.3, 0.8} {
		tel.Add(&sample.Scrape{Endpoint: sample.Self, At: int64(i) * sec, Values: map[string]float64{selfShare: share}})
	}
	if got, want := tel.ownCPU(Window{1 * sec, 3 * sec}), (Spread{10, 20, 30}); !near3(got, want) {
		t.Errorf("own CPU = %+v, want %+v", got, want)
	}
	if got := (&Telemetry{}).ownCPU(Window{0, sec}); got != (Spread{}) {
		t.Errorf("untold own CPU = %+v", got)
	}
}

func near3(a, b Spread) bool {
	return math.Abs(a.Min-b.Min)+math.Abs(a.Mean-b.Mean)+math.Abs(a.Max-b.Max) < 1e-9
}
