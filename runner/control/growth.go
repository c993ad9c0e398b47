package control

import (
	"fmt"
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/scenario/metric"
)

// close ends the size, or the cell, when its time has come.
func (s *Search) close(d *Decision, o Observation) {
	last := s.size == s.cfg.Sizes-1
	held := s.phase == holding && s.held >= s.cfg.Hold
	elapsed := time.Duration(o.End - s.first)
	switch {
	case d.Over:
	case elapsed >= s.cfg.Duration:
		d.Over = true
		s.words(d, End, "the duration is over")
	case s.cfg.ByTime:
		if !last && elapsed >= s.cfg.Duration*time.Duration(s.size+1)/time.Duration(s.cfg.Sizes) {
			s.grow(d, held, "its time is over")
		}
		return
	case last && s.cfg.Soak:
		return
	case held && last:
		d.Over = true
		s.words(d, End, "the last size was held")
	case held:
		s.grow(d, held, fmt.Sprintf("held for %d periods", s.held))
	case s.spent >= s.cfg.Duration/time.Duration(s.cfg.Sizes):
		if !last {
			s.grow(d, held, "its budget is spent")
			break
		}
		d.Over = true
		s.words(d, End, "the budget of the last size is spent")
	}
	if d.Over {
		d.Kind, d.Next = End, d.Level
		d.Done = s.outcome(held)
	}
}

// words puts why in front of what the period itself said.
func (s *Search) words(d *Decision, k Kind, why string) {
	d.Kind, d.Reason = k, why+"; "+d.Reason
}

// grow goes on to the next size, from the last level that can be believed; what
// passed at the smaller size is forgotten, what violated at it is not.
func (s *Search) grow(d *Decision, held bool, why string) {
	d.Done = s.outcome(held)
	if !held {
		if lo := s.lo(); lo > 0 && d.Kind != Lower && s.phase != verifying {
			d.Next = lo
		}
	}
	d.NextSize = s.size + 1
	s.words(d, Grow, fmt.Sprintf("size %d: %s, on to size %d at level %d", s.size+1, why, d.NextSize+1, d.Next))
	s.before, s.hitBefore = nil, metric.Value{}
	s.phase = searching
	if d.Next == s.level && len(s.pool) > 0 {
		w := s.window()
		s.before, s.hitBefore, s.phase = s.settled(w), hits(w), comparing
	}
	s.passed, s.spent, s.atSize, s.searched = nil, 0, 0, 0
	if s.hi <= d.Next {
		s.hi = 0
	}
}

// settled gives the periods of a window of this level without its change-over: while the
// level fills up, its requests wait for less than those that come to a full one, and
// growth would seem to have made them slower.
func (s *Search) settled(w []Observation) []Observation {
	n := s.pooled
	if s.opened {
		n = 0 // the last period was the change-over itself
	}
	return w[max(0, len(w)-n):]
}

// outcome is what the size came to.
func (s *Search) outcome(held bool) *Outcome {
	out := &Outcome{Size: s.size, Level: s.level, Converged: held, Lo: s.lo(), Hi: s.hi, From: s.from, To: s.to, Periods: s.pooled, Search: s.searched}
	if held {
		return out
	}
	switch {
	case s.phase == holding:
		out.Reason = fmt.Sprintf("%d is verified, but was held for %d of %d periods", s.level, s.held, s.cfg.Hold)
	case out.Lo == 0 && out.Hi == 0:
		out.Reason = "no period said anything"
	case out.Lo == 0:
		out.Reason = fmt.Sprintf("no level has passed, %d violates", out.Hi)
	case out.Hi == 0:
		out.Reason = fmt.Sprintf("%d passes, no level has violated", out.Lo)
	default:
		out.Reason = fmt.Sprintf("between %d, which passes, and %d, which violates", out.Lo, out.Hi)
	}
	return out
}

// compare waits for the first full period after growth and its change-over, says
// whether the same level now costs something else, and goes on to search.
func (s *Search) compare(d *Decision) {
	full := s.pool[1:]
	if !enough([]Line{{Metric: "ttft.p50"}}, full, s.r.ChangeOver) && len(full) < s.r.Extension {
		d.Kind, d.Reason = Wait, fmt.Sprintf("the size has grown: level %d again, to compare", s.level)
		return
	}
	edge, text := s.edge(full)
	s.phase, s.before = searching, nil
	s.search(d)
	if edge != nil {
		d.Edge = edge
		s.words(d, Transition, text)
	}
}

// edge compares the periods before growth with those after it: an Edge when the level
// costs something else, else nil.
func (s *Search) edge(full []Observation) (*Edge, string) {
	e := &Edge{FromSize: s.size - 1, ToSize: s.size, Level: s.level, HitBefore: s.hitBefore, HitAfter: hits(full)}
	text := fmt.Sprintf("tier transition between size %d and %d: at the same level %d ", e.FromSize+1, e.ToSize+1, e.Level)
	fell := e.HitBefore.Known() && e.HitAfter.Known() && e.HitBefore.V-e.HitAfter.V > s.r.EdgeShare
	before, after := events(s.before), events(full)
	compared := len(before) > 0 && len(after) > 0
	if compared {
		e.Before, e.After = stats.Quantile(before, 0.5), stats.Quantile(after, 0.5)
		e.Slower = slower(before, after, s.r.EdgeRatio)
		text += fmt.Sprintf("TTFT p50 went from %s to %s, %s of requests are slower by more than x%g", metric.Text(metric.Seconds, e.Before), metric.Text(metric.Seconds, e.After),
			metric.Text(metric.Percent, e.Slower), s.r.EdgeRatio)
	}
	if e.Slower <= s.r.EdgeShare && !fell {
		return nil, ""
	}
	if fell && compared {
		text += ", "
	}
	if fell {
		text += fmt.Sprintf("found cached %s instead of %s", metric.Text(metric.Percent, e.HitAfter.V), metric.Text(metric.Percent, e.HitBefore.V))
	}
	return e, text + " (growth, not overload)"
}

// hits is the percentage of prompt tokens found cached, null where nobody told.
func hits(pool []Observation) metric.Value {
	var cached, prompt int64
	for _, o := range pool {
		cached, prompt = cached+o.Cached, prompt+o.Prompt
	}
	if prompt == 0 {
		return metric.Value{}
	}
	return metric.Of(100 * float64(cached) / float64(prompt))
}

// slower is the least percentage of requests that must have become slower by more
// than ratio: the largest distance by which the distribution of before, stretched by
// ratio, lies above that of after (a one-sided Kolmogorov-Smirnov distance). Both
// ascending.
func slower(before, after []float64, ratio float64) float64 {
	most, i := 0.0, 0
	for j, t := range before {
		for i < len(after) && after[i] <= t*ratio {
			i++
		}
		most = max(most, float64(j+1)/float64(len(before))-float64(i)/float64(len(after)))
	}
	return 100 * most
}
