// Package report turns a summary into what people and programs read: the console
// table, key: value lines, JSON, CSV files, and the progress of a run. It computes
// no statistic: every number comes from package result.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Options say how to print for people.
type Options struct {
	Width int        // columns to fit into; 0: no limit
	Paint term.Paint // colour
}

// tableColumn is one column of the console table.
type tableColumn struct {
	head
	get func(t *table, m *result.Merged) cell
}

// consoleColumns, in the order in which they stand. On a narrow terminal stop goes
// first, because it can be a footnote, then what others imply. What names a row, one
// figure, and its validity stay: a number without its doubt says too much. So do
// context and errors where they differ from row to row (grid).
var consoleColumns = []tableColumn{
	{head{name: "context", drop: 1}, func(_ *table, m *result.Merged) cell { return plain(metric.Size(m.Spec.Context)) }},
	{head{name: "working_set", keep: true}, func(_ *table, m *result.Merged) cell { return plain(sizeOrNone(m.Spec.WorkingSet)) }},
	{head{name: "reuse", drop: 3}, ranged("reuse_distance")},
	{head{name: "hit want/got", drop: 4}, func(_ *table, m *result.Merged) cell { return plain(hits(m)) }},
	{head{name: "conc", keep: true}, func(_ *table, m *result.Merged) cell { return plain(heldText(m)) }},
	{head{name: "ttft.p50", drop: 5}, ranged("ttft.p50")},
	{head{name: "ttft.p95", keep: true}, ranged("ttft.p95")},
	{head{name: "in tok/s", drop: 8}, ranged("input_throughput")},
	{head{name: "prefill", drop: 9}, ranged("prefill_throughput")},
	{head{name: "out tok/s", drop: 7}, ranged("output_throughput")},
	{head{name: "good%", drop: 6}, ranged("goodput_share")},
	{head{name: "errors", drop: 2}, func(_ *table, m *result.Merged) cell { return plain(errorCount(m)) }},
	{head{name: "validity", left: true, keep: true}, (*table).validity},
	{head{name: "stop", left: true, drop: 10}, (*table).stop},
}

// table is a console table while it is made.
type table struct {
	notes  footnotes
	sum    *result.Summary
	noStop bool // there is no room for the stop column: its words become footnotes
}

// Table prints a summary for people: the run's notes, a row for each cell and
// level, footnotes, and the transitions or why there is none. With several trials a
// figure is their median, with its range behind it.
func Table(w io.Writer, sum *result.Summary, opt Options) error {
	ew := &errWriter{w: w}
	for _, n := range sum.Notes {
		line := "note " + n.Code + ": " + term.Clean(n.Text)
		if n.Fail {
			line = opt.Paint.Red(term.Wrap(line, "  ", opt.Width))
		} else {
			line = opt.Paint.Dim(term.Wrap(line, "  ", opt.Width))
		}
		fmt.Fprintln(ew, line)
	}
	if !begun(sum) {
		fmt.Fprintln(ew, "no points: the run ended before its first cell")
		return ew.err
	}
	t := &table{sum: sum}
	g, dropped := t.grid(opt.Width)
	if slices.Contains(dropped, "stop") {
		t = &table{sum: sum, noStop: true}
		g, dropped = t.grid(opt.Width) // nothing of it is left out
		dropped = slices.DeleteFunc(dropped, func(name string) bool { return name == "stop" })
	}
	if err := g.render(ew, opt.Paint); err != nil {
		return err
	}
	t.notes.write(ew, opt.Width)
	if len(dropped) > 0 {
		fmt.Fprintln(ew, term.Wrap(fmt.Sprintf("left out at %d columns: %s", opt.Width, strings.Join(dropped, ", ")), "  ", opt.Width))
	}
	if mapped(sum) {
		mapWords(ew, sum, opt)
	} else {
		Transitions(ew, sum, opt)
	}
	capacities(ew, sum, false, opt)
	return ew.err
}

