package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// crossing is one row of the table of transitions.
type crossing struct {
	result.SeriesKey
	level    int // sustained: the one at which TTFT was compared
	trial    int // 0: over the trials
	t        tier.Transition
	notes    string
	sustains bool // the series has no one level
}

// crossings gives the transitions that keep chooses: each trial's, and before them, where
// there are several trials, the brackets that hold those of all.
func (r *Run) crossings(keep func(result.SeriesKey) bool) (out []crossing) {
	sustained := r.sustained()
	if r.repeated() {
		for _, e := range result.HeadlineOf(r.Sum).Edges {
			k := result.SeriesKey{Context: e.Context, HitRate: e.HitRate, Level: e.Level}
			if t := r.overTrials(e); keep(k) {
				out = append(out, crossing{SeriesKey: k, level: e.Level, t: t, notes: strings.Join(t.Notes, "; "), sustains: sustained})
			}
		}
	}
	for _, s := range r.Sum.Series {
		if !keep(s.SeriesKey) {
			continue
		}
		for i, t := range s.Transitions {
			out = append(out, crossing{SeriesKey: s.SeriesKey, level: s.LevelOf(i), trial: s.Trial, t: t, notes: strings.Join(t.Notes, "; "), sustains: sustained})
		}
	}
	return out
}

// repeated reports whether there are several trials.
func (r *Run) repeated() bool {
	return slices.ContainsFunc(r.Sum.Series, func(s *result.Series) bool { return s.Trial > 1 })
}

// overTrials gives the bracket of an edge over its trials with the working sets of its
// ends, the medians of what it costs, how many trials found it, and what each notes of it.
func (r *Run) overTrials(e result.Edge) tier.Transition {
	out := tier.Transition{Lo: e.Lo, Hi: e.Hi, From: e.From, To: e.To, Notes: []string{fmt.Sprintf("found in %d of %s", e.Found, plural(e.Trials, "trial"))}}
	var before, after, cost []metric.Value
	for _, s := range r.Sum.Series {
		if s.Context != e.Context || s.HitRate != e.HitRate || s.Level != 0 && s.Level != e.Level || len(s.Transitions) < e.Number {
			continue
		}
		t := s.Transitions[e.Number-1]
		if t.Lo == e.Lo {
			out.LoSize = t.LoSize
		}
		if t.Hi == e.Hi {
			out.HiSize = t.HiSize
		}
		for _, note := range t.Notes {
			if !slices.Contains(out.Notes, note) {
				out.Notes = append(out.Notes, note)
			}
		}
		before, after, cost = append(before, metric.Of(t.Before)), append(after, metric.Of(t.After)), append(cost, metric.Of(t.MsPer1kToken))
	}
	out.Before, out.After, out.MsPer1kToken = result.MedianValue(before).V, result.MedianValue(after).V, result.MedianValue(cost).V
	return out
}

// tierTables are the tables of what is known, stated and demanded of the tiers, of the
// series that keep chooses.
func (r *Run) tierTables(keep func(result.SeriesKey) bool) []Table {
	return slices.Concat(crossingsTable(r.crossings(keep)), r.capacitiesTable(keep), r.edgeLimitsTable(keep))
}

// crossingsTable is the table of transitions, nil when there is none.
func crossingsTable(rows []crossing) []Table {
	if len(rows) == 0 {
		return nil
	}
	number := func(key, head, unit, title string, of func(*crossing) float64) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte {
			if v := of(&rows[i]); v != 0 {
				return AppendNumber(b, v)
			}
			return b
		}}
	}
	text := func(key, head, title string, of func(*crossing) string) Column {
		return Column{Key: key, Head: head, Title: title, Text: true, Cell: func(b []byte, i int) []byte { return Text(b, of(&rows[i])) }}
	}
	t := Table{ID: "transitions", Caption: "Transitions: between which points the tier changes", Rows: len(rows), Sortable: true, Columns: []Column{
		text("from", "From", "the tier before", func(c *crossing) string { return c.t.From }),
		text("to", "To", "the tier after; recompute: none holds the prompt", func(c *crossing) string { return c.t.To }),
		number("context", "Context", "tokens", "", func(c *crossing) float64 { return float64(c.Context) }),
		number("hit_rate", "Hit rate", "%", "", func(c *crossing) float64 { return c.HitRate }),
		number("concurrency", "Concurrency", "", "", func(c *crossing) float64 { return float64(c.SeriesKey.Level) }),
		number("edge_lo", "Edge above", "tokens", "reuse distance of the last point before", func(c *crossing) float64 { return float64(c.t.Lo) }),
		number("edge_hi", "Edge below", "tokens", "reuse distance of the first point after", func(c *crossing) float64 { return float64(c.t.Hi) }),
		number("size_lo", "Working set above", "tokens", "working set of the last point before", func(c *crossing) float64 { return float64(c.t.LoSize) }),
		number("size_hi", "Working set below", "tokens", "working set of the first point after", func(c *crossing) float64 { return float64(c.t.HiSize) }),
		number("ttft_before", "TTFT before", "s", "median of the plateau before", func(c *crossing) float64 { return c.t.Before }),
		number("ttft_after", "TTFT after", "s", "median of the plateau after", func(c *crossing) float64 { return c.t.After }),
		number("ratio", "TTFT ratio", "x", "TTFT after / before", func(c *crossing) float64 { return c.t.Ratio() }),
		number("ms_per_1k", "Cost", "ms", "added ms per 1000 reused tokens", func(c *crossing) float64 { return c.t.MsPer1kToken }),
		text("notes", "Notes", "", func(c *crossing) string { return c.notes }),
	}}
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Key == "concurrency" && rows[0].sustains })
	if slices.ContainsFunc(rows, func(c crossing) bool { return c.trial != 1 }) {
		t.Columns = slices.Insert(t.Columns, 2, Column{Key: "trial", Head: "Trial", Title: "0: the bracket that holds those of all trials",
			Cell: func(b []byte, i int) []byte { return AppendNumber(b, float64(rows[i].trial)) }})
	}
	return []Table{t}
}

