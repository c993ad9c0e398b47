package survey

import (
	"math"
	"slices"
)

// Not every cache ends at an edge: under random eviction the chance to find a prompt
// again falls slowly with its depth, and parts of it go before the rest. Two accounts of
// the same fresh answers are held against each other, by their likelihood (Wald:
// Sequential tests of statistical hypotheses, 1945):
//
//   - edge: each answer is of the level on its side;
//   - gradual: at depth d the level on the left is found with a chance of
//     1/(1+(d/half)^steep), else that on the right, and where this is uncertain, often
//     something between the two.
//
// A gradual end may stand for several edges that follow each other: where levels run
// into each other, they are cut somewhere.
const (
	wrongWords = 0.003 // share of wrong words where it is told what a look found
	halves     = 14    // depths that are tried for the half, evenly in their logarithm
	overtaken  = 8     // times the blur by which a prompt may be off: few are overtaken for long
	mostEdges  = 12    // with more edges than this there is none
	proven     = 9.0   // nats from which on an edge is believed
	toldProven = 3.0   // the same of one that is told
	alone      = 2.0   // nats more that those of prompts must give that were not looked at before
	refuted    = -16.0 // nats from which on a gradual end is believed
	spared     = 1.0   // nats that may be wanting when no more looks are to be had
)

var (
	steeps = [...]float64{1, 1.5, 2.5} // nine tenths are found and one tenth is within a factor of 81^(1/steep); random eviction has 1.2 to 1.5
	partly = [...]float64{0, 0.4, 0.8} // share of what is between, of the uncertain answers
)

// sharp reports, for each edge, whether it is one. Where a hit does not renew (first in,
// first out), a prompt that was looked at before goes earlier than its depth says: then
// those that were not are heard alone.
func (s *Survey) sharp() []bool {
	all := s.accounts(false)
	out := make([]bool, len(all))
	var firsts []float64
	for i, nats := range all {
		s.edges[i].firm = s.edges[i].told && nats >= proven-spared
		if out[i] = nats >= s.edges[i].sure()-spared; out[i] {
			continue
		}
		if firsts == nil {
			firsts = s.accounts(true)
		}
		out[i] = firsts[i] >= s.edges[i].sure()+alone
		s.edges[i].alone = out[i]
	}
	return out
}

// sure is by how many nats an edge must be one to be believed without more looks.
func (e *edge) sure() float64 {
	if e.told {
		return toldProven
	}
	return proven
}

// firmly is by how many nats an edge must be one before the search ends, of the accounts of
// all: a told one must be firm where TTFT tells of a gradual end before it.
func (s *Survey) firmly(i int, all []float64) float64 {
	for k := range i {
		if e := &s.edges[k]; !e.told && all[k] < e.sure()-spared && s.fit[k].cat <= toldCached {
			return proven
		}
	}
	return s.edges[i].sure()
}

// accounts gives, for each edge, by how many nats the best account of the fresh looks, or
// of those at prompts that were not looked at before, in which it is one is better than the
// best in which it is not. Where it is told what a look found, that alone counts: TTFT of a
// busy server says less.
func (s *Survey) accounts(firsts bool) []float64 {
	n := 0
	for i := range s.edges {
		if s.edges[i].told {
			n++
		}
	}
	switch n {
	case 0:
		return s.weighed(firsts, false)
	case len(s.edges):
		return s.weighed(firsts, true)
	}
	out := s.weighed(firsts, false)
	told, at := s.asTold()
	for k, nats := range told.weighed(firsts, true) {
		out[at[k]] = nats
	}
	return out
}

// asTold is a copy of the survey with the edges that are told, and the levels between them;
// at are their indexes.
func (s *Survey) asTold() (told *Survey, at []int) {
	c := *s
	c.fit, c.edges = slices.Clone(s.fit[:1]), nil
	for i, e := range s.edges {
		g := &c.fit[len(c.fit)-1]
		if e.told {
			c.fit, c.edges, at = append(c.fit, s.fit[i+1]), append(c.edges, e), append(at, i)
		} else {
			*g = s.segment(g.from, s.fit[i+1].to, g.cat)
		}
	}
	return &c, at
}

// weighed gives accounts of all that looks show, or of what they are told to have found.
func (s *Survey) weighed(firsts, told bool) []float64 {
	n := len(s.edges)
	out := make([]float64, n)
	if n > mostEdges {
		for i := range out {
			out[i] = math.Inf(-1)
		}
		return out
	}
	w := s.weighing(firsts, told)
	gain := make([][]float64, n) // of a gradual end in the place of edges a to b
	for a := range n {
		gain[a] = make([]float64, n)
		for b := a; b < n; b++ {
			gain[a][b] = w.gradual(a, b)
		}
	}
	for i := range out {
		out[i] = min(best(gain, i, false)-best(gain, i, true), -gain[i][i])
	}
	return out
}

