package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

const sustainedBase = `
name: sustained
target: {endpoints: [http://sim0], %s, metrics: none}
contexts: [512]
mode: sustained
output_tokens: 4
`

func sustainedOf(lines string) string { return fmt.Sprintf(sustainedBase, identify) + lines }

// serial serves one prefill at a time: 52 ms for a hit, 101 ms for a miss, so that TTFT
// grows with the concurrency and jumps at 20k tokens of reuse distance.
func serial(p *simulator.Profile) {
	p.Queue, p.Base, p.Tiers[0].Capacity = "serial", simulator.Duration(50*time.Millisecond), 20500
}

// The working set grows cold; at each size a level is found, verified and held; the
// tier's edge is passed and is no overload.
func TestVirtualSustainedGrowsPastAnEdge(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf(`
working_set: [8192, 12288, 16384, 32768]
concurrency: {start: 2, step: 2, max: 100}
slo: {ttft: {p95: 1s}}
assessment_period: 5s
duration: 600s
`)
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
		w.mustRun()
		log := w.truth()
		w.eachRequestOnce(log)
		pts := w.phases(result.PhaseMeasure)
		if len(pts) != 4 {
			t.Fatalf("%d points, want one for each size:\n%s", len(pts), w.decisions())
		}
		for i, p := range pts {
			if p.Step != i || !p.Converged {
				t.Errorf("point %d: step %d, converged %v %v", i, p.Step, p.Converged, p.Notes)
			}
		}
		if pts[2].Level < 15 || pts[2].Level > 20 || pts[3].Level < 7 || pts[3].Level > 11 {
			t.Errorf("held %d and %d, want about 18 below the edge and 9 beyond it\n%s", pts[2].Level, pts[3].Level, w.decisions())
		}
		w.ingestTimes(3)
		if !strings.Contains(w.decisions(), "growth, not overload") {
			t.Errorf("no decision tells the transition:\n%s", w.decisions())
		}
	})
}

// ingestTimes sees that each growth sent every new prompt once before the load met it.
func (w *world) ingestTimes(growths int) {
	w.t.Helper()
	ingests := w.phases(result.PhaseIngest)
	if len(ingests) != growths {
		w.t.Fatalf("%d ingest phases, want %d", len(ingests), growths)
	}
	first := map[int32]sample.Phase{}
	for _, q := range w.requests() {
		if q.Prompt < 0 {
			continue
		}
		if _, seen := first[q.Prompt]; !seen {
			first[q.Prompt] = q.Phase
		}
	}
	for i, phase := range first {
		if phase != sample.PhaseWarmup {
			w.t.Errorf("prompt %d was first sent in phase %v", i, phase)
		}
	}
	if len(first) != 64 {
		w.t.Errorf("%d prompts were sent, want 64", len(first))
	}
}

// decisions lists every period with its decision and reason.
func (w *world) decisions() string {
	var b strings.Builder
	for _, p := range w.periods() {
		fmt.Fprintf(&b, "%3d step %d level %3d %-10s -> %3d  %s\n", p.Index, p.Step+1, p.Level, p.Decision, p.Next, p.Reason)
	}
	return b.String()
}

// An slo that fails at the lowest concurrency ends the cell; the larger sizes are skipped.
func TestVirtualSustainedFloor(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 16384]\nconcurrency: {start: 4, step: 2, max: 100}\nslo: {ttft: {p50: 60ms}}\nassessment_period: 5s\nduration: 600s\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
		w.mustRun()
		skipped := w.phases(result.PhaseSkipped)
		pts := w.phases(result.PhaseMeasure)
		if len(pts) != 1 || !pts[0].Missed || pts[0].Level != 4 || len(skipped) != 1 || skipped[0].Step != 1 {
			t.Errorf("points %+v, skipped %+v\n%s", pts, skipped, w.decisions())
		}
	})
}

