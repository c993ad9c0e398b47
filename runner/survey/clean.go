package survey

import "math"

// A sweep asks for every prompt once a pass, in one order: between two uses of a prompt
// there are only prompts that were computed anew, or found as deep as it stood itself. The
// looks of a search come in any order, and not every cache minds only depth. In some a hit
// does not renew (first in, first out). In others it does not when it was served from what
// a request still holds: there the prompt keeps its old place in the store behind, and takes
// room twice (llama-server's slots before its host cache). Prompts then go earlier than their
// depth says, by as many as were asked for out of turn.
//
// A clean walk sees what a sweep sees. It sends prompts that were never sent before, as many
// as the edge is deep, and asks for them from the bottom up. Each that is not found is
// computed anew, as a new one is, so that the first that is found was found after nothing
// but new prompts.
const (
	proofMisses = 5  // depths beyond the edge that must all be missed where a walk says something new
	proofHits   = 10 // times that the deepest that is found must be found, one prompt after the other
	walks       = 3  // of one edge that say something new, at most
	fineSteps   = 8  // depths that are asked for one after the other before the steps grow
)

// walk is the clean walks under way.
type walk struct {
	todo  []int  // indexes of the edges to come, the next last
	then  phase  // what follows
	slope *slope // a gradual end that is given a second chance; nil where edges are confirmed

	proof  bool // what is seen is not what is believed: it must be seen without exception
	rounds int  // walks to this edge that had to prove something
	climbs int  // times that it was deeper than the walk began
	from   int  // the first look of this walk
	sent   int  // new prompts of all walks

	depth  int     // that is asked for
	odds   float64 // nats for its being found
	looks  int     // at it
	misses int     // depths that were missed, from the bottom of this walk
	missed int     // the last of them
	hits   int     // looks that were found, at the depth of now
}

// Extra is the number of new prompts, beyond those that make up MaxTokens, that a survey
// may send to confirm its edges.
func (o Options) Extra() int {
	most := int(min(o.MaxTokens/o.PromptTokens, math.MaxInt32))
	return 2*most + 12*min(most, int(1/o.Resolution)+1)
}

// confirm begins clean walks to the edges that are told to the prompt (one prompt is more
// than the resolution there, so that one that goes early shows), and to those that
// only prompts which had not been looked at before have shown. It goes from the last to the first.
func (s *Survey) confirm(then phase) {
	w := &walk{then: then}
	for i := range s.edges {
		if e := &s.edges[i]; s.slope == nil && !e.clean && (s.exactly(e.lo) || e.alone) {
			w.todo = append(w.todo, i)
		}
	}
	s.clean, s.phase = w, cleaning
	s.nextWalk()
}

// doubt begins a clean walk to a gradual end: where prompts go earlier than their depth
// says, an edge looks like one. Only where it is told what a look found: under random
// eviction parts are found, and TTFT alone does not tell these from noise.
func (s *Survey) doubt() {
	s.clean = &walk{then: sloping, slope: s.slope, todo: []int{s.slope.at}}
	s.slope, s.phase = nil, cleaning
	s.nextWalk()
}

// nextWalk begins with the next edge, or goes on to what follows.
func (s *Survey) nextWalk() {
	w := s.clean
	if len(w.todo) == 0 {
		if s.phase = w.then; s.overturned() {
			s.phase = sloping
		}
		return
	}
	odd, _ := s.contrary()
	w.rounds, w.climbs, w.proof = 0, 0, w.slope != nil || odd > 0 && s.walked().told
	if w.slope != nil {
		s.setOut(w.slope.last)
		return
	}
	s.setOut(s.walked().hi)
}

// overturned takes an edge that new prompts did not confirm for a gradual end, where with
// their answers that is what explains all by far.
func (s *Survey) overturned() bool {
	if s.slope != nil {
		return false
	}
	all := s.accounts(false)
	for i := range s.edges {
		if s.edges[i].unsure && all[i] <= refuted {
			s.soften()
			return s.slide()
		}
	}
	return false
}

// at is the index of the edge that the walk of now goes to.
func (w *walk) at() int { return w.todo[len(w.todo)-1] }

// walked is that edge.
func (s *Survey) walked() *edge { return &s.edges[s.clean.at()] }

// setOut sends the prompts of a walk from a depth on; deeper where what it sees must be proven.
func (s *Survey) setOut(top int) {
	w := s.clean
	if w.proof {
		top += proofMisses * s.resolve(top)
		w.rounds++
	}
	top = min(top, s.max)
	if w.sent+top > s.o.Extra() || w.rounds > walks {
		s.arrive(false)
		return
	}
	s.queue = append(s.queue, Action{Kind: Ingest, N: top, Concurrency: 1})
	w.sent += top
	w.misses, w.missed, w.from = 0, 0, len(s.looks)
	w.moveTo(top)
}

// moveTo turns to a depth.
func (w *walk) moveTo(depth int) { w.depth, w.odds, w.looks, w.hits = depth, 0, 0, 0 }

// looked takes an answer of a walk.
func (w *walk) looked(s *Survey, l *Look) {
	w.odds += s.odds(s.walked(), l)
	w.looks++
}

