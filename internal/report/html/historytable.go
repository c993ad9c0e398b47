package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// table is the table of the runs of a scenario, and the only data of their charts.
func (h *history) table() Table {
	text := func(key, head, title string, cell func(b []byte, i int) []byte) Column {
		return Column{Key: key, Head: head, Title: title, Text: true, Cell: cell}
	}
	figure := func(key, head, unit, title string, of func(i int) metric.Value) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return AppendValue(b, of(i)) }}
	}
	headline := func(of func(*result.Headline) metric.Value) func(i int) metric.Value {
		return func(i int) metric.Value {
			if head := h.runs[i].Manifest.Headline; head != nil {
				return of(head)
			}
			return metric.Value{}
		}
	}
	const overPoints = "geometric mean over points that are ok or doubtful"
	t := Table{ID: "runs", Caption: "Runs of " + h.runs[0].Name, Rows: len(h.runs), Sortable: true, Columns: []Column{
		{Key: "started", Head: "Started", Unit: "date", Title: "when the run began, UTC", Cell: h.started},
		text("run", "Run", "its folder", h.link),
		text("state", "State", "done, interrupted or failed; running: it still is, or its process died", h.state),
		text("labels", "Labels", "", func(b []byte, i int) []byte { return Text(b, labelText(h.runs[i].Manifest.Labels)) }),
		text("verdict", "Verdict", "of its thresholds, and its exit code", h.verdict),
		text("points", "Points", "by validity", h.points),
		text("transitions", "Transitions", "of every series, in tokens of reuse distance", h.transitions),
		figure("edge_lo", "Edge above", "tokens", h.edgeTitle("the last point before"), func(i int) metric.Value { return h.bracket(i, false) }),
		figure("edge_hi", "Edge below", "tokens", h.edgeTitle("the first point after"), func(i int) metric.Value { return h.bracket(i, true) }),
		figure("ttft.p95", "TTFT p95", "s", overPoints, headline(func(d *result.Headline) metric.Value { return meanOf(d.TTFTp95) })),
		figure("output_throughput", "Output throughput", "tokens/s", overPoints, headline(func(d *result.Headline) metric.Value { return meanOf(d.OutputThroughput) })),
		figure("best_output", "Best output", "tokens/s", "the highest output throughput", headline(func(d *result.Headline) metric.Value { return highest(d.BestOutput) })),
		figure("best_goodput", "Best goodput", "requests/s", "the highest goodput", headline(func(d *result.Headline) metric.Value { return highest(d.BestGoodput) })),
		text("validity", "Validity", "ok: its figures compare with those of the other runs of the same scenario", func(b []byte, i int) []byte {
			validity, _ := h.compares(i)
			return Text(b, string(validity))
		}),
		text("reasons", "Reasons", "why its figures do not compare", func(b []byte, i int) []byte {
			_, why := h.compares(i)
			return Text(b, why)
		}),
		text("server", "Server", "engine and model", h.server),
		text("digest", "Scenario", "the beginning of its digest", func(b []byte, i int) []byte { return Text(b, short(h.runs[i].Manifest.Digest)) }),
		text("change", "Change", "changed: another scenario than that of the run before", h.change),
	}}
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Key != "run" && h.empty(c) })
	return t
}

// compares says whether the means of a run may be held against those of other runs: one
// that ended early has them over other points.
func (h *history) compares(i int) (validity result.Validity, why string) {
	m := h.runs[i].Manifest
	switch {
	case m.Headline == nil:
		return result.ValidSkipped, "it has no figures"
	case m.State != result.StateDone:
		return result.ValidDoubt, "it is " + m.State
	}
	most := 0
	for _, r := range h.runs {
		if head := r.Manifest.Headline; head != nil && r.Manifest.Digest == m.Digest {
			most = max(most, head.TTFTp95.Points)
		}
	}
	if n := m.Headline.TTFTp95.Points; n < most {
		return result.ValidDoubt, fmt.Sprintf("means of %s; another run of this scenario has %d", plural(n, "point"), most)
	}
	return result.ValidOK, ""
}

// empty reports whether no run has anything in a column.
func (h *history) empty(c Column) bool {
	for i := range h.runs {
		if len(c.Cell(nil, i)) > 0 {
			return false
		}
	}
	return true
}

func (h *history) started(b []byte, i int) []byte {
	if t := h.runs[i].Manifest.Epoch; !t.IsZero() {
		return t.UTC().AppendFormat(b, "2006-01-02 15:04:05")
	}
	return b
}

func (h *history) link(b []byte, i int) []byte {
	b = append(b, `<a href="`...)
	b = append(Text(b, h.href(i)), `">`...)
	return append(Text(b, h.runs[i].Dir), "</a>"...)
}

// appendBadge appends a word with its colour and shape.
func appendBadge(b []byte, class, word string) []byte {
	b = append(b, `<span class="`...)
	b = append(append(b, class...), `">`...)
	return append(Text(b, word), "</span>"...)
}

// state is how the run ended. One that came to its end and whose work failed all the same
// (exit 1: a cell without a usable point, a stop with fail) is failed, as on its own index.
func (h *history) state(b []byte, i int) []byte {
	m := h.runs[i].Manifest
	switch state := m.State; state {
	case "":
		return b
	case result.StateDone:
		if m.Headline != nil && m.Headline.Exit != nil && *m.Headline.Exit == verdict.ExitFailed {
			return appendBadge(b, "bad", result.StateFailed)
		}
		return appendBadge(b, "ok", state)
	case result.StateFailed:
		return appendBadge(b, "bad", state)
	default:
		return appendBadge(b, "doubt", state)
	}
}

