package result

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Map is what one trial of a context's map found: the requests of the record, read by the
// same rules that decided on them while it ran.
type Map struct {
	Unit
	Spec    scenario.Cell
	Found   survey.Map    // tiers (named as told, else as stated, else "tier 1", "tier 2"), cold level, counts, policy
	Looks   []survey.Look // every answer that counted, in the order of asking
	Foreign int64         // prompt tokens of other clients in the servers' counters, where these tell them
	Other   bool          // other rules than those of now decided what was sent: the brackets are what was seen all the same
	Why     string        // where it did not come to its end: why; empty where it did
	Rows    []*Point      // its points: each tier, nearest first, then the prompts that are computed again, where there are any
}

// Tier is what a point of a map is of. Other modes have none.
type Tier struct {
	Number  int              // from 1, nearest first; of prompts that are computed again one more than the last tier's
	Name    string           // tier.Recompute for prompts that are computed again
	From    *survey.Bracket  // where the tier before it ends; nil for the first
	To      *survey.Bracket  // where it ends; nil when that lies beyond what was looked at
	MsPer1k float64          // added ms per 1,000 reused tokens against the tier before; NaN for the first
	Free    bool             // MsPer1k is no more than chance makes of two such levels: falling to it costs nothing that was measured
	Sources map[string]int64 // tokens told by source, of all its looks; nil when not told
	Gradual bool             // it does not end at an edge: To is from where nine tenths are found to where one tenth is
	Half    int              // Gradual: the depth in prompts at which half is found
	Unsure  bool             // new prompts, asked for as a sweep does, have not shown the end where it seems to be
	Used    *survey.Bracket  // where prompts that were asked for out of turn were told to be lost; nil where they were not
	Looks   int              // answers that its figures are made of
}

// Recomputed reports whether the row is of prompts that are computed again.
func (t *Tier) Recomputed() bool { return t.Name == tier.Recompute }

// SurveyOptions gives the options of one trial of a map, of what a record knows: the run
// and every later reading of it have the same.
func SurveyOptions(sc *scenario.Scenario, c scenario.Cell, trial int) survey.Options {
	h := fnv.New64a()
	fmt.Fprint(h, c.Key, trial)
	size := c.R + sc.OutputTokens
	return survey.Options{
		PromptTokens: size, MaxTokens: int64(c.Prompts) * size, Resolution: sc.Map.Resolution, Looks: sc.Map.Looks,
		Concurrency: sc.Warmup.Concurrency, Policy: sc.Map.Policy, Rand: rand.New(rand.NewPCG(uint64(sc.Seed), h.Sum64())),
	}
}

// mapped reports whether the run is a map.
func (s *summariser) mapped() bool { return s.sc.Mode == "map" }

// mapUnit makes the map of a unit that was begun, and its points.
func (s *summariser) mapUnit(u *UnitRecord) {
	m := s.mapOf(u)
	if m == nil {
		s.sum.Points = append(s.sum.Points, unmeasured(u.Unit, u.Spec, 1, why(u, nil)))
		return
	}
	s.mapRows(m, u)
	s.sum.Maps = append(s.sum.Maps, m)
	s.sum.Points = append(s.sum.Points, m.Rows...)
}

// mapOf replays a unit's requests through a survey; nil where it has no look.
func (s *summariser) mapOf(u *UnitRecord) *Map {
	sv, err := survey.New(SurveyOptions(s.sc, u.Spec, u.Trial))
	if err != nil {
		return nil
	}
	m := &Map{Unit: u.Unit, Spec: u.Spec}
	for _, st := range u.surveySteps(s.telemetry, s.probe()) {
		if !st.Feed(sv) {
			m.Other = true
		}
	}
	sv.Next() // the last answer may have been all it wanted
	if m.Looks = sv.Looks(); len(m.Looks) == 0 {
		return nil
	}
	m.Found = sv.Result()
	m.Foreign = max(s.telemetry.foreign(u), m.Found.Count.Foreign)
	m.Found.Shared = m.Foreign > 0
	m.name(s.sc.Target.TierNames())
	m.Why = unfinished(u, m)
	return m
}

// unfinished says why a map did not come to its end, empty where it did.
func unfinished(u *UnitRecord, m *Map) string {
	switch {
	case u.State == CellDone && (m.Found.Ready || m.Other):
		return ""
	case m.Found.Stopped != "":
		return m.Found.Stopped
	case u.State == CellBegin:
		return "the record ends inside it"
	}
	return cmp.Or(u.Reason, "the run ended before it")
}