// A stop condition ends the cell in the middle of its search: the point says that it is
// not converged.
func TestVirtualSustainedStop(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 16384]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 5s\nduration: 600s\nstop: [concurrency > 10]\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
		w.mustRun()
		pts := w.phases(result.PhaseMeasure)
		if len(pts) != 1 || pts[0].Converged || pts[0].Level <= 10 || !strings.Contains(pts[0].Stop, "concurrency > 10") {
			t.Errorf("points %+v\n%s", pts, w.decisions())
		}
		if n := len(w.phases(result.PhaseSkipped)); n != 1 {
			t.Errorf("%d sizes skipped, want 1", n)
		}
		ps := w.periods()
		if p := ps[len(ps)-1]; p.Decision != "end" || p.Next != p.Level || p.NextStep != p.Step || !p.Over || !strings.HasPrefix(p.Reason, "stop: concurrency > 10; ") {
			t.Errorf("the last period tells of a level that never came: %s", w.decisions())
		}
	})
}

// Where nothing changes a period begins where the one before it ended, however long its
// scrape and its decision took; the last ends with the duration, and is no stump.
func TestVirtualSustainedPeriodsTile(t *testing.T) {
	t.Parallel()
	yaml := fmt.Sprintf("name: tile\ntarget: {endpoints: [http://sim0], %s}\ncontexts: [512]\nmode: sustained\noutput_tokens: 4\nworking_set: [8192]\n", identify) +
		"concurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 60s\ngrowth: {at_end: hold}\n"
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, func(w *world) { w.scrape = 100 * time.Millisecond }, func(w *world) {
		w.mustRun()
		ps := w.periods()
		same := 0
		for i, p := range ps[1:] {
			before := ps[i]
			late := p.Start - before.End
			if before.Next == before.Level {
				same++
				if late != 0 {
					t.Errorf("period %d begins %v after the end of the one before", p.Index, time.Duration(late))
				}
			} else if late < int64(w.scrape) {
				t.Errorf("period %d at a new level begins %v after the one before, earlier than the level changed", p.Index, time.Duration(late))
			}
		}
		if last := ps[len(ps)-1]; same < 10 || time.Duration(last.End-ps[0].Start) != 60*time.Second || last.End-last.Start < int64(time.Second) {
			t.Errorf("%d periods without a change, in all %v\n%s", same, time.Duration(last.End-ps[0].Start), w.decisions())
		}
	})
}

// A size whose prompts the duration leaves no time to ingest is not converged, and its
// ingest says why; the one after it is skipped.
func TestVirtualSustainedIngestCut(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 81920, 90112]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 18s\ngrowth: {by: time}\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
		w.mustRun()
		ingests, skipped, pts := w.phases(result.PhaseIngest), w.phases(result.PhaseSkipped), w.phases(result.PhaseMeasure)
		if len(ingests) != 1 || ingests[0].Sent == 0 || ingests[0].Sent >= 144 || len(pts) != 2 || len(skipped) != 1 {
			t.Fatalf("ingests %+v, points %+v, skipped %+v\n%s", ingests, pts, skipped, w.decisions())
		}
		if want := fmt.Sprintf("the duration was over after %d of 144 new prompts of size 2", ingests[0].Sent); ingests[0].Reason != want {
			t.Errorf("ingest %q, want %q", ingests[0].Reason, want)
		}
		if pts[1].Step != 1 || pts[1].Converged || skipped[0].Step != 2 {
			t.Errorf("points %+v, skipped %+v", pts, skipped)
		}
	})
}

// growth.by: time changes sizes by the clock; prewarmed prompts need no ingest; a soak
// stays at the last size until the duration is over.
func TestVirtualSustainedGrowth(t *testing.T) {
	t.Parallel()
	for growth, check := range map[string]func(w *world){
		"{by: time}": func(w *world) {
			for _, p := range w.phases(result.PhaseIngest) {
				if at := time.Duration(p.Start - w.periods()[0].Start); at < 95*time.Second || at > 115*time.Second {
					w.t.Errorf("growth after %v, want about 100s", at)
				}
			}
		},
		"{prompts: prewarmed}": func(w *world) {
			if n := len(w.phases(result.PhaseIngest)); n != 0 {
				w.t.Errorf("%d ingest phases of prewarmed prompts", n)
			}
			if p := w.phases(result.PhaseWarmup)[0]; p.Sent != 32 {
				w.t.Errorf("%d prompts warmed up, want all 32", p.Sent)
			}
		},
		"{at_end: hold}": func(w *world) {
			ps := w.periods()
			if took := time.Duration(ps[len(ps)-1].End - ps[0].Start); took < 200*time.Second || took > 206*time.Second {
				w.t.Errorf("the soak took %v, want the 200s of its duration", took)
			}
		},
	} {
		t.Run(growth, func(t *testing.T) {
			yaml := sustainedOf("working_set: [8192, 16384]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 200s\ngrowth: " + growth + "\n")
			inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
				w.mustRun()
				check(w)
			})
		})
	}
}

