package html

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// indexColumns are what the table of all points shows beside what names a row: the few
// figures that a run is judged by. The pages of one context or cell have the others.
var indexColumns = []string{"concurrency_lo", "concurrency_hi", "hit_rate_observed", "ttft.p50", "ttft.p95", "ttft.p99", "output_throughput", "input_throughput", "prefill_throughput",
	"goodput", "goodput_share", "tpot.p50", "tpot.p95", "reuse_distance", "hit_rate_intended"}

// indexPoints puts the table of all points on the index, with each row leading to its
// cell's page, and one chart or two of what the run is about.
func (r *Run) indexPoints(p *Page, cells []*Page) {
	rows := slices.DeleteFunc(r.pointRows(r.Sum.Merged), func(row pointRow) bool { return row.trial > 0 })
	if len(rows) == 0 {
		return
	}
	s := &sheet{run: r, rows: rows}
	s.limits = r.limits(rows)
	by, controls := s.indexControls()
	var where []string
	for _, c := range controls {
		where = append(where, c.ID)
	}
	for _, f := range indexSketches(r.sustained()) {
		f.bind.X, f.bind.By, f.bind.Where = "working_set", by, where
		f.bind.Kind, f.bind.Marks = Lines, []string{"transitions"}
		s.draw(f)
	}
	identity := append([]string{"working_set", "hit_rate", "context", "concurrency"}, indexColumns...)
	s.missing = nil // the other pages say what there is no chart of
	s.finish(p, controls, identity, nil)
	p.Tables = append(p.Tables, crossingsTable(r.edges())...)
	for i := range p.Tables {
		p.Tables[i].Columns = slices.DeleteFunc(p.Tables[i].Columns, func(c Column) bool { return c.Key == "trial" })
	}
	if c := slices.IndexFunc(p.Tables[0].Columns, func(c Column) bool { return c.Key == "reasons" }); c >= 0 {
		p.Tables[0].Columns[c].Title = "codes of doubts and notes: what they mean stands above, each in full on the page of its cell"
		p.Tables[0].Columns[c].Cell = func(b []byte, i int) []byte { return Text(b, codes(rows[i].reasons)) }
	}
	linkRows(&p.Tables[0], rows, r, cells)
}

// codes names the doubts of a point where there is no room for their sentences.
func codes(reasons []result.Reason) string {
	var out []string
	for _, why := range reasons {
		if !slices.Contains(out, why.Code) {
			out = append(out, why.Code)
		}
	}
	return strings.Join(out, ", ")
}

// edges gives the transitions of every series; where there are several trials, the
// brackets that hold those of all.
func (r *Run) edges() []crossing {
	all := r.crossings(func(result.SeriesKey) bool { return true })
	if slices.ContainsFunc(all, func(c crossing) bool { return c.trial == 0 }) {
		all = slices.DeleteFunc(all, func(c crossing) bool { return c.trial > 0 })
	}
	return all
}

// indexSketches are the charts of the index.
func indexSketches(sustained bool) []sketch {
	if sustained {
		return []sketch{
			{id: "held", title: "Concurrency held", text: "The highest concurrency that the SLO bears at each size; the band is what is known of it.", axes: []string{"Concurrency"},
				bind: Bind{Y: []Y{{Key: "concurrency", Name: "held", Lo: "concurrency_lo", Hi: "concurrency_hi"}}}},
			{id: "goodput", title: "Goodput", text: "Requests within the SLO a second, at the concurrency that was held.", axes: []string{"Goodput"},
				bind: Bind{Y: []Y{{Key: "goodput", Name: "goodput"}}}},
		}
	}
	return []sketch{
		{id: "ttft", title: "TTFT p95", text: "Where the line jumps, the working set has outgrown a tier.", axes: []string{"TTFT p95"},
			bind: Bind{Y: []Y{{Key: "ttft.p95", Name: "p95", Lower: true}}}},
		{id: "output", title: "Output throughput", text: "What the jump costs in tokens a second.", axes: []string{"Output throughput"},
			bind: Bind{Y: []Y{{Key: "output_throughput", Name: "output"}}}},
	}
}

// indexControls chooses what colour means on the index's charts, and gives a control for
// each other axis in which points differ. They begin with the level that the page of the
// first context begins with.
func (s *sheet) indexControls() (by string, controls []Control) {
	rates, contexts := s.values("hit_rate", isSized), s.values("context", isSized)
	if len(contexts) > 1 && len(rates) < 2 {
		by = "context"
	}
	if len(rates) > 1 {
		by = "hit_rate"
		controls = append(controls, s.ratesControl(rates))
		if len(contexts) > 1 {
			c := Control{ID: "context", Label: "Context", Kind: "one", Key: "context", Default: []string{value(contexts[0])}}
			for _, v := range contexts {
				c.Options = append(c.Options, Option{Value: value(v), Label: metric.Size(int64(v))})
			}
			controls = append(controls, c)
		}
	}
	merged := s.run.Sum.Merged
	if len(contexts) > 0 {
		merged = s.run.ofContext(int64(contexts[0]))
	}
	if level := s.levelControl(merged); level.ID != "" {
		controls = append(controls, level)
	}
	return by, controls
}

// linkRows makes the size of each row, or its hit rate where size has no meaning, a link
// to the page of its cell.
func linkRows(t *Table, rows []pointRow, r *Run, cells []*Page) {
	there := map[string]bool{}
	for _, p := range cells {
		there[p.Name] = true
	}
	kind := "fixed_"
	if r.sustained() {
		kind = "sustained_"
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Key != "working_set" && c.Key != "hit_rate" {
			continue
		}
		plain, key := c.Cell, c.Key
		c.Cell = func(b []byte, i int) []byte {
			page := kind + rows[i].spec.Key
			if !there[page] || rows[i].sized() != (key == "working_set") {
				return plain(b, i)
			}
			b = append(b, `<a href="`...)
			b = append(Text(b, r.href(page)), `">`...)
			return append(plain(b, i), "</a>"...)
		}
	}
}
