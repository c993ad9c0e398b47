package prompt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
)

func set(t testing.TB, cfg Config, endpoints int) *Set {
	t.Helper()
	if cfg.Encoder == nil {
		cfg.Encoder = ids(t, 300, 4000)
	}
	if cfg.History == nil {
		cfg.History = NewHistory(endpoints)
	}
	s, err := NewSet(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all reads a source that ends.
func all(t testing.TB, s *Source) (jobs []*sample.Job) {
	t.Helper()
	for range 100_000 {
		j, ok := s.Next()
		if !ok {
			return jobs
		}
		jobs = append(jobs, j)
	}
	t.Fatal("the source does not end")
	return nil
}

func deal(s *Source, n int) (jobs []*sample.Job) {
	for range n {
		j, _ := s.Next()
		jobs = append(jobs, j)
	}
	return jobs
}

func promptOf(j *sample.Job) string {
	b := j.Body
	at := bytes.IndexByte(b, '[')
	return string(b[at : at+bytes.IndexByte(b[at:], ']')])
}

func TestIntended(t *testing.T) {
	for _, c := range []struct{ prefix, r, template, block, want int64 }{
		{1024, 1024, 0, 32, 992}, // an exact repeat loses its last block
		{1024, 1025, 0, 32, 1024},
		{512, 600, 0, 32, 512},
		{520, 600, 0, 16, 512},
		{0, 600, 40, 16, 32}, // the template is shared at hit rate 0
		{0, 600, 0, 16, 0},
		{256, 600, 300, 1, 300},
		{600, 600, 0, 0, 599}, // block unknown
		{512, 600, 0, 0, 512},
		{9999, 600, 0, 16, 592},
		{5, 1, 0, 1, 0},
	} {
		if got := Intended(c.prefix, c.r, c.template, c.block); got != c.want {
			t.Errorf("Intended(%d, %d, %d, %d) = %d, want %d", c.prefix, c.r, c.template, c.block, got, c.want)
		}
	}
}

// Warm-up, second look, and cycles of load: order, shape, distances.
func TestUnitFromWarmUpToLoad(t *testing.T) {
	for _, prefix := range []int64{256, 512, 768, 1024} {
		g := Geometry{R: 1024, Prefix: prefix, Output: 64}
		var id int64
		s := set(t, Config{Geometry: g, Prompts: 20, Block: 16, NextID: func() int64 { id++; return id },
			Base: sample.Request{Cell: "c", Trial: 2, Generator: 3}}, 1)
		warm := all(t, s.Coverage(0))
		if len(warm) != 20 {
			t.Fatalf("%d warm-up requests", len(warm))
		}
		for i, j := range warm {
			r := j.Request
			if r.Phase != sample.PhaseWarmup || int(r.Prompt) != i || r.ID != int64(i+1) || r.Cell != "c" || r.Trial != 2 || r.Generator != 3 || r.Attempt != 1 || r.MaxTokens != 64 || r.Sent != 1024 ||
				r.ReuseDistance != sample.Unknown || r.IntendedCached != 0 || r.Cycle != 0 || r.Started != sample.Never || r.End != sample.Never || r.CachedTokens != sample.Unknown {
				t.Fatalf("warm-up %d: %+v", i, r)
			}
		}
		looks := all(t, s.Looks())
		if len(looks) != 8 {
			t.Fatalf("%d looks", len(looks))
		}
		for i, j := range looks {
			r := j.Request
			if r.Phase != sample.PhaseVerify || int(r.Prompt) != 12+i || r.MaxTokens != 1 || r.IntendedCached != Intended(1024, 1024, 0, 16) || promptOf(j) != promptOf(warm[12+i]) {
				t.Fatalf("look %d: %+v", i, r)
			}
			if want := int64(8 * (1024 + 64)); r.ReuseDistance > want || r.ReuseDistance < want-8*64 {
				t.Fatalf("look %d: distance %d, want about %d", i, r.ReuseDistance, want)
			}
		}
		seen := map[string]bool{}
		for i, j := range deal(s.Deal(Cyclic(20, 0)), 100) {
			r := j.Request
			if r.Phase != sample.PhaseLoad || int(r.Prompt) != i%20 || r.IntendedCached != Intended(prefix, 1024, 0, 16) {
				t.Fatalf("load %d: %+v", i, r)
			}
			want := int64(20 * (1024 + 64))
			if i >= 12 && i < 20 { // since its look, and those of newer prompts: one token out each
				want -= int64(20-i) * 63
			}
			if r.ReuseDistance != want {
				t.Fatalf("prefix %d, load %d: distance %d, want %d", prefix, i, r.ReuseDistance, want)
			}
			p := promptOf(j)
			if prefix < 1024 && seen[p] {
				t.Fatalf("load %d repeats a prompt", i)
			}
			if prefix == 1024 && p != promptOf(warm[i%20]) {
				t.Fatalf("load %d: at full reuse the prompt changed", i)
			}
			seen[p] = true
		}
	}
}

// Unique parts never come back: not after a reset, a second warm-up, or in the next
// cell of the same salt.
func TestUniqueMeansUnique(t *testing.T) {
	h := NewHistory(2)
	seen := map[string]bool{}
	for pass := range 3 {
		s := set(t, Config{Geometry: Geometry{R: 32, Prefix: 16, Output: 4}, Prompts: 10 + pass, History: h}, 2)
		jobs := append(all(t, s.Coverage(0)), deal(s.Deal(Uniform(10, rand.New(rand.NewPCG(1, 2)))), 300)...)
		jobs = append(jobs, all(t, s.Sentinels(20))...)
		for i, j := range jobs {
			if p := promptOf(j); seen[p] {
				t.Fatalf("pass %d: request %d was sent before", pass, i)
			} else {
				seen[p] = true
			}
		}
		h.Forget()
		if r := all(t, s.Coverage(0))[0].Request; r.ReuseDistance != sample.Unknown || r.IntendedCached != 0 {
			t.Fatalf("after Forget: %+v", r)
		}
	}
	if h.Requests() < 900 {
		t.Fatalf("%d requests counted", h.Requests())
	}
}

// Two cells under one key share prefixes, never unique parts.
func TestFreshHistoryGoesOnCounting(t *testing.T) {
	seen := map[string]bool{}
	h := NewHistory(1)
	for cell := range 3 {
		s := set(t, Config{Geometry: Geometry{R: 32 + int64(cell), Output: 4}, History: h}, 1)
		for _, j := range append(all(t, s.Sentinels(5)), deal(s.Deal(nil), 50)...) {
			head := strings.Join(strings.Split(promptOf(j), ",")[:16], ",")
			if seen[head] {
				t.Fatalf("cell %d sends a prompt of an earlier one", cell)
			}
			seen[head] = true
		}
		h = h.Fresh()
	}
}

func TestRewarmOnce(t *testing.T) {
	h := NewHistory(1)
	cfg := Config{Geometry: Geometry{R: 64, Prefix: 32, Output: 4}, Prompts: 5, History: h}
	all(t, set(t, cfg, 1).Coverage(0))
	cfg.Prompts = 8
	s := set(t, cfg, 1)
	for i, j := range all(t, s.Coverage(5)) {
		if int(j.Request.Prompt) != 5+i {
			t.Fatalf("prompt %d", j.Request.Prompt)
		}
	}
	for i, j := range deal(s.Deal(Cyclic(8, 0)), 16) {
		if j.Request.ReuseDistance != 8*68 {
			t.Fatalf("%d: distance %d", i, j.Request.ReuseDistance)
		}
	}
}

func TestWarmOutput(t *testing.T) {
	for _, c := range []struct{ r, out, want int64 }{{1024, 64, 64}, {1000, 20, 20}, {1000, 19, 1}, {30000, 256, 1}} {
		s := set(t, Config{Geometry: Geometry{R: c.r, Prefix: 32, Output: c.out}, Prompts: 1}, 1)
		if got := s.cfg.Geometry.warmOutput(); got != c.want {
			t.Errorf("R %d, out %d: %d, want %d", c.r, c.out, got, c.want)
		}
	}
}

func TestHitRateZero(t *testing.T) {
	s := set(t, Config{Geometry: Geometry{R: 64, Output: 4}, Template: 20, Block: 16}, 2)
	if n := len(all(t, s.Coverage(0))) + len(all(t, s.Looks())); n != 0 {
		t.Fatalf("%d requests to warm up a set that has no size", n)
	}
	seen := map[string]bool{}
	for i, j := range deal(s.Deal(nil), 50) {
		r := j.Request
		if r.Prompt != -1 || r.ReuseDistance != sample.Unknown || r.IntendedCached != 16 || int(r.Endpoint) != i%2 || seen[promptOf(j)] {
			t.Fatalf("%d: %+v", i, r)
		}
		seen[promptOf(j)] = true
	}
	if _, ok := s.Again(&sample.Request{Prompt: -1}); ok {
		t.Fatal("a request without a prompt was repeated")
	}
}

func TestAgain(t *testing.T) {
	s := set(t, Config{Geometry: Geometry{R: 64, Prefix: 32, Output: 4}, Prompts: 9, Header: []string{"X-S", "{cell}/{prompt}/{request}/{run}"}, Run: "r1", Base: sample.Request{Cell: "c"}}, 2)
	src := s.Coverage(0)
	for j, ok := src.Next(); ok; j, ok = src.Next() {
		again, ok := s.Again(&j.Request)
		if !ok || !bytes.Equal(again.Body, j.Body) || !slices.Equal(again.Header, j.Header) {
			t.Fatalf("the retry differs: %s\n%s\n%v %v", j.Body, again.Body, j.Header, again.Header)
		}
		r := again.Request
		if r.Attempt != 2 || r.Phase != sample.PhaseWarmup || r.Endpoint != j.Request.Endpoint || r.IntendedCached != 0 || r.ReuseDistance != 68 {
			t.Fatalf("%+v", r)
		}
	}
}

// Each endpoint sees every prompt, and at each the distance is that of one server.
func TestRoundRobinKeepsTheEdge(t *testing.T) {
	for _, endpoints := range []int{2, 3, 4} {
		for _, prompts := range []int{7, 50, 51, 52, 61} {
			g := Geometry{R: 128, Prefix: 64, Output: 8}
			s := set(t, Config{Geometry: g, Prompts: prompts}, endpoints)
			warm := all(t, s.Coverage(0))
			if len(warm) != prompts*endpoints {
				t.Fatalf("%d warm-up requests", len(warm))
			}
			src := s.Deal(Cyclic(prompts, 0))
			deal(src, prompts*endpoints) // one round: from here on only load lies between two uses
			count := map[[2]int32]int{}
			for i, j := range deal(src, prompts*endpoints*2) {
				r := j.Request
				if r.ReuseDistance != int64(prompts)*136 {
					t.Fatalf("%d endpoints, %d prompts, request %d: distance %d, want %d", endpoints, prompts, i, r.ReuseDistance, prompts*136)
				}
				count[[2]int32{r.Prompt, r.Endpoint}]++
			}
			for k, n := range count {
				if n != 2 {
					t.Fatalf("prompt and endpoint %v: %d times", k, n)
				}
			}
		}
	}
}

func TestPinned(t *testing.T) {
	s := set(t, Config{Geometry: Geometry{R: 128, Prefix: 64, Output: 8}, Prompts: 40, Balance: Pinned}, 4)
	for i, j := range append(all(t, s.Coverage(0)), deal(s.Deal(Cyclic(40, 0)), 80)...) {
		if int(j.Request.Endpoint) != i%40%4 || int(j.Request.Prompt) != i%40 {
			t.Fatalf("request %d: %+v", i, j.Request)
		}
		if i >= 40 && j.Request.ReuseDistance != 10*136 {
			t.Fatalf("request %d: distance %d: the edge moves by the number of endpoints", i, j.Request.ReuseDistance)
		}
	}
}

func TestLeastLoaded(t *testing.T) {
	flight := []int{0, 0, 0}
	s := set(t, Config{Geometry: Geometry{R: 128, Prefix: 64, Output: 8}, Prompts: 5, Balance: LeastLoaded, InFlight: func(e int) int { return flight[e] }}, 3)
	src := s.Deal(Cyclic(5, 0))
	for i, c := range []struct {
		flight []int
		want   int32
	}{
		{[]int{0, 0, 0}, 0}, {[]int{0, 0, 0}, 1}, {[]int{2, 1, 2}, 1}, {[]int{1, 2, 2}, 0}, {[]int{1, 1, 2}, 1},
		{[]int{0, 0, 0}, 1}, // prompt 0 in cycle 1
		{[]int{3, 3, 0}, 2},
	} {
		copy(flight, c.flight)
		if j, _ := src.Next(); j.Request.Endpoint != c.want {
			t.Errorf("request %d went to %d, want %d", i, j.Request.Endpoint, c.want)
		}
	}
}

func TestSentinels(t *testing.T) {
	g := Geometry{R: 128, Prefix: 64, Output: 8}
	s := set(t, Config{Geometry: g, Prompts: 5}, 1)
	all(t, s.Coverage(0))
	for _, j := range all(t, s.Sentinels(3)) {
		r := j.Request
		if r.Phase != sample.PhaseSentinel || r.Prompt != -1 || r.MaxTokens != 1 || r.Sent != 128 || r.IntendedCached != 0 {
			t.Fatalf("%+v", r)
		}
	}
	j, _ := s.Deal(Cyclic(5, 0)).Next()
	if want := int64(5*136 + 3*129); j.Request.ReuseDistance != want {
		t.Fatalf("distance %d, want %d: sentinels take room too", j.Request.ReuseDistance, want)
	}
}

func TestLooksCount(t *testing.T) {
	for _, c := range []struct{ prompts, want int }{{3, 3}, {8, 8}, {500, 8}, {900, 9}, {901, 10}, {20000, 64}} {
		s := set(t, Config{Geometry: Geometry{R: 2, Prefix: 1, Output: 1}, Prompts: c.prompts}, 1)
		if got := len(all(t, s.Looks())); got != c.want {
			t.Errorf("%d prompts: %d looks, want %d", c.prompts, got, c.want)
		}
	}
}

func TestUniformReachesAll(t *testing.T) {
	law := Uniform(10, rand.New(rand.NewPCG(1, 2)))
	seen := map[int]int{}
	for range 2000 {
		seen[law.Next(nil)]++
	}
	for i := range 10 {
		if seen[i] < 140 || seen[i] > 260 {
			t.Errorf("prompt %d drawn %d of 2000 times", i, seen[i])
		}
	}
}

func TestRefusedSets(t *testing.T) {
	ok := Config{Geometry: Geometry{R: 128, Prefix: 64, Output: 8}, Prompts: 5, Encoder: ids(t, 300, 4000), History: NewHistory(1)}
	for name, spoil := range map[string]func(*Config){
		"no encoder":   func(c *Config) { c.Encoder = nil },
		"no history":   func(c *Config) { c.History = nil },
		"no tokens":    func(c *Config) { c.Geometry.R = 0 },
		"no output":    func(c *Config) { c.Geometry.Output = 0 },
		"no prefix":    func(c *Config) { c.Geometry.Prefix = 0 },
		"balance":      func(c *Config) { c.Balance = "random" },
		"least-loaded": func(c *Config) { c.Balance = LeastLoaded },
	} {
		c := ok
		spoil(&c)
		if _, err := NewSet(c); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	if s, err := NewSet(ok); err != nil || s.Prompts() != 5 {
		t.Errorf("%v", err)
	}
}

// A set of 20M tokens costs a few dozen bytes per prompt.
func BenchmarkDeal(b *testing.B) {
	for _, p := range []int{100, 100_000} {
		b.Run(fmt.Sprint(p), func(b *testing.B) {
			s := set(b, Config{Geometry: Geometry{R: 200, Prefix: 100, Output: 8}, Prompts: p}, 1)
			src := s.Deal(Cyclic(p, 0))
			b.ReportAllocs()
			for b.Loop() {
				src.Next()
			}
		})
	}
}

// After growth and its ingest every prompt is asked for at the full distance of the new
// size, wherever in its cycle the law was.
func TestRingGrowsAtFullDistance(t *testing.T) {
	for _, before := range []int{0, 3, 7, 10, 25} {
		law := Ring(10)
		g := Geometry{R: 1024, Prefix: 1024, Output: 64}
		s := set(t, Config{Geometry: g, Prompts: 30, Key: NewKey("ring")}, 1)
		s.Use(10)
		if n := len(all(t, s.Coverage(0))); n != 10 {
			t.Fatalf("warm-up of %d prompts, want the 10 in use", n)
		}
		deal(s.Deal(law), before)
		s.Grow(law, 16)
		if n := len(all(t, s.Coverage(10))); n != 6 {
			t.Fatalf("ingest of %d prompts, want 6", n)
		}
		seen := map[int32]bool{}
		for i, j := range deal(s.Deal(law), 40) {
			seen[j.Request.Prompt] = true
			if want := 16 * (g.R + g.Output); j.Request.ReuseDistance != want {
				t.Fatalf("after %d requests, request %d of prompt %d: distance %d, want %d", before, i, j.Request.Prompt, j.Request.ReuseDistance, want)
			}
		}
		if len(seen) != 16 {
			t.Errorf("%d prompts asked for, want 16", len(seen))
		}
	}
}