// name gives each tier its name: as told, else as stated in that order, else a number.
func (m *Map) name(stated []string) {
	next := 0
	seen := map[string]bool{}
	for i := range m.Found.Tiers {
		t := &m.Found.Tiers[i]
		at := slices.Index(stated, t.Name)
		if at < 0 && t.Name != "" && !tier.Own(t.Name) {
			next = max(next, 1)
		}
		switch {
		case at >= next:
			next = at + 1
		case at < 0 && next < len(stated):
			t.Name, next = stated[next], next+1
		case t.Name == "" || seen[t.Name]:
			t.Name = fmt.Sprintf("tier %d", i+1)
		}
		seen[t.Name] = true
	}
}

// mapRows makes the points of a map.
func (s *summariser) mapRows(m *Map, u *UnitRecord) {
	w := m.window(u)
	lo := 1
	var from *survey.Bracket
	add := func(t Tier, hi int) {
		p := &Point{Unit: m.Unit, Spec: m.Spec, Level: 1, Start: w.Start, End: w.End, Tier: &t, CachedTokens: sample.Unknown, Validity: ValidOK}
		p.looks(m.Looks, lo, hi)
		t.Looks = p.Samples
		m.Rows = append(m.Rows, p)
	}
	var before survey.Level
	for i, t := range m.Found.Tiers {
		hi := math.MaxInt
		if t.To != nil {
			hi = t.To.Lo
		}
		add(Tier{Number: i + 1, Name: t.Name, From: from, To: t.To, MsPer1k: t.MsPer1k, Free: m.free(before, t.TTFT), Sources: t.Sources, Gradual: t.Gradual, Half: t.Half, Unsure: t.Unsure, Used: t.Used}, hi)
		if from, before = t.To, t.TTFT; from != nil {
			lo = from.Hi
		}
	}
	if from != nil || m.Found.NoReuse {
		add(Tier{Number: len(m.Rows) + 1, Name: tier.Recompute, From: from, MsPer1k: m.Found.ColdMs, Free: m.free(before, m.Found.Cold)}, math.MaxInt)
	}
	for _, p := range m.Rows {
		s.mapRules(p, m, u)
	}
}

// free reports whether falling from one level to another costs no more TTFT than chance may
// have it: twice the standard error of the difference of their medians, each of which has
// 1.25 sd / sqrt(n), with the spread of log TTFT that was measured.
func (m *Map) free(from, to survey.Level) bool {
	if from.N == 0 || to.N == 0 {
		return false
	}
	sd := survey.MedianError * m.Found.Spread
	chance := 2 * math.Hypot(from.P50*sd/math.Sqrt(float64(from.N)), to.P50*sd/math.Sqrt(float64(to.N)))
	return to.P50-from.P50 <= chance
}

// looks fills a point with the answers at depths from lo to hi.
func (p *Point) looks(all []survey.Look, lo, hi int) {
	p.Row = metric.Row{}
	SetAxes(p.Row, p.Spec, p.Level)
	delete(p.Row, "working_set")
	p.Row.Set("reuse_distance", metric.Of(0))
	if from := p.Tier.From; from != nil {
		p.Row.Set("reuse_distance", metric.Of(float64(from.HiTokens)))
	}
	var cached pair
	by := map[string]int64{}
	for _, l := range all {
		if l.Depth < lo || l.Depth > hi {
			continue
		}
		p.TTFTs = append(p.TTFTs, l.TTFT)
		p.InputTokens += l.Prompt
		p.OutputTokens++
		if l.Cached != sample.Unknown {
			cached.told += l.Cached
			cached.asked += l.Prompt
		}
		for name, n := range l.Sources {
			by[name] += n
		}
	}
	p.Samples = len(p.TTFTs)
	slices.Sort(p.TTFTs)
	p.Row.Set("completed", metric.Of(float64(p.Samples)))
	spread(p.Row, "ttft", p.TTFTs, 1)
	if cached.asked > 0 {
		p.CachedTokens = cached.told
		p.Row.Set("hit_rate_observed", metric.Of(100*float64(cached.told)/float64(cached.asked)))
	}
	for name, n := range by {
		p.Row.Set(sharePrefix+name, metric.Of(100*float64(n)/float64(p.InputTokens)))
	}
}

// window is the time from a map's first request to the end of its last.
func (m *Map) window(u *UnitRecord) Window {
	w := Window{Start: -1}
	for _, q := range u.Requests {
		if !isMapped(q) || q.End < 0 {
			continue
		}
		if w.Start < 0 || q.Started >= 0 && q.Started < w.Start {
			w.Start = max(q.Started, 0)
		}
		w.End = max(w.End, q.End+1)
	}
	w.Start = max(w.Start, 0)
	return w
}

// isMapped reports whether a request is one of a map's own.
func isMapped(q *sample.Request) bool {
	return q.Phase == sample.PhaseIngest || q.Phase == sample.PhaseLook || q.Phase == sample.PhaseTouch
}
