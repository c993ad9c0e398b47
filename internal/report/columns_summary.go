package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// pointRow is one point and trial within its run.
type pointRow struct {
	run   *result.Run
	model string // as the server names it; empty when the run ended before its probe
	p     *result.Point
}

// of gives the column getter of a metric.
func of(name string) func(pointRow) field {
	return func(r pointRow) field { return value(r.p.Row.Get(name)) }
}

const (
	seedMean = "mean over phases of "
	whyPool  = "a mean of percentiles is no percentile: ours are pooled over the window; slow requests that straddle its border count (Kaplan-Meier), a curve that ends before the percentile prints >= the largest age; empty below 1/(1-q) samples"
	whyTPOT  = "the name is the original's: per-request means, not gaps; gaps are itl.* below"
)

// originalPoint are the original's summary columns, in its order.
var originalPoint = []column[pointRow]{
	{"context_size", "tokens", "as asked", "as asked", "", func(r pointRow) field { return integer(r.p.Spec.Context) }},
	{"working_set_size", "tokens", "as asked", "as asked; empty at hit rate 0 and for the tiers of a map", "at hit rate 0 nothing is reused: size has no meaning", func(r pointRow) field { return sized(r.p, workingSet(&r.p.Spec)) }},
	{"cache_hit_rate", "%", "as asked", "as asked; what was sent is hit_rate_intended, what was seen hit_rate_observed", "prefixes are whole chunks, so less may be sent than was asked for", func(r pointRow) field { return rate(&r.p.Spec) }},
	{"model", "", "of the request", "as the server names it", "the name that was asked for may be auto", func(r pointRow) field { return text(r.model) }},
	{"input_tokens_per_sec", "tokens/s", seedMean + "(cached + unique tokens of successes) / (last finish - first launch)", "prompt tokens whose first token fell in the window / the window's length", "the span of a burst includes its ramp and its drain", of("input_throughput")},
	{"output_tokens_per_sec", "tokens/s", seedMean + "output tokens of successes / (last finish - first launch)", "output tokens whose event fell in the window / the window's length", "as above; requests in flight count for what they did inside", of("output_throughput")},
	{"avg_ttft", "s", seedMean + "mean TTFT", "mean TTFT of first tokens in the window", "phases hold unequal numbers of requests: ours is over all of them", of("ttft.avg")},
	{"median_ttft", "s", seedMean + "median TTFT", "TTFT p50", whyPool, of("ttft.p50")},
	{"p95_ttft", "s", seedMean + "p95 of TTFT", "TTFT p95", whyPool, of("ttft.p95")},
	{"p99_ttft", "s", seedMean + "p99 of TTFT", "TTFT p99", whyPool, of("ttft.p99")},
	{"avg_ttlt", "s", seedMean + "mean TTLT", "mean TTLT of last tokens in the window", "likewise", of("ttlt.avg")},
	{"median_ttlt", "s", seedMean + "median TTLT", "TTLT p50", "pooled", of("ttlt.p50")},
	{"p95_ttlt", "s", seedMean + "p95 of TTLT", "TTLT p95", "pooled", of("ttlt.p95")},
	{"p99_ttlt", "s", seedMean + "p99 of TTLT", "TTLT p99", "pooled", of("ttlt.p99")},
	{"avg_output_tokens", "tokens/s", "mean over requests of output tokens / generation_time", "mean over requests of 1 / TPOT", "the name misleads: it is a rate per request. The first token comes at the start of the span, so it is not divided by it", of("output_rate.avg")},
	{"avg_itl", "s", seedMean + "mean of (ttlt - ttft) / (tokens - 1)", "TPOT, mean", whyTPOT, of("tpot.avg")},
	{"median_itl", "s", seedMean + "the median", "TPOT p50", whyTPOT, of("tpot.p50")},
	{"p95_itl", "s", seedMean + "the p95", "TPOT p95", whyTPOT, of("tpot.p95")},
	{"p99_itl", "s", seedMean + "the p99", "TPOT p99", whyTPOT, of("tpot.p99")},
	{"peak_concurrency", "", "the last configured level, run or not; sustained: the largest of any period", "the level of this row; sustained: the level held at this size, not converged: the last one tried", "one row per level or size; `best` marks the best that passed", func(r pointRow) field { return positive(int64(r.p.Level)) }},
	{"total_requests", "", "successes kept", "successes that ended in the window", "those of warm-in and drain are not of the window", of("completed")},
	{"test_duration", "s", "first launch to last finish, gaps between phases included", "length of the measured window", "rates are per this length", func(r pointRow) field { return windowLength(r.p) }},
}

