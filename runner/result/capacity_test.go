package result

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// swept is a fixed sweep at one level whose every point is ok, with what is stated and
// told. Prompts are 1000 tokens, outputs 20, so that a size of n thousand is n prompts.
type swept struct {
	sizes  []int64
	level  int
	hit    float64
	to     scenario.Target
	told   []sample.Capacity
	series []*Series
}

func (w swept) summary() *Summary {
	sc := &scenario.Scenario{OutputTokens: 20, Target: w.to, WorkingSet: scenario.WorkingSet{Sizes: w.sizes}}
	s := &Summary{Run: &Run{Scenario: sc}, Probe: &Probe{Probe: sample.Probe{Capacity: w.told}}, Series: w.series}
	for _, size := range w.sizes {
		c := scenario.Cell{Key: fmt.Sprint(size), Context: 1000, HitRate: w.hit, WorkingSet: size, R: 1000, Prefix: int64(10 * w.hit), Prompts: int(size / 1000), ReuseDistance: size / 1000 * 1020}
		p := &Point{Unit: Unit{c.Key, 1}, Spec: c, Level: w.level, Row: metric.Row{}, Validity: ValidOK}
		SetAxes(p.Row, c, w.level)
		s.Points = append(s.Points, p)
	}
	s.Merged = merge(s.Points)
	for _, f := range s.Series {
		f.SeriesKey, f.Trial, f.Farthest = SeriesKey{1000, w.hit, w.level}, 1, s.Points[len(s.Points)-1].Spec.ReuseDistance
	}
	s.Capacity = s.findCapacities()
	return s
}

// found is a series with a transition between each two neighbouring tiers, each between
// two sizes.
func found(tiers string, edges ...int64) []*Series {
	s := &Series{}
	s.Tiers = strings.Fields(tiers)
	for i := range len(s.Tiers) - 1 {
		lo, hi := edges[2*i], edges[2*i+1]
		s.Transitions = append(s.Transitions, tier.Transition{From: s.Tiers[i], To: s.Tiers[i+1], LoSize: lo, HiSize: hi, Lo: lo / 1000 * 1020, Hi: hi / 1000 * 1020, Before: .1, After: .2, MsPer1kToken: 5})
	}
	return []*Series{s}
}

var byThousands = []int64{100e3, 300e3, 500e3, 1000e3, 1500e3, 2000e3}

func stated(tiers ...scenario.Tier) scenario.Target {
	return scenario.Target{Tiers: tiers, KVBytesPerToken: 100_000}
}