// best is what the best account gains on the one that has only edges, when edge at is
// part of a gradual end, or is not. Two gradual ends have an edge between them.
func best(gain [][]float64, at int, part bool) float64 {
	n := len(gain)
	sums := make([]float64, n+2) // of the edges before i, the last of them an edge
	for i := range sums {
		sums[i] = math.Inf(-1)
	}
	sums[0] = 0
	for i := range n + 1 {
		if i == n || i != at || !part { // edge i is one, or i is the end
			sums[i+1] = max(sums[i+1], sums[i])
		}
		for b := i; b < n; b++ { // edges i to b are a gradual end, the next is an edge
			if inside := i <= at && at <= b; inside && !part || b+1 == at && part {
				continue
			}
			sums[b+2] = max(sums[b+2], sums[i]+gain[i][b])
		}
	}
	return sums[n+1]
}

// weighing holds fresh looks against levels.
type weighing struct {
	s     *Survey
	sd    []float64   // by level
	looks [][]weighed // by level, as the edges have it
}

// weighed is one look.
type weighed struct {
	look  *Look
	depth float64 // log
	y     float64 // log TTFT
	edge  float64 // log density where it is of the level that it stands in
}

// scales are for looks at the levels of now, without any.
func (s *Survey) scales() *weighing {
	w := &weighing{s: s, looks: make([][]weighed, len(s.fit))}
	for _, g := range s.fit {
		w.sd = append(w.sd, s.spreadOf(g))
	}
	return w
}

// weigh takes a look, as its TTFT has it.
func weigh(l *Look) weighed {
	return weighed{look: l, depth: math.Log(float64(l.Depth)), y: math.Log(l.TTFT)}
}

// weighing takes the fresh looks: all, or those at prompts that were not looked at before.
// In place of the TTFT of those that are told what they found stands its level.
func (s *Survey) weighing(firsts, told bool) *weighing {
	w := s.scales()
	near := make([][]weighed, len(s.edges))
	for i := range s.looks[s.begun:] {
		l := &s.looks[s.begun+i]
		at, by, ok := s.stands(l)
		if !ok || firsts && l.again {
			continue
		}
		x := weigh(l)
		if told {
			x.y = w.said(l, at)
		}
		if by >= 0 {
			near[by] = append(near[by], x)
			continue
		}
		x.edge = math.Log(w.whole(&x, at))
		w.looks[at] = append(w.looks[at], x)
	}
	for i := range near {
		w.settle(i, near[i])
	}
	return w
}

// said is the log TTFT of what a look is told to have found, where the edges have it at a
// level: that of the nearest level of its kind.
func (w *weighing) said(l *Look, at int) float64 {
	c, fit := w.s.told.category(l), w.s.fit
	best := -1
	for i, g := range fit {
		if c != untold && fits(c, g.cat) && (best < 0 || max(i-at, at-i) < max(best-at, at-best)) {
			best = i
		}
	}
	if best < 0 {
		return math.Log(l.TTFT)
	}
	other := best
	if w.s.told.part(l) { // of what ends at the cold level
		if other = best + 1; c == toldCold {
			other = best - 1
		}
		other = min(max(other, 0), len(fit)-1)
	}
	return (fit[best].level + fit[other].level) / 2
}

// stands gives the level that a look is of as the edges have it, and the edge that it
// stands at, -1 when at none; not ok when its true depth may be on either side of one.
func (s *Survey) stands(l *Look) (at, by int, ok bool) {
	by = -1
	b := overtaken * l.blur
	for i := range s.edges {
		e := &s.edges[i]
		switch {
		case b > 0 && l.Depth+b >= e.lo && l.Depth-b <= e.hi:
			return 0, 0, false
		case l.Depth >= e.hi:
			at = i + 1
		}
		if l.Depth >= e.lo-1 && l.Depth <= e.hi+1 {
			by = i
		}
	}
	return at, by, true
}

// settle puts the looks at an edge on the sides of the depth that explains them best as its
// last. Only the prompt in which it lies, that depth or the next, is found in part.
func (w *weighing) settle(i int, near []weighed) {
	e := &w.s.edges[i]
	most, last := math.Inf(-1), e.lo
	for d := max(1, e.lo-1); d <= e.hi; d++ {
		sum := 0.0
		for k := range near {
			sum += math.Log(w.beside(&near[k], i, d))
		}
		if sum > most {
			most, last = sum, d
		}
	}
	for _, x := range near {
		at := i
		if x.look.Depth > last {
			at = i + 1
		}
		x.edge = math.Log(w.beside(&x, i, last))
		w.looks[at] = append(w.looks[at], x)
	}
}

