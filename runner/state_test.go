package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// hears is an Observer that keeps nothing.
type hears struct{}

func (hears) Observe(result.Frame) {}

// again runs the plan once before the run under test, so that the servers are warm.
func again(w *world) {
	if err := Run(w.t.Context(), w.plan, hears{}, w.opt); err != nil {
		w.t.Fatalf("the run before: %v", err)
	}
}

// A prompt that was never sent before and is found cached is told, for every cell.
func TestVirtualNotCold(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Tells.Reset = false })
	yaml := scenarioOf("working_set: [4096, 8192]\nhit_rates: [50]\nconcurrency: [1]\nduration: 10s\nprompts: {salt: none}\n")
	inBubble(t, yaml, []simulator.Profile{p}, again, func(w *world) {
		w.mustRun()
		var cells []string
		for _, n := range w.Record().Notes {
			if n.Code == "not-cold" {
				cells = append(cells, n.Cell)
			}
		}
		if want := []string{"ctx512_ws4096_cache50", "ctx512_ws8192_cache50"}; !slices.Equal(cells, want) {
			t.Errorf("not cold: %v, want %v", cells, want)
		}
		// Of the first cell even the unique parts are those of the run before.
		if p := result.Summarise(w.Record()).Points[0]; p.Validity != result.ValidInvalid || !has(p, "hit-rate-high") {
			t.Errorf("%s: %s %v, want hit-rate-high", p.Cell, p.Validity, p.Reasons)
		}
	})
	inBubble(t, strings.Replace(yaml, "salt: none", "salt: cell", 1), []simulator.Profile{p}, func(w *world) {
		again(w)
		w.opt.Nonce = "another"
	}, func(w *world) {
		w.mustRun()
		if text, told := w.notes()["not-cold"]; told {
			t.Errorf("salted prompts on a warm server: %s", text)
		}
	})
}

func has(p *result.Point, code string) bool {
	return slices.ContainsFunc(p.Reasons, func(r result.Reason) bool { return r.Code == code })
}

// The second look fails a cell only where the set must still be there.
func TestVirtualResidency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, target string
		lose         bool // the cache loses everything after the warm-up
		set          int
		fails        bool
		resident     float64
		told         int
	}{
		{"all there", "metrics: auto", false, 8192, false, 1, 8},
		{"lost, below 0.8 x the capacity told", "metrics: auto", true, 8192, true, 0, 8},
		{"lost, no capacity told", "metrics: none", true, 8192, false, 0, 8},
		{"the newest are there beyond the capacity", "metrics: auto", false, 122880, false, 1, 8},
		{"lost, beyond 0.8 x the capacity", "metrics: auto", true, 81920, false, 0, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			yaml := strings.Replace(scenarioOf(fmt.Sprintf("working_set: [%d]\nconcurrency: [1]\nduration: 4s\nwarmup: {concurrency: 1}\n", c.set)), "metrics: none", c.target, 1)
			inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
				w.each = func(f result.Frame) {
					if p, ok := f.(*result.Phase); ok && c.lose && p.Phase == result.PhaseWarmup {
						w.sims[0].Reset()
					}
				}
			}, func(w *world) {
				w.mustRun()
				u := w.Record().Units[0]
				if failed := u.State == result.CellFailed && u.Class == "residency"; failed != c.fails {
					t.Errorf("unit %s %s: %s", u.State, u.Class, u.Reason)
				}
				v := w.phases(result.PhaseVerify)[0]
				if v.Resident != c.resident || v.Looks != c.told || v.Told != c.told {
					t.Errorf("resident %v of %d looks, %d told; want %v of %d", v.Resident, v.Looks, v.Told, c.resident, c.told)
				}
			})
		})
	}
}

