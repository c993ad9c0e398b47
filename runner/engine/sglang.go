package engine

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/wsrun/wsrun/runner/sample"
)

// sglang is SGLang.
//
// Sources: copies of SGLang's own source (python/sglang/srt, several states of 2025 and
// 2026) and its documentation. No SGLang was run.
//
// return_cached_tokens_details makes each reply tell its cached tokens by tier, with the
// server's default flags. /flush_cache empties the device's and the host's tier, and
// answers 400 while anything runs or waits; it waits as long as timeout says, where it
// knows that. A storage behind them is emptied by a call of its own. min_tokens is left
// out: ignore_eos alone makes the length exact, and min_tokens has the sampler hold a
// penalty against every step.
var sglang = &engine{
	name:    "sglang",
	owners:  []string{"sglang"},
	fields:  map[string]any{"ignore_eos": true, "return_cached_tokens_details": true},
	resets:  []string{"/flush_cache?timeout=2"},
	busy:    http.StatusBadRequest,
	noReset: "SGLang's own server has that call: is a router in front of it, or is the release older?",
	flag:    "SGLang: --enable-cache-report",
	tokenize: func(s *Server, text string) tokenizeForm {
		if s.API() == chatAPI {
			return tokenizeForm{"model": s.model, "messages": user(text)}
		}
		return tokenizeForm{"model": s.model, "prompt": text}
	},
	learn: learnSGLang,
}

// clearStorage empties SGLang's storage behind the host's memory.
const clearStorage = "/hicache/storage-backend/clear"

// serverInfo is what is of use of SGLang's GET /server_info (/get_server_info in older
// releases): its options, what its scheduler found, its version. The reply holds the
// server's API keys as well: nothing else of it is kept, shown or recorded.
type serverInfo struct {
	Version     string            `json:"version"`
	Total       int64             `json:"max_total_num_tokens"` // KV cache of one data-parallel rank
	Longest     int64             `json:"max_req_input_len"`    // prompt
	Context     int64             `json:"context_length"`       // as asked for at the start, else null
	Page        int64             `json:"page_size"`
	Ranks       int64             `json:"dp_size"`
	NoRadix     bool              `json:"disable_radix_cache"`
	HiCache     bool              `json:"enable_hierarchical_cache"`
	WritePolicy string            `json:"hicache_write_policy"`
	Storage     string            `json:"hicache_storage_backend"`
	States      []json.RawMessage `json:"internal_states"`
}

// readServerInfo reads the reply. A field of another type than expected is left out.
func readServerInfo(body []byte) *serverInfo {
	info := &serverInfo{}
	var odd *json.UnmarshalTypeError
	if err := json.Unmarshal(body, info); err != nil && !errors.As(err, &odd) {
		return nil
	}
	return info
}

// ours reports whether it is SGLang that answers: other engines have a /server_info too.
func (i *serverInfo) ours() bool { return i != nil && i.Total > 0 && len(i.States) > 0 }

// serverInfo asks for it once; nil when there is none.
func (p *prober) serverInfo() *serverInfo {
	if p.asked {
		return p.info
	}
	p.asked = true
	for _, path := range []string{"/server_info", "/get_server_info"} {
		status, body, err := p.get(p.ctx, path, p.quick())
		if err != nil || status != http.StatusOK {
			continue
		}
		if p.info = readServerInfo(body); p.info != nil {
			break
		}
	}
	return p.info
}

// learnSGLang takes in what SGLang tells of itself.
func learnSGLang(p *prober) {
	info := p.serverInfo()
	if info == nil {
		info = &serverInfo{}
		p.note("SGLang answers neither /server_info nor /get_server_info: its version is not known")
	}
	if info.Version != "" {
		p.p.Version = cut(info.Version)
	}
	p.p.MaxModelLen = p.sglangLimit(info)
	p.p.Block = info.Page
	if n, ok := p.reading("sglang:page_size"); ok && p.p.Block <= 0 {
		p.p.Block = n
	}
	p.p.Block = max(0, p.p.Block)
	p.p.Capacity = p.sglangCapacity(info)
	if p.more = nil; info.Storage != "" {
		p.more = []string{clearStorage}
	}
	p.sglangNotes(info)
}

// sglangLimit is the tokens that prompt and output may have together. SGLang refuses a
// request of as many tokens as the context has, or the KV cache; and a prompt longer than
// max_req_input_len, which with one output token is the least that can be asked for.
func (p *prober) sglangLimit(info *serverInfo) int64 {
	context := p.p.MaxModelLen // of /v1/models
	if context <= 0 {
		context = info.Context
	}
	if n, ok := p.reading("sglang:context_len"); ok && context <= 0 {
		context = n
	}
	limit := int64(math.MaxInt64)
	for _, n := range []int64{context - 1, info.Total - 1, info.Longest + 1} {
		if n > 1 {
			limit = min(limit, n)
		}
	}
	if limit == math.MaxInt64 {
		return sample.Unknown
	}
	return limit
}

// sglangCapacity is what SGLang says that its tiers hold, over all data-parallel ranks. The
// size of the host's is told in tokens by its telemetry alone, that of a storage nowhere.
func (p *prober) sglangCapacity(info *serverInfo) (out []sample.Capacity) {
	const device = "sglang:max_total_num_tokens"
	ranks := max(1, info.Ranks)
	if n, ok := p.reading(device); ok {
		out = append(out, sample.Capacity{Tier: "hbm", Tokens: n, Source: device})
	} else if info.Total > 0 && info.Total < math.MaxInt64/ranks {
		out = append(out, sample.Capacity{Tier: "hbm", Tokens: info.Total * ranks, Source: "max_total_num_tokens of /server_info"})
	}
	if n, ok := p.reading(hostTotal); ok {
		out = append(out, sample.Capacity{Tier: "dram", Tokens: n, Source: hostTotal})
	}
	return out
}

// reading gives a gauge of SGLang's telemetry, over all data-parallel ranks, that is a
// whole number above 0.
func (p *prober) reading(series string) (int64, bool) {
	source := ranks(series)
	v, ok := source.value(p.pages)
	return int64(v), ok && v >= 1 && v < 1<<62
}

// sglangNotes says what a person should know of the server's cache.
func (p *prober) sglangNotes(info *serverInfo) {
	if info.NoRadix {
		p.note("prefix caching is off (SGLang: --disable-radix-cache)")
	}
	if info.Ranks > 1 {
		p.note("%d data-parallel ranks with a cache each: a prompt is found again only on the rank that it went to", info.Ranks)
	}
	if !info.HiCache {
		return
	}
	words := []string{"HiCache is on"}
	if info.WritePolicy != "" {
		words = append(words, "write policy "+cut(info.WritePolicy))
	}
	if info.WritePolicy == "write_through_selective" {
		words = append(words, "the host's tier holds nothing of a prompt that was used once")
	}
	if info.Storage != "" {
		words = append(words, "storage "+cut(info.Storage)+", whose size is not told")
	}
	if _, told := p.reading(hostTotal); !told {
		words = append(words, "what the host's tier holds is told by /metrics alone: start SGLang with --enable-metrics")
	}
	p.note("%s", strings.Join(words, "; "))
}
