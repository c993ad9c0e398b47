package lab

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/survey"
)

// few is the number of seeds of the tests below, unless -seeds says more.
const few = 2

func each(t *testing.T, run func(t *testing.T, seed uint64)) {
	t.Helper()
	for _, seed := range seeds(few) {
		run(t, seed)
	}
}

func one(capacity float64) *World {
	return &World{Cache: Cache{Capacity: []float64{capacity}}, TTFT: []float64{.1, 1}, SD: .05, Slow: .02}
}

func TestCacheOff(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		for _, tell := range []Tell{Nothing, Cached} {
			w := one(100)
			w.Off, w.Tell = true, tell
			m := w.Run(start(t, seed, nil), seed, 5000)
			if !m.Ready || !m.NoReuse || len(m.Tiers) > 0 || m.Count.Sent() > 60 {
				t.Errorf("seed %d, tell %d: ready %v, no reuse %v, %d tiers, %d sent", seed, tell, m.Ready, m.NoReuse, len(m.Tiers), m.Count.Sent())
			}
		}
	})
}

func TestHoldsEverything(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		w := one(1000)
		m := w.Run(start(t, seed, func(o *survey.Options) { o.MaxTokens = 300 * AsSent }), seed, 5000)
		if !m.Ready || !m.NoEdge || len(m.Tiers) != 1 || m.Tiers[0].To != nil || m.Reached.Hi != 300 {
			t.Errorf("seed %d: ready %v, no edge %v, reached %d, tiers %+v", seed, m.Ready, m.NoEdge, m.Reached.Hi, m.Tiers)
		}
	})
}

// The inner edge of a cache that holds everything in its second tier is found.
func TestInnerEdgeOnly(t *testing.T) {
	w := &World{Cache: Cache{Capacity: []float64{40, 1000}}, TTFT: []float64{.1, .3, 1}, SD: .05, Slow: .02}
	m := w.Run(start(t, 3, func(o *survey.Options) { o.MaxTokens = 300 * AsSent }), 3, 5000)
	if !m.NoEdge || len(m.Tiers) != 2 || m.Tiers[0].To == nil || m.Tiers[0].To.Lo != 40 || m.Tiers[0].To.Hi != 41 || m.Tiers[1].To != nil {
		t.Errorf("no edge %v, tiers %+v", m.NoEdge, m.Tiers)
	}
	want := (m.Tiers[1].TTFT.P50 - m.Tiers[0].TTFT.P50) * 1e6 / PromptTokens
	if math.Abs(m.Tiers[1].MsPer1k-want) > 1e-9 || !math.IsNaN(m.Tiers[0].MsPer1k) {
		t.Errorf("ms per 1k tokens %g and %g, want none and %g", m.Tiers[0].MsPer1k, m.Tiers[1].MsPer1k, want)
	}
}

// Levels nearer than x1.35 are one level.
func TestNearLevels(t *testing.T) {
	each(t, func(t *testing.T, seed uint64) {
		for _, sd := range []float64{.02, .1, .3} {
			w := &World{Cache: Cache{Capacity: []float64{50, 200}}, TTFT: []float64{.2, .2 * 1.2, 1}, SD: sd, Slow: .02}
			m := w.Run(start(t, seed, nil), seed, 5000)
			if len(m.Tiers) != 1 || m.Tiers[0].To == nil || m.Tiers[0].To.Lo > 201 || m.Tiers[0].To.Hi < 199 {
				t.Errorf("seed %d, noise %g: %d tiers, %+v", seed, sd, len(m.Tiers), m.Tiers)
			}
		}
	})
}

func TestSharedAndNotSteady(t *testing.T) {
	quiet := one(100).Run(start(t, 1, nil), 1, 5000)
	if quiet.Shared || !quiet.Steady {
		t.Errorf("alone: shared %v, steady %v", quiet.Shared, quiet.Steady)
	}
	w := one(100)
	w.Others = func(sent int) int64 { return int64(sent % 2) }
	if m := w.Run(start(t, 1, nil), 1, 5000); !m.Shared || m.Count.Foreign == 0 {
		t.Error("another client's tokens were not seen")
	}
	w = one(100)
	w.Drift = func(sent int) float64 { return 1 + max(0, float64(sent-115))/10 }
	if m := w.Run(start(t, 1, nil), 1, 5000); m.Steady {
		t.Errorf("a server that becomes slow is called steady: %+v %+v", m.First, m.Last)
	}
}

