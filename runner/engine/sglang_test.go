package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/sample"
)

// sglang answers as SGLang's source says: cached tokens by tier to who asks for them and
// only where there are any, in a record of its own whose other members are null.
func (f *fake) sglang(w http.ResponseWriter, prompt, cached, out int, details bool) {
	var b strings.Builder
	const head = `data: {"id":"7a","object":"text_completion","created":1795492380,"model":"tiny","choices":`
	for i := range out {
		finish := "null"
		if i == out-1 {
			finish = `"length"`
		}
		fmt.Fprintf(&b, "%s[{\"index\":0,\"text\":\" w01149\",\"logprobs\":null,\"finish_reason\":%s,\"matched_stop\":null,\"hidden_states\":null}],\"usage\":null,\"sglext\":null}\n\n", head, finish)
	}
	if details && cached > 0 && !f.noDetails {
		fmt.Fprintf(&b, "%s[],\"usage\":null,\"sglext\":{\"routed_experts\":null,\"cached_tokens_details\":{\"device\":%d,\"host\":16,\"storage\":null,\"storage_backend\":null}}}\n\n", head, cached-16)
	}
	usage := ""
	if f.report && cached > 0 {
		usage = fmt.Sprintf(`,"prompt_tokens_details":{"cached_tokens":%d}`, cached)
	}
	fmt.Fprintf(&b, "%s[],\"usage\":{\"prompt_tokens\":%d,\"total_tokens\":%d,\"completion_tokens\":%d%s,\"reasoning_tokens\":0}}\n\ndata: [DONE]\n\n", head, prompt, prompt+out, out, usage)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	_, _ = io.WriteString(w, b.String())
}

func (f *fake) flush(w http.ResponseWriter, r *http.Request) {
	f.posts = append(f.posts, r.Method+" "+r.URL.RequestURI())
	switch {
	case f.kind != "sglang" || f.router:
		f.missing(w)
	case f.busyFor > 0:
		f.busyFor--
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "Flush cache failed.\n")
	case r.URL.Path == "/flush_cache":
		f.resets++
		f.seen = nil
		_, _ = io.WriteString(w, "Cache flushed.\nPlease check backend logs for more details. (When there are running or waiting requests, the operation will not be performed.)\n")
	default:
		_, _ = io.WriteString(w, "Hierarchical cache storage backend cleared.\n")
	}
}

// sglangMetrics writes SGLang's page: series begin with their first count.
func (f *fake) sglangMetrics(w http.ResponseWriter) {
	fmt.Fprintln(w, `sglang:max_total_num_tokens{model_name="tiny",tp_rank="0"} 131072.0`)
	if q := f.counted["queries"]; q > 0 {
		fmt.Fprintf(w, "sglang:prompt_tokens_total{model_name=\"tiny\"} %d.0\n", q)
	}
	if h := f.counted["hits"]; h > 0 {
		fmt.Fprintf(w, "sglang:cached_tokens_total{cache_source=\"device\",model_name=\"tiny\"} %d.0\n", h)
	}
}

func newSGLang(t *testing.T) *fake {
	return &fake{kind: "sglang", vocab: 128_256, limit: 32768, block: 64, info: string(page(t, "sglang-server-info.json"))}
}

