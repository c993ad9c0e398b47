package simulator

import (
	"fmt"
	"net/http"
	"strconv"
)

// What is SGLang's: prompt tokens by the tier that supplied them, for each request and
// in its counters, what it says of itself, and how its cache is emptied. The rest of the
// dialect stays vLLM's. Names and forms are those of SGLang's source (2025 and 2026); no
// SGLang was run beside it.

// storageBackend is what SGLang calls the place of tiers below the host's memory: the
// name of the class that keeps them in files.
const storageBackend = "HiCacheFile"

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

// tellsDetails reports whether cached tokens by tier are told: as SGLang does, to who
// asks and only where there are any.
func (g *generation) tellsDetails() bool {
	return g.req.details && g.s.p.Tells.CachedTokensDetails && g.entry.Cached > 0
}

// sglangRoutes are SGLang's calls that vLLM has not, under their old and new names.
func (s *Server) sglangRoutes() {
	for _, path := range []string{"/server_info", "/get_server_info"} {
		s.route("GET", path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.serverInfo()) })
	}
	for _, path := range []string{"/model_info", "/get_model_info"} {
		s.route("GET", path, func(w http.ResponseWriter, _ *http.Request) {
			model := quote(s.p.Model)
			writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"model_path":%s,"tokenizer_path":%s,"is_generation":true}`, model, model))
		})
	}
	if !s.p.Tells.Reset {
		return
	}
	s.mux.HandleFunc("GET /flush_cache", s.flush)
	s.mux.HandleFunc("POST /flush_cache", s.flush)
	s.route("POST", "/hicache/storage-backend/clear", func(w http.ResponseWriter, _ *http.Request) {
		status := http.StatusBadRequest // where there is no storage; the words are the same
		if len(s.p.Tiers) > 2 {
			s.cache.clearTiers(2, len(s.p.Tiers))
			status = http.StatusOK
		}
		writeText(w, status, "Hierarchical cache storage backend cleared.\n")
	})
}

// flush empties the device's and the host's tier, and not the storage. It refuses while
// anything runs or waits.
func (s *Server) flush(w http.ResponseWriter, _ *http.Request) {
	if s.tell.running.Load()+s.tell.waiting.Load() > 0 {
		writeText(w, http.StatusBadRequest, "Flush cache failed.\n")
		return
	}
	s.cache.clearTiers(0, 2)
	writeText(w, http.StatusOK, "Cache flushed.\nPlease check backend logs for more details. (When there are running or waiting requests, the operation will not be performed.)\n")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text)) //nolint:errcheck // a client that has gone is nobody's error
}

// serverInfo is the part of /server_info that tells of the cache: the options of the
// server, what its scheduler found, its version. As in SGLang one token fewer than
// either the context or tier 1 holds may be asked for, and the longest prompt is five
// tokens shorter.
func (s *Server) serverInfo() []byte {
	capacity := s.cache.tiers[0].capacity * s.p.Block
	longest, context := capacity, "null"
	if n := s.p.MaxModelLen; n > 0 {
		longest, context = min(longest, n), strconv.Itoa(n)
	}
	storage := "null"
	if len(s.p.Tiers) > 2 {
		storage = `"file"`
	}
	policy, ratio := "write_through", 0.0
	if s.p.Admit == Second {
		policy = "write_through_selective"
	}
	if len(s.p.Tiers) > 1 {
		ratio = float64(s.p.Tiers[1].Capacity) / float64(s.p.Tiers[0].Capacity)
	}
	model := quote(s.p.Model)
	return fmt.Appendf(nil, `{"model_path":%s,"tokenizer_path":%s,"served_model_name":%s,"context_length":%s,"api_key":null,"admin_api_key":null,"page_size":%d,"dp_size":1,"tp_size":1,`+
		`"disable_radix_cache":false,"enable_metrics":true,"enable_cache_report":%t,"enable_hierarchical_cache":%t,"hicache_ratio":%g,"hicache_size":0,"hicache_write_policy":%q,"hicache_storage_backend":%s,`+
		`"status":"ready","max_total_num_tokens":%d,"max_req_input_len":%d,"internal_states":[{}],"version":%q}`,
		model, model, model, context, s.p.Block, s.p.Tells.CachedTokens, len(s.p.Tiers) > 1, ratio, policy, storage, capacity, max(1, longest-6), SGLangVersion)
}

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
	p.one("sglang:num_retracted_requests_total", "counter", "Total number of retracted requests.", 0)
}

// cachedBySource tells cached prompt tokens by their tier, or their sum where the
// profile keeps the tiers to itself. As in SGLang a series begins with its first hit.
func (s *Server) cachedBySource(p *page) {
	const name = "sglang:cached_tokens_total"
	by := byPlace(s.tell.source)
	sources := []string{"device", "host", "storage_" + storageBackend}
	if !s.p.Tells.BySource {
		by, sources = [3]int64{by[0] + by[1] + by[2]}, []string{"total"}
	}
	if by == [3]int64{} {
		return
	}
	p.family(name, "counter", "Number of cached prompt tokens by source (device/host/storage).")
	for i, source := range sources {
		if by[i] > 0 {
			p.series(name, `cache_source="`+source+`"`, float64(by[i]))
		}
	}
}
