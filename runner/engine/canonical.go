package engine

import (
	"strings"

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
	Label  string   // with Value: only series whose label is that; a Value that ends in * is the beginning of it, an empty one is of series without the label
	Value  string
	Not    []string // values of Label that are left out
	Scale  float64  // factor; 0 is 1
	Mean   bool     // the mean over engines, for shares

	// Ranks is for what SGLang's workers tell, tensor-parallel ones the same several times:
	// of one data-parallel rank the largest counts once, and what carries a priority is part
	// of what carries none.
	Ranks bool

	// Begins is for counters by label of which a series begins with its first count: where
	// others of the same name are there, and this series is too, a missing one is 0.
	Begins string
}

func from(series ...string) Source { return Source{Series: series} }

func by(series, label, value string) Source {
	return Source{Series: []string{series}, Label: label, Value: value}
}

// share is a share of 0..1, given in percent.
func share(series string) Source {
	return Source{Series: []string{series}, Scale: 100, Mean: true}
}

// ranks is a reading of SGLang's workers.
func ranks(series string) Source { return Source{Series: []string{series}, Ranks: true} }

// storage are the prompt tokens from a storage of SGLang's HiCache, by its class.
func storage(class string) Source { return by(sglangCached, cacheSource, "storage_"+class) }

const (
	bySource       = "vllm:prompt_tokens_by_source_total"
	cachedBySource = "vllm:prompt_tokens_cached_by_source_total"
	sglangCached   = "sglang:cached_tokens_total"
	sglangPrompt   = "sglang:prompt_tokens_total"
	cacheSource    = "cache_source"
	hostTotal      = "sglang:hicache_host_total_tokens"
)

// What SGLang calls a storage that keeps files: the class of it, and a shorter name.
var fileStorages = []string{"HiCacheFile", "file"}

