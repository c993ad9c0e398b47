package runner

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

const second = time.Second

// waiting is a load whose every TTFT the server decides by a law of the time since the
// load began and the request's id. The first request of each worker, in warm-in, waits a
// part of that only, so that the workers do not go in step.
func waiting(t *testing.T, concurrency int, duration, period string, law func(since time.Duration, id string) time.Duration, check func(*world)) {
	yaml := fmt.Sprintf(`
name: waiting
target: {endpoints: [http://sim0], %s, metrics: none}
contexts: [256]
hit_rates: [0]
working_set: [256]
output_tokens: 1
mode: fixed
concurrency: [%d]
duration: %s
assessment_period: %s
warm_in_max: 100s
`, identify, concurrency, duration, period)
	p := profile(func(p *simulator.Profile) { p.Base, p.Prefill = 0, 0 })
	inBubble(t, yaml, []simulator.Profile{p}, func(w *world) {
		var began, sent atomic.Int64
		w.each = func(f result.Frame) {
			if _, ok := f.(*result.Change); ok {
				began.Store(int64(time.Since(w.start)) + 1)
			}
		}
		w.delay = func(q *http.Request) time.Duration {
			if at := began.Load(); at > 0 {
				wait := law(time.Since(w.start)-time.Duration(at), q.Header.Get("X-Request-Id"))
				if n := sent.Add(1); n < int64(concurrency) {
					wait = wait * time.Duration(n) / time.Duration(concurrency)
				}
				return wait
			}
			return 0
		}
	}, func(w *world) {
		w.mustRun()
		w.ttftsAreTheServers()
		check(w)
	})
}

// ttftsAreTheServers holds the TTFT of each load request against what the server did:
// when the request came to it and when its first token left.
func (w *world) ttftsAreTheServers() {
	w.t.Helper()
	log, n := w.truth(), 0
	for _, q := range w.requests() {
		if q.Phase != sample.PhaseLoad || q.Class != sample.OK {
			continue
		}
		id := strconv.FormatInt(q.ID, 10)
		came, _ := w.arrived.Load(id)
		if want := log[id].FirstToken - came.(int64); q.TTFT() != want {
			w.t.Fatalf("request %s: TTFT %v, the server says %v", id, time.Duration(q.TTFT()), time.Duration(want))
		}
		n++
	}
	if n < 40 {
		w.t.Fatalf("only %d load requests", n)
	}
}

// windows lists a name and the row of every period as decided, of every period as the
// record gives it afterwards, and of the point.
func (w *world) windows() map[string]*result.Period {
	out := map[string]*result.Period{}
	u := w.Record().Units[0]
	for _, p := range w.periods() {
		out[fmt.Sprintf("period %d as decided", p.Index)] = p
		final := *p
		final.Row, _ = result.Measure(u.Requests, result.Window{Start: p.Start, End: p.End}, result.MeasureOptions{})
		out[fmt.Sprintf("period %d final", p.Index)] = &final
	}
	for _, pt := range result.Summarise(w.Record()).Points {
		out["point"] = &result.Period{Start: pt.Start, End: pt.End, Row: pt.Row}
	}
	return out
}

// Steady TTFT, shorter and longer than the period: every window says exactly that.
func TestVirtualWaitingConstant(t *testing.T) {
	t.Parallel()
	for _, period := range []string{"5s", "30s"} {
		for _, ttft := range []time.Duration{second / 2, 5 * second, 20 * second, 40 * second} {
			t.Run(period+"/"+ttft.String(), func(t *testing.T) {
				workers := 4 // and more where tokens are rarer: a window needs some
				if ttft > second {
					workers = 24
				}
				waiting(t, workers, "120s", period, func(time.Duration, string) time.Duration { return ttft }, func(w *world) {
					for name, p := range w.windows() {
						for _, stat := range []string{"ttft.p50", "ttft.avg", "ttft.max"} {
							if v := p.Row.Get(stat); v.State != metric.Exact || math.Abs(v.V-ttft.Seconds()) > 1e-9 {
								t.Errorf("%s: %s %v, the server waits %v", name, stat, v, ttft)
							}
						}
					}
				})
			})
		}
	}
}

// startedIn gives the TTFTs of requests that got their first token in the period in which
// they were started, ascending: what a window sees that knows no waiting across its borders.
func (w *world) startedIn(p *result.Period) []float64 {
	var out []float64
	for _, q := range w.requests() {
		if q.Phase == sample.PhaseLoad && q.Started >= p.Start && q.FirstToken >= p.Start && q.FirstToken < p.End {
			out = append(out, float64(q.TTFT())/1e9)
		}
	}
	slices.Sort(out)
	return out
}

