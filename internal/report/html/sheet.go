package html

import (
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// sketch is a chart of points before it is known which of its statistics were measured.
type sketch struct {
	id, title, text string
	bind            Bind     // Table, Refs and Unit are filled in, what has no data is left out
	axes            []string // names of the y axes
	tall            bool
	absent          string // the sentence that says why there is no such chart; empty: none is missed
}

// sheet is a page of points while it is made.
type sheet struct {
	run     *Run
	rows    []pointRow
	limits  []limit
	columns []string // keys of the table
	charts  []Chart
	missing []string
}

// draw adds a chart, with those of its statistics that any row has; without one it says
// why the chart is missing.
func (s *sheet) draw(f sketch) {
	b := f.bind
	b.Y = slices.DeleteFunc(slices.Clone(b.Y), func(y Y) bool { return !known(s.rows, y.Key) })
	if len(b.Y) == 0 || b.X != "" && !known(s.rows, b.X) {
		if f.absent != "" {
			s.missing = append(s.missing, f.absent)
		}
		return
	}
	if len(s.values(b.By, isSized)) < 2 { // nothing to tell apart
		b.By = ""
	}
	for i := range b.Y {
		if b.Y[i].Name == "" && b.By == "" {
			b.Y[i].Name, _, _ = describe(b.Y[i].Key)
		}
	}
	b.Table, b.Refs, b.Unit = "points", refs(s.limits, b.Y), nil
	for axis := range f.axes {
		if i := slices.IndexFunc(b.Y, func(y Y) bool { return y.Axis == axis }); i >= 0 {
			_, unit, _ := describe(b.Y[i].Key)
			b.Unit = append(b.Unit, unit)
		}
	}
	if len(b.Unit) < len(f.axes) { // one of the two axes has nothing on it
		f.axes = slices.Delete(slices.Clone(f.axes), 1-b.Y[0].Axis, 2-b.Y[0].Axis)
		for i := range b.Y {
			b.Y[i].Axis = 0
		}
	}
	axes := make([]opts.YAxis, len(f.axes))
	for i, name := range f.axes {
		axes[i] = axis(name, s.scale(b, i))
	}
	s.columns = append(s.columns, b.X, b.By)
	for _, y := range b.Y {
		s.columns = append(s.columns, y.Key, y.Lo, y.Hi)
	}
	s.charts = append(s.charts, Chart{ID: f.id, Title: f.title, Text: f.text, Tall: f.tall, Option: option(b, axes...), Bind: b})
}

// scale is the type of a chart's y axis: times that differ by more than a factor of ten
// are told apart on a logarithmic one only.
func (s *sheet) scale(b Bind, axis int) string {
	switch {
	case b.Kind == Heat || b.Kind == Matrix:
		return "category"
	case b.Kind == Stack || b.Unit[axis] != "s":
		return "value"
	}
	least, most := 0.0, 0.0
	for i := range s.rows {
		for _, y := range b.Y {
			if v := s.rows[i].values.Get(y.Key); y.Axis == axis && v.V > 0 {
				if least == 0 || v.V < least {
					least = v.V
				}
				most = max(most, v.V)
			}
		}
	}
	if most > 10*least {
		return "log"
	}
	return "value"
}

// statistics gives the statistics of a family that any row has, each under the control
// "stats".
func statistics(family string, lower bool, names ...string) (out []Y) {
	for _, name := range names {
		out = append(out, Y{Key: family + "." + name, Name: name, Stat: name, Lower: lower})
	}
	return out
}

// ttft gives the statistics of TTFT: those that people read, and any other that a limit
// names.
func (s *sheet) ttft() []Y {
	names := []string{"p50", "p95", "p99", "avg", "max"}
	for _, name := range s.named() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return statistics("ttft", true, names...)
}

// named gives the statistics of TTFT that a limit names.
func (s *sheet) named() (out []string) {
	for _, l := range s.limits {
		if stat, ok := strings.CutPrefix(l.key, "ttft."); ok && !slices.Contains(out, stat) {
			out = append(out, stat)
		}
	}
	return out
}

// finish gives the controls, charts and tables to a page. identity are the columns that
// say which point a row is; keep chooses the transitions and capacities.
func (s *sheet) finish(p *Page, controls []Control, identity []string, keep func(result.SeriesKey) bool) {
	columns := append(identity, s.columns...)
	p.View.Controls, p.View.Charts = slices.DeleteFunc(controls, func(c Control) bool { return c.ID == "" }), s.charts
	if len(s.missing) > 0 { // no doubt about anything that is there
		p.Prose += template.HTML(`<p class="left">` + template.HTMLEscapeString(strings.Join(s.missing, " ")) + "</p>\n")
	}
	p.Tables = []Table{pointsTable(s.rows, append(columns, "goodput_share", "error_rate", "ttft_samples", "best")...)}
	if keep != nil {
		p.Tables = append(p.Tables, s.run.tierTables(keep)...)
	}
}

// trialControl chooses between the median over the trials and single ones.
func (s *sheet) trialControl() Control {
	trials := 0
	for i := range s.rows {
		trials = max(trials, s.rows[i].trial)
	}
	if trials < 2 {
		return Control{}
	}
	c := Control{ID: "trial", Label: "Trial", Kind: "one", Key: "trial", Default: []string{"0"}, Options: []Option{{Value: "0", Label: "median of " + strconv.Itoa(trials)}}}
	for i := 1; i <= trials; i++ {
		c.Options = append(c.Options, Option{Value: strconv.Itoa(i), Label: "trial " + strconv.Itoa(i)})
	}
	return c
}

// statsControl shows and hides the statistics that the charts have.
func (s *sheet) statsControl(chosen ...string) Control {
	c := Control{ID: "stats", Label: "Statistics", Kind: "many"}
	for _, name := range []string{"avg", "p50", "p90", "p95", "p99", "max"} {
		has := func(ch Chart) bool { return slices.ContainsFunc(ch.Bind.Y, func(y Y) bool { return y.Stat == name }) }
		if !slices.ContainsFunc(s.charts, has) {
			continue
		}
		c.Options = append(c.Options, Option{Value: name, Label: name})
		if slices.Contains(chosen, name) {
			c.Default = append(c.Default, name)
		}
	}
	if len(c.Options) < 2 {
		return Control{}
	}
	if len(c.Default) == 0 {
		c.Default = []string{c.Options[0].Value}
	}
	return c
}

// plural gives 1 point, 2 points.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// doubts says how many of the rows may not be believed as they stand, and how they are
// drawn; nothing when all may.
func (s *sheet) doubts() (out []string) {
	n := map[result.Validity]int{}
	all := 0
	for i := range s.rows {
		if s.rows[i].trial == 0 {
			n[s.rows[i].validity]++
			all++
		}
	}
	say := func(v result.Validity, how string) {
		if n[v] > 0 {
			out = append(out, strconv.Itoa(n[v])+" of "+plural(all, "point")+": "+how)
		}
	}
	say(result.ValidDoubt, "doubtful, drawn hollow; the reasons are in the table.")
	say(result.ValidInvalid, "invalid, drawn as a cross, no line goes through it; the reasons are in the table.")
	say(result.ValidSkipped, "not measured, marked on the x axis; the reasons are in the table.")
	say(result.ValidFailed, "failed, marked on the x axis; the reasons are in the table.")
	return out
}

// sizeLabel is a working set or context as charts and controls name it.
func sizeLabel(tokens int64) string { return metric.Size(tokens) }

// ratePercent is a hit rate as titles name it.
func ratePercent(rate float64) string { return scenario.FormatPercent(rate) + "%" }

// value is a number as the cells of a control's column have it.
func value(v float64) string { return string(AppendNumber(nil, v)) }
