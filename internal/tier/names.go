package tier

import (
	"fmt"
	"math"
	"slices"
)

// own are the sources that are the engine's own cache, the tier nearest to it. Every
// other source lies farther.
var own = []string{"local", "hbm"}

// Own reports whether a source, as telemetry names it, is the engine's own cache: the
// first of the stated tiers, under whatever name.
func Own(source string) bool { return slices.Contains(own, source) }

// beginMargin is how far beyond what the stated tiers hold the nearest point must be for
// the sweep to begin behind them: what is stated is not measured.
const beginMargin = 1.25

// begin gives the index of the stated tier in which the sweep begins, by what is stated
// of their capacities.
func begin(nearest int64, opt Options) (n int) {
	for _, c := range opt.Capacities {
		if c.Source == Stated && beginMargin*float64(c.Tokens) < float64(nearest) {
			n++
		}
	}
	return n
}

// names gives each plateau its name. The last is recompute where it is known to be.
//
// Where tiers are stated (opt.Names) their names are used, in their order, from the one
// that the nearest point lies in by their capacities. What the server tells decides where
// it tells a stated name, unless the plateau before has that or a later one; and the
// engine's own cache may be the first stated tier, any other source is not. A plateau
// that the server serves from a stated tier that was passed already is no other tier by
// name, and gets a number, as what comes behind all stated tiers does, unless the server
// names it. Without stated tiers it is what the server tells, else a number.
func names(chain []plateau, opt Options) []string {
	out := make([]string, len(chain))
	from := begin(chain[0].points[0].ReuseDistance, opt)
	next := 0 // of opt.Names
	for i, p := range chain {
		told := p.source()
		at := slices.Index(opt.Names, told)
		switch {
		case told == "":
			next = max(next, from)
		case at < 0 && !Own(told):
			next = max(next, from, 1)
		}
		behind := len(opt.Names) > 0 && next >= len(opt.Names)
		switch {
		case i == len(chain)-1 && p.isRecompute(behind && at < 0, opt.ColdTTFT):
			out[i] = Recompute
		case at >= next:
			out[i], next = told, at+1
		case at < 0 && next < len(opt.Names):
			out[i], next = opt.Names[next], next+1
		case told == "" || at >= 0 || slices.Contains(out[:i], told):
			out[i] = fmt.Sprintf("tier %d", i+1)
		default:
			out[i] = told
		}
	}
	return out
}

// isRecompute reports whether a last plateau is known to be computed again: told so, or
// as slow as a cold prompt, or behind every tier that there is. What was told wins over
// what is inferred.
func (p plateau) isRecompute(behind bool, coldTTFT float64) bool {
	if c, ok := p.all.computed(); ok {
		return c >= 95
	}
	m := median(p.all.ttft)
	return behind || coldTTFT > 0 && m > 0 && math.Abs(math.Log(m/coldTTFT)) <= math.Log(mixRatio)
}

// source is the source that most reused tokens of the plateau came from, where
// told; empty when there is none with half of them.
func (p plateau) source() string {
	best, most := "", 50.0
	for k, v := range p.all.Shares {
		if v > most || v == most && (best == "" || k < best) {
			best, most = k, v
		}
	}
	return best
}
