package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// enoughLooks is how many first tokens the far side of a comparison is given, where the
// level stayed so long: as many as a verification rests on. The first full period alone
// has 20 or more, of which a TTFT twice as long does not stand out when it is noisy.
const enoughLooks = 100

// comparison is the TTFT on the two sides of a growth, at the same level: what the
// growth itself changed.
type comparison struct {
	level         int       // 0: there is none
	before, after []float64 // seconds, ascending
	why           string    // why there is none
}

// growthSeries finds the transitions of a sustained run: one series for each unit.
func (s *summariser) growthSeries() []*Series {
	var out []*Series
	for _, u := range s.rec.Units {
		var points []*Point
		for _, p := range s.sum.Points {
			if d := p.Row.Get("reuse_distance"); p.Unit == u.Unit && p.Usable() && p.Spec.HitRate > 0 && d.Known() {
				points = append(points, p)
			}
		}
		if len(points) > 0 {
			out = append(out, s.growth(u, points))
		}
	}
	slices.SortStableFunc(out, func(a, b *Series) int {
		return cmp.Or(a.compare(b.SeriesKey), cmp.Compare(a.Trial, b.Trial))
	})
	return out
}

// growth finds the transitions between the usable points of one unit, in the order of
// their steps. Each size holds a level of its own, so that the points' TTFTs do not
// compare: what tier reads instead is a chain. The first size's TTFT is as it was; that
// of each later one is the one before, changed as the growth between them changed the
// TTFT at one level, where it did by more than chance.
func (s *summariser) growth(u *UnitRecord, points []*Point) *Series {
	steps := len(points[0].Spec.Steps)
	byGrowth := make([]comparison, max(0, steps-1))
	if len(byGrowth) > 0 {
		seen := u.inTime()
		for i := range byGrowth {
			byGrowth[i] = seen.compare(i)
		}
	}
	chain := ttftChain(points[0].TTFTs, byGrowth)
	var ps []tier.Point
	series := &Series{SeriesKey: keyOf(points[0]), Trial: u.Trial}
	for _, p := range points {
		distance := int64(p.Row.Get("reuse_distance").V)
		t := tierPoint(p, distance)
		t.TTFT = chain[p.Step]
		ps = append(ps, t)
		series.Farthest = max(series.Farthest, distance)
	}
	series.Series = tier.Find(ps, tierOptions(s.sc, s.probe()))
	series.At = make([]int, len(series.Transitions))
	for i := range series.Transitions {
		t := &series.Transitions[i]
		lo, hi := stepOf(points, t.LoSize), stepOf(points, t.HiSize)
		series.At[i] = byGrowth[lo].level
		atOneLevel(t, byGrowth[lo:hi], points[0].Spec.Prefix)
	}
	series.remarks(points, ps, byGrowth)
	return series
}

func stepOf(points []*Point, size int64) int {
	i := slices.IndexFunc(points, func(p *Point) bool { return p.Spec.WorkingSet == size })
	return points[max(0, i)].Step
}

// ttftChain gives each step's TTFT as if all had been measured at one level.
func ttftChain(first []float64, byGrowth []comparison) [][]float64 {
	chain := [][]float64{first}
	if len(byGrowth) > 0 && byGrowth[0].level > 0 {
		chain[0] = byGrowth[0].before
	}
	for i, c := range byGrowth {
		now := chain[i]
		if c.differs() {
			was := stats.Quantile(c.before, 0.5)
			factor := 1.0
			if len(now) > 0 && was > 0 {
				factor = stats.Quantile(now, 0.5) / was
			}
			now = make([]float64, len(c.after))
			for j, t := range c.after {
				now[j] = factor * t
			}
		}
		chain = append(chain, now)
	}
	return chain
}

// differs reports whether TTFT changed by more than the rule of transitions asks for,
// and by more than chance: what tier says of two points.
func (c comparison) differs() bool {
	if c.level == 0 {
		return false
	}
	found := tier.Find([]tier.Point{{ReuseDistance: 1, WorkingSet: 1, TTFT: c.before}, {ReuseDistance: 2, WorkingSet: 2, TTFT: c.after}}, tier.Options{})
	return len(found.Transitions) > 0
}

// atOneLevel gives a transition the TTFTs that were really seen: before the first growth
// of its bracket, and after it. Where the bracket has several growths, at a level each,
// after is before times what all of them did.
func atOneLevel(t *tier.Transition, growths []comparison, reused int64) {
	t.Before, t.After, t.MsPer1kToken, t.Looks = 0, 0, 0, 0
	if growths[0].level == 0 {
		return
	}
	t.Before = stats.Quantile(growths[0].before, 0.5)
	t.After = t.Before
	for _, c := range growths {
		t.Looks += len(c.before) + len(c.after)
		if was := medianOrZero(c.before); was > 0 {
			t.After *= medianOrZero(c.after) / was
		}
	}
	if reused > 0 {
		t.MsPer1kToken = (t.After - t.Before) * 1e3 / (float64(reused) / 1e3)
	}
}

func medianOrZero(sorted []float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return stats.Quantile(sorted, 0.5)
}

