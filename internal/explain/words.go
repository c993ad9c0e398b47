package explain

import "slices"

// word is a name that is neither key nor metric nor code.
type word struct {
	name    string
	aliases []string
	text    string
	also    []string
}

func (w word) topic() Topic {
	return Topic{Kind: KindWord, Name: w.name, Text: w.text, Also: w.also, aliases: w.aliases}
}

// words are those of the documentation, used the same way everywhere.
var words = []word{
	{"scenario", nil, "One YAML file: what is asked for.", []string{"plan", "name"}},
	{"plan", nil, "What a scenario expands to: its cells in their order, with time, tokens and requests. wsrun plan shows it and sends nothing.", []string{"cell", "scenario"}},
	{"cell", nil, "One cache state under test, with its own warm-up. Fixed: a context, a hit rate and a size of the working set; sustained: a context and a hit rate, the set grows inside; map: a context.", []string{"point", "trial"}},
	{"point", nil, "One row of the result: a cell at one level of concurrency (fixed), at one size that it grew to (sustained), or a tier (map).", []string{"cell", "invalid", "doubtful"}},
	{"trial", nil, "One repetition of a cell from a fresh cache state. It is the sample of a comparison: more requests in one trial are no more evidence.", []string{"trials", "compare.alpha"}},
	{"period", nil, "One assessment window inside a point. Load goes on across its borders, and its divisor is its own length.", []string{"assessment_period"}},
	{"window", nil, "The time in which a point is measured. Requests in flight at its borders count for what they did inside.", []string{"duration", "warm_in_max", "drain"}},
	{"tier", nil, "A level of the KV cache: the GPU's memory (HBM), the host's (DRAM), a disk or a remote store; beyond the last one a prompt is computed again.", []string{"target.tiers", "edge", "transition"}},
	{"transition", nil, "Where the working set outgrows a tier: between two sizes the cost of a prompt, or the tier that serves it, changes. It is told as a bracket, between a and b tokens of reuse distance.", []string{"edge1", "working_set.refine"}},
	{"edge", nil, "The reuse distance at which a tier is full and prompts fall to the next one.", []string{"edge1", "edge.NAME", "tier"}},
	{"reuse distance", []string{"reuse-distance"}, "Distinct tokens that are inserted or touched between two uses of the same prefix. Under LRU a tier ends where it exceeds the capacity, at any hit rate.", []string{"reuse_distance"}},
	{"hot tokens", []string{"hot-tokens"}, "Distinct tokens that can be reused: hit rate x working set.", []string{"hit_rates", "working_set"}},
	{"prefix cache", []string{"prefix-cache", "prefix caching"}, "A server's memory of the KV of prompts that it has seen: a prompt that begins like an earlier one need not compute that part again.", []string{"hit_rate_observed", "no-reuse"}},
	{"warm-up", []string{"warmup phase"}, "Sends every prompt of the working set once, in order, with its full shape, before a cell is measured.", []string{"warmup", "warmup.rewarm"}},
	{"warm-in", nil, "The time between a level's start and its measured window, until concurrency is full and each worker has finished a request.", []string{"warm_in_max", "warm-in-cut"}},
	{"slo", nil, "What is acceptable: limits on latency and output rate. It drives the search of sustained mode, ends higher levels in fixed mode, and defines goodput. It never makes a run fail.", []string{"stop", "thresholds", "goodput"}},
	{"stop", nil, "What is enough: a condition that ends a search early, at a level, a cell, a sweep or the run. It makes the run fail only with fail: true.", []string{"slo", "thresholds", "stop[].when"}},
	{"thresholds", []string{"threshold"}, "Pass or fail: lines that the result is held against when all is measured. One that is crossed ends with exit code 99; one without data is no verdict, exit code 5.", []string{"slo", "stop", "thresholds[].expect"}},
	{"condition", []string{"conditions"}, "An expression over metrics, in stop and thresholds: ttft.p95 > 3s or error_rate > 5%. Values carry their unit: time (3s), tokens (1M), percent (5%). It knows and, or, not, comparisons, + - * /, and min, max, abs. In stop a bare metric is that of the level just finished, or of the last period; total., prev. and best. before it say otherwise. In thresholds it is the point's total. No data is neither true nor false: false and unknown is false, true or unknown is true; a stop that is unknown does not stop, a threshold that is unknown is no verdict.", []string{"stop", "thresholds", "metric"}},
	{"metric", []string{"metrics"}, "A figure with a name, a unit and a direction; the same in conditions, columns and pages. wsrun explain lists them.", []string{"ttft", "condition"}},
	{"validity", nil, "How far a point can be trusted: ok, doubtful or invalid, with reasons. Each has a code that is explained here.", []string{"ok", "doubtful", "invalid"}},
	{"verdict", nil, "What comes of thresholds or of a comparison: pass, fail, or none. No data never passes.", []string{"thresholds", "compare"}},
	{"fixed", nil, "mode: fixed measures each size of the working set at each level of concurrency.", []string{"mode", "concurrency"}},
	{"sustained", nil, "mode: sustained lets the working set grow, and at each size finds the concurrency that the slo bears.", []string{"mode", "slo", "growth"}},
	{"simulator", nil, "The built-in server with a tiered cache of known capacity and cost: to try things out, and to test wsrun itself. wsrun explain profile NAME prints one of its profiles.", []string{"target.simulator.profile"}},
}

func wordTopics() []Topic {
	var out []Topic
	for _, w := range slices.Concat(words, heads, pageHeads, planKeys, states, things) {
		out = append(out, w.topic())
	}
	return out
}
