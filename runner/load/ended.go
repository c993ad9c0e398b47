package load

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wsrun/wsrun/runner/sample"
)

// ended keeps the requests that have ended. Workers push without a lock; one
// goroutine reports them; readers see each as soon as it was pushed.
type ended struct {
	head atomic.Pointer[node] // pushed and not yet collected, newest first

	mu       sync.Mutex
	kept     []*sample.Request // collected, in order of their end
	waiting  []*sample.Request // collected and not yet reported
	queued   atomic.Int64      // bytes pushed and not yet reported
	overflow sync.Once

	cfg  *Config
	wake chan struct{}
	done chan chan struct{} // each is closed when all that was pushed before is reported
	quit chan struct{}
	idle chan struct{}
}

type node struct {
	req  *sample.Request
	next *node
}

func (e *ended) start(cfg *Config) {
	e.cfg = cfg
	e.done = make(chan chan struct{})
	e.wake, e.quit, e.idle = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go e.run()
}

// stop reports what is left and ends the collector.
func (e *ended) stop() {
	close(e.quit)
	<-e.idle
}

// flush waits until everything pushed so far is reported.
func (e *ended) flush() {
	asked := make(chan struct{})
	select {
	case e.done <- asked:
		<-asked
	case <-e.idle: // the collector has ended and reported all
	}
}

// push adds a request that has ended.
func (e *ended) push(req *sample.Request) {
	if e.queued.Add(size(req)) > e.cfg.QueueBytes && e.cfg.Overflow != nil {
		e.overflow.Do(func() { go e.cfg.Overflow() })
	}
	n := &node{req: req}
	for {
		n.next = e.head.Load()
		if e.head.CompareAndSwap(n.next, n) {
			break
		}
	}
	select {
	case e.wake <- struct{}{}:
	default: // the collector is told already
	}
}

// size is roughly what a request holds in memory.
func size(r *sample.Request) int64 { return 512 + int64(cap(r.Events)) + int64(len(r.Err)) }

// collect takes over what was pushed. The caller holds mu.
func (e *ended) collect() {
	from := len(e.kept)
	for n := e.head.Swap(nil); n != nil; n = n.next {
		e.kept = append(e.kept, n.req)
	}
	slices.Reverse(e.kept[from:])
	if e.cfg.Report != nil {
		e.waiting = append(e.waiting, e.kept[from:]...)
		return
	}
	for _, r := range e.kept[from:] {
		e.queued.Add(-size(r))
	}
}

func (e *ended) run() {
	defer close(e.idle)
	for {
		select {
		case <-e.wake:
			e.report()
		case asked := <-e.done:
			e.report()
			close(asked)
		case <-e.quit:
			e.report()
			return
		}
	}
}

// report hands over everything that has ended.
func (e *ended) report() {
	for {
		e.mu.Lock()
		e.collect()
		batch := e.waiting
		e.waiting = nil
		e.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, r := range batch {
			n := size(r) // before: from Report on the request is its taker's as well
			e.cfg.Report(r)
			e.queued.Add(-n)
		}
	}
}

// since gives the requests that ended at or after from.
func (e *ended) since(from int64) []*sample.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.collect()
	var out []*sample.Request
	for _, r := range e.kept {
		if r.End >= from {
			out = append(out, r)
		}
	}
	return out
}

// forget drops what ended before t.
func (e *ended) forget(before int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.collect()
	e.kept = slices.DeleteFunc(e.kept, func(r *sample.Request) bool { return r.End < before })
}
