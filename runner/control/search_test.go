package control

import (
	"strings"
	"testing"
	"time"
)

func config() Config {
	return Config{Lines: []Line{{"ttft.p95", 1}}, Margin: 0.1, Start: 2, Step: 2, Max: 1000, Sizes: 1,
		Assessment: 30 * time.Second, Duration: time.Hour, Hold: 3}
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func search(t fataler, cfg Config) *Search {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// server answers each period with 40 first tokens of one TTFT.
type server func(period, size, level int) float64

// drive gives the decisions until the cell is over, at most n.
func drive(s *Search, f server, n int) []Decision {
	last := s.Begin()
	var ds []Decision
	for i := range n {
		at := int64(i) * 30 * second
		o := Observation{Start: at, End: at + 30*second}
		if v := f(i+1, last.NextSize, last.Next); v >= 0 {
			o.TTFT = done(times(40, v)...)
		}
		last = s.Next(o)
		ds = append(ds, last)
		if last.Over {
			break
		}
	}
	return ds
}

// path writes decisions as "2ramp 4ramp ...": the level of each period and what was
// decided after it.
func path(ds []Decision) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(strings.TrimSpace(" "+itoa(d.Level)+string(d.Kind)) + " ")
	}
	return strings.TrimSpace(b.String())
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// over is a server whose TTFT is 0.3 s up to a level and above the limit beyond.
func over(level int) server {
	return func(_, _, c int) float64 {
		if c > level {
			return 3
		}
		return .3
	}
}

func TestSearchPaths(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  func(*Config)
		f    server
		want string
	}{
		"ramp, bisect, verify, hold": {f: over(21),
			want: "2ramp 4ramp 8ramp 16ramp 32bisect 24bisect 20bisect 22bisect 21verify 21verify 21hold 21hold 21hold 21end"},
		"proportional: headroom leads to the level, which leaves no room": {f: func(_, _, c int) float64 { return float64(c) / 100 },
			want: "2ramp 4ramp 8ramp 16ramp 32ramp 64ramp 90verify 90verify 90hold 90hold 90hold 90end"},
		"the highest level": {cfg: func(c *Config) { c.Max = 10 }, f: over(100),
			want: "2ramp 4ramp 8ramp 10cap 10verify 10hold 10hold 10hold 10end"},
		"steps count where doubling is less": {cfg: func(c *Config) { c.Step, c.Max = 20, 42 }, f: over(100),
			want: "2ramp 22ramp 42cap 42verify 42hold 42hold 42hold 42end"},
		"the floor fails": {f: over(1), want: "2floor 2floor 2end"},
		"the floor violates the margin only": {f: func(int, int, int) float64 { return .95 },
			want: "2floor 2floor 2hold 2hold 2hold 2end"},
		"the floor recovers": {f: func(p, _, c int) float64 {
			if p == 2 || p == 4 {
				return .6
			}
			return over(1)(p, 0, c)
		}, want: "2floor 2floor 2floor 2floor 2floor 2floor 2end"},
		"a failed verification goes to the room it found": {f: func(p, _, c int) float64 {
			if p >= 5 && c > 18 {
				return float64(c) / 20
			}
			return over(22)(p, 0, c)
		}, cfg: func(c *Config) { c.Max = 22 },
			want: "2ramp 4ramp 8ramp 16ramp 22bisect 19bisect 17bisect 18verify 18verify 18hold 18hold 18hold 18end"},
		"a period without anything says nothing": {f: func(p, _, c int) float64 {
			if p%2 == 0 {
				return -1
			}
			return over(100)(p, 0, c)
		}, cfg: func(c *Config) { c.Max = 4 }, want: "2ramp 4wait 4cap 4verify 4verify 4verify 4hold 4hold 4hold 4end"},
		"nothing ever said": {f: func(int, int, int) float64 { return -1 }, cfg: func(c *Config) { c.Duration = 90 * time.Second }, want: "2wait 2wait 2end"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			if got := path(drive(search(t, cfg), c.f, 60)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestConverged(t *testing.T) {
	ds := drive(search(t, config()), over(21), 60)
	end := ds[len(ds)-1]
	want := Outcome{Size: 0, Level: 21, Converged: true, Lo: 21, Hi: 22, From: 9 * 30 * second, To: 14 * 30 * second, Periods: 5, Search: 11}
	if end.Done == nil || *end.Done != want || end.Missed {
		t.Errorf("%+v, want %+v", end.Done, want)
	}
	for _, d := range ds {
		if len(d.Reason) < 20 {
			t.Errorf("period %d: %q", d.Period, d.Reason)
		}
	}
}

func TestVerificationFails(t *testing.T) {
	for name, c := range map[string]struct {
		after float64 // TTFT at and above 40 once it is verified, as a multiple of the limit
		next  int
	}{"to its room": {1, 36}, "at most to the level that passed": {3, 32}} {
		cfg := config()
		cfg.Max = 40
		ds := drive(search(t, cfg), func(p, _, level int) float64 {
			if p > 6 && level == 40 {
				return c.after
			}
			return .3
		}, 60)
		failed := ds[7]
		if failed.Level != 40 || failed.Next != c.next || failed.Kind != Verify || !strings.Contains(failed.Reason, "failed") {
			t.Errorf("%s: %+v", name, failed)
		}
		if end := ds[len(ds)-1]; !end.Done.Converged || end.Done.Level != c.next || end.Done.Hi != 40 {
			t.Errorf("%s: %+v", name, end.Done)
		}
	}
}

// A held level is lowered by 5 % when two of the last three windows violate, not
// before, and what is found below is verified.
func TestHoldHasHysteresis(t *testing.T) {
	cfg := config()
	cfg.Soak = true
	bad := map[int]bool{20: true} // one bad period: p95 of three pooled ones violates while it is in the window
	run := func(bad map[int]bool) []Decision {
		return drive(search(t, cfg), func(p, _, c int) float64 {
			if bad[p] && c > 95 {
				return 3
			}
			return over(100)(p, 0, c)
		}, 40)
	}
	lowered := func(ds []Decision) (at []Decision) {
		for _, d := range ds {
			if d.Next < d.Level && d.Period > 16 {
				at = append(at, d)
			}
		}
		return at
	}
	got := lowered(run(bad))
	if len(got) != 1 || got[0].Kind != Lower || got[0].Period != 21 || got[0].Level-got[0].Next != 5 {
		t.Errorf("one bad period in two windows: %+v", got)
	}
	cfg.Rules = DefaultRules()
	cfg.Rules.Violating = 3
	cfg.Rules.WindowPeriods, cfg.Rules.WindowSamples = 1, 20
	if got := lowered(run(bad)); len(got) != 0 {
		t.Errorf("one violating window of three: %+v", got)
	}
}

// A period in which nothing was seen is no second look at the one before it.
func TestHoldIsNotLoweredByNothing(t *testing.T) {
	cfg := config()
	cfg.Soak = true
	var after []Decision
	for _, d := range drive(search(t, cfg), func(p, _, c int) float64 {
		switch {
		case p == 20:
			return 3
		case p > 20 && p < 24:
			return -1
		}
		return over(100)(p, 0, c)
	}, 30) {
		if d.Period >= 20 && d.Period < 24 {
			after = append(after, d)
		}
	}
	for _, d := range after {
		if d.Kind != Hold || d.Next != d.Level {
			t.Errorf("%+v", d)
		}
	}
	if len(after) != 4 || !strings.Contains(after[0].Reason, "3.00s") {
		t.Errorf("the bad period is not seen: %+v", after)
	}
}

func TestBudget(t *testing.T) {
	cfg := config()
	cfg.Sizes, cfg.Duration = 2, 12*30*time.Second
	ds := drive(search(t, cfg), over(500), 60)
	var grown, end Decision
	for _, d := range ds {
		switch d.Kind {
		case Grow:
			grown = d
		case End:
			end = d
		}
	}
	if grown.Period != 6 || grown.Done.Converged || grown.Done.Lo != 64 || grown.Done.Hi != 0 || grown.Next != 64 || !strings.Contains(grown.Done.Reason, "no level has violated") {
		t.Errorf("%+v %+v", grown, grown.Done)
	}
	if end.Period != 12 || end.Done.Size != 1 || end.Done.Converged || !strings.Contains(end.Reason, "duration") || end.Missed {
		t.Errorf("%+v %+v", end, end.Done)
	}
}

func TestGrowth(t *testing.T) {
	cfg := config()
	cfg.Sizes = 3
	f := func(_, size, c int) float64 { return over([]int{40, 40, 12}[size])(0, size, c) }
	ds := drive(search(t, cfg), f, 100)
	var outs []Outcome
	edges := 0
	for _, d := range ds {
		if d.Done != nil {
			outs = append(outs, *d.Done)
		}
		if d.Edge == nil {
			continue
		}
		edges++
		if e := *d.Edge; d.Kind != Transition || e.FromSize != 1 || e.ToSize != 2 || e.Level != 40 || e.Before != .3 || e.After != 3 || e.Slower != 100 || e.HitBefore.Known() {
			t.Errorf("%+v %+v", d, e)
		}
	}
	if len(outs) != 3 || edges != 1 || !outs[0].Converged || !outs[1].Converged || !outs[2].Converged {
		t.Fatalf("%d edges, %+v\n%s", edges, outs, path(ds))
	}
	if outs[0].Level != 40 || outs[1].Level != 40 || outs[2].Level != 12 {
		t.Errorf("held %d, %d, %d", outs[0].Level, outs[1].Level, outs[2].Level)
	}
	if n := outs[1].Search; n != 3 {
		t.Errorf("a size that costs the same was verified after %d periods: change-over, full period, one more", n)
	}
}

func TestHitRateTellsATransition(t *testing.T) {
	for _, c := range []struct {
		cached int64
		edge   bool
	}{{100, false}, {85, false}, {70, true}} {
		s := search(t, func() Config { c := config(); c.Sizes, c.Max = 2, 4; return c }())
		last := s.Begin()
		found := false
		for i := range int64(20) {
			o := Observation{Start: i * 30 * second, End: (i + 1) * 30 * second, TTFT: done(times(40, .3)...), Cached: 100, Prompt: 100}
			if last.NextSize == 1 {
				o.Cached = c.cached
			}
			if last = s.Next(o); last.Edge != nil {
				found = true
				if last.Edge.HitBefore.V != 100 || last.Edge.HitAfter.V != float64(c.cached) || !strings.Contains(last.Reason, "found cached") {
					t.Errorf("%+v %+v", last, last.Edge)
				}
			}
			if last.Over {
				break
			}
		}
		if found != c.edge {
			t.Errorf("cached %d: edge %v", c.cached, found)
		}
	}
}

func TestGrowthByTime(t *testing.T) {
	cfg := config()
	cfg.Sizes, cfg.Duration, cfg.ByTime = 3, 36*30*time.Second, true
	var at []int
	for _, d := range drive(search(t, cfg), over(6), 60) {
		if d.Done != nil {
			at = append(at, d.Period)
			if !d.Done.Converged {
				t.Errorf("%+v", d.Done)
			}
		}
	}
	if len(at) != 3 || at[0] != 12 || at[1] != 24 || at[2] != 36 {
		t.Errorf("sizes end after periods %v", at)
	}
}

func TestSoakStaysUntilTheDuration(t *testing.T) {
	cfg := config()
	cfg.Sizes, cfg.Soak = 2, true
	ds := drive(search(t, cfg), over(6), 500)
	if end := ds[len(ds)-1]; end.Period != 120 || !end.Done.Converged || end.Done.Size != 1 || end.Done.Periods < 90 {
		t.Errorf("%+v %+v", end, end.Done)
	}
}

func TestExtends(t *testing.T) {
	cfg := config()
	cfg.Lines = append(cfg.Lines, Line{"output_rate.avg", 10})
	s := search(t, cfg)
	few := Observation{End: 30 * second, TTFT: done(times(19, .1)...), Rates: times(40, 50)}
	enough := Observation{End: 30 * second, TTFT: done(times(20, .1)...), Rates: times(20, 50)}
	for name, c := range map[string]struct {
		o    Observation
		want bool
	}{
		"few":                {few, true},
		"few at four times":  {Observation{End: 120 * second, TTFT: few.TTFT}, false},
		"few before that":    {Observation{End: 119 * second, TTFT: few.TTFT}, true},
		"enough":             {enough, false},
		"waiting count not":  {Observation{End: 30 * second, TTFT: append(few.TTFT, waiting(.1)...), Rates: few.Rates}, true},
		"output rates count": {Observation{End: 30 * second, TTFT: enough.TTFT, Rates: times(19, 50)}, true},
	} {
		if got := s.Extends(c.o); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if d := s.Next(few); d.Next == d.Level || !s.Extends(few) {
		t.Errorf("after a change: %+v", d)
	}
	if d := s.Next(Observation{Start: 30 * second, End: 60 * second}); d.Kind != Wait || s.Extends(few) {
		t.Errorf("without a change: %+v", d)
	}
}

// A level that was only ever seen while it was filling up says nothing of the TTFT before
// a growth: what is slower afterwards is the full level, not the larger set. The share
// found cached is told all the same.
func TestChangeOverAloneIsNoBefore(t *testing.T) {
	for _, cached := range []int64{90, 10} {
		cfg := config()
		cfg.Sizes, cfg.ByTime, cfg.Duration = 2, true, 8*30*time.Second
		s := search(t, cfg)
		last, edges := s.Begin(), 0
		for i := range 8 {
			o := Observation{Start: int64(i) * 30 * second, End: int64(i+1) * 30 * second, Cached: 90, Prompt: 100}
			ttft := 0.1
			if last.NextSize == 1 {
				ttft, o.Cached = 0.3, cached
			}
			o.TTFT = done(times(40, ttft)...)
			if last = s.Next(o); last.Edge != nil {
				edges++
				if last.Edge.Before != 0 || last.Edge.HitBefore.V != 90 || !strings.Contains(last.Reason, "found cached 10.0% instead of 90.0% (growth") || strings.Contains(last.Reason, "TTFT p50") {
					t.Errorf("%+v: %s", last.Edge, last.Reason)
				}
			}
		}
		if want := map[int64]int{90: 0, 10: 1}[cached]; edges != want || last.Size != 1 {
			t.Errorf("%d of 100 cached after growth: %d transitions, want %d", cached, edges, want)
		}
	}
}
