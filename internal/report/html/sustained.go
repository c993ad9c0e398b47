package html

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// sustainedCell is one cell of sustained mode, with every trial of it that began.
type sustainedCell struct {
	key    string
	spec   scenario.Cell
	units  []*result.UnitRecord
	merged []*result.Merged // its sizes, ascending
}

// sustainedCells gives the cells that began, by context and hit rate.
func (r *Run) sustainedCells() []*sustainedCell {
	if !r.sustained() {
		return nil
	}
	var out []*sustainedCell
	by := map[string]*sustainedCell{}
	for _, u := range r.Rec.Units {
		if by[u.Cell] == nil {
			by[u.Cell] = &sustainedCell{key: u.Cell, spec: u.Spec}
			out = append(out, by[u.Cell])
		}
		by[u.Cell].units = append(by[u.Cell].units, u)
	}
	for _, m := range r.Sum.Merged {
		if c := by[m.Spec.Key]; c != nil {
			c.merged = append(c.merged, m)
		}
	}
	for _, c := range out {
		slices.SortStableFunc(c.units, func(a, b *result.UnitRecord) int { return a.Trial - b.Trial })
	}
	slices.SortStableFunc(out, func(a, b *sustainedCell) int {
		return cmp.Or(cmp.Compare(a.spec.Context, b.spec.Context), cmp.Compare(a.spec.HitRate, b.spec.HitRate))
	})
	return out
}

// sustainedPages makes a page for each cell of sustained mode. What it shows is measured
// when it is written: a cell has thousands of periods, and a run hundreds of cells.
func (r *Run) sustainedPages() (out []*Page) {
	for _, c := range r.sustainedCells() {
		out = append(out, &Page{
			Name:  "sustained_" + c.key,
			Title: fmt.Sprintf("Sustained load at %s context, %s", metric.Size(c.spec.Context), c.grows()),
			Lead:  "One cell over time: at each size the controller looks for the most requests in flight that keep the slo, holds them, and lets the working set grow.",
			Fill:  func(p *Page) { r.fillSustained(p, c) },
		})
	}
	return out
}

// grows says in words how the set of the cell grows.
func (c *sustainedCell) grows() string {
	if c.spec.HitRate == 0 {
		return "nothing reused"
	}
	sizes := metric.Size(c.spec.WorkingSet)
	if n := len(c.spec.Steps); n > 1 {
		sizes = metric.Size(c.spec.Steps[0].WorkingSet) + " to " + metric.Size(c.spec.Steps[n-1].WorkingSet)
	}
	return fmt.Sprintf("%g%% hits, working set %s", c.spec.HitRate, sizes)
}

// fillSustained makes everything of the page that costs time or memory.
func (r *Run) fillSustained(p *Page, c *sustainedCell) {
	sc := r.Rec.Run.Scenario
	rows := cellPeriods(r.Rec, c.units)
	trials := len(c.units) > 1
	figures := told(periodFigures(sc.SLO, result.MeasuredTTFT(r.Rec), rows), rows)
	p.Notes = append(p.Notes, c.doubts()...)
	if len(rows) == 0 {
		p.Prose = r.sustainedProse(c, nil)
		p.Tables = []Table{spanTable(cellSpans(c.units), trials)}
		return
	}
	charts, left := overTime(sc.SLO, figures, trials)
	p.View.Charts = charts
	p.View.Controls = timeControls(sc.SLO, figures, c.units)
	p.Prose = r.sustainedProse(c, left)
	p.Tables = []Table{periodTable(rows, figures, trials), spanTable(cellSpans(c.units), trials)}
	if len(c.merged) > 0 {
		r.drawReuse(p, c.merged, "working_set")
	}
}

// doubts says which trials did not come to their end, and why.
func (c *sustainedCell) doubts() (out []string) {
	for _, u := range c.units {
		why := ""
		switch u.State {
		case result.CellFailed:
			why = "failed: " + cmp.Or(u.Reason, u.Class)
		case result.CellInterrupted:
			why = "was interrupted: " + cmp.Or(u.Reason, "the run ended early")
		case result.CellBegin:
			why = "is cut off: the record ends inside it"
		case result.CellSkipped:
			why = "was skipped: " + u.Reason
		}
		switch {
		case why != "" && len(c.units) > 1:
			out = append(out, fmt.Sprintf("Trial %d %s", u.Trial, why))
		case why != "":
			out = append(out, "This cell "+why)
		}
	}
	return out
}

