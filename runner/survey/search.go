package survey

import "math"

// search chooses the next look, from everything that was seen: where nothing was seen
// yet, then where an edge is least known, then beside the edges that were found. It
// begins anew after each look, so that a bracket that does not hold is searched again.
func (s *Survey) search() {
	if d := s.unseen(); d > 0 {
		s.ask(d)
		return
	}
	s.fit = s.absorb(s.segments())
	if s.reach() {
		return
	}
	tired := s.tired()
	if d := s.thin(); d > 0 && !tired {
		s.ask(d)
		return
	}
	s.edges = s.bounds(s.fit)
	if !tired && (s.narrow() || s.restore() || s.verify() || s.part() || s.prove()) {
		return
	}
	if merged := s.merge(s.fit, func(a, b segment) bool { return !s.apart(a, b) }); len(merged) < len(s.fit) {
		s.fit = merged
		s.edges = s.bounds(merged)
	}
	for s.named() {
	}
	s.soften()
	if s.slide() {
		s.phase = sloping
		if e := &s.edges[s.slope.at]; e.told && s.isCold(e.right) && !s.slope.tiers {
			s.doubt()
		}
		return
	}
	s.phase = ending
}

// firstCell is the end of the shallowest stretch of depths in which something must have
// been seen; from there on they are octaves.
const firstCell = 8

// unseen gives a depth in the first cell of depths, the shallowest eight or an octave,
// with too few looks; 0 when there is none.
func (s *Survey) unseen() int {
	for _, d := range []int{1, 2, 4} {
		if d <= s.size && s.curve.at(d) == nil {
			return d
		}
	}
	want := s.enough()
	if s.told.any {
		want = 2
	}
	for lo, hi := 1, firstCell-1; lo <= s.size; lo, hi = hi+1, 2*hi+1 {
		top := min(hi, s.size)
		if s.curve.between(lo, top) < min(want, 2*(top-lo+1)) {
			return s.spot(lo, top)
		}
	}
	return 0
}

// spot is a depth from lo to hi at which little was seen: the middle of the widest gap
// between the depths looked at, in their logarithm, while these are few; else any.
func (s *Survey) spot(lo, hi int) int {
	from, _ := s.curve.find(lo)
	last, best, at, n := float64(lo)-0.5, 0.0, lo, 0
	try := func(d float64) {
		if r := d / last; r > best {
			best, at = r, int(math.Round(math.Sqrt(d*last)))
		}
		last = d
	}
	for _, c := range s.curve.columns[from:] {
		if c.depth > hi {
			break
		}
		n++
		try(float64(c.depth))
	}
	try(float64(hi) + 0.5)
	if n < 4 {
		return min(max(at, lo), hi)
	}
	return s.within(lo, hi)
}

// within draws a depth from lo to hi, evenly in its logarithm.
func (s *Survey) within(lo, hi int) int {
	d := int(math.Exp(math.Log(float64(lo)) + s.o.Rand.Float64()*math.Log(float64(hi+1)/float64(lo))))
	return min(max(d, lo), hi)
}

// reach goes back to galloping when what is deepest is not cold after all.
func (s *Survey) reach() bool {
	g := s.fit[len(s.fit)-1]
	if s.isCold(g) || s.size >= s.max || len(s.looks)-s.early > 2*s.patience() {
		return false
	}
	if c := s.curve.at(s.size); !s.tired() && (c == nil || len(c.looks) < s.enough() || len(c.looks) < 3*s.r.Most && s.nearlyCold(g)) {
		s.ask(s.size)
		return true
	}
	s.phase = galloping
	s.grow(max(2, int(math.Ceil(float64(s.size)*(s.r.Gallop-1)))))
	return true
}

// absorb takes a level that is no wider than the resolution for what it mostly is, a
// prompt of which a part was found: the edge it stands in is one edge.
func (s *Survey) absorb(fit []segment) []segment {
	out := fit[:1:1]
	for i, g := range fit[1:] {
		if next := i + 2; next < len(fit) {
			lo, hi := out[len(out)-1].last, fit[next].first
			if w := s.resolve(lo); hi-lo <= 2*w+1 && g.last-g.first <= w {
				continue
			}
		}
		out = append(out, g)
	}
	return out
}

// nearlyCold reports whether a level, which is not cold, is so by no more than chance
// may have it.
func (s *Survey) nearlyCold(g segment) bool {
	return g.cat == untold && g.level+s.byChance(3, g.looks, len(s.cold)) > s.coldLevel()-math.Log(s.r.Ratio)/2
}

// thin gives a depth in a segment whose level is little known; 0 when there is none.
func (s *Survey) thin() int {
	for i, g := range s.fit {
		if g.looks < s.wanted(i) {
			return s.within(g.first, g.last)
		}
	}
	return 0
}

// wanted is the number of looks that a segment needs: one where both its ends are told.
func (s *Survey) wanted(i int) int {
	if (i == 0 || s.fit[i-1].cat != s.fit[i].cat) && (i == len(s.fit)-1 || s.fit[i+1].cat != s.fit[i].cat) && s.fit[i].cat != untold {
		return 1
	}
	return max(s.enough(), 4)
}

