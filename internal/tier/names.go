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

// names gives each plateau its name. The last is recompute where it is known to be.
//
// Where tiers are stated (opt.Names) their names are used, in their order: what the
// server tells decides which one it is where it tells a stated name, and that is not
// before the one that the plateau before has; and a source that is not the engine's own
// cache is never the first stated tier. A plateau that the server serves from the stated
// tier it came from already is no other tier by name, and gets a number, as what comes
// behind all stated tiers does, unless the server names it. Without stated tiers it is
// what the server tells, else a number.
func names(chain []plateau, opt Options) []string {
	out := make([]string, len(chain))
	next := 0 // of opt.Names
	for i, p := range chain {
		told := p.source()
		at := slices.Index(opt.Names, told)
		if at < 0 && told != "" && !Own(told) {
			next = max(next, 1)
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
