package survey

import (
	"cmp"
	"math"
	"slices"
)

// edge is what is known of where one level ends. The last depth of the level on its
// left has a distribution, a product of one likelihood for each look (a noisy binary
// search: Burnashev, Zigangirov: An interval estimation problem for controlled
// observations, 1974; with the density of the answer in place of a yes or no).
type edge struct {
	left, right segment
	marks       []mark
	total       float64
	lo, hi      int     // the bracket of this width that most likely holds the edge
	below       float64 // probability that the edge is below it
	above       float64 // above it
	told        bool    // what the server tells separates the levels
	gradual     bool    // looks on its sides do not belong there: it is no edge
	firm        bool    // it is told, as surely as TTFT must show one
	clean       bool    // a clean walk has seen it at its bracket
	alone       bool    // only prompts that were not looked at before show it
	steep       bool    // it looked like a gradual end, within the resolution: its bracket is from where nine tenths are found to where one tenth is
	used        *[2]int // where prompts that were asked for out of turn were told to be lost earlier; nil where none were
	unsure      bool    // new prompts have not shown it where it seems to be
	blurred     bool    // the order of the prompts round it is known too little to go on
}

// mark is a depth from which on (the edge at least so deep) the weight is another.
type mark struct {
	depth  int
	weight float64 // of the stretch from here to the next mark
	before float64 // of all stretches before
	step   float64
}

// odds is what a look says for the left level against the right one, in nats.
func (s *Survey) odds(e *edge, l *Look) float64 {
	if e.told {
		c := s.told.category(l)
		switch left, right := fits(c, e.left.cat), fits(c, e.right.cat); {
		case left && !right:
			return toldOdds
		case right && !left:
			return -toldOdds
		}
		return 0
	}
	y := math.Log(l.TTFT)
	return s.noise.log(y-e.left.level) - s.noise.log(y-e.right.level)
}

// between takes the distribution of the edge between two segments.
func (s *Survey) between(left, right segment) *edge {
	e := &edge{left: left, right: right, told: left.cat != right.cat}
	s.place(e)
	e.weigh()
	return e
}

// place makes the marks: a look at depth d speaks for every edge at d or beyond. One
// whose true depth may be b off does so by half from d-b on, in full from d+b on.
func (s *Survey) place(e *edge) {
	start, end := e.left.first, e.right.last
	e.marks = append(e.marks, mark{depth: start})
	for _, col := range s.curve.columns[e.left.from:e.right.to] {
		for _, look := range col.looks {
			l := &s.looks[look]
			x := s.odds(e, l)
			if l.blur == 0 {
				e.marks = append(e.marks, mark{depth: col.depth, step: x})
				continue
			}
			half := logMean(x)
			e.marks = append(e.marks, mark{depth: max(start, col.depth-l.blur), step: half}, mark{depth: col.depth + l.blur, step: x - half})
		}
	}
	slices.SortFunc(e.marks, func(a, b mark) int { return cmp.Compare(a.depth, b.depth) })
	n := 0
	for _, m := range e.marks[1:] { // one mark for each depth
		if m.depth == e.marks[n].depth {
			e.marks[n].step += m.step
			continue
		}
		n++
		e.marks[n] = m
	}
	e.marks = e.marks[:n+1]
	for len(e.marks) > 1 && e.marks[len(e.marks)-1].depth >= end {
		e.marks = e.marks[:len(e.marks)-1]
	}
	e.marks = append(e.marks, mark{depth: max(end, e.marks[len(e.marks)-1].depth+1)})
}

// logMean is ln((1 + e^x)/2).
func logMean(x float64) float64 {
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) - math.Ln2
}

