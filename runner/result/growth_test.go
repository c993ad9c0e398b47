package result

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// fits is TTFT on a server that holds so many prompts: 0.1 s at level 4 when found,
// 0.4 s when not, in proportion to the level.
func fits(g *grower, prompts int) func(step, level int) float64 {
	return func(step, level int) float64 {
		base := 0.1
		if g.sizes[step] > prompts {
			base = 0.4
		}
		return base * float64(level) / 4
	}
}

// A tier transition during growth is one, at the level at which both sides were met,
// though the level is lowered afterwards and TTFT is the same again.
func TestTransitionDuringGrowth(t *testing.T) {
	for _, silent := range []bool{false, true} {
		g := newGrower(10, 20, 30, 40)
		g.ttft = fits(g, 25)
		g.legs = []leg{{0, 8, 6, "grow"}, {1, 8, 6, "grow"}, {2, 8, 3, "transition"}, {2, 2, 6, "grow"}, {3, 2, 6, "end"}}
		g.ingest = 3
		g.silent = silent
		g.cached = func(step int) int64 {
			if g.sizes[step] > 25 {
				return 0
			}
			return 900
		}
		sum := g.summary()
		if len(sum.Series) != 1 || len(sum.Series[0].Transitions) != 1 {
			t.Fatalf("silent %v: series %+v", silent, sum.Series)
		}
		s := sum.Series[0]
		tr := s.Transitions[0]
		if s.SeriesKey != (SeriesKey{1000, 90, 0}) || s.Trial != 1 || s.LevelOf(0) != 8 || s.Farthest != 40*1020 || s.None != "" || s.Notes != nil {
			t.Errorf("silent %v: %+v", silent, s)
		}
		if tr.Lo != 20*1020 || tr.Hi != 30*1020 || !within(tr.Before, 0.2, 0.02) || !within(tr.After, 0.8, 0.02) || !within(tr.MsPer1kToken, 600/0.9, 0.05) {
			t.Errorf("silent %v: %+v", silent, tr)
		}
		if to := "recompute"; !silent && tr.To != to {
			t.Errorf("to %q, want %q", tr.To, to)
		}
		if e := sum.Edges(SeriesKey{1000, 90, 0}); e[0] != metric.Of(20*1020) || e[1] != metric.Lower(40*1020) {
			t.Errorf("edges %v", e)
		}
		if sum.Merged[0].Series() != s.SeriesKey || sum.Merged[3].Series() != s.SeriesKey {
			t.Error("points do not know their series")
		}
	}
}

// More load is no tier: what the level alone does to TTFT is no transition.
func TestLoadIsNoTransition(t *testing.T) {
	g := newGrower(10, 20, 30, 40)
	g.silent = true
	g.ttft = fits(g, 1000)
	g.legs = []leg{{0, 2, 6, "grow"}, {1, 2, 3, "ramp"}, {1, 8, 6, "grow"}, {2, 8, 3, "lower"}, {2, 3, 6, "grow"}, {3, 3, 6, "end"}}
	s := g.summary().Series[0]
	if len(s.Transitions) != 0 || !strings.HasPrefix(s.None, "no transition up to 40.8k reuse distance") || s.Notes != nil {
		t.Errorf("%+v", s)
	}
}