// begun reports whether any cell was: a table of nothing but "the run ended before
// it" would hide the one line that says why.
func begun(sum *result.Summary) bool {
	for _, m := range sum.Merged {
		for _, r := range m.Reasons {
			if r.Code != "not-run" {
				return true
			}
		}
		if len(m.Reasons) == 0 {
			return true
		}
	}
	return false
}

// mayBeEmpty are the columns that are left out silently where they hold nothing; few looks
// have no p95.
func (t *table) mayBeEmpty() []string {
	if mapped(t.sum) {
		return []string{"stop", "told by source", "ttft.p95"}
	}
	return []string{"stop", "good%"}
}

// grid lays the rows out. Footnotes are numbered as they are read, row by row.
func (t *table) grid(width int) (*grid, []string) {
	g, columns := &grid{}, consoleColumns
	if mapped(t.sum) {
		columns = tierColumns
	}
	for _, c := range columns {
		g.heads = append(g.heads, c.head)
	}
	for _, m := range t.sum.Merged {
		row := make([]cell, len(columns))
		for i, c := range columns {
			row[i] = c.get(t, m)
		}
		g.rows = append(g.rows, row)
	}
	t.keep(g.heads)
	for i := len(g.heads) - 1; i >= 0; i-- {
		if slices.Contains(t.mayBeEmpty(), g.heads[i].name) && g.empty(i) {
			g.drop(i)
		}
	}
	return g, g.fit(width)
}

// keep keeps the columns that this table cannot do without: context where there are
// several, errors where there are any.
func (t *table) keep(heads []head) {
	contexts, failed := map[int64]bool{}, false
	for _, m := range t.sum.Merged {
		contexts[m.Spec.Context] = true
		failed = failed || len(m.ErrorsBy) > 0
	}
	for i, h := range heads {
		if h.name == "context" && len(contexts) > 1 || h.name == "errors" && failed {
			heads[i].keep = true
		}
	}
}

// heldText is the level of a row. Of a set that grows it is the level held, with the
// range of its trials; where it was not found, what it must lie between.
func heldText(m *result.Merged) string {
	if len(m.Spec.Steps) == 0 {
		return fmt.Sprint(m.Level)
	}
	switch lo, hi := m.Bracket[0], m.Bracket[1]; {
	case m.Level == 0 || !measured(m):
		return "-"
	case m.Converged && lo == hi:
		return fmt.Sprint(m.Level)
	case m.Converged:
		return fmt.Sprintf("%d (%d-%d)", m.Level, lo, hi)
	case lo > 0 && hi > 0:
		return fmt.Sprintf("%d-%d", lo, hi)
	case lo > 0:
		return fmt.Sprintf(">=%d", lo)
	case hi > 0:
		return fmt.Sprintf("<%d", hi)
	}
	return fmt.Sprintf("%d?", m.Level) // nothing was said of any level
}

func sizeOrNone(tokens int64) string {
	if tokens == 0 {
		return "-" // hit rate 0: size has no meaning
	}
	return metric.Size(tokens)
}

// ranged prints the median over trials, and the range behind it where the trials
// differ in what is printed.
func ranged(name string) func(*table, *result.Merged) cell {
	d, _ := metric.Find(name)
	return func(_ *table, m *result.Merged) cell {
		s := metric.Print(d.Unit, m.Row.Get(name))
		lo, hi := metric.Print(d.Unit, m.Low.Get(name)), metric.Print(d.Unit, m.High.Get(name))
		if m.Trials > 1 && lo != hi {
			s += " (" + lo + "-" + hi + ")"
		}
		return plain(s)
	}
}

// hits is the hit rate meant to be sent and the one that was seen, in percent.
func hits(m *result.Merged) string {
	want := result.MedianValue(eachPoint(m, func(p *result.Point) metric.Value { return p.Intended }))
	got := m.Row.Get("hit_rate_observed")
	if !want.Known() && !got.Known() {
		return ""
	}
	return tenth(want) + "/" + tenth(got)
}

func tenth(v metric.Value) string {
	if !v.Known() {
		return "?"
	}
	return fmt.Sprintf("%.1f", v.V)
}

