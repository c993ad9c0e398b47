package survey

import (
	"fmt"
	"math"
)

// Policy is how a cache evicts and admits, as far as experiments have shown it
// (Options.Policy). Each is told as what was seen.
type Policy struct {
	Renewed  Experiment // does a hit renew a prompt's place? yes: LRU; no: first in, first out
	Sharp    Experiment // does a tier end at an edge? yes; no: gradually, as under random eviction
	First    Experiment // is a prompt kept at its first use? no: only from its second
	HeadKept Experiment // is the head of a prompt found when a part is gone? yes: tails are freed first
}

// Experiment is one question and what was seen.
type Experiment struct {
	Answer   Answer
	Seen     string // in words, with the numbers
	Requests int    // sent for it, new prompts included
}

// Answer of an experiment.
type Answer uint8

// Answers.
const (
	Unclear Answer = iota
	Yes
	No
)

// String gives the answer in a word.
func (a Answer) String() string { return [...]string{"unclear", "yes", "no"}[a] }

// policy runs the experiments, one after the other.
type policy struct {
	out   Policy
	at    int    // the next experiment
	end   func() // concludes the one under way; nil when none is
	looks []Look // of the one under way
	sent  int
}

// result is a copy of what is known, nil when nothing was asked.
func (p *policy) result() *Policy {
	if p == nil {
		return nil
	}
	out := p.out
	return &out
}

// looked takes an answer that counts.
func (p *policy) looked(l Look) { p.looks = append(p.looks, l) }

// experiment concludes the experiment under way and begins the next.
func (s *Survey) experiment() {
	if s.policy == nil {
		s.policy = new(policy)
	}
	p := s.policy
	if p.end != nil {
		p.end()
		p.end = nil
		return
	}
	p.looks, p.sent = nil, s.count.Policy
	steps := []func(){s.ending, s.renewal, s.admission, s.parts}
	if p.at == len(steps) {
		s.phase = over
		return
	}
	p.at++
	steps[p.at-1]()
}

// conclude sets what follows when all that was queued is answered.
func (s *Survey) conclude(e *Experiment, judge func(looks []Look) (Answer, string)) {
	p := s.policy
	p.end = func() {
		e.Answer, e.Seen = judge(p.looks)
		e.Requests = s.count.Policy - p.sent
	}
}

// plan queues new prompts, one at a time, or requests at a depth.
func (s *Survey) plan(kind Kind, n, depth int, touch bool) {
	if kind == Ingest {
		s.queue = append(s.queue, Action{Kind: Ingest, N: n, Concurrency: 1})
		return
	}
	for range n {
		s.queue = append(s.queue, Action{Kind: Ask, Depth: depth, Touch: touch})
	}
}

// crowd is the number of prompts of an experiment: as many as show a level, within a
// part of a tier.
func (s *Survey) crowd(edge int) int { return max(1, min(max(5, s.enough()), edge/10)) }

// ending is known from the map.
func (s *Survey) ending() {
	e := &s.policy.out.Sharp
	switch {
	case len(s.edges) == 0:
		e.Seen = "no edge was found"
	case s.slope != nil:
		g := s.edges[s.slope.at]
		e.Answer = No
		e.Seen = fmt.Sprintf("the share that is found passes 90 %% at %s, 50 %% at %d and 10 %% at %d", counted(g.lo, "prompt"), s.slope.half, g.hi)
	default:
		g := s.edges[len(s.edges)-1]
		e.Answer, e.Seen = Yes, fmt.Sprintf("everything is found down to %s, nothing from %d", counted(g.lo, "prompt"), g.hi)
		if !s.isCold(g.right) {
			e.Seen = fmt.Sprintf("one tier down to %s, the next from %d", counted(g.lo, "prompt"), g.hi)
		}
	}
}

