package scenario

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario/metric"
)

// gated checks the lines of compare.gate: each names a metric that can become worse,
// and points that are planned.
func (e *expansion) gated(clean func(paths ...string) bool) {
	for i, g := range e.sc.Compare.Gate {
		at := "/compare/gate/" + itoa(i)
		var where *Condition
		if clean(at) && e.gatedMetric(at+"/metric", g.Metric) {
			def, _ := metric.Find(g.Metric)
			where = e.where(at+"/where", g.Where, def.Threshold, "nothing would ever be compared")
		}
		e.plan.Gated = append(e.plan.Gated, where)
	}
}

// gatedMetric holds a name against the catalogue, and against what the mode measures.
func (e *expansion) gatedMetric(path, name string) bool {
	def, known := metric.Find(name)
	tier, named := tierOf(name)
	tiers := e.sc.Target.TierNames()
	switch {
	case !known:
		e.note(false, "condition-name", path, "compare.gate: %q is no metric%s", name, meant(name, metric.Names(), "write the name of one, as ttft.p95"))
	case def.Axis, def.Direction == metric.Neutral && !def.Open:
		e.note(false, "condition-name", path, "compare.gate: %s is neither better nor worse when it changes: write a metric that is, as ttft.p95 or output_throughput", name)
	case named && !slices.Contains(tiers, tier) && (len(tiers) > 0 || def.Threshold):
		e.note(false, "condition-name", path, "compare.gate: no tier is named %q%s", tier, meant(tier, tiers, "name it in target.tiers"))
	case e.sc.Mode == mapped && !def.Threshold && !named && !slices.Contains(mapMetrics, name):
		e.note(false, "condition-scope", path, "compare.gate: a map has no %s: it has edge1 (and the like), ttft.p50 (and the like), hit_rate_observed and tier_share.NAME", name)
	case strings.HasPrefix(name, "goodput") && !e.sc.SLO.holdsRequests():
		e.note(false, "goodput-without-slo", path, "compare.gate: %s needs an slo with a percentile or max line, as slo: {ttft: {p95: 5s}}: without one it never has data", name)
	default:
		return true
	}
	return false
}

// holdsRequests reports whether a line says of a single request whether it was good:
// a percentile or max, no mean.
func (s SLO) holdsRequests() bool {
	return slices.ContainsFunc(slices.Concat(s.TTFT, s.OutputRate), func(l Line) bool { return l.Stat != "avg" })
}