// remarks says where TTFT could not be compared, and takes "no transition" back where
// nothing could be.
func (s *Series) remarks(points []*Point, ps []tier.Point, byGrowth []comparison) {
	compared, told := 0, true
	var open []string
	for i := 1; i < len(points); i++ {
		told = told && ps[i-1].CachedTold && ps[i].CachedTold
		missing := ""
		for _, c := range byGrowth[points[i-1].Step:points[i].Step] {
			missing = cmp.Or(missing, c.why)
		}
		if missing == "" {
			compared++
			continue
		}
		open = append(open, fmt.Sprintf("between %s and %s TTFT was not compared at one level (%s)", sizeOf(points[i-1].Spec), sizeOf(points[i].Spec), missing))
	}
	if len(open) == 0 {
		return
	}
	if compared == 0 && !told {
		s.None = "no transition can be told: " + open[0]
		if n := len(open); n > 1 {
			s.None = fmt.Sprintf("no transition can be told: after none of %d growths was TTFT compared at one level (%s)", n, byGrowth[points[0].Step].why)
		}
		s.None += "; a longer duration lets each size hold its level"
		return
	}
	tail := ": an edge there would not show"
	if told {
		tail = ": only the tokens told cached speak there"
	}
	for _, o := range open {
		s.Notes = append(s.Notes, o+tail)
	}
}

// stretch is a number of periods that follow each other at one step and level.
type stretch struct {
	step, level int
	moved       bool // it began with another level, not with another size alone
	periods     []*Period
}

func (u *UnitRecord) stretches() (out []stretch) {
	for _, p := range u.Periods {
		if n := len(out); n > 0 && out[n-1].step == p.Step && out[n-1].level == p.Level {
			out[n-1].periods = append(out[n-1].periods, p)
			continue
		}
		moved := len(out) == 0 || out[len(out)-1].level != p.Level
		out = append(out, stretch{p.Step, p.Level, moved, []*Period{p}})
	}
	return out
}

// inTime is a unit in the order of time: walked once for all its growths.
type inTime struct {
	*UnitRecord
	stretches []stretch
	firsts    []*sample.Request // load requests with a first token, as those came
}

func (u *UnitRecord) inTime() inTime {
	t := inTime{UnitRecord: u, stretches: u.stretches()}
	for _, r := range u.Requests {
		if r.Phase == sample.PhaseLoad && r.FirstToken >= 0 {
			t.firsts = append(t.firsts, r)
		}
	}
	slices.SortFunc(t.firsts, func(a, b *sample.Request) int { return cmp.Compare(a.FirstToken, b.FirstToken) })
	return t
}

// compare gives the TTFT before and after the growth from a step to the next: of the
// last periods before it, mostly a hold, and of the first full period after its
// change-over, at the level that was then in force. Where that is another level than the
// last one before, the last periods that the smaller size had at it are taken.
func (t inTime) compare(step int) comparison {
	var before []stretch
	for _, st := range t.stretches {
		switch {
		case st.step == step:
			before = append(before, st)
		case st.step == step+1 && len(before) > 0:
			for i := len(before) - 1; i >= 0; i-- {
				if before[i].level == st.level {
					return t.pair(before[i], st)
				}
			}
			return comparison{why: fmt.Sprintf("the level went from %d to %d", before[len(before)-1].level, st.level)}
		}
	}
	return comparison{why: "the larger size was not reached"}
}

// pair compares two stretches. A change-over alone is no before: while the level fills
// up its first requests wait for less than those that come to a full one, so that the same size
// would seem to have become slower. (After a growth the level is full from the start.)
func (t inTime) pair(before, after stretch) comparison {
	if before.moved && len(before.periods) == 1 {
		return comparison{why: fmt.Sprintf("only the change-over to %d in flight was seen before it", before.level)}
	}
	c := comparison{level: before.level, before: t.settled(before, all), after: t.settled(after, enoughLooks)}
	if len(c.before) == 0 || len(c.after) == 0 {
		return comparison{why: fmt.Sprintf("no first token at %d in flight on one side", before.level)}
	}
	return c
}

// all is as many first tokens as there are.
const all = math.MaxInt

// settled gives the TTFTs of a stretch without its change-over, unless there is nothing
// else, of requests that started at its level and size: of as many of its first periods
// as have the looks asked for.
func (t inTime) settled(st stretch, looks int) []float64 {
	ps := st.periods
	if len(ps) > 1 {
		ps = ps[1:]
	}
	since := t.since(st.step, st.level, st.periods[len(st.periods)-1].End)
	var ttfts []float64
	for i, p := range ps {
		w := Window{p.Start, p.End}
		if i > 0 {
			w.Start = ps[i-1].End // periods follow each other; what lies between two is not lost
		}
		if ttfts = append(ttfts, t.ttfts(w, since)...); len(ttfts) >= looks {
			break
		}
	}
	slices.Sort(ttfts)
	return ttfts
}

// ttfts gives, in seconds, the first tokens in the window of requests that started since,
// in the order in which they came.
func (t inTime) ttfts(w Window, since int64) (out []float64) {
	from, _ := slices.BinarySearchFunc(t.firsts, w.Start, func(r *sample.Request, at int64) int { return cmp.Compare(r.FirstToken, at) })
	for _, r := range t.firsts[from:] {
		if r.FirstToken >= w.End {
			break
		}
		if r.Started >= since {
			out = append(out, seconds(r.TTFT()))
		}
	}
	return out
}

// MeasuredTTFT names the ttft that the slo's first line on it is on, empty without one.
func MeasuredTTFT(rec *Record) string {
	if rec.Run == nil || rec.Run.Scenario == nil || len(rec.Run.Scenario.SLO.TTFT) == 0 {
		return ""
	}
	name := "ttft." + rec.Run.Scenario.SLO.TTFT[0].Stat
	if _, ok := metric.Find(name); !ok {
		return ""
	}
	return name
}
