package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/verdict"
)

// interrupts turns signals into a graceful end and then an abrupt one.
type interrupts struct {
	ch    chan os.Signal
	asked chan struct{} // closed at the first signal
	once  sync.Once

	mu  sync.Mutex
	say func(line string) // tells the person
}

// oneCall is how long after the first signal a second is the same call: timeout(1) and
// others that end a job signal it, and then the group that it is in.
const oneCall = 500 * time.Millisecond

// watchSignals: the first ^C or SIGTERM asks for a graceful end, the second ends
// the process at once, the simulator with it (its standard input ends).
func (a *app) watchSignals(kill func(code int)) *interrupts {
	i := &interrupts{ch: make(chan os.Signal, 2), asked: make(chan struct{})}
	i.talk(nil, a)
	signal.Notify(i.ch, endSignals...)
	go func() {
		var first time.Time
		for range i.ch {
			if i.set() {
				first = time.Now()
				i.tell("interrupted: waiting for the requests in flight, then writing everything; once more ends it at once")
				continue
			}
			if time.Since(first) > oneCall {
				kill(verdict.ExitInterrupted)
			}
		}
	}()
	return i
}

// talk sends what there is to say through progress while that owns the terminal
// (nil: to stderr).
func (i *interrupts) talk(progress *report.Progress, a *app) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if progress != nil {
		i.say = progress.Say
		return
	}
	i.say = func(line string) { fmt.Fprintln(a.stderr, "wsrun: "+line) }
}

func (i *interrupts) tell(line string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say(line)
}

// abrupt ends the process without half-written files.
func abrupt(code int) {
	report.Abandon()
	os.Exit(code)
}

// endAtOnce has a signal end the process without half-written files, for what can be done again
// from a record.
func endAtOnce() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, endSignals...)
	go func() {
		<-ch
		abrupt(verdict.ExitInterrupted)
	}()
}

// set marks the first signal; it reports false for later ones.
func (i *interrupts) set() (first bool) {
	i.once.Do(func() { close(i.asked); first = true })
	return first
}

// on reports whether the end was asked for.
func (i *interrupts) on() bool {
	select {
	case <-i.asked:
		return true
	default:
		return false
	}
}

func (i *interrupts) stop() {
	signal.Stop(i.ch)
	close(i.ch)
}
