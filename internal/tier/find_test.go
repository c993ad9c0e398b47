package tier

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
	"pgregory.net/rapid"
)

const r = 10_000 // tokens of each prompt in these tests

// server simulates tiers of LRU caches, in whole prompts.
type server struct {
	caps         []int     // prompts that each tier holds
	cost         []float64 // TTFT of each tier, then of a cold prompt, seconds
	writeThrough bool
	told         bool // cached tokens
	shares       bool // and by source
	noise        float64
	uniform      bool
	looks        int
}

// holds gives the tier that serves prompt p, len(caps) when none does, and
// brings p to the top.
func holds(lru [][]int, caps []int, p int, writeThrough bool) int {
	found := len(caps)
	for k := range lru {
		if i := slices.Index(lru[k], p); i >= 0 {
			found = min(found, k)
			lru[k] = slices.Delete(lru[k], i, i+1)
		}
	}
	out := p // what falls out of one tier goes to the next
	for k := range lru {
		if writeThrough {
			out = p
		}
		if out < 0 {
			break
		}
		lru[k] = append([]int{out}, lru[k]...)
		out = -1
		if n := len(lru[k]); n > caps[k] {
			out, lru[k] = lru[k][n-1], lru[k][:n-1]
		}
	}
	return found
}

// point measures a working set of n prompts.
func (s server) point(rng *rand.Rand, n int) Point {
	lru := make([][]int, len(s.caps))
	for p := range n {
		holds(lru, s.caps, p, s.writeThrough)
	}
	looks := s.looks
	if looks == 0 {
		looks = max(60, n)
	}
	by := make([]int, len(s.caps)+1)
	p := Point{ReuseDistance: int64(n * (r + 100)), WorkingSet: int64(n * r), ReusedTokens: r}
	for i := range looks {
		next := i % n
		if s.uniform {
			next = rng.IntN(n)
		}
		k := holds(lru, s.caps, next, s.writeThrough)
		by[k]++
		p.TTFT = append(p.TTFT, s.cost[k]*math.Exp(s.noise*rng.NormFloat64()))
	}
	sort.Float64s(p.TTFT)
	if s.told {
		p.CachedTold, p.Cached = true, 100-100*float64(by[len(s.caps)])/float64(looks)
	}
	if s.shares {
		p.Shares = map[string]float64{}
		for k := range s.caps {
			p.Shares[[]string{"local", "external", "remote"}[k]] = 100 * float64(by[k]) / float64(looks)
		}
	}
	return p
}

func (s server) sweep(seed uint64, sizes ...int) []Point {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []Point
	for _, n := range sizes {
		out = append(out, s.point(rng, n))
	}
	return out
}

// edges gives the brackets in prompts with the names, "20-30 tier 1>tier 2".
func edges(s Series) string {
	var out []string
	for _, t := range s.Transitions {
		out = append(out, fmt.Sprintf("%d-%d %s>%s", t.Lo/(r+100), t.Hi/(r+100), t.From, t.To))
	}
	return strings.Join(out, ", ")
}

var tens = []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110}