// Sources that the server's counters tell are not believed while others are there.
func TestCountersOfOthers(t *testing.T) {
	s := start(t, 1, nil)
	s.Next()
	answers := make([]survey.Look, 8)
	for i := range answers {
		answers[i] = survey.Look{TTFT: 1, Prompt: PromptTokens, Cached: -1}
	}
	s.Ingested(answers, 8)
	s.Next()
	s.Looked(survey.Look{TTFT: .1, Prompt: PromptTokens, Cached: -1, Sources: map[string]int64{"dram": 900}, Counters: true, Foreign: 4000})
	m := s.Result()
	if len(m.Tiers) != 1 || m.Tiers[0].Name != "" || m.Tiers[0].Sources != nil || !m.Shared {
		t.Errorf("%+v, shared %v", m.Tiers, m.Shared)
	}
}

// Random eviction has no edge: it is told as gradual, at any noise, whatever is told by
// the server, in one tier and in two, and the search comes to an end. What is hard is near
// what the spread lets be seen, of TTFT alone, at the largest noise: levels as near as 2.5,
// and a first tier between two others.
func TestRandomIsGradual(t *testing.T) {
	for _, c := range []struct {
		name  string
		cache Cache
		ttft  []float64
		hard  bool
	}{
		{"60", Cache{Capacity: []float64{60}}, []float64{.1, 1}, false},
		{"200", Cache{Capacity: []float64{200}}, []float64{.1, 1}, false},
		{"200, near levels", Cache{Capacity: []float64{200}}, []float64{.4, 1}, true},
		{"write-through 50 / 200", Cache{Capacity: []float64{50, 200}}, []float64{.1, .3, 1}, true},
		{"exclusive 50 + 200", Cache{Capacity: []float64{50, 200}, Exclusive: true}, []float64{.1, .3, 1}, true},
	} {
		for _, n := range noises {
			for _, tell := range []Tell{Nothing, Cached, Sources} {
				if *many == 1 && (tell == Sources || c.hard && n.sd != .1 || n.sd > .2 && c.name != "60" || n.sd > .05 && tell == Cached) {
					continue // these take most of the time
				}
				t.Run(fmt.Sprintf("%s, noise %g, tell %d", c.name, n.sd, tell), func(t *testing.T) {
					t.Parallel()
					sharp, allowed := 0, 0
					if c.hard && n.sd > .2 && tell == Nothing {
						allowed = *many / 20
					}
					for _, seed := range seeds(1) {
						w := &World{Cache: c.cache, TTFT: c.ttft, SD: n.sd, Slow: .02, Tell: tell}
						w.Cache.Evict = Random
						if why := notGradual(w.Run(start(t, seed, nil), seed, 5000)); why != "" {
							t.Logf("seed %d: %s", seed, why)
							sharp++
						}
					}
					if sharp > allowed {
						t.Errorf("%d maps are not gradual, want at most %d", sharp, allowed)
					}
				})
			}
		}
	}
}

// mostUnsettled is how many requests a search that does not settle may take beside the
// prompts that are sent once, at 30 % noise.
const mostUnsettled = 2000

// notGradual says why a map is not one of random eviction, empty when it is.
func notGradual(m survey.Map) string {
	if extra := m.Count.Sent() - m.Count.Prompts; !m.Ready || len(m.Tiers) == 0 || extra > mostUnsettled {
		return fmt.Sprintf("ready %v, %d tiers, %d requests beside the prompts", m.Ready, len(m.Tiers), extra)
	}
	for _, x := range m.Tiers {
		switch {
		case x.To == nil:
		case !x.Gradual:
			return fmt.Sprintf("an edge at %+v", *x.To)
		case x.Half < x.To.Lo || x.Half > x.To.Hi:
			return fmt.Sprintf("half at %d, outside %+v", x.Half, *x.To)
		}
	}
	return ""
}

