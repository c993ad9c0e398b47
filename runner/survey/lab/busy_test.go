package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wsrun/wsrun/runner/survey"
)

// bursts gives the factors on TTFT of a busy machine: now and then everything is slower by
// up to six times, for up to thirty requests, and the level drifts by a tenth meanwhile.
func bursts(seed uint64) func(sent int) float64 {
	rng := rand.New(rand.NewPCG(seed, 0x62757379))
	var all []float64
	return func(sent int) float64 {
		for len(all) <= sent {
			for range 1 + int(rng.ExpFloat64()*60) {
				all = append(all, 1)
			}
			f := math.Exp(rng.Float64() * math.Log(6))
			for range 1 + rng.IntN(30) {
				all = append(all, f)
			}
		}
		return all[sent] * (1 + 0.1*math.Sin(float64(sent)/200))
	}
}

// busy is a server of a busy machine, whose TTFT is of the order of a wake-up.
func busy(seed uint64, sd float64, tell Tell) *World {
	return &World{Cache: Cache{Capacity: []float64{60, 120, 500}, Exclusive: true}, TTFT: []float64{3e-4, 5e-4, 7e-4, 1e-3}, SD: sd, Slow: .1, Tell: tell, Drift: bursts(seed)}
}

// On a busy machine, whose TTFT says nearly nothing, what is told rules: no edge that is told
// by its tiers is lost, and none is invented between them. Where cached tokens alone are
// told, the last edge is (measured: 3 of 360 maps were gradual all the same).
func TestBusyMachine(t *testing.T) {
	spreads := []float64{.05, .1, .2, .3, .5, .8}
	if *many == 1 {
		spreads = []float64{.1, .5} // the others take their time
	}
	for tell, allowed := range map[Tell]int{Cached: 6 * *many / 60, Sources: 0} {
		lost, invented := 0, 0
		for _, sd := range spreads {
			for _, seed := range seeds(1) {
				w := busy(seed, sd, tell)
				why, extra := w.told(w.Run(start(t, seed, nil), seed, 20000))
				if why != "" {
					t.Logf("tell %d, spread %g, seed %d: %s", tell, sd, seed, why)
					lost++
				}
				if extra {
					invented++
				}
			}
		}
		t.Logf("tell %d: of %d maps %d lost an edge that is told, %d have one too many", tell, len(spreads)*len(seeds(1)), lost, invented)
		if lost > allowed || invented > *many/20 {
			t.Errorf("tell %d: %d maps lost an edge, want at most %d; %d have one too many, want at most %d", tell, lost, allowed, invented, *many/20)
		}
	}
}

// At these seeds a level of TTFT that was none took every edge with it.
func TestToldEdgesAreNotSwallowed(t *testing.T) {
	for _, seed := range []uint64{7, 15, 20, 30, 32, 33} {
		w := busy(seed, .05, Sources)
		if why, extra := w.told(w.Run(start(t, seed, nil), seed, 20000)); why != "" || extra {
			t.Errorf("seed %d: %s, one too many %v", seed, why, extra)
		}
	}
}

// told says which edge that is told is not in a map, and whether it has others than the cache.
func (w *World) told(m survey.Map) (lost string, extra bool) {
	edges := w.Edges()
	want := edges
	if w.Tell == Cached {
		want = edges[len(edges)-1:]
	}
	for _, e := range want {
		at := slices.IndexFunc(m.Tiers, func(x survey.Tier) bool {
			return x.To != nil && !x.Gradual && !x.Unsure && e >= float64(x.To.Lo-1) && e <= float64(x.To.Hi+1) && float64(x.To.Hi-x.To.Lo) <= 0.02*float64(x.To.Lo)+1
		})
		if at < 0 {
			lost = fmt.Sprintf("no edge at %g", e)
			for _, x := range m.Tiers {
				lost += fmt.Sprintf("; %q to %+v, gradual %v", x.Name, x.To, x.Gradual)
			}
		}
	}
	ends := 0
	for _, x := range m.Tiers {
		if x.To != nil {
			ends++
		}
	}
	return lost, ends > len(edges)
}