func TestFindEdgesOfSimulatedServers(t *testing.T) {
	two := server{caps: []int{20, 60}, cost: []float64{.1, .25, 1}, noise: .1}
	with := func(f func(*server)) server { s := two; f(&s); return s }
	stated := Options{Names: []string{"hbm", "dram"}}
	for _, c := range []struct {
		name  string
		s     server
		sizes []int
		opt   Options
		want  string
	}{
		{"exclusive, TTFT only", two, tens, Options{}, "20-30 tier 1>tier 2, 80-90 tier 2>tier 3"},
		{"exclusive, cold level known", two, tens, Options{ColdTTFT: 1.05}, "20-30 tier 1>tier 2, 80-90 tier 2>recompute"},
		{"exclusive, named", two, tens, stated, "20-30 hbm>dram, 80-90 dram>recompute"},
		{"exclusive, cached told", with(func(s *server) { s.told = true }), tens, Options{}, "20-30 tier 1>tier 2, 80-90 tier 2>recompute"},
		{"exclusive, sources told", with(func(s *server) { s.told, s.shares = true, true }), tens, Options{}, "20-30 local>external, 80-90 external>recompute"},
		{"write-through", with(func(s *server) { s.writeThrough = true; s.told = true }), tens, stated, "20-30 hbm>dram, 60-70 dram>recompute"},
		{"one tier", server{caps: []int{50}, cost: []float64{.1, .5}, told: true, noise: .2}, tens, Options{}, "50-60 tier 1>recompute"},
		{"tiers x1.8 apart under noise of 20 %", server{caps: []int{20, 60}, cost: []float64{.1, .18, .324}, noise: .2}, tens, Options{}, "20-30 tier 1>tier 2, 80-90 tier 2>tier 3"},
		{"three tiers", server{caps: []int{20, 30, 40}, cost: []float64{.1, .3, .9, 3}, noise: .15, told: true}, tens, Options{}, "20-30 tier 1>tier 2, 50-60 tier 2>tier 3, 90-100 tier 3>recompute"},
		{"told only: sources that cost the same", with(func(s *server) { s.cost = []float64{.1, .1, .1}; s.told, s.shares = true, true }), tens, Options{}, "20-30 local>external, 80-90 external>recompute"},
		{"loading slower than recomputing", with(func(s *server) { s.cost = []float64{.1, 2, 1}; s.told = true }), tens, stated, "20-30 hbm>dram, 80-90 dram>recompute"},
		{"one point on each side", two, []int{10, 50}, Options{}, "10-50 tier 1>tier 2"},
		{"single points", two, []int{10, 50, 100}, stated, "10-50 hbm>dram, 50-100 dram>recompute"},
		{"few looks, all of them clear", with(func(s *server) { s.looks = 5 }), tens, stated, "20-30 hbm>dram, 80-90 dram>recompute"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(5) {
				got := Find(c.s.sweep(seed, c.sizes...), c.opt)
				if edges(got) != c.want || len(got.Notes) > 0 || got.None != "" {
					t.Fatalf("seed %d: got  %s\nwant %s\nnotes %q, none %q", seed, edges(got), c.want, got.Notes, got.None)
				}
			}
		})
	}
}

// The cost is what the simulated server charges.
func TestCost(t *testing.T) {
	s := server{caps: []int{50}, cost: []float64{.1, .5}, told: true}
	got := Find(s.sweep(1, tens...), Options{Names: []string{"hbm"}}).Transitions[0]
	if math.Abs(got.Ratio()-5) > 1e-9 || math.Abs(got.MsPer1kToken-40) > 1e-9 {
		t.Errorf("ratio %v, ms per 1k %v; want 5 and 40", got.Ratio(), got.MsPer1kToken)
	}
	if got.LoSize != 500_000 || got.HiSize != 600_000 || got.Looks != 5*60+60+70+80+90+100+110 {
		t.Errorf("sizes %d, %d, looks %d", got.LoSize, got.HiSize, got.Looks)
	}
	if want := "hbm -> recompute between 505k and 606k tokens, TTFT x5.00 (+40.0 ms per 1k reused tokens)"; Sentence(got) != want {
		t.Errorf("got  %s\nwant %s", Sentence(got), want)
	}
}