func eachPoint(m *result.Merged, f func(*result.Point) metric.Value) []metric.Value {
	var vs []metric.Value
	for _, p := range m.Points {
		vs = append(vs, f(p))
	}
	return vs
}

func measured(m *result.Merged) bool {
	return m.Validity != result.ValidSkipped && m.Validity != result.ValidFailed
}

func errorCount(m *result.Merged) string {
	if !measured(m) {
		return ""
	}
	n := 0
	for _, c := range m.ErrorsBy {
		n += c
	}
	return fmt.Sprint(n)
}

// validity is the word, a mark for each reason, and how many trials it stands on
// where some could not be used.
func (t *table) validity(m *result.Merged) cell {
	word := string(m.Validity)
	var marks []string
	for _, r := range m.Reasons {
		if r.Class != result.ValidSkipped { // the stop column says it
			marks = append(marks, t.notes.mark(t.reason(r)))
		}
	}
	if why := t.stopText(m); t.stopNote(why) {
		marks = append(marks, t.notes.mark("stop: "+why))
	}
	word += strings.Join(marks, ",")
	if n := len(m.Points); n > 1 && m.Trials < n {
		word += fmt.Sprintf(" (%d of %d trials)", m.Trials, n)
	}
	return cell{word, paintValidity(m.Validity)}
}

func paintValidity(v result.Validity) func(term.Paint, string) string {
	switch v {
	case result.ValidInvalid, result.ValidFailed:
		return term.Paint.Red
	case result.ValidDoubt:
		return term.Paint.Yellow
	case result.ValidSkipped:
		return term.Paint.Dim
	}
	return nil
}

// maxTexts is how many different texts of one code a footnote quotes.
const maxTexts = 3

// reason gives the footnote of a reason. Points mostly have the same doubt with
// other numbers: there is one note for each code. It says the worst, and of how many
// points, where they compare; else it quotes the first few.
func (t *table) reason(r result.Reason) string {
	var texts []string
	worst, points := result.Reason{Grade: -1}, 0
	for _, m := range t.sum.Merged {
		for _, p := range m.Points {
			for _, other := range p.Reasons {
				if other.Code != r.Code {
					continue
				}
				points++
				if other.Grade > worst.Grade {
					worst = other
				}
				if text := term.Clean(other.Text); !slices.Contains(texts, text) {
					texts = append(texts, text)
				}
			}
		}
	}
	if worst.Grade > 0 && len(texts) > 1 { // the first of equals, so that all rows share its note
		return fmt.Sprintf("%s: %s (the worst of %d points)", r.Code, term.Clean(worst.Text), points)
	}
	more := max(0, len(texts)-maxTexts)
	note := r.Code + ": " + strings.Join(texts[:len(texts)-more], " | ")
	if more > 0 {
		note += fmt.Sprintf(" | and %d more (all in --brief and in the summary CSV)", more)
	}
	return note
}

// stop is the slo line or condition that was met, or why there is no measurement.
func (t *table) stop(m *result.Merged) cell {
	why := t.stopText(m)
	if t.stopNote(why) {
		return cell{}
	}
	return plain(why)
}

// maxStop is how many columns a text may take in the stop column.
const maxStop = 50

// stopNote reports whether a stop text becomes a footnote.
func (t *table) stopNote(why string) bool {
	return why != "" && (t.noStop || term.Len(why) > maxStop)
}

// stopText is short where a note over the table has said it all.
func (t *table) stopText(m *result.Merged) string {
	s := m.Stop
	if m.Validity == result.ValidSkipped {
		for _, r := range m.Reasons {
			if r.Class == result.ValidSkipped {
				s = r.Text
			}
		}
	}
	for _, n := range t.sum.Notes {
		if n.Fail && n.Text == s {
			return "the run failed inside it (see the note above)"
		}
	}
	return term.Clean(s)
}

// Transitions prints what was found of each series: its transitions, or the
// sentence that says why there is none. Trials that say the same share a line.
func Transitions(w io.Writer, sum *result.Summary, opt Options) {
	head := "transitions  "
	for _, l := range transitionLines(sum) {
		fmt.Fprintln(w, term.Wrap(head+l, strings.Repeat(" ", 15), opt.Width))
		head = strings.Repeat(" ", 13)
	}
}

