// Package load is the load generator: workers, pacing, windows. It knows nothing
// of scenarios: it takes jobs from a Source and reports what became of them.
package load

import (
	"context"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// Source deals the jobs of the active working set in the order in which they are
// to be sent. Next is called by one goroutine at a time, ahead of need, and must
// not block on the network. ok is false when there is nothing more to send
// (warm-up); a closed loop's source never ends.
type Source interface {
	Next() (job *sample.Job, ok bool)
}

// Transport sends one job: it fills job.Request and returns when the attempt has
// ended, whatever way. live shows its state to readers while it runs.
type Transport interface {
	Send(ctx context.Context, job *sample.Job, live *sample.Stream)
}

// Generator is the seam between deciding and sending: the local one (New) runs in
// this process, later ones on other machines.
type Generator interface {
	// Switch replaces the source; requests in flight go on.
	Switch(Source)
	// SetTarget sets the number of requests to keep in flight. More: new workers
	// start, their first requests spread over stagger. Fewer: the surplus ends as
	// its requests end.
	SetTarget(n int, stagger time.Duration)
	// Ready reports whether the target is in flight and every worker has finished
	// a request that it started at or after since (ns since the epoch).
	Ready(since int64) bool
	// Read gives every request that was in flight at some time in [from, now]:
	// those that ended since and, as partial copies, those in flight.
	Read(from int64) []*sample.Request
	// Forget drops ended requests that ended before t from what Read gives.
	Forget(before int64)
	// Drain stops starting requests, waits up to d for those in flight, then
	// cancels them (sample.Censored). The generator can be used again after it.
	Drain(d time.Duration)
	// Finished is closed when a source that ends has been sent completely and every
	// request of it has ended (warm-up). Switch makes a new one.
	Finished() <-chan struct{}
	// Close ends the generator; requests in flight are cancelled and reported.
	Close()
}
