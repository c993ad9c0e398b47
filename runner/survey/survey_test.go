package survey

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOptionsAreChecked(t *testing.T) {
	good := Options{PromptTokens: 1000, MaxTokens: 1e6, Resolution: 0.02, Rand: rand.New(rand.NewPCG(1, 1))}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"tokens in a prompt": func(o *Options) { o.PromptTokens = 0 },
		"less than two":      func(o *Options) { o.MaxTokens = 1500 },
		"resolution":         func(o *Options) { o.Resolution = math.NaN() },
		"below 0":            func(o *Options) { o.Looks = -1 },
		"randomness":         func(o *Options) { o.Rand = nil },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The order keeps count of every prompt, and a pass of touches from a depth makes it
// exact down to there.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o order
		size := 0
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if size == 0 || rapid.Bool().Draw(t, "push") {
				n := rapid.IntRange(1, 20).Draw(t, "n")
				o.push(n, rapid.IntRange(0, 3).Draw(t, "blur"))
				size += n
			} else {
				o.raise(rapid.IntRange(1, size).Draw(t, "depth"), rapid.Bool().Draw(t, "look"))
			}
		}
		sum := 0
		for _, r := range o.runs {
			sum += r.n
		}
		if sum != size {
			t.Fatalf("%d prompts in the order, %d were sent", sum, size)
		}
		to := rapid.IntRange(1, size).Draw(t, "to")
		for range to {
			o.raise(to, false)
		}
		if o.exact() < to || o.worst(1, to) != 0 {
			t.Fatalf("exact to %d after touching %d", o.exact(), to)
		}
	})
}

// Looks that are all on their side of an edge leave no doubt beyond it; the bracket
// holds the edge, and next stays inside what is open.
func TestEdgeOfCleanLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := rapid.IntRange(2, 500).Draw(t, "edge")
		s, err := New(Options{PromptTokens: 1, MaxTokens: 1e6, Resolution: 0.02, Rand: rand.New(rand.NewPCG(1, 1))})
		if err != nil {
			t.Fatal(err)
		}
		s.size = 600
		s.order.push(600, 0)
		s.cold = []float64{0, 0, 0}
		look := func(d int) {
			l := Look{Depth: d, TTFT: 0.1, Cached: -1}
			if d > truth {
				l.TTFT = 1
			}
			s.looks = append(s.looks, l)
			s.curve.add(s, len(s.looks)-1)
		}
		for _, d := range []int{1, 1, 600, 600} {
			look(d)
		}
		for n := 0; ; n++ {
			fit := s.segments()
			if len(fit) != 2 {
				t.Fatalf("%d levels", len(fit))
			}
			e := s.bounds(fit)[0]
			if e.lo >= e.hi || e.hi-e.lo > max(1, s.resolve(e.lo)) {
				t.Fatalf("bracket %d-%d", e.lo, e.hi)
			}
			if e.below+e.above <= s.r.Miss {
				if truth < e.lo || truth >= e.hi {
					t.Fatalf("edge at %d not in %d-%d", truth, e.lo, e.hi)
				}
				return
			}
			if n > 40 {
				t.Fatalf("not found after %d looks: %d-%d", n, e.lo, e.hi)
			}
			look(e.next())
		}
	})
}

// What failed is asked for again, where it stands now, and a server that answers nothing ends the survey.
func TestFailures(t *testing.T) {
	s, err := New(Options{PromptTokens: 1000, MaxTokens: 1e6, Resolution: 0.02, Rand: rand.New(rand.NewPCG(1, 1))})
	if err != nil {
		t.Fatal(err)
	}
	a := s.Next()
	if a.Kind != Ingest || a.N != 8 || a.Concurrency != 1 || s.Next() != a {
		t.Fatalf("first %+v", a)
	}
	s.Ingested(make([]Look, 8), 1)
	for n := 0; ; n++ {
		a := s.Next()
		if a.Kind == Done {
			break
		}
		want := Action{Kind: Ask, Depth: 1, Touch: true}
		if n == 0 {
			want = Action{Kind: Ask, Depth: 8}
		}
		if a != want || n > mostFailures {
			t.Fatalf("after %d failures: %+v", n, a)
		}
		s.Looked(Look{})
	}
	if m := s.Result(); m.Ready || !strings.Contains(m.Stopped, "in a row failed") || len(m.Tiers) > 0 {
		t.Errorf("%+v", m)
	}
}

// What a server tells of a look.
func TestCategory(t *testing.T) {
	var tell teller
	full := Look{Prompt: 1000, Cached: 900, Sources: map[string]int64{"hbm": 900}}
	tell.learn(full)
	for _, c := range []struct {
		look Look
		want string
		cold bool
	}{
		{Look{Prompt: 1000, Cached: 900, Sources: map[string]int64{"hbm": 900}}, "hbm", false},
		{Look{Prompt: 1000, Cached: 900, Sources: map[string]int64{"hbm": 400, "dram": 500}}, "dram", false},
		{Look{Prompt: 1000, Cached: 400}, "", true},
		{Look{Prompt: 1000, Cached: 460}, "", false},
		{Look{Prompt: 1000, Cached: 16}, "", true},
	} {
		tell.learn(c.look)
		cat := tell.category(&c.look)
		if tell.name(cat) != c.want || (cat == toldCold) != c.cold {
			t.Errorf("%+v: %q, cold %v", c.look, tell.name(cat), cat == toldCold)
		}
	}
	if cat := tell.category(&Look{Prompt: 1000, Cached: -1}); cat != untold {
		t.Errorf("nothing told is category %d", cat)
	}
}

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 950: "950", 1000: "1k", 18200: "18.2k", 212000: "212k", 999_900: "1M", 4_900_000: "4.9M", 20_000_000: "20M"} {
		if got := short(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
