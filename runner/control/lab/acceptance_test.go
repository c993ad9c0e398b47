package lab

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/control"
)

const (
	assessment = 30 * time.Second
	limit      = 5.0 // seconds of TTFT
	holding    = 30  // periods that a hold goes on
	window     = 3   // periods
)

// setting is one server of the acceptance.
type setting struct {
	name  string
	shape Shape
	least float64 // of the true level, that must be held
	stat  string
	sigma float64
	level int
}

func settings() (all []setting) {
	for _, level := range []int{20, 60, 400} {
		for _, s := range []setting{{name: "linear", shape: Linear, least: .70}, {name: "quadratic", shape: Quadratic, least: .80}, {name: "knee", shape: Knee, least: .85}} {
			s.level = level
			s.stat, s.sigma = "p95", 0.3
			all = append(all, s)
			s.stat, s.sigma = "avg", 0.5
			all = append(all, s)
		}
	}
	return all
}

func (s setting) String() string {
	return fmt.Sprintf("%s, %s, true level %d", s.name, s.stat, s.level)
}

func (s setting) model() Model {
	return Model{Shape: s.shape, Limit: limit, Levels: []int{s.level}, Sigma: s.sigma, Stat: s.stat, Rate: 40 / assessment.Seconds()}
}

func (s setting) lines() []control.Line {
	return []control.Line{{Metric: "ttft." + s.stat, Limit: limit}}
}

func soak(lines []control.Line) control.Config {
	return control.Config{Lines: lines, Margin: 0.1, Start: 2, Step: 2, Max: 1000, Sizes: 1,
		Assessment: assessment, Duration: 24 * time.Hour, Hold: 3, Soak: true}
}

func controller(t testing.TB, cfg control.Config) *control.Search {
	t.Helper()
	c, err := control.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outcome is what one run came to, in the 30 periods after its level was first
// verified, whatever the controller did in them.
type outcome struct {
	level     float64 // at the end, as a share of the true one
	violating float64 // share of the pooled windows that violate the limit: at the end of each period, the last three of the same level
	search    float64 // periods until the level was verified, the verification included
}

func (s setting) run(t testing.TB, seed uint64) (o outcome) {
	c := controller(t, soak(s.lines()))
	var pool []control.Observation
	windows, bad, held := 0, 0, 0
	changed := false
	steps := Run(c, s.model(), Options{Period: assessment, Periods: 120, Seed: seed, Until: func(st Step) bool {
		if changed {
			pool = nil
		}
		changed = st.Decision.Changed()
		pool = append(pool, st.Seen)
		if o.search == 0 {
			if st.Decision.Kind == control.Hold {
				o.search = float64(st.Decision.Period)
			}
			return false
		}
		o.level = float64(st.Decision.Level) / float64(s.level)
		if held++; len(pool) >= window {
			windows++
			if room, known := control.Room(s.lines(), 0, pool[len(pool)-window:]...); known && room < 1 {
				bad++
			}
		}
		return held == holding
	}})
	if o.search == 0 {
		t.Fatalf("%s, seed %d: never held in %d periods", s, seed, len(steps))
	}
	o.violating = float64(bad) / float64(max(windows, 1))
	return o
}

var many = flag.Int("seeds", 50, "runs of each server of the acceptance")

// The acceptance of sustained mode, 50 runs each; go test -v -seeds 1000 shows rates.
func TestAcceptance(t *testing.T) {
	seeds := *many
	for _, s := range settings() {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			var levels, searches []float64
			good := 0
			for seed := range uint64(seeds) {
				o := s.run(t, seed+1)
				levels, searches = append(levels, o.level), append(searches, o.search)
				if o.violating <= 0.1 && o.level >= s.least {
					good++
				}
			}
			slices.Sort(levels)
			slices.Sort(searches)
			t.Logf("%.1f %% of runs good; level held p10 %.3f p50 %.3f p90 %.3f of the true one; periods until verified p50 %.0f p90 %.0f", 100*float64(good)/float64(seeds),
				stats.Quantile(levels, .1), stats.Quantile(levels, .5), stats.Quantile(levels, .9), stats.Quantile(searches, .5), stats.Quantile(searches, .9))
			if 10*good < 9*seeds {
				t.Errorf("%d of %d runs held at least %.0f %% of the true level with at most 10 %% of windows violating, want 9 of 10", good, seeds, 100*s.least)
			}
			if m := stats.Quantile(levels, .5); m > 1 {
				t.Errorf("the median level is %.3f of the true one", m)
			}
			if m := stats.Quantile(searches, .5); s.level == 400 && m > 16 {
				t.Errorf("verified after %.1f periods (median), want at most 16", m)
			}
		})
	}
}