func TestPolicies(t *testing.T) {
	const any = survey.Answer(255) // what is looked at is used twice: the edge of a cache that minds may blur
	lru, fifo := Cache{Capacity: []float64{100.5}}, Cache{Capacity: []float64{100.5}, Evict: FIFO}
	headFirst := Cache{Capacity: []float64{100.5}, HeadFirst: true}
	for _, c := range []struct {
		name  string
		cache Cache
		ttft  []float64
		want  [4]survey.Answer // renewed, sharp, first, head kept
	}{
		{"LRU", lru, []float64{.1, 1}, [4]survey.Answer{survey.Yes, survey.Yes, survey.Yes, survey.Yes}},
		{"FIFO", fifo, []float64{.1, 1}, [4]survey.Answer{survey.No, survey.Yes, survey.Yes, survey.Yes}},
		{"head first", headFirst, []float64{.1, 1}, [4]survey.Answer{survey.Yes, survey.Yes, survey.Yes, survey.Unclear}},
		{"second use", Cache{Capacity: []float64{60.5, 400}, SecondUse: 1}, []float64{.1, .3, 1}, [4]survey.Answer{any, any, survey.No, any}},
		{"random", Cache{Capacity: []float64{100}, Evict: Random}, []float64{.1, 1}, [4]survey.Answer{survey.Unclear, survey.No, survey.Yes, survey.Unclear}},
	} {
		t.Run(c.name, func(t *testing.T) {
			odd := 0
			for _, seed := range seeds(few) {
				w := &World{Cache: c.cache, TTFT: c.ttft, SD: .05, Slow: .02, Tell: Cached}
				m := w.Run(start(t, seed, func(o *survey.Options) { o.Policy = true }), seed, 5000)
				p := m.Policy
				if p == nil {
					t.Fatal("no policy")
				}
				asExpected := true
				for i, e := range []survey.Experiment{p.Renewed, p.Sharp, p.First, p.HeadKept} {
					if e.Answer != c.want[i] && c.want[i] != any {
						t.Logf("seed %d, experiment %d: %s, want %s (%s)", seed, i, e.Answer, c.want[i], e.Seen)
						asExpected = false
					}
					if e.Seen == "" {
						t.Errorf("seed %d, experiment %d: nothing is said", seed, i)
					}
				}
				if !asExpected {
					odd++
				}
				if sum := p.Renewed.Requests + p.Sharp.Requests + p.First.Requests + p.HeadKept.Requests; sum != m.Count.Policy {
					t.Errorf("the experiments' requests are %d, counted were %d", sum, m.Count.Policy)
				}
			}
			// First in, first out has no edge by depth once its prompts were asked for: it is
			// seen as gradual now and then.
			if allowed := *many / 20; odd > allowed || c.cache.Evict != FIFO && odd > 0 {
				t.Errorf("%d policies are not what they are", odd)
			}
		})
	}
}

// After an ingest with many in flight an edge is still found to the prompt.
func TestOrderRestored(t *testing.T) {
	touched := 0
	each(t, func(t *testing.T, seed uint64) {
		w := &World{Cache: Cache{Capacity: []float64{30, 800}}, TTFT: []float64{.1, .3, 1}, SD: .02, Slow: .02}
		m := w.Run(start(t, seed, nil), seed, 5000)
		touched += m.Count.Touches
		if len(m.Tiers) != 2 || m.Tiers[0].To.Lo != 30 || m.Tiers[0].To.Hi != 31 {
			t.Errorf("seed %d: %+v", seed, m.Tiers[0].To)
		}
	})
	if touched == 0 {
		t.Error("nothing was touched: the test says nothing")
	}
}

func TestLimitAndWords(t *testing.T) {
	s := start(t, 1, func(o *survey.Options) { o.MaxSent = 60 })
	if got := s.State(); got != "sending the first prompts" {
		t.Errorf("at first: %q", got)
	}
	w := one(50)
	m := w.Run(s, 1, 5000)
	if m.Ready || !strings.Contains(m.Stopped, "limit of 60 requests") {
		t.Errorf("ready %v, stopped %q", m.Ready, m.Stopped)
	}
	if got := s.State(); !strings.Contains(got, "ended early") {
		t.Errorf("at the end: %q", got)
	}
	s = start(t, 1, nil)
	if w = one(50); w.Run(s, 1, 5000).Ready && s.State() != "tier 1 ends between 51.2k and 52.3k tokens; done" {
		t.Errorf("%q", s.State())
	}
	s = start(t, 1, func(o *survey.Options) { o.MaxTokens = 100 * AsSent })
	if w = one(200); w.Run(s, 1, 5000).Ready && s.State() != "no edge up to 102k tokens; done" {
		t.Errorf("%q", s.State())
	}
	s = start(t, 1, nil)
	w = one(50)
	w.Off = true
	if w.Run(s, 1, 5000).Ready && s.State() != "no reuse at any distance; done" {
		t.Errorf("%q", s.State())
	}
}

func TestFixedLooks(t *testing.T) {
	m := one(50).Run(start(t, 1, func(o *survey.Options) { o.Looks = 3 }), 1, 5000)
	if len(m.Tiers) != 1 || m.Tiers[0].To.Lo != 50 || m.Tiers[0].To.Hi != 51 {
		t.Errorf("%+v", m.Tiers)
	}
}
