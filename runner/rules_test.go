package runner

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// base is a scenario to which each test adds its own lines.
const base = `
name: rules
target: {endpoints: [http://sim0], %s, metrics: none}
contexts: [512]
mode: fixed
output_tokens: 4
assessment_period: 2s
`

func scenarioOf(lines string) string { return fmt.Sprintf(base, identify) + lines }

// outcome lists what became of each level of each unit: "cell/level state reason".
func (w *world) outcome() []string {
	var out []string
	for _, u := range w.Record().Units {
		if len(u.Phases) == 0 {
			out = append(out, fmt.Sprintf("%s#%d %s: %s", u.Cell, u.Trial, u.State, u.Reason))
		}
		for _, p := range u.Phases {
			switch p.Phase {
			case result.PhaseMeasure:
				out = append(out, fmt.Sprintf("%s#%d@%d measured %s%s", u.Cell, u.Trial, p.Level, time.Duration(p.End-p.Start), prefixed(" stop ", p.Stop)))
			case result.PhaseSkipped:
				out = append(out, fmt.Sprintf("%s#%d@%d skipped: %s", u.Cell, u.Trial, p.Level, p.Reason))
			}
		}
	}
	return out
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func (w *world) wantOutcome(want ...string) {
	w.t.Helper()
	if got := w.outcome(); !slices.Equal(got, want) {
		w.t.Errorf("outcome\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// queued makes TTFT grow with concurrency: one prefill of 151.2 ms at a time.
func queued(p *simulator.Profile) {
	p.Queue = "serial"
	p.Tiers[0].Capacity = 1000 // nothing fits: every prompt is computed
}

func TestVirtualDecisions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lines string
		want        []string
		fails       bool
	}{
		{name: "slo skips the higher levels", lines: `
working_set: [8192]
concurrency: [1, 4, 8]
duration: 10s
slo: {ttft: {p50: 400ms}}
`, want: []string{
			"ctx512_ws8192_cache100#1@1 measured 10s",
			"ctx512_ws8192_cache100#1@4 measured 10s stop ttft.p50 > 400ms",
			"ctx512_ws8192_cache100#1@8 skipped: slo missed at concurrency 4: ttft.p50 > 400ms",
		}},
		{name: "on_miss continue measures them", lines: `
working_set: [8192]
concurrency: [1, 4, 8]
duration: 10s
on_miss: continue
slo: {ttft: {p50: 400ms}}
`, want: []string{
			"ctx512_ws8192_cache100#1@1 measured 10s",
			"ctx512_ws8192_cache100#1@4 measured 10s stop ttft.p50 > 400ms",
			"ctx512_ws8192_cache100#1@8 measured 10s stop ttft.p50 > 400ms",
		}},
		{name: "repeats extend a passing level", lines: `
working_set: [8192]
concurrency: [1, 4]
duration: 10s
repeats: 2
slo: {ttft: {p50: 400ms}}
`, want: []string{
			"ctx512_ws8192_cache100#1@1 measured 30s",
			"ctx512_ws8192_cache100#1@4 measured 10s stop ttft.p50 > 400ms",
		}},
		{name: "a stop on the finished level ends the cell", lines: `
working_set: [8192, 9216]
concurrency: [4, 8]
duration: 10s
stop: [ttft.p50 > 400ms]
`, want: []string{
			"ctx512_ws8192_cache100#1@4 measured 10s stop ttft.p50 > 400ms",
			"ctx512_ws8192_cache100#1@8 skipped: stop: ttft.p50 > 400ms",
			"ctx512_ws9216_cache100#1@4 measured 10s stop ttft.p50 > 400ms",
			"ctx512_ws9216_cache100#1@8 skipped: stop: ttft.p50 > 400ms",
		}},
		{name: "ends level cuts the window after its periods", lines: `
working_set: [8192]
concurrency: [4, 8]
duration: 10s
stop: [{when: ttft.p50 > 400ms, periods: 2, ends: level, fail: true}]
`, want: []string{
			"ctx512_ws8192_cache100#1@4 measured 4s stop ttft.p50 > 400ms",
			"ctx512_ws8192_cache100#1@8 measured 4s stop ttft.p50 > 400ms",
		}, fails: true},
		{name: "ends sweep skips the larger sizes of this hit rate", lines: `
working_set: [8192, 9216]
hit_rates: [50, 100]
concurrency: [4]
duration: 10s
stop: [{when: hit_rate == 50 and ttft.p50 > 400ms, ends: sweep, reason: too slow}]
`, want: []string{
			"ctx512_ws8192_cache50#1@4 measured 10s stop hit_rate == 50 and ttft.p50 > 400ms",
			"ctx512_ws9216_cache50#1 skipped: too slow (hit_rate == 50 and ttft.p50 > 400ms)",
			"ctx512_ws8192_cache100#1@4 measured 10s",
			"ctx512_ws9216_cache100#1@4 measured 10s",
		}},
		{name: "ends run with fail", lines: `
working_set: [8192, 9216]
concurrency: [4]
duration: 10s
stop: [{when: completed > 5, ends: run, fail: true}]
`, want: []string{
			"ctx512_ws8192_cache100#1@4 measured 10s stop completed > 5",
			"ctx512_ws9216_cache100#1 skipped: stop: completed > 5",
		}, fails: true},
		{name: "total and prev in a period's condition", lines: `
working_set: [8192]
concurrency: [1]
duration: 20s
stop: [{when: total.completed > 30 and prev.completed > 5, periods: 1}]
`, want: []string{"ctx512_ws8192_cache100#1@1 measured 6s stop total.completed > 30 and prev.completed > 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, scenarioOf(c.lines), []simulator.Profile{profile(queued)}, nil, func(w *world) {
				w.mustRun()
				w.wantOutcome(c.want...)
				failed := slices.ContainsFunc(w.Record().Notes, func(n *result.Note) bool { return n.Fail })
				if failed != c.fails {
					t.Errorf("a failing note: %v, want %v", failed, c.fails)
				}
			})
		})
	}
}

