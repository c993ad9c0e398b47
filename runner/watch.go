package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// liveness remembers what tells a slow server from a dead one: the last success, the
// failures since, and how long requests took.
type liveness struct {
	now      func() int64
	mu       sync.Mutex
	success  int64 // stamp of the last success, or of the start
	failures int   // since then
	lastErr  string
	recent   [512]int64 // latencies of the last successes, a ring
	n        int        // successes ever
}

// saw takes an ended request.
func (l *liveness) saw(q *sample.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case q.Class == sample.OK:
		l.success, l.failures = q.End, 0
		l.recent[l.n%len(l.recent)] = q.End - q.Started
		l.n++
	case q.Class.Failed():
		l.failures++
		l.lastErr = q.Err
	}
}

// p95 is the 95th percentile of the latencies seen lately, 0 before there is any.
func (l *liveness) p95() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.n, len(l.recent))
	if n == 0 {
		return 0
	}
	s := slices.Clone(l.recent[:n])
	slices.Sort(s)
	return time.Duration(s[(n-1)*95/100])
}

// stagger is the time over which new workers start: the mean latency seen lately, at
// most 10 s, so that they do not arrive in one burst.
func (l *liveness) stagger() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(l.n, len(l.recent))
	if n == 0 {
		return 0
	}
	var sum int64
	for _, d := range l.recent[:n] {
		sum += d
	}
	return min(time.Duration(sum/int64(n)), 10*time.Second)
}

// suspect reports whether it is time to look at the server: no success for max(10 s,
// 3 x p95 latency) with at least 10 failures.
func (l *liveness) suspect() (cause string, yes bool) {
	patience := max(10*time.Second, 3*l.p95())
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastErr, l.failures >= 10 && l.now()-l.success >= int64(patience)
}

// looked starts a new stretch of patience after a look that found the server alive.
func (l *liveness) looked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.success, l.failures = l.now(), 0
}

// gone is the error of a server that does not answer any more. Somebody who knows better
// (its process was ours, and died) has a moment to say so first.
func (r *run) gone(err error, requests string) error {
	if r.opt.Failed != nil {
		moment := time.NewTimer(500 * time.Millisecond)
		defer moment.Stop()
		select {
		case <-r.soft.Done():
			return context.Cause(r.soft)
		case <-moment.C:
		}
	}
	return fmt.Errorf("the server is gone: %w (requests had been failing with: %s)", err, requests)
}

// watchServer ends the run when the server is gone.
func (r *run) watchServer(ctx context.Context) {
	every(ctx, time.Second, func() {
		cause, yes := r.alive.suspect()
		if !yes {
			return
		}
		if err := r.target.look(ctx); err != nil && ctx.Err() == nil {
			r.stop(r.gone(err, cause))
			return
		}
		r.alive.looked()
	})
}

// every calls f at each interval until ctx is done.
func every(ctx context.Context, interval time.Duration, f func()) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f()
		}
	}
}

// telemetry scrapes every endpoint's metrics at the scenario's interval, and when a
// window begins or ends. A scrape that fails is a frame too and disturbs nothing.
func (r *run) telemetry(ctx context.Context) {
	if len(r.target.metrics) == 0 {
		return
	}
	r.scrapeAll(ctx)
	if r.sc.Mode == "map" {
		return // a map reads counters round its looks, and nothing else may lie between
	}
	t := time.NewTicker(time.Duration(r.sc.Target.MetricsInterval))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			r.scrapeAll(ctx)
		case done := <-r.target.soon:
			r.scrapeAll(ctx)
			close(done)
		}
	}
}

// borderWait is how long a decision waits for the scrape at its window's border. Load
// goes on meanwhile.
const borderWait = 250 * time.Millisecond

// scrapeBorder scrapes now, at the border of a window, and waits for it a little: what
// counters say of a window is right to the token only between scrapes at its borders.
func (r *run) scrapeBorder() {
	if len(r.target.metrics) == 0 {
		return
	}
	done := make(chan struct{})
	select {
	case r.target.soon <- done:
	default:
		return // the scrape before is slower than that
	}
	limit := time.NewTimer(borderWait)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-r.soft.Done():
	}
}

// scrapeAll reads all endpoints at the same time and emits what they said.
func (r *run) scrapeAll(ctx context.Context) []*result.Scrape {
	out := make([]*result.Scrape, len(r.target.metrics))
	var wg sync.WaitGroup
	for i, url := range r.target.metrics {
		wg.Go(func() {
			s := sample.Scrape{Endpoint: int32(i), At: r.now()}
			// A server that hangs must not hold up the next scrape for ever.
			ctx, cancel := context.WithTimeout(ctx, max(5*time.Second, time.Duration(r.sc.Target.MetricsInterval)))
			defer cancel()
			values, err := engine.Scrape(ctx, r.target.http, url)
			if err != nil {
				s.Err = err.Error()
			}
			s.Values = values
			out[i] = &result.Scrape{Scrape: s}
		})
	}
	wg.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil // cut off by the end of the run, not by the server
	}
	for _, s := range out {
		r.emit(s)
	}
	return out
}

// tierCounters sums what the tiers' counters say now; settling compares two of them.
func (r *run) tierCounters(ctx context.Context) (sum float64, ok bool) {
	for _, s := range r.scrapeAll(ctx) {
		if s.Err != "" {
			return 0, false
		}
		sum += tierSum(s.Values)
		ok = true
	}
	return sum, ok
}

// observeSelf records how late the load generator itself may have been.
func (r *run) observeSelf(ctx context.Context) {
	if r.opt.Self == nil {
		return
	}
	every(ctx, time.Second, func() {
		r.emit(&result.Scrape{Scrape: sample.Scrape{Endpoint: sample.Self, At: r.now(), Values: r.opt.Self.Read()}})
	})
}
