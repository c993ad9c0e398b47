package explain

import (
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/engine"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

const (
	percentiles = "Percentiles are linear between ranks; where requests wait for their first token across a border of the window they are Kaplan-Meier, and >= the largest age where that curve ends too early."
	ownSamples  = "Percentiles are linear between ranks."
)

// formulas say how a metric is worked out, by family. They are docs/measurement.md's.
var formulas = map[string]string{
	"context":              "as asked: contexts",
	"working_set":          "as asked: working_set; what is sent is prompts x R, with R the context rounded up to chunk",
	"reuse_distance":       "cyclic access: prompts x (R + output tokens); other access: the median over requests",
	"hit_rate":             "prefix / R, with prefix = hit rate x R rounded down to chunk, less what the server's block takes away",
	"concurrency":          "fixed: the level; sustained: the level that was held",
	"hit_rate_observed":    "100 x cached tokens / prompt tokens, of requests where the server tells them; else from its counters",
	"concurrency_achieved": "time integral of requests in flight (started to the stream's end) / the window's length",
	"ttft":                 "first token event - started. Started: the body is built, a connection is in hand, the first byte is about to be written. It belongs to the window of the first token. " + percentiles,
	"ttlt":                 "last token event - started. It belongs to the window of the last token. " + ownSamples,
	"tpot":                 "per request: (last token event - first token event) / (output tokens - tokens in the first event); none for one token. " + ownSamples,
	"itl":                  "gaps between the token events of a request; none where an event may hold several tokens and the server does not say how many. " + ownSamples,
	"icl":                  "gaps between the token events of a request, whatever each carries. " + ownSamples,
	"input_throughput":     "prompt tokens of the first tokens that fell in the window / the window's length",
	"prefill_throughput":   "(prompt tokens - cached tokens) of the first tokens that fell in the window / the window's length",
	"reuse_throughput":     "cached tokens of the first tokens that fell in the window / the window's length",
	"reuse_bandwidth":      "reuse_throughput x target.kv_bytes_per_token / 1e9",
	"output_throughput":    "output tokens whose event fell in the window / the window's length; requests in flight count for what they did inside",
	"output_rate":          "per request: 1 / TPOT. Low percentiles are the slow requests. " + ownSamples,
	"goodput":              "requests that succeeded within the most extreme percentile line of each metric of the slo / the window's length; none without such a line",
	"goodput_share":        "100 x good requests / ended requests",
	"error_rate":           "100 x failed attempts / ended attempts; it has data as soon as one attempt ended",
	"attempts":             "attempts that ended in the window",
	"completed":            "successes that ended in the window",
	"elapsed":              "time since the run's start, whatever ran",
	"tier_share":           "100 x prompt tokens that the tier served / prompt tokens, from the server's counters by source",
	"server":               "the server's own telemetry, all endpoints together: the mean of a state, the rise of a counter within the window",
	"edge":                 "lower end of the bracket of the transition, in tokens of reuse distance; one for each context, hit rate and level. None found up to X is >= X",
}

// columns are those of summary_{ts}.csv that print a metric under another name.
var columns = map[string]string{
	"context": "context_size", "working_set": "working_set_size", "hit_rate": "cache_hit_rate", "concurrency": "peak_concurrency",
	"input_throughput": "input_tokens_per_sec", "output_throughput": "output_tokens_per_sec", "output_rate.avg": "avg_output_tokens", "completed": "total_requests",
	"ttft.avg": "avg_ttft", "ttft.p50": "median_ttft", "ttft.p95": "p95_ttft", "ttft.p99": "p99_ttft",
	"ttlt.avg": "avg_ttlt", "ttlt.p50": "median_ttlt", "ttlt.p95": "p95_ttlt", "ttlt.p99": "p99_ttlt",
	"tpot.avg": "avg_itl", "tpot.p50": "median_itl", "tpot.p95": "p95_itl", "tpot.p99": "p99_itl",
	"tier_share.": "tier_shares", "server.": "server",
}

// units in words.
var units = map[metric.Unit]string{
	metric.Number: "a number", metric.Seconds: "seconds; in conditions with a unit, as 250ms or 3s", metric.Tokens: "tokens; in conditions as 500k or 1M",
	metric.Percent: "percent, 0 to 100", metric.TokensPerSecond: "tokens/s", metric.RequestsPerSecond: "requests/s", metric.GBPerSecond: "GB/s", metric.Count: "a count",
}

var directions = map[metric.Direction]string{metric.LowerIsBetter: "lower", metric.HigherIsBetter: "higher"}

// metricTopics explains the catalogue, and each family of statistics as a whole.
func metricTopics() []Topic {
	var out []Topic
	families := map[string]int{} // where the family's topic is
	for _, d := range metric.All() {
		family, stat, nested := strings.Cut(d.Name, ".")
		if nested && stat != "" {
			at, known := families[family]
			if !known {
				at = len(out)
				families[family] = at
				doc, _, _ := strings.Cut(d.Doc, ", ")
				out = append(out, Topic{Kind: KindMetric, Name: family, Text: sentence(strings.TrimSuffix(doc, ", "+stat)), Facts: familyFacts(d, family)})
			}
			out[at].Also = append(out[at].Also, d.Name)
		}
		out = append(out, metricTopic(d))
	}
	return out
}

// metricTopic explains one metric, or an open family by its placeholder.
func metricTopic(d metric.Def) Topic {
	family := familyOf(d)
	t := Topic{Kind: KindMetric, Name: d.Name, Text: sentence(d.Doc), aliases: metricHeads[d.Name]}
	if d.Open && d.Name == family+"." {
		t.Name += "NAME"
		t.aliases = []string{family, d.Name}
	}
	var f facts
	f.add("unit", units[d.Unit])
	f.add("formula", formulas[family])
	f.add("better", directions[d.Direction])
	f.add("used in", uses(d))
	f.add("column", columnOf(d))
	if n := d.MinSamples(); n > 0 {
		f.add("samples", "shown from "+itoa(n)+" on; where an slo, stop or threshold names it "+itoa(metric.VerdictSamples(d.Name))+" are needed")
	}
	t.Facts = f
	if family == "server" {
		for _, n := range engine.Canonical {
			t.Also = append(t.Also, n.Name)
		}
	}
	return t
}

func familyFacts(d metric.Def, family string) []Fact {
	var f facts
	f.add("unit", units[d.Unit])
	f.add("formula", formulas[family])
	f.add("better", directions[d.Direction])
	return f
}

// familyOf gives the first part of a name, edge for all edges.
func familyOf(d metric.Def) string {
	if d.Threshold {
		return "edge"
	}
	family, _, _ := strings.Cut(d.Name, ".")
	return family
}

// columnOf names the column that prints a metric.
func columnOf(d metric.Def) string {
	if d.Threshold {
		return "edge_lo_tokens of tiers_{ts}.csv"
	}
	if d.Open {
		return columns[familyOf(d)+"."] + " of summary_{ts}.csv"
	}
	if c, ok := columns[d.Name]; ok {
		return c + " of summary_{ts}.csv"
	}
	return d.Name + " of summary_{ts}.csv"
}

// scopes of a condition, and what a name is compared in there.
var scopes = []struct {
	scope scenario.Scope
	name  string
}{{scenario.StopScope, "stop"}, {scenario.ExpectScope, "thresholds"}, {scenario.WhereScope, "where"}}

// uses says where a metric may stand, by asking the compiler of conditions.
func uses(d metric.Def) string {
	name := d.Name
	if d.Open {
		name = familyOf(d) + ".x"
	}
	var out []string
	for _, s := range scopes {
		if _, err := scenario.Compile(name+" > "+name, s.scope, "x"); err == nil {
			out = append(out, s.name)
		}
	}
	if mapHas(name) {
		return strings.Join(out, ", ") + "; a map has it too"
	}
	return strings.Join(out, ", ") + "; a map has none"
}

// mapHas reports whether a row of a map has a metric, by asking the loader.
func mapHas(name string) bool {
	src := "name: a\ntarget: {endpoints: [\"http://a:1\"], tiers: [{name: x, capacity: 1M}]}\ncontexts: [8k]\nmode: map\nthresholds: [{expect: " + name + " > " + name + "}]\n"
	plan, _ := scenario.Load("a.yaml", []byte(src), scenario.Options{})
	return plan != nil
}

// scopedMetric explains total.NAME, prev.NAME and best.NAME, and names of open families.
func scopedMetric(name string) (Topic, bool) {
	prefix, base, scoped := strings.Cut(name, ".")
	what := map[string]string{"total": "since the point began", "prev": "the period before", "best": "the best point of the cell so far"}[prefix]
	if !scoped || what == "" {
		base, scoped = name, false
	}
	d, ok := metric.Find(base)
	if !ok || !scoped && !open(d) {
		return Topic{}, false
	}
	t := metricTopic(d)
	t.Name = name
	if scoped {
		t.Text += " With " + prefix + ".: " + what + "."
		for i := range t.Facts {
			if t.Facts[i].Name == "used in" {
				t.Facts[i].Text = "stop only"
			}
		}
	}
	for _, n := range engine.Canonical {
		if n.Name == base {
			t.Text, t.Also = sentence(n.Doc), nil
		}
	}
	return t, true
}

// open reports whether a name is of an open family, and not a name of its own.
func open(d metric.Def) bool { return !slices.Contains(metric.Names(), d.Name) }

// sentence begins with a capital and ends with a stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
