package runner

import (
	"fmt"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

const cliff = `
name: cliff
target: {endpoints: [http://sim0], %s, metrics: none}
contexts: [1000]
chunk: 50
working_set: [%s]
hit_rates: [%s]
output_tokens: %d
mode: fixed
concurrency: [1]
duration: {min: 1s, max: 400s}
assessment_period: 1s
warmup: {concurrency: 1}
`

// While the set fits, observed cached tokens equal the intended ones to the token, at
// every hit rate.
func TestVirtualObservedEqualsIntended(t *testing.T) {
	t.Parallel()
	yaml := fmt.Sprintf(cliff, identify, "40000", "25, 50, 90, 100", 20)
	inBubble(t, yaml, []simulator.Profile{profile()}, nil, func(w *world) {
		w.mustRun()
		n := map[string]int{}
		for _, q := range w.requests() {
			if q.Phase != sample.PhaseLoad || q.Class != sample.OK {
				continue
			}
			n[q.Cell]++
			if q.CachedTokens != q.IntendedCached {
				t.Fatalf("%s: %d cached, %d intended (prompt %d, reuse distance %d)", q.Cell, q.CachedTokens, q.IntendedCached, q.Prompt, q.ReuseDistance)
			}
		}
		if len(n) != 4 {
			t.Errorf("load requests in %d cells, want 4: %v", len(n), n)
		}
		for _, p := range result.Summarise(w.Record()).Points {
			if p.Validity != result.ValidOK {
				t.Errorf("%s: %s %v", p.Cell, p.Validity, p.Reasons)
			}
		}
	})
}

// The cliff stands at the same reuse distance at every hit rate, and both placements
// give the edges they must: exclusive at 30k and 30k + 60k, write-through at 30k and 60k.
// Where half a prompt or more is computed anyway, the first edge is a step of TTFT too
// small to be told (less than x1.5): none is invented.
func TestVirtualEdges(t *testing.T) {
	t.Parallel()
	tiers := func(placement string) simulator.Profile {
		return profile(func(p *simulator.Profile) {
			p.Tiers = []simulator.Tier{{Name: "hbm", Capacity: 30000}, {Name: "dram", Capacity: 60000, Load: simulator.Duration(20e3)}}
			p.Placement, p.Base = placement, simulator.Duration(10e6)
		})
	}
	for _, c := range []struct {
		placement string
		edges     []int64
	}{{simulator.Exclusive, []int64{30000, 90000}}, {simulator.WriteThrough, []int64{30000, 60000}}} {
		t.Run(c.placement, func(t *testing.T) {
			sizes := "20000, 27000, 33000, 50000, 56000, 64000, 84000, 95000, 105000"
			yaml := fmt.Sprintf(cliff, identify, sizes, "25, 50, 90, 100", 2)
			inBubble(t, yaml, []simulator.Profile{tiers(c.placement)}, nil, func(w *world) {
				w.mustRun()
				w.edgesAt(c.edges)
			})
		})
	}
}

func (w *world) edgesAt(edges []int64) {
	w.t.Helper()
	series := result.Summarise(w.Record()).Series
	if len(series) != 4 {
		w.t.Fatalf("%d series, want one per hit rate", len(series))
	}
	for _, s := range series {
		want := edges
		if s.HitRate <= 50 {
			want = edges[1:]
		}
		if len(s.Transitions) != len(want) {
			w.t.Errorf("hit rate %v: %d transitions, want %d: %+v %s", s.HitRate, len(s.Transitions), len(want), s.Transitions, s.None)
			continue
		}
		for i, tr := range s.Transitions {
			if tr.Lo > want[i] || tr.Hi <= want[i] || len(tr.Mixed) > 0 {
				w.t.Errorf("hit rate %v: transition %d between %d and %d (mixed %v), the edge is at %d", s.HitRate, i+1, tr.Lo, tr.Hi, tr.Mixed, want[i])
			}
		}
	}
}

// Unique prompts never repeat, within a run or between two runs, and prompts of
// different cells share no first block.
func TestVirtualUniqueNeverRepeats(t *testing.T) {
	t.Parallel()
	for _, salt := range []string{"cell", "run"} {
		t.Run("salt "+salt, func(t *testing.T) { uniqueNeverRepeats(t, salt) })
	}
}

func uniqueNeverRepeats(t *testing.T, salt string) {
	yaml := fmt.Sprintf(cliff, identify, "20000, 21000", "0, 50, 75", 4) + "prompts: {salt: " + salt + "}\ntrials: 2\n"
	seen := map[uint64]string{}
	for _, nonce := range []string{"first", "second"} {
		inBubble(t, yaml, []simulator.Profile{profile()}, func(w *world) { w.opt.Nonce = nonce }, func(w *world) {
			w.mustRun()
			log := w.truth()
			block0 := map[uint64]string{}
			for _, q := range w.requests() {
				e := log[fmt.Sprint(q.ID)]
				if q.Phase == sample.PhaseVerify || q.Phase == sample.PhaseProbe {
					continue // these repeat on purpose
				}
				where := fmt.Sprintf("run %s request %d of %s", nonce, q.ID, q.Cell)
				if first, twice := seen[e.PromptHash]; twice {
					t.Fatalf("%s repeats the prompt of %s", where, first)
				}
				seen[e.PromptHash] = where
				if cell, shared := block0[e.Block0]; shared && cell != q.Cell && salt == "cell" {
					t.Fatalf("%s shares its first block with %s", where, cell)
				}
				block0[e.Block0] = q.Cell
			}
			if len(block0) < 80 {
				t.Errorf("only %d first blocks seen", len(block0))
			}
		})
	}
}

// With two endpoints dealt round-robin every endpoint sees every prompt and the edge does
// not move; pinned, it moves by their number.
func TestVirtualEndpoints(t *testing.T) {
	t.Parallel()
	const yaml = `
name: endpoints
target: {endpoints: [http://sim0, http://sim1], %s, metrics: none, balance: %s}
contexts: [1000]
chunk: 250
working_set: [44000, 48000, 55000, 92000, 97000, 108000]
output_tokens: 2
mode: fixed
concurrency: [2]
duration: {min: 1s, max: 400s}
assessment_period: 1s
`
	p := profile(func(p *simulator.Profile) { p.Tiers[0].Capacity = 52000 })
	for balance, want := range map[string]int64{"round-robin": 52000, "pinned": 104000} {
		t.Run(balance, func(t *testing.T) {
			inBubble(t, fmt.Sprintf(yaml, identify, balance), []simulator.Profile{p, p}, nil, func(w *world) {
				w.mustRun()
				s := result.Summarise(w.Record()).Series
				if len(s) != 1 || len(s[0].Transitions) != 1 {
					t.Fatalf("series %+v, want one with one transition", s)
				}
				if tr := s[0].Transitions[0]; tr.Lo > want || tr.Hi < want {
					t.Errorf("edge between %d and %d, want it to hold %d", tr.Lo, tr.Hi, want)
				}
			})
		})
	}
}
