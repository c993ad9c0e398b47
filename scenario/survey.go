package scenario

import (
	"fmt"
	"slices"

	"github.com/wsrun/wsrun/scenario/metric"
)

// defaultMapMax is how far a map looks where the file does not say.
const defaultMapMax = 20_000_000

// leastMapped is the number of prompts that a map can begin with: fewer have no depths
// that could be told apart.
const leastMapped = 8

// notInMap are the keys that a map has not: the modes that have them, and why a map
// does without.
var notInMap = []struct{ path, modes, why string }{
	{"/working_set/min", "fixed and sustained", "a map begins with a few prompts"},
	{"/working_set/steps", "fixed and sustained", "a map chooses its depths itself"},
	{"/working_set/spacing", "fixed and sustained", "a map chooses its depths itself"},
	{"/working_set/refine", "fixed", "map.resolution says how narrow a bracket becomes"},
	{"/hit_rates", "fixed and sustained", "a map's prompts are used again as a whole"},
	{"/output_tokens", "fixed and sustained", "a map asks for one output token"},
	{"/access", "fixed and sustained", "a map chooses which prompt it asks for"},
	{"/duration", "fixed and sustained", "a map ends when the edges are found"},
	{"/assessment_period", "fixed and sustained", "a map has no windows"},
	{"/warm_in_max", "fixed and sustained", "looks are sent one at a time"},
	{"/drain", "fixed and sustained", "looks are sent one at a time"},
	{"/concurrency", "fixed and sustained", "looks are sent one at a time, new prompts with warmup.concurrency"},
	{"/rate", "fixed", "looks are sent one at a time"},
	{"/arrivals", "fixed", "looks are sent one at a time"},
	{"/growth", "sustained", "a map grows until the deepest prompt is cold"},
	{"/on_miss", "fixed", "a map has no levels"},
	{"/repeats", "fixed", "map.looks says how often a depth is looked at"},
	{"/warmup/rewarm", "fixed", "a map is warmed once"},
	{"/warmup/verify", "fixed and sustained", "a map looks at what is there in any case"},
	{"/slo", "fixed and sustained", "a map has no levels; thresholds say what must hold"},
	{"/stop", "fixed and sustained", "a map ends when the edges are found"},
}

// mapRules holds the keys against mode map, and fills in what it alone has. What it has
// not is empty, so that nothing in a record says what was never asked for.
func (r *resolver) mapRules(sc *Scenario) {
	for _, k := range notInMap {
		if r.given(k.path) {
			r.faultKey("other-mode", k.path, "%s belongs to mode: %s, this scenario is map: remove it (%s)", pathName(k.path), k.modes, k.why)
		}
	}
	ws, m := section(r.raw.WorkingSet), section(r.raw.Map)
	if ws.short {
		r.fault("other-mode", "/working_set", "sizes belong to mode: fixed and sustained, a map looks at every distance: write how far, as working_set: {max: 20M}, or remove it for that default")
	}
	sc.Map = Survey{Max: r.tokens("/working_set/max", def(ws.Max, rawSetSize{tokens: defaultMapMax}), sc.Target.KVBytesPerToken), Resolution: float64(def(m.Resolution, 2)) / 100, Policy: def(m.Policy, false)}
	if n := section(m.Looks).N; n != nil {
		sc.Map.Looks = int(*n)
	}
	sc.HitRates, sc.OutputTokens, sc.Access = []float64{100}, 1, "depth"
	sc.WarmInMax, sc.Drain, sc.OnMiss, sc.Repeats = 0, 0, "", 0
	sc.Warmup.Rewarm, sc.Warmup.Verify = "", false
	sc.SLO, sc.Stop = SLO{}, nil
	if n := len(sc.Target.Endpoints); n > 1 && sc.Target.Balance != "pinned" && r.clean("/target") {
		at := "/target/balance"
		if !r.given(at) {
			at = "/target/endpoints"
		}
		r.fault("map-endpoints", at, "a map follows the order in which one cache was used, and balance: %s would spread it over %d: write balance: pinned, which keeps a prompt at its endpoint, or one endpoint", sc.Target.Balance, n)
	}
}