// SGLang with its default flags and HiCache: recognised by its owner, asked for tokens by
// source, and told what it holds, how long a request may be and how it is emptied.
func TestProbeSGLang(t *testing.T) {
	t.Parallel()
	f := newSGLang(t)
	s, p := probe(t, config(f.start(t).URL))
	want := sample.Probe{
		Engine: "sglang", Version: "0.5.23", Model: "tiny", MaxModelLen: 32763, API: "completions", TokenIDs: true,
		SafeIDs: [2]int64{1000, 30000}, Tokenizer: true, TellsUsage: true, TellsCached: true, Block: 64, BlockFrom: "told",
		RepeatCached: 4032, CanReset: true, ResetVerified: true,
		Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 131072, Source: "sglang:max_total_num_tokens"}},
		Notes:    []string{"HiCache is on; write policy write_through; storage file, whose size is not told; what the host's tier holds is told by /metrics alone: start SGLang with --enable-metrics"},
		Metrics:  p.Metrics,
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if posts := []string{"POST /flush_cache?timeout=2", "POST " + clearStorage}; !slices.Equal(f.posts, posts) {
		t.Errorf("emptied by %v, want %v", f.posts, posts)
	}
	if !s.UntoldIsNone() {
		t.Error("a reply that tells no cached tokens had none: the probe did not see it")
	}
	if o := s.Output(); len(o.Lengths) != 0 || o.Fields["ignore_eos"] != true || o.Fields["return_cached_tokens_details"] != true {
		t.Errorf("output: %+v", o)
	}
	if b, _ := json.Marshal(p); strings.Contains(string(b), "hunter") {
		t.Errorf("the probe keeps the server's keys: %s", b)
	}
	other, err := s.Like("http://127.0.0.1:1", "")
	if err != nil || !other.UntoldIsNone() || !slices.Equal(other.more, []string{clearStorage}) {
		t.Errorf("Like: %+v, %v", other, err)
	}
}

// It is recognised without its owner's name too; others that have a /server_info are not it.
func TestRecogniseSGLang(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*fake)
		want   string
	}{
		"by its series":       {func(f *fake) { f.info = "" }, "sglang"},
		"by what it says":     {func(f *fake) { f.noMetrics = true }, "sglang"},
		"by its older call":   {func(f *fake) { f.noMetrics, f.infoPath = true, "/get_server_info" }, "sglang"},
		"says nothing":        {func(f *fake) { f.noMetrics, f.info = true, "" }, "generic"},
		"another's":           {func(f *fake) { f.noMetrics, f.info = true, `{"disaggregated_params":null,"version":"1.2.1"}` }, "generic"},
		"no JSON":             {func(f *fake) { f.noMetrics, f.info = true, `<html>` }, "generic"},
		"a list":              {func(f *fake) { f.noMetrics, f.info = true, `[1]` }, "generic"},
		"without a scheduler": {func(f *fake) { f.noMetrics, f.info = true, `{"internal_states":[{}],"version":"0.5.23"}` }, "generic"},
	} {
		f := newSGLang(t)
		f.owner = "proxy"
		c.change(f)
		s, p := probe(t, config(f.start(t).URL))
		if p.Engine != c.want {
			t.Errorf("%s: %s, want %s", name, p.Engine, c.want)
		}
		if asks := s.Output().Fields["return_cached_tokens_details"] == true; asks != (c.want == "sglang") {
			t.Errorf("%s: asked for tokens by source: %v", name, asks)
		}
		if c.want != "sglang" && len(f.posts) > 0 {
			t.Errorf("%s: emptied by %v", name, f.posts)
		}
	}
}

// The field that makes SGLang tell tokens by source goes to SGLang alone, and not where
// target.body says otherwise.
func TestOnlySGLangIsAskedForSources(t *testing.T) {
	t.Parallel()
	const field = "return_cached_tokens_details"
	for name, c := range map[string]struct {
		f    *fake
		body map[string]any
		want any
	}{
		"SGLang":    {newSGLang(t), nil, true},
		"not so":    {newSGLang(t), map[string]any{field: false}, false},
		"left out":  {newSGLang(t), map[string]any{field: nil}, nil},
		"vLLM":      {&fake{kind: "vllm", vocab: 32000, limit: 16384, block: 16, devMode: true}, nil, nil},
		"llama.cpp": {&fake{kind: "llamacpp", vocab: 4096, limit: 8192, block: 1}, nil, nil},
		"generic":   {&fake{kind: "other", vocab: 32000, limit: 8192, block: 16, owner: "acme"}, nil, nil},
	} {
		cfg := config(c.f.start(t).URL)
		cfg.Body = c.body
		_, p := probe(t, cfg)
		for _, b := range c.f.bodies {
			if b[field] != c.want {
				t.Fatalf("%s: %v in %v", name, b[field], b)
			}
		}
		if c.f.kind == "sglang" && p.TellsCached != (c.want == true) {
			t.Errorf("%s: tells cached %v", name, p.TellsCached)
		}
	}
}