// timeControls are those of the charts over time: which trial, and which statistics of TTFT.
func timeControls(slo scenario.SLO, figures []periodFigure, units []*result.UnitRecord) (out []Control) {
	if len(units) > 1 {
		trial := Control{ID: "trial", Label: "Trial", Kind: "one", Key: "trial"}
		for _, u := range units {
			n := fmt.Sprint(u.Trial)
			trial.Options = append(trial.Options, Option{Value: n, Label: n})
		}
		trial.Default = []string{trial.Options[0].Value}
		out = append(out, trial)
	}
	stats := Control{ID: "stats", Label: "TTFT", Kind: "many"}
	for _, stat := range ttftStats(slo) {
		if !has(figures, "ttft."+stat) {
			continue
		}
		stats.Options = append(stats.Options, Option{Value: stat, Label: stat})
		// The largest of each period is noise that takes half of the axis, unless it is what is held.
		if stat != "max" || slices.ContainsFunc(slo.TTFT, func(l scenario.Line) bool { return l.Stat == "max" }) {
			stats.Default = append(stats.Default, stat)
		}
	}
	if len(stats.Options) > 1 {
		out = append(out, stats)
	}
	return out
}

func has(figures []periodFigure, key string) bool {
	return slices.ContainsFunc(figures, func(f periodFigure) bool { return f.key == key })
}

// sustainedProse says what came out, in figures and words, and as one row for each size.
func (r *Run) sustainedProse(c *sustainedCell, left []string) template.HTML {
	steps := r.stepTable(c)
	var b strings.Builder
	err := sustainedTemplate.Execute(&b, struct {
		Figures     []figure
		Edges, Left []string
		Doubts      []remark
		Steps       template.HTML
	}{r.heldFigures(c), r.edgeWords(c), left, c.stepDoubts(), template.HTML(steps.append(nil))})
	if err != nil { // a builder takes everything, and the template is a constant
		panic("html: the template of a sustained cell does not fit its data: " + err.Error())
	}
	return template.HTML(b.String())
}

var sustainedTemplate = template.Must(template.New("sustained").Parse(
	`{{with .Figures}}<dl class="facts">{{range .}}
<div><dt>{{.Name}}</dt><dd>{{.Value}} <small>{{.Where}}{{if .Doubt}} <span class="doubt">doubtful</span> {{.Doubt}}{{end}}</small></dd></div>{{end}}
</dl>
{{end}}{{with .Edges}}<h2>Transitions</h2>
<ul class="sentences">{{range .}}
<li>{{.}}</li>{{end}}
</ul>
{{end}}{{.Steps}}{{with .Doubts}}<ul class="remarks">{{range .}}
<li>{{if .Class}}<span class="{{.Class}}">{{.Word}}</span>{{else}}<b>{{.Word}}</b>{{end}} <code>{{.Code}}</code> {{.Text}}</li>{{end}}
</ul>
{{end}}{{range .Left}}<p class="left">{{.}}</p>
{{end}}`))

// heldFigures are what the smallest and the largest size that were measured bear, and
// the limit that this is held against.
func (r *Run) heldFigures(c *sustainedCell) (out []figure) {
	usable := slices.DeleteFunc(slices.Clone(c.merged), func(m *result.Merged) bool { return !m.Usable() })
	if len(usable) == 0 {
		return nil
	}
	ends := []*result.Merged{usable[0]}
	if last := usable[len(usable)-1]; len(usable) > 1 {
		ends = append(ends, last)
	}
	for _, m := range ends {
		f := figure{Name: "Requests in flight held", Value: report.HeldText(m), Where: "nothing reused", Doubt: doubtText(m)}
		if m.Spec.WorkingSet > 0 {
			f.Where = "at a working set of " + metric.Size(m.Spec.WorkingSet)
		}
		out = append(out, f)
	}
	slo := r.Rec.Run.Scenario.SLO
	out = append(out, sloFigures("TTFT ", "at most", metric.Seconds, "", slo.TTFT)...)
	return append(out, sloFigures("output rate ", "at least", metric.TokensPerSecond, " tokens/s", slo.OutputRate)...)
}

