package result

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario/metric"
)

// mapRules holds the rules of validity against a row of a map. What touches the whole map
// touches each of its rows.
func (s *summariser) mapRules(p *Point, m *Map, u *UnitRecord) {
	c := mapCounts(u)
	p.ErrorsBy = c.ErrorsBy
	if n := c.Failed + c.Completed; n > 0 && 100*float64(c.Failed)/float64(n) > errorsMost {
		p.addGraded("errors", ValidInvalid, float64(c.Failed)/float64(n), "%d of %d requests failed (%.1f %%): %s", c.Failed, n, 100*float64(c.Failed)/float64(n), byClass(c.ErrorsBy))
	}
	if off := offBy(c.prompt); math.Abs(off) > lengthOff {
		p.addGraded("prompt-length-off", ValidInvalid, math.Abs(off), "the server counted %d prompt tokens, %d were sent (%+.1f %%)", c.prompt.told, c.prompt.asked, 100*off)
	}
	if m.Why != "" {
		p.add("unfinished", ValidDoubt, "the map did not come to its end (%s): brackets are as wide as what was known", m.Why)
	}
	if text := moved(m); text != "" {
		p.add("not-steady", ValidDoubt, "%s: something changed meanwhile, or somebody else uses the server", text)
	}
	if m.Found.Shared {
		p.addGraded("shared", ValidDoubt, float64(m.Foreign), "another client used the server: its counters have %s prompt tokens more than were sent", metric.Size(m.Foreign))
	}
	s.lagRule(p, c)
	if m.Other {
		p.add("other-rules", ValidOK, "recorded by a version with other rules: this one would have looked elsewhere")
	}
	p.gradualRule()
	p.confirmRule()
	s.looksRule(p, m)
}

// mostLooks are the looks that a median of a row needs before a threshold may rest on it, at
// most.
const mostLooks = 25

// looksNeeded is the number of looks that a percentile of a row of a map needs as evidence.
// Looks are taken until the levels are known, and no longer: the median, and what lies
// below it, counts from as many as know a level to 7 % at the spread of log TTFT that was
// measured, (1.25 sd / 0.07)^2, from 3 to 25. What lies above it is a tail, which no level
// tells: it needs what it needs in a window.
func looksNeeded(name string, spread float64) int {
	if d, ok := metric.Find(name); !ok || d.Quantile > 0.5 {
		return metric.VerdictSamples(name)
	}
	return survey.LevelLooks(spread, mostLooks)
}

// looksRule is the rule too-few-samples for a row of a map.
func (s *summariser) looksRule(p *Point, m *Map) {
	for _, name := range s.evidence {
		if !strings.HasPrefix(name, "ttft.") {
			continue // a map has no other percentiles
		}
		if have, need := p.Samples, looksNeeded(name, m.Found.Spread); have < need {
			p.addGraded("too-few-samples", ValidDoubt, float64(need)/float64(have+1), "%s rests on %s, a verdict needs %d: raise map.looks", name, looksText(have), need)
		}
	}
}

func looksText(n int) string {
	if n == 1 {
		return "1 look"
	}
	return fmt.Sprintf("%d looks", n)
}

// mapCounts counts a map's own requests.
func mapCounts(u *UnitRecord) (c Counts) {
	for _, q := range u.Requests {
		if !isMapped(q) {
			continue
		}
		switch {
		case q.Class == sample.OK:
			c.Completed++
		case q.Class.Failed():
			c.Failed++
			if c.ErrorsBy == nil {
				c.ErrorsBy = map[string]int{}
			}
			c.ErrorsBy[q.Class.String()]++
		}
		if q.PromptTokens >= 0 {
			c.prompt.told += q.PromptTokens
			c.prompt.asked += q.Sent
		}
		if q.Phase == sample.PhaseLook && q.Started >= 0 && q.Wrote >= 0 {
			c.sendLags = append(c.sendLags, q.Wrote-q.Started+max(q.ReadLagMax, 0))
		}
	}
	return c
}

// leastForP99 is the number of samples below which there is no p99.
const leastForP99 = 100