// A level with min and max ends at the first period's end at or after min at which it
// holds 59 first tokens and 90 % of the set was touched; at the latest at max.
func TestVirtualDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, lines string
		want        time.Duration
	}{
		// A request takes 133 ms: 15 in each 2 s, 59 after 8 s.
		{"59 first tokens", "working_set: [8192]\nduration: {min: 2s, max: 60s}\n", 8 * time.Second},
		// 299 where a p99 is named: after 40 s.
		{"299 for a p99", "working_set: [8192]\nduration: {min: 2s, max: 60s}\nstop: [ttft.p99 > 60s]\n", 40 * time.Second},
		// 150 prompts: 135 of them after 18 s.
		{"the set was touched", "working_set: [76800]\nduration: {min: 2s, max: 60s}\n", 18 * time.Second},
		{"at the latest max", "working_set: [76800]\nduration: {min: 2s, max: 12s}\n", 12 * time.Second},
		{"plain is exact", "working_set: [8192]\nduration: 5s\n", 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, scenarioOf(c.lines+"concurrency: [1]\n"), []simulator.Profile{profile()}, nil, func(w *world) {
				w.mustRun()
				for _, p := range w.phases(result.PhaseMeasure) {
					if got := time.Duration(p.End - p.Start); got != c.want {
						t.Errorf("measured %v, want %v", got, c.want)
					}
				}
			})
		})
	}
}

// A TTFT longer than the period is measured as what it is: 20 s in 30 s periods is 20 s.
func TestVirtualLongTTFT(t *testing.T) {
	t.Parallel()
	yaml := strings.Replace(scenarioOf("working_set: [8192]\nconcurrency: [6]\nduration: 300s\n"), "assessment_period: 2s", "assessment_period: 30s", 1)
	p := profile(func(p *simulator.Profile) { p.Base, p.Prefill = simulator.Duration(20*time.Second), 0 })
	inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		for _, p := range w.periods() {
			if got := p.Row.Get("ttft.p50").V; math.Abs(got-20) > 1e-9 {
				t.Errorf("period %d: ttft.p50 %v, want 20", p.Index, got)
			}
		}
	})
}

