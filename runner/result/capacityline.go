package result

import "github.com/wsrun/wsrun/internal/tier"

// Assumption says what a line of a tier behind the first assumes of it.
type Assumption string

// Assumptions.
const (
	Exclusive Assumption = "exclusive" // it holds what no tier before it holds
	Inclusive Assumption = "inclusive" // it holds what the tiers before it hold as well
)

// CapacityLine is where a capacity that was stated or told is reached on the axis of
// reuse distance: while inclusion is unknown a tier behind the first has two.
type CapacityLine struct {
	Series     SeriesKey
	Level      int        // requests in flight that it holds for; sustained: the level of the size at which it lies
	Tier       string     // as stated or told
	Tokens     int64      // the tier's own, in one replica
	Source     string     // tier.Stated, or the series or call that told it
	Assumption Assumption // empty for the first tier and for what the server tells: there is one line

	// Holds is what must be exceeded, in tokens over all replicas; Distance the reuse
	// distance at which it is: Holds - level x (prompt - prefix + output), the private KV
	// in flight. 0 where that alone fills the tier.
	Holds, Distance int64

	Fit Fit // what was found of the capacity in this series; empty where nothing was measured
}

// Stated reports whether the scenario states it, not the server.
func (l CapacityLine) Stated() bool { return l.Source == tier.Stated }

// Confirmed reports whether an edge was found here, and could not as well be that of the
// other assumption.
func (l CapacityLine) Confirmed() bool {
	switch l.Assumption {
	case Exclusive:
		return l.Fit == FitExclusive
	case Inclusive:
		return l.Fit == FitInclusive
	}
	return l.Fit == FitYes
}

// Refuted reports whether what was found speaks against it: an edge elsewhere, or none
// although the sweep went beyond.
func (l CapacityLine) Refuted() bool {
	switch l.Fit {
	case FitNo, FitNoEdge:
		return true
	case FitExclusive:
		return l.Assumption == Inclusive
	case FitInclusive:
		return l.Assumption == Exclusive
	}
	return false
}

// Capacities gives the lines of every series that was planned, measured or not, in the
// order of Merged; within a series those stated, nearest first, then those told.
func (s *Summary) Capacities() (out []CapacityLine) {
	all := s.capacities()
	if len(all) == 0 {
		return nil
	}
	seen := map[SeriesKey]bool{}
	for _, m := range s.Merged {
		k := m.Series()
		if seen[k] || k.HitRate <= 0 {
			continue
		}
		seen[k] = true
		for _, c := range all {
			l := CapacityLine{Series: k, Tier: c.Tier, Tokens: c.Tokens, Source: c.Source, Holds: c.exclusive, Fit: s.fitOf(k, c)}
			if c.exclusive == c.inclusive {
				out = s.place(out, l)
				continue
			}
			l.Assumption = Exclusive
			out = s.place(out, l)
			l.Assumption, l.Holds = Inclusive, c.inclusive
			out = s.place(out, l)
		}
	}
	return out
}

// fitOf gives what was found of a capacity in a series.
func (s *Summary) fitOf(k SeriesKey, c capacity) Fit {
	for _, f := range s.Capacity {
		if f.SeriesKey == k && f.Tier == c.Tier && f.Source == c.Source {
			return f.Fit
		}
	}
	return ""
}

// place fills in level and distance, and appends the line; a series no size of which
// ever held a level has none.
func (s *Summary) place(out []CapacityLine, l CapacityLine) []CapacityLine {
	var at *Merged
	for _, m := range s.Merged { // by size: the last that the capacity holds, else the first
		if m.Series() != l.Series || m.Level <= 0 {
			continue
		}
		if at == nil || m.Spec.ReuseDistance+privateKV(s.Run.Scenario, m.Spec, m.Level) <= l.Holds {
			at = m
		}
	}
	if at == nil {
		return out
	}
	l.Level = at.Level
	l.Distance = max(0, l.Holds-privateKV(s.Run.Scenario, at.Spec, at.Level))
	return append(out, l)
}