func transitionLines(sum *result.Summary) []string {
	name := seriesNamer(sum.Series)
	var groups []seriesGroup
	for i := 0; i < len(sum.Series); {
		j := i
		for j < len(sum.Series) && sum.Series[j].SeriesKey == sum.Series[i].SeriesKey {
			j++
		}
		groups = addGroup(groups, sum.Series[i], seriesLines(sum.Series[i:j]))
		i = j
	}
	var lines []string
	for _, g := range groups {
		for _, l := range g.lines {
			lines = append(lines, name(g.key.Context, g.key.HitRate, g.levels)+l)
		}
	}
	if len(lines) == 0 {
		lines = []string{"no transition: " + noSeries(sum)}
	}
	return lines
}

// seriesGroup is what is said of the levels of a context and hit rate that follow
// each other and of which the same is to be said.
type seriesGroup struct {
	key    result.SeriesKey // of the first
	levels []int
	lines  []string
}

func addGroup(groups []seriesGroup, s *result.Series, lines []string) []seriesGroup {
	if n := len(groups); n > 0 {
		last := &groups[n-1]
		if last.key.Context == s.Context && last.key.HitRate == s.HitRate && slices.Equal(last.lines, lines) {
			last.levels = append(last.levels, s.Level)
			return groups
		}
	}
	return append(groups, seriesGroup{s.SeriesKey, []int{s.Level}, lines})
}

func noSeries(sum *result.Summary) string {
	for _, m := range sum.Merged {
		if m.Spec.HitRate > 0 {
			return "no point is valid enough to look for one"
		}
	}
	return "nothing is reused at hit rate 0, so no tier can show; add a hit rate above 0"
}

// seriesNamer names a series by what differs between the series, nothing where
// there is only one.
func seriesNamer(all []*result.Series) func(context int64, hitRate float64, levels []int) string {
	contexts, rates, levels := map[int64]bool{}, map[float64]bool{}, map[int]bool{}
	for _, s := range all {
		contexts[s.Context], rates[s.HitRate], levels[s.Level] = true, true, true
	}
	return func(context int64, hitRate float64, of []int) string {
		var parts []string
		if len(contexts) > 1 {
			parts = append(parts, "context "+metric.Size(context))
		}
		if len(rates) > 1 {
			parts = append(parts, "hit rate "+metric.Text(metric.Percent, hitRate))
		}
		if len(levels) > 1 {
			parts = append(parts, "conc "+levelText(of))
		}
		if len(parts) == 0 {
			return ""
		}
		return strings.Join(parts, ", ") + ": "
	}
}

// seriesLines gives the lines of one series over its trials. Lines that all trials
// have stand once; others say in which trials they were found.
func seriesLines(trials []*result.Series) []string {
	found := map[string][]string{}
	var order []string
	for _, s := range trials {
		for _, l := range sentences(s) {
			if found[l] == nil {
				order = append(order, l)
			}
			found[l] = append(found[l], fmt.Sprint(s.Trial))
		}
	}
	for i, l := range order {
		if len(found[l]) < len(trials) {
			order[i] = l + " [trial " + strings.Join(found[l], ", ") + "]"
		}
	}
	return order
}

func sentences(s *result.Series) []string {
	var out []string
	for i, t := range s.Transitions {
		notes := t.Notes
		t.Notes = nil
		line := tier.Sentence(t)
		if s.At != nil && s.At[i] > 0 {
			line += fmt.Sprintf(", compared at conc %d", s.At[i])
		}
		out = append(out, term.Clean(strings.Join(append([]string{line}, notes...), "; ")))
	}
	if s.None != "" {
		out = append(out, term.Clean(s.None))
	}
	for _, n := range s.Series.Notes {
		out = append(out, "note: "+term.Clean(n))
	}
	return out
}

// errWriter remembers the first error of a row of prints.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.w.Write(p)
	e.err = err
	return n, err
}
