package lab

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/survey"
)

var (
	many  = flag.Int("seeds", 1, "maps of each server, and more servers from 2 on; the acceptance is 60")
	first = flag.Uint64("first", 0, "the first seed: 1000 are other maps than the rules were made with")
)

// seeds of the maps of one server, so many by default.
func seeds(few int) (all []uint64) {
	if *many > 1 {
		few = *many
	}
	for i := range uint64(few) {
		all = append(all, *first+i)
	}
	return all
}

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

// others are servers that no rule was tried at.
var others = []setting{
	{"one tier 812.6", true, []float64{812.6}, []float64{.2, 1}},
	{"write-through one tier 131", false, []float64{131}, []float64{.45, 1}},
	{"exclusive 71.5 + 217", true, []float64{71.5, 217}, []float64{.05, .25, 1}},
	{"write-through 140 / 930", false, []float64{140, 930}, []float64{.2, .5, 1}},
	{"exclusive 33 + 88 + 410", true, []float64{33, 88, 410}, []float64{.03, .12, .4, 1}},
	{"write-through 90 / 300 / 700", false, []float64{90, 300, 700}, []float64{.15, .3, .6, 1.2}},
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
		if t.Unsure || t.Used != nil {
			return fmt.Sprintf("not confirmed: %v, or moved from %+v", t.Unsure, t.Used)
		}
		if t.To != nil && !t.Gradual {
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

// levels of noise of the acceptance: the share of maps that meet every demand, and the
// requests sent for each prompt of the largest edge, at most.
var noises = []struct{ sd, rate, per float64 }{{.02, .98, 2.2}, {.1, .97, 2.4}, {.3, .90, 6}}

const (
	toldRate  = 0.99 // of all maps of servers that tell what separates every level
	toldLooks = 60   // of such a map, at most
)

// The acceptance of a map: on TTFT alone, on cached tokens, on tokens by source.
// go test -v -seeds 60 is the whole of it, and shows what was needed.
func TestAcceptance(t *testing.T) {
	var told, right atomic.Int64
	t.Cleanup(func() {
		if all, good := told.Load(), right.Load(); float64(good) < toldRate*float64(all) {
			t.Errorf("%d of %d maps of servers that tell what they found are right within %d looks, want %g %%", good, all, toldLooks, 100*toldRate)
		} else {
			t.Logf("%d of %d maps of servers that tell what they found are right within %d looks", good, all, toldLooks)
		}
	})
	all := settings
	if *many > 1 {
		all = slices.Concat(settings, others)
	}
	for _, s := range all {
		for _, n := range noises {
			for tell, name := range []string{"nothing told", "cached tokens told", "sources told"} {
				if *many == 1 && Tell(tell) == Cached && len(s.capacity) > 2 && n.sd != .1 {
					continue // as where nothing is told, and as slow
				}
				t.Run(fmt.Sprintf("%s, noise %g, %s", s.name, n.sd, name), func(t *testing.T) {
					t.Parallel()
					good := s.accept(t, n.sd, n.rate, n.per, Tell(tell))
					if s.full(Tell(tell)) {
						told.Add(int64(len(seeds(1))))
						right.Add(int64(good))
					}
				})
			}
		}
	}
}

// accept runs the maps of one server. A map is right when its edges are, and no others
// are there, their brackets are narrow enough, and no more was sent than is allowed.
func (s setting) accept(t *testing.T, sd, rate, per float64, tell Tell) (good int) {
	all, full := seeds(1), s.full(tell)
	var looks, sent []float64
	for _, seed := range all {
		w := s.world(sd, tell)
		m := w.Run(start(t, seed, nil), seed, 50000)
		looks, sent = append(looks, float64(m.Count.Looks)), append(sent, m.PerEdge)
		why := wrong(m, w)
		switch {
		case why != "":
		case m.PerEdge > per:
			why = fmt.Sprintf("%.2f requests for each prompt of the largest edge", m.PerEdge)
		case full && m.Count.Looks > toldLooks:
			why = fmt.Sprintf("%d looks although it is told what they found", m.Count.Looks)
		default:
			good++
			continue
		}
		t.Logf("seed %d: %s", seed, why)
	}
	slices.Sort(looks)
	slices.Sort(sent)
	t.Logf("%d of %d right; looks p50 %.0f, most %.0f; sent for each prompt of the largest edge p50 %.2f, most %.2f", good, len(all),
		stats.Quantile(looks, .5), looks[len(looks)-1], stats.Quantile(sent, .5), sent[len(sent)-1])
	if float64(good) < rate*float64(len(all)) {
		t.Errorf("%d of %d maps are right, want %g %%", good, len(all), 100*rate)
	}
	return good
}

// full reports whether what separates every level is told: one tier by cached tokens,
// several by source. Inner tiers whose prompts are cached alike are told apart by TTFT.
func (s setting) full(tell Tell) bool {
	return tell == Sources || tell == Cached && len(s.capacity) == 1
}
