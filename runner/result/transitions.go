package result

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// SeriesKey names what a transition is looked for in: points that differ in size
// only.
type SeriesKey struct {
	Context int64
	HitRate float64 // percent, as asked
	Level   int     // sustained: 0, since each size holds a level of its own; Series.At has them
}

// Series is the transitions of one series in one trial.
type Series struct {
	SeriesKey
	Trial int
	tier.Series
	Farthest int64 // the largest reuse distance of its points: edges may lie beyond
	NoReuse  bool  // a map: nothing is found again at any distance, so that every edge is at 0

	// At is, sustained, the level at which the TTFT of the two sides of each transition
	// was compared; 0 where it was not. Nil in fixed mode: it is Level.
	At []int
}

// LevelOf gives the level at which transition i was found, 0 when it has none.
func (s *Series) LevelOf(i int) int {
	if i < len(s.At) {
		return s.At[i]
	}
	return s.Level
}

func keyOf(p *Point) SeriesKey { return seriesKey(p.Spec, p.Level) }

func seriesKey(spec scenario.Cell, level int) SeriesKey {
	if len(spec.Steps) > 0 {
		level = 0
	}
	return SeriesKey{spec.Context, spec.HitRate, level}
}

// Series gives the key of the series that the points belong to.
func (m *Merged) Series() SeriesKey { return seriesKey(m.Spec, m.Level) }

func (k SeriesKey) compare(o SeriesKey) int {
	return cmp.Or(cmp.Compare(k.Context, o.Context), cmp.Compare(k.HitRate, o.HitRate), cmp.Compare(k.Level, o.Level))
}

// findSeries finds the transitions of every series of the points, from those that
// are ok or doubtful, of any cells and trials in any order. probe is nil when
// nothing is known of the server.
func findSeries(points []*Point, sc *scenario.Scenario, probe *sample.Probe) []*Series {
	type key struct {
		SeriesKey
		trial int
	}
	by := map[key][]tier.Point{}
	for _, p := range points {
		if d := p.Row.Get("reuse_distance"); p.Usable() && p.Spec.HitRate > 0 && d.Known() {
			k := key{keyOf(p), p.Trial}
			by[k] = append(by[k], tierPoint(p, int64(d.V)))
		}
	}
	var out []*Series
	for k, ps := range by {
		opt := tierOptions(sc, probe)
		opt.ColdTTFT = coldTTFT(points, k.SeriesKey)
		found := &Series{SeriesKey: k.SeriesKey, Trial: k.trial, Series: tier.Find(ps, opt)}
		for _, p := range ps {
			found.Farthest = max(found.Farthest, p.ReuseDistance)
		}
		out = append(out, found)
	}
	sortSeries(out)
	return out
}

func sortSeries(all []*Series) {
	slices.SortFunc(all, func(a, b *Series) int {
		return cmp.Or(a.compare(b.SeriesKey), cmp.Compare(a.Trial, b.Trial))
	})
}

// tierPoint gives what tier reads of a point. Shares are of the tokens that could
// be reused, not of all prompt tokens.
func tierPoint(p *Point, distance int64) tier.Point {
	t := tier.Point{ReuseDistance: distance, WorkingSet: p.Spec.WorkingSet, TTFT: p.TTFTs, ReusedTokens: p.Spec.Prefix, Origin: p.Spec.Origin}
	want := p.Intended.V
	if want <= 0 {
		return t
	}
	if got := p.Row.Get("hit_rate_observed"); got.Known() {
		t.Cached, t.CachedTold = min(100, 100*got.V/want), true
	}
	for name, v := range p.Row {
		if source, ok := strings.CutPrefix(name, "tier_share."); ok {
			if t.Shares == nil {
				t.Shares = map[string]float64{}
			}
			t.Shares[source] = min(100, 100*v.V/want)
		}
	}
	return t
}