// lagRule is the rule client-limited for a map. It reports medians, of looks sent one at a
// time: one late look of a few changes none of them.
func (s *summariser) lagRule(p *Point, c Counts) {
	lags, what := sendLags(c), "p99 of send lag + read lag"
	lag := s.telemetry.own(p.Window()).lag(lags)
	if len(lags) < leastForP99 {
		if lag, what = 0, "median of send lag"; len(lags) > 0 {
			lag = stats.Quantile(lags, 0.5)
		}
	}
	if most := lagAllowed(p.Row); lag > most {
		p.addGraded("client-limited", ValidDoubt, lag/most, "the load generator lagged by %.2f ms (%s; %.2f ms would do)", 1e3*lag, what, 1e3*most)
	}
}

// moved says which end of a map is not what it was, empty when none. Where the first tier
// ends gradually a look near the top may find its prompt or not, at any time.
func moved(m *Map) string {
	if m.Found.Steady || !m.Found.Ready {
		return ""
	}
	var ends []string
	for i, e := range []struct {
		name string
		at   survey.Moved
	}{{"the newest prompts", m.Found.First}, {"the deepest prompts", m.Found.Last}} {
		if !e.at.Steady && (i > 0 || !m.Rows[0].Tier.Gradual) {
			ends = append(ends, fmt.Sprintf("TTFT of %s was %s and is %s", e.name, metric.Text(metric.Seconds, e.at.Before), metric.Text(metric.Seconds, e.at.After)))
		}
	}
	return strings.Join(ends, ", ")
}

// gradualRule notes of a tier that it has no edge.
func (p *Point) gradualRule() {
	if t := p.Tier; t.Gradual && t.To != nil {
		p.add("gradual", ValidOK, "%s does not end at an edge: nine tenths of the prompts are found up to %s tokens, half up to %s, one tenth up to %s",
			t.Name, metric.Size(t.To.LoTokens), metric.Size(int64(t.Half)*t.To.LoTokens/int64(max(t.To.Lo, 1))), metric.Size(t.To.HiTokens))
	}
}

// confirmRule says what new prompts, asked for in the order in which they were sent, have
// shown of a tier's end. An edge that they did not confirm is doubtful.
func (p *Point) confirmRule() {
	t := p.Tier
	if t.To == nil {
		return
	}
	if t.Unsure {
		p.add("unconfirmed", ValidDoubt, "%s seems to end between %s and %s tokens, which new prompts, asked for in the order in which they were sent, did not confirm",
			t.Name, metric.Size(t.To.LoTokens), metric.Size(t.To.HiTokens))
	}
	if t.Used != nil && t.Used.Lo < t.To.Lo {
		p.add("lost-earlier", ValidOK, "prompts of %s that were asked for out of turn were lost from %s tokens on: a hit does not always renew a prompt's place", t.Name, metric.Size(t.Used.LoTokens))
	}
}

// mapSeries gives the edges of every map, as the transitions of a series.
func (s *summariser) mapSeries() (out []*Series) {
	for _, m := range s.sum.Maps {
		out = append(out, m.series(s))
	}
	sortSeries(out)
	return out
}

func (m *Map) series(s *summariser) *Series {
	out := &Series{SeriesKey: seriesKey(m.Spec, 1), Trial: m.Trial, Farthest: m.Found.Reached.HiTokens, NoReuse: m.Found.NoReuse}
	for i, p := range m.Rows {
		out.Tiers = append(out.Tiers, p.Tier.Name)
		if i == 0 {
			continue
		}
		a, b := m.Rows[i-1], p.Tier
		t := tier.Transition{Lo: b.From.LoTokens, Hi: b.From.HiTokens, From: a.Tier.Name, To: b.Name, Before: p50(a), After: p50(p), Looks: a.Samples + p.Samples}
		if !math.IsNaN(b.MsPer1k) {
			t.MsPer1kToken = b.MsPer1k
		}
		if a.Tier.Gradual {
			t.Notes = append(t.Notes, "gradual: nine tenths are found up to the one, one tenth up to the other")
		}
		out.Transitions = append(out.Transitions, t)
	}
	switch {
	case m.Found.NoReuse:
		out.None = fmt.Sprintf("no reuse at any distance: a prompt costs what a new one costs even when nothing else was sent since (up to %s tokens): see whether prefix caching is on", metric.Size(out.Farthest))
	case len(out.Transitions) == 0:
		out.None = fmt.Sprintf("no edge up to %s tokens%s", metric.Size(out.Farthest), s.farther(m))
	}
	return out
}

