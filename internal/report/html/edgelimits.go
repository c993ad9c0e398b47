package html

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// edgeLimit is a threshold on where a tier ends, of one series.
type edgeLimit struct {
	result.SeriesKey
	edge     string // edge.NAME, edge1
	distance int64  // reuse distance that the edge is held against, tokens
}

// edgeLimits gives the thresholds that hold an edge against a number, for each series that
// keep chooses and they are about.
func (r *Run) edgeLimits(keep func(result.SeriesKey) bool) (out []edgeLimit) {
	for _, t := range r.Rec.Run.Scenario.Thresholds {
		compared := slices.DeleteFunc(r.compared(t.Expect, scenario.ExpectScope), func(l limit) bool { return !strings.HasPrefix(l.key, "edge") })
		for _, s := range r.Sum.Series {
			if !keep(s.SeriesKey) || len(compared) == 0 || !aboutSeries(t.Where, s.SeriesKey) {
				continue
			}
			for _, l := range compared {
				e := edgeLimit{s.SeriesKey, l.key, int64(l.value)}
				if !slices.Contains(out, e) { // each trial has a series
					out = append(out, e)
				}
			}
		}
	}
	return out
}

// aboutSeries reports whether a threshold on an edge is about a series.
func aboutSeries(where string, k result.SeriesKey) bool {
	if where == "" {
		return true
	}
	c, err := scenario.Compile(where, scenario.EdgeWhereScope)
	if err != nil { // of a version that knew other names: no line is better than a wrong one
		return false
	}
	at := metric.Row{"context": metric.Of(float64(k.Context)), "hit_rate": metric.Of(k.HitRate)}
	if k.Level > 0 {
		at["concurrency"] = metric.Of(float64(k.Level))
	}
	return c.Eval(at.Get) == scenario.True
}

// edgeLimitsTable is the table of thresholds on edges, nil when there is none.
func (r *Run) edgeLimitsTable(keep func(result.SeriesKey) bool) []Table {
	rows := r.edgeLimits(keep)
	if len(rows) == 0 {
		return nil
	}
	number := func(key, head, unit, title string, of func(edgeLimit) float64) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return AppendNumber(b, of(rows[i])) }}
	}
	columns := []Column{
		{Key: "edge", Head: "Edge", Text: true, Title: "the lower end of its bracket is judged", Cell: func(b []byte, i int) []byte { return Text(b, rows[i].edge) }},
		number("context", "Context", "tokens", "", func(l edgeLimit) float64 { return float64(l.Context) }),
		number("hit_rate", "Hit rate", "%", "", func(l edgeLimit) float64 { return l.HitRate }),
		number("concurrency", "Concurrency", "", "", func(l edgeLimit) float64 { return float64(l.Level) }),
		number("reuse_distance", "Held against", "tokens", "reuse distance", func(l edgeLimit) float64 { return float64(l.distance) }),
		number("working_set", "Working set there", "tokens", "the working set of that reuse distance", func(l edgeLimit) float64 { return r.sizeAt(l.SeriesKey, l.distance) }),
	}
	if r.sustained() { // a series has no one level
		columns = slices.DeleteFunc(columns, func(c Column) bool { return c.Key == "concurrency" })
	}
	return []Table{{ID: "edge_limits", Caption: "Thresholds on edges", Rows: len(rows), Sortable: true, Columns: columns}}
}
