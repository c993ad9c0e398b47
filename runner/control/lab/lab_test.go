package lab

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/control"
)

func p95() setting { return setting{shape: Linear, stat: "p95", sigma: 0.3, level: 60} }

func TestSameSeedSameRun(t *testing.T) {
	run := func(seed uint64) []Step {
		return Run(controller(t, soak(p95().lines())), p95().model(), Options{Period: assessment, Periods: 60, Seed: seed})
	}
	if !reflect.DeepEqual(run(7), run(7)) {
		t.Error("two runs of a seed differ")
	}
	if reflect.DeepEqual(run(7), run(8)) {
		t.Error("two seeds give the same run")
	}
}

// What the laboratory shows is what the model says: 40 a period, the statistic at its
// limit at the true level.
func TestWorldIsTheModel(t *testing.T) {
	for _, s := range settings() {
		m := s.model()
		w := &world{server: m, rng: rand.New(rand.NewPCG(1, 2)), period: assessment, level: s.level}
		c := controller(t, soak(s.lines()))
		var pool []control.Observation
		firsts := 0
		for range 500 {
			o := w.observe(c)
			pool = append(pool, o)
			for _, l := range o.TTFT {
				if l.Event {
					firsts++
				}
			}
		}
		if n := float64(firsts) / 500; math.Abs(n-40) > .1 {
			t.Errorf("%s: %v first tokens a period", s, n)
		}
		if room, known := control.Room(s.lines(), 0, pool...); !known || math.Abs(room-1) > 0.02 {
			t.Errorf("%s: the limit is %v times what is measured at the true level", s, room)
		}
	}
}

// Latencies longer than the period, all within the limit: the level only rises, and
// nothing is ever called overload.
func TestLongLatenciesNeverLower(t *testing.T) {
	for _, stat := range []string{"avg", "p50", "p95"} {
		for seed := range uint64(20) {
			m := Model{Shape: func(float64) float64 { return 0.6 }, Limit: 120, Levels: []int{60}, Sigma: 0.2, Stat: "p95", Rate: 40 / assessment.Seconds()}
			cfg := soak([]control.Line{{Metric: "ttft." + stat, Limit: 120}})
			cfg.Max = 200
			steps := Run(controller(t, cfg), m, Options{Period: assessment, Periods: 60, Seed: seed})
			for _, st := range steps {
				if d := st.Decision; d.Next < d.Level || d.Kind == control.Floor {
					t.Fatalf("%s, seed %d: %+v", stat, seed, d)
				}
			}
			if d := steps[len(steps)-1].Decision; d.Next != 200 || d.Kind != control.Hold {
				t.Errorf("%s, seed %d: ends with %+v", stat, seed, d)
			}
		}
	}
}

// The level is found as well when TTFT at the limit is four periods long.
func TestLongLatenciesFindTheLevel(t *testing.T) {
	for seed := range uint64(20) {
		s := p95()
		m := s.model()
		m.Limit = 120
		steps := Run(controller(t, soak([]control.Line{{Metric: "ttft.p95", Limit: 120}})), m, Options{Period: assessment, Periods: 120, Seed: seed})
		if d := steps[len(steps)-1].Decision; d.Kind != control.Hold || d.Level < 42 || d.Level > 60 {
			t.Errorf("seed %d: %+v", seed, d)
		}
	}
}

// never is a server that stops answering above a level.
type never struct {
	Model
	above int
}

func (n never) Request(level, size int, rng *rand.Rand) Request {
	r := n.Model.Request(level, size, rng)
	if level > n.above {
		r.TTFT = math.Inf(1)
	}
	return r
}

// Requests that get no token at all violate once they have waited longer than the
// limit: at a level that answers they are found, at none the cell ends.
func TestNoAnswers(t *testing.T) {
	s := p95()
	steps := Run(controller(t, soak(s.lines())), never{s.model(), 21}, Options{Period: assessment, Periods: 60, Seed: 1})
	if d := steps[len(steps)-1].Decision; d.Level != 21 || d.Kind != control.Hold {
		t.Errorf("%+v", d)
	}
	steps = Run(controller(t, soak(s.lines())), never{s.model(), 1}, Options{Period: assessment, Periods: 60, Seed: 1})
	if d := steps[len(steps)-1].Decision; !d.Missed || len(steps) != 3 {
		t.Errorf("after %d periods: %+v", len(steps), d)
	}
}

// tiers is a server with a cache: beyond its edge the same level costs more, and less
// comes out.
type tiers struct{ Model }

func (s tiers) PerSecond(level, size int) float64 {
	return s.Rate * float64(s.Levels[size]) / float64(s.Levels[0])
}

func growing(s setting) control.Config {
	cfg := soak(s.lines())
	cfg.Sizes, cfg.Soak, cfg.Duration = 4, false, 4*60*assessment
	return cfg
}

