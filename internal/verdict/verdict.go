package verdict

import (
	"fmt"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Outcome of a threshold. The zero value is NoVerdict: no data never passes.
type Outcome int8

// Outcomes.
const (
	NoVerdict Outcome = 0
	Pass      Outcome = 1
	Fail      Outcome = -1
)

// String gives the outcome as tables print it.
func (o Outcome) String() string {
	switch o {
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	}
	return "no verdict"
}

// Code is the outcome's exit code.
func (o Outcome) Code() int {
	switch o {
	case Pass:
		return ExitOK
	case Fail:
		return ExitThreshold
	}
	return ExitNoVerdict
}

// Finding is one threshold held against a run.
type Finding struct {
	Expect, Where string
	Outcome       Outcome
	Judged        int     // points (for edges: series) that took part
	Doubtful      int     // of these, doubtful points: they count, and it is said
	Against       []Point // those that crossed it, then those without data
	Reason        string  // why there is no verdict, where no single point is to blame
}

// Point is one point, or one series, that did not pass.
type Point struct {
	Name    string // ctx30000_ws100000_cache100 conc 20
	Outcome Outcome
	Values  []Value // what the expression read there, in its names' order
	Why     string  // of no verdict: invalid, failed, no data
}

// Value is a name that an expression read, and what it was.
type Value struct {
	Name  string
	Unit  metric.Unit
	Value metric.Value
}

// Thresholds holds every threshold of the plan against the summary. Points that an
// slo or a stop condition skipped take no part; a point that failed or is invalid
// gives no verdict; a doubtful one counts. Over trials it is the median that is held.
func Thresholds(sum *result.Summary, gates []scenario.Gate) []Finding {
	out := make([]Finding, 0, len(gates))
	for _, g := range gates {
		f := Finding{Expect: g.Expect.String()}
		if g.Where != nil {
			f.Where = g.Where.String()
		}
		if readsEdges(g.Expect) {
			f.series(sum, g)
		} else {
			f.points(sum, g)
		}
		f.conclude()
		out = append(out, f)
	}
	return out
}

// Code gives the exit code of several findings: 99 before 5 before 0.
func Code(findings []Finding) int {
	codes := make([]int, len(findings))
	for i, f := range findings {
		codes[i] = f.Outcome.Code()
	}
	return Combine(codes...)
}

func readsEdges(c *scenario.Condition) bool {
	for _, n := range c.Names() {
		if d, ok := metric.Find(n); ok && d.Threshold {
			return true
		}
	}
	return false
}

// points judges each cell and level that was not skipped and meets where.
func (f *Finding) points(sum *result.Summary, g scenario.Gate) {
	var tiers []string
	if sum.Run != nil && sum.Run.Scenario != nil {
		tiers = sum.Run.Scenario.Target.TierNames()
	}
	for _, m := range sum.Merged {
		if m.Validity == result.ValidSkipped || !holds(g.Where, m.Row.Get) {
			continue
		}
		name := pointName(m)
		if !m.Usable() {
			f.take(Point{Name: name, Why: string(m.Validity) + worst(m)}, false)
			continue
		}
		f.take(judge(name, g.Expect, result.Named(m.Row, tiers)), m.Validity == result.ValidDoubt)
	}
}

// pointName names a point as tables do: ctx30000_ws100000_cache100 conc 20. A cell that
// grows is named by its largest size, so the point's own stands behind it; a row of a map
// is a tier.
func pointName(m *result.Merged) string {
	if m.Tier != nil {
		return m.Spec.Key + " " + m.Tier.Name
	}
	if len(m.Spec.Steps) == 0 {
		return fmt.Sprintf("%s conc %d", m.Spec.Key, m.Level)
	}
	name := m.Spec.Key
	if m.Spec.WorkingSet > 0 {
		name += " at " + metric.Size(m.Spec.WorkingSet)
	}
	if m.Level > 0 {
		name += fmt.Sprintf(" conc %d", m.Level)
	}
	return name
}

// series judges the edges of each (context, hit rate, level) that has a point that
// meets where and was not skipped. In sustained mode a series has no level: one size
// whose held level meets a where on concurrency brings it in.
func (f *Finding) series(sum *result.Summary, g scenario.Gate) {
	seen := map[result.SeriesKey]bool{}
	for _, m := range sum.Merged {
		k := m.Series()
		if seen[k] || k.HitRate == 0 || m.Validity == result.ValidSkipped || !holds(g.Where, m.Row.Get) {
			continue
		}
		seen[k] = true
		name := fmt.Sprintf("context %s, hit rate %s", metric.Size(k.Context), metric.Text(metric.Percent, k.HitRate))
		if k.Level > 0 {
			name += fmt.Sprintf(", conc %d", k.Level)
		}
		edges := sum.Edges(k)
		if edges == nil {
			f.take(Point{Name: name, Why: "no valid point"}, false)
			continue
		}
		f.take(judge(name, g.Expect, edgeScope(sum, k, edges, m.Row)), doubtfulSeries(sum, k))
	}
}

// edgeScope resolves edge1 ... edge9, edge.NAME and the axes that a series has.
func edgeScope(sum *result.Summary, k result.SeriesKey, edges []metric.Value, axes metric.Row) func(string) metric.Value {
	return func(name string) metric.Value {
		if tier, ok := strings.CutPrefix(name, "edge."); ok {
			return sum.Edge(k, tier)
		}
		if rest, ok := strings.CutPrefix(name, "edge"); ok && len(rest) == 1 && rest[0] >= '1' && int(rest[0]-'1') < len(edges) {
			return edges[rest[0]-'1']
		}
		if d, ok := metric.Find(name); ok && d.Axis && d.Name != "working_set" && d.Name != "reuse_distance" {
			return axes.Get(name)
		}
		return metric.Value{}
	}
}

func doubtfulSeries(sum *result.Summary, k result.SeriesKey) bool {
	for _, m := range sum.Merged {
		if m.Validity == result.ValidDoubt && m.Series() == k {
			return true
		}
	}
	return false
}

// holds reports whether a point meets where. One whose where is unknown does not
// take part: where names what was asked for, which is always known.
func holds(where *scenario.Condition, get func(string) metric.Value) bool {
	return where == nil || where.Eval(get) == scenario.True
}

func judge(name string, expect *scenario.Condition, get func(string) metric.Value) Point {
	p := Point{Name: name}
	switch expect.Eval(get) {
	case scenario.True:
		p.Outcome = Pass
	case scenario.False:
		p.Outcome = Fail
	}
	for _, n := range expect.Names() {
		d, _ := metric.Find(n)
		v := get(n)
		p.Values = append(p.Values, Value{n, d.Unit, v})
		if p.Outcome == NoVerdict && !v.Known() && p.Why == "" {
			p.Why = "no data for " + n
		}
	}
	if p.Outcome == NoVerdict && p.Why == "" {
		p.Why = "a lower bound does not decide it"
	}
	return p
}

func (f *Finding) take(p Point, doubtful bool) {
	f.Judged++
	if doubtful {
		f.Doubtful++
	}
	if p.Outcome != Pass {
		f.Against = append(f.Against, p)
	}
}

// conclude: crossed anywhere is fail; else no data anywhere, or no point at all, is
// no verdict; else pass.
func (f *Finding) conclude() {
	var crossed, unknown []Point
	for _, p := range f.Against {
		if p.Outcome == Fail {
			crossed = append(crossed, p)
		} else {
			unknown = append(unknown, p)
		}
	}
	f.Against = append(crossed, unknown...)
	switch {
	case len(crossed) > 0:
		f.Outcome = Fail
	case f.Judged == 0:
		f.Reason = "no measured point meets it"
	case len(unknown) == 0:
		f.Outcome = Pass
	}
}

// worst gives the reasons of a point that may not be used.
func worst(m *result.Merged) string {
	for _, r := range m.Reasons {
		if r.Class == m.Validity {
			return ": " + r.Code
		}
	}
	return ""
}
