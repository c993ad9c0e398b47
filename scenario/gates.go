package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario/metric"
)

// compile reads all conditions of the scenario into the plan.
func (e *expansion) compile(clean func(paths ...string) bool) {
	for i, s := range e.sc.Stop {
		path := fmt.Sprintf("/stop/%d/when", i)
		if !clean(path) {
			continue
		}
		if c := e.one(path, s.When, StopScope); c != nil {
			e.plan.Stops = append(e.plan.Stops, c)
		}
	}
	for i, t := range e.sc.Thresholds {
		at := fmt.Sprintf("/thresholds/%d", i)
		if !clean(at) {
			continue
		}
		e.plan.Thresholds = append(e.plan.Thresholds, e.gate(at, t))
	}
}

func (e *expansion) one(path, text string, scope Scope) *Condition {
	c, err := compile(text, scope, e.sc.Target.TierNames())
	if err != nil {
		f := finding{Problem: Problem{Code: err.code, Path: path, Message: err.message}, from: err.from, to: err.to}
		e.found = append(e.found, f)
		return nil
	}
	e.noteGoodput(path, c)
	e.noteOutput(path, c)
	return c
}

// noteOutput: one output token has no rate and no gap.
func (e *expansion) noteOutput(path string, c *Condition) {
	if e.sc.Mode == mapped || e.sc.OutputTokens > 1 || e.sc.OutputTokens == 0 {
		return // noteMap says that a map has neither
	}
	for _, name := range c.Names() {
		_, name = cutScope(name)
		switch family, _, _ := strings.Cut(name, "."); family {
		case "tpot", "itl", "icl", "output_rate":
			e.note(false, "output-too-short", path, "%s needs at least 2 output tokens, output_tokens is %d: one token has no rate, so it would never have data", name, e.sc.OutputTokens)
			return
		}
	}
}

// noteGoodput: goodput without a line to hold requests against never has data.
func (e *expansion) noteGoodput(path string, c *Condition) {
	if e.sc.Mode == mapped {
		return // noteMap says that there is none
	}
	if e.sc.SLO.holdsRequests() {
		return
	}
	for _, name := range c.Names() {
		if strings.HasSuffix(name, "goodput") || strings.HasSuffix(name, "goodput_share") {
			e.note(false, "goodput-without-slo", path, "%s needs an slo with a percentile or max line, as slo: {ttft: {p95: 5s}}: without one it never has data", name)
			return
		}
	}
}

func (e *expansion) gate(at string, t Threshold) Gate {
	g := Gate{Expect: e.one(at+"/expect", t.Expect, ExpectScope)}
	if g.Expect == nil {
		return g
	}
	edges := g.OnEdges()
	if !e.noteMap(at+"/expect", g.Expect, edges) {
		return g
	}
	if edges {
		e.noteEdgeLevel(at+"/expect", g.Expect)
		for _, name := range g.Expect.Names() {
			if d, _ := metric.Find(name); !d.Threshold && name != "context" && name != "hit_rate" && name != "concurrency" {
				e.note(false, "condition-scope", at+"/expect", "an edge belongs to a curve, %s to a point: write two thresholds", name)
				return g
			}
		}
	}
	g.Where = e.where(at+"/where", t.Where, edges, "the threshold would never be judged")
	return g
}

// where reads which points a threshold, or a line of compare.gate, is about: nil where it
// is about all of them, or where the text is wrong. unmet says what comes of it where no
// planned point is meant.
func (e *expansion) where(path, text string, edges bool, unmet string) *Condition {
	if text == "" {
		return nil
	}
	scope := WhereScope
	if edges {
		scope = EdgeWhereScope
	}
	where := e.one(path, text, scope)
	if where == nil || !e.noteMap(path, where, edges) {
		return where
	}
	if edges {
		e.noteEdgeLevel(path, where)
	}
	if points := e.axes(); len(points) > 0 && !e.met(where, points) {
		e.note(false, "where-unmet", path, "no planned point meets %s (planned: %s): %s", text, plannedText(where, points), unmet)
	}
	return where
}