// Where a release tells nothing by tier, usage does with --enable-cache-report, and else
// its counters do, whose series begin with the first hit.
func TestSGLangWithoutDetails(t *testing.T) {
	t.Parallel()
	for _, report := range []bool{true, false} {
		f := newSGLang(t)
		f.noDetails, f.report = true, report
		s, p := probe(t, config(f.start(t).URL))
		if p.TellsCached != report || p.RepeatCached != 4032 || s.UntoldIsNone() != report || !p.ResetVerified {
			t.Errorf("report %v: %+v, untold is none: %v", report, p, s.UntoldIsNone())
		}
		if noted(p, "--enable-cache-report") == report {
			t.Errorf("report %v: notes %q", report, p.Notes)
		}
	}
}

// A flush is refused while requests run: it is asked for again, whoever names it.
// A router has none.
func TestSGLangIsBusy(t *testing.T) {
	t.Parallel()
	f := newSGLang(t)
	f.busyFor = 2
	if _, p := probe(t, config(f.start(t).URL)); !p.ResetVerified || len(f.posts) != 4 {
		t.Errorf("%v after %v", p.ResetVerified, f.posts)
	}
	f = newSGLang(t)
	f.busyFor = 1000
	if _, p := probe(t, config(f.start(t).URL)); p.CanReset || !noted(p, "Flush cache failed, 10 times: requests still hold the cache") {
		t.Errorf("notes %q", p.Notes)
	}
	for _, path := range []string{"/flush_cache", "/flush_cache?timeout=9", "URL/flush_cache"} {
		f = newSGLang(t)
		url := f.start(t).URL
		cfg := config(url)
		cfg.Engine, cfg.Reset = "sglang", Reset{Posts: []string{strings.Replace(path, "URL", url, 1)}}
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		f.busyFor = 1
		if err := s.Reset(context.Background()); err != nil || f.resets != 1 || len(f.posts) != 2 {
			t.Errorf("%s of the scenario: %v after %v", path, err, f.posts)
		}
	}
	f = newSGLang(t)
	f.router = true
	s, p := probe(t, config(f.start(t).URL))
	if p.CanReset || !noted(p, "is a router in front of it") {
		t.Errorf("notes %q", p.Notes)
	}
	if err := s.Reset(context.Background()); !errors.Is(err, ErrNoReset) {
		t.Errorf("%v", err)
	}
}

