package survey

import (
	"math"

	"github.com/wsrun/wsrun/internal/stats"
)

// segment is a stretch of depths at one level.
type segment struct {
	from, to    int     // columns [from, to)
	first, last int     // depths of the first and last of them
	cat         int     // what the server tells of it
	level       float64 // log TTFT
	looks       int
}

// segments cuts the curve into levels: by what is told first, then by TTFT. Each cut is
// the exact best of a penalised likelihood (Viterbi over a grid of levels; Killick,
// Fearnhead, Eckley: Optimal detection of changepoints with a linear computational
// cost, 2012, for the penalty).
func (s *Survey) segments() []segment {
	var all []segment
	for _, r := range s.byCategory() {
		all = append(all, s.byLevel(r)...)
	}
	return all
}

// segment fills in what columns [from, to) of a category are.
func (s *Survey) segment(from, to, cat int) segment {
	g := segment{from: from, to: to, cat: cat}
	g.first, g.last = s.curve.columns[from].depth, s.curve.columns[to-1].depth
	ys := s.curve.values(s, from, to)
	g.looks = len(ys)
	best, at := math.Inf(-1), 0
	for i := range levels {
		sum := 0.0
		for _, col := range s.curve.columns[from:to] {
			sum += col.fits[i]
		}
		if sum > best {
			best, at = sum, i
		}
	}
	mid := s.curve.origin + float64(at)*levelStep
	near := ys[:0]
	for _, y := range ys {
		if math.Abs(y-mid) <= 2.5*s.noise.sd {
			near = append(near, y)
		}
	}
	if g.level = mid; len(near) > 0 {
		g.level = stats.Mean(near)
	}
	return g
}

// byCategory cuts the curve where what is told changes.
func (s *Survey) byCategory() []segment {
	cols := s.curve.columns
	if !s.told.any {
		return []segment{{from: 0, to: len(cols), cat: untold}}
	}
	n := toldCached + 1 + len(s.told.names)
	score, back := make([]float64, n), make([][]int16, len(cols))
	for k, col := range cols {
		back[k] = make([]int16, n)
		best := argmax(score)
		next := make([]float64, n)
		for i := range n {
			next[i], back[k][i] = score[i], int16(i)
			if k > 0 && score[best]-toldChange > score[i] {
				next[i], back[k][i] = score[best]-toldChange, int16(best)
			}
			for _, look := range col.looks {
				if !fits(s.told.category(&s.looks[look]), i) {
					next[i] -= toldOdds
				}
			}
		}
		score = next
	}
	return trace(back, argmax(score), func(from, to, state int) segment { return segment{from: from, to: to, cat: state} })
}

// byLevel cuts a stretch where TTFT changes by more than Ratio.
func (s *Survey) byLevel(r segment) []segment {
	cols := s.curve.columns[r.from:r.to]
	gap := int(math.Round(math.Log(s.r.Ratio) / levelStep))
	score, next := make([]float64, levels), make([]float64, levels)
	back := make([][]int16, len(cols))
	all := make([]int16, len(cols)*levels)
	for k, col := range cols {
		back[k] = all[k*levels : (k+1)*levels]
		for i := range next {
			next[i], back[k][i] = score[i], int16(i)
		}
		if k > 0 {
			jump(score, next, back[k], gap, s.r.Change)
		}
		for i := range next {
			next[i] += col.fits[i]
		}
		score, next = next, score
	}
	return trace(back, argmax(score), func(from, to, _ int) segment {
		return s.segment(r.from+from, r.from+to, r.cat)
	})
}

// jump lets each level be reached from the best one that is at least gap away.
func jump(score, next []float64, back []int16, gap int, price float64) {
	low, high := -1, -1
	for i := gap; i < len(score); i++ {
		if j := i - gap; low < 0 || score[j] > score[low] {
			low = j
		}
		if v := score[low] - price; v > next[i] {
			next[i], back[i] = v, int16(low)
		}
	}
	for i := len(score) - 1 - gap; i >= 0; i-- {
		if j := i + gap; high < 0 || score[j] > score[high] {
			high = j
		}
		if v := score[high] - price; v > next[i] {
			next[i], back[i] = v, int16(high)
		}
	}
}

// trace walks back from the best last state and gives the stretches of one state.
func trace(back [][]int16, state int, make func(from, to, state int) segment) (out []segment) {
	to := len(back)
	for k := len(back) - 1; k >= 0; k-- {
		if prev := int(back[k][state]); k == 0 || prev != state {
			out = append(out, make(k, to, state))
			to, state = k, prev
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func argmax(xs []float64) (at int) {
	for i, x := range xs {
		if x > xs[at] {
			at = i
		}
	}
	return at
}

// isCold reports whether nothing of a segment's prompts is found again, or nothing
// that shows.
func (s *Survey) isCold(g segment) bool {
	if g.cat != untold {
		return g.cat == toldCold
	}
	return g.level > s.coldLevel()-math.Log(s.r.Ratio)/2
}

// oneLevel reports whether two levels are nearer than Ratio, with what is told the same.
func (s *Survey) oneLevel(a, b segment) bool {
	return a.cat == b.cat && math.Abs(a.level-b.level) < math.Log(s.r.Ratio)
}

// apart reports whether looks show that two levels are no nearer than Ratio, and not by
// chance: its excess is at least apartErrors times the standard error of the difference.
func (s *Survey) apart(a, b segment) bool {
	if a.cat != b.cat {
		return true
	}
	return math.Abs(a.level-b.level) >= math.Log(s.r.Ratio)+s.byChance(apartErrors, a.looks, b.looks)
}

// apartErrors are the standard errors by which levels must be farther apart than Ratio.
const apartErrors = 1.5

// merge joins neighbours that are one level, with what is told the same.
func (s *Survey) merge(all []segment, one func(a, b segment) bool) []segment {
	out := all[:1:1]
	for _, g := range all[1:] {
		p := &out[len(out)-1]
		if one(*p, g) {
			*p = s.segment(p.from, g.to, p.cat)
			continue
		}
		out = append(out, g)
	}
	return out
}
