package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSortDurations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 10, radixFrom - 1, radixFrom, 3 * radixFrom}).Draw(t, "n")
		width := rapid.IntRange(0, 63).Draw(t, "width")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		xs := make([]int64, n)
		for i := range xs {
			xs[i] = int64(rng.Uint64() >> 1 & (1<<width - 1))
		}
		if n > 0 && rapid.Bool().Draw(t, "extremes") {
			xs[0], xs[n-1] = math.MaxInt64, rapid.SampledFrom([]int64{0, -1, math.MinInt64}).Draw(t, "least")
		}
		want := slices.Clone(xs)
		slices.Sort(want)
		if SortDurations(xs); !slices.Equal(want, xs) {
			t.Fatalf("%d values of %d bits are not sorted", n, width)
		}
	})
}

func BenchmarkSortDurations(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	in := make([]int64, 1_000_000)
	for i := range in {
		in[i] = int64(20e6 * math.Exp(rng.NormFloat64()))
	}
	xs := make([]int64, len(in))
	for b.Loop() {
		copy(xs, in)
		SortDurations(xs)
	}
}
