package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fake is a server that replies literally as the captured ones did. Its cache keeps
// every prompt.
type fake struct {
	kind        string // vllm | sglang | llamacpp | strict
	vocab       int
	limit       int
	block       int
	hidesCached bool // vLLM without --enable-prompt-tokens-details
	hidesUsage  bool
	noCache     bool
	devMode     bool
	stuckReset  bool
	lyingReset  bool // says success and keeps its cache
	addsBOS     bool
	hidesVocab  bool
	resets      int
	failEvery   int // every n-th request for completions is a 503
	textOnly    bool
	noTokenizer bool
	noMetrics   bool
	owner       string
	info        string // SGLang: /server_info; empty: there is none
	infoPath    string // SGLang: its older name
	noDetails   bool   // SGLang: an older release without HiCache tells nothing by tier
	report      bool   // SGLang: --enable-cache-report
	busyFor     int    // SGLang: flushes that are refused
	router      bool   // SGLang: a router in front of it, which has no flush
	posts       []string

	mu       sync.Mutex
	seen     [][]int
	requests int
	counted  map[string]int
	bodies   []map[string]any
	unknown  int // ids outside the vocabulary that arrived
}

func (f *fake) start(t *testing.T) *httptest.Server {
	t.Helper()
	f.counted = map[string]int{}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		f.models(w)
	case "POST /v1/completions", "POST /v1/chat/completions":
		f.complete(w, r)
	case "GET /metrics":
		f.metrics(w)
	case "POST /tokenize":
		f.tokenize(w, r)
	case "GET /version":
		if f.kind == "vllm" {
			reply200(w, `{"version":"0.32.0"}`)
			return
		}
		f.missing(w)
	case "GET /server_info", "GET /get_server_info":
		if f.info == "" || f.infoPath != "" && f.infoPath != r.URL.Path {
			f.missing(w)
			return
		}
		reply200(w, f.info)
	case "POST /flush_cache", "POST /hicache/storage-backend/clear":
		f.flush(w, r)
	case "GET /props":
		if f.kind == "llamacpp" {
			reply200(w, fmt.Sprintf(`{"default_generation_settings":{"params":{},"n_ctx":%d},"total_slots":4,"model_path":"DIR/m.gguf","build_info":"b1-7e4c0a9"}`, f.limit))
			return
		}
		f.missing(w)
	case "POST /apply-template":
		var v struct {
			Messages []struct{ Role, Content string }
		}
		_ = json.NewDecoder(r.Body).Decode(&v)
		if f.kind != "llamacpp" || len(v.Messages) != 1 {
			f.missing(w)
			return
		}
		b, _ := json.Marshal(map[string]string{"prompt": "user: " + v.Messages[0].Content + "\nassistant: "})
		reply200(w, string(b))
	case "POST /reset_prefix_cache":
		switch {
		case !f.devMode:
			f.missing(w)
		case f.stuckReset:
			f.resets++
			reply200(w, `{"success":false}`)
		default:
			f.resets++
			if !f.lyingReset {
				f.seen = nil
			}
			reply200(w, `{"success":true}`)
		}
	default:
		f.missing(w)
	}
}