// bounds gives the edges between segments, each with its bracket.
func (s *Survey) bounds(fit []segment) (all []edge) {
	for i := range fit[1:] {
		e := s.between(fit[i], fit[i+1])
		e.bracket(s.resolve)
		if b := s.order.worst(e.lo-1, e.hi+1); 4*b > e.hi-e.lo {
			e.bracket(func(lo int) int { return max(s.resolve(lo), 8*b) })
			e.blurred = true
		}
		all = append(all, *e)
	}
	return all
}

// resolve is how wide a bracket may be that begins at lo.
func (s *Survey) resolve(lo int) int { return max(1, int(s.o.Resolution*float64(lo))) }

// toldFirst gives the indexes of the edges, those that are told before those that only TTFT shows: these
// may come and go with the noise, and take all patience.
func (s *Survey) toldFirst() (all []int) {
	for _, told := range []bool{true, false} {
		for i := range s.edges {
			if s.edges[i].told == told {
				all = append(all, i)
			}
		}
	}
	return all
}

// narrow looks at an edge whose bracket is too wide.
func (s *Survey) narrow() bool {
	for _, i := range s.toldFirst() {
		if e := &s.edges[i]; e.below+e.above > s.r.Miss {
			s.ask(e.next())
			return true
		}
	}
	return false
}

// restore touches the prompts down to the deepest edge whose order is not known well
// enough, one at a time, from the bottom: each comes to the top, so that their order is
// the same afterwards, and exact.
func (s *Survey) restore() bool {
	to := 0
	for i := range s.edges {
		if e := &s.edges[i]; e.blurred {
			to = max(to, min(s.size, e.hi+s.order.worst(e.lo, e.hi)))
		}
	}
	if to <= s.order.exact() {
		return false
	}
	for range to - s.order.exact() {
		s.queue = append(s.queue, Action{Kind: Ask, Depth: to, Touch: true})
	}
	for i := range s.edges {
		if e := &s.edges[i]; e.blurred {
			s.curve.drop(s, e.lo, e.hi)
		}
	}
	return true
}

// fresh counts the looks at depths from lo to hi since the set has its size: those of
// the gallop were asked for when less had been sent, which only LRU does not mind.
func (s *Survey) fresh(lo, hi int) (n int) {
	for _, l := range s.looks[s.begun:] {
		if l.Depth >= lo && l.Depth <= hi {
			n++
		}
	}
	return n
}

// verify looks on both sides of each edge, as often as would show a level of its own
// there.
func (s *Survey) verify() bool {
	for _, i := range s.toldFirst() {
		e := &s.edges[i]
		want, near := max(s.enough(), 4), 2
		if e.told {
			want, near = 1, 1
			if s.order.worst(e.lo, e.hi) > 0 { // one may have been overtaken by more than was in flight with it
				near = 2
			}
		}
		w := s.resolve(e.lo)
		if s.beside(max(e.left.first, e.lo-w), e.lo, near) || s.beside(e.hi, min(e.right.last, e.hi+w), near) ||
			s.beside(max(e.left.first, e.lo/2), e.lo, want) ||
			s.beside(e.hi, min(e.right.last, int(math.Ceil(1.4*float64(e.hi)))), want) ||
			s.isCold(e.right) && s.beside(max(e.left.first, e.lo/2), max(e.left.first, e.lo*9/10), longBefore) {
			return true
		}
	}
	return false
}

// longBefore is the number of fresh looks well before an edge at which prompts are lost:
// under random eviction some are lost there too.
const longBefore = 4

// part looks at levels that may be nearer than Ratio by chance, where less was seen, until
// they are known to be apart.
func (s *Survey) part() bool {
	for i := range s.edges {
		a, b := s.fit[i], s.fit[i+1]
		if s.oneLevel(a, b) || s.apart(a, b) {
			continue
		}
		if b.looks < a.looks {
			a = b
		}
		if a.looks < apartLooks {
			s.ask(s.within(a.first, a.last))
			return true
		}
	}
	return false
}

// apartLooks is the number of looks that a level gets, at most, to tell it from the next.
const apartLooks = 60

// prove looks further out on both sides of an edge that may not be one, a few times
// where one look says little.
func (s *Survey) prove() bool {
	all := s.accounts(false)
	for _, i := range s.toldFirst() {
		nats := all[i]
		if nats <= refuted || nats >= s.firmly(i, all) || s.oneLevel(s.edges[i].left, s.edges[i].right) {
			continue
		}
		e := &s.edges[i]
		w := s.resolve(e.lo)
		lo, hi := max(e.left.first, e.lo*4/5), max(e.left.first, e.lo-w)
		if l, r := min(e.right.last, e.hi+w), min(e.right.last, e.hi*5/4); s.fresh(lo, hi) > s.fresh(l, r) {
			lo, hi = l, r
		}
		for range max(1, s.enough()/6) {
			s.ask(s.within(lo, hi))
		}
		return true
	}
	return false
}

// beside looks at a depth from lo to hi unless so many fresh looks were there.
func (s *Survey) beside(lo, hi, want int) bool {
	if s.fresh(lo, hi) >= want {
		return false
	}
	s.ask(s.within(lo, hi))
	return true
}