// MapKey names the cell of mode map: ctx8000_map. A context has one.
func MapKey(context int64) string { return fmt.Sprintf("ctx%d_map", context) }

// maps builds the cells of mode map: one for each context, as large as it may become.
func (e *expansion) maps() {
	e.contexts(func(i int, context, r int64) {
		c := e.mapCell(context, r)
		if c.Prompts < leastMapped {
			e.note(false, "map-too-short", e.mapLimit(i), "%s tokens are %d prompts of %d: a map needs at least %d; look as far as %s, or use a smaller context", FormatSize(e.sc.Map.Max), c.Prompts, r, leastMapped, FormatSize(leastMapped*r))
			return
		}
		e.plan.Cells = append(e.plan.Cells, c)
	})
}

// mapLimit is the path of what makes a map too short: the limit, or the context where
// nobody wrote a limit.
func (e *expansion) mapLimit(i int) string {
	if e.sc.Map.Max == defaultMapMax {
		return "/contexts/" + itoa(i)
	}
	return "/working_set/max"
}

func (e *expansion) mapCell(context, r int64) Cell {
	c := e.cell(context, e.sc.Map.Max, 100, r, r)
	c.Key = MapKey(context)
	return c
}

// mapMetrics are the metrics that a row of a map has: a row is a tier, or what is
// beyond the last one.
var mapMetrics = []string{"context", "reuse_distance", "hit_rate_observed", "ttft.avg", "ttft.p50", "ttft.p90", "ttft.p95", "ttft.p99", "ttft.max", "completed"}

// noteMap: a condition of a map can only name what a map has.
func (e *expansion) noteMap(path string, c *Condition, edges bool) bool {
	if c == nil || e.sc.Mode != mapped {
		return true
	}
	for _, name := range c.Names() {
		d, _ := metric.Find(name)
		tier, _ := tierOf(name)
		switch {
		case d.Threshold, name == "context", !edges && (tier != "" || slices.Contains(mapMetrics, name)):
		case edges:
			e.note(false, "condition-scope", path, "a map has one edge of each number for each context, at hit rate 100 and one request at a time: %s cannot stand here, only context", name)
			return false
		default:
			e.note(false, "condition-scope", path, "a map has no %s: its rows are tiers, which have ttft.p50 (and the like), hit_rate_observed, tier_share.NAME, completed, context, and reuse_distance, where the tier begins", name)
			return false
		}
	}
	return true
}

// mapAxes gives what names the rows of a map before they are known: they begin
// anywhere.
func (c Cell) mapAxes() metric.Row {
	row := metric.Row{}
	row.Set("context", metric.Of(float64(c.Context)))
	row.Set("reuse_distance", metric.Lower(0))
	return row
}

// mapLooks is about how many requests a map sends beside the prompts that are sent once:
// looks, and prompts sent again one at a time to restore their order. It was measured in
// the survey's laboratory (go test -v ./runner/survey/lab -seeds 20: twelve caches of 60 to
// 1,000 prompts): at 2 and 10 % spread of TTFT the median is 138 where tokens are told by
// source, 151 where cached tokens are told, and 160 on TTFT alone (40, 53 and 66 of them
// looks; nine maps in ten take at most 322). At 30 % on TTFT alone it is 226.
const mapLooks = 150

// MapFactor is the most that a map sends where TTFT does not vary: requests over the
// prompts of the largest edge (design: measurement, Map).
const MapFactor = 2.2

// estimateMap gives what a map costs at most, over all trials: it ends as soon as the
// deepest prompt is cold, and where that is nobody knows before.
func (p *Plan) estimateMap(c Cell) Estimate {
	n := int64(p.Scenario.Trials)
	return Estimate{WarmupTokens: n * c.Real, WarmupRequests: n * int64(c.Prompts), LookRequests: n * mapLooks,
		PeakStreams: p.Scenario.Warmup.Concurrency, Points: int(n)}
}