// Growing TTFT: each window's percentiles lie between what requests that got their first
// token at its start had waited and what those at its end had, and they rise; ages taken
// as plain values, or first tokens alone, would lag behind.
func TestVirtualWaitingGrowing(t *testing.T) {
	t.Parallel()
	const slope = 0.1
	law := func(since time.Duration, _ string) time.Duration {
		return 2*second + time.Duration(slope*float64(since))
	}
	for _, period := range []string{"10s", "30s"} {
		t.Run(period, func(t *testing.T) {
			waiting(t, 60, "180s", period, law, func(w *world) {
				began := w.Record().Units[0].Changes[0].At
				last := 0.0
				for _, p := range w.periods() {
					// A request that starts at s gets its token at s + 2 + slope x s.
					at := func(stamp int64) float64 { return float64(stamp-began) / 1e9 }
					lo, hi := 2+slope*(at(p.Start)-2)/(1+slope), 2+slope*at(p.End)
					p50, p90 := p.Row.Get("ttft.p50"), p.Row.Get("ttft.p90")
					if p50.V < lo-1e-6 || p50.V > hi || p90.V < p50.V || p90.V > hi || p50.V <= last {
						t.Errorf("period %d: p50 %v p90 %v after %.2f, want within %.2f and %.2f", p.Index, p50, p90, last, lo, hi)
					}
					last = p50.V
				}
			})
		})
	}
}

// Heavy tail, many requests longer than the window that sees them: pooled over windows the
// percentiles are those of all that the server was asked for. First tokens alone, window
// by window, are held beside them: they must be wrong, or this test shows nothing.
func TestVirtualWaitingHeavyTail(t *testing.T) {
	t.Parallel()
	law := func(_ time.Duration, id string) time.Duration {
		h := fnv.New64a()
		h.Write([]byte(id))
		r := rand.New(rand.NewPCG(h.Sum64(), 1))
		return time.Duration(3 * math.Exp(1.2*r.NormFloat64()) * 1e9)
	}
	waiting(t, 100, "400s", "10s", law, func(w *world) {
		var truth []float64
		begin := w.phases(result.PhaseMeasure)[0].Start
		for _, q := range w.requests() {
			if q.Phase == sample.PhaseLoad && q.Started >= begin {
				truth = append(truth, law(0, strconv.FormatInt(q.ID, 10)).Seconds())
			}
		}
		slices.Sort(truth)
		for _, stat := range []struct {
			name string
			q    float64
		}{{"ttft.p50", .5}, {"ttft.p90", .9}, {"ttft.p95", .95}} {
			want := stats.Quantile(truth, stat.q)
			var windows, plain []float64
			for _, p := range w.periods() {
				windows = append(windows, p.Row.Get(stat.name).V)
				plain = append(plain, stats.Quantile(w.startedIn(p), stat.q))
			}
			if got := stats.Median(plain); stat.q > 0.5 && math.Abs(got/want-1) < 0.15 {
				t.Errorf("%s of what started and ended in a window is %.2f, the server's %.2f: nothing waits across borders here", stat.name, got, want)
			}
			if got := stats.Median(windows); math.Abs(got/want-1) > 0.08 {
				t.Errorf("%s: %.2f (median of %d windows), the server's %.2f", stat.name, got, len(windows), want)
			}
			if got := w.windows()["point"].Row.Get(stat.name).V; math.Abs(got/want-1) > 0.05 {
				t.Errorf("%s of the point: %.2f, the server's %.2f", stat.name, got, want)
			}
		}
	})
}

// A server that stops answering: the requests that wait are in every window from the first
// on, as lower bounds where none of them got a token, and the slo is missed by them. First
// tokens alone would call the window good in which it happens, and know nothing afterwards.
func TestVirtualWaitingStall(t *testing.T) {
	t.Parallel()
	law := func(since time.Duration, _ string) time.Duration {
		if since < 35*second {
			return second
		}
		return 5 * time.Minute
	}
	waiting(t, 12, "120s", "10s", law, func(w *world) {
		began := w.Record().Units[0].Changes[0].At
		stall := began + int64(35*second)
		for _, p := range w.periods() {
			p50, p90, longest := p.Row.Get("ttft.p50"), p.Row.Get("ttft.p90"), float64(p.End-stall)/1e9
			switch {
			case p.End <= stall:
				if p50.State != metric.Exact || math.Abs(p50.V-1) > 1e-9 || math.Abs(p90.V-1) > 1e-9 {
					t.Errorf("period %d, before: p50 %v p90 %v, want 1", p.Index, p50, p90)
				}
			case p.Start <= stall:
				if p50.State != metric.Exact || math.Abs(p50.V-1) > 1e-9 || p90.State != metric.AtLeast || p90.V <= 1 {
					t.Errorf("period %d, in which it happens: p50 %v p90 %v, want 1 and more than 1", p.Index, p50, p90)
				}
			case p50.State != metric.AtLeast || p50.V > longest || p50.V < longest-2:
				t.Errorf("period %d, after: p50 %v, all wait for about %.1f s", p.Index, p50, longest)
			}
		}
	})
}