// is says what is known of the prompts at the depth of now.
func (w *walk) is(s *Survey) heat {
	sure := proven
	if s.walked().told {
		sure = toldOdds
	}
	switch {
	case w.looks == 0, math.Abs(w.odds) < sure && w.looks < s.r.Most:
		return undecided
	case w.odds > 0 && !(w.proof && s.told.part(&s.looks[len(s.looks)-1])):
		return warm
	}
	return cold
}

// step goes on with the walk of now.
func (s *Survey) step() {
	w := s.clean
	switch w.is(s) {
	case undecided:
		s.queue = append(s.queue, Action{Kind: Ask, Depth: w.depth})
	case warm:
		s.met()
	case cold:
		if w.hits > 0 { // it was found before: no edge
			s.again(w.missed)
			return
		}
		w.misses, w.missed = w.misses+1, w.depth
		if next := s.onward(w.depth); next >= 1 {
			w.moveTo(next)
			return
		}
		s.arrive(false)
	}
}

// onward is the depth after one that was missed: the other side of the edge, then as far
// as the resolution allows, and farther where nothing is found for long.
func (s *Survey) onward(depth int) int {
	w, e := s.clean, s.walked()
	if depth == e.hi && !w.proof {
		return e.lo
	}
	n := s.resolve(depth)
	if beyond := w.misses - proofMisses; beyond > fineSteps && w.rounds < walks {
		n <<= min(beyond-fineSteps, 20)
	}
	return depth - n
}

// met judges a depth that was found.
func (s *Survey) met() {
	w, e := s.clean, s.walked()
	wanted, hits, width := 1, 1, max(s.resolve(w.missed), e.hi-e.lo)
	if w.proof {
		wanted, hits, width = proofMisses, proofHits, s.resolve(w.missed)
	}
	w.hits++
	switch {
	case w.misses < wanted: // the edge is deeper
		w.climbs++
		w.proof = true
		s.again(w.depth + 1<<(2*w.climbs-2)*s.resolve(w.depth))
	case w.missed-w.depth > width:
		s.again(w.missed)
	case !w.proof && (w.depth > e.lo || w.depth < e.lo && !(w.missed == e.lo && s.inPart())):
		s.again(w.missed)
	case w.hits < hits:
		w.odds, w.looks = 0, 0
	case !w.proof:
		s.arrive(true)
	default:
		if sure := s.weight() >= proven; sure || w.hits >= s.r.Most {
			s.arrive(sure)
			return
		}
		w.odds, w.looks = 0, 0
	}
}

// weighing takes the looks of this walk. Where it is told what a look found, that alone
// counts: TTFT of a busy server says less.
func (w *walk) weighing(s *Survey) (*weighing, []weighed) {
	var all []weighed
	for k := range s.looks[w.from:] {
		l := &s.looks[w.from+k]
		x := weigh(l)
		if e := s.walked(); e.told {
			switch c := s.told.category(l); {
			case s.told.part(l):
				x.y = (e.left.level + e.right.level) / 2
			case fits(c, e.left.cat):
				x.y = e.left.level
			case fits(c, e.right.cat):
				x.y = e.right.level
			}
		}
		all = append(all, x)
	}
	return s.scales(), all
}

// inPart reports whether the prompt that was missed last was rather found in part: the
// edge lies inside it.
func (s *Survey) inPart() bool {
	w := s.clean
	i := w.at()
	v, all := w.weighing(s)
	sum := 0.0
	for k := range all {
		if x := &all[k]; x.look.Depth == w.missed {
			sum += math.Log(v.between(x, i, i)) - math.Log(v.whole(x, i+1))
		}
	}
	return sum >= toldProven
}

// weight is by how many nats the looks of this walk speak for an edge at the depth of now
// rather than for a gradual end.
func (s *Survey) weight() float64 {
	w := s.clean
	i := w.at()
	v, all := w.weighing(s)
	for _, x := range all {
		l, at := x.look, i
		if l.Depth > w.depth {
			at = i + 1
		}
		if x.edge = math.Log(v.whole(&x, at)); l.Depth == w.missed { // a part of it may be found
			x.edge = math.Log(v.beside(&x, i, w.depth))
		}
		v.looks[at] = append(v.looks[at], x)
	}
	return -v.gradual(i, i)
}

// again walks once more, from a depth on.
func (s *Survey) again(top int) {
	s.clean.proof = true
	s.setOut(top)
}

// arrive ends the walk to an edge. What it has seen is believed where it is sure, and where
// the edges keep their order.
func (s *Survey) arrive(sure bool) {
	w, e := s.clean, s.walked()
	at := w.at()
	w.todo = w.todo[:len(w.todo)-1]
	if sure && (at == 0 || s.edges[at-1].hi <= w.depth) && (at == len(s.edges)-1 || w.missed <= s.edges[at+1].lo) {
		if w.proof {
			if e.told && (e.gradual || e.lo < w.depth) { // TTFT alone may have been mistaken
				e.used = &[2]int{e.lo, e.hi}
			}
			e.lo, e.hi, e.below, e.above, e.clean, e.gradual = w.depth, w.missed, 0, 0, true, false
		}
		w.slope = nil
	} else if w.slope == nil {
		e.unsure = true
	}
	if s.slope = w.slope; w.slope == nil && w.then == sloping {
		w.then = ending
	}
	s.nextWalk()
}