func TestSentence(t *testing.T) {
	for want, tr := range map[string]Transition{
		"hbm -> recompute between 670k and 1.22M tokens, TTFT x5.09 (+28.8 ms per 1k reused tokens)": {
			From: "hbm", To: Recompute, Lo: 670_000, Hi: 1_220_000, Before: 1, After: 5.09, MsPer1kToken: 28.8},
		"hbm -> tier 2 between 10k and 20k tokens, median TTFT unchanged: fewer than half of the requests fell": {
			From: "hbm", To: "tier 2", Lo: 10_000, Hi: 20_000, Before: 1, After: 1.01, MsPer1kToken: .002},
		"tier 1 -> tier 2 between 10k and 20k tokens; one point only: add sizes": {
			From: "tier 1", To: "tier 2", Lo: 10_000, Hi: 20_000, Notes: []string{"one point only: add sizes"}},
		"ssd -> recompute between 10k and 20k tokens, TTFT x0.500 (-50.0 ms per 1k reused tokens)": {
			From: "ssd", To: Recompute, Lo: 10_000, Hi: 20_000, Before: 1, After: .5, MsPer1kToken: -50},
	} {
		if got := Sentence(tr); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// mix makes a point of n prompts of whose requests a share in percent is cold.
func mix(n int, cold float64, told bool) Point {
	p := Point{ReuseDistance: int64(n * (r + 100)), WorkingSet: int64(n * r), ReusedTokens: r, CachedTold: told, Cached: 100 - cold}
	for i := range 100 {
		v := .1 * (1 + .001*float64(i%7))
		if float64(i) >= 100-cold {
			v *= 8
		}
		p.TTFT = append(p.TTFT, v)
	}
	return p
}

// A point in the middle of an edge belongs inside the bracket: one edge, one
// transition.
func TestMixedPoints(t *testing.T) {
	for _, told := range []bool{true, false} {
		for _, c := range []struct {
			cold []float64
			want string // in units of ten prompts
			note string
		}{
			{[]float64{0, 0, 40, 100, 100}, "20-40", "1 point between the ends of the bracket: a mixture of both sides"},
			{[]float64{0, 0, 60, 100, 100}, "20-40", "1 point between"},
			{[]float64{0, 0, 75, 100, 100}, "20-40", "1 point between"},
			{[]float64{0, 0, 30, 60, 100, 100}, "20-50", "2 points between"},
			{[]float64{0, 0, 30, 55, 75, 100, 100}, "20-60", "falling gradually"},
			{[]float64{0, 0, 8, 100, 100}, "30-40", ""},
			{[]float64{0, 0, 92, 100, 100}, "20-30", ""},
			{[]float64{0, 0, 50, 50, 50, 100, 100}, "20-30 50-60", ""}, // two replicas, one of them smaller
		} {
			var points []Point
			for i, cold := range c.cold {
				points = append(points, mix(10*(i+1), cold, told))
			}
			got := Find(points, Options{})
			var brackets []string
			var notes string
			for _, tr := range got.Transitions {
				brackets = append(brackets, fmt.Sprintf("%d-%d", tr.Lo/(r+100), tr.Hi/(r+100)))
				notes += strings.Join(tr.Notes, "; ")
			}
			if strings.Join(brackets, " ") != c.want || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("told %v, cold %v: got %v, notes %q, none %q, want %s", told, c.cold, brackets, notes, got.None, c.want)
			}
		}
	}
}

// A point that the server tells to be found whole has no part of what is computed again,
// however its TTFT lies: slots that answer a little faster than the cache behind them must
// not hide where that ends (seen of llama-server, 4.0 and 4.9 ms before 179).
func TestFoundWholeIsNoMixture(t *testing.T) {
	at := func(n int, ttft, cached float64) Point {
		p := Point{ReuseDistance: int64(n * (r + 100)), WorkingSet: int64(n * r), ReusedTokens: r, CachedTold: true, Cached: cached}
		for i := range 100 {
			p.TTFT = append(p.TTFT, ttft*(.9+.004*float64(i)))
		}
		return p
	}
	for ratio := 1.; ratio < 2; ratio += .02 {
		got := Find([]Point{at(4, .004, 99.9), at(5, .004*ratio, 99.9), at(6, .179, 0), at(7, .179, 0)}, Options{})
		if n := len(got.Transitions); n == 0 || got.Transitions[n-1].LoSize != 5*r || got.Transitions[n-1].HiSize != 6*r {
			t.Errorf("x%.2f: got %s, none %q, want the last edge between 5 and 6", ratio, edges(got), got.None)
		}
	}
}

// Refining puts many mixed points close together: none differs from the next by
// the least change, and yet it is an edge.
func TestRefinedSoftEdge(t *testing.T) {
	for _, told := range []bool{true, false} {
		var points []Point
		for i, cold := range []float64{0, 0, 5, 20, 35, 50, 65, 80, 95, 100, 100} {
			n := 100 + i
			if i == 0 {
				n = 50
			} else if i == 10 {
				n = 150
			}
			points = append(points, mix(n, cold, told))
		}
		got := Find(points, Options{})
		if len(got.Transitions) != 1 || got.Transitions[0].Lo < 101*(r+100) || got.Transitions[0].Hi > 109*(r+100) {
			t.Errorf("told %v: got %s, none %q", told, edges(got), got.None)
		}
	}
}

// A point that every request reaches half-way must not hide the jump.
func TestHalfWayPoint(t *testing.T) {
	at := func(n int, ttft float64) Point {
		return Point{ReuseDistance: int64(n * (r + 100)), WorkingSet: int64(n * r), TTFT: slices.Repeat([]float64{ttft}, 60)}
	}
	got := Find([]Point{at(50, .1), at(100, .1), at(105, .145), at(110, .2), at(150, .2)}, Options{})
	if want := "100-110 tier 1>tier 2"; edges(got) != want {
		t.Errorf("got %q, want %q; none %q", edges(got), want, got.None)
	}
}

// What decays gradually has no edge; what is steep in it must not be made one
// that is narrower than it is.
func TestUniformAccess(t *testing.T) {
	var fine []int
	for n := 40; n <= 400; n += 10 {
		fine = append(fine, n)
	}
	for _, told := range []bool{true, false} {
		s := server{caps: []int{50}, cost: []float64{.1, .8}, uniform: true, looks: 2000, told: told, noise: .1}
		for seed := range uint64(5) {
			got := Find(s.sweep(seed, fine...), Options{})
			if len(got.Transitions) != 0 || !strings.Contains(got.None, "gradually") {
				t.Fatalf("fine, told %v: got %s, none %q", told, edges(got), got.None)
			}
			got = Find(s.sweep(seed, 25, 50, 100, 200, 400), Options{})
			if len(got.Transitions) != 1 || !strings.Contains(Sentence(got.Transitions[0]), "gradually") || got.Transitions[0].Hi < 200*r {
				t.Fatalf("coarse, told %v: got %s", told, edges(got))
			}
		}
	}
}

// TTFT that grows slowly with size (queues, attention) is no tier.
func TestDriftIsNoTier(t *testing.T) {
	for _, growth := range []float64{1.05, 1.1, 1.2} {
		rng := rand.New(rand.NewPCG(7, 7))
		var points []Point
		for i := range 15 {
			p := server{caps: []int{1000}, cost: []float64{.1 * math.Pow(growth, float64(i)), 1}, noise: .05}.point(rng, 100+50*i)
			points = append(points, p)
		}
		if got := Find(points, Options{}); len(got.Transitions) != 0 || got.None == "" {
			t.Errorf("growth x%v a point: got %s", growth, edges(got))
		}
	}
}

// One disturbed point is no tier, and is named; thin points make no edge.
func TestDisturbedAndThinPoints(t *testing.T) {
	s := server{caps: []int{1000}, cost: []float64{.1, 1}, noise: .1}
	for at := range tens {
		points := s.sweep(1, tens...)
		for i := range points[at].TTFT {
			points[at].TTFT[i] *= 4
		}
		got := Find(points, Options{})
		if at < len(tens)-1 && (len(got.Transitions) != 0 || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "measure it again")) {
			t.Errorf("disturbed %d: got %s, notes %q", tens[at], edges(got), got.Notes)
		}
		if at == len(tens)-1 && (len(got.Transitions) != 1 || !slices.Contains(got.Transitions[0].Notes, "one point only: add sizes")) {
			t.Errorf("slow last point: got %s", edges(got))
		}
		points = s.sweep(1, tens...)
		points[at].TTFT = []float64{.1, .4} // two looks, one of them slow
		if got := Find(points, Options{}); len(got.Transitions) != 0 {
			t.Errorf("thin %d: got %s", tens[at], edges(got))
		}
	}
	thin := []Point{mix(10, 0, false), mix(20, 100, false)}
	thin[0].TTFT, thin[1].TTFT = thin[0].TTFT[:2], thin[1].TTFT[:2]
	if got := Find(thin, Options{}); len(got.Transitions) != 0 || !strings.Contains(got.None, "no point has more than 2 requests: raise duration") {
		t.Errorf("two looks: got %s, none %q", edges(got), got.None)
	}
}