// verdict is what the thresholds came to; without any, the exit code where it is not 0.
func (h *history) verdict(b []byte, i int) []byte {
	head := h.runs[i].Manifest.Headline
	if head == nil {
		return b
	}
	n := head.Thresholds
	switch {
	case n.Fail > 0:
		b = appendBadge(b, "bad", fmt.Sprintf("%d of %d failed", n.Fail, n.Pass+n.Fail+n.NoVerdict))
	case n.NoVerdict > 0:
		b = appendBadge(b, "doubt", fmt.Sprintf("%d of %d without a verdict", n.NoVerdict, n.Pass+n.NoVerdict))
	case n.Pass > 0:
		b = appendBadge(b, "ok", fmt.Sprintf("%d passed", n.Pass))
	}
	if head.Exit != nil && *head.Exit != verdict.ExitOK {
		if n != (result.ThresholdCounts{}) {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, "exit %d", *head.Exit)
	}
	return b
}

func (h *history) points(b []byte, i int) []byte {
	head := h.runs[i].Manifest.Headline
	if head == nil {
		return b
	}
	n, first := head.Points, true
	for _, of := range []struct {
		n    int
		word result.Validity
	}{{n.OK, result.ValidOK}, {n.Doubtful, result.ValidDoubt}, {n.Invalid, result.ValidInvalid}, {n.Skipped, result.ValidSkipped}, {n.Failed, result.ValidFailed}} {
		if of.n == 0 {
			continue
		}
		if !first {
			b = append(b, ", "...)
		}
		b, first = fmt.Appendf(b, "%d %s", of.n, of.word), false
	}
	return b
}

// mostEdges is how many transitions of a run stand in the table.
const mostEdges = 6

func (h *history) transitions(b []byte, i int) []byte {
	head := h.runs[i].Manifest.Headline
	if head == nil {
		return b
	}
	var parts []string
	for _, e := range head.Edges {
		if line := fmt.Sprintf("%s → %s %s to %s", e.From, e.To, metric.Size(e.Lo), metric.Size(e.Hi)); !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 {
		return Text(b, head.None)
	}
	if more := len(parts) - mostEdges; more > 0 {
		parts = append(parts[:mostEdges], fmt.Sprintf("and %d more", more))
	}
	return Text(b, strings.Join(parts, "; "))
}

// edgeTitle says which edge is followed, and which end of its bracket.
func (h *history) edgeTitle(end string) string {
	e := h.edge
	title := fmt.Sprintf("reuse distance of %s: edge %d at context %s, hit rate %s", end, e.Number, metric.Size(e.Context), ratePercent(e.HitRate))
	if e.Level > 0 && !h.sustained(0) {
		title += fmt.Sprintf(", concurrency %d", e.Level)
	}
	return title
}

// bracket gives an end of the followed edge.
func (h *history) bracket(i int, high bool) metric.Value {
	e := h.edgeOf(i)
	switch {
	case e == nil:
		return metric.Value{}
	case high:
		return metric.Of(float64(e.Hi))
	}
	return metric.Of(float64(e.Lo))
}

func meanOf(m result.GeoMean) metric.Value {
	switch {
	case m.Value == nil:
		return metric.Value{}
	case m.AtLeast:
		return metric.Lower(*m.Value)
	}
	return metric.Of(*m.Value)
}

func highest(b *result.Best) metric.Value {
	switch {
	case b == nil:
		return metric.Value{}
	case b.AtLeast:
		return metric.Lower(b.Value)
	}
	return metric.Of(b.Value)
}

func (h *history) server(b []byte, i int) []byte {
	s := h.runs[i].Manifest.Server
	if s == nil {
		return b
	}
	return Text(b, words(s.Engine+" "+s.Model))
}

func (h *history) change(b []byte, i int) []byte {
	if h.changed(i) {
		b = append(b, "changed"...)
	}
	return b
}

// charts draw a scenario's figures over time. Of one run there is nothing to compare.
func (h *history) charts() (out []Chart) {
	if len(h.runs) < 2 {
		return nil
	}
	draw := func(id, title, text, unit, kind string, ys ...Y) {
		bind := Bind{Kind: Lines, Table: "runs", X: "started", Unit: []string{unit}, Y: ys}
		if len(h.changes()) > 0 {
			bind.By = "digest" // no line goes from one scenario to another
		}
		if len(h.charted(ys)) > 0 {
			out = append(out, Chart{ID: id, Title: title, Text: text, Option: option(bind, axis(title, kind)), Bind: bind})
		}
	}
	draw("edge", "First edge", "Between which reuse distances "+h.edgeWords()+" lies, run by run.", "tokens", "value",
		Y{Key: "edge_lo", Name: "last point before"}, Y{Key: "edge_hi", Name: "first point after", Dash: "dashed"})
	draw("ttft", "TTFT p95", "Geometric mean over the points of each run; hollow where a run has fewer of them than others.", "s", "value", Y{Key: "ttft.p95", Name: "TTFT p95"})
	draw("output", "Output throughput", "Geometric mean over the points of each run, likewise.", "tokens/s", "value", Y{Key: "output_throughput", Name: "output throughput"})
	return out
}

// charted gives those statistics that two runs or more have.
func (h *history) charted(ys []Y) (out []Y) {
	t := h.table()
	for _, y := range ys {
		at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Key == y.Key })
		n := 0
		for i := range h.runs {
			if at >= 0 && len(t.Columns[at].Cell(nil, i)) > 0 {
				n++
			}
		}
		if n > 1 {
			out = append(out, y)
		}
	}
	return out
}

// edgeWords names the followed edge.
func (h *history) edgeWords() string {
	if h.edge.Number == 0 {
		return "the first edge"
	}
	return fmt.Sprintf("the edge %s → %s (context %s, hit rate %s)", h.edge.From, h.edge.To, metric.Size(h.edge.Context), ratePercent(h.edge.HitRate))
}
