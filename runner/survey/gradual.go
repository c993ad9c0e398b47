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
	at            int     // the edge that stands for it
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

// soften marks the edges that are none, those between two of them, and those before them:
// nothing separates these from where the gradual end begins. Told words rule: where only
// TTFT tells of a gradual end, one that is told before it is an edge.
func (s *Survey) soften() {
	from, to, told := len(s.edges), 0, false
	for i, sharp := range s.sharp() {
		e := &s.edges[i]
		if !sharp || s.tired() && (e.blurred || e.below+e.above > s.r.Miss) {
			from, to, told = min(from, i), i+1, told || e.told
		}
	}
	for from > 0 && from < to && (told || !s.edges[from-1].told) {
		from--
	}
	for i := from; i < to; i++ {
		s.edges[i].gradual = true
	}
}

// named joins levels of one tier, as told by its name, that no edge separates: TTFT that
// wanders. It reports whether there were any.
func (s *Survey) named() bool {
	sharp := s.sharp()
	out := s.fit[:1:1]
	for i, g := range s.fit[1:] {
		if p := &out[len(out)-1]; !sharp[i] && p.cat == g.cat && g.cat > toldCached {
			*p = s.segment(p.from, g.to, p.cat)
			continue
		}
		out = append(out, g)
	}
	if len(out) == len(s.fit) {
		return false
	}
	s.fit = out
	s.edges = s.bounds(out)
	return true
}

// slide takes all edges from the first to the last that is none for one gradual end, and
// reports whether there is any.
func (s *Survey) slide() bool {
	gradual := func(e edge) bool { return e.gradual }
	a := slices.IndexFunc(s.edges, gradual)
	if a < 0 {
		return false
	}
	n := a // soften marks them without a gap
	for n < len(s.edges) && s.edges[n].gradual {
		n++
	}
	e, last := s.edges[a], s.edges[n-1]
	e.right, e.told = last.right, e.left.cat != last.right.cat
	s.slope = &slope{at: a, before: e.left.level, after: e.right.level, from: max(1, e.lo/4), to: min(s.size, 4*last.hi), last: last.hi}
	if a > 0 {
		s.slope.from = max(s.slope.from, s.edges[a-1].hi)
	}
	for _, g := range s.fit[a+1 : n] {
		s.slope.tiers = s.slope.tiers || g.cat != e.left.cat && g.cat != e.right.cat
	}
	s.fit = slices.Delete(s.fit, a+1, n)
	s.edges = slices.Replace(s.edges, a, n, e)
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

// found is the share of a prompt that a look found before a gradual end: told, else by
// where its TTFT lies between the levels round it. Where it stands for the edges of several
// tiers, what was found in any of them counts.
func (s *Survey) found(l *Look) float64 {
	g := s.slope
	if cached, ok := l.cached(); ok && s.told.most > 0 && s.edges[g.at].told {
		if !g.tiers && s.fit[g.at].cat > toldCached && s.fit[g.at+1].cat != toldCold {
			cached = 0
			for _, f := range s.fit[:g.at+1] {
				cached += l.sources()[s.told.name(f.cat)]
			}
		}
		return min(1, float64(cached)/float64(s.told.most))
	}
	a, b := math.Exp(g.before), math.Exp(g.after)
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
func (s *Survey) shares(lo, hi int) (pools []pool) {
	looks := slices.Clone(s.looks[s.begun:])
	slices.SortStableFunc(looks, func(a, b Look) int { return a.Depth - b.Depth })
	for i := range looks {
		l := &looks[i]
		if l.Depth < lo || l.Depth > hi {
			continue
		}
		pools = append(pools, pool{s.found(l), 1, l.Depth})
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

// measure gives where the share found passes nine, five and one tenths. Where all is cold at
// last there is no edge beyond it, as what was lost before cannot be lost again; but one that
// is told firmly is, where only TTFT tells of the gradual end.
func (s *Survey) measure() {
	g := s.slope
	lo, hi := 1, s.size
	if g.at > 0 {
		lo = s.edges[g.at-1].hi
	}
	e, n := s.edges[g.at], g.at+1
	if s.isCold(s.fit[len(s.fit)-1]) {
		for n < len(s.edges) && (e.told || !s.edges[n].firm) {
			n++
		}
	}
	if n < len(s.edges) {
		hi = s.edges[n].lo
	}
	pools := s.shares(lo, hi)
	e.lo, g.half = max(lo, last(pools, 0.9)), max(lo, last(pools, 0.5))
	e.hi = max(last(pools, 0.1), e.lo+1)
	if e.hi-e.lo <= s.resolve(e.lo) && e.left.cat <= toldCached { // no eviction by chance is as steep: depth alone does not say what is found
		e.gradual, e.alone, e.steep, s.slope = false, true, true, nil
	}
	s.fit = slices.Delete(s.fit, g.at+1, n)
	s.edges = slices.Replace(s.edges, g.at, n, e)
}