// farther says how to look beyond a map that found no edge.
func (s *summariser) farther(m *Map) string {
	if m.Why != "" {
		return ", where it was cut off"
	}
	told := int64(0)
	for _, c := range tierOptions(s.sc, s.probe()).Capacities {
		told = max(told, c.Tokens)
	}
	if told > m.Found.Reached.HiTokens {
		return fmt.Sprintf(": the server is said to hold %s; raise working_set.max (--max of wsrun map)", metric.Size(told))
	}
	return ": everything that was sent is found again; raise working_set.max (--max of wsrun map) to look farther"
}

func p50(p *Point) float64 {
	if v := p.Row.Get("ttft.p50"); v.Known() {
		return v.V
	}
	return 0
}

// place tells the rows of a map apart over its trials: by number, but those of prompts
// that are computed again are one, however many tiers a trial found before them.
func (t *Tier) place() int {
	switch {
	case t == nil:
		return 0
	case t.Recomputed():
		return -1
	}
	return t.Number
}

// compareTiers orders the rows of a map: nearest first, what is computed again last.
func compareTiers(a, b *Tier) int {
	at := func(t *Tier) int {
		if n := t.place(); n >= 0 {
			return n
		}
		return math.MaxInt
	}
	return cmp.Compare(at(a), at(b))
}

// mergeTiers puts the tiers of several trials together: the name of the first trial, and
// the widest brackets, which are a range and no interval.
func (m *Merged) mergeTiers(from []*Point) {
	for _, p := range from {
		switch {
		case p.Tier == nil:
		case m.Tier == nil:
			t := *p.Tier
			m.Tier = &t
		default:
			m.Tier.From, m.Tier.To = widest(m.Tier.From, p.Tier.From), widest(m.Tier.To, p.Tier.To)
			m.Tier.Gradual = m.Tier.Gradual || p.Tier.Gradual
			m.Tier.Free = m.Tier.Free && p.Tier.Free
			m.Tier.Unsure = m.Tier.Unsure || p.Tier.Unsure
			if m.Tier.Used == nil {
				m.Tier.Used = p.Tier.Used
			}
			m.Tier.Looks += p.Tier.Looks
			for name, n := range p.Tier.Sources {
				m.Tier.Sources = maps.Clone(m.Tier.Sources)
				if m.Tier.Sources == nil {
					m.Tier.Sources = map[string]int64{}
				}
				m.Tier.Sources[name] += n
			}
		}
	}
	if m.Tier != nil && m.Trials > 1 {
		m.Tier.MsPer1k = medianCost(from)
	}
}

// widest gives the bracket that holds both; nil, which is beyond what was looked at, where
// one is.
func widest(a, b *survey.Bracket) *survey.Bracket {
	if a == nil || b == nil {
		return nil
	}
	return &survey.Bracket{Lo: min(a.Lo, b.Lo), Hi: max(a.Hi, b.Hi), LoTokens: min(a.LoTokens, b.LoTokens), HiTokens: max(a.HiTokens, b.HiTokens)}
}

func medianCost(from []*Point) float64 {
	var costs []float64
	for _, p := range from {
		if p.Tier != nil && !math.IsNaN(p.Tier.MsPer1k) {
			costs = append(costs, p.Tier.MsPer1k)
		}
	}
	if len(costs) == 0 {
		return math.NaN()
	}
	return stats.Median(costs)
}

// withTiers leaves out what trials of a map that were not run would add to a cell whose
// tiers other trials have found.
func withTiers(all []*Merged) []*Merged {
	found := map[string]bool{}
	for _, m := range all {
		found[m.Spec.Key] = found[m.Spec.Key] || m.Tier != nil
	}
	return slices.DeleteFunc(all, func(m *Merged) bool { return m.Tier == nil && m.Validity == ValidSkipped && found[m.Spec.Key] })
}
