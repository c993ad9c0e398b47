package engine

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/sample"
)

func probe(t *testing.T, cfg Config) (*Server, sample.Probe) {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Probe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

func config(url string) Config {
	return Config{Endpoint: url, Metrics: url + "/metrics", Reset: Reset{Auto: true}, Step: 10 * time.Second}
}

func noted(p sample.Probe, words string) bool {
	return slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, words) })
}

func TestProbeVLLM(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 4096, limit: 16384, block: 32, devMode: true}
	srv := f.start(t)
	cfg := config(srv.URL)
	cfg.Endpoint += "/v1/"
	s, p := probe(t, cfg)
	want := sample.Probe{
		Engine: "vllm", Version: "0.32.0", Model: "tiny", MaxModelLen: 16384, API: "completions", TokenIDs: true,
		SafeIDs: [2]int64{300, 4000}, Tokenizer: true, TellsUsage: true, TellsCached: true, Block: 32, BlockFrom: "told",
		RepeatCached: 4064, CanReset: true, ResetVerified: true,
		Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 32768, Source: "vllm:cache_config_info"}},
		Metrics:  []string{"server.cached_tokens.external", "server.cached_tokens.local", "server.prompt_tokens", "server.prompt_tokens_computed"},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if f.requests > 10 {
		t.Errorf("%d requests for completions", f.requests)
	}
	if o := s.Output(); !slices.Equal(o.Lengths, []string{"min_tokens"}) || o.Fields["ignore_eos"] != true {
		t.Errorf("output: %+v", o)
	}
	b := f.bodies[len(f.bodies)-1]
	if b["min_tokens"] != b["max_tokens"] || b["ignore_eos"] != true || b["stream"] != true || b["temperature"] != 0.0 || b["model"] != "tiny" {
		t.Errorf("body: %v", b)
	}
	if s.Model() != "tiny" || s.API() != "completions" || s.Endpoint() != srv.URL {
		t.Errorf("%s %s %s", s.Model(), s.API(), s.Endpoint())
	}
}

// Without its two flags vLLM tells hits in its counters only, and has no reset.
func TestProbeVLLMDefaultFlags(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 32768, block: 128, hidesCached: true}
	_, p := probe(t, config(f.start(t).URL))
	if p.TellsCached || p.RepeatCached != 4096-128 || p.Block != 128 || p.CanReset || p.SafeIDs != [2]int64{1000, 30000} {
		t.Errorf("%+v", p)
	}
	if !noted(p, "VLLM_SERVER_DEV_MODE=1") || !noted(p, "--enable-prompt-tokens-details") {
		t.Errorf("notes: %q", p.Notes)
	}
}

