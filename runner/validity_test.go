package runner

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// fixedSelf is a load generator that always says the same of itself.
type fixedSelf map[string]float64

func (s fixedSelf) Read() map[string]float64 { return s }

// loseAt empties the first simulator's cache at each frame of the kind.
func loseAt(is func(result.Frame) bool) func(*world) {
	return func(w *world) {
		w.each = func(f result.Frame) {
			if is(f) {
				w.sims[0].Reset()
			}
		}
	}
}

func isPeriod(f result.Frame) bool { _, ok := f.(*result.Period); return ok }

// Every rule of validity against a server that really does what it is about. want is what
// the points say, in their order: validity and codes.
func TestVirtualValidity(t *testing.T) {
	t.Parallel()
	capacity := func(n int64) func(*simulator.Profile) {
		return func(p *simulator.Profile) { p.Tiers[0].Capacity = n }
	}
	for _, c := range []struct {
		name, target, lines string
		profile             func(*simulator.Profile)
		prepare             func(*world)
		want                []string
	}{
		{"nothing wrong", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 10s\n", nil, nil, []string{"ok"}},
		{"hit-rate-low below a capacity told", "metrics: auto", "working_set: [10240]\nconcurrency: [1]\nduration: 20s\n", nil,
			loseAt(isPeriod), []string{"invalid hit-rate-low"}},
		{"no capacity told or found: nothing to hold it against", "metrics: none", "working_set: [10240]\nconcurrency: [1]\nduration: 20s\n", nil,
			loseAt(isPeriod), []string{"ok over-capacity"}},
		{"hit-rate-low below a capacity found", "metrics: none", "working_set: [10240, 20480]\nconcurrency: [1]\nduration: 20s\n", nil,
			loseAt(func(f result.Frame) bool {
				p, ok := f.(*result.Period)
				return ok && strings.Contains(p.Cell, "10240")
			}), []string{"invalid hit-rate-low", "ok"}},
		{"beyond the capacity", "metrics: auto", "working_set: [20480]\nconcurrency: [1]\nduration: 20s\nwarmup: {concurrency: 1}\n", capacity(15000), nil, []string{"ok over-capacity"}},
		{"no-reuse", "metrics: none", "working_set: [8192]\nhit_rates: [0, 100]\nconcurrency: [1]\nduration: 20s\n", nil, func(w *world) {
			w.delay = func(*http.Request) time.Duration { w.sims[0].Reset(); return 0 } // nothing is ever kept
		}, []string{"ok", "invalid no-reuse over-capacity"}},
		{"partial-coverage", "metrics: none", "working_set: [81920]\nconcurrency: [1]\nduration: 10s\n", nil, nil, []string{"doubtful partial-coverage"}},
		{"levels go on in the cycle", "metrics: none", "working_set: [81920]\nconcurrency: [1, 2]\nduration: 14s\n", nil, nil, []string{"doubtful partial-coverage", "ok"}},
		{"few-prompts", "metrics: none", "working_set: [2048]\nconcurrency: [8]\nduration: 10s\n", nil, nil, []string{"doubtful few-prompts"}},
		{"short-outputs", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 10s\n",
			func(p *simulator.Profile) { p.Faults = simulator.Faults{ShortRate: 30, After: 30} }, nil, []string{"invalid short-outputs"}},
		{"too-few-samples", "metrics: none", "working_set: [2048]\nconcurrency: [1]\nduration: 5s\nslo: {ttft: {p95: 10s}}\n", nil, nil, []string{"doubtful too-few-samples"}},
		{"warm-in cut", "metrics: none, timeouts: {first_token: 10m}", "working_set: [2048]\nconcurrency: [1]\nduration: 60s\nwarm_in_max: 5s\n",
			func(p *simulator.Profile) { p.Base = simulator.Duration(7 * time.Second) }, nil, []string{"ok warm-in-cut"}},
		{"client-limited by lag", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 10s\n", nil,
			func(w *world) { w.opt.Self = lagging(3 * time.Millisecond) }, []string{"doubtful client-limited"}},
		{"1 % of a long TTFT is allowed", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 60s\n",
			func(p *simulator.Profile) { p.Base = simulator.Duration(time.Second) },
			func(w *world) { w.opt.Self = lagging(3 * time.Millisecond) }, []string{"ok"}},
		{"client-limited by CPU", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 10s\n", nil,
			func(w *world) { w.opt.Self = fixedSelf{load.SelfCPUShare: 0.95} }, []string{"doubtful client-limited"}},
		{"not-steady", "metrics: none", "working_set: [8192]\nconcurrency: [1]\nduration: 60s\n", nil,
			func(w *world) {
				w.delay = func(*http.Request) time.Duration { return time.Since(w.start) / 200 }
			}, []string{"doubtful not-steady"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := profile()
			if c.profile != nil {
				c.profile(&p)
			}
			inBubble(t, strings.Replace(scenarioOf(c.lines), "metrics: none", c.target, 1), []simulator.Profile{p}, c.prepare, func(w *world) {
				w.mustRun()
				var got []string
				for _, pt := range result.Summarise(w.Record()).Points {
					s := string(pt.Validity)
					for _, r := range pt.Reasons {
						s += " " + r.Code
					}
					got = append(got, s)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("points are %q, want %q", got, c.want)
				}
			})
		})
	}
}

// When every request fails no figure of latency is there, and a stop that names one beside
// error_rate still fires; one that names it alone does not; an slo is neither missed nor
// held, and the level is no best one.
func TestVirtualEverythingFails(t *testing.T) {
	t.Parallel()
	for when, fires := range map[string]bool{
		"ttft.p95 > 3s or error_rate > 50%":  true,
		"error_rate > 50% and ttft.p95 > 3s": false,
		"ttft.p50 > 1ms":                     false,
		"completed < 1 and attempts > 0":     true,
		"best.completed < 1M":                false,
	} {
		t.Run(when, func(t *testing.T) {
			yaml := scenarioOf("working_set: [8192]\nconcurrency: [1, 2]\nduration: 20s\nslo: {ttft: {p50: 10s}}\nstop: ['" + when + "']\n")
			inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
				w.each = func(f result.Frame) {
					if _, load := f.(*result.Change); load {
						w.refuse.Store(true)
					}
				}
			}, func(w *world) {
				w.mustRun()
				levels := w.phases(result.PhaseMeasure)
				last := levels[len(levels)-1]
				if v := last.Row.Get("error_rate"); v.V != 100 || last.Row.Get("ttft.p50").State == metric.Exact {
					t.Fatalf("error rate %v, ttft %v", v, last.Row.Get("ttft.p50"))
				}
				if fired := last.Stop != ""; fired != fires || len(levels) == 1 != fires {
					t.Errorf("fired %v (%q) with %d levels measured, want %v", fired, last.Stop, len(levels), fires)
				}
				for _, pt := range result.Summarise(w.Record()).Points {
					if pt.Best || pt.Missed {
						t.Errorf("level %d: best %v, missed %v", pt.Level, pt.Best, pt.Missed)
					}
				}
			})
		})
	}
}