// beside is the density of a look at edge i, whose last depth is given.
func (w *weighing) beside(x *weighed, i, last int) float64 {
	at := i
	if x.look.Depth > last {
		at = i + 1
	}
	p := w.whole(x, at)
	if d := x.look.Depth; d == last || d == last+1 {
		p = (p + w.between(x, i, i)) / 2
	}
	return p
}

// gradual is what a gradual end in the place of edges a to b gains on them, in nats.
func (w *weighing) gradual(a, b int) float64 {
	end := ramp{left: math.Exp(w.s.fit[a].level), right: math.Exp(w.s.fit[b+1].level), sdLeft: w.sd[a], sdRight: w.sd[b+1]}
	sharp := 0.0
	for at := a; at <= b+1; at++ {
		for i := range w.looks[at] {
			x := &w.looks[at][i]
			sharp += x.edge
			end.chances = append(end.chances, chance{x.depth, x.y, w.whole(x, a), w.whole(x, b+1), w.between(x, a, b), w.vague(x, a, b)})
		}
	}
	lo, hi := math.Log(float64(w.s.edges[a].lo)/16), math.Log(float64(w.s.edges[b].hi)*4)
	most := math.Inf(-1)
	for _, steep := range steeps {
		for i := range halves {
			most = max(most, end.explains(steep, lo+(hi-lo)*float64(i)/(halves-1)))
		}
	}
	return most - sharp
}

// ramp is a gradual end between two levels.
type ramp struct {
	left, right     float64 // TTFT, seconds
	sdLeft, sdRight float64 // of log TTFT
	chances         []chance
}

// chance is one look at a gradual end.
type chance struct {
	depth, y                float64 // logs of depth and TTFT
	isLeft, isRight, isPart float64 // densities of a look that found the left level, the right one, or something between
	vague                   float64 // chance of what is told, where something between was found
}

// explains gives the log likelihood of the looks at an end of which half is found at a
// depth: of the best share of parts, or with a part of each prompt found, as large as the
// chance of the whole would be.
func (r *ramp) explains(steep, half float64) float64 {
	var sums [len(partly) + 1]product
	for i := range r.chances {
		c := &r.chances[i]
		p := 1 / (1 + math.Exp(steep*(c.depth-half)))
		open := 4 * p * (1 - p)
		whole := p*c.isLeft + (1-p)*c.isRight
		for j, q := range partly {
			sums[j].times(whole + open*q*(c.isPart-whole))
		}
		level, sd := math.Log(p*r.left+(1-p)*r.right), p*r.sdLeft+(1-p)*r.sdRight
		sums[len(partly)].times(c.vague * density(c.y-level, sd))
	}
	most := math.Inf(-1)
	for i := range sums {
		most = max(most, sums[i].log())
	}
	return most
}

// product of many densities.
type product struct {
	small float64 // of the latest; 0 at first
	logs  float64 // of those before
}

func (p *product) times(x float64) {
	if p.small == 0 {
		p.small = 1
	}
	if p.small *= x; p.small < 1e-200 || p.small > 1e200 {
		p.logs += math.Log(p.small)
		p.small = 1
	}
}

func (p *product) log() float64 {
	if p.small == 0 {
		return p.logs
	}
	return p.logs + math.Log(p.small)
}

// whole is the density of a look that is of a level.
func (w *weighing) whole(x *weighed, level int) float64 {
	g := w.s.fit[level]
	return w.word(x, g) * density(x.y-g.level, w.sd[level])
}

// word is the chance of what is told of a look of a level.
func (w *weighing) word(x *weighed, g segment) float64 {
	switch c := w.s.told.category(x.look); {
	case c == untold || g.cat == untold:
		return 1
	case w.s.told.part(x.look) || !fits(c, g.cat):
		return wrongWords
	}
	return 1 - 2*wrongWords
}

// between is the density of a look that found something between what is on the left of
// edge a and what is on the right of edge b.
func (w *weighing) between(x *weighed, a, b int) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := a; i <= b+1; i++ {
		lo, hi = min(lo, w.s.fit[i].level-w.sd[i]), max(hi, w.s.fit[i].level+w.sd[i])
	}
	word := w.vague(x, a, b)
	if x.y < lo || x.y > hi {
		return word * wildOdds / wildest
	}
	return word / (hi - lo)
}

// vague is the chance of what is told of a look that found something between.
func (w *weighing) vague(x *weighed, a, b int) float64 {
	word := wrongWords
	if c := w.s.told.category(x.look); c == untold || w.s.told.part(x.look) {
		word = 1
	}
	for i := a + 1; i <= b; i++ {
		word = max(word, w.word(x, w.s.fit[i])/2)
	}
	return word
}
