package runner

import (
	"errors"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

// A stop whose unit was cut off after it is not taken over: the unit is done again, and what
// the stop had ended is decided by what is then measured.
func TestVirtualResumeAfterAStop(t *testing.T) {
	for _, ends := range []string{"run", "sweep"} {
		t.Run(ends, func(t *testing.T) {
			yaml := scenarioOf("working_set: [8192, 9216]\nconcurrency: [4]\nduration: 10s\nstop: [{when: completed > 5, ends: " + ends + "}]\n")
			var prior *result.Record
			inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
				interrupt := make(chan struct{})
				w.opt.Interrupt = interrupt
				w.each = func(f result.Frame) {
					if n, ok := f.(*result.Note); ok && n.Code == "stop-"+ends {
						close(interrupt) // while the unit drains
					}
				}
			}, func(w *world) {
				prior = w.Record()
				if !errors.Is(w.err, ErrInterrupted) || prior.Units[0].State != result.CellInterrupted {
					t.Fatalf("Run: %v, unit %s; want both interrupted", w.err, prior.Units[0].State)
				}
			})
			inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) {
				w.opt.Prior = prior
				for _, f := range replay(prior) {
					w.Collector.Observe(f)
				}
			}, func(w *world) {
				w.mustRun()
				w.wantOutcome(
					"ctx512_ws8192_cache100#1@4 measured 10s stop completed > 5",
					"ctx512_ws9216_cache100#1 skipped: stop: completed > 5")
			})
		})
	}
}

// A stop that ends the sweep spares the larger sizes of its trial; other trials, and smaller
// sizes that come later in the order, are measured.
func TestVirtualSweepEndsWithinItsTrial(t *testing.T) {
	yaml := scenarioOf("working_set: [8192, 9216, 10240]\nconcurrency: [4]\nduration: 10s\ntrials: 2\norder: interleaved\nstop: [{when: working_set >= 9216, ends: sweep, reason: large}]\n")
	inBubble(t, yaml, []simulator.Profile{profile()}, nil, func(w *world) {
		w.mustRun()
		w.wantOutcome(
			"ctx512_ws8192_cache100#1@4 measured 10s",
			"ctx512_ws10240_cache100#1@4 measured 10s stop working_set >= 9216",
			"ctx512_ws9216_cache100#1@4 measured 10s stop working_set >= 9216",
			"ctx512_ws8192_cache100#2@4 measured 10s",
			"ctx512_ws10240_cache100#2@4 measured 10s stop working_set >= 9216",
			"ctx512_ws9216_cache100#2@4 measured 10s stop working_set >= 9216")
	})
}

// Request ids go on where the session before left off, those of its probe included.
func TestVirtualResumedIDs(t *testing.T) {
	yaml := scenarioOf("working_set: [8192]\nconcurrency: [1]\nduration: 5s\n")
	last := int64(1000)
	prior := &result.Record{}
	inBubble(t, yaml, []simulator.Profile{profile()}, nil, func(w *world) {
		w.mustRun()
		prior.Run, prior.Sessions, prior.Probe = w.Record().Run, w.Record().Sessions, w.Record().Probe
		q := *w.requests()[0]
		q.ID, q.Cell = last, ""
		prior.Outside = append(prior.Outside, &q)
	})
	inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) { w.opt.Prior = prior }, func(w *world) {
		w.mustRun()
		for _, q := range w.requests() {
			if q.ID <= last {
				t.Fatalf("request %d: ids up to %d were given by the session before", q.ID, last)
			}
		}
	})
}
