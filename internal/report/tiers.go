package report

import (
	"fmt"
	"io"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Tiers prints every transition as a row, with what each side costs, then the
// series without one and why, and what was stated and told of the tiers: against what was
// found, and where it is reached.
func Tiers(w io.Writer, sum *result.Summary, opt Options) error {
	ew := &errWriter{w: w}
	g := &grid{heads: []head{{name: "context", keep: true}, {name: "hit"}, {name: "conc"}, {name: "trial"}, {name: "from", left: true, keep: true}, {name: "to", left: true, keep: true},
		{name: "edge >=", keep: true}, {name: "edge <=", keep: true}, {name: "ttft before"}, {name: "ttft after"}, {name: "ratio"}, {name: "ms/1k tok"}, {name: "looks"}}}
	var notes footnotes
	for r := range transitionRows(sum) {
		to := term.Clean(r.t.To)
		for _, n := range r.t.Notes {
			to += notes.mark(term.Clean(n))
		}
		g.rows = append(g.rows, []cell{plain(metric.Size(r.s.Context)), plain(metric.Text(metric.Percent, r.s.HitRate)), plain(levelOrNone(r.level)), plain(fmt.Sprint(r.s.Trial)),
			plain(term.Clean(r.t.From)), plain(to), plain(metric.Size(r.t.Lo)), plain(metric.Size(r.t.Hi)), plain(orEmpty(metric.Seconds, r.t.Before)), plain(orEmpty(metric.Seconds, r.t.After)),
			plain(orEmpty(metric.Number, r.t.Ratio())), plain(costText(r)), plain(fmt.Sprint(r.t.Looks))})
	}
	if len(g.rows) > 0 {
		g.fit(opt.Width)
		if err := g.render(ew, opt.Paint); err != nil {
			return err
		}
		notes.write(ew, opt.Width)
		fmt.Fprintln(ew, term.Wrap("edges are brackets in tokens of reuse distance, cumulative over the tiers above", "  ", opt.Width))
	}
	name := seriesNamer(sum.Series)
	for _, s := range sum.Series {
		if s.None != "" {
			fmt.Fprintln(ew, term.Wrap(name(s.Context, s.HitRate, []int{s.Level})+term.Clean(s.None), "  ", opt.Width))
		}
	}
	if len(sum.Series) == 0 {
		fmt.Fprintln(ew, "no transition: "+noSeries(sum))
	}
	capacities(ew, sum, true, opt)
	if len(sum.Capacity) == 0 && sum.Probe != nil { // nothing to hold them against
		for _, c := range sum.Probe.Capacity {
			fmt.Fprintf(ew, "the server says its %s holds %s tokens (%s)\n", term.Clean(c.Tier), metric.Size(c.Tokens), term.Clean(c.Source))
		}
	}
	if err := capacityTable(ew, sum, opt); err != nil {
		return err
	}
	return ew.err
}

// levelOrNone is - where there is no one level: sustained, nothing was compared.
func levelOrNone(level int) string {
	if level == 0 {
		return "-"
	}
	return fmt.Sprint(level)
}

func orEmpty(u metric.Unit, v float64) string {
	if v <= 0 {
		return ""
	}
	return metric.Text(u, v)
}

func costText(r transitionRow) string {
	f := costOf(r.t)
	if f.kind == fieldNone {
		return ""
	}
	return fmt.Sprintf("%+.3g", f.f)
}

// TiersJSON prints the transitions, the series without one and the capacities as one object; the
// keys are those of the same parts of JSON.
func TiersJSON(w io.Writer, sum *result.Summary) error {
	b := append([]byte(`{"schema":1,`), transitionsJSON(sum)...)
	b = append(append(b, ','), capacitiesJSON(sum)...)
	_, err := w.Write(append(b, "}\n"...))
	return err
}
