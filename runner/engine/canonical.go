package engine

import (
	"github.com/wsrun/wsrun/scenario/metric"
)

// Name is one canonical name of telemetry, and where it comes from.
type Name struct {
	Name    string
	Unit    metric.Unit
	Counter bool // rises until the server restarts; else a reading of the moment
	Doc     string
	// Sources, best first: the first one of which any series is there gives the
	// value. Values of several engines or ranks are added, means are averaged.
	Sources []Source
}

// Source is one or several series that together are a value.
type Source struct {
	Series []string // added together; each must be there
	Label  string   // with Value: only series that carry this label
	Value  string
	Scale  float64 // factor; 0 is 1
	Mean   bool    // the mean over engines, for shares
}

func from(series ...string) Source { return Source{Series: series} }

func by(series, label, value string) Source {
	return Source{Series: []string{series}, Label: label, Value: value}
}

// share is a share of 0..1, given in percent.
func share(series string) Source {
	return Source{Series: []string{series}, Scale: 100, Mean: true}
}

const (
	bySource       = "vllm:prompt_tokens_by_source_total"
	cachedBySource = "vllm:prompt_tokens_cached_by_source_total"
)

// Canonical lists the names under which telemetry is recorded, with the series they
// are read from: those of vLLM (0.8 to 0.32, and what speaks like it) and of
// llama.cpp. Counters are as read; differences are the reader's.
var Canonical = []Name{
	{Name: "server.requests_running", Unit: metric.Count, Doc: "requests being computed",
		Sources: []Source{from("vllm:num_requests_running"), from("llamacpp:requests_processing")}},
	{Name: "server.requests_waiting", Unit: metric.Count, Doc: "requests in the server's queue",
		Sources: []Source{from("vllm:num_requests_waiting"), from("llamacpp:requests_deferred")}},
	{Name: "server.kv_usage", Unit: metric.Percent, Doc: "share of the first tier's KV cache in use, mean over engines",
		Sources: []Source{share("vllm:kv_cache_usage_perc"), share("vllm:gpu_cache_usage_perc"), share("llamacpp:kv_cache_usage_ratio")}},
	{Name: "server.prompt_tokens", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens of all requests, cached ones included",
		Sources: []Source{from("vllm:prompt_tokens_total"), from("llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total")}},
	{Name: "server.prompt_tokens_computed", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens that no cache held",
		Sources: []Source{by(bySource, "source", "local_compute"), from("llamacpp:prompt_tokens_total")}},
	{Name: "server.cached_tokens.local", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found in the engine's own cache",
		Sources: []Source{by(bySource, "source", "local_cache_hit"), from("llamacpp:prompt_tokens_cached_total")}},
	{Name: "server.cached_tokens.external", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from a tier outside the engine's own cache (KV connector)",
		Sources: []Source{by(bySource, "source", "external_kv_transfer")}},
	{Name: "server.cached_tokens.hbm", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found in the device's own memory (vLLM: source device)",
		Sources: []Source{by(cachedBySource, "source", "device")}},
	{Name: "server.cached_tokens.dram", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from the host's memory (vLLM: source host)",
		Sources: []Source{by(cachedBySource, "source", "host")}},
	{Name: "server.cached_tokens.disk", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from disk",
		Sources: []Source{by(cachedBySource, "source", "disk")}},
	{Name: "server.cached_tokens.p2p", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from another server",
		Sources: []Source{by(cachedBySource, "source", "p2p")}},
	{Name: "server.cached_tokens.external_unspecified", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded by a connector that does not say from where",
		Sources: []Source{by(cachedBySource, "source", "external_unspecified")}},
	// Before vLLM's by_source counters these two are all there is. Releases before
	// July 2026 count a request again at each scheduling retry.
	{Name: "server.cache_queries", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens looked up in the engine's own cache",
		Sources: []Source{from("vllm:prefix_cache_queries_total"), from("vllm:gpu_prefix_cache_queries_total")}},
	{Name: "server.cache_hits", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found there by those look-ups",
		Sources: []Source{from("vllm:prefix_cache_hits_total"), from("vllm:gpu_prefix_cache_hits_total")}},
	{Name: "server.external_cache_hits", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens that the engine's own cache missed and a KV connector found",
		Sources: []Source{from("vllm:external_prefix_cache_hits_total")}},
	{Name: "server.generation_tokens", Unit: metric.Tokens, Counter: true, Doc: "output tokens",
		Sources: []Source{from("vllm:generation_tokens_total"), from("llamacpp:tokens_predicted_total")}},
	{Name: "server.preemptions", Unit: metric.Count, Counter: true, Doc: "requests thrown out of the KV cache and computed again",
		Sources: []Source{from("vllm:num_preemptions_total")}},
}

// wanted holds every series that Canonical reads.
var wanted = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range Canonical {
		for _, s := range n.Sources {
			for _, series := range s.Series {
				m[series] = true
			}
		}
	}
	return m
}()

const tierPrefix = "server.cached_tokens."

// delta gives after - before of a counter. ok is false when either is missing or it
// fell, which means that the server was restarted.
func delta(before, after map[string]float64, name string) (float64, bool) {
	a, okA := before[name]
	b, okB := after[name]
	return b - a, okA && okB && b >= a
}

// cachedOf gives the cached and all prompt tokens between two scrapes of one server. The
// counters of tokens by source are preferred to those of look-ups. ok is false when the
// server tells neither and when it was restarted.
func cachedOf(before, after map[string]float64) (cached, total float64, ok bool) {
	computed, okC := delta(before, after, "server.prompt_tokens_computed")
	local, okL := delta(before, after, tierPrefix+"local")
	if okC && okL {
		external, _ := delta(before, after, tierPrefix+"external")
		cached = local + max(0, external)
		return cached, cached + computed, true
	}
	if fell(before, after) {
		return 0, 0, false
	}
	queries, okQ := delta(before, after, "server.cache_queries")
	hits, okH := delta(before, after, "server.cache_hits")
	external, _ := delta(before, after, "server.external_cache_hits")
	return hits + max(0, external), queries, okQ && okH
}

// fell reports whether any counter that both scrapes hold went back.
func fell(before, after map[string]float64) bool {
	for _, n := range Canonical {
		if a, ok := before[n.Name]; ok && n.Counter {
			if b, ok := after[n.Name]; ok && b < a {
				return true
			}
		}
	}
	return false
}
