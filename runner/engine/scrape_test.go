package engine

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/scenario/metric"
)

func page(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serve(t *testing.T, status int, body []byte) (url string, seen *http.Request) {
	t.Helper()
	seen = new(http.Request)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = *r.Clone(context.Background())
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/metrics", seen
}

// The whole page of vLLM 0.32.0, and what others serve.
func TestScrapeCaptures(t *testing.T) {
	for name, want := range map[string]map[string]float64{
		"vllm-0.32.txt": {
			"server.requests_running": 0, "server.requests_waiting": 0, "server.kv_usage": 0, "server.prompt_tokens": 11780,
			"server.prompt_tokens_computed": 6916, "server.cached_tokens.local": 4864, "server.cached_tokens.external": 0,
			"server.cached_tokens.hbm": 4864, "server.cached_tokens.dram": 0, "server.cached_tokens.disk": 0, "server.cached_tokens.p2p": 0,
			"server.cached_tokens.external_unspecified": 0, "server.cache_queries": 11780, "server.cache_hits": 4864,
			"server.external_cache_hits": 0, "server.generation_tokens": 97, "server.preemptions": 0,
		},
		"vllm-0.8.txt": {
			"server.requests_running": 3, "server.requests_waiting": 4, "server.kv_usage": 75, "server.prompt_tokens": 1000,
			"server.cache_queries": 900, "server.cache_hits": 300, "server.generation_tokens": 12, "server.preemptions": 1,
		},
		// As in SGLang's documentation; and with two data-parallel ranks of two workers, priorities,
		// a host that nothing came from yet and a storage of files, by the labels of its source.
		"sglang-docs.txt": {
			"server.requests_running": 162, "server.requests_waiting": 2826, "server.kv_usage": 28.000000000000004,
			"server.prompt_tokens": 8128902, "server.cache_queries": 8128902, "server.generation_tokens": 7557572,
		},
		"sglang-hicache.txt": {
			"server.requests_running": 9, "server.requests_waiting": 1, "server.kv_usage": 37.5, "server.prompt_tokens": 10000,
			"server.cached_tokens.hbm": 3072, "server.cached_tokens.dram": 0, "server.cached_tokens.disk": 512,
			"server.cache_queries": 10000, "server.cache_hits": 640, "server.generation_tokens": 70, "server.preemptions": 2,
		},
		"llamacpp.txt": {
			"server.requests_running": 2, "server.requests_waiting": 1, "server.prompt_tokens": 1500, "server.prompt_tokens_computed": 600,
			"server.cached_tokens.local": 900, "server.generation_tokens": 77,
		},
	} {
		url, req := serve(t, 200, page(t, name))
		got, err := Scrape(context.Background(), http.DefaultClient, url)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, want)
		}
		if !req.Close || req.Header.Get("Accept") != "text/plain; version=0.0.4" {
			t.Errorf("%s: a scrape must close its connection and ask for the text format: %v", name, req.Header)
		}
	}
}

func TestTold(t *testing.T) {
	families, err := parse(page(t, "vllm-0.32.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if block, capacity := told(families); block != 32 || len(capacity) != 1 || capacity[0].Tokens != 32768 {
		t.Errorf("%d %+v", block, capacity)
	}
	two := strings.Replace(`vllm:cache_config_info{block_size="16",num_gpu_blocks="512",engine="0"} 1.0
vllm:cache_config_info{block_size="16",num_gpu_blocks="256",engine="1",kv_cache_size_tokens="None"} 1.0
`, "\r", "", -1)
	families, err = parse([]byte(two))
	if err != nil {
		t.Fatal(err)
	}
	if block, capacity := told(families); block != 16 || capacity[0].Tokens != 16*768 {
		t.Errorf("two engines: %d %+v", block, capacity)
	}
	for _, odd := range []string{"", `vllm:cache_config_info{block_size="None"} 1`, `vllm:cache_config_info{block_size="-4",num_gpu_blocks="9"} 1`} {
		families, err = parse([]byte(odd + "\n"))
		if block, capacity := told(families); err != nil || block != 0 || capacity != nil {
			t.Errorf("%q: %d %+v %v", odd, block, capacity, err)
		}
	}
}

// Engines of one page are added, shares averaged, odd values left out.
func TestScrapeSeveralEngines(t *testing.T) {
	body := `vllm:num_requests_running{engine="0"} 2
vllm:num_requests_running{engine="1"} 3
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.75
vllm:num_requests_waiting{engine="0"} NaN
vllm:num_requests_waiting{engine="1"} +Inf
`
	url, _ := serve(t, 200, []byte(body))
	got, err := Scrape(context.Background(), http.DefaultClient, url)
	want := map[string]float64{"server.requests_running": 5, "server.kv_usage": 50}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", got, err)
	}
}

