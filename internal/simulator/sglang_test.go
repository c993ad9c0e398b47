package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// asSGLang is testProfile with a third tier, as SGLang.
func asSGLang() Profile {
	p := testProfile()
	p.Tiers = append(p.Tiers, Tier{Name: "ssd", Capacity: 16000})
	p.Tells.Metrics, p.Tells.CachedTokensDetails, p.MaxModelLen = "sglang", true, 1200
	return p
}

// post0 sends a POST without a body.
func (w *world) post0(path string) reply {
	w.t.Helper()
	res, err := w.client.Post("http://sim"+path, "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(b), err}
}

// TestSGLangSaysWhoItIs: SGLang's owner and calls, and none that vLLM alone has.
func TestSGLangSaysWhoItIs(t *testing.T) {
	inBubble(t, asSGLang(), func(w *world) {
		if got := w.get("/v1/models"); !strings.Contains(got.body, `"owned_by":"sglang"`) || !strings.Contains(got.body, `"max_model_len":1200`) {
			t.Errorf("%+v", got)
		}
		for _, path := range []string{"/version", "/reset_prefix_cache"} {
			if got := w.get(path); got.status != http.StatusNotFound {
				t.Errorf("%s: %+v", path, got)
			}
		}
		for _, path := range []string{"/server_info", "/get_server_info"} {
			var got struct {
				Total   int    `json:"max_total_num_tokens"`
				Longest int    `json:"max_req_input_len"`
				Page    int    `json:"page_size"`
				Storage string `json:"hicache_storage_backend"`
				HiCache bool   `json:"enable_hierarchical_cache"`
				States  []any  `json:"internal_states"`
				Version string
			}
			body := w.get(path).body
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s: %v in %s", path, err, body)
			}
			if got.Total != 1600 || got.Longest != 1194 || got.Page != 16 || got.Storage != "file" || !got.HiCache || len(got.States) != 1 || got.Version != SGLangVersion {
				t.Errorf("%s: %+v", path, got)
			}
		}
		for _, path := range []string{"/model_info", "/get_model_info"} {
			if got := w.get(path); got.status != http.StatusOK || got.body != `{"model_path":"sim","tokenizer_path":"sim","is_generation":true}` {
				t.Errorf("%s: %+v", path, got)
			}
		}
	})
}

// TestSGLangServerInfoOfOneTier: without tiers below there is no HiCache and no storage.
func TestSGLangServerInfoOfOneTier(t *testing.T) {
	p := testProfile()
	p.Tiers, p.Tells.Metrics, p.Admit = p.Tiers[:1], "sglang", Second
	inBubble(t, p, func(w *world) {
		body := w.get("/server_info").body
		for _, want := range []string{`"context_length":null`, `"enable_hierarchical_cache":false`, `"hicache_ratio":0,`, `"hicache_storage_backend":null`,
			`"hicache_write_policy":"write_through_selective"`, `"max_req_input_len":1594`} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
		if got := w.post0("/hicache/storage-backend/clear"); got.status != http.StatusBadRequest {
			t.Errorf("a storage that is not there was cleared: %+v", got)
		}
	})
}

// TestSGLangTellsNoZero: as in SGLang's usage, cached tokens are told only where there
// are any.
func TestSGLangTellsNoZero(t *testing.T) {
	inBubble(t, asSGLang(), func(w *world) {
		for use, want := range []bool{false, true} {
			got := fmt.Sprint(w.stream("/v1/completions", ask(ids(100, 801), 1, "")).events)
			if strings.Contains(got, `"prompt_tokens_details":{"cached_tokens":800}`) != want || strings.Contains(got, "cached_tokens") != want || !strings.Contains(got, `"prompt_tokens":801`) {
				t.Errorf("use %d: %s", use, got)
			}
		}
	})
}

// TestSGLangFlush: device and host are emptied by one call, the storage by another, and
// neither while a request runs.
func TestSGLangFlush(t *testing.T) {
	inBubble(t, asSGLang(), func(w *world) {
		w.fillTiers()
		if got := w.post0("/flush_cache?timeout=2"); got.status != http.StatusOK || !strings.HasPrefix(got.body, "Cache flushed.\n") {
			t.Errorf("%+v", got)
		}
		if n := w.blocks(); n[0] != 0 || n[1] != 0 || n[2] == 0 {
			t.Errorf("blocks %v after a flush, want some in the storage alone", n)
		}
		if got := w.post0("/hicache/storage-backend/clear"); got.status != http.StatusOK || got.body != "Hierarchical cache storage backend cleared.\n" {
			t.Errorf("%+v", got)
		}
		if n := w.blocks(); !slices.Equal(n, []int{0, 0, 0}) {
			t.Errorf("blocks %v after both", n)
		}
		if got := w.get("/flush_cache"); got.status != http.StatusOK {
			t.Errorf("GET: %+v", got)
		}
		parallel(2, func(i int) {
			if i == 0 {
				w.stream("/v1/completions", ask(ids(100, 801), 3, ""))
				return
			}
			sleep(300) // in its prefill
			if got := w.post0("/flush_cache"); got.status != http.StatusBadRequest || got.body != "Flush cache failed.\n" {
				t.Errorf("while a request runs: %+v", got)
			}
		})
		if n := w.blocks(); n[0] == 0 {
			t.Error("a flush that was refused emptied the cache")
		}
	})
	p := asSGLang()
	p.Tells.Reset = false
	inBubble(t, p, func(w *world) {
		for _, path := range []string{"/flush_cache", "/hicache/storage-backend/clear"} {
			if got := w.post0(path); got.status != http.StatusNotFound {
				t.Errorf("%s: %+v", path, got)
			}
		}
	})
}

// fillTiers sends prompts until every tier holds some.
func (w *world) fillTiers() {
	w.t.Helper()
	for first := 1000; first < 12000; first += 1000 {
		w.stream("/v1/completions", ask(ids(first, 801), 1, ""))
	}
	if n := w.blocks(); slices.Contains(n, 0) {
		w.t.Fatalf("blocks %v: a tier is empty", n)
	}
}

func (w *world) blocks() (out []int) {
	for t := range w.s.cache.tiers {
		out = append(out, w.s.cache.blocksIn(t))
	}
	return out
}
