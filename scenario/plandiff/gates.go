package plandiff

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// thresholdLine is a threshold with its conditions.
type thresholdLine struct {
	scenario.Threshold
	gate scenario.Gate
	path string
}

func thresholdLines(p *scenario.Plan) (out []thresholdLine) {
	for i, t := range p.Scenario.Thresholds {
		out = append(out, thresholdLine{t, p.Thresholds[i], "thresholds[" + strconv.Itoa(i) + "]"})
	}
	return out
}

func (t thresholdLine) String() string {
	if t.Where == "" {
		return t.Expect
	}
	return t.Expect + " where " + t.Where
}

// thresholds: each is easier or harder to pass, by what it expects and by the points that
// it is held against.
func thresholds(d *differ) {
	a, b := thresholdLines(d.old), thresholdLines(d.new)
	equal := func(x, y thresholdLine) bool { return x.Threshold == y.Threshold }
	like := func(x, y thresholdLine) bool {
		return kin(x.gate.Expect, y.gate.Expect) && (x.Where == y.Where || x.Expect == y.Expect || kin(x.gate.Where, y.gate.Where))
	}
	for _, pair := range match(a, b, equal, like) {
		i, j := pair[0], pair[1]
		switch {
		case i < 0:
			d.at(Finding{Class: Tightened, Sign: '+', Key: b[j].path, Text: b[j].path + " " + b[j].String() + " added"}, listPaths("thresholds", j, "expect")...)
		case j < 0:
			d.at(Finding{Class: Loosened, Sign: '-', Key: a[i].path, Text: a[i].path + " " + a[i].String() + " removed"}, listPaths("thresholds", i, "expect")...)
		case a[i].Threshold != b[j].Threshold:
			d.threshold(a[i], b[j], j)
		}
	}
}

// threshold tells expect and where of a threshold apart.
func (d *differ) threshold(a, b thresholdLine, j int) {
	if a.Expect != b.Expect {
		if f, meant := expects(b.path+".expect", a, b); meant {
			d.at(f, listPaths("thresholds", j, "expect")...)
		}
	}
	if a.Where != b.Where {
		if f, meant := d.where(b.path+".where", a.Where, b.Where, a.gate.Where, b.gate.Where); meant {
			d.at(f, listPaths("thresholds", j, "where", "expect")...)
		}
	}
}

func expects(key string, a, b thresholdLine) (Finding, bool) {
	switch Compare(a.gate.Expect, b.gate.Expect) {
	case Same:
		return Finding{}, false
	case Weaker:
		return rewrote(Loosened, key, a.Expect, b.Expect, "easier to pass"), true
	case Stronger:
		return rewrote(Tightened, key, a.Expect, b.Expect, "harder to pass"), true
	}
	f := rewrote(Loosened, key, a.Expect, b.Expect, "rewritten: whether it is easier or harder to pass cannot be told, please read")
	f.Open = true
	return f, true
}

// where holds two choices of points against each other: by the planned points that they
// choose where that is known, else by what their conditions say.
func (d *differ) where(key, a, b string, x, y *scenario.Condition) (Finding, bool) {
	write := func(s string) string {
		if s == "" {
			return "all points"
		}
		return s
	}
	more, fewer := d.choice(x, y)
	switch {
	case !more && !fewer:
		return Finding{}, false
	case more && fewer:
		f := rewrote(Loosened, key, write(a), write(b), "other points, please read")
		f.Open = true
		return f, true
	case more:
		return rewrote(Tightened, key, write(a), write(b), "more points are held against it"), true
	}
	return rewrote(Loosened, key, write(a), write(b), "fewer points are held against it"), true
}

// choice says whether y chooses points that x does not, and leaves out points that x
// chooses. A nil condition chooses all.
func (d *differ) choice(x, y *scenario.Condition) (more, fewer bool) {
	open := false
	for _, point := range axesOf(d.new) {
		was, is := chooses(x, point), chooses(y, point)
		open = open || was == scenario.Unknown || is == scenario.Unknown
		more = more || is == scenario.True && was == scenario.False
		fewer = fewer || was == scenario.True && is == scenario.False
	}
	if !open {
		return more, fewer
	}
	switch {
	case x == nil:
		return false, true
	case y == nil:
		return true, false
	}
	switch Compare(x, y) {
	case Same:
		return false, false
	case Weaker:
		return true, false
	case Stronger:
		return false, true
	}
	return true, true
}

