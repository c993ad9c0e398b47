package metric

// telemetry are the canonical names of what servers tell of themselves. Which of them a
// server tells is its own business, so that the family stays open; runner/engine says
// which series each is read from, and a test there holds the two lists together.
var telemetry = []Def{
	{Name: "server.requests_running", Unit: Count, Doc: "requests being computed"},
	{Name: "server.requests_waiting", Unit: Count, Doc: "requests in the server's queue"},
	{Name: "server.kv_usage", Unit: Percent, Doc: "share of the first tier's KV cache in use, mean over engines"},
	{Name: "server.prompt_tokens", Unit: Tokens, Doc: "prompt tokens of all requests, cached ones included"},
	{Name: "server.prompt_tokens_computed", Unit: Tokens, Doc: "prompt tokens that no cache held"},
	{Name: "server.cached_tokens.local", Unit: Tokens, Doc: "prompt tokens found in the engine's own cache"},
	{Name: "server.cached_tokens.external", Unit: Tokens, Doc: "prompt tokens loaded from a tier outside the engine's own cache (KV connector)"},
	{Name: "server.cached_tokens.hbm", Unit: Tokens, Doc: "prompt tokens found in the device's own memory (vLLM and SGLang: source device)"},
	{Name: "server.cached_tokens.dram", Unit: Tokens, Doc: "prompt tokens loaded from the host's memory (vLLM and SGLang: source host)"},
	{Name: "server.cached_tokens.disk", Unit: Tokens, Doc: "prompt tokens loaded from disk"},
	{Name: "server.cached_tokens.storage", Unit: Tokens, Doc: "prompt tokens loaded from a storage that is no disk (SGLang: any but files)"},
	{Name: "server.cached_tokens.p2p", Unit: Tokens, Doc: "prompt tokens loaded from another server"},
	{Name: "server.cached_tokens.external_unspecified", Unit: Tokens, Doc: "prompt tokens loaded by a connector that does not say from where"},
	{Name: "server.cache_queries", Unit: Tokens, Doc: "prompt tokens looked up in the engine's own cache"},
	{Name: "server.cache_hits", Unit: Tokens, Doc: "prompt tokens found there by those look-ups"},
	{Name: "server.external_cache_hits", Unit: Tokens, Doc: "prompt tokens that the engine's own cache missed and a KV connector found"},
	{Name: "server.generation_tokens", Unit: Tokens, Doc: "output tokens"},
	{Name: "server.preemptions", Unit: Count, Doc: "requests thrown out of the KV cache and computed again"},
}

// Telemetry gives the names under which telemetry is recorded, in their documented
// order. Counters are told for a window as what they rose by, states as their mean.
func Telemetry() []Def { return append([]Def(nil), telemetry...) }
