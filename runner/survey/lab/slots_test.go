package lab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/survey"
)

// A cache in which a prompt that is found in a slot is not renewed in the store ends, for
// prompts that come round in one order, at its store's room and one: there, to the prompt,
// is where a map finds that it ends, in whatever order it has asked. (A store smaller than
// the slots holds one more or less, as it comes.)
func TestSlotsBeforeStore(t *testing.T) {
	moved, odd := 0, 0
	step := 1
	if *many == 1 {
		step = 4
	}
	for room := 4; room <= 40; room += step {
		for _, seed := range seeds(few) {
			for _, tell := range []Tell{Cached, Nothing} {
				w := &World{Slots: 4, Room: room, TTFT: []float64{.1, .11, 1}, SD: .05, Tell: tell}
				m := w.Run(start(t, seed, func(o *survey.Options) { o.Concurrency = 1 }), seed, 5000)
				if why := w.notAt(m, room+1); why != "" {
					t.Logf("room for %d, seed %d, tell %d: %s", room, seed, tell, why)
					if odd++; tell != Nothing {
						t.Errorf("it was told what was found")
					}
					continue
				}
				if m.Tiers[0].Used != nil {
					moved++
				}
			}
		}
	}
	if allowed := 37 * *many / 250; odd > allowed { // of TTFT alone: an end that is cut seems gradual now and then
		t.Errorf("%d maps are not right, want at most %d", odd, allowed)
	}
	if moved == 0 {
		t.Error("no prompt was lost earlier than its depth says: the test says nothing")
	}
}

// First in, first out, and told: an edge of a few prompts is where new prompts show it,
// although those that were asked for in between go earlier.
func TestNotRenewed(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		for _, room := range []float64{10, 24, 41} {
			w := &World{Cache: Cache{Capacity: []float64{room}, Evict: FIFO}, TTFT: []float64{.1, 1}, SD: .05, Tell: Cached}
			if why := w.notAt(w.Run(start(t, seed, nil), seed, 5000), int(room)); why != "" {
				t.Errorf("room for %g, seed %d: %s", room, seed, why)
			}
		}
	})
}

// Of two such tiers an edge is where it is, or none is told: most maps show one gradual
// end (docs/measurement.md, Map). At the last seed both edges are shown.
func TestNotRenewedInTwoTiers(t *testing.T) {
	all, whole := append(seeds(few), 0), 0
	for _, seed := range all {
		w := &World{Cache: Cache{Capacity: []float64{8, 30}, Evict: FIFO}, TTFT: []float64{.1, .3, 1}, SD: .05, Tell: Sources}
		edges := 0
		for _, x := range w.Run(start(t, seed, nil), seed, 5000).Tiers {
			if x.To == nil || x.Gradual {
				continue
			}
			edges++
			if last := map[string]int{"hbm": 8, "dram": 30}[x.Name]; x.To.Lo != last || x.To.Hi != last+1 {
				t.Errorf("seed %d: %s ends at %+v, want %d", seed, x.Name, *x.To, last)
			}
		}
		if edges == 2 {
			whole++
		}
	}
	t.Logf("%d of %d maps show both edges", whole, len(all))
	if whole == 0 {
		t.Error("no map shows both edges: the test says nothing")
	}
}

// A busy server, whose TTFT says little, is told as exactly where it tells what it found.
// At the last three seeds a walk that heard TTFT too gave another edge, or none.
func TestSlotsOfBusyServer(t *testing.T) {
	for _, seed := range append(seeds(few), 7, 17, 59) {
		for _, room := range []int{4, 6, 8, 16} {
			w := &World{Slots: 4, Room: room, TTFT: []float64{.01, .011, 1}, SD: .05, Slow: .3, Tell: Cached}
			w.Drift = func(sent int) float64 { return []float64{1, 1, 8, 1, 30, 1, 2}[sent%7] }
			if why := w.notAt(w.Run(start(t, seed, func(o *survey.Options) { o.Concurrency = 1 }), seed, 5000), room+1); why != "" {
				t.Errorf("room for %d, seed %d: %s", room, seed, why)
			}
		}
	}
}

// What is lost earlier is said, with where from.
func TestLostEarlierInWords(t *testing.T) {
	w := &World{Slots: 4, Room: 8, TTFT: []float64{.1, .11, 1}, SD: .05, Tell: Cached}
	s := start(t, 1, func(o *survey.Options) { o.Concurrency = 1 })
	m := w.Run(s, 1, 5000)
	const want = "(prompts that are asked for out of turn are lost from "
	if u := m.Tiers[0].Used; u == nil || u.Lo >= 9 || !strings.Contains(s.State(), want) {
		t.Errorf("used %+v, %q", u, s.State())
	}
	w = one(20)
	s = start(t, 1, nil)
	if m := w.Run(s, 1, 5000); m.Tiers[0].Used != nil || strings.Contains(s.State(), want) {
		t.Errorf("LRU: %+v, %q", m.Tiers[0].Used, s.State())
	}
}

// notAt says why a map has not one tier that ends at a prompt, empty when it has.
func (w *World) notAt(m survey.Map, last int) string {
	if !m.Ready || len(m.Tiers) != 1 || m.Tiers[0].To == nil {
		return fmt.Sprintf("ready %v, tiers %+v", m.Ready, m.Tiers)
	}
	if x := m.Tiers[0]; x.Gradual || x.Unsure || x.To.Lo != last || x.To.Hi != last+1 {
		return fmt.Sprintf("gradual %v, unsure %v, ends at %+v, want %d; %+v", x.Gradual, x.Unsure, *x.To, last, m.Count)
	}
	return ""
}