// Three requests on each side may all differ by chance; sixty may not.
func TestTooFewRequests(t *testing.T) {
	points := []Point{mix(10, 0, false), mix(20, 100, false)}
	points[0].TTFT, points[1].TTFT = points[0].TTFT[:3], points[1].TTFT[:3]
	got := Find(points, Options{})
	if want := "no transition up to 202k reuse distance: a change between 101k and 202k rests on too few requests (3 and 3): raise duration"; got.None != want {
		t.Errorf("got %q, %s", got.None, edges(got))
	}
}

func TestNone(t *testing.T) {
	flat := server{caps: []int{1000}, cost: []float64{.1, 1}, told: true}.sweep(1, 100, 200, 485)
	cold := server{caps: []int{1}, cost: []float64{.1, 1}, told: true}.sweep(1, 100, 200)
	untold := server{caps: []int{1}, cost: []float64{.1, 1}}.sweep(1, 100, 200)
	hbm := []sample.Capacity{{Tier: "hbm", Tokens: 6_200_000}, {Tier: "dram", Tokens: 62_000_000}}
	for _, c := range []struct {
		points []Point
		opt    Options
		want   string
	}{
		{nil, Options{}, "no transition: there is no valid point"},
		{flat[:1], Options{}, "no transition: one point only (1.01M reuse distance): add sizes"},
		{flat, Options{Capacities: hbm}, "no transition up to 4.90M reuse distance (the server says its HBM holds 6.20M): raise working_set.max to 9M"},
		{flat, Options{}, "no transition up to 4.90M reuse distance (the server tells no capacity): raise working_set.max to 10M"},
		{flat, Options{Capacities: []sample.Capacity{{Tokens: 2_000_000}}}, "no transition up to 4.90M reuse distance (the server says its cache holds 2M, and that is passed): a tier beneath it may cost the same; raise working_set.max to 10M"},
		{cold, Options{}, "no reuse at any distance from 1.01M to 2.02M (the server told 0 % cached): lower working_set.min, or see whether prefix caching is on"},
		{untold, Options{ColdTTFT: 1}, "no reuse at any distance from 1.01M to 2.02M (every point costs what a cold prompt costs): lower working_set.min, or see whether prefix caching is on"},
	} {
		if c.want == "no transition up to 4.90M reuse distance (the server tells no capacity): raise working_set.max to 10M" {
			c.opt.MaxSize = 4_850_000
		}
		if got := Find(c.points, c.opt); got.None != c.want || len(got.Transitions) > 0 {
			t.Errorf("got  %q\nwant %q", got.None, c.want)
		}
	}
}

