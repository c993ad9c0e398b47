package html

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// limit is a number that the scenario holds a metric against.
type limit struct {
	key   string // metric
	value float64
	name  string // slo, stop, threshold
	part  bool   // it is about some of the points only
}

// limits gives what the slo, stop conditions and thresholds hold metrics of the rows
// against. A threshold counts where at least one of the rows is meant by it.
func (r *Run) limits(rows []pointRow) (out []limit) {
	sc := r.Rec.Run.Scenario
	add := func(l limit) {
		if !slices.ContainsFunc(out, func(o limit) bool { return o.key == l.key && o.value == l.value }) {
			out = append(out, l)
		}
	}
	for _, l := range sc.SLO.TTFT {
		add(limit{"ttft." + l.Stat, l.Limit, "slo", false})
	}
	for _, l := range sc.SLO.OutputRate {
		add(limit{"output_rate." + l.Stat, l.Limit, "slo", false})
	}
	for _, t := range sc.Thresholds {
		if some, all := meant(t.Where, rows); some {
			for _, c := range r.compared(t.Expect, scenario.ExpectScope) {
				add(limit{c.key, c.value, "threshold", !all})
			}
		}
	}
	for _, s := range sc.Stop {
		for _, c := range r.compared(s.When, scenario.StopScope) {
			add(limit{c.key, c.value, "stop", false})
		}
	}
	return out
}

// meant reports whether a threshold is about some of the rows, and whether about all.
func meant(where string, rows []pointRow) (some, all bool) {
	if where == "" {
		return true, true
	}
	c, err := scenario.Compile(where, scenario.WhereScope)
	if err != nil { // about edges, or of a version that knew other names: no line is better than a wrong one
		return false, false
	}
	all = true
	for i := range rows {
		if !rows[i].measured() {
			continue
		}
		in := c.Eval(rows[i].values.Get) == scenario.True
		some, all = some || in, all && in
	}
	return some, all
}

// compared gives the metrics that a condition compares with a number, and the numbers.
func (r *Run) compared(condition string, scope scenario.Scope) (out []limit) {
	var tiers []string
	for _, t := range r.Rec.Run.Scenario.Target.Tiers {
		tiers = append(tiers, t.Name)
	}
	c, err := scenario.Compile(condition, scope, tiers...)
	if err != nil { // of a version that knew other names: no line is better than a wrong one
		return nil
	}
	return comparisons(c.Parts(), nil)
}

// comparisons adds those of a part to out. What is compared with a multiple of itself, or
// with what was before, has no line.
func comparisons(p *scenario.Part, out []limit) []limit {
	switch p.Op {
	case "and", "or", "not":
		for _, a := range p.Args {
			out = comparisons(a, out)
		}
	case "<", "<=", ">", ">=":
		x, y := p.Args[0], p.Args[1]
		if x.Op == "number" {
			x, y = y, x
		}
		key := strings.TrimPrefix(x.Name, "total.")
		if x.Op == "name" && y.Op == "number" && !strings.HasPrefix(key, "prev.") && !strings.HasPrefix(key, "best.") {
			out = append(out, limit{key: key, value: y.Value})
		}
	}
	return out
}

// refs gives the limits on what a chart draws: on its metrics, and where it shows several
// statistics of one, on its other statistics as well.
func refs(limits []limit, ys []Y) (out []Ref) {
	for _, l := range limits {
		family, stat, _ := strings.Cut(l.key, ".")
		var of []Y
		exact := false
		for _, y := range ys {
			if name, _, _ := strings.Cut(y.Key, "."); name == family {
				of = append(of, y)
				exact = exact || y.Key == l.key
			}
		}
		if len(of) == 0 || len(of) == 1 && !exact {
			continue
		}
		name := strings.TrimSpace(l.name + " " + stat)
		if l.part {
			name += " (some points)"
		}
		out = append(out, Ref{Y: l.value, Name: name, Axis: of[0].Axis})
	}
	return out
}
