// Package stats holds quantiles, survival curves and tests: numbers in, numbers
// out. It knows nothing of scenarios, files or requests.
package stats

import (
	"math"
	"slices"
)

// Quantile gives the q quantile (0 <= q <= 1) of an ascending sample: linear
// interpolation at q(n-1), which is type 7 of Hyndman and Fan, "Sample quantiles
// in statistical packages", The American Statistician 50 (1996), and the default
// of numpy.quantile. It is NaN for an empty sample or a q outside [0, 1].
func Quantile[T int64 | float64](sorted []T, q float64) float64 {
	n := len(sorted)
	if n == 0 || !(q >= 0 && q <= 1) {
		return math.NaN()
	}
	h := q * float64(n-1)
	i := int(h)
	if i >= n-1 {
		return float64(sorted[n-1])
	}
	lo, hi := float64(sorted[i]), float64(sorted[i+1])
	return lerp(lo, hi, h-float64(i))
}

// lerp is exact at both ends and for lo == hi, and monotonic in f.
func lerp(lo, hi, f float64) float64 {
	if f < 0.5 {
		return lo + (hi-lo)*f
	}
	return hi - (hi-lo)*(1-f)
}

// Median gives the middle of a sample in any order, which it leaves alone; NaN
// for an empty one.
func Median(xs []float64) float64 {
	s := slices.Clone(xs)
	slices.Sort(s)
	return Quantile(s, 0.5)
}

// Mean gives the arithmetic mean, NaN for an empty sample.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