// sloFigures gives the lines of an slo as figures.
func sloFigures(name, side string, u metric.Unit, unit string, lines []scenario.Line) (out []figure) {
	for _, l := range lines {
		out = append(out, figure{Name: "Limit: " + name + l.Stat, Value: metric.Text(u, l.Limit) + unit, Where: side})
	}
	return out
}

// edgeWords gives the transitions of the cell's series, as the console says them.
func (r *Run) edgeWords(c *sustainedCell) []string {
	own := *r.Sum
	own.Merged = c.merged
	own.Series = slices.DeleteFunc(slices.Clone(r.Sum.Series), func(s *result.Series) bool {
		return s.Context != c.spec.Context || s.HitRate != c.spec.HitRate
	})
	if len(c.spec.Steps) < 2 && len(own.Series) == 0 { // one size: there is nothing to cross
		return nil
	}
	return arrows(report.TransitionLines(&own))
}

// stepTable has a row for each size: what it held, and how well.
func (r *Run) stepTable(c *sustainedCell) Table {
	rows := c.merged
	t := Table{ID: "steps", Caption: "Sizes", Rows: len(rows)}
	number := func(name string) {
		head, unit, title := describe(name)
		if slices.ContainsFunc(rows, func(m *result.Merged) bool { return m.Row.Get(name).Known() }) {
			t.Columns = append(t.Columns, Column{Key: name, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return appendFigure(b, rows[i].Row.Get(name)) }})
		}
	}
	text := func(key, head, title string, of func(*result.Merged) string) {
		t.Columns = append(t.Columns, Column{Key: key, Head: head, Title: title, Text: true, Cell: func(b []byte, i int) []byte { return Text(b, of(rows[i])) }})
	}
	t.Columns = append(t.Columns, Column{Key: "size", Head: "Working set", Unit: "tokens", Cell: func(b []byte, i int) []byte { return AppendValue(b, rows[i].Row.Get("working_set")) }})
	text("held", "Held", "requests in flight that keep the slo; a bracket where the level was not found, a range in brackets over trials", report.HeldText)
	t.Columns = append(t.Columns, Column{Key: "validity", Head: "Validity", Text: true, Cell: func(b []byte, i int) []byte { return badge(b, rows[i].Validity) }})
	for _, name := range stepFigures(r.Rec.Run.Scenario.SLO) {
		number(name)
	}
	return t
}

// stepFigures are the figures of a size: those of the slo, and what it is traded for.
func stepFigures(slo scenario.SLO) []string {
	var out []string
	for _, l := range slo.TTFT {
		out = append(out, "ttft."+l.Stat)
	}
	if len(out) == 0 {
		out = append(out, "ttft.p95")
	}
	for _, l := range slo.OutputRate {
		out = append(out, "output_rate."+l.Stat)
	}
	return append(out, "output_throughput", "goodput", "hit_rate_observed", "reuse_distance")
}

// stepDoubts are the doubts and notes of each size, which are too long for its row.
func (c *sustainedCell) stepDoubts() (out []remark) {
	for _, m := range c.merged {
		where := "hit rate 0"
		if m.Spec.WorkingSet > 0 {
			where = metric.Size(m.Spec.WorkingSet)
		}
		for _, why := range m.Reasons {
			class := classOf(why.Class)
			if why.Class == result.ValidOK { // a note: it changes no verdict
				class = ""
			}
			out = append(out, remark{class, where, why.Code, report.Clean(why.Text)})
		}
	}
	return out
}

// badge appends a validity as a badge: a word and a class, never a colour alone.
func badge(b []byte, v result.Validity) []byte {
	b = append(append(b, `<span class="badge `...), classOf(v)...)
	return append(Text(append(b, `">`...), string(v)), "</span>"...)
}
