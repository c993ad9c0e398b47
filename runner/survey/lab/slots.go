package lab

import "slices"

// slotted is a cache of whole prompts as llama-server has it: slots that requests run in,
// each of which keeps its last prompt, and a store behind them. Held against the server's
// own answers it was right in 250 of 250 requests in any order (docs/engines.md).
//
//   - A request runs in the slot that holds its prompt, else in the one used longest ago,
//     whose prompt is saved; what the store holds of it is moved into the slot.
//   - The prompts of all other slots are then saved: one that the store has keeps its old
//     place there, so that a hit in a slot does not renew, and takes room twice.
//   - The store drops what was saved longest ago.
type slotted struct {
	room  int
	slots []int // prompts; -1 is empty
	used  []int // by slot, when
	now   int
	store []int // prompts, saved longest ago first
}

func newSlotted(slots, room int) *slotted {
	s := &slotted{room: room, slots: make([]int, slots), used: make([]int, slots)}
	for i := range s.slots {
		s.slots[i] = -1
	}
	return s
}

// use sends a prompt and gives where it was found: 0 in a slot, 1 in the store, 2 nowhere.
func (s *slotted) use(prompt int) (where int) {
	i := slices.Index(s.slots, prompt)
	if i < 0 {
		i, where = slices.Index(s.used, slices.Min(s.used)), 2
		s.save(s.slots[i])
		if k := slices.Index(s.store, prompt); k >= 0 {
			s.store, where = slices.Delete(s.store, k, k+1), 1
		}
	}
	s.now++
	s.slots[i], s.used[i] = prompt, s.now
	for k, p := range s.slots {
		if k != i {
			s.save(p)
		}
	}
	return where
}

// save puts a prompt into the store, unless it is there.
func (s *slotted) save(prompt int) {
	if prompt < 0 || slices.Contains(s.store, prompt) {
		return
	}
	if len(s.store) == s.room {
		s.store = s.store[1:]
	}
	s.store = append(s.store, prompt)
}
