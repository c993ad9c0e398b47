package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

const (
	defaultBuffer = 8
	defaultQueue  = 256 << 20
	backoffFirst  = 100 * time.Millisecond
	backoffMax    = 5 * time.Second
)

// Config is what a local generator is made of.
type Config struct {
	Transport Transport
	// Now gives ns since the run's epoch on a monotonic clock.
	Now func() int64
	// Generator is the id that goes into each request.
	Generator int32
	// IDs numbers the requests; generators of one run may share it. Nil starts at 1.
	IDs *atomic.Int64

	// Report gets each ended attempt once, from one goroutine, in the order in
	// which they ended, and must not change it: Read gives the same one. It may be
	// slow: no worker waits for it. Nil drops them. It must not call Drain or Close.
	Report func(*sample.Request)
	// QueueBytes bounds what Report has not yet taken; 0 means 256 MiB.
	QueueBytes int64
	// Overflow is called once, from a goroutine of its own, when it is exceeded.
	Overflow func()

	// Buffer is how many jobs are built ahead of need; 0 means 8.
	Buffer int
}

// Local is the generator in this process. Each worker is one goroutine that owns
// its request from the first byte to the last; a feeder builds jobs ahead of
// need; a collector hands over what ended. Nothing is locked per event.
type Local struct {
	cfg    Config
	parent context.Context
	ended  ended
	target atomic.Int64
	loads  loads

	switching sync.Mutex // one Switch at a time

	mu      sync.Mutex // guards what follows; taken per request and per command
	ctx     context.Context
	cancel  context.CancelFunc
	feed    *feed
	workers []*worker
	changed chan struct{} // closed and made anew whenever workers or feed change
	closed  bool
}

var _ Generator = (*Local)(nil)

// New starts a generator with no workers and nothing to send. Cancelling ctx
// cancels requests in flight and starts no more; Close must be called all the
// same.
func New(ctx context.Context, cfg Config) *Local {
	if cfg.Buffer <= 0 {
		cfg.Buffer = defaultBuffer
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = defaultQueue
	}
	if cfg.IDs == nil {
		cfg.IDs = new(atomic.Int64)
	}
	l := &Local{cfg: cfg, parent: ctx, changed: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.feed = newFeed(l, nil)
	l.ended.start(&l.cfg)
	return l
}

// Switch replaces the source; requests in flight go on. Jobs of the old one that
// were built but not sent are dropped; when it returns the old source is asked
// no more.
func (l *Local) Switch(src Source) {
	l.switching.Lock()
	defer l.switching.Unlock()
	l.mu.Lock()
	old, closed := l.feed, l.closed
	l.mu.Unlock()
	if closed {
		return
	}
	old.stop() // not under mu: workers need not wait while a job is built
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed = newFeed(l, src)
	l.wakeAll()
}

// Finished is closed when the present source has ended and every request of it.
func (l *Local) Finished() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.feed.finished
}

// SetTarget sets how many requests are kept in flight.
func (l *Local) SetTarget(n int, stagger time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	n = max(n, 0)
	l.target.Store(int64(n))
	staying := 0
	for _, w := range l.workers { // surplus workers that still run stay on
		w.leaving = staying >= n
		if !w.leaving {
			staying++
		}
	}
	added := n - staying
	for i := range added {
		w := &worker{l: l, ctx: l.ctx, gone: make(chan struct{})}
		l.workers = append(l.workers, w)
		go w.run(stagger * time.Duration(i) / time.Duration(added))
	}
	l.wakeAll()
}

// wakeAll makes idle workers look again. The caller holds mu.
func (l *Local) wakeAll() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Ready reports whether exactly the target's workers run and each has finished a
// request that it started at or after since.
func (l *Local) Ready(since int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int64(len(l.workers)) != l.target.Load() {
		return false
	}
	for _, w := range l.workers {
		if w.leaving || w.completed.Load() < since+1 {
			return false
		}
	}
	return true
}

// InFlight is the number of jobs for an endpoint that were dealt and have not
// ended, those built ahead included; for balancing by least load.
func (l *Local) InFlight(endpoint int32) int64 { return l.loads.get(endpoint) }

// Target is the number of requests to keep in flight as last set.
func (l *Local) Target() int { return int(l.target.Load()) }

// Read gives every request that was in flight at some time in [from, now].
func (l *Local) Read(from int64) []*sample.Request {
	l.mu.Lock()
	slots := make([]*sample.Stream, 0, len(l.workers))
	for _, w := range l.workers {
		if s := w.live.Load(); s != nil {
			slots = append(slots, s)
		}
	}
	l.mu.Unlock()
	var flying []*sample.Request
	for _, s := range slots {
		if r, ok := s.Snapshot(); ok {
			flying = append(flying, r)
		}
	}
	// Ended ones are read after the slots: a request that ends in between is then
	// seen twice, never not at all, and the copy in flight is dropped.
	return merge(l.ended.since(from), flying)
}

// merge joins ended requests and copies of those in flight; of both for one
// request the ended one counts.
func merge(ended, flying []*sample.Request) []*sample.Request {
	if len(flying) == 0 {
		return ended
	}
	done := make(map[int64]bool, len(flying))
	for _, r := range flying {
		done[r.ID] = false
	}
	for _, r := range ended {
		if _, ok := done[r.ID]; ok {
			done[r.ID] = true
		}
	}
	for _, r := range flying {
		if !done[r.ID] {
			ended = append(ended, r)
		}
	}
	return ended
}

// Forget drops ended requests that ended before t from what Read gives.
func (l *Local) Forget(before int64) { l.ended.forget(before) }

// Drain starts no more requests, waits up to d for those in flight and cancels
// what is left. The target is 0 afterwards; the source stays, with the jobs that
// were built and not sent. When it returns, Report has taken every request.
func (l *Local) Drain(d time.Duration) {
	l.SetTarget(0, 0)
	l.mu.Lock()
	leaving := l.leaving()
	l.mu.Unlock()
	if !waitAll(leaving, d) {
		l.cancelAll()
	}
	l.ended.flush()
}

// cancelAll ends every request in flight and waits for the workers.
func (l *Local) cancelAll() {
	l.mu.Lock()
	leaving := l.leaving()
	l.cancel()
	l.ctx, l.cancel = context.WithCancel(l.parent)
	l.mu.Unlock()
	waitAll(leaving, -1)
}

// leaving lists the workers that end with their request. The caller holds mu.
func (l *Local) leaving() []*worker {
	var out []*worker
	for _, w := range l.workers {
		if w.leaving {
			out = append(out, w)
		}
	}
	return out
}

// waitAll waits until every worker of ws has ended, up to d (without limit when
// negative), and reports whether they have.
func waitAll(ws []*worker, d time.Duration) bool {
	var over <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	for _, w := range ws {
		select {
		case <-w.gone:
		case <-over:
			return false
		}
	}
	return true
}

// Close cancels requests in flight, waits until all are reported and ends the
// generator. Read still answers.
func (l *Local) Close() {
	l.SetTarget(0, 0)
	l.mu.Lock()
	again, leaving := l.closed, l.leaving()
	l.closed = true
	l.cancel()
	l.mu.Unlock()
	if again {
		return
	}
	waitAll(leaving, -1)
	l.switching.Lock()
	defer l.switching.Unlock()
	l.feed.stop() // no Switch can replace it any more
	l.ended.stop()
}