// capacitiesTable is the table of what is stated or told of the tiers, and of where each
// is reached; nil when nothing is. Of a tier that was found exclusive or inclusive the other
// place is none any more.
func (r *Run) capacitiesTable(keep func(result.SeriesKey) bool) []Table {
	lines := slices.DeleteFunc(r.Sum.Capacities(), func(l result.CapacityLine) bool {
		settled := l.Assumption != "" && l.Refuted() && (l.Fit == result.FitExclusive || l.Fit == result.FitInclusive)
		return !keep(l.Series) || l.Distance <= 0 || settled
	})
	if len(lines) == 0 {
		return nil
	}
	number := func(key, head, unit, title string, of func(result.CapacityLine) float64) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return AppendNumber(b, of(lines[i])) }}
	}
	text := func(key, head, title string, of func(result.CapacityLine) string) Column {
		return Column{Key: key, Head: head, Title: title, Text: true, Cell: func(b []byte, i int) []byte { return Text(b, of(lines[i])) }}
	}
	columns := []Column{
		text("tier", "Tier", "", func(l result.CapacityLine) string { return l.Tier }),
		text("source", "Source", "stated by the scenario, or what told it", func(l result.CapacityLine) string { return l.Source }),
		text("assumption", "Assumption", "exclusive: it holds what no tier before it holds; inclusive: what they hold as well", func(l result.CapacityLine) string { return string(l.Assumption) }),
		text("fit", "Found", "how what was found compares", func(l result.CapacityLine) string { return string(l.Fit) }),
		number("context", "Context", "tokens", "", func(l result.CapacityLine) float64 { return float64(l.Series.Context) }),
		number("hit_rate", "Hit rate", "%", "", func(l result.CapacityLine) float64 { return l.Series.HitRate }),
		number("concurrency", "Concurrency", "", "requests in flight, whose private KV is taken off", func(l result.CapacityLine) float64 { return float64(l.Level) }),
		number("tokens", "Capacity", "tokens", "the tier's own, in one replica", func(l result.CapacityLine) float64 { return float64(l.Tokens) }),
		number("reuse_distance", "Reached at", "tokens", "reuse distance at which it and the private KV in flight fill the tier", func(l result.CapacityLine) float64 { return float64(l.Distance) }),
		number("working_set", "Working set there", "tokens", "the working set of that reuse distance", func(l result.CapacityLine) float64 { return r.sizeAt(l.Series, l.Distance) }),
	}
	if r.sustained() { // a series has no one level: the lines hold at any
		columns = slices.DeleteFunc(columns, func(c Column) bool { return c.Key == "concurrency" })
	}
	return []Table{{ID: "capacities", Caption: "Capacities stated or told, and where they are reached", Rows: len(lines), Sortable: true, Columns: columns}}
}

// sizeAt gives the working set of a series at a reuse distance: outputs belong to the
// distance, not to the set.
func (r *Run) sizeAt(k result.SeriesKey, distance int64) float64 {
	for _, m := range r.Sum.Merged {
		if m.Series() == k && m.Spec.Real > 0 {
			return float64(distance) * float64(m.Spec.Real) / float64(m.Spec.ReuseDistance)
		}
	}
	return float64(distance)
}