// Two edges, each met at a level of its own, are two transitions with the TTFTs that
// were seen there.
func TestTwoTransitionsAtDifferentLevels(t *testing.T) {
	g := newGrower(10, 20, 30, 40, 50, 60)
	g.silent = true
	cost := []float64{0.1, 0.1, 0.3, 0.3, 1.2, 1.2} // at level 4
	g.ttft = func(step, level int) float64 { return cost[step] * float64(level) / 4 }
	g.legs = []leg{{0, 8, 6, "grow"}, {1, 8, 6, "grow"}, {2, 8, 3, "transition"}, {2, 2, 6, "grow"}, {3, 2, 6, "grow"}, {4, 2, 8, "transition"}, {4, 1, 20, "grow"}, {5, 1, 20, "end"}}
	s := g.summary().Series[0]
	if len(s.Transitions) != 2 {
		t.Fatalf("%+v", s)
	}
	for i, want := range []struct {
		lo, hi        int64
		level         int
		before, after float64
	}{{20, 30, 8, 0.2, 0.6}, {40, 50, 2, 0.15, 0.6}} {
		tr := s.Transitions[i]
		if tr.Lo != want.lo*1020 || tr.Hi != want.hi*1020 || s.LevelOf(i) != want.level || !within(tr.Before, want.before, 0.03) || !within(tr.After, want.after, 0.03) {
			t.Errorf("transition %d at level %d: %+v, want %+v", i, s.LevelOf(i), tr, want)
		}
	}
}

// Where growth came with another level, the smaller size's last periods at that level
// are compared; where it never had it, the result says what cannot be seen.
func TestGrowthWithAnotherLevel(t *testing.T) {
	g := newGrower(10, 30)
	g.silent = true
	g.ttft = fits(g, 20)
	g.legs = []leg{{0, 4, 3, "ramp"}, {0, 8, 1, "grow"}, {1, 4, 6, "end"}}
	s := g.summary().Series[0]
	if len(s.Transitions) != 1 || s.LevelOf(0) != 4 || !within(s.Transitions[0].Before, 0.1, 0.03) || !within(s.Transitions[0].After, 0.4, 0.03) {
		t.Errorf("an earlier stretch at the same level: %+v", s)
	}
	g.legs = []leg{{0, 8, 6, "grow"}, {1, 4, 6, "end"}}
	s = g.summary().Series[0]
	if len(s.Transitions) != 0 || !strings.Contains(s.None, "no transition can be told: between 10k and 30k TTFT was not compared at one level (the level went from 8 to 4)") {
		t.Errorf("no stretch at the same level: %+v", s)
	}
	g.silent = false
	g.cached = func(step int) int64 { return []int64{900, 0}[step] }
	s = g.summary().Series[0]
	if len(s.Transitions) != 1 || s.LevelOf(0) != 0 || s.Transitions[0].Before != 0 || s.Transitions[0].MsPer1kToken != 0 || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "only the tokens told cached speak there") {
		t.Errorf("told tokens alone: %+v", s)
	}
}

// A size whose point cannot be used is no end of a bracket; growth through it counts.
func TestTransitionPastAnUnusablePoint(t *testing.T) {
	g := newGrower(10, 20, 30)
	g.silent = true
	g.ttft = fits(g, 15)
	u := g.unit(1)
	for _, r := range u.Requests {
		if w := u.step(PhaseMeasure, 1); r.Started > w.Start && r.End < w.End && r.ID%5 == 0 {
			r.Class = sample.Reset // 20 % fail: invalid
		}
	}
	sum := Summarise(g.record(u))
	if sum.Points[1].Validity != ValidInvalid {
		t.Fatalf("the middle point is %s", sum.Points[1].Validity)
	}
	s := sum.Series[0]
	if len(s.Transitions) != 1 || s.Transitions[0].Lo != 10*1020 || s.Transitions[0].Hi != 30*1020 || !within(s.Transitions[0].After/s.Transitions[0].Before, 4, 0.05) {
		t.Errorf("%+v", s)
	}
}

