package html

import (
	"fmt"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// fixedCells groups the merged points of fixed mode by cell, in their order.
func (r *Run) fixedCells() (cells [][]*result.Merged) {
	at := map[string]int{}
	for _, m := range r.Sum.Merged {
		if len(m.Spec.Steps) > 0 || m.Spec.Key == "" {
			continue
		}
		i, ok := at[m.Spec.Key]
		if !ok {
			i = len(cells)
			at[m.Spec.Key] = i
			cells = append(cells, nil)
		}
		cells[i] = append(cells[i], m)
	}
	return cells
}

// fixed is the concurrency analysis of one cell.
func (r *Run) fixed(cell []*result.Merged) *Page {
	spec := cell[0].Spec
	p := &Page{
		Name:  "fixed_" + spec.Key,
		Title: fmt.Sprintf("Concurrency at %s context, %s working set, %g %% hits", metric.Size(spec.Context), metric.Size(spec.WorkingSet), spec.HitRate),
		Lead:  "One cell: every level that was run from one warm-up.",
	}
	bind := Bind{Kind: Lines, Table: "points", X: "concurrency", Unit: []string{"s"},
		Y: []Y{{Key: "ttft.p50", Name: "p50", Stat: "p50"}, {Key: "ttft.p95", Name: "p95", Stat: "p95"}, {Key: "ttft.p99", Name: "p99", Stat: "p99"}}}
	for _, l := range r.Rec.Run.Scenario.SLO.TTFT {
		bind.Refs = append(bind.Refs, Ref{Y: l.Limit, Name: "slo " + l.Stat})
	}
	p.View.Charts = []Chart{{ID: "ttft", Title: "Time to first token", Option: option(bind, axis("TTFT", "value")), Bind: bind}}
	p.Tables = []Table{pointTable(cell)}
	return p
}

// pointTable is the table of merged points.
func pointTable(points []*result.Merged) Table {
	of := func(name, head, unit string) Column {
		return Column{Key: name, Head: head, Unit: unit, Cell: func(b []byte, i int) []byte { return AppendValue(b, points[i].Row.Get(name)) }}
	}
	return Table{ID: "points", Caption: "All points", Rows: len(points), Sortable: true, Columns: []Column{
		of("concurrency", "Concurrency", ""),
		of("ttft.p50", "TTFT p50", "s"), of("ttft.p95", "TTFT p95", "s"), of("ttft.p99", "TTFT p99", "s"),
		{Key: "validity", Head: "Validity", Text: true, Cell: func(b []byte, i int) []byte { return Text(b, string(points[i].Validity)) }},
		{Key: "reasons", Head: "Reasons", Text: true, Cell: func(b []byte, i int) []byte {
			var parts []string
			for _, why := range points[i].Reasons {
				parts = append(parts, why.Code+": "+why.Text)
			}
			return Text(b, strings.Join(parts, "; "))
		}},
	}}
}