func TestProbeLlamaServer(t *testing.T) {
	f := &fake{kind: "llamacpp", vocab: 4096, limit: 8192, block: 1}
	_, p := probe(t, config(f.start(t).URL))
	want := sample.Probe{
		Engine: "llamacpp", Version: "b1-7e4c0a9", Model: "DIR/m.gguf", MaxModelLen: 8192, API: "completions", TokenIDs: true,
		SafeIDs: [2]int64{300, 3968}, Tokenizer: true, TellsUsage: true, TellsCached: true, Block: 1, BlockFrom: "learnt",
		RepeatCached: 4095, FreshConnection: true,
		Metrics: []string{"server.cached_tokens.local", "server.prompt_tokens", "server.prompt_tokens_computed", "server.requests_running"},
		Notes:   p.Notes,
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if f.unknown > 0 {
		t.Error("an id outside the vocabulary was sent: it kills some builds")
	}
	if !noted(p, "4 slots of 8192 tokens") || !noted(p, "no call that empties its host tier") {
		t.Errorf("notes: %q", p.Notes)
	}
}

// A llama-server that does not tell its vocabulary is asked by words.
func TestProbeChat(t *testing.T) {
	for _, kind := range []string{"vllm", "llamacpp"} {
		f := &fake{kind: kind, vocab: 4096, limit: 16384, block: 16, devMode: true}
		cfg := config(f.start(t).URL)
		cfg.API = "chat"
		s, p := probe(t, cfg)
		template := int64(4)
		if kind == "llamacpp" {
			template = 1 // "user:"
		}
		if p.API != "chat" || p.TokenIDs || p.TemplateTokens != template || !p.Tokenizer || p.Block != 16 || p.RepeatCached < 16 {
			t.Errorf("%s: %+v", kind, p)
		}
		n, err := s.Count(context.Background(), "one two three")
		if want := 3 + 7; err != nil || kind == "vllm" && n != int64(want) {
			t.Errorf("%s: Count %d, %v", kind, n, err)
		}
		if n, err = s.Ask(context.Background(), "one two three"); err != nil || n != 10 {
			t.Errorf("%s: Ask %d, %v", kind, n, err)
		}
	}
}

// A server that forbids unknown fields, takes text only, tells little, and fails one
// request in five.
func TestProbeStrictServer(t *testing.T) {
	f := &fake{kind: "strict", limit: 16384, block: 16, textOnly: true, noTokenizer: true, noMetrics: true, hidesCached: true, owner: "acme", failEvery: 5}
	cfg := config(f.start(t).URL)
	s, p := probe(t, cfg)
	if p.Engine != "generic" || p.API != "chat" || p.TokenIDs || p.Tokenizer || p.TellsCached || p.RepeatCached != sample.Unknown || p.Block != 0 || p.BlockFrom != "" || p.CanReset || p.MaxModelLen != sample.Unknown || !p.TellsUsage || p.FreshConnection {
		t.Errorf("%+v", p)
	}
	if o := s.Output(); len(o.Lengths) != 0 || o.Fields["stream_options"] != nil {
		t.Errorf("output: %+v", o)
	}
	if _, has := s.Output().Fields["stream_options"]; !has {
		t.Error("the refused stream_options must be left out of requests")
	}
	for _, words := range []string{"hit rates are unverified", "template are not known", "no telemetry"} {
		if !noted(p, words) {
			t.Errorf("no note says %q: %q", words, p.Notes)
		}
	}
	if _, err := s.Count(context.Background(), "x"); !errors.Is(err, ErrNoTokenizer) {
		t.Errorf("Count: %v", err)
	}
	if err := s.Reset(context.Background()); !errors.Is(err, ErrNoReset) {
		t.Errorf("Reset: %v", err)
	}
}

// vLLM's fields are left out one by one where a server in its place refuses them.
func TestRefusedFieldsAreDropped(t *testing.T) {
	f := &fake{kind: "strict", vocab: 32000, limit: 16384, block: 16, owner: "acme"}
	cfg := config(f.start(t).URL)
	cfg.Engine = "vllm"
	s, p := probe(t, cfg)
	if o := s.Output(); len(o.Lengths) != 0 || o.Fields["ignore_eos"] != nil || !p.TokenIDs {
		t.Errorf("%+v %+v", o, p)
	}
	other, err := s.Like("http://127.0.0.1:1", "")
	if err != nil || !reflect.DeepEqual(other.Output(), s.Output()) || other.Model() != "m" {
		t.Errorf("Like: %+v, %v", other, err)
	}
}

func TestProbeNoReuse(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 2000, block: 16, noCache: true, hidesUsage: true, devMode: true, stuckReset: true}
	_, p := probe(t, config(f.start(t).URL))
	if p.RepeatCached != 0 || p.TellsUsage || p.TellsCached || p.CanReset {
		t.Errorf("%+v", p)
	}
	for _, words := range []string{"no reuse", "tells no usage", `"success": false`} {
		if !noted(p, words) {
			t.Errorf("no note says %q: %q", words, p.Notes)
		}
	}
}

func TestBlockOfTheScenario(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 16384, block: 32}
	cfg := config(f.start(t).URL)
	cfg.Block, cfg.Reset = 256, Reset{}
	_, p := probe(t, cfg)
	if p.Block != 256 || p.BlockFrom != "scenario" || !noted(p, "a block of 256 tokens is scenario") || f.resets != 0 {
		t.Errorf("%+v", p)
	}
}

func TestBlockOf(t *testing.T) {
	for _, c := range []struct {
		looks []look
		want  int64
	}{
		{[]look{{tokens: 4096, cached: 4095}}, 1},
		{[]look{{tokens: 4096, cached: 4080}}, 16},
		{[]look{{tokens: 4096, cached: 2048}}, 2048},
		{[]look{{tokens: 4096, cached: 4096}}, 0}, // no last-block rule: llm-d-inference-sim
		{[]look{{tokens: 4100, cached: 4096}, {tokens: 2075, cached: 2064}}, 16},
		{[]look{{tokens: 4100, cached: 4000}, {tokens: 2075, cached: 2064}}, 0},
	} {
		if got := blockOf(c.looks); got != c.want {
			t.Errorf("%+v: %d, want %d", c.looks, got, c.want)
		}
	}
}