func reply200(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

func fail(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (f *fake) missing(w http.ResponseWriter) {
	if f.kind == "llamacpp" {
		fail(w, 404, `{"error":{"message":"File Not Found","type":"not_found_error","code":404}}`)
		return
	}
	fail(w, 404, `{"detail":"Not Found"}`)
}

func (f *fake) models(w http.ResponseWriter) {
	switch f.kind {
	case "vllm":
		reply200(w, fmt.Sprintf(`{"object":"list","data":[{"id":"tiny","object":"model","created":1795492380,"owned_by":"vllm","root":"DIR/vm","parent":null,"max_model_len":%d,"permission":[]}]}`, f.limit))
	case "sglang":
		owner := "sglang"
		if f.owner != "" {
			owner = f.owner
		}
		reply200(w, fmt.Sprintf(`{"object":"list","data":[{"id":"tiny","object":"model","created":1795492380,"owned_by":%q,"root":"tiny","parent":null,"max_model_len":%d}]}`, owner, f.limit))
	case "llamacpp":
		if f.hidesVocab {
			reply200(w, `{"object":"list","data":[{"id":"DIR/m.gguf","object":"model","owned_by":"llamacpp"}]}`)
			return
		}
		reply200(w, fmt.Sprintf(`{"models":[{"name":"DIR/m.gguf"}],"object":"list","data":[{"id":"DIR/m.gguf","aliases":["DIR/m.gguf"],"tags":[],"object":"model","created":1795491275,"owned_by":"llamacpp","meta":{"vocab_type":1,"n_vocab":%d,"n_ctx":%d,"n_ctx_train":131072,"n_embd":256}}]}`, f.vocab, f.limit))
	default:
		reply200(w, `{"object":"list","data":[{"id":"m","object":"model","owned_by":"`+f.owner+`"}]}`)
	}
}

// tokens gives the tokens of a body: ids, or one for each word behind a template of
// seven tokens.
func (f *fake) tokens(v map[string]any) ([]int, error) {
	var text string
	switch p := v["prompt"].(type) {
	case []any:
		if f.textOnly {
			return nil, fmt.Errorf(`{"error":{"message":"prompt must be a string","type":"invalid_request_error"}}`)
		}
		var ids []int
		for _, id := range p {
			n := int(id.(float64))
			if n >= f.vocab {
				f.unknown++
				return nil, fmt.Errorf(`{"error":{"message":"Token id %d is out of vocabulary","type":"BadRequestError","param":null,"code":400}}`, n)
			}
			ids = append(ids, n)
		}
		if f.addsBOS {
			ids = append([]int{1}, ids...)
		}
		return ids, nil
	case string:
		text = p
	default:
		m, _ := v["messages"].([]any)
		if len(m) != 1 {
			return nil, fmt.Errorf(`{"error":{"message":"no prompt"}}`)
		}
		text = "<1> <2> <3> <4> " + m[0].(map[string]any)["content"].(string) + " <5> <6> <7>"
	}
	return f.words(text), nil
}

func (f *fake) words(text string) []int {
	var ids []int
	for _, w := range strings.Fields(text) {
		h := 0
		for _, c := range w {
			h = h*131 + int(c)
		}
		ids = append(ids, 1_000_000+h)
	}
	return ids
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request) {
	var v map[string]any
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		fail(w, 400, `{"error":{"message":"1 validation error","type":"Bad Request","param":"body.1","code":400}}`)
		return
	}
	f.requests++
	f.bodies = append(f.bodies, v)
	if f.failEvery > 0 && f.requests%f.failEvery == 0 {
		fail(w, 503, `{"error":{"message":"overloaded"}}`)
		return
	}
	if f.kind == "strict" {
		for _, name := range []string{"min_tokens", "ignore_eos", "stream_options"} {
			if _, sent := v[name]; sent {
				fail(w, 422, `{"detail":[{"type":"extra_forbidden","loc":["body","`+name+`"],"msg":"Extra inputs are not permitted"}]}`)
				return
			}
		}
	}
	ids, err := f.tokens(v)
	if err != nil {
		fail(w, 400, err.Error())
		return
	}
	if len(ids) > f.limit {
		fail(w, 400, fmt.Sprintf(`{"error":{"code":400,"message":"request (%d tokens) exceeds the available context size (%d tokens), try increasing it","type":"exceed_context_size_error"}}`, len(ids), f.limit))
		return
	}
	cached := f.cache(ids)
	f.counted["queries"] += len(ids)
	f.counted["hits"] += cached
	if f.kind == "sglang" {
		f.sglang(w, len(ids), cached, int(v["max_tokens"].(float64)), v["return_cached_tokens_details"] == true)
		return
	}
	f.stream(w, len(ids), cached, int(v["max_tokens"].(float64)))
}

func (f *fake) cache(ids []int) int {
	best := 0
	for _, s := range f.seen {
		n := 0
		for n < len(s) && n < len(ids)-1 && s[n] == ids[n] {
			n++
		}
		best = max(best, n)
	}
	if f.noCache {
		return 0
	}
	f.seen = append(f.seen, ids)
	return best / f.block * f.block
}

func (f *fake) stream(w http.ResponseWriter, prompt, cached, out int) {
	var b strings.Builder
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d`, prompt, prompt+out, out)
	if !f.hidesCached {
		usage += fmt.Sprintf(`,"prompt_tokens_details":{"cached_tokens":%d}`, cached)
	}
	usage += "}"
	if f.hidesUsage {
		usage = `"usage":null`
	}
	for i := range out {
		finish := "null"
		if i == out-1 && f.kind == "vllm" {
			finish = `"length"`
		}
		fmt.Fprintf(&b, "data: {\"id\":\"cmpl-a\",\"choices\":[{\"index\":0,\"text\":\" w01149\",\"logprobs\":null,\"finish_reason\":%s}]}\n\n", finish)
	}
	if f.kind == "llamacpp" {
		fmt.Fprintf(&b, "data: {\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":null,\"finish_reason\":\"length\"}],%s,\"timings\":{\"cache_n\":%d,\"prompt_n\":%d}}\n\n", usage, cached, prompt-cached)
	} else {
		fmt.Fprintf(&b, "data: {\"id\":\"cmpl-a\",\"choices\":[],%s}\n\n", usage)
	}
	b.WriteString("data: [DONE]\n\n")
	if f.kind != "llamacpp" {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, b.String())
		return
	}
	// It promises to keep the connection and closes it.
	conn, rw, _ := w.(http.Hijacker).Hijack()
	defer conn.Close()
	fmt.Fprintf(rw, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nKeep-Alive: timeout=5, max=100\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", b.Len(), b.String())
	_ = rw.Flush()
}

func (f *fake) tokenize(w http.ResponseWriter, r *http.Request) {
	var v map[string]any
	_ = json.NewDecoder(r.Body).Decode(&v)
	if f.noTokenizer {
		f.missing(w)
		return
	}
	var ids []int
	if c, ok := v["content"].(string); ok && f.kind == "llamacpp" {
		ids = f.words(c)
	} else {
		var err error
		if ids, err = f.tokens(v); err != nil {
			fail(w, 400, err.Error())
			return
		}
	}
	b, _ := json.Marshal(map[string]any{"count": len(ids), "max_model_len": f.limit, "tokens": ids, "token_strs": nil})
	reply200(w, string(b))
}

func (f *fake) metrics(w http.ResponseWriter) {
	if f.noMetrics {
		f.missing(w)
		return
	}
	q, h := f.counted["queries"], f.counted["hits"]
	w.Header().Set("Content-Type", "text/plain; version=1.0.0; charset=utf-8")
	switch f.kind {
	case "vllm":
		fmt.Fprintf(w, `# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="tiny"} %d.0
vllm:prompt_tokens_created{engine="0",model_name="tiny"} 1.7954923085472658e+09
vllm:prompt_tokens_by_source_total{engine="0",model_name="tiny",source="local_compute"} %d.0
vllm:prompt_tokens_by_source_total{engine="0",model_name="tiny",source="local_cache_hit"} %d.0
vllm:prompt_tokens_by_source_total{engine="0",model_name="tiny",source="external_kv_transfer"} 0.0
vllm:cache_config_info{_block_size_resolved="True",block_size="%d",cache_dtype="auto",engine="0",kv_cache_size_tokens="32768",mamba_block_size="None",num_cpu_blocks="None",num_gpu_blocks="1024"} 1.0
`, q, q-h, h, f.block)
	case "sglang":
		f.sglangMetrics(w)
	case "llamacpp":
		fmt.Fprintf(w, "# TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total %d\nllamacpp:prompt_tokens_cached_total %d\nllamacpp:requests_processing 0\n", q-h, h)
	default:
		fmt.Fprintln(w, "go_goroutines 5")
	}
}
