package tier

import "testing"

// Tiers that the server tells by source are found where TTFT says nothing, or the
// opposite: on a machine that is busy with something else the slower tier may well
// answer faster.
func TestToldTiersNeedNoTTFT(t *testing.T) {
	point := func(x int64, hbm, dram, ttft float64) Point {
		p := Point{ReuseDistance: x, WorkingSet: x, ReusedTokens: 1000, CachedTold: true, Cached: hbm + dram, Shares: map[string]float64{"hbm": hbm, "dram": dram}}
		for i := range 120 {
			p.TTFT = append(p.TTFT, ttft*(1+float64(i)/60)) // a spread of x3
		}
		return p
	}
	for _, c := range []struct {
		name           string
		hbm, dram, non float64 // TTFT
	}{{"as it should be", 0.010, 0.012, 0.030}, {"all alike", 0.030, 0.030, 0.030}, {"the other way round", 0.060, 0.030, 0.020}} {
		got := Find([]Point{point(8260, 100, 0, c.hbm), point(31000, 0, 100, c.dram), point(122000, 0, 0, c.non)}, Options{})
		if len(got.Transitions) != 2 {
			t.Errorf("%s: %+v %s", c.name, got.Transitions, got.None)
			continue
		}
		a, b := got.Transitions[0], got.Transitions[1]
		if a.From+a.To != "hbmdram" || a.Lo != 8260 || a.Hi != 31000 || b.From+b.To != "dramrecompute" || b.Lo != 31000 || b.Hi != 122000 {
			t.Errorf("%s: %+v", c.name, got.Transitions)
		}
	}
}