// A line of no concern may be broken; one of concern may not.
func TestScrapeProblems(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"status":  {404, "", "404"},
		"foreign": {200, "go_goroutines 5\n", "no series of a known engine"},
		"empty":   {200, "", "no series"},
		"broken":  {200, "vllm:num_requests_running{engine=\"0} x\n", "text format"},
		"html":    {200, "<html>vllm:num_requests_running 3</html>", "no series"},
		"huge":    {200, strings.Repeat("x", maxBody+1), "larger than"},
	} {
		url, _ := serve(t, c.status, []byte(c.body))
		if v, err := Scrape(context.Background(), http.DefaultClient, url); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v", name, v, err)
		}
	}
	url, _ := serve(t, 200, []byte("some{thing=broken 4\nvllm:num_requests_running 3\n"))
	if v, err := Scrape(context.Background(), http.DefaultClient, url); err != nil || v["server.requests_running"] != 3 {
		t.Errorf("a broken line of another series cost ours: %v %v", v, err)
	}
	if _, err := Scrape(context.Background(), http.DefaultClient, "http://127.0.0.1:1/metrics"); err == nil {
		t.Error("a dead port told something")
	}
}

func TestCanonicalNames(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range Canonical {
		if seen[n.Name] || n.Doc == "" || len(n.Sources) == 0 {
			t.Errorf("%s: twice, without a doc or without a source", n.Name)
		}
		seen[n.Name] = true
		if d, ok := metric.Find(n.Name); !ok || d.Name != n.Name {
			t.Errorf("%s is not in the catalogue's family server.", n.Name)
		}
	}
}

type values = map[string]float64

func FuzzScrape(f *testing.F) {
	for _, name := range []string{"vllm-0.32.txt", "vllm-0.8.txt", "llamacpp.txt", "sglang-docs.txt", "sglang-hicache.txt"} {
		f.Add(page(f, name))
	}
	for _, s := range []string{"", "vllm:num_requests_running", "vllm:num_requests_running{", "vllm:cache_config_info{block_size=\"9223372036854775807\",num_gpu_blocks=\"9223372036854775807\"} 1\n",
		"vllm:kv_cache_usage_perc 1e308\nvllm:kv_cache_usage_perc{a=\"b\"} 1e308\n", "\x00\xff{}", "vllm:prompt_tokens_total{engine=\"0\"} 1 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		families, err := parse(b)
		if err != nil {
			return
		}
		block, capacity := told(families)
		if block < 0 || len(capacity) > 0 && capacity[0].Tokens <= 0 {
			t.Fatalf("block %d, capacity %+v", block, capacity)
		}
		for name, v := range canonical(families) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatal(fmt.Sprint(name, v))
			}
		}
	})
}

func BenchmarkScrapePage(b *testing.B) {
	raw := page(b, "vllm-0.32.txt")
	b.ReportAllocs()
	for b.Loop() {
		families, err := parse(raw)
		if err != nil || len(canonical(families)) < 10 {
			b.Fatal(err)
		}
	}
}
