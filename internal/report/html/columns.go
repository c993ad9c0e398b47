package html

import (
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// heading is what people read over a column.
type heading struct{ head, unit, title string }

// headings are those of columns that are no metrics of the catalogue.
var headings = map[string]heading{
	"started":                   {"Started, UTC", "date", "when the run began"},
	"trial":                     {"Trial", "", "number of the trial; 0: the median over the trials"},
	"best":                      {"Best", "", "1: the best passing level of its cell: highest goodput, without one output throughput"},
	"working_set_real":          {"Working set sent", "tokens", "whole prompts x their length: what was really sent"},
	"hit_rate_intended":         {"Hit rate intended", "%", "tokens meant to be found in the cache / tokens sent, whole blocks only"},
	"ttft_samples":              {"First tokens", "", "first tokens in the measured window: what the percentiles rest on"},
	"concurrency_lo":            {"Held at least", "", "the highest level that passed; equal to the next column where the search converged"},
	"concurrency_hi":            {"Held at most", "", "the lowest level that violated; empty where none did"},
	"output_rate.p50":           {"Output rate p50", "tokens/s", "1 / TPOT p50: the output tokens/s that half of the requests see at least"},
	"output_throughput_per_gpu": {"Output per GPU", "tokens/s", "output throughput / target.gpus"},
	"output_throughput_speedup": {"Output speed-up", "x", "output throughput / that at the smallest working set of the same context, hit rate and level"},
	"input_throughput_speedup":  {"Input speed-up", "x", "input throughput / that at the smallest working set of the same context, hit rate and level"},
	"ttft_bins":                 {"TTFT distribution", "", "lower border of a bin in seconds : percent of the requests; ten bins a decade"},
	"validity":                  {"Validity", "", "ok, doubtful, invalid, skipped (not measured) or failed"},
	"reasons":                   {"Reasons", "", "doubts and notes"},
}

// metricHeads are the heads of single metrics, families those of statistics.
var (
	metricHeads = map[string]string{
		"context": "Context", "working_set": "Working set", "reuse_distance": "Reuse distance", "hit_rate": "Hit rate", "concurrency": "Concurrency",
		"hit_rate_observed": "Hit rate observed", "concurrency_achieved": "Achieved concurrency",
		"input_throughput": "Input throughput", "prefill_throughput": "Prefill throughput", "reuse_throughput": "Reuse throughput", "reuse_bandwidth": "Reuse bandwidth",
		"output_throughput": "Output throughput", "goodput": "Goodput", "goodput_share": "Goodput share", "error_rate": "Failed attempts", "attempts": "Attempts", "completed": "Completed",
		"elapsed": "Elapsed",
	}
	familyHeads = map[string]string{"ttft": "TTFT", "ttlt": "TTLT", "tpot": "TPOT", "itl": "ITL", "icl": "ICL", "output_rate": "Output rate"}
)

// describe gives the head, the unit and the title of a column by its key.
func describe(key string) (head, unit, title string) {
	if h, ok := headings[key]; ok {
		return h.head, h.unit, h.title
	}
	family, rest, _ := strings.Cut(key, ".")
	switch family {
	case "share":
		return "From " + rest, "%", "share of prompt tokens that " + origin(rest)
	case "source":
		return "Rate from " + rest, "tokens/s", "prompt tokens/s that " + origin(rest)
	case "bandwidth":
		return "KV from " + rest, "GB/s", "KV of the prompt tokens that " + origin(rest)
	}
	d, ok := metric.Find(key)
	if !ok {
		return key, "", ""
	}
	if name := familyHeads[family]; name != "" && rest != "" {
		return name + " " + rest, unitName(d.Unit), d.Doc
	}
	if name := metricHeads[key]; name != "" {
		return name, unitName(d.Unit), d.Doc
	}
	return key, unitName(d.Unit), d.Doc
}

// origin says where prompt tokens came from, after "that".
func origin(source string) string {
	switch source {
	case result.SourceComputed:
		return "were computed"
	case result.SourceCached:
		return "were found in a cache, it is not told in which"
	}
	return "came from " + source
}

// unitName is a unit as the tables and charts of a page name it.
func unitName(u metric.Unit) string {
	switch u {
	case metric.Seconds:
		return "s"
	case metric.Tokens:
		return "tokens"
	case metric.Percent:
		return "%"
	case metric.TokensPerSecond:
		return "tokens/s"
	case metric.RequestsPerSecond:
		return "requests/s"
	case metric.GBPerSecond:
		return "GB/s"
	}
	return ""
}
