package survey

import (
	"math"
	"slices"
)

// How a gradual end is looked at.
const (
	spreadRun  = 12 // depths
	spreadEach = 4  // looks at each
	briefly    = 16 // looks of a search that new prompts end sooner
)

// slope is a gradual end, whose bracket is from where nine tenths are found to where
// one tenth is.
type slope struct {
	before, after float64 // log TTFT of the levels round it
	from, to      int     // depths that are looked at
	asked         bool    // the looks at it are under way, or done
	half          int     // the depth at which one half is found
	last          int     // the depth beyond the last edge that it stands for
	tiers         bool    // it stands for edges of several tiers, as told
}

// spreadOf is the spread of a level: of new prompts where it is cold, else that of its
// shallower half, which no edge at its end touches.
func (s *Survey) spreadOf(g segment) float64 {
	sd := leastSD
	if len(s.cold) >= 3 {
		sd = max(sd, spread(s.cold))
	}
	if s.isCold(g) {
		return sd
	}
	half := math.Sqrt(float64(g.first) * float64(g.last))
	to := g.from
	for to < g.to && float64(s.curve.columns[to].depth) <= half {
		to++
	}
	ys := s.curve.values(s, g.from, to)
	if len(ys) < 4 {
		ys = s.curve.values(s, g.from, g.to)
	}
	return max(sd, min(spread(ys), s.noise.sd))
}

// quantile is the least depth that the edge lies below with at least this probability.
func (e *edge) quantile(q float64) int {
	lo, hi := e.marks[0].depth, e.marks[len(e.marks)-1].depth
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; e.cdf(mid) <= q {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// soften marks the edges that are none, and those before a gradual end: nothing separates
// them from its beginning.
func (s *Survey) soften() {
	gone := false
	sharp := s.sharp()
	for i := len(s.edges) - 1; i >= 0; i-- {
		e := &s.edges[i]
		gone = gone || !sharp[i] || s.tired() && (e.blurred || e.below+e.above > s.r.Miss)
		e.gradual = gone
	}
}

// slide takes all edges to the last that is none for one gradual end, and reports whether
// there is any.
func (s *Survey) slide() bool {
	n := 0 // soften marks them from the first on
	for n < len(s.edges) && s.edges[n].gradual {
		n++
	}
	if n == 0 {
		return false
	}
	e, last := s.edges[0], s.edges[n-1]
	e.right, e.told = last.right, e.left.cat != last.right.cat
	s.slope = &slope{before: e.left.level, after: e.right.level, from: max(1, e.lo/4), to: min(s.size, 4*last.hi), last: last.hi}
	for _, g := range s.fit[1:n] {
		s.slope.tiers = s.slope.tiers || g.cat != e.left.cat && g.cat != e.right.cat
	}
	s.fit = slices.Delete(s.fit, 1, n)
	s.edges = slices.Replace(s.edges, 0, n, e)
	return true
}

// tired reports that the search goes on and on: levels that do not hold still.
func (s *Survey) tired() bool { return len(s.looks)-s.early > s.patience() }

// patience is the number of looks of a search: some for each edge, as many as levels need
// at this spread, of no more edges than a server has tiers. Near a small edge new prompts
// show more, for less, where depth alone does not say what is found.
func (s *Survey) patience() int {
	if n, deepest := s.contrary(); n > 0 && s.clean == nil && s.exactly(deepest) {
		return briefly
	}
	return 60 + 12*s.enough()*(1+min(len(s.edges), 4)/2)
}

// exactly reports whether one prompt is more than the resolution at a depth.
func (s *Survey) exactly(depth int) bool { return s.o.Resolution*float64(depth) < 1 }

// contrary counts the looks whose prompts were told not to be found although they stood no
// deeper than one that was: depth alone does not say what is found. It gives the deepest that was.
func (s *Survey) contrary() (n, deepest int) {
	for i := range s.looks[s.begun:] {
		if l := &s.looks[s.begun+i]; l.blur == 0 && s.told.category(l) > toldCold {
			deepest = max(deepest, l.Depth)
		}
	}
	for i := range s.looks[s.begun:] {
		if l := &s.looks[s.begun+i]; l.blur == 0 && l.Depth <= deepest && s.told.category(l) == toldCold {
			n++
		}
	}
	return n, deepest
}

// follow looks at a gradual end, at depths evenly in their logarithm.
func (s *Survey) follow() {
	g := s.slope
	if g.asked {
		s.measure()
		s.phase = ending
		return
	}
	g.asked = true
	step := math.Pow(float64(g.to)/float64(g.from), 1.0/(spreadRun-1))
	d := float64(g.from)
	for range spreadRun {
		for range spreadEach {
			s.queue = append(s.queue, Action{Kind: Ask, Depth: min(max(1, int(math.Round(d))), s.size)})
		}
		d *= step
	}
}

// found is the share of a prompt that a look found: told, else by where its TTFT lies
// between the level before and that of a cold prompt.
func (s *Survey) found(l *Look, before, after float64) float64 {
	if cached, ok := l.cached(); ok && s.told.most > 0 {
		return min(1, float64(cached)/float64(s.told.most))
	}
	a, b := math.Exp(before), math.Exp(after)
	return min(max((b-l.TTFT)/(b-a), 0), 1)
}

// pool is a run of looks at one share.
type pool struct {
	sum, n float64
	depth  int // the last of them
}

// shares gives the share found by depth, of the looks from depth lo to hi, from a
// regression that never rises with depth (pool adjacent violators: Barlow, Bartholomew,
// Bremner, Brunk: Statistical inference under order restrictions, 1972). Looks of the
// gallop are left out: they were asked for when less had been sent, which only LRU does
// not mind.
func (s *Survey) shares(before, after float64, lo, hi int) (pools []pool) {
	looks := slices.Clone(s.looks[s.begun:])
	slices.SortStableFunc(looks, func(a, b Look) int { return a.Depth - b.Depth })
	for i := range looks {
		l := &looks[i]
		if l.Depth < lo || l.Depth > hi {
			continue
		}
		pools = append(pools, pool{s.found(l, before, after), 1, l.Depth})
		for k := len(pools) - 1; k > 0; k-- {
			a, b := &pools[k-1], pools[k]
			if a.depth != b.depth && b.sum/b.n < a.sum/a.n {
				break
			}
			*a = pool{a.sum + b.sum, a.n + b.n, b.depth}
			pools = pools[:k]
		}
	}
	return pools
}

// last is the deepest depth at which at least a share is found, 1 when there is none.
func last(pools []pool, share float64) int {
	depth := 1
	for _, p := range pools {
		if p.sum/p.n >= share {
			depth = p.depth
		}
	}
	return depth
}

// measure gives where the share found passes nine, five and one tenths.
func (s *Survey) measure() {
	g := s.slope
	pools := s.shares(g.before, g.after, 1, s.size)
	e := s.edges[0]
	e.lo, g.half = last(pools, 0.9), last(pools, 0.5)
	e.hi = max(last(pools, 0.1), e.lo+1)
	n := 1
	if s.isCold(s.fit[len(s.fit)-1]) {
		n = len(s.edges) // what was lost before cannot be lost again at an edge
	}
	s.fit = slices.Delete(s.fit, 1, n)
	s.edges = slices.Replace(s.edges, 0, n, e)
}
