package result

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Fit says how a capacity that was stated or told compares with what was found.
type Fit string

// Fits. A tier behind the first has two places where its edge may be, since it is not
// known whether it holds what the tiers before it hold as well.
const (
	FitYes       Fit = "as stated"   // the first tier's, or one that the server told
	FitExclusive Fit = "exclusive"   // as the sum of it and all tiers before it
	FitInclusive Fit = "inclusive"   // as its own size alone
	FitEither    Fit = "either"      // both lie in the bracket
	FitNo        Fit = "not so"      // an edge was found, and at none of these places
	FitOpen      Fit = "not reached" // the sweep ends before one of these places
	FitNoEdge    Fit = "no edge"     // the sweep goes beyond all of them and finds none
	FitUnseen    Fit = "not seen"    // no plateau of the sweep is this tier
	FitGradual   Fit = "gradual"     // a map's: the tier does not end at an edge
)

// Limits of what counts as the same place: an edge is known to a prompt, and an engine
// keeps whole blocks only, of which a prompt's last is mostly not full.
const fitTolerance = 0.02

// CapacityFinding is a capacity held against one series, all trials together.
type CapacityFinding struct {
	SeriesKey
	Tier   string // as stated or told
	Tokens int64  // the tier's own, in one replica
	Source string // tier.Stated, or the series or call that told it

	// Where the edge is to be expected, in tokens held over all replicas: with all tiers
	// before it, and alone. Equal for the first tier and for what the server tells.
	Exclusive, Inclusive int64

	// What it was found to hold, in tokens over all replicas: at least Lo, less than Hi.
	// That is the bracket of the transition out of it, each end with the private KV that
	// was in flight beside it; over trials the widest. Both 0 where there is no transition.
	Lo, Hi int64

	Fit  Fit
	Text string // the finding as a sentence
	Cost string // what its bandwidth allows and what was found, as a sentence; empty without a bandwidth

	// Cost of 1000 reused tokens, in ms: the least that the stated bandwidth allows, and
	// what falling to the tier was found to add. Null where not stated or not found.
	Allowed, Found metric.Value

	slack int64 // tokens by which a place may be off at least
}

// First reports whether there is one place only: the first tier, or one that was told.
func (f *CapacityFinding) First() bool { return f.Exclusive == f.Inclusive }

// capacity is what is stated or told of one tier, before it is held against anything.
type capacity struct {
	sample.Capacity
	exclusive, inclusive int64
	bandwidth            float64  // bytes/s; 0: not stated
	plateaus             []string // names under which a series may have it
	before               string   // the stated tier before it
	upTo                 []upTo   // stated tiers: what later ones hold together with it
}

// upTo is where stated tiers end together.
type upTo struct {
	names                string // hbm + dram
	exclusive, inclusive int64
}

// capacities gives what is stated, then what is told.
func (s *Summary) capacities() (out []capacity) {
	if s.Run == nil || s.Run.Scenario == nil {
		return nil
	}
	to := &s.Run.Scenario.Target
	sum, before, first := int64(0), "", []string{"hbm", "local", firstUnnamed}
	together := statedUpTo(s.Run.Scenario)
	for i, t := range to.Tiers {
		own := t.Capacity * to.Spread()
		sum += own
		out = append(out, capacity{Capacity: sample.Capacity{Tier: t.Name, Tokens: t.Capacity, Source: tier.Stated}, exclusive: sum, inclusive: own, bandwidth: t.Bandwidth, plateaus: []string{t.Name}, before: before})
		for j := i + 1; j < len(together); j++ {
			out[i].upTo = append(out[i].upTo, upTo{together[j].Tier, together[j].Tokens, to.Tiers[j].Capacity * to.Spread()})
		}
		if before = t.Name; i == 0 {
			first = append(first, t.Name)
		}
	}
	if s.Probe == nil {
		return out
	}
	for _, c := range s.Probe.Capacity {
		all := c.Tokens * to.Spread()
		told := capacity{Capacity: c, exclusive: all, inclusive: all, plateaus: []string{c.Tier}}
		if tier.Own(c.Tier) {
			told.plateaus = first
		}
		out = append(out, told)
	}
	return out
}