// Canonical lists the names under which telemetry is recorded, with the series they
// are read from: those of vLLM (0.8 to 0.32, and what speaks like it), of SGLang (0.5)
// and of llama.cpp. Counters are as read; differences are the reader's. SGLang counts a
// prompt's tokens when its request ends, and of the cached ones those by source are used:
// the source "total" stands for requests of which no source is known.
var Canonical = []Name{
	{Name: "server.requests_running", Unit: metric.Count, Doc: "requests being computed",
		Sources: []Source{from("vllm:num_requests_running"), ranks("sglang:num_running_reqs"), from("llamacpp:requests_processing")}},
	{Name: "server.requests_waiting", Unit: metric.Count, Doc: "requests in the server's queue",
		Sources: []Source{from("vllm:num_requests_waiting"), ranks("sglang:num_queue_reqs"), from("llamacpp:requests_deferred")}},
	{Name: "server.kv_usage", Unit: metric.Percent, Doc: "share of the first tier's KV cache in use, mean over engines",
		Sources: []Source{share("vllm:kv_cache_usage_perc"), share("vllm:gpu_cache_usage_perc"),
			{Series: []string{"sglang:token_usage"}, Scale: 100, Mean: true, Ranks: true}, share("llamacpp:kv_cache_usage_ratio")}},
	{Name: "server.prompt_tokens", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens of all requests, cached ones included",
		Sources: []Source{from("vllm:prompt_tokens_total"), from(sglangPrompt), from("llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total")}},
	{Name: "server.prompt_tokens_computed", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens that no cache held",
		Sources: []Source{by(bySource, "source", "local_compute"), from("llamacpp:prompt_tokens_total")}},
	{Name: "server.cached_tokens.local", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found in the engine's own cache",
		Sources: []Source{by(bySource, "source", "local_cache_hit"), from("llamacpp:prompt_tokens_cached_total")}},
	{Name: "server.cached_tokens.external", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from a tier outside the engine's own cache (KV connector)",
		Sources: []Source{by(bySource, "source", "external_kv_transfer")}},
	{Name: "server.cached_tokens.hbm", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found in the device's own memory (vLLM and SGLang: source device)",
		Sources: []Source{by(cachedBySource, "source", "device"), {Series: []string{sglangCached}, Label: cacheSource, Value: "device", Begins: sglangCached}}},
	{Name: "server.cached_tokens.dram", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from the host's memory (vLLM and SGLang: source host)",
		Sources: []Source{by(cachedBySource, "source", "host"), {Series: []string{sglangCached}, Label: cacheSource, Value: "host", Begins: hostTotal}}},
	{Name: "server.cached_tokens.disk", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from disk",
		Sources: []Source{by(cachedBySource, "source", "disk"), storage(fileStorages[0]), storage(fileStorages[1])}},
	{Name: "server.cached_tokens.storage", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from a storage that is no disk (SGLang: any but files)",
		Sources: []Source{{Series: []string{sglangCached}, Label: cacheSource, Value: "storage_*", Not: []string{"storage_" + fileStorages[0], "storage_" + fileStorages[1]}}}},
	{Name: "server.cached_tokens.p2p", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded from another server",
		Sources: []Source{by(cachedBySource, "source", "p2p")}},
	{Name: "server.cached_tokens.external_unspecified", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens loaded by a connector that does not say from where",
		Sources: []Source{by(cachedBySource, "source", "external_unspecified")}},
	// Before vLLM's by_source counters these two are all there is. Releases before
	// July 2026 count a request again at each scheduling retry.
	{Name: "server.cache_queries", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens looked up in the engine's own cache",
		Sources: []Source{from("vllm:prefix_cache_queries_total"), from("vllm:gpu_prefix_cache_queries_total"), from(sglangPrompt)}},
	{Name: "server.cache_hits", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens found there by those look-ups",
		Sources: []Source{from("vllm:prefix_cache_hits_total"), from("vllm:gpu_prefix_cache_hits_total"), by(sglangCached, cacheSource, "total"), by(sglangCached, cacheSource, "")}},
	{Name: "server.external_cache_hits", Unit: metric.Tokens, Counter: true, Doc: "prompt tokens that the engine's own cache missed and a KV connector found",
		Sources: []Source{from("vllm:external_prefix_cache_hits_total")}},
	{Name: "server.generation_tokens", Unit: metric.Tokens, Counter: true, Doc: "output tokens",
		Sources: []Source{from("vllm:generation_tokens_total"), from("sglang:generation_tokens_total"), from("llamacpp:tokens_predicted_total")}},
	{Name: "server.preemptions", Unit: metric.Count, Counter: true, Doc: "requests thrown out of the KV cache and computed again",
		Sources: []Source{from("vllm:num_preemptions_total"), ranks("sglang:num_retracted_requests_total")}},
}

// wanted holds every series that Canonical reads, and those that tell capacities and
// limits.
var wanted = func() map[string]bool {
	m := map[string]bool{configInfo: true, hostTotal: true, "sglang:max_total_num_tokens": true, "sglang:page_size": true, "sglang:context_len": true}
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
	if cached, ok := tiersRose(before, after); ok {
		total, told := delta(before, after, "server.prompt_tokens")
		return cached, total, told
	}
	queries, okQ := delta(before, after, "server.cache_queries")
	hits, okH := rose(before, after, "server.cache_hits")
	external, _ := delta(before, after, "server.external_cache_hits")
	return hits + max(0, external), queries, okQ && okH
}

// tiersRose adds up the cached tokens that were counted by the tier that held them; ok is
// false where none is.
func tiersRose(before, after map[string]float64) (sum float64, ok bool) {
	for _, n := range Canonical {
		if name := n.Name; strings.HasPrefix(name, tierPrefix) && name != tierPrefix+"local" && name != tierPrefix+"external" {
			if v, counted := rose(before, after, name); counted {
				sum, ok = sum+v, true
			}
		}
	}
	return sum, ok
}

// rose is delta of a counter that may begin with its first count.
func rose(before, after map[string]float64, name string) (float64, bool) {
	b, ok := after[name]
	return b - before[name], ok && b >= before[name]
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
