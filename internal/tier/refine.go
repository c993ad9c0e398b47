package tier

import (
	"maps"
	"slices"
)

// RefineSizes gives the working sets (tokens, ascending, each once) to measure
// next: of each bracket the middle, in whole prompts of r tokens, since a working
// set is a number of prompts. Where mixed points stand inside a bracket, the
// wider of the two gaps beside them is halved: another point among them would
// tell nothing. A bracket that is one prompt wide cannot be halved.
func RefineSizes(r int64, series ...Series) []int64 {
	sizes := map[int64]bool{}
	for _, s := range series {
		for _, t := range s.Transitions {
			if size, ok := middle(r, t); ok {
				sizes[size] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(sizes))
}

func middle(r int64, t Transition) (size int64, ok bool) {
	lo, hi := prompts(t.LoSize, r), prompts(t.HiSize, r)
	if n := len(t.Mixed); n > 0 {
		first, last := prompts(t.Mixed[0], r), prompts(t.Mixed[n-1], r)
		if first-lo >= hi-last {
			hi = first
		} else {
			lo = last
		}
	}
	if hi-lo < 2 {
		return 0, false
	}
	return (lo + hi) / 2 * max(r, 1), true
}

// prompts is how many prompts of r tokens a working set has.
func prompts(size, r int64) int64 {
	r = max(r, 1)
	return (size + r - 1) / r
}
