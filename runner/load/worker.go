package load

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// worker keeps one request in flight.
type worker struct {
	l         *Local
	ctx       context.Context
	gone      chan struct{}
	leaving   bool                          // ends after its request; guarded by Local.mu
	live      atomic.Pointer[sample.Stream] // its request in flight, or nil
	completed atomic.Int64                  // 1 + Started of its last request that was not censored, 0 before
	failures  int                           // in a row
}

// run starts after its share of the stagger and sends until it is told to leave.
func (w *worker) run(delay time.Duration) {
	defer close(w.gone)
	w.pause(delay)
	for {
		feed, changed, stay := w.look()
		if !stay {
			return
		}
		free := w.l.cfg.Now()
		select {
		case job, ok := <-feed.jobs:
			if !ok { // the source has ended
				select {
				case <-changed:
				case <-w.ctx.Done():
				}
				continue
			}
			if w.ctx.Err() != nil {
				continue // built and never sent
			}
			w.send(feed, job, free)
		case <-changed:
		case <-w.ctx.Done():
		}
	}
}

// look reads what the generator wants now. A worker that leaves takes itself off
// the list.
func (w *worker) look() (f *feed, changed <-chan struct{}, stay bool) {
	l := w.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.leaving || w.ctx.Err() != nil {
		if i := slices.Index(l.workers, w); i >= 0 {
			l.workers = slices.Delete(l.workers, i, i+1)
		}
		return nil, nil, false
	}
	return l.feed, l.changed, true
}

// send sends one job and hands over what became of it.
func (w *worker) send(f *feed, job *sample.Job, free int64) {
	req := &job.Request
	req.Generator, req.Scheduled, req.Level = w.l.cfg.Generator, free, int32(w.l.target.Load())
	endpoint := req.Endpoint
	live := new(sample.Stream)
	w.live.Store(live)
	w.l.cfg.Transport.Send(w.ctx, job, live)
	job.Body, job.Header = nil, nil // the request outlives its job's body
	class, started := req.Class, req.Started
	w.l.ended.push(req) // before the slot is cleared: Read must find it in one of them
	w.live.Store(nil)
	w.l.loads.add(endpoint, -1)
	f.done()
	if class != sample.Censored && started != sample.Never {
		w.completed.Store(started + 1)
	}
	if !class.Failed() {
		w.failures = 0
		return
	}
	w.failures++
	w.pause(backoff(w.failures))
}

// backoff is the wait after the n-th failure in a row: 100 ms x 2^(n-1), at most 5 s.
func backoff(n int) time.Duration {
	if n > 6 {
		return backoffMax
	}
	return min(backoffFirst<<(n-1), backoffMax)
}

// pause waits for d, or until the worker has to leave.
func (w *worker) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		w.l.mu.Lock()
		leaving, changed := w.leaving, w.l.changed
		w.l.mu.Unlock()
		if leaving {
			return
		}
		select {
		case <-timer.C:
			return
		case <-w.ctx.Done():
			return
		case <-changed:
		}
	}
}