// The simulator over real HTTP: ids and chat, with and without what it may hide.
func TestProbeSimulator(t *testing.T) {
	profile, ok := simulator.Builtin("small")
	if !ok {
		t.Fatal("no profile small")
	}
	profile.Base, profile.Prefill, profile.Decode = 0, 0, 0
	srv := httptest.NewServer(simulator.New(profile))
	defer srv.Close()
	_, p := probe(t, config(srv.URL))
	if p.Engine != "simulator" || !p.TokenIDs || p.Block != 16 || p.RepeatCached != 4080 || !p.ResetVerified || p.FreshConnection || len(p.Capacity) == 0 || p.Capacity[0].Tokens != 200_000 {
		t.Errorf("%+v", p)
	}
	cfg := config(srv.URL)
	cfg.API = "chat"
	if _, p = probe(t, cfg); p.API != "chat" || p.TemplateTokens != 3 || !p.ResetVerified || p.Block != 16 {
		t.Errorf("%+v", p)
	}
}

func TestDeadPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	ln.Close()
	s, err := Open(config(url))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = s.Probe(context.Background())
	var u *Unreachable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), url) || !strings.Contains(err.Error(), "refused") || !strings.Contains(err.Error(), "GET /v1/models") {
		t.Fatalf("error: %v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Fatalf("told after %s", d)
	}
	if s.Check(context.Background()) == nil {
		t.Fatal("Check of a dead port says nothing")
	}
}

func TestSecretsStayOut(t *testing.T) {
	s, err := Open(Config{Endpoint: "http://me:hunter2@127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Probe(context.Background()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("%v", err)
	}
	if got := redact("http://h/m?token=x"); strings.Contains(got, "token") {
		t.Fatal(got)
	}
}

func TestProbeProblems(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		cfg    Config
		want   string
	}{
		"several models": {200, `{"data":[{"id":"a"},{"id":"b"}]}`, Config{}, "2 models: set target.model to one of a, b"},
		"no model":       {200, `{"data":[]}`, Config{}, "lists no model"},
		"another model":  {200, `{"data":[{"id":"a"}]}`, Config{Model: "c"}, `does not serve the model "c"`},
		"key":            {401, `{"error":"Unauthorized"}`, Config{}, "api_key_env"},
		"loading":        {503, `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`, Config{}, "Loading model"},
		"not openai":     {404, `<html>nothing here</html>`, Config{}, "OpenAI-compatible"},
		"not json":       {200, `<html>hello</html>`, Config{}, "no list of models"},
		"no completions": {200, `{"data":[{"id":"a"}]}`, Config{}, "serves no prompt"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/models" {
				fail(w, 404, `{"detail":"Not Found"}`)
				return
			}
			fail(w, c.status, c.body)
		}))
		c.cfg.Endpoint = srv.URL
		s, err := Open(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Probe(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), srv.URL) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		srv.Close()
	}
}

