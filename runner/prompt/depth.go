package prompt

import (
	"math"
	"math/rand/v2"

	"github.com/wsrun/wsrun/runner/sample"
)

// Depth draws the place of the next prompt in the stack of n, evenly in its logarithm:
// as many requests at distances from 1 to 10 prompts as from 10 to 100. One window draws
// the whole curve of TTFT against reuse distance. The seed of rng is the caller's to
// record.
func Depth(n int, rng *rand.Rand) Law { return depth{n, rng} }

type depth struct {
	n   int
	rng *rand.Rand
}

func (d depth) Next(st *Stack) int {
	at := int(math.Exp(d.rng.Float64() * math.Log(float64(d.n+1))))
	if i := st.At(min(at, d.n) - 1); i >= 0 && i < d.n {
		return i
	}
	return d.rng.IntN(d.n) // not all were sent yet
}

// Ingest deals n prompts from index first on, each for the first time, with one output
// token. It ends, at the latest with the set.
func (s *Set) Ingest(first, n int) *Source {
	i, end := first, min(first+n, s.cfg.Prompts)
	return &Source{next: func() (*sample.Job, bool) {
		if i >= end {
			return nil, false
		}
		i++
		return s.job(s.ingest(i - 1)), true
	}}
}

func (s *Set) ingest(i int) draft {
	h, g := s.cfg.History, s.cfg.Geometry
	h.mu.Lock()
	defer h.mu.Unlock()
	d := s.draft(sample.PhaseIngest, i, s.endpointOf(int64(i), 0), h.number(), 1)
	s.touch(&d, g.use(1))
	s.intended(&d, 0)
	return d
}

// Drop takes a prompt that never reached its endpoint out of the stack again.
func (s *Set) Drop(failed *sample.Request) {
	if failed.Prompt >= 0 {
		s.cfg.History.drop(int(failed.Prompt), int(failed.Endpoint))
	}
}

// Ask builds the last request of the prompt at a depth once more: its place in the stack
// over all endpoints, 1 for the newest. ok is false where none stands so deep.
func (s *Set) Ask(phase sample.Phase, depth int) (job *sample.Job, ok bool) {
	h := s.cfg.History
	h.mu.Lock()
	i := h.whole.At(depth - 1)
	h.mu.Unlock()
	if i < 0 {
		return nil, false
	}
	d := s.again(phase, i, s.endpointOf(int64(i), 0), 1)
	d.req.Depth = int32(depth)
	return s.job(d), true
}