// What SGLang tells of its limits and tiers, by what it serves.
func TestSGLangTold(t *testing.T) {
	series := map[string]string{"none": "", "hicache": string(page(t, "sglang-hicache.txt"))}
	hbm := func(n int64, source string) sample.Capacity {
		return sample.Capacity{Tier: "hbm", Tokens: n, Source: source}
	}
	const call, gauge = "max_total_num_tokens of /server_info", "sglang:max_total_num_tokens"
	for name, c := range map[string]struct {
		told     int64 // max_model_len of /v1/models
		info     string
		page     string
		limit    int64
		block    int64
		capacity []sample.Capacity
		more     int
		note     string
	}{
		"context":          {8192, `{"max_total_num_tokens":100000,"max_req_input_len":8186,"page_size":1}`, "none", 8187, 1, []sample.Capacity{hbm(100000, call)}, 0, ""},
		"small cache":      {8192, `{"max_total_num_tokens":4096,"page_size":16}`, "none", 4095, 16, []sample.Capacity{hbm(4096, call)}, 0, ""},
		"context asked":    {0, `{"context_length":2048}`, "none", 2047, 0, nil, 0, ""},
		"ranks":            {8192, `{"max_total_num_tokens":100000,"dp_size":4}`, "none", 8191, 0, []sample.Capacity{hbm(400000, call)}, 0, "4 data-parallel ranks with a cache each"},
		"telemetry":        {8192, `{"max_total_num_tokens":131072,"dp_size":2,"enable_hierarchical_cache":true,"hicache_storage_backend":"mooncake"}`, "hicache", 8191, 0, []sample.Capacity{hbm(262144, gauge), {Tier: "dram", Tokens: 524288, Source: hostTotal}}, 1, "storage mooncake, whose size is not told"},
		"selective":        {8192, `{"enable_hierarchical_cache":true,"hicache_write_policy":"write_through_selective"}`, "hicache", 8191, 0, []sample.Capacity{hbm(262144, gauge), {Tier: "dram", Tokens: 524288, Source: hostTotal}}, 0, "holds nothing of a prompt that was used once"},
		"no radix cache":   {8192, `{"disable_radix_cache":true}`, "none", 8191, 0, nil, 0, "--disable-radix-cache"},
		"nothing":          {0, `{}`, "none", sample.Unknown, 0, nil, 0, ""},
		"odd":              {0, `{"max_total_num_tokens":-1,"max_req_input_len":"x","page_size":-7,"dp_size":-3,"version":3,"context_length":1}`, "none", sample.Unknown, 0, nil, 0, ""},
		"too many tokens":  {0, `{"max_total_num_tokens":9223372036854775807,"dp_size":2}`, "none", math.MaxInt64 - 1, 0, nil, 0, "2 data-parallel ranks"},
		"no /server_info":  {512, "", "none", 511, 0, nil, 0, "its version is not known"},
		"the version, cut": {0, `{"version":"` + strings.Repeat("9", 1000) + `"}`, "none", sample.Unknown, 0, nil, 0, ""},
	} {
		families, err := parse([]byte(series[c.page]))
		if err != nil {
			t.Fatal(err)
		}
		p := &prober{Server: &Server{engine: sglang}, pages: families, asked: true}
		if c.info != "" {
			p.info = readServerInfo([]byte(c.info))
		}
		p.p.MaxModelLen = c.told
		learnSGLang(p)
		if p.p.MaxModelLen != c.limit || p.p.Block != c.block || !slices.Equal(p.p.Capacity, c.capacity) || len(p.more) != c.more || len(p.p.Version) > 310 {
			t.Errorf("%s: limit %d, block %d, capacity %v, more resets %v, version %q", name, p.p.MaxModelLen, p.p.Block, p.p.Capacity, p.more, p.p.Version)
		}
		if all := strings.Join(p.p.Notes, "\n"); c.note != "" && !strings.Contains(all, c.note) || c.note == "" && all != "" {
			t.Errorf("%s: notes %q, want %q", name, all, c.note)
		}
	}
}