// findCapacities holds everything stated and told against every series.
func (s *Summary) findCapacities() (out []CapacityFinding) {
	all := s.capacities()
	for i := 0; i < len(s.Series) && len(all) > 0; {
		j := i
		for j < len(s.Series) && s.Series[j].SeriesKey == s.Series[i].SeriesKey {
			j++
		}
		for _, c := range all {
			out = append(out, s.finding(c, s.Series[i:j]))
		}
		i = j
	}
	return out
}

// finding holds one capacity against the trials of one series.
func (s *Summary) finding(c capacity, trials []*Series) CapacityFinding {
	f := CapacityFinding{SeriesKey: trials[0].SeriesKey, Tier: c.Tier, Tokens: c.Tokens, Source: c.Source, Exclusive: c.exclusive, Inclusive: c.inclusive}
	slack := int64(0)
	for _, t := range trials {
		slack = max(slack, s.promptOf(t))
		if at := s.from(t, c); at >= 0 {
			lo, hi := s.held(t, t.Transitions[at].LoSize, t.Transitions[at].Lo), s.held(t, t.Transitions[at].HiSize, t.Transitions[at].Hi)
			if f.Hi == 0 {
				f.Lo, f.Hi = lo, hi
			}
			f.Lo, f.Hi = min(f.Lo, lo), max(f.Hi, hi)
		}
	}
	f.slack = slack
	switch f.Fit = f.fit(); {
	case f.Hi == 0:
		f.Fit = s.unfound(c, trials, slack)
	case s.gradual(c, trials):
		f.Fit = FitGradual
	}
	f.Allowed, f.Found = s.costs(c, trials)
	f.Text, f.Cost = s.sentence(&f, c, trials), f.costText(c)
	return f
}

// gradual reports whether a map found, in any trial, that the share of a tier falls
// gradually.
func (s *Summary) gradual(c capacity, trials []*Series) bool {
	for _, m := range s.Maps {
		for i, p := range m.Rows {
			if !p.Tier.Gradual {
				continue
			}
			for _, t := range trials {
				if t.Trial == m.Trial && t.SeriesKey == seriesKey(m.Spec, 1) && s.from(t, c) == i {
					return true
				}
			}
		}
	}
	return false
}

// from gives the transition out of a tier, -1 when there is none. That the first plateau
// is the engine's own cache, where nothing names it, is believed as long as the sweep
// does not begin far beyond what that is said to hold.
func (s *Summary) from(t *Series, c capacity) int {
	return slices.IndexFunc(t.Transitions, func(tr tier.Transition) bool {
		return slices.Contains(c.plateaus, tr.From) && (tr.From != firstUnnamed || s.beginsIn(t, c.exclusive))
	})
}

// firstUnnamed is the first plateau's name where there is none, and beginMargin how far
// beyond a capacity a sweep may begin (see package tier).
const (
	firstUnnamed = "tier 1"
	beginMargin  = 1.25
)

// pointAt gives the point of a series' trial whose working set was asked for so.
func (s *Summary) pointAt(t *Series, size int64) *Point {
	for _, p := range s.Points {
		if p.Trial == t.Trial && p.Spec.WorkingSet == size && p.Usable() && keyOf(p) == t.SeriesKey {
			return p
		}
	}
	return nil
}

// held gives what a server must hold for a point to be found in its cache: reuse
// distance and the private KV of what is in flight (see privateKV).
func (s *Summary) held(t *Series, size, distance int64) int64 {
	if p := s.pointAt(t, size); p != nil {
		return distance + privateKV(s.Run.Scenario, p.Spec, p.Level)
	}
	return distance
}

// span gives the least reuse distance of a series, and what was held at its farthest
// point.
func (s *Summary) span(t *Series) (nearest, farthest int64) {
	if len(s.Maps) > 0 { // a map looks at every distance
		return s.promptOf(t), t.Farthest
	}
	for _, p := range s.Points {
		if d := p.Row.Get("reuse_distance"); p.Trial == t.Trial && p.Usable() && d.Known() && keyOf(p) == t.SeriesKey {
			if nearest == 0 || int64(d.V) < nearest {
				nearest = int64(d.V)
			}
			farthest = max(farthest, int64(d.V)+privateKV(s.Run.Scenario, p.Spec, p.Level))
		}
	}
	return nearest, farthest
}