func TestMixedEnds(t *testing.T) {
	got := Find([]Point{mix(10, 0, true), mix(20, 0, true), mix(30, 50, true)}, Options{})
	if s := Sentence(got.Transitions[0]); !strings.Contains(s, "the far side is still mixed (50 % cached)") || !strings.Contains(s, "tier 2") {
		t.Error(s)
	}
	got = Find([]Point{mix(10, 50, true), mix(20, 100, true), mix(30, 100, true)}, Options{})
	if s := Sentence(got.Transitions[0]); !strings.Contains(s, "the near side is mixed already (50 % cached)") || !strings.Contains(s, "recompute") {
		t.Error(s)
	}
}

// Refining halves the bracket until it is one prompt wide and still holds the edge.
func TestRefineReachesOnePrompt(t *testing.T) {
	s := server{caps: []int{53}, cost: []float64{.1, .5}, noise: .1}
	rng := rand.New(rand.NewPCG(1, 2))
	points := s.sweep(1, 10, 100)
	for range 20 {
		next := RefineSizes(r, Find(points, Options{}))
		if len(next) == 0 {
			break
		}
		points = append(points, s.point(rng, int(next[0]/r)))
	}
	if got := Find(points, Options{}); edges(got) != "53-54 tier 1>tier 2" || len(points) > 10 {
		t.Errorf("got %s after %d points", edges(got), len(points))
	}
}

