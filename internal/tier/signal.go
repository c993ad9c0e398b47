package tier

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
)

// maxQuantiles bounds what is kept of one point's TTFTs: comparing all pairs of
// points stays cheap, and a share is still exact to 0.2 points.
const maxQuantiles = 512

// signal is a point as the segmentation sees it.
type signal struct {
	*Point
	ttft    []float64 // ascending, thinned to maxQuantiles
	looks   int       // first tokens, before thinning
	sources []string  // of Shares, sorted: the same point gives the same sums to the last bit
}

func newSignal(p *Point) signal {
	all := p.TTFT
	if !sort.Float64sAreSorted(all) {
		all = append([]float64(nil), all...)
		sort.Float64s(all)
	}
	return signal{Point: p, ttft: thin(all), looks: len(p.TTFT), sources: slices.Sorted(maps.Keys(p.Shares))}
}

// compareShares orders points by what they were told of their sources.
func compareShares(a, b signal) int {
	if c := slices.Compare(a.sources, b.sources); c != 0 {
		return c
	}
	for _, name := range a.sources {
		if c := cmp.Compare(a.Shares[name], b.Shares[name]); c != 0 {
			return c
		}
	}
	return 0
}

// thin keeps the middle of each of maxQuantiles equal slices of sorted values.
func thin(sorted []float64) []float64 {
	n := len(sorted)
	if n <= maxQuantiles {
		return sorted
	}
	out := make([]float64, maxQuantiles)
	for i := range out {
		out[i] = sorted[(2*i+1)*n/(2*maxQuantiles)]
	}
	return out
}

// fewLooks is the number of first tokens under which one request moves the
// distribution by more than ten points, and so says little of the cache.
const fewLooks = 10

// weight is how much a point's misfit counts, 0..1.
func (s signal) weight() float64 {
	if s.looks == 0 || s.looks >= fewLooks {
		return 1 // no TTFT at all: told shares only
	}
	return float64(s.looks) / fewLooks
}

// computed is the percentage of reusable tokens that had to be computed again,
// where the server told.
func (s signal) computed() (float64, bool) {
	if s.CachedTold {
		return 100 - s.Cached, true
	}
	if s.Shares == nil {
		return 0, false
	}
	rest := 100.0
	for _, name := range s.sources {
		rest -= s.Shares[name]
	}
	return max(rest, 0), true
}

// change is how much two points differ, in percent of requests or tokens, 0..100:
// the largest of what was told and what TTFT shows.
func change(a, b signal) float64 { return changeBy(a, b, ttftRatio) }

// changeBy is change where TTFT counts from ratio on.
func changeBy(a, b signal, ratio float64) float64 {
	return max(told(a, b), slower(a.ttft, b.ttft, ratio), slower(b.ttft, a.ttft, ratio))
}

// told is the largest difference between the shares that both points were told.
func told(a, b signal) float64 {
	d := 0.0
	if ca, ok := a.computed(); ok {
		if cb, ok := b.computed(); ok {
			d = math.Abs(ca - cb)
		}
	}
	if a.Shares == nil || b.Shares == nil {
		return d
	}
	for k, v := range a.Shares {
		d = max(d, math.Abs(v-b.Shares[k]))
	}
	for k, v := range b.Shares {
		d = max(d, math.Abs(v-a.Shares[k]))
	}
	return d
}

// slower is the least percentage of requests that must have become slower by
// more than ratio to turn distribution a into b: sup over t of Fa(t) - Fb(ratio t)
// (Strassen 1965; on a line half-lines suffice for a one-sided move). Unlike a
// difference of medians it sees a part that moved, and unlike a distance of
// means it does not see noise below the ratio. Both ascending; 0 when either is
// empty.
func slower(a, b []float64, ratio float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	worst, j := 0.0, 0
	for i, t := range a {
		for j < len(b) && b[j] <= t*ratio {
			j++
		}
		worst = max(worst, float64(i+1)/float64(len(a))-float64(j)/float64(len(b)))
	}
	return 100 * worst
}

