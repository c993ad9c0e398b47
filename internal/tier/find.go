package tier

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
)

// steepSpan is how far reuse distance may grow for a change through several
// mixed points to be an edge. Uniform access decays as capacity / working set:
// it loses a third over this span, an edge loses more than half.
const (
	steepSpan   = 1.5
	steepChange = 50.0
)

// plateau is a run of neighbouring points that are alike.
type plateau struct {
	points      []signal
	first, last int    // of the points, in the series
	all         signal // the points pooled
}

// Find gives the transitions of one series: the points of one (context, hit
// rate, level, trial), in any order. It never fails: where nothing is found
// Series.None says why and what to do.
func Find(points []Point, opt Options) Series {
	s := ordered(points)
	if len(s) < 2 {
		return Series{None: tooFew(s)}
	}
	labels := segment(s)
	out := Series{Notes: misfits(s, labels)}
	chain, found, open := changes(s, mergeRecomputed(s, cut(s, labels)))
	for i, at := range found {
		t := describe(s[at[0]:at[1]+1], chain[i], chain[i+1])
		out.Transitions = append(out.Transitions, t)
	}
	out.Tiers = names(chain, opt)
	for i, n := range out.Tiers {
		if i > 0 {
			out.Transitions[i-1].To = n
		}
		if i < len(out.Transitions) {
			out.Transitions[i].From = n
		}
	}
	if len(found) == 0 {
		out.None = none(s, chain[0], open, opt)
	}
	return out
}

// changes walks over the plateaus. It gives the bracket of each transition as
// indices of its two ends, the plateaus between transitions (one more), and the
// reason why a change that is no transition is none, of the last such.
func changes(s []signal, p []plateau) (chain []plateau, found [][2]int, open string) {
	chain = []plateau{p[0]}
	for at := 0; at+1 < len(p); {
		to := farthest(p, at)
		here := &chain[len(chain)-1]
		lo, hi, why := bracket(s, *here, p[to])
		if why == edge {
			found = append(found, [2]int{lo, hi})
			chain = append(chain, p[to])
		} else {
			open = cmp.Or(string(why), open)
			*here = pool(s, here.first, p[to].last)
		}
		at = to
	}
	return chain, found, open
}

// ordered sorts by reuse distance; ties by everything else that is seen, so that
// the order in which points are given never matters.
func ordered(points []Point) []signal {
	s := make([]signal, len(points))
	for i := range points {
		s[i] = newSignal(&points[i])
	}
	sort.SliceStable(s, func(i, j int) bool {
		a, b := s[i], s[j]
		return cmp.Or(cmp.Compare(a.ReuseDistance, b.ReuseDistance), cmp.Compare(a.WorkingSet, b.WorkingSet),
			cmp.Compare(b.Cached, a.Cached), cmp.Compare(median(a.ttft), median(b.ttft)), cmp.Compare(a.looks, b.looks),
			slices.Compare(a.ttft, b.ttft), compareShares(a, b)) < 0
	})
	return s
}

// cut groups neighbouring points with the same label.
func cut(s []signal, labels []int) []plateau {
	var out []plateau
	first := 0
	for i := range s {
		if i+1 == len(s) || labels[i+1] != labels[i] {
			out = append(out, pool(s, first, i))
			first = i + 1
		}
	}
	return out
}

// pool makes a plateau of s[first..last]: each point has one vote, however many
// looks it had.
func pool(s []signal, first, last int) plateau {
	points := s[first : last+1]
	all := Point{CachedTold: true, Shares: meanShares(points)}
	var ttft []float64
	looks := 0
	for _, p := range points {
		looks += p.looks
		ttft = append(ttft, resample(p.ttft, max(maxQuantiles/len(points), 16))...)
		c, ok := p.computed()
		all.CachedTold = all.CachedTold && ok
		all.Cached += (100 - c) / float64(len(points))
	}
	sort.Float64s(ttft)
	return plateau{points: points, first: first, last: last, all: signal{Point: &all, ttft: ttft, looks: looks, sources: slices.Sorted(maps.Keys(all.Shares))}}
}

// resample gives n values with the distribution of the sorted ones.
func resample(sorted []float64, n int) []float64 {
	if len(sorted) == 0 {
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = sorted[(2*i+1)*len(sorted)/(2*n)]
	}
	return out
}

// meanShares averages told shares; nil when a point was told none.
func meanShares(points []signal) map[string]float64 {
	mean := map[string]float64{}
	for _, p := range points {
		if p.Shares == nil {
			return nil
		}
		for k, v := range p.Shares {
			mean[k] += v / float64(len(points))
		}
	}
	return mean
}

// mergeRecomputed joins neighbours that were both told to be computed again:
// beyond the last tier a change of TTFT is load, not a tier.
func mergeRecomputed(s []signal, in []plateau) []plateau {
	out := in[:1]
	for _, p := range in[1:] {
		last := &out[len(out)-1]
		if last.recomputed() && p.recomputed() {
			*last = pool(s, last.first, p.last)
			continue
		}
		out = append(out, p)
	}
	return out
}

// recomputed reports whether the server told that (almost) nothing was cached.
func (p plateau) recomputed() bool {
	c, ok := p.all.computed()
	return ok && c >= 95
}