// A stop that ends the level early does not hide one on the finished level that reaches
// further.
func TestVirtualStopsTogether(t *testing.T) {
	t.Parallel()
	inBubble(t, scenarioOf(`
working_set: [8192, 9216]
concurrency: [4, 8]
duration: 10s
stop:
  - {when: ttft.p50 > 400ms, periods: 2, ends: level}
  - {when: completed > 5, ends: run, reason: enough}
`), []simulator.Profile{profile(queued)}, nil, func(w *world) {
		w.mustRun()
		w.wantOutcome("ctx512_ws8192_cache100#1@4 measured 4s stop completed > 5",
			"ctx512_ws8192_cache100#1@8 skipped: enough (completed > 5)",
			"ctx512_ws9216_cache100#1 skipped: enough (completed > 5)")
	})
}

// A raised level starts its new workers over the mean latency seen so far, at most 10 s,
// without touching those that run; its window opens as soon as each worker has finished a
// request that it started at this level.
func TestVirtualStaggerAndWarmIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base time.Duration
		over time.Duration // the first new worker to the last
	}{{4 * time.Second, 3 * time.Second}, {40 * time.Second, 7500 * time.Millisecond}} {
		t.Run(c.base.String(), func(t *testing.T) {
			yaml := strings.Replace(scenarioOf("working_set: [8192]\nconcurrency: [1, 5]\nduration: 130s\nwarm_in_max: 10m\nwarmup: {verify: false}\n"), "metrics: none", "metrics: none, timeouts: {first_token: 10m}", 1)
			p := profile(func(p *simulator.Profile) {
				p.Base, p.Prefill, p.Decode = simulator.Duration(c.base), 0, 0
			})
			inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
				w.mustRun()
				raised := w.Record().Units[0].Changes[1].At
				open := w.phases(result.PhaseMeasure)[1].Start
				var starts []int64
				ready := int64(0)
				for _, q := range w.requests() {
					if q.Level == 5 && q.Started < raised+int64(c.base) && q.Class == sample.OK {
						starts = append(starts, q.Started)
						ready = max(ready, q.End)
					}
				}
				slices.Sort(starts)
				// The worker that ran is among the five: its next start is at its own time.
				if len(starts) != 5 {
					t.Fatalf("%d first requests of the level, want 5", len(starts))
				}
				if span := starts[3] - raised; math.Abs(float64(span-int64(c.over))) > 5e7 && math.Abs(float64(starts[4]-raised-int64(c.over))) > 5e7 {
					t.Errorf("new workers start at %v after the change, want the last at %v", since(starts, raised), c.over)
				}
				if late := open - ready; late < 0 || late > int64(20*time.Millisecond) {
					t.Errorf("the window opens %v after every worker had finished a request", time.Duration(late))
				}
			})
		})
	}
}

