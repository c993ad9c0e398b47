package result

import (
	"math"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
)

// SurveyStep is one action of a survey and what came of it.
type SurveyStep struct {
	Action  survey.Action
	Answers []survey.Look
	Seconds float64 // Ingest: how long it took
}

// Feed hands a step in. It reports whether the survey had asked for it.
func (st SurveyStep) Feed(s *survey.Survey) (same bool) {
	same = s.Did(st.Action)
	if st.Action.Kind == survey.Ingest {
		s.Ingested(st.Answers, st.Seconds)
	} else {
		s.Looked(st.Answers[0])
	}
	return same
}

// IngestStep gives the step of a finished ingest from its requests, in the order in which
// they were sent. A prompt has one answer: that of the attempt that succeeded.
func IngestStep(ph *Phase, reqs []*sample.Request) SurveyStep {
	st := SurveyStep{Action: survey.Action{Kind: survey.Ingest, N: ph.Sent, Concurrency: ph.Level}, Seconds: seconds(ph.End - ph.Start)}
	for _, q := range reqs {
		if q.Class == sample.OK {
			st.Answers = append(st.Answers, answer(q))
		}
	}
	return st
}

// answer is a look as far as the request itself tells it.
func answer(q *sample.Request) survey.Look {
	l := survey.Look{Depth: int(q.Depth), Distance: q.ReuseDistance, Prompt: q.Input(), Cached: q.CachedTokens}
	if q.Class == sample.OK && q.TTFT() > 0 {
		l.TTFT = seconds(q.TTFT())
	}
	for _, s := range q.Sources {
		if l.Sources == nil {
			l.Sources = map[string]int64{}
		}
		l.Sources[s.Tier] += s.Tokens
	}
	return l
}

// LookReader reads the looks of one unit in their order, with what the servers' counters
// say of them. It is the same for a run under way and for a record.
type LookReader struct {
	tel   *Telemetry
	use   bool             // only the counters tell tiers apart
	blind int              // looks in a row that did not show in the counters
	read  []*sample.Scrape // up to where the counters were read, by endpoint; nil before
	own   int64            // prompt tokens sent since
}

// blindMost is the number of looks in a row that may not show in the counters: then these
// lag too far behind to be waited for.
const blindMost = 3

// NewLookReader reads counters from the telemetry, which may grow; from is the stamp from
// which on the unit sends. Nothing is known of the server where probe is nil.
func NewLookReader(tel *Telemetry, probe *sample.Probe, from int64) *LookReader {
	return &LookReader{tel: tel, use: probe != nil && countersTellTiers(probe.Metrics), read: tel.last(from)}
}

// Counters reports whether the counters are to be read right before and after each look:
// they know two tiers or more, the answers tell none, and looks show in them at once.
func (r *LookReader) Counters() bool { return r.use }

// Sent takes a request that is no look: the counters count it as well.
func (r *LookReader) Sent(q *sample.Request) {
	r.own += prompted(q)
	r.use = r.use && len(q.Sources) == 0
}

// Look gives the step of a look; until is the stamp at which the next request began, or of
// now. Where the counters were read right before it and after it they say which tier
// supplied its tokens, and how many prompt tokens others sent since the look before.
func (r *LookReader) Look(q *sample.Request, until int64) SurveyStep {
	l := answer(q)
	r.Sent(q)
	a := survey.Action{Kind: survey.Ask, Depth: int(q.Depth), Touch: q.Phase == sample.PhaseTouch}
	before, after := r.tel.last(q.Started), r.tel.last(until)
	if r.use && !a.Touch && fresh(after, q.End) && len(before) == len(after) {
		l.Foreign = r.others(after)
		l.Sources, l.Counters = sourcesBetween(before, after, prompted(q))
		r.read, r.own = after, 0
	}
	if r.blind++; l.Sources != nil || q.Class != sample.OK || a.Touch {
		r.blind = 0
	}
	r.use = r.use && r.blind < blindMost
	return SurveyStep{Action: a, Answers: []survey.Look{l}}
}

// others gives the prompt tokens of other clients since the counters were last read. Up to
// 1 % is taken for a difference in counting.
func (r *LookReader) others(now []*sample.Scrape) int64 {
	all, ok := rise(r.read, now, promptTokens)
	if n := int64(all) - r.own; ok && float64(n) > lengthOff*float64(r.own) {
		return n
	}
	return 0
}

// prompted is the most prompt tokens of a request that a server may have counted.
func prompted(q *sample.Request) int64 {
	switch {
	case q.Started < 0:
		return 0
	case q.Class == sample.OK:
		return q.Input()
	}
	return q.Sent
}

// last gives the last scrape of each endpoint at or before a stamp; nil unless every
// endpoint has one.
func (t *Telemetry) last(at int64) []*sample.Scrape {
	var out []*sample.Scrape
	for _, end := range t.ends {
		list := t.by[end]
		i, _ := slices.BinarySearchFunc(list, at, func(s *sample.Scrape, at int64) int {
			if s.At <= at {
				return -1
			}
			return 1
		})
		if i == 0 {
			return nil
		}
		out = append(out, list[i-1])
	}
	return out
}