// Counters of one source are no zero of another unless the other is known to count.
func TestSGLangSeriesBegin(t *testing.T) {
	const device, total = `sglang:cached_tokens_total{cache_source="device"} 5` + "\n", `sglang:cached_tokens_total{cache_source="total"} 5` + "\n"
	const host = `sglang:hicache_host_total_tokens 100` + "\n"
	for body, want := range map[string]values{
		device:        {"server.cached_tokens.hbm": 5},
		device + host: {"server.cached_tokens.hbm": 5, "server.cached_tokens.dram": 0},
		`sglang:cached_tokens_total{cache_source="host"} 7` + "\n": {"server.cached_tokens.hbm": 0, "server.cached_tokens.dram": 7},
		total + host:                           {"server.cache_hits": 5},
		host + `sglang:prompt_tokens_total 9`:  {"server.prompt_tokens": 9, "server.cache_queries": 9},
		`sglang:cached_tokens_total{tp="0"} 5`: {"server.cache_hits": 5},
		`sglang:cached_tokens_total{cache_source="storage_MooncakeStore"} 3`: {"server.cached_tokens.hbm": 0, "server.cached_tokens.storage": 3},
		`sglang:cached_tokens_total{cache_source="storage_file"} 3`:          {"server.cached_tokens.hbm": 0, "server.cached_tokens.disk": 3},
	} {
		families, err := parse([]byte(body + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := canonical(families); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

// The hit rate of SGLang's counters between two scrapes.
func TestSGLangCachedOf(t *testing.T) {
	for name, c := range map[string]struct {
		before, after values
		cached, total float64
		ok            bool
	}{
		"the first hit": {values{"server.prompt_tokens": 100}, values{"server.prompt_tokens": 200, "server.cached_tokens.hbm": 64, "server.cached_tokens.dram": 0}, 64, 100, true},
		"two tiers":     {values{"server.prompt_tokens": 100, "server.cached_tokens.hbm": 10}, values{"server.prompt_tokens": 200, "server.cached_tokens.hbm": 42, "server.cached_tokens.dram": 32}, 64, 100, true},
		"a sum alone":   {values{"server.prompt_tokens": 100, "server.cache_queries": 100}, values{"server.prompt_tokens": 200, "server.cache_queries": 200, "server.cache_hits": 64}, 64, 100, true},
		"no hit":        {values{"server.prompt_tokens": 100, "server.cache_queries": 100}, values{"server.prompt_tokens": 200, "server.cache_queries": 200}, 0, 100, false},
		"restarted":     {values{"server.prompt_tokens": 100, "server.cached_tokens.hbm": 10}, values{"server.prompt_tokens": 50, "server.cached_tokens.hbm": 20}, 0, 0, false},
	} {
		cached, total, ok := cachedOf(c.before, c.after)
		if ok != c.ok || ok && (cached != c.cached || total != c.total) {
			t.Errorf("%s: %v of %v, %v", name, cached, total, ok)
		}
	}
}

// The simulator as SGLang, over HTTP: chat as well, and a storage whose clearing is a call
// of its own.
func TestProbeSimulatorAsSGLang(t *testing.T) {
	t.Parallel()
	profile, err := simulator.DecodeProfile([]byte(`{"name":"s","block":64,"tiers":[{"name":"a","capacity":12800},{"name":"b","capacity":25600},{"name":"c","capacity":64000}],
		"placement":"write-through","max_model_len":16384,"tells":{"metrics":"sglang","cached_tokens_details":true,"cached_tokens":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(simulator.New(profile))
	defer srv.Close()
	for _, api := range []string{"completions", "chat"} {
		cfg := config(srv.URL)
		cfg.API = api
		s, p := probe(t, cfg)
		if p.Engine != "sglang" || p.Version != simulator.SGLangVersion || !p.TellsCached || !p.ResetVerified || p.Block != 64 || p.MaxModelLen != 12795 || !s.UntoldIsNone() {
			t.Errorf("%s: %+v", api, p)
		}
		want := []sample.Capacity{{Tier: "hbm", Tokens: 12800, Source: "sglang:max_total_num_tokens"}, {Tier: "dram", Tokens: 25600, Source: hostTotal}}
		if !slices.Equal(p.Capacity, want) {
			t.Errorf("%s: capacity %v", api, p.Capacity)
		}
	}
}

func FuzzServerInfo(f *testing.F) {
	f.Add(page(f, "sglang-server-info.json"))
	for _, s := range []string{"", "{}", "[]", "null", `{"max_total_num_tokens":9223372036854775807,"dp_size":-1,"page_size":1e99}`, `{"internal_states":null,"version":"\u202e"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &prober{Server: &Server{engine: sglang}, asked: true, info: readServerInfo(b)}
		p.p.MaxModelLen = sample.Unknown
		learnSGLang(p)
		if p.p.Block < 0 || p.p.MaxModelLen < sample.Unknown || p.p.MaxModelLen == 0 || len(p.p.Version) > 310 {
			t.Fatalf("%+v", p.p)
		}
		for _, c := range p.p.Capacity {
			if c.Tokens <= 0 {
				t.Fatalf("%+v", p.p.Capacity)
			}
		}
	})
}
