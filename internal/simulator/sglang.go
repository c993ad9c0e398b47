package simulator

import "strconv"

// What SGLang tells and vLLM does not: prompt tokens by the tier that supplied them,
// for each request and in its counters. The rest of the dialect stays vLLM's.

// storageBackend is what SGLang calls the place of tiers below the host's memory.
const storageBackend = "file"

// details appends SGLang's member sglext, for a request with
// return_cached_tokens_details, when the profile tells it.
func (g *generation) details(b []byte) []byte {
	if !g.tellsDetails() {
		return b
	}
	var by [3]int64
	for t, n := range g.entry.ByTier {
		by[min(t, 2)] += int64(n)
	}
	b = strconv.AppendInt(append(b, `,"sglext":{"cached_tokens_details":{"device":`...), by[0], 10)
	b = strconv.AppendInt(append(b, `,"host":`...), by[1], 10)
	if len(g.s.p.Tiers) > 2 {
		b = strconv.AppendInt(append(b, `,"storage":`...), by[2], 10)
		b = append(b, `,"storage_backend":"`+storageBackend+`"`...)
	}
	return append(b, "}}"...)
}

func (g *generation) tellsDetails() bool { return g.req.details && g.s.p.Tells.CachedTokensDetails }

// sglang writes SGLang's series, those of a server with a hierarchical cache: tier 1 is
// the device's, tier 2 the host's, what is below the storage's, whose size SGLang does
// not tell.
func (s *Server) sglang(p *page) {
	c := &s.tell
	p.common = append(p.common, `engine_type="unified"`, `moe_ep_rank="0"`, `pp_rank="0"`, `tp_rank="0"`)
	_, used := s.cache.usage()
	p.one("sglang:num_running_reqs", "gauge", "The number of running requests.", float64(c.running.Load()))
	p.one("sglang:num_queue_reqs", "gauge", "The number of requests in the waiting queue.", float64(c.waiting.Load()))
	p.one("sglang:token_usage", "gauge", "The token usage.", used)
	p.one("sglang:max_total_num_tokens", "gauge", "Maximum total number of tokens in the KV cache pool.", float64(s.cache.tiers[0].capacity*s.p.Block))
	if len(s.cache.tiers) > 1 {
		p.one("sglang:hicache_host_used_tokens", "gauge", "Number of tokens used in the host KV cache.", float64(s.cache.blocksIn(1)*s.p.Block))
		p.one("sglang:hicache_host_total_tokens", "gauge", "Total capacity of the host KV cache in tokens.", float64(s.cache.tiers[1].capacity*s.p.Block))
	}
	p.one("sglang:prompt_tokens_total", "counter", "Number of prefill tokens processed.", float64(c.prompt.Load()))
	p.one("sglang:generation_tokens_total", "counter", "Number of generation tokens processed.", float64(c.generated.Load()))
	s.cachedBySource(p)
	p.one("sglang:num_requests_total", "counter", "Number of requests processed.", float64(c.length.Load()+c.stop.Load()))
	p.one("sglang:num_aborted_requests_total", "counter", "Number of requests aborted.", float64(c.abort.Load()))
}

// cachedBySource tells cached prompt tokens by their tier, or their sum where the
// profile keeps the tiers to itself.
func (s *Server) cachedBySource(p *page) {
	const name = "sglang:cached_tokens_total"
	p.family(name, "counter", "Number of cached prompt tokens by source (device/host/storage).")
	by := byPlace(s.tell.source)
	if !s.p.Tells.BySource {
		p.series(name, `cache_source="total"`, float64(by[0]+by[1]+by[2]))
		return
	}
	for i, source := range []string{"device", "host", "storage_" + storageBackend}[:min(3, len(s.cache.tiers))] {
		p.series(name, `cache_source="`+source+`"`, float64(by[i]))
	}
}