func since(stamps []int64, from int64) (out []time.Duration) {
	for _, s := range stamps {
		out = append(out, time.Duration(s-from))
	}
	return out
}

// A server that closes after each stream gets a fresh connection for every request, and
// none fails; any other keeps its connections.
func TestVirtualConnections(t *testing.T) {
	t.Parallel()
	for _, closes := range []bool{true, false} {
		t.Run(fmt.Sprint("closes ", closes), func(t *testing.T) {
			p := profile(func(p *simulator.Profile) { p.Faults.CloseAfter = closes })
			inBubble(t, scenarioOf("working_set: [8192]\nconcurrency: [1, 16]\nduration: 10s\n"), []simulator.Profile{p}, nil, func(w *world) {
				w.mustRun()
				fresh, n := 0, 0
				for _, q := range w.requests() {
					if q.Phase != sample.PhaseLoad || q.Class == sample.Censored {
						continue
					}
					if q.Class != sample.OK {
						t.Fatalf("request %d: %v %s", q.ID, q.Class, q.Err)
					}
					n++
					if q.Flags&sample.FreshConn != 0 {
						fresh++
					}
				}
				if closes && fresh != n || !closes && fresh > 16 {
					t.Errorf("%d of %d requests on a fresh connection", fresh, n)
				}
			})
		})
	}
}

// Where usage tells no cached tokens the server's counters give the hit rate: for each
// period, as decided and afterwards, right to the token, since there is a scrape at each
// of its borders, however seldom others are.
func TestVirtualHitRateByCounters(t *testing.T) {
	t.Parallel()
	for _, bySource := range []bool{true, false} {
		for _, interval := range []string{"1s", "30s"} {
			t.Run(fmt.Sprint("by source ", bySource, " every ", interval), func(t *testing.T) {
				p := profile(func(p *simulator.Profile) {
					p.Tells.CachedTokens, p.Tells.BySource = false, bySource
					p.Tiers[0].Capacity = 20000
					p.Base = simulator.Duration(103 * time.Millisecond)
				})
				yaml := strings.Replace(scenarioOf("working_set: [40960]\nconcurrency: [3]\nduration: 60s\naccess: uniform\n"), "metrics: none", "metrics: auto, metrics_interval: "+interval, 1)
				yaml = strings.Replace(yaml, "assessment_period: 2s", "assessment_period: 5s", 1)
				inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
					w.mustRun()
					if v := w.requests()[0].CachedTokens; v != sample.Unknown {
						t.Fatalf("the server tells %d cached tokens", v)
					}
					sum := result.Summarise(w.Record())
					w.countersEqualLog("the point", sum.Points[0].Row, sum.Points[0].Window(), bySource)
					for _, p := range w.periods() {
						w.countersEqualLog(fmt.Sprintf("period %d", p.Index), p.Row, result.Window{Start: p.Start, End: p.End}, bySource)
					}
				})
			})
		}
	}
}

// countersEqualLog holds a window's observed hit rate against the cached tokens of those
// whose first token fell into it; without counters by source the server counts when it
// admits a request.
func (w *world) countersEqualLog(what string, row metric.Row, win result.Window, bySource bool) {
	w.t.Helper()
	log := w.truth()
	var cached, prompt int
	for _, q := range w.requests() {
		e := log[strconv.FormatInt(q.ID, 10)]
		at := e.FirstToken
		if !bySource {
			at = e.Prefill
		}
		if win.Has(at) {
			cached, prompt = cached+e.Cached, prompt+e.PromptTokens
		}
	}
	want := 100 * float64(cached) / float64(prompt)
	if got := row.Get("hit_rate_observed"); !got.Known() || math.Abs(got.V-want) > 1e-6 || want < 20 || want > 90 {
		w.t.Errorf("%s: %v %% observed, %v %% by the log (%d of %d tokens)", what, got, want, cached, prompt)
	}
}

// lagging is a load generator one in fifty of whose goroutines waits that long.
func lagging(d time.Duration) fixedSelf {
	return fixedSelf{load.SelfSchedCount + "0.0001": 98, load.SelfSchedCount + fmt.Sprint(d.Seconds()): 2}
}
