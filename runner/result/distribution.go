package result

import (
	"math"
	"slices"
)

// binsPerDecade is how fine the bins of a TTFT distribution are: two tiers are told
// apart from a factor of 1.5 on, which is more than one bin of 1.26.
const binsPerDecade = 10

// lowestBin is the index of the bin that begins at 1 µs: what is faster counts in it.
const lowestBin = -6 * binsPerDecade

// Bin is one step of a TTFT distribution on a log axis.
type Bin struct {
	Index    int     // the bin holds [10^(Index/10), 10^((Index+1)/10)) seconds: the same borders in every run
	From, To float64 // those borders in seconds
	Samples  int     // first tokens in it
	Share    float64 // percent of all first tokens: the shares of a point add up to 100
}

// Bins gives the distribution of a point's TTFT: the bins that are not empty, ascending.
// Like the point's percentiles it is of the first tokens in the window; it has no place
// for requests that still waited at its end.
func (p *Point) Bins() []Bin { return bins(p.TTFTs) }

// Bins gives the distribution of TTFT over the trials that the row is made of, their
// first tokens pooled.
func (m *Merged) Bins() []Bin {
	var pooled []float64
	for _, p := range m.used() {
		pooled = append(pooled, p.TTFTs...)
	}
	return bins(pooled)
}

func bins(ttfts []float64) []Bin {
	counts := map[int]int{}
	for _, t := range ttfts {
		counts[binOf(t)]++
	}
	out := make([]Bin, 0, len(counts))
	for k, n := range counts {
		out = append(out, Bin{Index: k, From: border(k), To: border(k + 1), Samples: n, Share: 100 * float64(n) / float64(len(ttfts))})
	}
	slices.SortFunc(out, func(a, b Bin) int { return a.Index - b.Index })
	return out
}

// borders are the lower borders of the bins from lowestBin to 10^5 s: a distribution asks
// for them for every sample.
var borders = func() (out [11*binsPerDecade + 1]float64) {
	for i := range out {
		out[i] = math.Pow(10, float64(lowestBin+i)/binsPerDecade)
	}
	return out
}()

// border gives the lower border of a bin, in seconds.
func border(k int) float64 {
	if i := k - lowestBin; i >= 0 && i < len(borders) {
		return borders[i]
	}
	return math.Pow(10, float64(k)/binsPerDecade)
}

// binOf gives the index of the bin that holds t seconds. The logarithm may be rounded to
// the wrong side of a border; the border itself decides.
func binOf(t float64) int {
	if !(t >= border(lowestBin)) {
		return lowestBin
	}
	k := int(math.Floor(binsPerDecade * math.Log10(t)))
	switch {
	case t < border(k):
		return k - 1
	case t >= border(k+1):
		return k + 1
	}
	return k
}
