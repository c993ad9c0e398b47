package load

import (
	"sync"
	"sync/atomic"

	"github.com/wsrun/wsrun/runner/sample"
)

// feed builds the jobs of one source ahead of need and offers them in order.
type feed struct {
	jobs     chan *sample.Job // closed when the source has ended
	quit     chan struct{}
	idle     chan struct{} // closed when the feeder has stopped
	finished chan struct{}
	open     atomic.Int64 // jobs built and not ended, and one for the feeder while there may be more
}

// newFeed starts a feeder for src; without one there is never anything to send.
func newFeed(l *Local, src Source) *feed {
	f := &feed{
		// One job is in the feeder's hand beside those in the channel.
		jobs:     make(chan *sample.Job, l.cfg.Buffer-1),
		quit:     make(chan struct{}),
		idle:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	f.open.Store(1)
	if src == nil {
		close(f.idle)
		return f
	}
	go f.run(l, src)
	return f
}

func (f *feed) run(l *Local, src Source) {
	defer close(f.idle)
	for {
		select {
		case <-f.quit:
			f.drop(l, nil)
			return
		default:
		}
		job, ok := src.Next()
		if !ok {
			close(f.jobs)
			f.done()
			return
		}
		if job.Request.ID == 0 { // else its source numbers requests itself
			job.Request.ID = l.cfg.IDs.Add(1)
		}
		f.open.Add(1)
		l.loads.add(job.Request.Endpoint, 1)
		select {
		case f.jobs <- job:
		case <-f.quit:
			f.drop(l, job)
			return
		}
	}
}

// drop takes back what was built and never sent.
func (f *feed) drop(l *Local, job *sample.Job) {
	for {
		if job != nil {
			l.loads.add(job.Request.Endpoint, -1)
		}
		select {
		case job = <-f.jobs:
		default:
			return
		}
	}
}

// done counts one job as ended, or the source.
func (f *feed) done() {
	if f.open.Add(-1) == 0 {
		close(f.finished)
	}
}

// stop ends the feeder and waits for it, so that a source is never asked by two
// goroutines at once.
func (f *feed) stop() {
	close(f.quit)
	<-f.idle
}

// loads counts, per endpoint, the jobs that were dealt and have not ended.
type loads struct {
	mu sync.Mutex
	n  []int64
}

func (l *loads) add(endpoint int32, d int64) {
	if endpoint < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for int(endpoint) >= len(l.n) {
		l.n = append(l.n, 0)
	}
	l.n[endpoint] += d
}

func (l *loads) get(endpoint int32) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if endpoint < 0 || int(endpoint) >= len(l.n) {
		return 0
	}
	return l.n[endpoint]
}