func TestCapacitiesAgainstWhatWasFound(t *testing.T) {
	hbm, dram := scenario.Tier{Name: "hbm", Capacity: 400e3}, scenario.Tier{Name: "dram", Capacity: 1400e3}
	for _, c := range []struct {
		what   string
		to     scenario.Target
		told   []sample.Capacity
		series []*Series
		fit    Fit    // of the last
		want   string // text of the last
	}{
		{"the first tier, where it was stated", stated(hbm), nil, found("hbm recompute", 300e3, 500e3), FitYes,
			"hbm: stated 400k tokens, found between 306k and 510k: as stated"},
		{"less of it", stated(hbm), nil, found("hbm recompute", 100e3, 300e3), FitNo,
			"hbm: stated 400k tokens, found between 102k and 306k: less than stated"},
		{"more of it", stated(hbm), nil, found("hbm recompute", 500e3, 1000e3), FitNo,
			"hbm: stated 400k tokens, found between 510k and 1.02M: more than stated"},
		{"exclusive", stated(hbm, dram), nil, found("hbm dram recompute", 300e3, 500e3, 1500e3, 2000e3), FitExclusive,
			"dram: stated 1.40M tokens, found between 1.53M and 2.04M: as an exclusive tier (1.80M with what comes before it)"},
		{"inclusive", stated(hbm, dram), nil, found("hbm dram recompute", 300e3, 500e3, 1000e3, 1500e3), FitInclusive,
			"dram: stated 1.40M tokens, found between 1.02M and 1.53M: as an inclusive tier (1.40M, which hold what hbm holds as well)"},
		{"a bracket that holds both places", stated(hbm, dram), nil, found("hbm dram recompute", 300e3, 500e3, 1000e3, 2000e3), FitEither,
			"dram: stated 1.40M tokens, found between 1.02M and 2.04M: as stated, be it an exclusive tier (1.80M) or an inclusive one (1.40M)"},
		{"neither", stated(hbm, dram), nil, found("hbm dram recompute", 300e3, 500e3, 500e3, 1000e3), FitNo,
			"dram: stated 1.40M tokens, found between 510k and 1.02M: neither as an exclusive tier (1.80M) nor as an inclusive one (1.40M)"},
		{"not reached", stated(hbm, scenario.Tier{Name: "dram", Capacity: 4e6}), nil, found("hbm dram", 300e3, 500e3), FitOpen,
			"dram: stated 4M tokens, not reached: the largest set takes 2.04M, an exclusive tier ends at 4.40M, an inclusive one at 4M"},
		{"the first not reached", stated(scenario.Tier{Name: "hbm", Capacity: 3e6}), nil, found("hbm"), FitOpen,
			"hbm: stated 3M tokens, not reached: the largest set takes 2.04M"},
		{"beyond the inclusive place, not the exclusive one", stated(scenario.Tier{Name: "hbm", Capacity: 400e3}, scenario.Tier{Name: "dram", Capacity: 1900e3}), nil, found("hbm dram", 300e3, 500e3), FitOpen,
			"dram: stated 1.90M tokens, no edge up to 2.04M: not an inclusive tier (1.90M), as an exclusive one it ends at 2.30M"},
		{"beyond both", stated(hbm, scenario.Tier{Name: "dram", Capacity: 1000e3}), nil, found("hbm dram", 300e3, 500e3), FitNoEdge,
			"dram: stated 1M tokens, but no edge up to 2.04M: it holds more, or what follows costs the same"},
		{"computed again where it should come", stated(hbm, dram), nil, found("hbm recompute", 300e3, 500e3), FitUnseen,
			"dram: stated 1.40M tokens, but the sweep did not see it: it saw hbm, then recompute"},
		{"told", stated(), []sample.Capacity{{Tier: "hbm", Tokens: 400e3, Source: "x"}}, found("local external", 300e3, 500e3), FitYes,
			"hbm: the server says 400k tokens, found between 306k and 510k: as told"},
		{"told, the tier has no name", stated(), []sample.Capacity{{Tier: "hbm", Tokens: 200e3, Source: "x"}}, found("tier1 tier2", 300e3, 500e3), FitUnseen,
			"hbm: the server says 200k tokens, but the sweep did not see it: it saw tier1, then tier2"},
		{"told, and stated under another name", stated(scenario.Tier{Name: "gpu", Capacity: 1}), []sample.Capacity{{Tier: "hbm", Tokens: 200e3, Source: "x"}}, found("gpu recompute", 300e3, 500e3), FitNo,
			"hbm: the server says 200k tokens, found between 306k and 510k: more than told"},
		{"told of a tier that nothing else names", stated(), []sample.Capacity{{Tier: "ssd", Tokens: 200e3, Source: "x"}}, found("local external", 300e3, 500e3), FitUnseen,
			"ssd: the server says 200k tokens, but the sweep did not see it: it saw local, then external"},
		{"in several replicas", scenario.Target{Replicas: 2, Tiers: []scenario.Tier{{Name: "hbm", Capacity: 200e3}}}, nil, found("hbm recompute", 300e3, 500e3), FitYes,
			"hbm: stated 200k tokens in each of 2 replicas, found between 306k and 510k: as stated"},
	} {
		s := swept{sizes: byThousands, level: 1, hit: 100, to: c.to, told: c.told, series: c.series}.summary()
		f := s.Capacity[len(s.Capacity)-1]
		// 20 tokens of output are in flight: they change no digit that is printed.
		if f.Fit != c.fit || f.Text != c.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", c.what, f.Fit, f.Text, c.want)
		}
	}
}

// Where the step from one stated tier to the next is too small to be told, what is found
// is the edge of both.
func TestStepThatDoesNotShow(t *testing.T) {
	to := stated(scenario.Tier{Name: "hbm", Capacity: 400e3}, scenario.Tier{Name: "dram", Capacity: 1400e3})
	for edge, want := range map[int64]string{1500e3: "as hbm + dram together (1.80M)", 1000e3: "as hbm + dram together (1.40M)", 500e3: "more than stated"} {
		hi := byThousands[slices.Index(byThousands, edge)+1]
		f := swept{sizes: byThousands, level: 1, hit: 100, to: to, series: found("hbm recompute", edge, hi)}.summary().Capacity[0]
		if f.Fit != FitNo || !strings.Contains(f.Text, want) {
			t.Errorf("%d: %s %s", edge, f.Fit, f.Text)
		}
	}
}

// A plateau without a name is the engine's own cache as long as the sweep does not begin
// far beyond what that is said to hold.
func TestUnnamedFirstPlateau(t *testing.T) {
	for tokens, want := range map[int64]Fit{400e3: FitYes, 90e3: FitNo, 50e3: FitUnseen} {
		series := found("one two", 300e3, 500e3)
		series[0].Tiers[0], series[0].Transitions[0].From = "tier 1", "tier 1"
		s := swept{sizes: byThousands, level: 1, hit: 100, told: []sample.Capacity{{Tier: "hbm", Tokens: tokens, Source: "x"}}, series: series}.summary()
		if got := s.Capacity[0].Fit; got != want {
			t.Errorf("%d tokens: %s, want %s", tokens, got, want)
		}
	}
}

