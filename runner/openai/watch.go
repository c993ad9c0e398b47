package openai

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// watchdog ends a request whose time is up or whose context was cancelled: it
// lets the connection's deadline pass, which wakes the owner. Events only store
// a stamp; the timer, when it fires, looks whether there was progress and sleeps
// on, so it costs nothing per event and is still exact.
type watchdog struct {
	now      func() int64
	limits   Timeouts
	conn     net.Conn
	started  int64
	progress atomic.Int64 // stamp of the last token event, or Never

	mu      sync.Mutex
	timer   *time.Timer
	stopCtx func() bool
	done    bool
	cause   sample.Class // why it ended the request; OK: it did not
}

// watch starts a watchdog over conn.
func watch(ctx context.Context, conn net.Conn, cfg *Config, started int64) *watchdog {
	d := &watchdog{now: cfg.Now, limits: cfg.Timeouts, conn: conn, started: started}
	d.progress.Store(sample.Never)
	d.mu.Lock()
	defer d.mu.Unlock()
	if left, _ := d.left(); left > 0 {
		d.timer = time.AfterFunc(left, d.check)
	}
	d.stopCtx = context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.end(sample.Censored)
	})
	return d
}

// due gives the next moment at which the request's time is up, and which time.
func (d *watchdog) due() (at int64, class sample.Class, ok bool) {
	consider := func(from int64, limit time.Duration, c sample.Class) {
		if limit > 0 && (!ok || from+int64(limit) < at) {
			at, class, ok = from+int64(limit), c, true
		}
	}
	if last := d.progress.Load(); last == sample.Never {
		consider(d.started, d.limits.FirstToken, sample.TimeoutFirstToken)
	} else {
		consider(last, d.limits.BetweenTokens, sample.TimeoutBetween)
	}
	consider(d.started, d.limits.Request, sample.TimeoutRequest)
	return at, class, ok
}

// left gives how long to sleep: to the next such moment, but no longer than
// BetweenTokens, which would start to run unseen with a token that comes
// meanwhile. Zero or less: class is due, or (sample.OK) there are no limits.
func (d *watchdog) left() (time.Duration, sample.Class) {
	at, class, ok := d.due()
	between := d.limits.BetweenTokens
	if !ok {
		return between, sample.OK
	}
	left := time.Duration(at - d.now())
	if between > 0 {
		left = min(left, between)
	}
	return left, class
}

func (d *watchdog) check() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return
	}
	left, class := d.left()
	switch {
	case left > 0:
		d.timer.Reset(left)
	case class != sample.OK:
		d.end(class)
	}
}

// end wakes the owner, once. The caller holds mu.
func (d *watchdog) end(class sample.Class) {
	if d.done {
		return
	}
	d.done, d.cause = true, class
	d.conn.SetDeadline(longAgo)
}

// within bounds the reads that follow, unless the request was ended already.
func (d *watchdog) within(limit time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done {
		d.conn.SetReadDeadline(time.Now().Add(limit))
	}
}

// stop ends the watch; from here on the connection is left alone. It gives what
// the watchdog ended the request for, or OK.
func (d *watchdog) stop() sample.Class {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.stopCtx()
	d.done = true
	return d.cause
}