// rewarm: per-level gives each level the whole of a fresh cache state: checked cold,
// warmed, looked at; and the cycle begins anew, so that a set just beyond the capacity
// misses from its first measured request on, at each level alike.
func TestVirtualPerLevel(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Tiers[0].Capacity = 15000 })
	yaml := scenarioOf("working_set: [16384]\nconcurrency: [1, 2]\nduration: 8s\nwarmup: {rewarm: per-level, concurrency: 1, reset: none}\n")
	inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		var order []string
		for _, p := range w.Record().Units[0].Phases {
			order = append(order, string(p.Phase))
			if p.Phase == result.PhaseVerify && p.Looks != 8 {
				t.Errorf("%d looks, want 8 at each level", p.Looks)
			}
		}
		level := []string{"sentinel", "warm-up", "verify", "warm-in", "measure", "drain"}
		if want := append(slices.Clone(level), level...); !slices.Equal(order, want) {
			t.Errorf("phases %v, want %v", order, want)
		}
		n, at := 0, int32(0)
		for _, q := range w.requests() {
			if q.Phase == sample.PhaseLoad && q.Level != at {
				if at = q.Level; q.Prompt != 0 {
					t.Errorf("level %d begins with prompt %d", q.Level, q.Prompt)
				}
			}
			if q.Phase == sample.PhaseLoad && q.Class == sample.OK {
				n++
				if q.CachedTokens != 0 {
					t.Fatalf("request %d (level %d, prompt %d, reuse distance %d): %d tokens cached of a set beyond the capacity", q.ID, q.Level, q.Prompt, q.ReuseDistance, q.CachedTokens)
				}
			}
		}
		if n < 100 {
			t.Errorf("only %d load requests", n)
		}
	})
}

// Wherever a run that refines is interrupted, its resumption measures the same cells in
// the same trials as an undisturbed run: no bracket is halved once more.
func TestVirtualRefineResumed(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Tiers[0].Capacity, p.Base = 30000, simulator.Duration(10e6) })
	yaml := scenarioOf(`
working_set: {min: 10240, max: 61440, steps: 3, refine: 2}
concurrency: [1]
duration: {min: 2s, max: 60s}
warmup: {concurrency: 1}
trials: 2
`)
	points := func(w *world) (out []string) {
		for _, p := range result.Summarise(w.Record()).Points {
			out = append(out, fmt.Sprint(p.Cell, "#", p.Trial, " ", p.Validity))
		}
		slices.Sort(out)
		return out
	}
	var whole []string
	inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) { w.mustRun(); whole = points(w) })
	if len(whole) != 10 {
		t.Fatalf("undisturbed: %v, want 3 + 2 sizes in two trials", whole)
	}
	// In the plan's last cell, in each round of refining, in the second trial.
	for _, unit := range []int{3, 4, 5, 7} {
		var prior *result.Record
		inBubble(t, yaml, []simulator.Profile{p}, func(w *world) {
			interrupt, begun := make(chan struct{}), 0
			w.opt.Interrupt = interrupt
			w.each = func(f result.Frame) {
				if c, ok := f.(*result.Cell); ok && c.State == result.CellBegin {
					if begun++; begun == unit {
						close(interrupt)
					}
				}
			}
		}, func(w *world) {
			if !errors.Is(w.err, ErrInterrupted) {
				t.Fatalf("Run: %v", w.err)
			}
			prior = w.Record()
		})
		inBubble(t, yaml, []simulator.Profile{p}, func(w *world) {
			w.opt.Prior = prior
			for _, f := range replay(prior) {
				w.Collector.Observe(f)
			}
			time.Sleep(time.Hour)
		}, func(w *world) {
			w.mustRun()
			if got := points(w); !slices.Equal(got, whole) {
				t.Errorf("interrupted in unit %d:\n%v\nwant\n%v", unit, got, whole)
			}
		})
	}
}