// ownPoint are ours beside the catalogue's metrics: identity and state of the point.
var ownPoint = []column[pointRow]{
	{name: "cell", ours: "key of the cell", get: func(r pointRow) field { return text(r.p.Cell) }},
	{name: "trial", ours: "number of the trial, from 1", get: func(r pointRow) field { return integer(int64(r.p.Trial)) }},
	{name: "origin", ours: "refined, when a bisection made the cell", get: func(r pointRow) field { return text(r.p.Spec.Origin) }},
	{name: "validity", ours: "ok, doubtful, invalid, skipped (not measured) or failed (the cell failed before it)", get: func(r pointRow) field { return text(string(r.p.Validity)) }},
	{name: "reasons", ours: "doubts and notes as code: text, joined by ;", get: func(r pointRow) field { return text(reasons(r.p)) }},
	{name: "stop", ours: "the slo line or stop condition met here", get: func(r pointRow) field { return text(r.p.Stop) }},
	{name: "slo_missed", ours: "1 when the slo was missed", get: func(r pointRow) field { return sized(r.p, measuredOnly(r.p, boolean(r.p.Missed))) }},
	{name: "best", ours: "1: the best passing level of its cell and trial: highest goodput, without one output throughput; sustained: each size that holds the slo", get: func(r pointRow) field { return sized(r.p, measuredOnly(r.p, boolean(r.p.Best))) }},
	{name: "prompt_tokens", unit: "tokens", ours: "R: length of each prompt", get: func(r pointRow) field { return integer(r.p.Spec.R) }},
	{name: "prefix_tokens", unit: "tokens", ours: "reusable tokens of each prompt", get: func(r pointRow) field { return integer(r.p.Spec.Prefix) }},
	{name: "prompts", ours: "P: prompts of the working set; empty at hit rate 0 and for the tiers of a map", get: func(r pointRow) field { return sized(r.p, positive(int64(r.p.Spec.Prompts))) }},
	{name: "working_set_real", unit: "tokens", ours: "P x R, what is really sent", get: func(r pointRow) field { return sized(r.p, positive(r.p.Spec.Real)) }},
	{name: "hot_tokens", unit: "tokens", ours: "P x prefix, distinct tokens that can be reused", get: func(r pointRow) field { return sized(r.p, positive(r.p.Spec.HotTokens)) }},
	{name: "hit_rate_intended", unit: "%", ours: "tokens meant to be found cached / tokens sent", get: func(r pointRow) field { return value(r.p.Intended) }},
	{name: "window_start", unit: "s", ours: "start of the measured window, Unix", get: func(r pointRow) field { return windowStamp(r, r.p.Start) }},
	{name: "window_end", unit: "s", ours: "end of the measured window, Unix", get: func(r pointRow) field { return windowStamp(r, r.p.End) }},
	{name: "windows", ours: "windows pooled into it: 1 + repeats", get: func(r pointRow) field { return sized(r.p, measuredOnly(r.p, integer(int64(1+r.p.Repeats)))) }},
	{name: "ttft_samples", ours: "first tokens in the window", get: func(r pointRow) field { return measuredOnly(r.p, integer(int64(r.p.Samples))) }},
	{name: "errors", ours: "failed attempts that ended in the window", get: func(r pointRow) field { return measuredOnly(r.p, integer(int64(failures(r.p)))) }},
	{name: "errors_by_class", ours: "the same by class, as class=n joined by ;", get: func(r pointRow) field { return text(byClass(r.p.ErrorsBy)) }},
	{name: "input_tokens", unit: "tokens", ours: "prompt tokens counted in the window", get: func(r pointRow) field { return measuredOnly(r.p, told(r.p.InputTokens)) }},
	{name: "output_tokens", unit: "tokens", ours: "output tokens counted in the window", get: func(r pointRow) field { return measuredOnly(r.p, told(r.p.OutputTokens)) }},
	{name: "cached_tokens", unit: "tokens", ours: "of the input tokens, those told to be cached", get: func(r pointRow) field { return measuredOnly(r.p, told(r.p.CachedTokens)) }},
	{name: "touched_share", unit: "0-1", ours: "share of the set touched from the warm-up to the window's end", get: func(r pointRow) field { return sized(r.p, measuredOnly(r.p, number(r.p.Touched))) }},
	{name: "churn", unit: "tokens/s", ours: "tokens inserted per second in the window", get: func(r pointRow) field { return sized(r.p, measuredOnly(r.p, number(r.p.Churn))) }},
	{name: "tier_shares", unit: "%", ours: "share of prompt tokens that each tier served, as tier=share joined by ;", get: func(r pointRow) field { return text(family(r.p.Row, "tier_share.")) }},
	{name: "server", ours: "server telemetry under canonical names, as name=value joined by ;", get: func(r pointRow) field { return text(family(r.p.Row, "server.")) }},
	{name: "scenario_digest", ours: "digest of the resolved scenario", get: func(r pointRow) field { return text(r.run.Digest) }},
	{name: "run_id", ours: "id of the run", get: func(r pointRow) field { return text(r.run.ID) }},
	{name: "labels", ours: "the scenario's labels and those of --label, as a JSON object", get: func(r pointRow) field { return labels(r.run) }},

	{name: "step", ours: "sustained: which of the sizes that the set grows through, from 1", get: func(r pointRow) field { return grown(r.p, integer(int64(r.p.Step+1))) }},
	{name: "steps", ours: "sustained: number of those sizes", get: func(r pointRow) field { return grown(r.p, integer(int64(len(r.p.Spec.Steps)))) }},
	{name: "converged", ours: "sustained: 1 when the level was verified, and held for as long as asked", get: func(r pointRow) field { return grown(r.p, measuredOnly(r.p, boolean(r.p.Converged))) }},
	{name: "bracket_lo", ours: "sustained: the highest level that passed; empty when none did", get: func(r pointRow) field { return positive(int64(r.p.Bracket[0])) }},
	{name: "bracket_hi", ours: "sustained: the lowest level that violated; empty when none did", get: func(r pointRow) field { return positive(int64(r.p.Bracket[1])) }},
	{name: "search_periods", ours: "sustained: periods until a level was first verified, verification included; empty when none was", get: func(r pointRow) field { return positive(int64(r.p.Search)) }},
	{name: "held_periods", ours: "sustained: periods in the measured window: verification and hold", get: func(r pointRow) field { return positive(int64(r.p.Periods)) }},
}

