package runner

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
)

// A stop whose unit was cut off after it is not taken over: the unit is done again, and what
// the stop had ended is decided by what is then measured.
func TestVirtualResumeAfterAStop(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// A resumed run that finds another model is refused; a server or a wsrun that changed in
// what may be meant is told.
func TestVirtualResumeElsewhere(t *testing.T) {
	t.Parallel()
	// The server's metrics tell its capacity.
	yaml := strings.Replace(scenarioOf("working_set: [8192]\nconcurrency: [1]\nduration: 5s\n"), ", metrics: none", "", 1)
	for _, c := range []struct {
		name   string
		change func(*simulator.Profile)
		wsrun  string
		err    string
		notes  map[string]string
	}{
		{name: "the same", change: func(*simulator.Profile) {}, wsrun: "test"},
		{name: "another model", change: func(p *simulator.Profile) { p.Model = "other" }, wsrun: "test",
			err: `http://sim0: the model is "other" now and was "sim" when this run began`},
		{name: "another size", change: func(p *simulator.Profile) { p.Tiers[0].Capacity = 50000 }, wsrun: "test",
			notes: map[string]string{"server-changed": "its capacity was hbm 100000 tokens and is hbm 50000 tokens"}},
		{name: "another wsrun", change: func(*simulator.Profile) {}, wsrun: "later",
			notes: map[string]string{"wsrun-changed": "wsrun test began this run, wsrun later goes on"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			prior := &result.Record{}
			inBubble(t, yaml, []simulator.Profile{profile()}, nil, func(w *world) {
				w.mustRun()
				prior.Run, prior.Sessions, prior.Probe = w.Record().Run, w.Record().Sessions, w.Record().Probe
			})
			inBubble(t, yaml, []simulator.Profile{profile(c.change)}, func(w *world) { w.opt.Prior, w.opt.Version = prior, c.wsrun }, func(w *world) {
				if c.err != "" {
					if w.err == nil || !strings.Contains(w.err.Error(), c.err) || len(w.Record().Units) > 0 {
						t.Errorf("Run: %v, %d units; want %s", w.err, len(w.Record().Units), c.err)
					}
					return
				}
				w.mustRun()
				notes := w.notes()
				for _, code := range []string{"server-changed", "wsrun-changed"} {
					if want := c.notes[code]; (notes[code] != "") != (want != "") || !strings.Contains(notes[code], want) {
						t.Errorf("note %s: %q, want %q", code, notes[code], want)
					}
				}
			})
		})
	}
}