func TestRefusedConfigs(t *testing.T) {
	for _, c := range []Config{{}, {Endpoint: "localhost:8000"}, {Endpoint: "ftp://x"}, {Endpoint: "http://x", Engine: "tgi"}, {Endpoint: ":"}} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	for _, name := range Names() {
		if _, err := Open(Config{Endpoint: "http://x", Engine: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProbeIsCancelled(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 4096, limit: 16384, block: 32}
	s, err := Open(config(f.start(t).URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}

func TestCheckFit(t *testing.T) {
	p := &sample.Probe{Model: "tiny", MaxModelLen: 16384}
	if err := CheckFit(p, 16128, 256); err != nil {
		t.Error(err)
	}
	if err := CheckFit(p, 16128, 257); err == nil || !strings.Contains(err.Error(), "16384") {
		t.Error(err)
	}
	if err := CheckFit(&sample.Probe{MaxModelLen: sample.Unknown}, 1e9, 1); err != nil {
		t.Error(err)
	}
}

func TestResetAsConfigured(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path)
		if r.URL.Path == "/broken" {
			fail(w, 500, `{"error":{"message":"no"}}`)
		}
	}))
	defer srv.Close()
	ctx := context.Background()
	reset := func(r Reset, run func(context.Context, []string) error) error {
		s, err := Open(Config{Endpoint: srv.URL, Reset: r, Run: run})
		if err != nil {
			t.Fatal(err)
		}
		return s.Reset(ctx)
	}
	if err := reset(Reset{Posts: []string{"/a", srv.URL + "/b"}}, nil); err != nil || !slices.Equal(got, []string{"POST /a", "POST /b"}) {
		t.Errorf("%v %v", got, err)
	}
	if err := reset(Reset{Posts: []string{"/broken"}}, nil); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("%v", err)
	}
	var argv []string
	run := func(_ context.Context, a []string) error { argv = a; return nil }
	if err := reset(Reset{Command: []string{"restart", "it"}}, run); err != nil || !slices.Equal(argv, []string{"restart", "it"}) {
		t.Errorf("%v %v", argv, err)
	}
	if err := reset(Reset{Command: []string{"x"}}, func(context.Context, []string) error { return errors.New("exit 3") }); err == nil || !strings.Contains(err.Error(), "exit 3") {
		t.Errorf("%v", err)
	}
	if err := reset(Reset{Command: []string{"x"}}, nil); !errors.Is(err, ErrNoReset) {
		t.Errorf("%v", err)
	}
	if err := reset(Reset{}, nil); err != nil {
		t.Errorf("%v", err)
	}
}

func TestMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":{"message":"a"}}`:        "a",
		`{"error":"b"}`:                    "b",
		`{"object":"error","message":"c"}`: "c",
		`{"detail":"Not Found"}`:           "Not Found",
		`{"detail":[{"loc":["x"]}]}`:       `[{"loc":["x"]}]`,
		" plain ":                          "plain",
		"":                                 "an empty body",
		"a\r\n\x1b[31mb":                   "a [31mb",
		"a < b and c > d":                  "a < b and c > d",
		"<!DOCTYPE html>\n<html><head><title>t</title></head>\n<body><h1>502 Bad Gateway</h1>\n<hr>nginx</body></html>": "502 Bad Gateway nginx",
		`{"error":null,"message":"d"}`: "d",
		strings.Repeat("x", 400):       strings.Repeat("x", 300) + " ...",
	} {
		if got := message([]byte(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"data: {\"choices\":[{\"text\":\"\"}],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\ndata: [DONE]\n\n",
		"data: {\"error\":{\"code\":500,\"message\":\"The model produced output\",\"type\":\"server_error\"}}\n\n",
		"data: {\"choices\":[],\"usage\":null}\r\n\r\n: ping\n\n", "{\"choices\":[1]}", "data: {", "", "data:[DONE]",
		"data: {\"usage\":{\"prompt_tokens\":null,\"prompt_tokens_details\":null}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &reply{status: 200, prompt: -1, completion: -1, cached: -1}
		r.read(raw)
		if r.good() && r.events == 0 && len(raw) > 0 && raw[0] != '{' && !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
			t.Fatal("a stream without a token is good")
		}
	})
}

// What a server calls itself is on each page and in each row: it is kept short.
func TestProbeOfLongNames(t *testing.T) {
	long := strings.Repeat("m\\u202e\\n", 1<<17)
	serve := func(models ...string) string {
		var ids []string
		for _, m := range models {
			ids = append(ids, `{"id":"`+m+`"}`)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"data":[` + strings.Join(ids, ",") + `]}`))
		})
		mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"version":"` + long + `"}`)) })
		mux.HandleFunc("/v1/completions", func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"choices":[{"text":"x"}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`))
		})
		srv := httptest.NewServer(mux)
		t.Cleanup(srv.Close)
		return srv.URL
	}
	for _, c := range []struct {
		models []string
		want   string
	}{
		{[]string{long}, "set target.model to a name that it is served by"},
		{[]string{long, "small"}, "serves 2 models: set target.model to one of m"},
		{slices.Repeat([]string{"a"}, 60), "a, a and 10 more"},
	} {
		s, err := Open(config(serve(c.models...)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Probe(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000 {
			t.Errorf("%d models: %.2000v", len(c.models), err)
		}
	}
	s, err := Open(config(serve("small")))
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := s.Probe(context.Background()); len(p.Version) > 310 || !strings.HasPrefix(p.Version, "m") {
		t.Errorf("a version of %d bytes", len(p.Version))
	}
}