// weigh turns steps into weights, with a prior that is even in log depth.
func (e *edge) weigh() {
	sum, best := 0.0, math.Inf(-1)
	for i := range e.marks {
		sum += e.marks[i].step
		e.marks[i].step = sum
		if i < len(e.marks)-1 {
			best = max(best, sum)
		}
	}
	for i := range e.marks[:len(e.marks)-1] {
		m := &e.marks[i]
		m.before = e.total
		m.weight = math.Exp(m.step-best) * math.Log(float64(e.marks[i+1].depth)/float64(m.depth))
		e.total += m.weight
	}
	e.marks[len(e.marks)-1].before = e.total
}

// cdf is the probability that the edge's last depth is less than d.
func (e *edge) cdf(d int) float64 {
	last := len(e.marks) - 1
	switch {
	case d <= e.marks[0].depth:
		return 0
	case d >= e.marks[last].depth:
		return 1
	}
	i, ok := slices.BinarySearchFunc(e.marks, d, func(m mark, d int) int { return cmp.Compare(m.depth, d) })
	if ok {
		return e.marks[i].before / e.total
	}
	a, b := e.marks[i-1], e.marks[i]
	share := math.Log(float64(d)/float64(a.depth)) / math.Log(float64(b.depth)/float64(a.depth))
	return (a.before + share*a.weight) / e.total
}

// bracket chooses, of all brackets of the wanted width, the one that most likely holds
// the edge.
func (e *edge) bracket(width func(lo int) int) {
	best := -1.0
	try := func(lo int) {
		lo = min(max(lo, e.marks[0].depth), e.marks[len(e.marks)-1].depth-1)
		hi := lo + width(lo)
		if p := e.cdf(hi) - e.cdf(lo); p > best+1e-12 {
			best, e.lo, e.hi = p, lo, hi
		}
	}
	for i := range e.marks {
		m := &e.marks[i]
		if i < len(e.marks)-1 && m.weight < 1e-9*e.total {
			continue
		}
		try(m.depth)
		try(m.depth - width(m.depth))
		if i < len(e.marks)-1 {
			try((m.depth + e.marks[i+1].depth - width(m.depth)) / 2)
			try(e.marks[i+1].depth - width(m.depth))
		}
	}
	e.hi = min(e.hi, e.marks[len(e.marks)-1].depth)
	e.lo, e.hi = min(e.lo, e.hi-1), max(e.hi, e.lo+1)
	e.below, e.above = e.cdf(e.lo), 1-e.cdf(e.hi)
}

// close makes the bracket what is known: as narrow as the risk allows, or, where the
// search is not over, as wide as it asks for.
func (e *edge) close(risk float64) {
	switch {
	case e.gradual, e.clean, e.steep:
	case e.below+e.above <= risk:
		e.trim(risk)
	default:
		e.lo, e.hi = e.quantile(risk/2), e.quantile(1-risk/2)+1
		e.below, e.above = e.cdf(e.lo), 1-e.cdf(e.hi)
	}
}

// trim makes the bracket as narrow as the given risk allows.
func (e *edge) trim(risk float64) {
	for e.hi-e.lo > 1 && e.cdf(e.lo+1)+e.above <= risk {
		e.lo++
		e.below = e.cdf(e.lo)
	}
	for e.hi-e.lo > 1 && 1-e.cdf(e.hi-1)+e.below <= risk {
		e.hi--
		e.above = 1 - e.cdf(e.hi)
	}
}

// median is the depth at which a look is nearest to finding the one level as likely as
// the other: beyond the edge with a probability of one half.
func (e *edge) median() int {
	lo, hi := e.marks[0].depth, e.marks[len(e.marks)-1].depth
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; e.cdf(mid) < 0.5 {
			lo = mid
		} else {
			hi = mid
		}
	}
	if lo > e.marks[0].depth && 0.5-e.cdf(lo) < e.cdf(hi)-0.5 {
		return lo
	}
	return hi
}

// next is the depth to look at: the median while the bracket is little known, then the
// side on which more of the doubt lies.
func (e *edge) next() int {
	switch {
	case e.below+e.above > 0.1:
		return e.median()
	case e.below >= e.above:
		return e.lo
	}
	return e.hi
}
