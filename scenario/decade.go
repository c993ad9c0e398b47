package scenario

import "slices"

// decade is the factor between neighbouring sizes from which on a whole decade of sizes
// lies between them.
const decade = 10

// decades warns where evenly spaced sizes leave a decade without one: tiers differ by
// factors, so an end in that gap is bracketed no better than by the gap. Sizes below one
// context are not sent and do not count, and a list with gaps of another shape is what
// somebody chose. At hit rate 0 size has no meaning.
func (e *expansion) decades() {
	sizes := e.sc.WorkingSet.Sizes
	n := len(sizes)
	if n < 3 || len(e.plan.Cells) == 0 || e.zeroOnly() || !slices.Equal(sizes, Linspace(sizes[0], sizes[n-1], n)) {
		return
	}
	for i := 1; i < n; i++ {
		lo, hi := sizes[i-1], sizes[i]
		if lo < e.sc.Contexts[0] || hi/decade < lo {
			continue
		}
		e.note(true, "empty-decade", "/working_set/steps", "evenly spaced sizes leave a factor of %s without one, between %s and %s: a tier that ends in there is not placed any closer; write spacing: log", FormatPercent(float64(hi/lo)), FormatSize(lo), FormatSize(hi))
		return
	}
}