func tierOptions(sc *scenario.Scenario, probe *sample.Probe) (opt tier.Options) {
	opt.Names = sc.Target.TierNames()
	opt.Capacities = statedUpTo(sc)
	if probe != nil {
		for _, c := range probe.Capacity {
			c.Tokens *= sc.Target.Spread()
			opt.Capacities = append(opt.Capacities, c)
		}
	}
	for _, size := range sc.WorkingSet.Sizes {
		opt.MaxSize = max(opt.MaxSize, size)
	}
	return opt
}

// statedUpTo gives what the stated tiers hold up to each: all of them together, if they
// hold different prompts, which is the most that a sweep may have to go beyond.
func statedUpTo(sc *scenario.Scenario) (out []sample.Capacity) {
	upTo := sample.Capacity{Source: tier.Stated}
	for _, t := range sc.Target.Tiers {
		if upTo.Tier != "" {
			upTo.Tier += " + "
		}
		upTo.Tier += t.Name
		upTo.Tokens += t.Capacity * sc.Target.Spread()
		out = append(out, upTo)
	}
	return out
}

// coldTTFT is the TTFT of prompts that were certainly cold: the median of the hit
// rate 0 points of the same context and level, 0 without such.
func coldTTFT(points []*Point, k SeriesKey) float64 {
	var cold []float64
	for _, p := range points {
		if p.Spec.HitRate == 0 && p.Spec.Context == k.Context && p.Level == k.Level && p.Usable() && len(p.TTFTs) > 0 {
			cold = append(cold, stats.Quantile(p.TTFTs, 0.5))
		}
	}
	if len(cold) == 0 {
		return 0
	}
	return stats.Median(cold)
}

// edges is how many edges the catalogue names (edge1 ... edge9).
const edges = 9

// Edges gives what edge1, edge2 ... mean for one series: the lower ends of the
// brackets, in tokens of reuse distance, each the median over trials. An edge that a
// trial did not find lies beyond its farthest point: a lower bound. Nil when nothing
// was measured that could show an edge. A sustained series has one set of edges,
// whatever levels its sizes held.
func (s *Summary) Edges(k SeriesKey) []metric.Value {
	var trials [][]metric.Value
	for _, found := range s.Series {
		if found.SeriesKey == k {
			trials = append(trials, found.lowerEnds())
		}
	}
	if len(trials) == 0 {
		return nil
	}
	out := make([]metric.Value, edges)
	for i := range out {
		var vs []metric.Value
		for _, t := range trials {
			vs = append(vs, t[i])
		}
		out[i] = MedianValue(vs)
	}
	return out
}

// Edge gives what edge.NAME means for one series: the lower end of the bracket of the
// transition out of the stated tier, in tokens of reuse distance, the median over trials.
// A tier that the series ends in, or that lies behind it, has its edge beyond the
// farthest point: a lower bound. It is null where the sweep begins behind the tier, and
// where prompts are computed again although it should come first.
func (s *Summary) Edge(k SeriesKey, name string) metric.Value {
	var vs []metric.Value
	var stated []string
	if s.Run != nil && s.Run.Scenario != nil {
		stated = s.Run.Scenario.Target.TierNames()
	}
	for _, found := range s.Series {
		if found.SeriesKey == k {
			vs = append(vs, found.edgeOf(name, stated))
		}
	}
	return MedianValue(vs)
}

func (s *Series) edgeOf(name string, stated []string) metric.Value {
	if s.NoReuse {
		return metric.Of(0)
	}
	for _, t := range s.Transitions {
		if t.From == name {
			return metric.Of(float64(t.Lo))
		}
	}
	if len(s.Tiers) == 0 {
		return metric.Value{}
	}
	last := slices.Index(stated, s.Tiers[len(s.Tiers)-1])
	if last < 0 || last > slices.Index(stated, name) {
		return metric.Value{}
	}
	return metric.Lower(float64(s.Farthest))
}

func (s *Series) lowerEnds() []metric.Value {
	out := make([]metric.Value, edges)
	for i := range out {
		switch {
		case s.NoReuse:
			out[i] = metric.Of(0)
		case i < len(s.Transitions):
			out[i] = metric.Of(float64(s.Transitions[i].Lo))
		default:
			out[i] = metric.Lower(float64(s.Farthest))
		}
	}
	return out
}
