package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"

	"github.com/wsrun/wsrun/internal/verdict"
)

// interrupts turns signals into a graceful end and then an abrupt one.
type interrupts struct {
	ch    chan os.Signal
	asked chan struct{} // closed at the first signal
	once  sync.Once
}

// watchSignals: the first ^C or SIGTERM asks for a graceful end, the second ends
// the process at once, the simulator with it (its standard input ends).
func (a *app) watchSignals(kill func(code int)) *interrupts {
	i := &interrupts{ch: make(chan os.Signal, 2), asked: make(chan struct{})}
	signal.Notify(i.ch, endSignals...)
	go func() {
		for range i.ch {
			if i.set() {
				fmt.Fprintln(a.stderr, "wsrun: interrupted: waiting for the requests in flight, then writing everything; once more ends it at once")
				continue
			}
			kill(verdict.ExitInterrupted)
		}
	}()
	return i
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