// grown is empty but for the sizes of a set that grows.
func grown(p *result.Point, f field) field {
	if len(p.Spec.Steps) == 0 {
		return field{}
	}
	return f
}

// byName are the metrics of the catalogue that no column above prints, under
// their own names. The order is frozen: a new metric goes to the end of pointColumns.
func byName(names ...string) []column[pointRow] {
	cols := make([]column[pointRow], len(names))
	for i, name := range names {
		d, ok := metric.Find(name)
		if !ok {
			panic("report: no metric " + name)
		}
		cols[i] = column[pointRow]{name: name, unit: unitName(d.Unit), ours: d.Doc, get: of(name)}
	}
	return cols
}

// pointColumns are the summary's columns: the original's, then the metrics of the
// catalogue that those do not print, then what else is known of a point. Columns
// are only ever added at the end.
var pointColumns = slices.Concat(originalPoint, byName(
	"reuse_distance", "hit_rate_observed", "concurrency_achieved",
	"ttft.p90", "ttft.max", "ttlt.p90", "ttlt.max", "tpot.p90", "tpot.max",
	"itl.avg", "itl.p50", "itl.p90", "itl.p95", "itl.p99", "itl.max",
	"icl.avg", "icl.p50", "icl.p90", "icl.p95", "icl.p99", "icl.max",
	"prefill_throughput", "reuse_throughput", "reuse_bandwidth", "output_rate.p5", "output_rate.p10",
	"goodput", "goodput_share", "error_rate", "attempts", "elapsed",
), ownPoint, tierPoint)

func unitName(u metric.Unit) string {
	return map[metric.Unit]string{metric.Seconds: "s", metric.Tokens: "tokens", metric.Percent: "%", metric.TokensPerSecond: "tokens/s", metric.RequestsPerSecond: "requests/s", metric.GBPerSecond: "GB/s"}[u]
}

func measuredOnly(p *result.Point, f field) field {
	if !p.Measured() {
		return field{}
	}
	return f
}

// sized is empty for the tiers of a map: they have no working set, no load and no slo.
func sized(p *result.Point, f field) field {
	if p.Tier != nil {
		return field{}
	}
	return f
}

func windowLength(p *result.Point) field { return measuredOnly(p, nanos(p.End-p.Start)) }

func windowStamp(r pointRow, at int64) field {
	return measuredOnly(r.p, stamp(r.run.Epoch.UnixNano(), at))
}

func reasons(p *result.Point) string {
	parts := make([]string, len(p.Reasons))
	for i, r := range p.Reasons {
		parts[i] = r.Code + ": " + r.Text
	}
	return strings.Join(parts, "; ")
}

func failures(p *result.Point) int {
	n := 0
	for _, c := range p.ErrorsBy {
		n += c
	}
	return n
}

func byClass(m map[string]int) string {
	parts := make([]string, 0, len(m))
	for class, n := range m {
		parts = append(parts, fmt.Sprintf("%s=%d", class, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, ";")
}

// family prints the members of an open family of metrics, sorted by name.
func family(row metric.Row, prefix string) string {
	var parts []string
	for name, v := range row {
		if rest, ok := strings.CutPrefix(name, prefix); ok && v.Known() {
			parts = append(parts, rest+"="+string(value(v).append(nil)))
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, ";")
}
