package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// counters are what /metrics tells.
type counters struct {
	running, waiting atomic.Int64 // gauges
	queries          atomic.Int64 // prompt tokens looked up, at admission
	hits             []atomic.Int64
	prompt           atomic.Int64 // prompt tokens, when computed
	source           []atomic.Int64
	generated        atomic.Int64
	length           atomic.Int64
	stop             atomic.Int64
	abort            atomic.Int64
	failed           atomic.Int64
}

func (c *counters) init(tiers int) {
	c.hits, c.source = make([]atomic.Int64, tiers), make([]atomic.Int64, tiers)
}

func (c *counters) admitted(e *Entry) {
	c.queries.Add(int64(e.PromptTokens))
	for t, n := range e.ByTier {
		c.hits[t].Add(int64(n))
	}
}

func (c *counters) prefilled(e *Entry) {
	c.prompt.Add(int64(e.PromptTokens))
	for t, n := range e.ByTier {
		c.source[t].Add(int64(n))
	}
}

func (c *counters) finished(reason string) {
	switch reason {
	case "length":
		c.length.Add(1)
	case "stop":
		c.stop.Add(1)
	case "abort":
		c.abort.Add(1)
	default:
		c.failed.Add(1)
	}
}

// split gives the count of tier 1 and the sum of all others.
func split(tiers []atomic.Int64) (first, below int64) {
	for t := range tiers {
		if t == 0 {
			first = tiers[t].Load()
		} else {
			below += tiers[t].Load()
		}
	}
	return first, below
}

// page writes series in Prometheus' text format.
type page struct {
	b      []byte
	common []string // labels of every series, each `name="value"`
}

func (p *page) family(name, kind, help string) {
	p.b = fmt.Appendf(p.b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// series writes one series; label is `name="value"` or empty. Labels stand in
// alphabetical order, as the engines write them.
func (p *page) series(name, label string, v float64) {
	labels := slices.Clone(p.common)
	if label != "" {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	p.b = fmt.Appendf(p.b, "%s{%s} ", name, strings.Join(labels, ","))
	p.b = append(strconv.AppendFloat(p.b, v, 'g', -1, 64), '\n')
}

func (p *page) one(name, kind, help string, v float64) {
	p.family(name, kind, help)
	p.series(name, "", v)
}

// metrics answers in the style that the profile names.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	p := &page{common: []string{`model_name=` + string(quote(s.p.Model))}}
	if s.p.sglang() {
		s.sglang(p)
	} else {
		s.vllm(p)
	}
	w.Header().Set("Content-Type", "text/plain; version=1.0.0; charset=utf-8")
	w.Write(p.b) //nolint:errcheck // a client that has gone is nobody's error
}

// vllm writes vLLM's series. Tier 1 is vLLM's own cache; the tiers below are
// an external one (prefix_cache_* counts tier 1, external_prefix_cache_* the others).
func (s *Server) vllm(p *page) {
	c := &s.tell
	p.common = append(p.common, `engine="0"`)
	_, used := s.cache.usage()
	hits, external := split(c.hits)
	queries := c.queries.Load()
	p.one("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.", float64(c.running.Load()))
	p.one("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.", float64(c.waiting.Load()))
	p.one("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.", used)
	p.one("vllm:prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.", float64(queries))
	p.one("vllm:prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.", float64(hits))
	p.one("vllm:external_prefix_cache_queries_total", "counter", "External prefix cache queries, in terms of number of queried tokens.", float64(queries-hits))
	p.one("vllm:external_prefix_cache_hits_total", "counter", "External prefix cache hits, in terms of number of cached tokens.", float64(external))
	p.one("vllm:num_preemptions_total", "counter", "Cumulative number of preemption from the engine.", 0)
	p.one("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.", float64(c.prompt.Load()))
	local, below := split(c.source)
	p.one("vllm:prompt_tokens_cached_total", "counter", "Number of cached prompt tokens (local + external).", float64(local+below))
	if s.p.Tells.BySource {
		s.bySource(p)
	}
	p.one("vllm:generation_tokens_total", "counter", "Number of generation tokens processed.", float64(c.generated.Load()))
	p.family("vllm:request_success_total", "counter", "Count of successfully processed requests.")
	p.series("vllm:request_success_total", `finished_reason="stop"`, float64(c.stop.Load()))
	p.series("vllm:request_success_total", `finished_reason="length"`, float64(c.length.Load()))
	p.series("vllm:request_success_total", `finished_reason="abort"`, float64(c.abort.Load()))
	p.series("vllm:request_success_total", `finished_reason="error"`, float64(c.failed.Load()))
	s.cacheConfig(p)
}

// bySource tells which tier supplied prompt tokens.
func (s *Server) bySource(p *page) {
	c := &s.tell
	local, below := split(c.source)
	name := "vllm:prompt_tokens_by_source_total"
	p.family(name, "counter", "Number of prompt tokens by source.")
	p.series(name, `source="local_compute"`, float64(c.prompt.Load()-local-below))
	p.series(name, `source="local_cache_hit"`, float64(local))
	p.series(name, `source="external_kv_transfer"`, float64(below))
	name = "vllm:prompt_tokens_cached_by_source_total"
	p.family(name, "counter", "Prefix-cache hit tokens by the cache tier that supplied them.")
	by := byPlace(c.hits)
	for i, source := range []string{"device", "host", "disk"} {
		p.series(name, `source="`+source+`"`, float64(by[i]))
	}
}

// byPlace sums tokens by where engines say that a tier is: device is tier 1, host tier
// 2, and everything below is one (vLLM's disk, SGLang's storage).
func byPlace(tiers []atomic.Int64) (by [3]int64) {
	for t := range tiers {
		by[min(t, 2)] += tiers[t].Load()
	}
	return by
}

// cacheConfig tells tier 1's size. As in vLLM one block of num_gpu_blocks is not
// usable; kv_cache_size_tokens is what is.
func (s *Server) cacheConfig(p *page) {
	blocks := s.cache.tiers[0].capacity
	p.family("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig")
	p.b = fmt.Appendf(p.b, "vllm:cache_config_info{block_size=\"%d\",cache_dtype=\"auto\",enable_prefix_caching=\"True\",engine=\"0\","+
		"kv_cache_size_tokens=\"%d\",num_cpu_blocks=\"None\",num_gpu_blocks=\"%d\",prefix_caching_hash_algo=\"sha256\"} 1.0\n",
		s.p.Block, blocks*s.p.Block, blocks+1)
}