// A tier's edge between the second and the third size is reported as one, at each
// seed, and nowhere else; the sizes' levels follow.
func TestTransition(t *testing.T) {
	for _, s := range settings() {
		if s.level != 60 {
			continue
		}
		other, missed := 0, 0
		const seeds = 50
		for seed := range uint64(seeds) {
			m := s.model()
			m.Levels = []int{60, 60, 20, 20}
			var outs []control.Outcome
			edges := map[int]bool{}
			for _, st := range Run(controller(t, growing(s)), tiers{m}, Options{Period: assessment, Periods: 400, Seed: seed, Ingest: time.Minute}) {
				d := st.Decision
				if d.Edge != nil {
					edges[d.Edge.ToSize] = true
					if d.Kind != control.Transition || !strings.Contains(d.Reason, "tier transition between size") {
						t.Errorf("%s, seed %d: %+v", s, seed, d)
					}
				}
				if d.Done != nil {
					outs = append(outs, *d.Done)
				}
			}
			if !edges[2] {
				missed++
			}
			if delete(edges, 2); len(edges) > 0 {
				other++
			}
			if len(outs) != 4 || outs[2].Level > 22 || outs[2].Level < 10 || outs[1].Level < 30 {
				t.Errorf("%s, seed %d: %+v", s, seed, outs)
			}
		}
		if missed > 0 || other > 1 {
			t.Errorf("%s: of %d runs %d missed the edge, %d saw another", s, seeds, missed, other)
		}
	}
}

// A server whose throughput halves with growth while TTFT stays: nothing to report, and
// the level stays.
func TestLessThroughputIsNoOverload(t *testing.T) {
	s := setting{shape: Knee, stat: "p95", sigma: 0.3, level: 60}
	slow := slower{s.model()}
	slow.Levels = []int{60, 60, 60, 60}
	level := 0
	for _, st := range Run(controller(t, growing(s)), slow, Options{Period: assessment, Periods: 400, Seed: 3}) {
		d := st.Decision
		if d.Edge != nil || d.Kind == control.Descend || d.Missed {
			t.Errorf("%+v", d)
		}
		if d.Done != nil && level > 0 && d.Done.Level < level-3 {
			t.Errorf("from %d to %+v", level, d.Done)
		}
		if d.Done != nil {
			level = d.Done.Level
		}
	}
}

// slower gives a quarter less with each size.
type slower struct{ Model }

func (s slower) PerSecond(_, size int) float64 { return s.Rate * math.Pow(.75, float64(size)) }

// Both limits at once: the tighter one decides.
func TestOutputRate(t *testing.T) {
	for _, c := range []struct {
		stat string
		want int // the largest level that truly holds
	}{{"avg", 40}, {"p5", 40}, {"p10", 40}} {
		s := p95()
		m := s.model()
		m.Decode = 8
		at40 := map[string]float64{"avg": 1, "p5": math.Exp(-.3*z95 - .045), "p10": math.Exp(-.3*1.2815515655446004 - .045)}[c.stat]
		m.RateAt = func(level, _ int) float64 { return 20 / at40 * 40 / float64(level) }
		lines := append(s.lines(), control.Line{Metric: "output_rate." + c.stat, Limit: 20})
		good := 0
		for seed := range uint64(20) {
			steps := Run(controller(t, soak(lines)), m, Options{Period: assessment, Periods: 50, Seed: seed})
			d := steps[len(steps)-1].Decision
			if d.Level >= c.want*7/10 && d.Level <= c.want {
				good++
			}
		}
		if good < 18 {
			t.Errorf("%s: %d of 20 runs near %d", c.stat, good, c.want)
		}
	}
}

// The loop that this one replaces violates every second period once it is there; this
// is how another controller is tried.
func TestOriginalNeverSettles(t *testing.T) {
	s := p95()
	violating := func(c control.Controller) float64 {
		bad, n := 0, 0
		for _, st := range Run(c, s.model(), Options{Period: assessment, Periods: 120, Seed: 5})[40:] {
			n++
			if room, known := control.Room(s.lines(), 0, st.Seen); known && room < 1 {
				bad++
			}
		}
		return float64(bad) / float64(n)
	}
	old := violating(&Original{Lines: s.lines(), Start: 2, Step: 2, Max: 1000})
	now := violating(controller(t, soak(s.lines())))
	if old < 0.4 || now > 0.2 {
		t.Errorf("periods in violation: %.0f %% then, %.0f %% now", 100*old, 100*now)
	}
}

func BenchmarkPeriods(b *testing.B) {
	s := p95()
	for b.Loop() {
		Run(controller(b, soak(s.lines())), s.model(), Options{Period: assessment, Periods: 1000, Seed: 1})
	}
	b.ReportMetric(float64(b.N*1000)/b.Elapsed().Seconds(), "periods/s")
}