// rises reports whether going from a to b is a fall to a slower tier: more is
// computed again; or as much comes from another tier, by the server's own count, which
// no disturbance of TTFT can feign or hide; or, where neither is told, more became slower
// than became faster.
func rises(a, b signal) bool {
	if ca, ok := a.computed(); ok {
		if cb, ok := b.computed(); ok && math.Abs(ca-cb) > sharePoints/2 {
			return cb > ca
		}
	}
	if told(a, b) > sharePoints {
		return true
	}
	return slower(a.ttft, b.ttft, ttftRatio) >= slower(b.ttft, a.ttft, ttftRatio)
}

// mixRatio is how far in TTFT a mixture's requests may lie from those of its
// parts: half the ratio (in logs) that parts two tiers.
var mixRatio = math.Sqrt(ttftRatio)

// mixture reports whether b is a mixture of a and c rather than a tier of its
// own: some of its requests (tokens) are as in a, the others as in c.
func mixture(a, b, c signal) bool {
	if a.Shares != nil && b.Shares != nil && c.Shares != nil {
		return mixedShares(a, b, c)
	}
	ca, okA := a.computed()
	cb, okB := b.computed()
	cc, okC := c.computed()
	between := min(ca, cc)+sharePoints/2 < cb && cb < max(ca, cc)-sharePoints/2
	switch told := okA && okB && okC; {
	case told && between && cb > sharePoints && cb < 100-sharePoints:
		return true
	case told && !between && math.Abs(ca-cc) > 100-sharePoints:
		// One side finds (almost) all, the other (almost) nothing, and b is told to be as
		// one of them: no part of it is of the other, whatever TTFT looks like.
		return false
	}
	return mixedTTFT(a.ttft, b.ttft, c.ttft)
}

// mixedShares reports whether b's told shares lie on the line between a's and
// c's, within half the least change.
func mixedShares(a, b, c signal) bool {
	return leastMisfit(func(l float64) float64 {
		worst := 0.0
		for k := range keys(a.Shares, b.Shares, c.Shares) {
			worst = max(worst, math.Abs(b.Shares[k]-l*a.Shares[k]-(1-l)*c.Shares[k]))
		}
		return worst
	}) <= sharePoints/2
}

// mixedTTFT reports whether b's distribution is l x a + (1-l) x c for some l,
// but for the least share that counts.
func mixedTTFT(a, b, c []float64) bool {
	if len(a) == 0 || len(b) == 0 || len(c) == 0 {
		return false
	}
	return leastMisfit(func(l float64) float64 { return mixMisfit(a, b, c, l) }) <= sharePoints
}

// leastMisfit is the smallest misfit over parts l = 0, 0.05 ... 1.
func leastMisfit(misfit func(l float64) float64) float64 {
	least := math.Inf(1)
	for i := 0; i <= 20; i++ {
		least = min(least, misfit(float64(i)/20))
	}
	return least
}

// mixMisfit is the percentage of requests that would have to move by more than
// mixRatio, in either direction, to turn b into l x a + (1-l) x c.
func mixMisfit(a, b, c []float64, l float64) float64 {
	mix := func(t float64) float64 { return l*cdf(a, t) + (1-l)*cdf(c, t) }
	worst := 0.0
	for _, t := range b { // b faster than the mixture: F_b(t) - F_mix(r t)
		worst = max(worst, cdf(b, t)-mix(t*mixRatio))
	}
	for _, part := range [][]float64{a, c} { // the mixture faster than b
		for _, t := range part {
			worst = max(worst, mix(t)-cdf(b, t*mixRatio))
		}
	}
	return 100 * worst
}

// cdf is the share of sorted values that are at most t.
func cdf(sorted []float64, t float64) float64 {
	n := sort.Search(len(sorted), func(i int) bool { return sorted[i] > t })
	return float64(n) / float64(len(sorted))
}

func keys(maps ...map[string]float64) map[string]bool {
	all := map[string]bool{}
	for _, m := range maps {
		for k := range m {
			all[k] = true
		}
	}
	return all
}