// Patience with a server that only fails: ten failures and max(10 s, 3 x p95 latency)
// without a success, counted in a resumed run from where it goes on.
func TestLiveness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(context.Background(), planOf(t, scenarioOf("working_set: [4096]\nconcurrency: [1]\n")), hears{}, Options{
			Endpoints: []string{"http://sim0"}, Prior: &result.Record{Run: &result.Run{Epoch: time.Now().Add(-time.Hour)}}})
		fail := func(n int) {
			for range n {
				r.alive.saw(&sample.Request{Class: sample.Status, End: r.now(), Err: "why"})
			}
		}
		want := func(yes bool, when string) {
			t.Helper()
			if cause, got := r.alive.suspect(); got != yes || yes && cause != "why" {
				t.Errorf("%s: suspect %v (%q), want %v", when, got, cause, yes)
			}
		}
		fail(10)
		want(false, "ten failures at once")
		time.Sleep(9999 * time.Millisecond)
		want(false, "just before 10 s")
		time.Sleep(time.Millisecond)
		want(true, "after 10 s")
		r.alive.looked()
		want(false, "after a look that found it alive")
		time.Sleep(time.Minute)
		fail(9)
		want(false, "nine failures in a minute")
		r.alive.saw(&sample.Request{Class: sample.OK, Started: r.now() - int64(20*time.Second), End: r.now()})
		fail(10)
		time.Sleep(59 * time.Second)
		want(false, "three times a latency of 20 s is a minute")
		r.alive.saw(&sample.Request{Class: sample.Censored, End: r.now()})
		time.Sleep(time.Second)
		want(true, "after 3 x p95; what wsrun cancelled is no success")
	})
}

// What ends a run from outside keeps what was measured: the unit is interrupted, the
// cause is the run's error and a failing note.
func TestVirtualSinkFails(t *testing.T) {
	t.Parallel()
	yaml := scenarioOf("working_set: [8192]\nconcurrency: [1, 2]\nduration: 10s\n")
	full := errors.New("no space left on device")
	inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
		failed := make(chan error, 1)
		w.opt.Failed = failed
		w.each = func(f result.Frame) {
			if p, ok := f.(*result.Period); ok && p.Level == 2 {
				w.each = nil
				failed <- full
			}
		}
	}, func(w *world) {
		if !errors.Is(w.err, full) {
			t.Fatalf("Run: %v", w.err)
		}
		n := w.Record().Notes[len(w.Record().Notes)-1]
		if u := w.Record().Units[0]; u.State != result.CellInterrupted || n.Code != "failed" || !n.Fail || len(w.phases(result.PhaseMeasure)) != 1 {
			t.Errorf("unit %s, note %+v, %d points", u.State, n, len(w.phases(result.PhaseMeasure)))
		}
	})
}

// The queue to the record overflowing ends the run with its own sentence.
func TestOverflowEndsTheRun(t *testing.T) {
	r := newRun(context.Background(), planOf(t, scenarioOf("working_set: [4096]\nconcurrency: [1]\n")), hears{}, Options{Endpoints: []string{"http://127.0.0.1:1"}})
	defer r.stop(nil)
	r.target = newTarget(nil, nil, nil)
	if err := r.oneServer(); err != nil {
		t.Fatal(err)
	}
	r.generatorConfig().Overflow()
	if err := context.Cause(r.soft); err == nil || !strings.Contains(err.Error(), "256 MiB were waiting") {
		t.Errorf("the run ends with %v", err)
	}
}

// Where nothing but the usage tells how long a text is, prompts are fitted by it: to
// within 1 %, and the record says so, once.
func TestVirtualFittedPromptsAreSaid(t *testing.T) {
	t.Parallel()
	p := profile(func(p *simulator.Profile) { p.Tells.TokenIDs, p.Tells.Tokenizer = false, false })
	inBubble(t, scenarioOf("working_set: [8192]\nconcurrency: [1]\nduration: 4s\n"), []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		if probe := w.Record().Probe; !probe.Fitted || probe.TokensPerWord <= 0 {
			t.Errorf("the record's probe: fitted %v, %v tokens a word", probe.Fitted, probe.TokensPerWord)
		}
		said := 0
		for _, n := range result.Summarise(w.Record()).Notes {
			if n.Code == "fitted" {
				said++
			}
		}
		if said != 1 {
			t.Errorf("said %d times that prompts are fitted", said)
		}
		for _, q := range w.requests() {
			if q.Phase == sample.PhaseLoad && q.Class == sample.OK && (q.PromptTokens < 506 || q.PromptTokens > 518) {
				t.Fatalf("a prompt of %d tokens, want 512 to within 1 %%", q.PromptTokens)
			}
		}
	})
}