// flat reports whether a plateau has enough like points to stand for itself,
// even where its level could be a mixture (replicas of different size).
func (p plateau) flat() bool {
	if len(p.points) < 3 {
		return false
	}
	for _, q := range p.points[1:] {
		if change(p.points[0], q) > sharePoints/2 {
			return false
		}
	}
	return true
}

// farthest gives the end of the transition that starts at plateau at: the
// farthest plateau such that all between are mixtures of the two.
func farthest(p []plateau, at int) int {
	for to := len(p) - 1; to > at+1; to-- {
		mixed := true
		for _, m := range p[at+1 : to] {
			mixed = mixed && !m.flat() && mixture(p[at].all, m.all, p[to].all)
		}
		if mixed {
			return to
		}
	}
	return at + 1
}

// reason says why a change is no transition; empty when there is nothing to say.
type reason string

// edge is the reason of a change that is a transition.
const edge reason = "edge"

// bracket gives the indices of the last point before and the first point after
// the change between two plateaus.
func bracket(s []signal, before, after plateau) (lo, hi int, why reason) {
	lo, hi = before.last, after.first
	if change(before.all, after.all) <= sharePoints {
		return lo, hi, ""
	}
	if !significant(before.all, after.all) {
		return lo, hi, reason(fmt.Sprintf("a change between %s and %s rests on too few requests (%d and %d): raise duration",
			tokens(s[lo]), tokens(s[hi]), before.all.looks, after.all.looks))
	}
	for i := lo; i < hi; i++ {
		if change(s[i], s[i+1]) > sharePoints {
			return lo, hi, edge
		}
	}
	if hi > lo+1 && steep(s, lo, hi, steepSpan) {
		return lo, hi, edge
	}
	// A point that all requests reach half-way hides the jump from each of its two
	// neighbours: look past it, on a shorter span.
	if hi == lo+1 && lo > before.first && steep(s, lo-1, hi, math.Sqrt(steepSpan)) {
		return lo - 1, hi, edge
	}
	if hi == lo+1 && hi < after.last && steep(s, lo, hi+1, math.Sqrt(steepSpan)) {
		return lo, hi + 1, edge
	}
	return lo, hi, reason(fmt.Sprintf("TTFT or the share found cached changes gradually from %s on: no edge, as with uniform access",
		tokens(s[lo])))
}

// steep reports whether most requests change while reuse distance grows by no
// more than span.
func steep(s []signal, lo, hi int, span float64) bool {
	return float64(s[hi].ReuseDistance) <= span*float64(s[lo].ReuseDistance) && change(s[lo], s[hi]) > steepChange
}

// significant holds a change against chance: Smirnov's two-sample bound at 5 %,
// 1.36 sqrt(1/n + 1/m). A series without TTFT passes: its looks are unknown.
func significant(a, b signal) bool {
	if a.looks == 0 || b.looks == 0 {
		return true
	}
	return change(a, b) > 136*math.Sqrt(1/float64(a.looks)+1/float64(b.looks))
}

// describe makes the transition of the change over the points s, whose first and last are
// the ends of the bracket.
func describe(s []signal, before, after plateau) Transition {
	lo, hi := s[0], s[len(s)-1]
	t := Transition{Lo: lo.ReuseDistance, Hi: hi.ReuseDistance, LoSize: lo.WorkingSet, HiSize: hi.WorkingSet,
		Before: median(before.all.ttft), After: median(after.all.ttft), Looks: before.all.looks + after.all.looks}
	for _, m := range s[1 : len(s)-1] {
		t.Mixed = append(t.Mixed, m.WorkingSet)
	}
	if r := max(lo.ReusedTokens, hi.ReusedTokens); r > 0 && t.Before > 0 && t.After > 0 {
		t.MsPer1kToken = (t.After - t.Before) * 1e3 / (float64(r) / 1e3)
	}
	if len(before.points) < 2 || len(after.points) < 2 {
		t.Notes = append(t.Notes, "one point only: add sizes")
	}
	if n := len(t.Mixed); n > 0 {
		note := plural(n, "point") + " between the ends of the bracket: a mixture of both sides"
		if float64(t.Hi) > steepSpan*float64(t.Lo) {
			note += ", falling gradually"
		}
		t.Notes = append(t.Notes, note)
	}
	if c, ok := before.all.computed(); ok && c > sharePoints && c < 100-sharePoints && !before.flat() {
		t.Notes = append(t.Notes, fmt.Sprintf("the near side is mixed already (%.0f %% cached): lower working_set.min", 100-c))
	}
	if c, ok := after.all.computed(); ok && c > sharePoints && c < 100-sharePoints && !after.flat() {
		t.Notes = append(t.Notes, fmt.Sprintf("the far side is still mixed (%.0f %% cached): raise working_set.max", 100-c))
	}
	if t.Before > 0 && t.After > 0 && t.After*ttftRatio < t.Before {
		t.Notes = append(t.Notes, "TTFT falls: the tier before costs more than what follows it, or its points were disturbed")
	}
	return t
}

// misfits names points that the segmentation took for disturbed.
func misfits(s []signal, labels []int) []string {
	var out []string
	for i, m := range labels {
		if d := change(s[i], s[m]); d > sharePoints {
			out = append(out, fmt.Sprintf("the point at %s (%s) does not fit the points round it: measure it again",
				tokens(s[i]), plural(s[i].looks, "request")))
		}
	}
	return out
}
