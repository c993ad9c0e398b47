package html

import (
	"regexp"
	"slices"
	"strconv"
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

// limits gives what the slo, and the stop conditions and thresholds that are one
// comparison, hold metrics of the rows against. A threshold counts where at least one of
// the rows is meant by it.
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
		key, value, ok := comparison(t.Expect)
		if some, all := meant(t.Where, rows); ok && some {
			add(limit{key, value, "threshold", !all})
		}
	}
	for _, s := range sc.Stop {
		if key, value, ok := comparison(s.When); ok {
			add(limit{key, value, "stop", false})
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

// oneComparison is a condition that compares one metric with one number.
var oneComparison = regexp.MustCompile(`^\s*(?:total\.)?([a-z_]+(?:\.[a-z0-9]+)?)\s*[<>]=?\s*([0-9][0-9a-zA-Zµ.]*%?)\s*$`)

// comparison gives the metric and the number of a condition that is one comparison.
func comparison(condition string) (key string, value float64, ok bool) {
	m := oneComparison.FindStringSubmatch(condition)
	if m == nil {
		return "", 0, false
	}
	text := strings.TrimSuffix(m[2], "%")
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return m[1], v, true
	}
	if d, err := scenario.ParseDuration(text); err == nil {
		return m[1], d.Seconds(), true
	}
	size, err := scenario.ParseSize(text)
	return m[1], float64(size), err == nil
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