// renewal uses prompts once more on their way to the first edge and asks for them when
// they were inserted longer ago than the edge, but used more lately. Where a hit
// renews, they are still there.
func (s *Survey) renewal() {
	e := &s.policy.out.Renewed
	if len(s.edges) == 0 || s.edges[0].gradual || s.edges[0].lo < 8 {
		e.Seen = "there is no edge at eight prompts or more to try it at"
		return
	}
	g := s.edges[0]
	n := s.crowd(g.lo)
	way := int(math.Ceil(0.6 * float64(g.hi)))
	s.plan(Ingest, way+n, 0, false)
	s.plan(Ask, n, way+n, true)
	s.plan(Ingest, way, 0, false)
	s.plan(Ask, n, way+n, false)
	s.conclude(e, func(looks []Look) (Answer, string) {
		k := s.hits(looks, g.left, g.right)
		seen := fmt.Sprintf("of %s inserted %d prompts ago and used again %d ago, %s found in the tier that ends at %d", counted(n, "prompt"), 2*way+n, way, were(k), g.lo)
		return majority(k, len(looks)), seen
	})
}

// admission uses prompts twice and asks for them beyond the last edge, where prompts
// that were used once are cold.
func (s *Survey) admission() {
	e := &s.policy.out.First
	last := s.fit[len(s.fit)-1]
	if !s.isCold(last) {
		e.Seen = "nothing that was sent is cold"
		return
	}
	edge := 0
	if n := len(s.edges); n > 0 {
		edge = s.edges[n-1].hi
	}
	n := s.crowd(max(edge, 50))
	far := int(math.Ceil(1.3*float64(edge))) + n
	s.plan(Ingest, n, 0, false)
	s.plan(Ask, n, n, true)
	s.plan(Ingest, far, 0, false)
	s.plan(Ask, n, far+n, false)
	s.conclude(e, func(looks []Look) (Answer, string) {
		k := len(looks) - s.hits(looks, last, segment{cat: untold, level: math.Inf(-1)})
		seen := fmt.Sprintf("of %s used twice, %s found at a depth of %d, where prompts used once are not", counted(n, "prompt"), were(k), far)
		switch majority(k, len(looks)) {
		case Yes:
			return No, seen
		case No:
			if edge > 0 {
				return Yes, seen
			}
		}
		return Unclear, seen
	})
}

// parts looks at the last edge, where a prompt may be found in part. Servers find a
// prompt from its head on: with the head gone nothing is found.
func (s *Survey) parts() {
	e := &s.policy.out.HeadKept
	switch {
	case len(s.edges) == 0 || s.slope != nil:
		e.Seen = "there is no edge to look at"
		return
	case !s.told.any:
		e.Seen = "the server does not tell how much of a prompt it found"
		return
	}
	g := s.edges[len(s.edges)-1]
	g.trim(s.r.Miss)
	const most = 12
	for i, d := 0, max(1, g.lo-1); i < most && d <= min(g.hi+1, s.size); i, d = i+1, d+1 {
		s.plan(Ask, 1, d, false)
	}
	s.conclude(e, func(looks []Look) (Answer, string) {
		k := 0
		for i := range looks {
			if s.told.part(&looks[i]) {
				k++
			}
		}
		for i := range s.looks {
			if l := &s.looks[i]; l.Depth >= g.lo-1 && l.Depth <= g.hi+1 && s.told.part(l) {
				k++
			}
		}
		if k > 0 {
			return Yes, fmt.Sprintf("at the edge, between %d and %d prompts, a part was found in %s", g.lo, g.hi, counted(k, "look"))
		}
		return Unclear, fmt.Sprintf("no part was found at the edge between %d and %d prompts: prompts go as a whole or from their head, or the tier holds a whole number of them", g.lo, g.hi)
	})
}

// hits counts the looks that are of one level rather than of another.
func (s *Survey) hits(looks []Look, one, other segment) (k int) {
	for i := range looks {
		l := &looks[i]
		c := s.told.category(l)
		y := math.Log(l.TTFT)
		switch {
		case c != untold && one.cat != other.cat:
			if c == one.cat {
				k++
			}
		case math.IsInf(other.level, -1): // any level that is cheaper by more than Ratio
			if y > one.level-math.Log(s.r.Ratio) {
				k++
			}
		case math.Abs(y-one.level) < math.Abs(y-other.level):
			k++
		}
	}
	return k
}

// majority is yes for more than three quarters of n, no for less than one.
func majority(k, n int) Answer {
	switch {
	case n == 0:
		return Unclear
	case 4*k > 3*n:
		return Yes
	case 4*k < n:
		return No
	}
	return Unclear
}

// counted is a number of things in words: 1 prompt, 2 prompts.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprint(n, " ", thing)
}

// were is a number of things and what they were: 1 was, 2 were.
func were(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprint(n, " were")
}