// What a tier held is reuse distance and the private KV in flight: with 400 requests
// that reuse half of 1000 tokens and get 20, 208k are private, and the edge comes so much
// sooner than what the tier holds.
func TestPrivateKVInFlight(t *testing.T) {
	s := swept{sizes: byThousands, level: 400, hit: 50, to: stated(scenario.Tier{Name: "hbm", Capacity: 400e3}), series: found("hbm recompute", 100e3, 300e3)}.summary()
	f := s.Capacity[0]
	if f.Fit != FitYes || f.Lo != 102e3+208e3 || f.Hi != 306e3+208e3 || !strings.Contains(f.Text, "between 310k and 514k (208k of it private to what was in flight): as stated") {
		t.Errorf("%+v", f)
	}
	l := s.Capacities()[0]
	if l.Distance != 400e3-208e3 || l.Holds != 400e3 || l.Level != 400 || !l.Confirmed() || !l.Stated() {
		t.Errorf("%+v", l)
	}
}

func TestTrialsTogether(t *testing.T) {
	one, two, none := found("hbm recompute", 300e3, 500e3)[0], found("hbm recompute", 100e3, 300e3)[0], found("hbm")[0]
	w := swept{sizes: byThousands, level: 1, hit: 100, to: stated(scenario.Tier{Name: "hbm", Capacity: 400e3}), series: []*Series{one, two, none}}
	if f := w.summary().Capacity; len(f) != 1 || f[0].Lo != 102e3+20 || f[0].Hi != 510e3+20 {
		t.Errorf("%+v", f)
	}
}

// A bandwidth of 50 GB/s gives 100 kB a token in 2 us.
func TestCostOfABandwidth(t *testing.T) {
	to := stated(scenario.Tier{Name: "hbm", Capacity: 400e3}, scenario.Tier{Name: "dram", Capacity: 1400e3, Bandwidth: 50e9})
	w := swept{sizes: byThousands, level: 1, hit: 100, to: to, series: found("hbm dram recompute", 300e3, 500e3, 1500e3, 2000e3)}
	f := w.summary().Capacity[1]
	if f.Allowed != metric.Of(2) || f.Found != metric.Of(5) || f.Cost != "dram: 1k tokens take 2.00 ms at best at 50.0 GB/s, found 5.00 ms" {
		t.Errorf("%+v", f)
	}
	w.to.KVBytesPerToken, w.series = 0, found("hbm", 300e3)
	f = w.summary().Capacity[1]
	if f.Allowed.Known() || f.Found.Known() || f.Cost != "dram: 1k tokens take a time that is not known, as kv_bytes_per_token is not, at 50.0 GB/s, not found" {
		t.Errorf("%+v", f)
	}
}