func TestRefineSizes(t *testing.T) {
	one := func(ts ...Transition) Series { return Series{Transitions: ts} }
	got := RefineSizes(10, one(Transition{LoSize: 100, HiSize: 201}, Transition{LoSize: 300, HiSize: 310}),
		one(Transition{LoSize: 100, HiSize: 200}), // the same bracket at another level
		one(Transition{LoSize: 400, HiSize: 500, Mixed: []int64{410, 420}}), one())
	if want := []int64{150, 460}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func drawSeries(t *rapid.T) []Point {
	s := server{caps: []int{rapid.IntRange(1, 30).Draw(t, "a"), rapid.IntRange(1, 60).Draw(t, "b")},
		cost: []float64{.1, .1 * rapid.Float64Range(1, 4).Draw(t, "dram"), .1 * rapid.Float64Range(1, 20).Draw(t, "cold")},
		told: rapid.Bool().Draw(t, "told"), shares: rapid.Bool().Draw(t, "shares"), noise: rapid.Float64Range(0, .4).Draw(t, "noise"),
		uniform: rapid.Bool().Draw(t, "uniform"), looks: rapid.IntRange(1, 40).Draw(t, "looks"), writeThrough: rapid.Bool().Draw(t, "wt")}
	sizes := rapid.SliceOfN(rapid.IntRange(1, 100), 0, 12).Draw(t, "sizes")
	return s.sweep(rapid.Uint64().Draw(t, "seed"), sizes...)
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := drawSeries(t)
		want := Find(points, Options{})
		if (want.None == "") != (len(want.Transitions) > 0) {
			t.Fatalf("transitions %d, none %q", len(want.Transitions), want.None)
		}
		prev := int64(0)
		for i, tr := range want.Transitions {
			if tr.Lo < prev || tr.Hi < tr.Lo || i > 0 && tr.From != want.Transitions[i-1].To {
				t.Fatalf("brackets overlap or names do not follow: %+v", want.Transitions)
			}
			prev = tr.Hi
		}
		shuffled := rapid.Permutation(points).Draw(t, "order")
		if got := Find(shuffled, Options{}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("order matters:\n%+v\n%+v", got, want)
		}
		scale := math.Exp2(float64(rapid.IntRange(-8, 8).Draw(t, "scale")))
		for i := range shuffled {
			shuffled[i].TTFT = slices.Clone(shuffled[i].TTFT)
			for j := range shuffled[i].TTFT {
				shuffled[i].TTFT[j] *= scale
			}
		}
		if got := Find(shuffled, Options{}); edges(got) != edges(want) {
			t.Fatalf("scale moves edges: %s, want %s", edges(got), edges(want))
		}
	})
}

func TestSlower(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 1, 1, 1}, []float64{1, 1, 1, 1}, 0},
		{[]float64{1, 1, 1, 1}, []float64{1.5, 1.5, 1.5, 1.5}, 0},
		{[]float64{1, 1, 1, 1}, []float64{1, 1, 1, 2}, 25},
		{[]float64{1, 1}, []float64{2, 2}, 100},
		{[]float64{2, 2}, []float64{1, 1}, 0},
		{nil, []float64{1}, 0},
	} {
		if got := slower(c.a, c.b, 1.5); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("slower(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
