package prompt

import "github.com/wsrun/wsrun/runner/sample"

// Source deals jobs; it is a load.Source. Next is called by one goroutine at a
// time. ok is false when all were dealt.
type Source struct {
	next func() (*sample.Job, bool)
}

// Next implements load.Source.
func (s *Source) Next() (*sample.Job, bool) { return s.next() }

// Deal is the endless source of measured requests. law is asked for each prompt;
// the same law goes on over the levels of a cell. At hit rate 0 every prompt is
// unique and law is not asked: it may be nil.
func (s *Set) Deal(law Law) *Source {
	return &Source{next: func() (*sample.Job, bool) { return s.job(s.deal(law)), true }}
}

func (s *Set) deal(law Law) draft {
	h := s.cfg.History
	h.mu.Lock()
	defer h.mu.Unlock()
	g := s.cfg.Geometry
	number := h.number()
	if s.cfg.Prompts == 0 {
		e := s.endpointOf(number, 0)
		d := s.draft(sample.PhaseLoad, -1, e, number, g.Output)
		h.insert(e, g.R+g.Output)
		s.intended(&d, 0)
		return d
	}
	i := law.Next(h.whole)
	e := s.endpointOf(int64(i), int64(h.dealt[i]))
	h.dealt[i]++
	d := s.draft(sample.PhaseLoad, i, e, number, g.Output)
	s.touch(&d, g.use(g.Output))
	s.intended(&d, g.prefix())
	return d
}

// Coverage is the warm-up: every prompt in use from index first on to each endpoint that
// will be asked for it, with the full shape of a measured request. It ends. With
// rewarm: once first is the size of the set before.
//
// It goes in the order in which measured requests will: pass c deals prompt i to the
// endpoint of its cycle c. So the LRU order of every endpoint is as if the cycles had
// been running already. (Prompt by prompt to all endpoints instead, the first E cycles
// find a prompt at a smaller distance than later ones: with capacity for 50 prompts
// and two endpoints 55 prompts hit.)
func (s *Set) Coverage(first int) *Source {
	return s.walk(first, 0, func(i, e int) draft {
		h, g := s.cfg.History, s.cfg.Geometry
		h.mu.Lock()
		defer h.mu.Unlock()
		known := h.endpoints[e].last[i] > 0
		d := s.draft(sample.PhaseWarmup, i, e, h.number(), g.warmOutput())
		s.touch(&d, g.use(d.req.MaxTokens))
		s.intended(&d, 0)
		if known {
			s.intended(&d, g.prefix())
		}
		return d
	})
}

// Looks is the second look at 1 % of the prompts (8 to 64, the newest of each
// endpoint): their last requests again, the same prompt byte for byte, one token out,
// in the order of the warm-up, so that the LRU order stays as it left it. It ends.
func (s *Set) Looks() *Source {
	used := int(s.used.Load())
	n := max(8, min(64, (used+99)/100)) * len(s.cfg.History.endpoints)
	return s.walk(max(0, used-n), s.passes()-1, func(i, e int) draft {
		return s.again(sample.PhaseVerify, i, e, 1)
	})
}

// Again builds the last request of a prompt to an endpoint once more: the retry of
// a warm-up, with the bytes of the first attempt and an attempt number raised by
// one. ok is false for a request without a prompt of the set.
func (s *Set) Again(failed *sample.Request) (job *sample.Job, ok bool) {
	if failed.Prompt < 0 || int(failed.Prompt) >= s.cfg.Prompts {
		return nil, false
	}
	d := s.again(failed.Phase, int(failed.Prompt), int(failed.Endpoint), failed.MaxTokens)
	d.req.Attempt, d.req.IntendedCached = failed.Attempt+1, failed.IntendedCached
	return s.job(d), true
}

// again repeats the last request of prompt i to endpoint e, whole.
func (s *Set) again(phase sample.Phase, i, e int, out int64) draft {
	h, g := s.cfg.History, s.cfg.Geometry
	h.mu.Lock()
	defer h.mu.Unlock()
	number := h.endpoints[e].last[i] - 1
	reusable := g.R
	if number < 0 { // never sent there: nothing of it can be cached
		number, reusable = h.number(), 0
	}
	d := s.draft(phase, i, e, number, out)
	s.touch(&d, Use{Reuse: g.R + out})
	s.intended(&d, reusable)
	return d
}

// passes is how often each prompt is dealt until every endpoint that will be asked for
// it has had it: once per endpoint, or once where prompts are pinned.
func (s *Set) passes() int {
	if s.cfg.Balance == Pinned {
		return 1
	}
	return len(s.cfg.History.endpoints)
}

// walk deals the prompts from first on in ascending order, in passes from pass on, each
// to the endpoint of its turn.
func (s *Set) walk(first, pass int, make func(i, e int) draft) *Source {
	first = max(0, first)
	i := first
	endpoints, end := len(s.cfg.History.endpoints), int(s.used.Load())
	return &Source{next: func() (*sample.Job, bool) {
		if i >= end {
			i, pass = first, pass+1
		}
		if pass >= s.passes() || i >= end {
			return nil, false
		}
		d := make(i, (i+pass)%endpoints)
		i++
		return s.job(d), true
	}}
}

// Sentinels is a source of n fresh prompts outside the set, dealt to the endpoints
// in turn, one token out: the check that a cache is cold. It ends.
func (s *Set) Sentinels(n int) *Source {
	return &Source{next: func() (*sample.Job, bool) {
		if n <= 0 {
			return nil, false
		}
		n--
		h, g := s.cfg.History, s.cfg.Geometry
		h.mu.Lock()
		number := h.sentinels
		h.sentinels++
		e := int(number % int64(len(h.endpoints)))
		h.insert(e, g.R+1)
		h.mu.Unlock()
		d := s.draft(sample.PhaseSentinel, -1, e, number, 1)
		d.content.Sentinel = true
		s.intended(&d, 0)
		return s.job(d), true
	}}
}
