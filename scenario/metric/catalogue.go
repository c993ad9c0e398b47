package metric

import (
	"sort"
	"strings"
)

// Def describes one metric of the contract (design: scenario language, Names).
type Def struct {
	Name      string // as conditions, columns and pages name it
	Unit      Unit
	Direction Direction
	Doc       string  // one plain sentence
	Quantile  float64 // 0.5, 0.9 ... for percentiles, else 0: the sample rule hangs on it
	Axis      bool    // names a point (context, hit_rate ...) rather than a result of it
	Threshold bool    // only in thresholds (edges)
	Open      bool    // a family: the name is a prefix, any suffix goes (server., tier_share., edge.)
}

// MinSamples is the least number of samples at which the percentile is shown:
// 1/(1-q), i.e. 2, 10, 20, 100. Zero for what is no percentile.
func (d Def) MinSamples() int {
	switch d.Quantile {
	case 0:
		return 0
	case 0.05, 0.95:
		return 20
	case 0.1, 0.9:
		return 10
	case 0.99:
		return 100
	}
	return 2
}

// VerdictSamples is the least number at which a percentile that an slo, stop or
// threshold names counts as evidence: 59 first tokens for p95 and below, 299 for
// p99 (the sample maximum then lies above the percentile with probability 0.95).
func VerdictSamples(name string) int {
	d, ok := Find(name)
	if !ok || d.Quantile == 0 {
		return 0
	}
	if d.Quantile >= 0.99 {
		return 299
	}
	return 59
}

var catalogue = build()
var byName = index(catalogue)

func build() []Def {
	defs := []Def{
		{Name: "context", Unit: Tokens, Axis: true, Doc: "prompt length asked for"},
		{Name: "working_set", Unit: Tokens, Axis: true, Doc: "working set as asked"},
		{Name: "reuse_distance", Unit: Tokens, Axis: true, Doc: "distinct tokens inserted or touched between two uses of the same prefix, as sent"},
		{Name: "hit_rate", Unit: Percent, Axis: true, Doc: "share of each prompt that is reusable prefix, as intended"},
		{Name: "concurrency", Unit: Count, Axis: true, Doc: "requests in flight asked for"},
		{Name: "hit_rate_observed", Unit: Percent, Direction: HigherIsBetter, Doc: "cached tokens / prompt tokens as the server told them"},
		{Name: "concurrency_achieved", Unit: Count, Direction: Neutral, Doc: "time-weighted requests in flight"},
	}
	for _, f := range []struct{ name, doc string }{
		{"ttft", "time to first token: from request about to be written to the first token event"},
		{"ttlt", "time to last token"},
		{"tpot", "time per output token after the first"},
		{"itl", "inter-token latency: gaps between token events where tokens per event are told"},
		{"icl", "inter-chunk latency: gaps between token events, whatever they carry"},
	} {
		for _, s := range []struct {
			suffix string
			q      float64
		}{{"avg", 0}, {"p50", .5}, {"p90", .9}, {"p95", .95}, {"p99", .99}, {"max", 0}} {
			defs = append(defs, Def{Name: f.name + "." + s.suffix, Unit: Seconds, Direction: LowerIsBetter, Quantile: s.q, Doc: f.doc + ", " + s.suffix})
		}
	}
	defs = append(defs,
		Def{Name: "input_throughput", Unit: TokensPerSecond, Direction: HigherIsBetter, Doc: "prompt tokens whose first token fell in the window, per second"},
		Def{Name: "prefill_throughput", Unit: TokensPerSecond, Direction: HigherIsBetter, Doc: "computed prompt tokens (prompt - cached) per second"},
		Def{Name: "reuse_throughput", Unit: TokensPerSecond, Direction: HigherIsBetter, Doc: "cached prompt tokens per second"},
		Def{Name: "reuse_bandwidth", Unit: GBPerSecond, Direction: HigherIsBetter, Doc: "reused KV in GB/s, where kv_bytes_per_token is known"},
		Def{Name: "output_throughput", Unit: TokensPerSecond, Direction: HigherIsBetter, Doc: "output tokens whose event fell in the window, per second"},
		Def{Name: "output_rate.avg", Unit: TokensPerSecond, Direction: HigherIsBetter, Doc: "output tokens/s per request (1/TPOT), mean"},
		Def{Name: "output_rate.p5", Unit: TokensPerSecond, Direction: HigherIsBetter, Quantile: 0.05, Doc: "output tokens/s per request, 5th percentile"},
		Def{Name: "output_rate.p10", Unit: TokensPerSecond, Direction: HigherIsBetter, Quantile: 0.1, Doc: "output tokens/s per request, 10th percentile"},
		Def{Name: "goodput", Unit: RequestsPerSecond, Direction: HigherIsBetter, Doc: "requests/s that succeeded within the slo's most extreme percentile lines"},
		Def{Name: "goodput_share", Unit: Percent, Direction: HigherIsBetter, Doc: "share of ended requests that were good"},
		Def{Name: "error_rate", Unit: Percent, Direction: LowerIsBetter, Doc: "failed attempts / ended attempts"},
		Def{Name: "attempts", Unit: Count, Direction: Neutral, Doc: "attempts that ended in the window"},
		Def{Name: "completed", Unit: Count, Direction: Neutral, Doc: "successes that ended in the window"},
		Def{Name: "elapsed", Unit: Seconds, Direction: Neutral, Doc: "time since the run began"},
		Def{Name: "tier_share.", Unit: Percent, Open: true, Doc: "share of prompt tokens that a tier served (tier1, tier2 ..., or its name)"},
		Def{Name: "server.", Unit: Number, Open: true, Doc: "server telemetry under its canonical name"},
		Def{Name: "edge.", Unit: Tokens, Direction: HigherIsBetter, Open: true, Threshold: true, Doc: "lower end of the named tier's edge, in tokens of reuse distance"},
	)
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		defs = append(defs, Def{Name: "edge" + n, Unit: Tokens, Direction: HigherIsBetter, Threshold: true, Doc: "lower end of the bracket of transition " + n + ", in tokens of reuse distance"})
	}
	return defs
}

func index(defs []Def) map[string]Def {
	m := make(map[string]Def, len(defs))
	for _, d := range defs {
		if !d.Open {
			m[d.Name] = d
		}
	}
	return m
}

// All gives the catalogue in its documented order.
func All() []Def { return append([]Def(nil), catalogue...) }

// Find gives the definition of a name, of an open family as well.
func Find(name string) (Def, bool) {
	if d, ok := byName[name]; ok {
		return d, true
	}
	for _, d := range telemetry {
		if d.Name == name {
			d.Open = true // of the family
			return d, true
		}
	}
	for _, d := range catalogue {
		if d.Open && strings.HasPrefix(name, d.Name) && len(name) > len(d.Name) {
			d.Name = name
			return d, true
		}
	}
	return Def{}, false
}

// Names lists all closed names, sorted, for suggestions.
func Names() []string {
	out := make([]string, 0, len(byName))
	for n := range byName {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