// Each fault leads to its class, and to the point's validity.
func TestVirtualFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault simulator.Faults
		class sample.Class
	}{
		{"status", simulator.Faults{ErrorRate: 20}, sample.Status},
		{"reset", simulator.Faults{ResetRate: 20}, sample.Reset},
		{"server error", simulator.Faults{StreamErrorRate: 20}, sample.ServerError},
		{"malformed", simulator.Faults{MalformedRate: 20}, sample.Malformed},
		{"empty", simulator.Faults{EmptyRate: 20}, sample.Empty},
		{"stall", simulator.Faults{StallRate: 20, Stall: simulator.Duration(30 * time.Second)}, sample.TimeoutBetween},
	} {
		t.Run(c.name, func(t *testing.T) {
			yaml := strings.Replace(scenarioOf("working_set: [8192]\nconcurrency: [4]\nduration: 60s\n"), "metrics: none", "metrics: none, timeouts: {between_tokens: 1s}", 1)
			c.fault.After = 60 // the probe and the warm-up are spared
			p := profile(func(p *simulator.Profile) { p.Faults = c.fault })
			inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
				w.mustRun()
				n, failed := 0, 0
				for _, q := range w.requests() {
					if q.Phase != sample.PhaseLoad || q.Class == sample.Censored {
						continue
					}
					n++
					if q.Class == c.class {
						failed++
					} else if q.Class != sample.OK {
						t.Fatalf("class %v %q, want ok or %v", q.Class, q.Err, c.class)
					}
				}
				if share := float64(failed) / float64(n); share < 0.1 || share > 0.3 {
					t.Errorf("%d of %d requests are %v, want about 20 %%", failed, n, c.class)
				}
				pt := result.Summarise(w.Record()).Points[0]
				if pt.Validity != result.ValidInvalid || pt.ErrorsBy[c.class.String()] == 0 || pt.Row.Get("error_rate").V < 10 {
					t.Errorf("validity %s %v, errors %v, rate %v", pt.Validity, pt.Reasons, pt.ErrorsBy, pt.Row.Get("error_rate"))
				}
			})
		})
	}
}

// Errors from the very first request on fail the warm-up, with the share; the run goes on.
func TestVirtualWarmupFails(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Faults = simulator.Faults{ErrorRate: 20} })
	inBubble(t, scenarioOf("working_set: [51200]\nconcurrency: [4]\nduration: 10s\n"), []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		u := w.Record().Units[0]
		if u.State != result.CellFailed || u.Class != result.ClassWarmup || !strings.Contains(u.Reason, "% of 100 prompts failed twice") {
			t.Errorf("unit %s %s: %s", u.State, u.Class, u.Reason)
		}
	})
}

// Refining halves the bracket at each step, and later trials run what it found.
func TestVirtualRefineAndTrials(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Tiers[0].Capacity, p.Base = 30000, simulator.Duration(10e6) })
	yaml := scenarioOf(`
working_set: {min: 10240, max: 61440, steps: 3, refine: 2}
concurrency: [1]
duration: {min: 2s, max: 60s}
warmup: {concurrency: 1}
trials: 2
`)
	inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		sum := result.Summarise(w.Record())
		for _, s := range sum.Series {
			if len(s.Transitions) != 1 {
				t.Fatalf("trial %d: %+v", s.Trial, s)
			}
			if tr := s.Transitions[0]; tr.Lo > 30000 || tr.Hi < 30000 || tr.Hi-tr.Lo > 10240*516/512 {
				t.Errorf("trial %d: between %d and %d", s.Trial, tr.Lo, tr.Hi)
			}
		}
		var refined [3]int
		for _, u := range w.Record().Units {
			if u.Spec.Origin == "refined" {
				refined[u.Trial]++
			}
		}
		if refined != [3]int{0, 2, 2} {
			t.Errorf("refined cells by trial: %v", refined)
		}
	})
}

// rewarm: once warms only the prompts that a larger set adds; per-level warms all again.
func TestVirtualRewarm(t *testing.T) {
	t.Parallel()
	for rewarm, want := range map[string][]int{"per-working-set": {16, 32}, "once": {16, 16}, "per-level": {16, 16, 32, 32}} {
		t.Run(rewarm, func(t *testing.T) {
			yaml := scenarioOf("working_set: [8192, 16384]\nconcurrency: [1, 2]\nduration: 4s\nwarmup: {rewarm: " + rewarm + "}\n")
			inBubble(t, yaml, []simulator.Profile{profile()}, nil, func(w *world) {
				w.mustRun()
				var got []int
				for _, p := range w.phases(result.PhaseWarmup) {
					got = append(got, p.Sent)
				}
				if !slices.Equal(got, want) {
					t.Errorf("warm-ups of %v prompts, want %v", got, want)
				}
				for _, p := range result.Summarise(w.Record()).Points {
					if v := p.Row.Get("hit_rate_observed").V; v < 90 {
						t.Errorf("%s@%d: observed %v", p.Cell, p.Level, v)
					}
				}
			})
		})
	}
}