// Hit rate 0 has no size to grow: one step for the whole duration.
func TestVirtualSustainedHitRateZero(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 16384]\nhit_rates: [0]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 120s\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, nil, func(w *world) {
		w.mustRun()
		ps := w.periods()
		if took := time.Duration(ps[len(ps)-1].End - ps[0].Start); took < 120*time.Second {
			t.Errorf("ended after %v, want the whole duration", took)
		}
		if pts := w.phases(result.PhaseMeasure); len(pts) != 1 || !pts[0].Converged {
			t.Errorf("points %+v\n%s", pts, w.decisions())
		}
	})
}

// A record can be replayed: the controller decides on each period as it did in the run,
// with the same words.
func TestVirtualReplay(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 16384, 32768]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}, output_rate: {avg: 20}}\nassessment_period: 2s\nduration: 400s\n")
	noisy := profile(serial, func(p *simulator.Profile) { p.Noise = 0.3 })
	inBubble(t, yaml, []simulator.Profile{noisy}, nil, func(w *world) {
		w.mustRun()
		u := w.Record().Units[0]
		got, err := Replay(w.plan.Scenario, u, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(u.Periods) || len(got) < 20 {
			t.Fatalf("%d decisions replayed, the run had %d", len(got), len(u.Periods))
		}
		for i, p := range u.Periods {
			if d := got[i]; string(d.Kind) != p.Decision || d.Reason != p.Reason || d.Next != p.Next || d.NextSize != p.NextStep || d.Over != p.Over {
				t.Fatalf("period %d: replayed %s %d %q, in the run %s %d %q", p.Index, d.Kind, d.Next, d.Reason, p.Decision, p.Next, p.Reason)
			}
		}
	})
}

// An interrupt in the middle of a search keeps what was measured of the size under way.
func TestVirtualSustainedInterrupted(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 16384]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 400s\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, func(w *world) {
		interrupt := make(chan struct{})
		w.opt.Interrupt = interrupt
		w.each = func(f result.Frame) {
			if p, ok := f.(*result.Period); ok && p.Decision == "verify" && p.Next == p.Level {
				close(interrupt)
				w.each = nil
			}
		}
	}, func(w *world) {
		pts := result.Summarise(w.Record()).Points
		if w.err != ErrInterrupted || len(pts) != 2 || !pts[0].Measured() || pts[0].Converged || pts[1].Measured() {
			t.Errorf("Run: %v, points %+v", w.err, pts)
		}
	})
}

// A server that dies while new prompts are ingested ends the run with an error, also
// where the duration is over before its patience is: the ingest was no success.
func TestVirtualSustainedServerDiesInIngest(t *testing.T) {
	t.Parallel()
	yaml := sustainedOf("working_set: [8192, 81920]\nconcurrency: {start: 2, step: 2, max: 100}\nslo: {ttft: {p95: 1s}}\nassessment_period: 2s\nduration: 18s\ngrowth: {by: time}\n")
	inBubble(t, yaml, []simulator.Profile{profile(serial)}, func(w *world) {
		w.each = func(f result.Frame) {
			if p, ok := f.(*result.Period); ok && p.NextStep != p.Step {
				w.die()
			}
		}
	}, func(w *world) {
		if w.err == nil || !strings.Contains(w.err.Error(), "the server is gone") {
			t.Errorf("Run: %v\n%s", w.err, w.decisions())
		}
		if pts := w.phases(result.PhaseMeasure); len(pts) != 1 || pts[0].Step != 0 {
			t.Errorf("points %+v, want that of the first size", pts)
		}
	})
}
