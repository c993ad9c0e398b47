package result

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestBins(t *testing.T) {
	p := &Point{TTFTs: []float64{0, 1e-9, 0.1, 0.1, 0.12, 1, 1.26, 100}}
	var got [][2]int
	for _, b := range p.Bins() {
		got = append(got, [2]int{b.Index, b.Samples})
	}
	// 1.26 lies above 10^0.1 = 1.2589, 0.12 below 10^-0.9 = 0.1259; less than 1 µs is not lost.
	if diff := cmp.Diff([][2]int{{-60, 2}, {-10, 3}, {0, 1}, {1, 1}, {20, 1}}, got); diff != "" {
		t.Error(diff)
	}
	if b := (&Point{}).Bins(); len(b) != 0 {
		t.Errorf("bins of nothing: %v", b)
	}
}

// Every border is in the bin that it begins, however it is rounded.
func TestBordersAreInTheirBins(t *testing.T) {
	for k := lowestBin; k <= 60; k++ {
		b := border(k)
		if got := binOf(b); got != k {
			t.Errorf("border %d (%g s) is in bin %d", k, b, got)
		}
		if got := binOf(math.Nextafter(b, 0)); got != max(k-1, lowestBin) {
			t.Errorf("just below border %d (%g s) is in bin %d", k, b, got)
		}
	}
}

// Nothing is lost: each sample is in the one bin whose borders hold it, and the shares
// add up to 100, of a point as of trials pooled.
func TestBinsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		exponent := rapid.SliceOfN(rapid.Float64Range(-7, 5), 1, 300)
		var points []*Point
		samples := 0
		for range rapid.IntRange(1, 3).Draw(t, "trials") {
			p := &Point{Validity: ValidOK}
			for _, e := range exponent.Draw(t, "ttft") {
				p.TTFTs = append(p.TTFTs, math.Pow(10, e))
			}
			samples += len(p.TTFTs)
			points = append(points, p)
		}
		m := &Merged{Points: append(points, &Point{Validity: ValidInvalid, TTFTs: []float64{1}})}
		share, n, last := 0.0, 0, lowestBin-1
		for _, b := range m.Bins() {
			inside := 0
			for _, p := range points {
				for _, x := range p.TTFTs {
					inside += ones(x >= b.From && x < b.To || b.Index == lowestBin && x < b.From)
				}
			}
			if b.Index <= last || b.Samples != inside || b.Samples == 0 || b.From != border(b.Index) || b.To != border(b.Index+1) {
				t.Fatalf("%+v after bin %d, %d samples lie in it", b, last, inside)
			}
			share, n, last = share+b.Share, n+b.Samples, b.Index
		}
		if n != samples || math.Abs(share-100) > 1e-9 {
			t.Fatalf("%d of %d samples, %g %%", n, samples, share)
		}
	})
}
