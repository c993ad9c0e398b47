package simulator

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata again")

// dialogue is what is said to a server, in order: method, path, body. After an empty
// method comes a heading.
var dialogue = [][3]string{
	{"", "what it is", ""},
	{"GET", "/health", ""},
	{"GET", "/version", ""},
	{"GET", "/v1/models", ""},
	{"GET", "/props", ""},
	{"GET", "/reset_prefix_cache", ""},
	{"", "tokens", ""},
	{"POST", "/tokenize", `{"model":"sim","prompt":"w00500 w00501"}`},
	{"POST", "/tokenize", `{"content":"w00500 and\tw00501\n"}`},
	{"POST", "/tokenize", `{"messages":[{"role":"user","content":"w00500 w00501"}]}`},
	{"POST", "/tokenize", `{"model":"sim"}`},
	{"POST", "/detokenize", `{"model":"sim","tokens":[500,31999]}`},
	{"POST", "/detokenize", `{"tokens":[32000]}`},
	{"", "completions", ""},
	{"POST", "/v1/completions", `{"model":"sim","prompt":` + ids(100, 33) + `,"max_tokens":2}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":` + ids(100, 33) + `,"max_tokens":2,"ignore_eos":true,"min_tokens":2,"temperature":0}`},
	{"POST", "/v1/completions", `{"prompt":` + ids(100, 33) + `,"max_tokens":2,"cache_salt":"other"}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"w00100 w00101 w00102","max_tokens":2,"return_token_ids":true}`},
	{"POST", "/v1/completions", `{"prompt":[3,4,5,6,7,8],"max_tokens":3,"stream":true}`},
	{"POST", "/v1/completions", `{"prompt":[3,4,5,6,7,8],"max_tokens":3,"stream":true,"stream_options":{"include_usage":true}}`},
	{"POST", "/v1/completions", `{"prompt":[3,4,5],"max_tokens":2,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"return_token_ids":true}`},
	{"", "chat", ""},
	{"POST", "/v1/chat/completions", `{"model":"sim","messages":[{"role":"user","content":"w00500 w00501 w00502"}],"max_tokens":3}`},
	{"POST", "/v1/chat/completions", `{"messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"w00500"},{"type":"text","text":"w00501"}]}],"max_completion_tokens":2,"stream":true,"stream_options":{"include_usage":true}}`},
	{"", "what is refused", ""},
	{"POST", "/v1/completions", `{bad`},
	{"POST", "/v1/completions", `{"model":"sim","max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"nope","prompt":[5],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":[],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":[300,99999],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":[300,-5],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":[[3,4],[5,6]],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":["a","b"],"max_tokens":1}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"a","max_tokens":1,"min_tokens":2}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"a","max_tokens":0}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"a","stream_options":{"include_usage":true}}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"a","stream":"yes"}`},
	{"POST", "/v1/completions", `{"model":"sim","prompt":"a","n":2}`},
	{"POST", "/v1/chat/completions", `{"model":"sim"}`},
	{"POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`},
	{"POST", "/v1/completions", `{"prompt":` + ids(3, 1500) + `,"max_tokens":101}`},
	{"", "reset", ""},
	{"POST", "/reset_prefix_cache", ""},
	{"POST", "/v1/completions", `{"model":"sim","prompt":` + ids(100, 33) + `,"max_tokens":1}`},
	{"GET", "/metrics", ""},
}

// TestReplies holds the whole dialogue against testdata/replies.txt (-update writes it).
func TestReplies(t *testing.T) {
	var b strings.Builder
	inBubble(t, testProfile(), func(w *world) {
		for _, d := range dialogue {
			if d[0] == "" {
				fmt.Fprintf(&b, "##### %s\n", d[1])
				continue
			}
			body := d[2]
			if len(body) > 200 {
				body = body[:100] + "..." + body[len(body)-60:]
			}
			fmt.Fprintf(&b, "--- %s %s %s\n", d[0], d[1], body)
			req, err := http.NewRequest(d[0], "http://sim"+d[1], strings.NewReader(d[2]))
			if err != nil {
				w.t.Fatal(err)
			}
			res, err := w.client.Do(req)
			if err != nil {
				w.t.Fatal(err)
			}
			var reply strings.Builder
			if _, err := fmt.Fprintf(&reply, "%d %s | ", res.StatusCode, res.Header.Get("Content-Type")); err != nil {
				w.t.Fatal(err)
			}
			if err := copyText(&reply, res); err != nil {
				w.t.Fatal(err)
			}
			b.WriteString(strings.TrimRight(reply.String(), "\n ") + "\n")
		}
	})
	if *update {
		if err := os.WriteFile("testdata/replies.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, exp := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(exp)) {
		if i >= len(got) || i >= len(exp) || got[i] != exp[i] {
			t.Fatalf("line %d:\n got %s\nwant %s", i+1, line(got, i), line(exp, i))
		}
	}
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}

func copyText(b *strings.Builder, res *http.Response) error {
	defer res.Body.Close()
	buf := make([]byte, 4096)
	for {
		n, err := res.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			if err.Error() == "EOF" {
				return nil
			}
			return err
		}
	}
}

// TestMaxModelLen: told in /v1/models and /tokenize; a longer prompt is refused in
// vLLM's words; an output that does not fit is cut with 200.
func TestMaxModelLen(t *testing.T) {
	p := testProfile()
	p.MaxModelLen = 100
	inBubble(t, p, func(w *world) {
		if got := w.get("/v1/models").body; !strings.Contains(got, `"max_model_len":100`) {
			t.Error(got)
		}
		if got := w.do("/tokenize", `{"prompt":"a"}`).body; !strings.Contains(got, `"max_model_len":100`) {
			t.Error(got)
		}
		got := w.do("/v1/completions", `{"prompt":`+ids(3, 170)+`,"max_tokens":1}`)
		want := `{"error":{"message":"This model's maximum context length is 100 tokens. However, your prompt contains 170 input tokens, which exceeds this limit even without any output tokens. ` +
			`Please reduce the length of the input prompt. (parameter=input_tokens, value=170)","type":"BadRequestError","param":"input_tokens","code":400}}`
		if got.status != 400 || got.body != want {
			t.Errorf("%d %s", got.status, got.body)
		}
		got = w.do("/v1/completions", `{"prompt":`+ids(3, 96)+`,"max_tokens":10}`)
		if got.status != 200 || !strings.Contains(got.body, `"completion_tokens":4`) || !strings.Contains(got.body, `"finish_reason":"length"`) {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// TestTextAndIDs: the same prompt as text and as ids is the same prompt.
func TestTextAndIDs(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		var text []byte
		for i := range 40 {
			text = appendWord(append(text, ' '), int32(500+i))
		}
		first := w.do("/v1/completions", `{"prompt":`+string(quote(string(text)))+`,"max_tokens":4}`)
		second := w.do("/v1/completions", `{"prompt":`+ids(500, 40)+`,"max_tokens":4}`)
		log := w.s.Log()
		if log[0].PromptHash != log[1].PromptHash || log[0].Block0 != log[1].Block0 || log[1].Cached != 32 {
			t.Errorf("%+v\n%+v", log[0], log[1])
		}
		if textOf(t, first.body) != textOf(t, second.body) {
			t.Errorf("%s\n%s", first.body, second.body)
		}
	})
}

func textOf(t *testing.T, body string) string {
	t.Helper()
	var r struct {
		Choices []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil || len(r.Choices) != 1 {
		t.Fatalf("%v in %s", err, body)
	}
	return r.Choices[0].Text
}

// TestOutputIsCached: a prompt that goes on with an earlier answer reuses its blocks.
func TestOutputIsCached(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		var text []byte
		for i := range 40 {
			text = appendWord(append(text, ' '), int32(500+i))
		}
		answer := textOf(t, w.do("/v1/completions", `{"prompt":`+string(quote(string(text)))+`,"max_tokens":30}`).body)
		w.do("/v1/completions", `{"prompt":`+string(quote(string(text)+answer+" and more"))+`,"max_tokens":1}`)
		if e := w.s.Log()[1]; e.PromptTokens != 72 || e.Cached != 64 {
			t.Errorf("%+v", e)
		}
	})
}

// TestTells: what a server does not tell is not there.
func TestTells(t *testing.T) {
	p := testProfile()
	p.Tells = Tells{Metrics: "none"}
	inBubble(t, p, func(w *world) {
		for _, path := range []string{"/metrics"} {
			if got := w.get(path); got.status != 404 || got.body != `{"detail":"Not Found"}` {
				t.Errorf("%s: %+v", path, got)
			}
		}
		for _, path := range []string{"/reset_prefix_cache", "/tokenize", "/detokenize"} {
			if got := w.do(path, "{}"); got.status != 404 {
				t.Errorf("%s: %+v", path, got)
			}
		}
		if got := w.do("/v1/completions", `{"prompt":[3,4],"max_tokens":1}`); got.status != 400 {
			t.Errorf("ids are taken: %+v", got)
		}
		if got := w.do("/v1/completions", `{"prompt":"a b","max_tokens":1}`); !strings.Contains(got.body, `"usage":null`) {
			t.Errorf("%+v", got)
		}
		if got := w.stream("/v1/completions", ask(`"a b"`, 1, "")); len(got.events) != 2 {
			t.Errorf("%+v", got)
		}
	})
	p.Tells = Tells{Metrics: "vllm", Usage: true}
	inBubble(t, p, func(w *world) {
		if got := w.do("/v1/completions", `{"prompt":"a b","max_tokens":1}`).body; !strings.Contains(got, `"completion_tokens":1}`) || strings.Contains(got, "cached") {
			t.Error(got)
		}
		if got := w.get("/metrics").body; strings.Contains(got, "by_source") || !strings.Contains(got, "vllm:prefix_cache_hits_total") {
			t.Error(got)
		}
	})
}

// TestMetrics: the counters are sums of the log, by tier.
func TestMetrics(t *testing.T) {
	inBubble(t, testProfile(), func(w *world) {
		for _, r := range [][2]int{{100, 801}, {10000, 1584}, {100, 801}, {100, 801}} {
			w.stream("/v1/completions", ask(ids(r[0], r[1]), 3, ""))
		}
		page := w.get("/metrics").body
		by := []int{0, 0}
		prompt := 0
		for _, e := range w.s.Log() {
			by[0] += e.ByTier[0]
			by[1] += e.ByTier[1]
			prompt += e.PromptTokens
		}
		if by[0] == 0 || by[1] == 0 {
			t.Fatalf("the run used no lower tier: %v", by)
		}
		for series, want := range map[string]int{
			`vllm:prompt_tokens_total{engine="0",model_name="sim"}`:                                         prompt,
			`vllm:prefix_cache_queries_total{engine="0",model_name="sim"}`:                                  prompt,
			`vllm:prefix_cache_hits_total{engine="0",model_name="sim"}`:                                     by[0],
			`vllm:external_prefix_cache_hits_total{engine="0",model_name="sim"}`:                            by[1],
			`vllm:prompt_tokens_by_source_total{engine="0",model_name="sim",source="local_compute"}`:        prompt - by[0] - by[1],
			`vllm:prompt_tokens_by_source_total{engine="0",model_name="sim",source="local_cache_hit"}`:      by[0],
			`vllm:prompt_tokens_by_source_total{engine="0",model_name="sim",source="external_kv_transfer"}`: by[1],
			`vllm:prompt_tokens_cached_by_source_total{engine="0",model_name="sim",source="host"}`:          by[1],
			`vllm:generation_tokens_total{engine="0",model_name="sim"}`:                                     12,
			`vllm:request_success_total{engine="0",finished_reason="length",model_name="sim"}`:              4,
			`vllm:num_requests_running{engine="0",model_name="sim"}`:                                        0,
			`vllm:num_requests_waiting{engine="0",model_name="sim"}`:                                        0,
			`vllm:kv_cache_usage_perc{engine="0",model_name="sim"}`:                                         0,
		} {
			if !strings.Contains(page, fmt.Sprintf("\n%s %d\n", series, want)) {
				t.Errorf("no %s %d in\n%s", series, want, page)
			}
		}
	})
}

// TestSGLangMetrics: the same counters under SGLang's names; without by_source only
// their sum.
func TestSGLangMetrics(t *testing.T) {
	p := testProfile()
	p.Tiers = append(p.Tiers, Tier{Name: "ssd", Capacity: 16000})
	p.Tells.Metrics = "sglang"
	labels := `engine_type="unified",model_name="sim",moe_ep_rank="0",pp_rank="0",tp_rank="0"`
	for _, bySource := range []bool{true, false} {
		p.Tells.BySource = bySource
		inBubble(t, p, func(w *world) {
			for _, first := range []int{100, 2000, 4000, 6000, 8000, 10000, 12000, 14000, 100, 14000, 8000} {
				w.stream("/v1/completions", ask(ids(first, 801), 3, ""))
			}
			page := w.get("/metrics").body
			by, prompt := []int{0, 0, 0}, 0
			for _, e := range w.s.Log() {
				for t, n := range e.ByTier {
					by[t] += n
				}
				prompt += e.PromptTokens
			}
			if by[0] == 0 || by[1] == 0 || by[2] == 0 {
				t.Fatalf("the run did not use every tier: %v", by)
			}
			want := map[string]int{
				"sglang:prompt_tokens_total{" + labels + "}":                      prompt,
				"sglang:generation_tokens_total{" + labels + "}":                  33,
				"sglang:num_requests_total{" + labels + "}":                       11,
				"sglang:num_running_reqs{" + labels + "}":                         0,
				"sglang:max_total_num_tokens{" + labels + "}":                     1600,
				"sglang:hicache_host_total_tokens{" + labels + "}":                3200,
				"sglang:hicache_host_used_tokens{" + labels + "}":                 w.s.cache.blocksIn(1) * 16,
				`sglang:cached_tokens_total{cache_source="total",` + labels + "}": by[0] + by[1] + by[2],
			}
			if bySource {
				delete(want, `sglang:cached_tokens_total{cache_source="total",`+labels+"}")
				for t, source := range []string{"device", "host", "storage_HiCacheFile"} {
					want[`sglang:cached_tokens_total{cache_source="`+source+`",`+labels+"}"] = by[t]
				}
			}
			for series, n := range want {
				if !strings.Contains(page, fmt.Sprintf("\n%s %d\n", series, n)) {
					t.Errorf("no %s %d in\n%s", series, n, page)
				}
			}
			if strings.Contains(page, "vllm:") || strings.Count(page, "cached_tokens_total{") != map[bool]int{true: 3, false: 1}[bySource] {
				t.Error(page)
			}
		})
	}
}

// TestCachedTokensDetails: tokens by tier of one request, in SGLang's form, before the
// usage, to who asks for them where the profile tells them.
func TestCachedTokensDetails(t *testing.T) {
	const flag = `,"return_cached_tokens_details":true`
	for _, c := range []struct {
		tiers int
		tells bool
		want  []string // for the prompt's four uses: cold, of which nothing is told, then from tier 1, 2 and 3
	}{
		{1, true, []string{"", `"device":800,"host":0`}},
		{2, true, []string{"", `"device":800,"host":0`, `"device":0,"host":800`}},
		{3, true, []string{"", `"device":800,"host":0,"storage":0,"storage_backend":"HiCacheFile"`,
			`"device":0,"host":800,"storage":0,"storage_backend":"HiCacheFile"`, `"device":0,"host":0,"storage":800,"storage_backend":"HiCacheFile"`}},
		{3, false, []string{"", ""}},
	} {
		p := testProfile()
		p.Tiers = []Tier{{Name: "a", Capacity: 1600}, {Name: "b", Capacity: 3200}, {Name: "c", Capacity: 6400}}[:c.tiers]
		p.Tells.CachedTokensDetails = c.tells
		inBubble(t, p, func(w *world) {
			other := 5000
			for use, want := range c.want {
				for range []int{0, 0, 2, 7}[use] { // prompts in between
					w.stream("/v1/completions", ask(ids(other, 801), 1, ""))
					other += 1000
				}
				if want != "" {
					want = `"sglext":{"cached_tokens_details":{` + want + "}}"
				}
				got := w.stream("/v1/completions", ask(ids(100, 801), 1, flag))
				if n := len(got.events); want == "" {
					if n != 3 || strings.Contains(fmt.Sprint(got.events), "sglext") {
						t.Errorf("not told, but %+v", got.events)
					}
				} else if n != 4 || !strings.Contains(got.events[1].data, `"choices":[],`+want) || !strings.Contains(got.events[2].data, "usage") {
					t.Errorf("%d tiers, use %d: no %s in %+v", c.tiers, use, want, got.events)
				}
			}
			if got := w.stream("/v1/completions", ask(ids(100, 801), 1, "")); strings.Contains(fmt.Sprint(got.events), "sglext") {
				t.Errorf("not asked for, but %+v", got.events)
			}
			for path, body := range map[string]string{"/v1/completions": `{"prompt":` + ids(100, 801), "/v1/chat/completions": `{"messages":[{"role":"user","content":"` + strings.Repeat("a b c d ", 20) + `"}]`} {
				w.do(path, body+`,"max_tokens":1}`)
				if got := w.do(path, body+flag+`,"max_tokens":1}`); strings.Contains(got.body, `,"sglext":{"cached_tokens_details":{"device":`) != c.tells || !json.Valid([]byte(got.body)) {
					t.Errorf("%s in one piece: %+v", path, got)
				}
			}
		})
	}
}

// TestGauges: running and waiting while they do.
func TestGauges(t *testing.T) {
	p := testProfile()
	p.Queue = "serial"
	inBubble(t, p, func(w *world) {
		parallel(4, func(i int) {
			if i < 3 {
				w.stream("/v1/completions", ask(ids(1000*i+10, 100), 100, ""))
				return
			}
			sleep(250) // two have passed or are in their prefill
			page := w.get("/metrics").body
			for _, want := range []string{`vllm:num_requests_running{engine="0",model_name="sim"} 2`, `vllm:num_requests_waiting{engine="0",model_name="sim"} 1`,
				`vllm:kv_cache_usage_perc{engine="0",model_name="sim"} 0.26`} {
				if !strings.Contains(page, want+"\n") {
					t.Errorf("no %s in\n%s", want, page)
				}
			}
		})
	})
}
