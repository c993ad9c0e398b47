package lab

import (
	"fmt"
	"testing"

	"github.com/wsrun/wsrun/runner/survey"
)

// A cache in which a prompt that is found in a slot is not renewed in the store ends, for
// prompts that come round in one order, at its store's room and one: there, to the prompt,
// is where a map finds that it ends, in whatever order it has asked. (A store smaller than
// the slots holds one more or less, as it comes.)
func TestSlotsBeforeStore(t *testing.T) {
	moved := 0
	for room := 4; room <= 40; room++ {
		for _, seed := range seeds(few) {
			for _, tell := range []Tell{Cached, Nothing} {
				w := &World{Slots: 4, Room: room, TTFT: []float64{.1, .11, 1}, SD: .05, Tell: tell}
				m := w.Run(start(t, seed, func(o *survey.Options) { o.Concurrency = 1 }), seed, 5000)
				if why := w.notAt(m, room+1); why != "" {
					t.Errorf("room for %d, seed %d, tell %d: %s", room, seed, tell, why)
					continue
				}
				if m.Tiers[0].Used != nil {
					moved++
				}
			}
		}
	}
	if moved == 0 {
		t.Error("no prompt was lost earlier than its depth says: the test says nothing")
	}
}

// notAt says why a map has not one tier that ends at a prompt, empty when it has.
func (w *World) notAt(m survey.Map, last int) string {
	if !m.Ready || len(m.Tiers) != 1 || m.Tiers[0].To == nil {
		return fmt.Sprintf("ready %v, tiers %+v", m.Ready, m.Tiers)
	}
	if x := m.Tiers[0]; x.Gradual || x.To.Lo != last || x.To.Hi != last+1 {
		return fmt.Sprintf("gradual %v, ends at %+v, want %d; %+v", x.Gradual, *x.To, last, m.Count)
	}
	return ""
}