// OnEdges reports whether the threshold is about transitions: one value for each
// context, hit rate and level, not for each point.
func (g Gate) OnEdges() bool {
	for _, name := range g.Expect.Names() {
		if d, ok := metric.Find(name); ok && d.Threshold {
			return true
		}
	}
	return false
}

// noteEdgeLevel: a curve of sustained mode has no one level.
func (e *expansion) noteEdgeLevel(path string, c *Condition) {
	if e.sc.Mode == sustained && slices.Contains(c.Names(), "concurrency") {
		e.note(false, "condition-scope", path, "in sustained mode there is one edge for each context and hit rate, and each point beside it has the level that it held: remove concurrency")
	}
}

// met reports whether any planned point is chosen by where, or may be: which level a
// point of sustained mode will hold is not known yet, nor where a tier of a map begins,
// nor how far apart prompts are used again where access is not cyclic.
func (e *expansion) met(where *Condition, points []metric.Row) bool {
	open := e.sc.Mode == sustained && slices.Contains(where.Names(), "concurrency") ||
		e.sc.Access != "cyclic" && e.sc.Access != "" && slices.Contains(where.Names(), "reuse_distance")
	for _, point := range points {
		if answer := where.Eval(point.Get); answer == True || open && answer == Unknown {
			return true
		}
	}
	return false
}

// mostPlanned is how many values of an axis a message names.
const mostPlanned = 5

// plannedText says what the names that a where reads are in the planned points.
func plannedText(where *Condition, points []metric.Row) string {
	var parts []string
	for _, name := range where.Names() {
		d, _ := metric.Find(name)
		var values []float64
		more := ""
		for _, p := range points {
			v := p.Get(name)
			if v.Known() && !slices.Contains(values, v.V) {
				values = append(values, v.V)
			}
			if v.State == metric.AtLeast {
				more = " or more"
			}
		}
		slices.Sort(values)
		var texts []string
		for _, v := range values {
			if d.Unit == metric.Tokens {
				texts = append(texts, FormatSize(int64(v)))
			} else {
				texts = append(texts, FormatPercent(v))
			}
		}
		switch n := len(texts); {
		case n == 0:
			texts = []string{"none"}
		case n > mostPlanned:
			texts = []string{texts[0] + " to " + texts[n-1]}
		}
		parts = append(parts, name+" "+strings.Join(texts, ", ")+more)
	}
	return strings.Join(parts, "; ")
}

// axes gives what names each planned point; it is worked out once.
func (e *expansion) axes() []metric.Row {
	if e.points == nil {
		e.points = e.planned()
	}
	return e.points
}

func (e *expansion) planned() (points []metric.Row) {
	for _, c := range e.plan.Cells {
		if e.sc.Mode == mapped {
			points = append(points, c.mapAxes())
		}
		for _, level := range c.Levels {
			points = append(points, c.Axes(level))
		}
		for range c.Rates {
			row := c.Axes(0)
			row.Set("concurrency", metric.Value{}) // an open loop holds none
			points = append(points, row)
		}
		for i := range c.Steps {
			row := c.At(i).Axes(e.sc.Search.Start)
			row.Set("concurrency", metric.Lower(float64(e.sc.Search.Start)))
			points = append(points, row)
		}
	}
	return points
}

// Axes gives what names a point of the cell at a level: context, hit_rate,
// working_set, reuse_distance, concurrency. At hit rate 0 the sizes are absent.
func (c Cell) Axes(level int) metric.Row {
	row := metric.Row{}
	row.Set("context", metric.Of(float64(c.Context)))
	row.Set("hit_rate", metric.Of(c.HitRate))
	row.Set("concurrency", metric.Of(float64(level)))
	if c.HitRate > 0 {
		row.Set("working_set", metric.Of(float64(c.WorkingSet)))
		row.Set("reuse_distance", metric.Of(float64(c.ReuseDistance)))
	}
	return row
}
