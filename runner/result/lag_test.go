package result

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The p99 of send lag + read lag is that of all pairs of the two, and never more than the
// sum of their p99s.
func TestLagIsTheP99OfTheSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sends := rapid.SliceOfN(rapid.Float64Range(0, 0.01), 1, 40).Draw(t, "sends")
		slices.Sort(sends)
		o := own{waits: map[float64]float64{}, rest: rapid.Float64Range(0, 0.001).Draw(t, "rest")}
		var pairs []float64
		for _, b := range rapid.SliceOfNDistinct(rapid.Float64Range(1e-4, 0.01), 1, 8, rapid.ID).Draw(t, "bounds") {
			n := rapid.IntRange(1, 30).Draw(t, "n")
			o.waits[b] = float64(n)
			for range n {
				for _, s := range sends {
					pairs = append(pairs, s+b)
				}
			}
		}
		slices.Sort(pairs)
		want := pairs[(99*len(pairs)+99)/100-1] + o.rest
		if got := o.lag(sends); math.Abs(got-want) > 1e-6 {
			t.Fatalf("lag %v, the p99 of all %d sums is %v", got, len(pairs), want)
		}
	})
}

// Exactly 99 of 100 sums are small: the p99 is the largest of these, however shares of
// waits are rounded.
func TestLagWhereItIsExactly99Percent(t *testing.T) {
	sends := []float64{0.00390625, 0.00390625, 0.00390625, 0.00390625, 0.00390625, 0.00390625, 0.0078125, 0.0078125, 0.0078125, 0.01}
	o := own{waits: map[float64]float64{0.00390625: 1, 0.005859375: 4, 0.0048828125: 14, 0.01: 11, 0.0068359375: 24, 0.0078125: 26, 0.0087890625: 30}, rest: 0.001}
	if got, want := o.lag(sends), 0.0087890625+0.01+0.001; math.Abs(got-want) > 1e-6 {
		t.Errorf("lag %v, want %v", got, want)
	}
}

func TestLagWithoutOneOfItsParts(t *testing.T) {
	if got := (own{}).lag(nil); got != 0 {
		t.Errorf("lag of nothing is %v", got)
	}
	if got := (own{rest: 0.001}).lag([]float64{0.002}); math.Abs(got-0.003) > 1e-9 {
		t.Errorf("lag %v without waits, want 0.003", got)
	}
	if got := (own{waits: map[float64]float64{0.004: 5}}).lag(nil); math.Abs(got-0.004) > 1e-6 {
		t.Errorf("lag %v without sends, want 0.004", got)
	}
}