// Noise is no transition, and hides none: over sixteen sizes, few first tokens after each
// growth, and log-normal TTFT, nothing is found where nothing is, and an edge that triples TTFT is
// found where it is.
func TestGrowthThroughNoise(t *testing.T) {
	for _, sigma := range []float64{0.3, 0.5} {
		for _, edge := range []int{0, 45} {
			right := 0
			const runs = 10
			for seed := range runs {
				rng := rand.New(rand.NewPCG(uint64(seed), 1))
				g := newGrower(10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160)
				g.silent = true
				level := func() int { return 3 + rng.IntN(4) }
				g.legs = nil
				now := level()
				for step := range g.sizes {
					g.legs = append(g.legs, leg{step, now, 2, "ramp"})
					now = level()
					g.legs = append(g.legs, leg{step, now, 4, "grow"})
				}
				g.noisy = func(_ float64, step, level int) float64 {
					base := 0.9 * float64(level) / 4
					if edge > 0 && g.sizes[step] > edge {
						base *= 3
					}
					return base * math.Exp(sigma*rng.NormFloat64())
				}
				s := g.summary().Series[0]
				want := edge == 0 && strings.HasPrefix(s.None, "no transition up to 163k reuse distance (the server tells no capacity)") ||
					edge > 0 && len(s.Transitions) == 1 && s.Transitions[0].LoSize == 40_000 && s.Transitions[0].HiSize == 50_000
				if want {
					right++
				} else {
					t.Logf("sigma %g, edge %d, seed %d: %+v", sigma, edge, seed, s)
				}
			}
			if right < runs*9/10 {
				t.Errorf("sigma %g, edge %d: right in %d of %d runs", sigma, edge, right, runs)
			}
		}
	}
}

// The change-over after a growth is no part of the comparison, nor is what started
// before it.
func TestChangeOverIsNotCompared(t *testing.T) {
	g := newGrower(10, 20)
	g.silent = true
	g.noisy = func(start float64, step, _ int) float64 {
		switch {
		case step == 0 && start > 64: // first tokens well inside the far side's full periods
			return 20
		case step == 1 && start < 76:
			return 2
		}
		return 0.5
	}
	u := g.unit(1)
	c := u.inTime().compare(0)
	if c.level != 4 || len(c.after) < enoughLooks || len(c.after) > 2*enoughLooks || c.after[0] != c.after[len(c.after)-1] {
		t.Errorf("compared: level %d, %d after from %v", c.level, len(c.after), c.after[max(0, len(c.after)-1):])
	}
	if s := Summarise(g.record(u)).Series[0]; len(s.Transitions) != 0 {
		t.Errorf("%+v", s)
	}
}

// A change-over to a new level says nothing of the TTFT before a growth: the level was
// still filling up. One that came with the size alone does.
func TestChangeOverAloneIsNoBefore(t *testing.T) {
	g := newGrower(10, 20, 40)
	g.legs = []leg{{0, 2, 3, "ramp"}, {0, 4, 1, "grow"}, {1, 4, 1, "grow"}, {2, 4, 6, "grow"}}
	u := g.unit(1)
	if c := u.inTime().compare(0); c.level != 0 || c.why != "only the change-over to 4 in flight was seen before it" {
		t.Errorf("compared at %d with a level that was filling up: %q", c.level, c.why)
	}
	if c := u.inTime().compare(1); c.level != 4 || len(c.before) == 0 {
		t.Errorf("not compared with a change of size alone: %q", c.why)
	}
}

// An edge that is met in two growths, at a level each, is one transition: what it costs
// is what both did.
func TestMixedSizeInsideATransition(t *testing.T) {
	g := newGrower(30, 36, 40, 44)
	g.silent = true
	n := 0
	g.noisy = func(_ float64, step, level int) float64 {
		n++
		base := 0.1 * float64(level) / 4
		if step == 3 || step == 2 && n%5 < 2 {
			base *= 4
		}
		return base
	}
	g.legs = []leg{{0, 8, 6, "grow"}, {1, 8, 6, "grow"}, {2, 8, 6, "transition"}, {2, 2, 12, "grow"}, {3, 2, 12, "end"}}
	s := g.summary().Series[0]
	if len(s.Transitions) != 1 {
		t.Fatalf("%+v", s)
	}
	tr := s.Transitions[0]
	if tr.LoSize != 36_000 || tr.HiSize != 44_000 || len(tr.Mixed) != 1 || s.LevelOf(0) != 8 || !within(tr.Before, 0.2, 0.01) || !within(tr.After, 0.8, 0.01) {
		t.Errorf("%+v at level %d", tr, s.LevelOf(0))
	}
}
