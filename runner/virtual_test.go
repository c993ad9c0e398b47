package runner

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

const identify = `headers: {X-Request-Id: "{request}"}`

// For each length of period and of request: tokens and concurrency of every window, and
// TTFT of every request, equal what the simulator logged, event for event.
func TestVirtualWindowsEqualTheLog(t *testing.T) {
	t.Parallel()
	for _, period := range []string{"5s", "30s", "60s"} {
		for _, latency := range []time.Duration{500 * time.Millisecond, 5 * time.Second, 40 * time.Second} {
			t.Run(fmt.Sprintf("%s/%s", period, latency), func(t *testing.T) { windowsEqualLog(t, period, latency) })
		}
	}
}

func windowsEqualLog(t *testing.T, period string, latency time.Duration) {
	length, _ := time.ParseDuration(period)
	yaml := fmt.Sprintf(`
name: virtual
target: {endpoints: [http://sim0], %s, metrics: none}
contexts: [1024]
working_set: [20480]
hit_rates: [50]
output_tokens: 20
mode: fixed
concurrency: [2, 5]
duration: %s
assessment_period: %s
warmup: {concurrency: 5}
`, identify, 2*length, period)
	p := profile(func(p *simulator.Profile) {
		p.Base = simulator.Duration(latency / 4)
		p.Decode = simulator.Duration(latency * 3 / 4 / 19)
		p.Prefill = simulator.Duration(10 * time.Microsecond)
	})
	inBubble(t, yaml, []simulator.Profile{p}, nil, func(w *world) {
		w.mustRun()
		log := w.truth()
		w.eachRequestOnce(log)
		n := 0
		for _, p := range w.periods() {
			w.windowEquals(log, fmt.Sprintf("level %d period %d", p.Level, p.Index), p.Row.Get("output_throughput").V, p.Row.Get("input_throughput").V,
				p.Row.Get("concurrency_achieved").V, result.Window{Start: p.Start, End: p.End})
			n++
		}
		if n != 4 {
			t.Errorf("%d periods, want 2 levels x 2", n)
		}
		for _, pt := range result.Summarise(w.Record()).Points {
			w.windowEquals(log, fmt.Sprintf("point %d", pt.Level), pt.Row.Get("output_throughput").V, pt.Row.Get("input_throughput").V,
				pt.Row.Get("concurrency_achieved").V, pt.Window())
			if got := pt.End - pt.Start; got != int64(2*length) {
				t.Errorf("window of %v, want exactly %v", time.Duration(got), 2*length)
			}
		}
	})
}

// eachRequestOnce holds every request against its entry in the log.
func (w *world) eachRequestOnce(log map[string]simulator.Entry) {
	w.t.Helper()
	seen := map[string]bool{}
	probed := 0
	for _, q := range w.requests() {
		if q.Phase == sample.PhaseProbe {
			probed++
			continue
		}
		id := strconv.FormatInt(q.ID, 10)
		e, ok := log[id]
		if !ok || seen[id] {
			w.t.Fatalf("request %s (%v): in the log %v, recorded before %v", id, q.Phase, ok, seen[id])
		}
		seen[id] = true
		if q.Class == sample.Censored {
			continue
		}
		if q.Class != sample.OK || q.CachedTokens != int64(e.Cached) || q.PromptTokens != int64(e.PromptTokens) {
			w.t.Fatalf("request %s: %v %q, cached %d prompt %d; the log says %d and %d", id, q.Class, q.Err, q.CachedTokens, q.PromptTokens, e.Cached, e.PromptTokens)
		}
		if got, want := q.TTFT(), e.FirstToken-e.Arrival; got != want {
			w.t.Fatalf("request %s: TTFT %v, the log says %v", id, time.Duration(got), time.Duration(want))
		}
		i := 0
		q.EachEvent(func(ev sample.Event) bool {
			if i >= len(e.Tokens) || ev.At != e.Tokens[i] {
				w.t.Fatalf("request %s: token event %d at %d, the log says %v", id, i, ev.At, e.Tokens)
			}
			i++
			return true
		})
		if i != len(e.Tokens) {
			w.t.Fatalf("request %s: %d token events, the log has %d tokens", id, i, len(e.Tokens))
		}
	}
	logged := 0
	for _, s := range w.sims {
		logged += len(s.Log())
	}
	if probed == 0 || probed+len(seen) != logged {
		w.t.Errorf("%d requests of the probe and %d others recorded, the simulator logged %d", probed, len(seen), logged)
	}
	if len(seen) != len(log) {
		w.t.Errorf("%d requests recorded, the simulator logged %d", len(seen), len(log))
	}
}

// windowEquals holds a window's throughput and concurrency against the log. Only load
// requests count; the log knows them by the record.
func (w *world) windowEquals(log map[string]simulator.Entry, what string, output, input, concurrency float64, win result.Window) {
	w.t.Helper()
	load := map[string]bool{}
	for _, q := range w.requests() {
		if q.Phase == sample.PhaseLoad {
			load[strconv.FormatInt(q.ID, 10)] = true
		}
	}
	var tokens, prompts, inFlight int64
	for id, e := range log {
		if !load[id] {
			continue
		}
		for _, at := range e.Tokens {
			if win.Has(at) {
				tokens++
			}
		}
		if win.Has(e.FirstToken) {
			prompts += int64(e.PromptTokens)
		}
		inFlight += max(0, min(e.End, win.End)-max(e.Arrival, win.Start))
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"output tokens", output * win.Seconds(), float64(tokens)},
		{"prompt tokens", input * win.Seconds(), float64(prompts)},
		{"concurrency", concurrency, float64(inFlight) / float64(win.End-win.Start)},
	} {
		if math.Abs(c.got-c.want) > 1e-6*max(1, c.want) {
			w.t.Errorf("%s: %s %v, the log says %v", what, c.name, c.got, c.want)
		}
	}
}