// beginsIn reports whether a series may begin in a tier that holds so much: it does not
// begin far beyond (see package tier).
func (s *Summary) beginsIn(t *Series, holds int64) bool {
	nearest, _ := s.span(t)
	return float64(nearest) <= beginMargin*float64(holds)
}

// promptOf gives the tokens of one prompt and its output.
func (s *Summary) promptOf(t *Series) int64 {
	for _, p := range s.Points {
		if keyOf(p) == t.SeriesKey {
			return p.Spec.R + s.Run.Scenario.OutputTokens
		}
	}
	return 0
}

// tolerance is how far a place may be off and still be the same.
func tolerance(place, slack int64) int64 { return max(slack, int64(fitTolerance*float64(place))) }

// has reports whether a place lies in the bracket.
func (f *CapacityFinding) has(place int64) bool {
	d := tolerance(place, f.slack)
	return f.Lo-d <= place && place <= f.Hi+d
}

// fit compares the bracket with both places.
func (f *CapacityFinding) fit() Fit {
	switch exclusive, inclusive := f.has(f.Exclusive), f.has(f.Inclusive); {
	case exclusive && f.First():
		return FitYes
	case exclusive && inclusive:
		return FitEither
	case exclusive:
		return FitExclusive
	case inclusive:
		return FitInclusive
	}
	return FitNo
}

// unfound says why there is no transition out of a tier. Where trials differ, the one
// that saw most of the tier counts.
func (s *Summary) unfound(c capacity, trials []*Series, slack int64) Fit {
	fit := FitUnseen
	for _, t := range trials {
		if !s.endsIn(c, t) {
			continue
		}
		if fit == FitUnseen {
			fit = FitNoEdge
		}
		if _, far := s.span(t); far < c.exclusive+tolerance(c.exclusive, slack) {
			fit = FitOpen
		}
	}
	return fit
}

// endsIn reports whether a series ends in the tier, or in one that is stated before it:
// then the tier's edge lies beyond.
func (s *Summary) endsIn(c capacity, t *Series) bool {
	if len(t.Tiers) == 0 {
		return true // one point: nothing is known of its tier, and nothing speaks against it
	}
	last := t.Tiers[len(t.Tiers)-1]
	if slices.Contains(c.plateaus, last) {
		return last != firstUnnamed || s.beginsIn(t, c.exclusive)
	}
	stated := s.Run.Scenario.Target.TierNames()
	at := slices.Index(stated, last)
	return at >= 0 && at < slices.Index(stated, c.Tier)
}

// costs gives the cost that a bandwidth allows at best, kv_bytes_per_token x 1000 /
// bandwidth, and the one found: the median over trials of what falling to it added.
func (s *Summary) costs(c capacity, trials []*Series) (allowed, found metric.Value) {
	if c.bandwidth <= 0 {
		return allowed, found
	}
	if kv := (&Record{Run: s.Run, Probe: s.Probe}).KVBytesPerToken(); kv > 0 {
		allowed = metric.Of(kv * 1000 / c.bandwidth * 1e3)
	}
	var vs []metric.Value
	for _, t := range trials {
		for _, tr := range t.Transitions {
			if slices.Contains(c.plateaus, tr.To) && tr.Before > 0 && tr.After > 0 {
				vs = append(vs, metric.Of(tr.MsPer1kToken))
			}
		}
	}
	return allowed, MedianValue(vs)
}

// sentence says a finding as people read it:
// hbm: stated 1M tokens, found between 950k and 1.04M: as stated
func (s *Summary) sentence(f *CapacityFinding, c capacity, trials []*Series) string {
	word := "the server says"
	if f.Source == tier.Stated {
		word = "stated"
	}
	text := fmt.Sprintf("%s: %s %s tokens", f.Tier, word, metric.Size(f.Tokens))
	if n := s.Run.Scenario.Target.Spread(); n > 1 {
		text += fmt.Sprintf(" in each of %d replicas", n)
	}
	switch {
	case f.Fit == FitGradual:
		text += fmt.Sprintf(", but it does not end at an edge: nine tenths of the prompts are found up to %s, one tenth up to %s", metric.Size(f.Lo), metric.Size(f.Hi))
	case f.Hi > 0:
		text += fmt.Sprintf(", found between %s and %s%s: %s", metric.Size(f.Lo), metric.Size(f.Hi), s.inFlight(f, trials), f.verdict(c, word))
	default:
		text += ", " + s.missing(f, c, trials)
	}
	return text
}

