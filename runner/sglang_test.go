package runner

import (
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// asSGLang makes a server SGLang, with its default flags and HiCache: it tells tokens by
// source to who asks for them, and nothing else of its hits.
func asSGLang(p *simulator.Profile) {
	p.Tells.Metrics, p.Tells.CachedTokensDetails, p.Tells.CachedTokens = "sglang", true, false
	p.MaxModelLen = 4000
}

// A map of SGLang without a word in target.body: wsrun asks for tokens by source itself,
// and each look is read by what its own answer told.
func TestVirtualMapOfSGLang(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		target  string
		profile []func(*simulator.Profile)
		tiers   []string
		ends    []int
	}{
		{"without telemetry", "metrics: none", []func(*simulator.Profile){tiers(20, 30, 50), asSGLang}, []string{"hbm", "dram", "disk", "recompute"}, []int{20, 50, 100}},
		{"with telemetry, write-through", "metrics: auto", []func(*simulator.Profile){tiers(30, 60), asSGLang, placed(simulator.WriteThrough)}, []string{"hbm", "dram", "recompute"}, []int{30, 60}},
		{"a tier that costs nothing", "metrics: none", []func(*simulator.Profile){tiers(30, 60), asSGLang, func(p *simulator.Profile) { p.Tiers[1].Load = 0 }}, []string{"hbm", "dram", "recompute"}, []int{30, 90}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, scenarioOfMap(c.target, ""), []simulator.Profile{profile(c.profile...)}, nil, func(w *world) {
				w.mustRun()
				m := w.wantTiers(c.tiers, c.ends)
				w.toldAlone(c.name)
				w.eachLookAsAsked()
				w.eachLookTold(m)
				for i, row := range m.Rows {
					own, all := row.Tier.Sources[c.tiers[i]], int64(0)
					for _, n := range row.Tier.Sources {
						all += n
					}
					if row.Tier.Recomputed() != (all == 0) || 100*own < 95*all { // at an edge a part comes from the next tier
						t.Errorf("%s: tokens by source %v", row.Tier.Name, row.Tier.Sources)
					}
				}
				p := w.Record().Probe
				if p.Engine != "sglang" || p.Version != simulator.SGLangVersion || !p.TellsCached || !p.ResetVerified || p.Capacity[0].Tier != "hbm" {
					t.Errorf("probe %+v", p)
				}
			})
		})
	}
}

// eachLookTold: every look was read by tokens by source told with its answer, or, where
// nothing was found, by an answer that tells none; no counter was read for it.
func (w *world) eachLookTold(m *result.Map) {
	w.t.Helper()
	by := 0
	for _, l := range m.Looks {
		switch {
		case l.Counters || l.Cached == sample.Unknown:
			w.t.Fatalf("look %+v was not told by its answer", l)
		case l.Sources != nil:
			by++
		case l.Cached != 0:
			w.t.Fatalf("look %+v: %d cached tokens from nowhere", l, l.Cached)
		}
	}
	if by == 0 {
		w.t.Error("no answer told tokens by source")
	}
}

// target.body has the last word: without the field only TTFT is left.
func TestVirtualMapOfSGLangNotAsked(t *testing.T) {
	t.Parallel()
	inBubble(t, scenarioOfMap("metrics: none, body: {return_cached_tokens_details: false}", ""), []simulator.Profile{profile(tiers(30), asSGLang)}, nil, func(w *world) {
		w.mustRun()
		m := w.wantTiers([]string{"tier 1", "recompute"}, []int{30})
		for _, l := range m.Looks {
			if l.Sources != nil || l.Cached != sample.Unknown {
				t.Fatalf("look %+v was told, though nobody asked", l)
			}
		}
		if text := w.notes()["hit-rate-unverified"]; !strings.Contains(text, "by TTFT alone") {
			t.Errorf("note %q", text)
		}
	})
}

// A sweep across the end of SGLang's device tier: each cell begins with an emptied cache,
// hit rates are those of the answers, cold ones included.
func TestVirtualSweepOfSGLang(t *testing.T) {
	t.Parallel()
	yaml := "name: sweep\ntarget: {endpoints: [http://sim0], metrics: auto}\ncontexts: [1000]\nchunk: 50\nworking_set: [20k, 200k]\nmode: fixed\noutput_tokens: 2\nconcurrency: [2]\nduration: 10s\nwarmup: {concurrency: 4}\n"
	inBubble(t, yaml, []simulator.Profile{profile(tiers(30, 60), asSGLang)}, nil, func(w *world) {
		w.mustRun()
		s := result.Summarise(w.Record())
		if len(s.Points) != 2 {
			t.Fatalf("%d points", len(s.Points))
		}
		for i, want := range []float64{98, 0} {
			hit := s.Points[i].Row.Get("hit_rate_observed")
			if !hit.Known() || hit.V < want || hit.V > want+2 {
				t.Errorf("working set %d: hit rate %v, want %v", s.Points[i].Spec.WorkingSet, hit, want)
			}
		}
		if share := s.Points[0].Row.Get("tier_share.hbm"); !share.Known() || share.V < 97 {
			t.Errorf("share of the device tier %v", share)
		}
	})
}

// target.engine is believed where nothing that the server says of itself is: a gateway has
// put its own name on SGLang.
func TestVirtualEngineStated(t *testing.T) {
	t.Parallel()
	gateway := func(p *simulator.Profile) { p.Tells.CachedTokensDetails, p.Tells.CachedTokens = true, false }
	inBubble(t, scenarioOfMap("metrics: none, engine: sglang", ""), []simulator.Profile{profile(tiers(30), gateway)}, nil, func(w *world) {
		w.mustRun()
		w.eachLookTold(w.wantTiers([]string{"hbm", "recompute"}, []int{30}))
		if p := w.Record().Probe; p.Engine != "sglang" || p.CanReset {
			t.Errorf("probe %+v", p)
		}
	})
}
