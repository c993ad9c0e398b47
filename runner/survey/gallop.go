package survey

import "math"

// gallop lets the set grow until its deepest prompt costs what a cold one does.
func (s *Survey) gallop() {
	if s.size == 0 {
		s.grow(s.r.First)
		return
	}
	switch s.deepest() {
	case undecided:
		if c := s.curve.at(s.size); c != nil && len(c.looks) >= s.r.Most {
			s.end("no new prompt was answered: there is nothing to hold the others against")
			return
		}
		s.ask(s.size)
	case warm:
		if s.size < s.max {
			s.grow(max(2, int(math.Ceil(float64(s.size)*(s.r.Gallop-1)))))
			return
		}
		s.begin()
	case cold:
		s.begin()
	}
}

// begin begins the search, at the size of now.
func (s *Survey) begin() {
	s.phase, s.begun = searching, len(s.looks)
	if s.early == 0 {
		s.early = s.begun
	}
}

// grow queues new prompts. What is in flight together loses its order, so no more are
// than half of what the resolution allows at the size of now; the first few are sent
// alone, so that the TTFT of a cold prompt is known as it is now.
func (s *Survey) grow(n int) {
	n = min(n, s.max-s.size)
	c := min(s.o.Concurrency, max(1, int(s.o.Resolution*float64(s.size)/2)))
	if alone := min(n, s.r.First); c > 1 {
		s.queue = append(s.queue, Action{Kind: Ingest, N: alone, Concurrency: 1})
		n -= alone
	}
	if n > 0 {
		s.queue = append(s.queue, Action{Kind: Ingest, N: n, Concurrency: c})
	}
}

// heat is what is known of a prompt.
type heat uint8

const (
	undecided heat = iota
	warm
	cold
)

// deepest holds the looks at the deepest prompt against a cold one: told tokens first,
// else two hypotheses about TTFT, the cold level and the best one that is cheaper by
// more than Ratio (Wald: Sequential tests of statistical hypotheses, 1945).
func (s *Survey) deepest() heat {
	c := s.curve.at(s.size)
	if c == nil {
		return undecided
	}
	if votes := s.told.votes(s, c); votes != 0 {
		if votes > 0 {
			return warm
		}
		return cold
	}
	if len(s.cold) == 0 {
		return undecided
	}
	at := s.curve.index(s.coldLevel())
	top := at - int(math.Round(math.Log(s.r.Ratio)/levelStep))
	best := math.Inf(-1)
	for i := 0; i <= top; i++ {
		best = max(best, c.fits[i])
	}
	d := c.fits[at] - best
	switch {
	case d > s.r.Sure, d > 0 && s.decideNow(c):
		return cold
	case d < -s.r.Sure, s.decideNow(c):
		return warm
	}
	return undecided
}

// decideNow reports whether no more looks at a depth are wanted.
func (s *Survey) decideNow(c *column) bool {
	if s.o.Looks > 0 {
		return len(c.looks) >= s.o.Looks
	}
	return len(c.looks) >= s.r.Most
}