func chooses(c *scenario.Condition, point metric.Row) scenario.Tri {
	if c == nil {
		return scenario.True
	}
	return c.Eval(point.Get)
}

// axesOf gives what names each planned point. The level that a growing cell will hold is
// not known, nor where a tier of a map begins.
func axesOf(p *scenario.Plan) (out []metric.Row) {
	sc := p.Scenario
	for _, c := range p.Cells {
		switch {
		case sc.Mode == "map":
			row := metric.Row{}
			row.Set("context", metric.Of(float64(c.Context)))
			out = append(out, row)
		case len(c.Steps) > 0:
			for i := range c.Steps {
				row := c.At(i).Axes(0)
				row.Set("concurrency", metric.Lower(float64(sc.Search.Start)))
				out = append(out, row)
			}
		default:
			for _, level := range c.Levels {
				out = append(out, c.Axes(level))
			}
			for range c.Rates {
				row := c.Axes(0)
				delete(row, "concurrency")
				out = append(out, row)
			}
		}
	}
	if sc.Access != "cyclic" {
		for _, row := range out {
			delete(row, "reuse_distance") // how far apart prompts are used again is drawn
		}
	}
	return out
}

// lostPoints names the thresholds and gates that are held against fewer points than
// before although nobody has touched them.
func (d *differ) lostPoints() (notes []string) {
	for _, t := range thresholdLines(d.new) {
		if t.gate.Where == nil || !slices.Contains(d.old.Scenario.Thresholds, t.Threshold) {
			continue
		}
		if was, is := chosen(d.old, t.gate.Where), chosen(d.new, t.gate.Where); is < was {
			notes = append(notes, fmt.Sprintf("%s, where %s, is held against %s, was %d", t.path, t.Where, count(is, "point"), was))
		}
	}
	for i, g := range d.new.Scenario.Compare.Gate {
		if g.Where == "" || !slices.Contains(d.old.Scenario.Compare.Gate, g) {
			continue
		}
		if was, is := chosen(d.old, d.new.Gated[i]), chosen(d.new, d.new.Gated[i]); is < was {
			notes = append(notes, fmt.Sprintf("compare.gate[%d], where %s, is held against %s, was %d", i, g.Where, count(is, "point"), was))
		}
	}
	return notes
}

func chosen(p *scenario.Plan, where *scenario.Condition) int {
	n := 0
	for _, point := range axesOf(p) {
		if where.Eval(point.Get) == scenario.True {
			n++
		}
	}
	return n
}

// gates: what a comparison is held against.
func gates(d *differ) {
	old, new := d.sc()
	a, b := old.Compare.Gate, new.Compare.Gate
	equal := func(x, y scenario.GateLine) bool { return x == y }
	like := func(x, y scenario.GateLine) bool { return x.Metric == y.Metric }
	write := func(g scenario.GateLine) string {
		if g.Where == "" {
			return g.Metric
		}
		return g.Metric + " where " + g.Where
	}
	for _, pair := range match(a, b, equal, like) {
		i, j := pair[0], pair[1]
		key := "compare.gate[" + strconv.Itoa(max(i, j)) + "]"
		if j >= 0 {
			key = "compare.gate[" + strconv.Itoa(j) + "]"
		}
		switch {
		case i < 0:
			d.at(Finding{Class: Tightened, Sign: '+', Key: key, Text: key + " " + write(b[j]) + " added"}, listPaths("compare/gate", j, "metric")...)
		case j < 0:
			d.at(Finding{Class: Loosened, Sign: '-', Key: key, Text: key + " " + write(a[i]) + " removed"}, listPaths("compare/gate", i, "metric")...)
		case a[i].Metric != b[j].Metric:
			f := rewrote(Loosened, key, write(a[i]), write(b[j]), "another metric, please read")
			f.Open = true
			d.at(f, listPaths("compare/gate", j, "metric")...)
		case a[i].Where != b[j].Where:
			if f, meant := d.where(key+".where", a[i].Where, b[j].Where, d.old.Gated[i], d.new.Gated[j]); meant {
				d.at(f, listPaths("compare/gate", j, "where", "metric")...)
			}
		}
	}
}