// fresh reports whether all scrapes are from a stamp on.
func fresh(scrapes []*sample.Scrape, from int64) bool {
	for _, s := range scrapes {
		if s.At < from {
			return false
		}
	}
	return len(scrapes) > 0
}

// rise is how far a counter rose between two readings of the same endpoints. ok is false
// where it was not told or fell.
func rise(before, after []*sample.Scrape, name string) (sum float64, ok bool) {
	if len(before) != len(after) || len(after) == 0 {
		return 0, false
	}
	for i := range after {
		a, had := before[i].Values[name]
		b, has := after[i].Values[name]
		if !had || !has || b < a {
			return 0, false
		}
		sum += b - a
	}
	return sum, true
}

// sourcesBetween gives the cached prompt tokens by source between two readings round one
// request of so many prompt tokens; nil where the counters do not tell sources, or have
// not taken the request in.
func sourcesBetween(before, after []*sample.Scrape, tokens int64) (out map[string]int64, ok bool) {
	all, ok := rise(before, after, promptTokens)
	if !ok || all < (1-lengthOff)*float64(tokens) {
		return nil, false
	}
	inc := map[string]float64{}
	for name := range after[0].Values {
		if v, ok := rise(before, after, name); ok && strings.HasPrefix(name, cachedPrefix) {
			inc[name] = v
		}
	}
	for source, v := range cachedBySource(inc) {
		if out == nil {
			out = map[string]int64{}
		}
		out[source] = int64(math.Round(v))
	}
	return out, out != nil
}

// countersTellTiers reports whether counters of these canonical names tell cached tokens
// of two tiers or more apart.
func countersTellTiers(names []string) bool {
	inc := map[string]float64{}
	for _, n := range names {
		if strings.HasPrefix(n, cachedPrefix) {
			inc[n] = 0
		}
	}
	return len(cachedBySource(inc)) > 1
}

// surveySteps gives what was done in a unit, step by step, as far as each was finished.
func (u *UnitRecord) surveySteps(tel *Telemetry, probe *sample.Probe) (steps []SurveyStep) {
	reqs := slices.Clone(u.Requests)
	slices.SortFunc(reqs, func(a, b *sample.Request) int { return int(a.ID - b.ID) })
	reqs = slices.DeleteFunc(reqs, func(q *sample.Request) bool { return !isMapped(q) || q.Class == sample.Censored || q.End < 0 })
	read := NewLookReader(tel, probe, u.mapBegan())
	for i := 0; i < len(reqs); {
		q := reqs[i]
		if q.Phase != sample.PhaseIngest {
			until, last := u.until(), i+1 == len(reqs)
			if !last {
				until = begun(reqs[i+1])
			}
			st := read.Look(q, until)
			if last && read.use && u.State != CellDone && st.Answers[0].Sources == nil {
				break // it ends before the counters were read: where this one came from is not known
			}
			steps = append(steps, st)
			i++
			continue
		}
		ph := u.ingestOf(q)
		if ph == nil {
			break // the record ends inside it
		}
		n := i
		for n < len(reqs) && reqs[n].Phase == sample.PhaseIngest && reqs[n].End <= ph.End {
			read.Sent(reqs[n])
			n++
		}
		steps = append(steps, IngestStep(ph, reqs[i:n]))
		i = n
	}
	return steps
}

// mapBegan is the stamp from which on the unit's own requests count: the start of its
// first ingest.
func (u *UnitRecord) mapBegan() int64 {
	for _, ph := range u.Phases {
		if ph.Phase == PhaseIngest {
			return ph.Start
		}
	}
	return u.until()
}

// begun is the stamp at which a request began, or ended where it never did.
func begun(q *sample.Request) int64 {
	if q.Started >= 0 {
		return q.Started
	}
	return q.End
}

// until is the stamp at which the unit ended.
func (u *UnitRecord) until() int64 {
	if u.End > 0 {
		return u.End
	}
	return math.MaxInt64
}

// ingestOf gives the ingest that a request was part of, nil where it was not finished.
func (u *UnitRecord) ingestOf(q *sample.Request) *Phase {
	for _, ph := range u.Phases {
		if ph.Phase == PhaseIngest && ph.Start <= q.End && q.End <= ph.End {
			return ph
		}
	}
	return nil
}

// foreign gives the prompt tokens of other clients while a unit was under way, from its
// first reading of the counters to its last.
func (t *Telemetry) foreign(u *UnitRecord) int64 {
	from := t.last(u.mapBegan())
	r := &LookReader{tel: t, read: from}
	now := t.last(u.until())
	if len(from) == 0 || !fresh(now, from[0].At) {
		return 0
	}
	for _, q := range u.Requests {
		if isMapped(q) && begun(q) <= now[0].At {
			r.own += prompted(q)
		}
	}
	return r.others(now)
}
