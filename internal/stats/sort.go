package stats

import (
	"math/bits"
	"slices"
)

const (
	digitBits = 11   // of a radix pass: its counters fit the first-level cache
	radixFrom = 2048 // values from which it wins
)

// SortDurations sorts whole numbers ascending, fast where they are many and not
// negative: windows hold tens of millions of gaps between tokens, and they are
// sorted while load goes on. It is a radix sort by least significant digits
// (Knuth, The Art of Computer Programming 3, 5.2.5) with one pass for each 11 bits
// of the largest value; otherwise slices.Sort.
func SortDurations(xs []int64) {
	if len(xs) < radixFrom || slices.Min(xs) < 0 {
		slices.Sort(xs)
		return
	}
	width := bits.Len64(uint64(slices.Max(xs)))
	from, to := xs, make([]int64, len(xs))
	for shift := 0; shift < width; shift += digitBits {
		var next [1 << digitBits]int
		for _, x := range from {
			next[x>>shift&(1<<digitBits-1)]++
		}
		sum := 0
		for i, n := range next {
			next[i] = sum
			sum += n
		}
		for _, x := range from {
			d := x >> shift & (1<<digitBits - 1)
			to[next[d]] = x
			next[d]++
		}
		from, to = to, from
	}
	if width > 0 && (width-1)/digitBits%2 == 0 { // an odd number of passes
		copy(xs, from)
	}
}
