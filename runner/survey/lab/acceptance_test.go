package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/survey"
)

var many = flag.Int("seeds", 1, "maps of each server of the acceptance; the acceptance is 60")

// setting is one server of the acceptance.
type setting struct {
	name      string
	exclusive bool
	capacity  []float64
	ttft      []float64
}

var settings = []setting{
	{"one tier 173.4", true, []float64{173.4}, []float64{.1, 1}},
	{"write-through one tier 60", false, []float64{60}, []float64{.3, 1}},
	{"exclusive 100 + 300", true, []float64{100, 300}, []float64{.1, .3, 1}},
	{"write-through 100 / 400", false, []float64{100, 400}, []float64{.1, .3, 1}},
	{"exclusive 50 + 150 + 800", true, []float64{50, 150, 800}, []float64{.1, .2, .45, 1}},
	{"write-through 50 / 200 / 1000", false, []float64{50, 200, 1000}, []float64{.1, .2, .45, 1}},
}

func (s setting) world(sd float64, tell Tell) *World {
	return &World{Cache: Cache{Capacity: s.capacity, Exclusive: s.exclusive}, TTFT: s.ttft, SD: sd, Slow: 0.02, Tell: tell}
}

func start(t testing.TB, seed uint64, change func(*survey.Options)) *survey.Survey {
	t.Helper()
	o := survey.Options{PromptTokens: AsSent, MaxTokens: 5000 * AsSent, Resolution: 0.02, Concurrency: 16, Rand: rand.New(rand.NewPCG(seed, 1))}
	if change != nil {
		change(&o)
	}
	s, err := survey.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wrong says what is wrong with a map, empty when nothing is.
func wrong(m survey.Map, w *World) string {
	edges := w.Edges()
	var got []survey.Bracket
	for _, t := range m.Tiers {
		if t.To != nil {
			got = append(got, *t.To)
		}
	}
	if !m.Ready || len(got) != len(edges) {
		return fmt.Sprintf("ready %v, edges %v", m.Ready, got)
	}
	for i, b := range got {
		if edges[i] < float64(b.Lo-1) || edges[i] > float64(b.Hi+1) {
			return fmt.Sprintf("edge %d at %g not in %d-%d", i+1, edges[i], b.Lo, b.Hi)
		}
		if float64(b.Hi-b.Lo) > 0.02*float64(b.Lo)+1 {
			return fmt.Sprintf("bracket %d-%d is too wide", b.Lo, b.Hi)
		}
	}
	return ""
}

// levels of noise of the acceptance: the share of right maps, and the requests sent over
// prompts of the largest edge, at most.
var noises = []struct{ sd, rate, per float64 }{{.02, .98, 2.2}, {.1, .97, 2.4}, {.3, .90, 6}}

// The acceptance of a map: on TTFT alone, on cached tokens, on tokens by source.
// go test -v -seeds 60 is the whole of it, and shows what was needed.
func TestAcceptance(t *testing.T) {
	for _, s := range settings {
		for _, n := range noises {
			for tell, name := range []string{"nothing told", "cached tokens told", "sources told"} {
				t.Run(fmt.Sprintf("%s, noise %g, %s", s.name, n.sd, name), func(t *testing.T) {
					t.Parallel()
					s.accept(t, n.sd, n.rate, n.per, Tell(tell))
				})
			}
		}
	}
}

// accept runs the maps of one server.
func (s setting) accept(t *testing.T, sd, rate, per float64, tell Tell) {
	good := 0
	var looks, sent []float64
	for seed := range uint64(*many) {
		w := s.world(sd, tell)
		m := w.Run(start(t, seed, nil), seed, 50000)
		looks, sent = append(looks, float64(m.Count.Looks)), append(sent, m.PerEdge)
		if why := wrong(m, w); why != "" {
			t.Logf("seed %d: %s", seed, why)
			continue
		}
		good++
	}
	slices.Sort(looks)
	slices.Sort(sent)
	t.Logf("%d of %d right; looks p50 %.0f, most %.0f; sent per prompt of the largest edge p50 %.2f, most %.2f", good, *many,
		stats.Quantile(looks, .5), looks[len(looks)-1], stats.Quantile(sent, .5), sent[len(sent)-1])
	// What separates every level is told: one tier by cached tokens, several by source.
	full := tell == Sources || tell == Cached && len(s.capacity) == 1
	if full {
		rate = .99
	}
	if float64(good) < rate*float64(*many) {
		t.Errorf("%d of %d maps are right, want %g %%", good, *many, 100*rate)
	}
	if m := stats.Quantile(sent, .95); m > per {
		t.Errorf("%.2f requests for each prompt of the largest edge (p95), want at most %g", m, per)
	}
	if m := looks[len(looks)-1]; full && m > 60 {
		t.Errorf("%g looks although it is told what they found, want at most 60", m)
	}
}