// A tier behind the first has two lines until one of them is found. Every series has its
// own, measured or not.
func TestLines(t *testing.T) {
	to := stated(scenario.Tier{Name: "hbm", Capacity: 400e3}, scenario.Tier{Name: "dram", Capacity: 1400e3})
	w := swept{sizes: byThousands, level: 1, hit: 100, to: to, told: []sample.Capacity{{Tier: "hbm", Tokens: 390e3, Source: "x"}}, series: found("hbm dram recompute", 300e3, 500e3, 1500e3, 2000e3)}
	print := func(s *Summary) string {
		var out []string
		for _, l := range s.Capacities() {
			out = append(out, fmt.Sprintf("%s %s %s %d %d %v %v", l.Tier, l.Source, l.Assumption, l.Holds, l.Distance, l.Confirmed(), l.Refuted()))
		}
		return strings.Join(out, "\n")
	}
	want := `hbm stated  400000 399980 true false
dram stated exclusive 1800000 1799980 true false
dram stated inclusive 1400000 1399980 false true
hbm x  390000 389980 true false`
	if got := print(w.summary()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.series = nil
	want = strings.NewReplacer("true false", "false false", "false true", "false false").Replace(want)
	if got := print(w.summary()); got != want {
		t.Errorf("before anything is measured: got\n%s\nwant\n%s", got, want)
	}
	if s := (swept{sizes: byThousands, level: 1, hit: 0, to: to}).summary(); s.Capacities() != nil {
		t.Errorf("where nothing is reused: %v", s.Capacities())
	}
	if s := (&Summary{}); s.Capacities() != nil || s.findCapacities() != nil {
		t.Error("a summary of nothing has capacities")
	}
}

// In sustained mode each size has its own level: a line lies where the size that it
// falls on would reach it.
func TestLinesOfAGrowingSet(t *testing.T) {
	s := swept{sizes: byThousands, level: 1, hit: 50, to: stated(scenario.Tier{Name: "hbm", Capacity: 700e3})}.summary()
	for i, m := range s.Merged {
		m.Spec.Steps, m.Level = make([]scenario.Step, len(s.Merged)), []int{500, 400, 300, 20, 10, 0}[i] // 260k, 208k, 156k, 10.4k ... private
	}
	lines := s.Capacities()
	if len(lines) != 1 || lines[0].Level != 300 || lines[0].Distance != 700e3-156e3 || lines[0].Series.Level != 0 {
		t.Errorf("%+v", lines)
	}
}

func TestEdgeOfATier(t *testing.T) {
	to := stated(scenario.Tier{Name: "hbm", Capacity: 1}, scenario.Tier{Name: "dram", Capacity: 1}, scenario.Tier{Name: "ssd", Capacity: 1})
	lower, null := metric.Lower(2040e3), metric.Value{}
	for _, c := range []struct {
		series         []*Series
		hbm, dram, ssd metric.Value
	}{
		{found("hbm dram ssd recompute", 100e3, 300e3, 500e3, 1000e3, 1500e3, 2000e3), metric.Of(102e3), metric.Of(510e3), metric.Of(1530e3)},
		{found("hbm dram", 100e3, 300e3), metric.Of(102e3), lower, lower},
		{found("hbm"), lower, lower, lower},
		{found("hbm recompute", 100e3, 300e3), metric.Of(102e3), null, null}, // the others hold nothing
		{found("dram ssd", 100e3, 300e3), null, metric.Of(102e3), lower},     // hbm ends before the sweep begins
		{found("hbm tier3", 100e3, 300e3), metric.Of(102e3), null, null},     // who it is is not known
		{append(found("hbm dram", 100e3, 300e3), append(found("hbm dram", 300e3, 500e3), found("hbm")...)...), metric.Of(306e3), lower, lower},
		{[]*Series{{}}, null, null, null},
		{nil, null, null, null},
	} {
		s := swept{sizes: byThousands, level: 1, hit: 100, to: to, series: c.series}.summary()
		for name, want := range map[string]metric.Value{"hbm": c.hbm, "dram": c.dram, "ssd": c.ssd} {
			if got := s.Edge(SeriesKey{1000, 100, 1}, name); got != want {
				t.Errorf("%v: edge.%s = %s, want %s", c.series, name, got, want)
			}
		}
	}
}

// Whatever is stated and found: a bracket that was found round a place fits it, and the
// lines of one series never contradict the finding.
func TestFindingsAgreeWithLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		to := stated(scenario.Tier{Name: "hbm", Capacity: rapid.Int64Range(1, 3e6).Draw(t, "hbm")}, scenario.Tier{Name: "dram", Capacity: rapid.Int64Range(1, 3e6).Draw(t, "dram")})
		i := rapid.IntRange(0, 2).Draw(t, "first edge")
		j := rapid.IntRange(i+1, 4).Draw(t, "second edge")
		series := [][]*Series{found("hbm"), found("hbm dram", byThousands[i], byThousands[i+1]), found("hbm dram recompute", byThousands[i], byThousands[i+1], byThousands[j], byThousands[j+1])}
		s := swept{sizes: byThousands, level: rapid.IntRange(1, 500).Draw(t, "level"), hit: 50, to: to, series: rapid.SampledFrom(series).Draw(t, "found")}.summary()
		confirmed := map[string]int{}
		for _, l := range s.Capacities() {
			var f CapacityFinding
			for _, c := range s.Capacity {
				if c.Tier == l.Tier {
					f = c
				}
			}
			switch {
			case l.Confirmed() && l.Refuted():
				t.Fatalf("both: %+v", l)
			case f.Hi > 0 && f.Lo <= l.Holds && l.Holds <= f.Hi && l.Refuted():
				t.Fatalf("refuted although the bracket %d-%d holds it: %+v", f.Lo, f.Hi, l)
			case l.Confirmed() && (f.Hi == 0 || l.Holds < f.Lo-tolerance(l.Holds, 1020) || l.Holds > f.Hi+tolerance(l.Holds, 1020)):
				t.Fatalf("confirmed outside of %d-%d: %+v", f.Lo, f.Hi, l)
			}
			if l.Confirmed() {
				confirmed[l.Tier]++
			}
		}
		if confirmed["dram"] > 1 {
			t.Fatalf("both assumptions hold: %+v", s.Capacity)
		}
	})
}