// An interrupt drains, keeps what was measured, and a resumed run ends with the same
// points as an undisturbed one, none twice.
func TestVirtualInterruptAndResume(t *testing.T) {
	t.Parallel()
	yaml := scenarioOf("working_set: [8192, 16384, 24576]\nconcurrency: [1, 2]\nduration: 10s\ntrials: 2\n")
	var prior *result.Record
	inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
		interrupt := make(chan struct{})
		w.opt.Interrupt = interrupt
		w.each = func(f result.Frame) {
			if p, ok := f.(*result.Period); ok && p.Cell == "ctx512_ws16384_cache100" && p.Level == 2 && p.Index == 2 {
				close(interrupt)
				w.each = nil
			}
		}
	}, func(w *world) {
		if !errors.Is(w.err, ErrInterrupted) {
			t.Fatalf("Run: %v, want interrupted", w.err)
		}
		prior = w.Record()
		if u := prior.Units[len(prior.Units)-1]; u.State != result.CellInterrupted {
			t.Errorf("last unit is %s", u.State)
		}
	})
	inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
		w.opt.Prior = prior
		for _, f := range replay(prior) {
			w.Collector.Observe(f)
		}
		time.Sleep(time.Hour) // virtual: the prior session's stamps lie in the past
	}, func(w *world) {
		w.mustRun()
		seen := map[string]int{}
		var last int64
		for _, p := range result.Summarise(w.Record()).Points {
			seen[fmt.Sprint(p.Cell, p.Trial, p.Level)]++
			if p.Validity != result.ValidOK {
				t.Errorf("%s#%d@%d: %s %v", p.Cell, p.Trial, p.Level, p.Validity, p.Reasons)
			}
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("point %s stands %d times", k, n)
			}
		}
		if len(seen) != 12 {
			t.Errorf("%d points, want 3 sizes x 2 levels x 2 trials", len(seen))
		}
		for _, u := range w.Record().Units {
			if u.Begin < last {
				t.Errorf("unit %v begins at %d, before the one before it", u.Unit, u.Begin)
			}
			last = u.Begin
		}
	})
}

// replay gives the frames that a record was made of, as far as a resumed run reads them.
func replay(rec *result.Record) []result.Frame {
	frames := []result.Frame{rec.Sessions[0], rec.Probe}
	for _, u := range rec.Units {
		frames = append(frames, &result.Cell{Unit: u.Unit, At: u.Begin, State: result.CellBegin, Cell: u.Spec})
		for _, p := range u.Phases {
			frames = append(frames, p)
		}
		for _, q := range u.Requests {
			frames = append(frames, &result.Request{Request: *q})
		}
		if u.State != result.CellBegin {
			frames = append(frames, &result.Cell{Unit: u.Unit, At: u.End, State: u.State, Reason: u.Reason, Cell: u.Spec})
		}
	}
	return frames
}

// A server that dies ends the run with its URL and the cause; what was measured is kept.
func TestVirtualServerDies(t *testing.T) {
	t.Parallel()
	yaml := scenarioOf("working_set: [8192, 16384]\nconcurrency: [2]\nduration: 10s\n")
	inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
		w.each = func(f result.Frame) {
			if p, ok := f.(*result.Phase); ok && p.Phase == result.PhaseMeasure {
				w.die()
			}
		}
	}, func(w *world) {
		if w.err == nil || !strings.Contains(w.err.Error(), "http://sim0") || !strings.Contains(w.err.Error(), "gone") {
			t.Fatalf("Run: %v", w.err)
		}
		pts := result.Summarise(w.Record()).Points
		if len(pts) != 2 || pts[0].Validity != result.ValidOK {
			t.Errorf("points: %+v", pts)
		}
	})
}
