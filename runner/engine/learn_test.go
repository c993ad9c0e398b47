package engine

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// Ids are sent only where they count as they are, and where their vocabulary is known.
func TestWordsInsteadOfIDs(t *testing.T) {
	for name, c := range map[string]struct {
		f    *fake
		note string
	}{
		"BOS added":         {&fake{kind: "vllm", vocab: 32000, limit: 16384, block: 16, addsBOS: true}, "16 token ids count as 17 prompt tokens"},
		"vocabulary hidden": {&fake{kind: "llamacpp", vocab: 4096, limit: 8192, block: 1, hidesVocab: true}, "does not tell the size of its vocabulary"},
		"tiny vocabulary":   {&fake{kind: "llamacpp", vocab: 300, limit: 8192, block: 1}, ""},
		"text only":         {&fake{kind: "vllm", textOnly: true, limit: 16384, block: 16}, ""},
	} {
		_, p := probe(t, config(c.f.start(t).URL))
		if p.TokenIDs || p.API != "chat" || p.RepeatCached <= 0 || c.note != "" && !noted(p, c.note) {
			t.Errorf("%s: %+v", name, p)
		}
		if c.f.kind == "llamacpp" && c.f.unknown > 0 {
			t.Errorf("%s: an id outside the vocabulary was sent", name)
		}
	}
}

// target.api: completions is kept where ids are not taken: words go there.
func TestCompletionsByWords(t *testing.T) {
	f := &fake{kind: "vllm", textOnly: true, limit: 16384, block: 16}
	cfg := config(f.start(t).URL)
	cfg.API = "completions"
	s, p := probe(t, cfg)
	if p.API != "completions" || p.TokenIDs || p.TemplateTokens != 0 || p.Block != 16 {
		t.Errorf("%+v", p)
	}
	if n, err := s.Count(context.Background(), "a b c"); err != nil || n != 3 {
		t.Errorf("%d %v", n, err)
	}
	if tokens, err := s.Tokenize(context.Background(), "a b"); err != nil || len(tokens) != 2 {
		t.Errorf("%v %v", tokens, err)
	}
}

// Without a tokenizer the template is what is cached of a text that was never sent.
func TestTemplateByCache(t *testing.T) {
	f := &fake{kind: "other", textOnly: true, noTokenizer: true, limit: 16384, block: 1, owner: "acme"}
	_, p := probe(t, config(f.start(t).URL))
	if p.TemplateTokens != 4 || p.Tokenizer || !p.TellsCached || p.Block != 1 {
		t.Errorf("%+v", p)
	}
}

func TestResetIsHeldAgainstTheCache(t *testing.T) {
	for name, c := range map[string]struct {
		f        *fake
		verified bool
		note     string
	}{
		"cold, told":            {&fake{devMode: true}, true, ""},
		"cold, by counters":     {&fake{devMode: true, hidesCached: true}, true, ""},
		"lies":                  {&fake{devMode: true, lyingReset: true}, false, "are still cached"},
		"lies, by counters":     {&fake{devMode: true, lyingReset: true, hidesCached: true}, false, "are still cached"},
		"nobody tells":          {&fake{devMode: true, hidesCached: true, noMetrics: true}, false, "could not be verified"},
		"nothing is ever there": {&fake{devMode: true, noCache: true}, false, "could not be verified"},
	} {
		c.f.kind, c.f.vocab, c.f.limit, c.f.block = "vllm", 32000, 16384, 16
		_, p := probe(t, config(c.f.start(t).URL))
		if !p.CanReset || p.ResetVerified != c.verified || c.note != "" && !noted(p, c.note) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A server that tells no limit and takes little is asked for less.
func TestShorterRepeat(t *testing.T) {
	f := &fake{kind: "other", vocab: 32000, limit: 600, block: 16, owner: "acme"}
	_, p := probe(t, config(f.start(t).URL))
	if p.RepeatCached != 512-16 || p.Block != 16 || p.MaxModelLen != sample.Unknown {
		t.Errorf("%+v", p)
	}
}

// A server that fails one request in five is found out all the same.
func TestProbeOfAFailingServer(t *testing.T) {
	for every := 2; every <= 7; every++ {
		f := &fake{kind: "vllm", vocab: 32000, limit: 16384, block: 16, devMode: true, failEvery: every}
		_, p := probe(t, config(f.start(t).URL))
		if !p.TokenIDs || p.Block != 16 || !p.TellsCached || p.RepeatCached != 4080 || !p.ResetVerified || p.FreshConnection {
			t.Errorf("every %d: %+v", every, p)
		}
	}
}

// One that always fails is an error with its words; one that hangs, with its URL.
func TestProbeOfABrokenServer(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 16384, block: 16, failEvery: 1}
	s, err := Open(config(f.start(t).URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Probe(context.Background()); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "overloaded") {
		t.Errorf("%v", err)
	}
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(hang)
	if s, err = Open(Config{Endpoint: srv.URL, Step: 50 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Probe(context.Background())
	var u *Unreachable
	if !errors.As(err, &u) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no reply in time") || !strings.Contains(err.Error(), srv.URL) {
		t.Errorf("%v", err)
	}
}

func TestCheck(t *testing.T) {
	status := 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, status, `{"error":{"message":"engine died"}}`)
	}))
	defer srv.Close()
	s, err := Open(Config{Endpoint: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		status int
		ok     bool
	}{{200, true}, {404, true}, {500, false}} {
		status = c.status
		if err := s.Check(context.Background()); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "engine died") {
			t.Errorf("%d: %v", c.status, err)
		}
	}
}

// target.body and headers go with the probe's requests, as they will with the run's.
func TestProbeSendsWhatTheRunSends(t *testing.T) {
	f := &fake{kind: "vllm", vocab: 32000, limit: 16384, block: 16}
	cfg := config(f.start(t).URL)
	cfg.Body = map[string]any{"cache_salt": "x", "ignore_eos": nil, "temperature": 0.5}
	probe(t, cfg)
	for _, b := range f.bodies {
		if _, has := b["ignore_eos"]; has || b["cache_salt"] != "x" || b["temperature"] != 0.5 {
			t.Fatalf("%v", b)
		}
	}
}

func TestGenerator(t *testing.T) {
	g := newGenerator()
	ids := g.ids(5000, [2]int64{300, 310})
	if slices.Min(ids) != 300 || slices.Max(ids) != 309 {
		t.Errorf("ids from %d to %d", slices.Min(ids), slices.Max(ids))
	}
	if w := strings.Fields(g.words(50, "Zoo")); len(w) != 50 || w[0] != "Zoo" || w[1] == w[2] && w[2] == w[3] {
		t.Errorf("%v", w)
	}
	if a, b := g.words(20, "x"), g.words(20, "x"); a == b {
		t.Error("the same words came twice")
	}
	for _, c := range []struct {
		top  int64
		want [2]int64
	}{{4096, [2]int64{300, 4096}}, {7999, [2]int64{300, 7999}}, {8000, [2]int64{1000, 8000}}, {128_000, [2]int64{1000, 30_000}}} {
		if got := safeBelow(c.top); got != c.want {
			t.Errorf("%d: %v, want %v", c.top, got, c.want)
		}
	}
}