// inFlight says that the bracket is more than the one of the transition.
func (s *Summary) inFlight(f *CapacityFinding, trials []*Series) string {
	for _, t := range trials {
		for _, tr := range t.Transitions {
			if p := s.pointAt(t, tr.LoSize); p != nil && s.held(t, tr.LoSize, tr.Lo) == f.Lo {
				if private := privateKV(s.Run.Scenario, p.Spec, p.Level); float64(private) > 0.005*float64(f.Lo) {
					return fmt.Sprintf(" (%s of it private to what was in flight)", metric.Size(private))
				}
				return ""
			}
		}
	}
	return ""
}

// verdict says what a bracket says of the places.
func (f *CapacityFinding) verdict(c capacity, word string) string {
	if word != "stated" {
		word = "told"
	}
	exclusive, inclusive := metric.Size(f.Exclusive), metric.Size(f.Inclusive)
	switch f.Fit {
	case FitYes:
		return "as " + word
	case FitExclusive:
		return fmt.Sprintf("as an exclusive tier (%s with what comes before it)", exclusive)
	case FitInclusive:
		return fmt.Sprintf("as an inclusive tier (%s, which hold what %s holds as well)", inclusive, c.before)
	case FitEither:
		return fmt.Sprintf("as stated, be it an exclusive tier (%s) or an inclusive one (%s)", exclusive, inclusive)
	}
	for _, u := range c.upTo { // where little is reused a tier may cost no more than the one before
		if place := u.exclusive; f.Lo > max(f.Exclusive, f.Inclusive) && (f.has(u.exclusive) || f.has(u.inclusive)) {
			if !f.has(place) {
				place = u.inclusive
			}
			return fmt.Sprintf("as %s together (%s): that one ends and the next begins did not show", u.names, metric.Size(place))
		}
	}
	switch {
	case !f.First():
		return fmt.Sprintf("neither as an exclusive tier (%s) nor as an inclusive one (%s)", exclusive, inclusive)
	case f.Hi < f.Exclusive:
		return "less than " + word
	}
	return "more than " + word
}

// missing says why there is no bracket.
func (s *Summary) missing(f *CapacityFinding, c capacity, trials []*Series) string {
	far := int64(0)
	for _, t := range trials {
		_, held := s.span(t)
		far = max(far, held)
	}
	who, taken := "the sweep", "the largest set takes "
	if len(s.Maps) > 0 {
		who, taken = "the map", "the map reached "
	}
	taken += metric.Size(far)
	switch {
	case f.Fit == FitNoEdge:
		return fmt.Sprintf("but no edge up to %s: it holds more, or what follows costs the same", metric.Size(far))
	case f.Fit == FitOpen && f.First():
		return fmt.Sprintf("not reached: %s", taken)
	case f.Fit == FitOpen && far >= f.Inclusive+tolerance(f.Inclusive, 0):
		return fmt.Sprintf("no edge up to %s: not an inclusive tier (%s), as an exclusive one it ends at %s", metric.Size(far), metric.Size(f.Inclusive), metric.Size(f.Exclusive))
	case f.Fit == FitOpen:
		return fmt.Sprintf("not reached: %s, an exclusive tier ends at %s, an inclusive one at %s", taken, metric.Size(f.Exclusive), metric.Size(f.Inclusive))
	}
	return fmt.Sprintf("but %s did not see it: it saw %s", who, strings.Join(trials[0].Tiers, ", then "))
}

// costText says the costs as people read them:
// dram: 1k tokens take 2.62 ms at best at 50.0 GB/s, found 4.97 ms
func (f *CapacityFinding) costText(c capacity) string {
	if c.bandwidth <= 0 {
		return ""
	}
	best := "take a time that is not known, as kv_bytes_per_token is not,"
	if f.Allowed.Known() {
		best = fmt.Sprintf("take %s ms at best", metric.Text(metric.Number, f.Allowed.V))
	}
	found := "not found"
	if f.Found.Known() {
		found = "found " + metric.Text(metric.Number, f.Found.V) + " ms"
	}
	return fmt.Sprintf("%s: 1k tokens %s at %s, %s", f.Tier, best, metric.Text(metric.GBPerSecond, c.bandwidth/1e9), found)
}
