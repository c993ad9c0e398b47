package survey

import (
	"math"
	"slices"
)

// Not every cache ends at an edge: under random eviction the chance to find a prompt
// again falls slowly with its depth. An edge is believed only while the looks on its
// two sides belong there.
const (
	oddLooks   = 1e-4  // chance of so many looks that do not belong, below which it is no edge
	oddTold    = 1e-3  // the same where it is told what a look found
	oddTired   = 1e-2  // the same when the search has come to no end
	oddLeft    = 0.04  // share of slow answers that the level on the left may have
	oddRight   = 0.003 // share of fast answers on the right, and of wrong words where tokens are told
	smear      = 1.3   // ratio of depths over which an edge cannot fall
	spreadRun  = 12    // depths at which a gradual end is looked at
	spreadEach = 4     // looks at each
)

// slope is a gradual end, whose bracket is from where nine tenths are found to where
// one tenth is.
type slope struct {
	edge          int     // which of the edges it stands for
	before, after float64 // log TTFT of the levels round it
	from, to      int     // depths that are looked at
	asked         bool    // the looks at it are under way, or done
	half          int     // the depth at which one half is found
}

// scattered reports whether looks on both sides of an edge do not belong there.
func (s *Survey) scattered(e *edge) bool {
	lo, hi := e.quantile(0.005), e.quantile(0.995)+1
	w := s.resolve(lo)
	nl, kl := s.strangers(e, e.left, 1, lo-w-1, 1)
	nr, kr := s.strangers(e, e.right, hi+w+1, s.size, -1)
	left := oddLeft
	if e.told {
		left = oddRight
	}
	limit := oddLooks
	if e.told {
		limit = oddTold
	}
	if s.tired() {
		limit = oddTired
	}
	return tail(nl, kl, left)*tail(nr, kr, oddRight) < limit
}

// strangers counts the fresh looks of a segment between two depths, and those among them
// that lie off its level by more than four spreads towards the other one (side 1: above),
// or tell another tier, or that a part was found: at an edge only the prompt in it is
// found in part.
func (s *Survey) strangers(e *edge, g segment, lo, hi, side int) (n, odd int) {
	sd := s.spreadOf(g)
	for _, col := range s.curve.columns[g.from:g.to] {
		for _, look := range col.looks {
			l := &s.looks[look]
			if look < s.begun || col.depth < lo || col.depth > hi || l.blur > 0 {
				continue
			}
			n++
			off := float64(side)*(math.Log(l.TTFT)-g.level) > 4*sd
			if e.told {
				c := s.told.category(l)
				off = !fits(c, g.cat)
			}
			if s.told.part(l) {
				off = true
			}
			if off {
				odd++
			}
		}
	}
	return n, odd
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

// tail is the chance of k or more of n, each with probability p.
func tail(n, k int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	sum, term := 0.0, math.Pow(1-p, float64(n))
	for i := 0; i <= n; i++ {
		if i >= k {
			sum += term
		}
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
	}
	return min(sum, 1)
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

// soften marks the edges that are none.
func (s *Survey) soften() {
	for i := range s.edges {
		e := &s.edges[i]
		e.gradual = s.scattered(e) || s.smeared(e) || s.tired() && e.below+e.above > s.r.Miss
	}
}

// slide takes all from the first to the last edge that is none for one gradual end,
// and reports whether there is any.
func (s *Survey) slide() bool {
	first, last := -1, -1
	for i := range s.edges {
		if s.edges[i].gradual {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return false
	}
	a, b := s.edges[first], s.edges[last]
	a.right = b.right
	s.slope = &slope{edge: first, before: a.left.level, after: b.right.level, from: max(1, a.lo/4), to: min(s.size, 4*b.hi)}
	s.fit = slices.Delete(s.fit, first+1, last+1)
	s.edges = slices.Replace(s.edges, first, last+1, a)
	return true
}

// tired reports that the search goes on and on: levels that do not hold still.
func (s *Survey) tired() bool {
	return len(s.looks)-s.begun > 60+12*s.enough()*(1+len(s.edges)/2)
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

// smeared reports whether, at an edge to the cold, the share that is found falls from
// four fifths to one fifth over a stretch of depths, with parts found all over it, as far
// as the spread lets parts be seen.
func (s *Survey) smeared(e *edge) bool {
	a, b := math.Exp(e.left.level), math.Exp(e.right.level)
	if !s.isCold(e.right) || b-a < 3*s.spreadOf(e.right)*b {
		return false
	}
	pools := s.shares(e.left.level, e.right.level, e.left.first, s.size)
	lo, hi := last(pools, 0.8), last(pools, 0.2)
	if float64(hi) <= smear*float64(lo)+float64(2*s.resolve(lo)+2*s.order.worst(1, s.size)) {
		return false
	}
	n, parts := 0, 0
	for i := range s.looks[s.begun:] {
		l := &s.looks[s.begun+i]
		if l.Depth <= lo || l.Depth > hi {
			continue
		}
		n++
		if f := s.found(l, e.left.level, e.right.level); f > 0.3 && f < 0.7 {
			parts++
		}
	}
	return parts >= 3 && 6*parts > n
}

// measure gives where the share found passes nine, five and one tenths. Edges that
// it reaches, and those beyond, are part of it.
func (s *Survey) measure() {
	g := s.slope
	pools := s.shares(g.before, g.after, 1, s.size)
	e := s.edges[g.edge]
	e.lo, g.half = last(pools, 0.9), last(pools, 0.5)
	e.hi = max(last(pools, 0.1), e.lo+1)
	from, to := g.edge, g.edge
	for from > 0 && s.edges[from-1].hi > e.lo {
		from--
	}
	if s.isCold(s.fit[len(s.fit)-1]) {
		to = len(s.edges) - 1 // what was lost before cannot be lost again at an edge
	}
	s.fit = slices.Delete(s.fit, from+1, to+1)
	s.edges = slices.Replace(s.edges, from, to+1, e)
	g.edge = from
}
