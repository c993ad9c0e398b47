package scenario

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestLinspace: what numpy.linspace(lo, hi, n) cast to int gives. The values are
// the original's: float64 steps cut down, the last one exact.
func TestLinspace(t *testing.T) {
	for _, c := range []struct {
		lo, hi int64
		n      int
		want   []int64
	}{
		{100000, 5000000, 10, []int64{100000, 644444, 1188888, 1733333, 2277777, 2822222, 3366666, 3911111, 4455555, 5000000}},
		{100000, 2000000, 4, []int64{100000, 733333, 1366666, 2000000}},
		{500000, 10000000, 5, []int64{500000, 2875000, 5250000, 7625000, 10000000}},
		{1000000, 20000000, 8, []int64{1000000, 3714285, 6428571, 9142857, 11857142, 14571428, 17285714, 20000000}},
		{100000, 100000, 1, []int64{100000}},
		{1, 2, 2, []int64{1, 2}},
		// step = 48.9 is not exact in binary: 10 x step + 1 must still be 490.
		{1, 979, 21, []int64{1, 49, 98, 147, 196, 245, 294, 343, 392, 441, 490, 538, 587, 636, 685, 734, 783, 832, 881, 930, 979}},
	} {
		if got := Linspace(c.lo, c.hi, c.n); !slices.Equal(got, c.want) {
			t.Errorf("Linspace(%d, %d, %d) = %v, want %v", c.lo, c.hi, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Int64Range(1, 1e9).Draw(t, "lo")
		hi := lo + rapid.Int64Range(1, 1e9).Draw(t, "more")
		n := rapid.IntRange(2, 50).Draw(t, "n")
		got := Linspace(lo, hi, n)
		if got[0] != lo || got[n-1] != hi || !slices.IsSorted(got) {
			t.Fatalf("Linspace(%d, %d, %d) = %v", lo, hi, n, got)
		}
		for i, v := range got {
			if ideal := float64(lo) + float64(hi-lo)*float64(i)/float64(n-1); math.Abs(float64(v)-ideal) > 1.0001 {
				t.Fatalf("size %d is %d, want about %g", i, v, ideal)
			}
		}
	})
}

func TestCell(t *testing.T) {
	plan := must(t, minimal("hit_rates: [0, 50, 100]\noutput_tokens: 16\n"), Options{})
	got := map[string]Cell{}
	for _, c := range plan.Cells {
		got[c.Key] = c
	}
	if len(got) != 9 || len(plan.Cells) != 9 {
		t.Fatalf("%d cells", len(plan.Cells))
	}
	for _, want := range []Cell{
		{Key: "ctx8000_ws0_cache0", Context: 8000, HitRate: 0, R: 8192, Levels: []int{4, 8}},
		// ceil(100000 / 8192) = 13 prompts
		{Key: "ctx8000_ws100000_cache50", Context: 8000, HitRate: 50, WorkingSet: 100000, R: 8192, Prefix: 4096, Prompts: 13, Real: 106496, HotTokens: 53248, ReuseDistance: 106704, Levels: []int{4, 8}},
		{Key: "ctx8000_ws1000000_cache100", Context: 8000, HitRate: 100, WorkingSet: 1000000, R: 8192, Prefix: 8192, Prompts: 123, Real: 1007616, HotTokens: 1007616, ReuseDistance: 1009584, Levels: []int{4, 8}},
	} {
		if d := cmp.Diff(want, got[want.Key]); d != "" {
			t.Errorf("%s: -want +got\n%s", want.Key, d)
		}
		c := CellOf(plan.Scenario, want.Context, want.WorkingSet, want.HitRate)
		if d := cmp.Diff(want, c); d != "" {
			t.Errorf("CellOf %s: -want +got\n%s", want.Key, d)
		}
	}
}

func TestCellKey(t *testing.T) {
	for want, got := range map[string]string{
		"ctx30000_ws100000_cache100":  CellKey(30000, 100000, 100),
		"ctx30000_ws100000_cache99_5": CellKey(30000, 100000, 99.5),
		"ctx8192_ws0_cache0":          CellKey(8192, 0, 0),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestPrefix: whole chunks, cut down; a rate that is exact in decimal stays so.
func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		r, chunk int64
		rate     float64
		want     int64
	}{
		{8192, 256, 100, 8192}, {8192, 256, 99.9, 7936}, {8192, 256, 50, 4096}, {8192, 256, 3, 0}, {8192, 256, 3.125, 256},
		{1000, 1, 33.3, 333}, {1000, 10, 29, 290}, {30208, 256, 90, 27136},
	} {
		if got := PrefixOf(c.r, c.rate, c.chunk); got != c.want {
			t.Errorf("PrefixOf(%d, %g, %d) = %d, want %d", c.r, c.rate, c.chunk, got, c.want)
		}
	}
}

// TestExactRates: the rates that a warning names give the prefix it means.
func TestExactRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chunk := rapid.Int64Range(1, 512).Draw(t, "chunk")
		r := chunk * rapid.Int64Range(1, 400).Draw(t, "chunks")
		part := chunk * rapid.Int64Range(1, r/chunk).Draw(t, "part")
		var rate float64
		if _, err := fmt.Sscan(ratePercent(part, r), &rate); err != nil {
			t.Fatal(err)
		}
		got := PrefixOf(r, rate, chunk)
		if got < part || got > part+chunk && rate <= 100 {
			t.Fatalf("%d of %d is called %g, which gives %d", part, r, rate, got)
		}
	})
}

func sizesOf(cells []Cell) string {
	var out []string
	for _, c := range cells {
		out = append(out, fmt.Sprintf("%d/%s/%s", c.Context/1000, FormatPercent(c.HitRate), FormatSize(c.WorkingSet)))
	}
	return strings.Join(out, " ")
}

func TestOrder(t *testing.T) {
	const head = "name: o\ntarget: http://a\ncontexts: [8k, 16k]\nworking_set: [100k, 200k, 300k, 400k, 500k]\nhit_rates: [50, 100]\nmode: fixed\nconcurrency: 1\norder: "
	asc := sizesOf(must(t, head+"ascending", Options{}).Cells)
	if want := "8/50/100k 8/50/200k 8/50/300k 8/50/400k 8/50/500k 8/100/100k 8/100/200k 8/100/300k 8/100/400k 8/100/500k " +
		"16/50/100k 16/50/200k 16/50/300k 16/50/400k 16/50/500k 16/100/100k 16/100/200k 16/100/300k 16/100/400k 16/100/500k"; asc != want {
		t.Errorf("ascending is\n%s", asc)
	}
	inter := sizesOf(must(t, head+"interleaved", Options{}).Cells)
	if want := "8/50/100k 8/50/500k 8/50/200k 8/50/400k 8/50/300k "; !strings.HasPrefix(inter, want) {
		t.Errorf("interleaved is\n%s", inter)
	}
	one, two := sizesOf(must(t, head+"shuffled", Options{}).Cells), sizesOf(must(t, head+"shuffled\nseed: 43", Options{}).Cells)
	if one == asc || one == two {
		t.Errorf("shuffled is\n%s\nand with another seed\n%s", one, two)
	}
	// A seed's order is promised to stay.
	if want := "16/100/200k 16/50/300k "; !strings.HasPrefix(one, want) {
		t.Errorf("seed 42 begins %s, not with %s: an order that was published has changed", one[:24], want)
	}
	for _, other := range []string{one, two, inter} {
		a, b := strings.Fields(asc), strings.Fields(other)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("cells got lost:\n%s", other)
		}
	}
}

// TestOneCell: what rounds to the same is sent once, and said.
func TestOneCell(t *testing.T) {
	plan, problems := Load("x", []byte("name: o\ntarget: http://a\ncontexts: [8k, 8100]\nworking_set: [1k, 8k, 8100, 20k, 30k]\nhit_rates: [99, 99.5, 100]\nmode: fixed\nconcurrency: 1\n"), Options{})
	if plan == nil {
		t.Fatal(Render(problems, false))
	}
	if got, want := sizesOf(plan.Cells), "8/99/8k 8/99/20k 8/99/30k 8/100/8k 8/100/20k 8/100/30k"; got != want {
		t.Errorf("cells %s, want %s", got, want)
	}
	if got, want := codesOf(problems), "same-cell size-left-out same-cell hit-rate-moved hit-rate-moved same-cell"; got != want {
		t.Errorf("warnings %s, want %s", got, want)
	}
	if len(plan.Left) != 1 || plan.Left[0].WorkingSet != 1000 {
		t.Errorf("left out: %+v", plan.Left)
	}
	if len(plan.Warnings) != len(problems) {
		t.Error("the plan does not carry its warnings")
	}
}

// TestDigest: what is measured decides, not where, by whom or with which words.
func TestDigest(t *testing.T) {
	base := must(t, everything, Options{})
	same := []func(*Scenario){
		func(s *Scenario) { s.Description = "other" },
		func(s *Scenario) { s.Labels = nil },
		func(s *Scenario) { s.Target.Endpoints = []string{"http://x", "http://y"} },
		func(s *Scenario) { s.Target.Metrics = []string{"http://x/m"} },
		func(s *Scenario) { s.Target.APIKeyEnv = "WSRUN_X" },
		func(s *Scenario) { s.Target.Headers = map[string]string{"X-Session-ID": "{prompt}", "X-Prio": "2"} },
		func(s *Scenario) { s.Warmup.Reset.Posts = []string{"/flush", "http://elsewhere/flush"} },
		func(s *Scenario) { s.Output.Dir = "other" },
		func(s *Scenario) { s.Output.HTML = true },
		func(s *Scenario) { s.Target.GPUs = 0 },
		func(s *Scenario) { s.Target.Tiers[0].Capacity++ },
	}
	other := []func(*Scenario){
		func(s *Scenario) { s.Target.Endpoints = []string{"http://x"} },
		func(s *Scenario) { s.Target.Replicas = 1 },
		func(s *Scenario) { s.Seed++ },
		func(s *Scenario) { s.Contexts = []int64{9000} },
		func(s *Scenario) { s.WorkingSet.Sizes = []int64{1} },
		func(s *Scenario) { s.Target.Model = "other" },
		func(s *Scenario) { s.Target.Body = nil },
		func(s *Scenario) { s.SLO = SLO{} },
		func(s *Scenario) { s.Warmup.Reset.Posts = nil },
		func(s *Scenario) { s.Target.Headers = map[string]string{"X-Session-ID": "{request}", "X-Prio": "1"} },
	}
	clone := func() *Scenario {
		var sc Scenario
		b, _ := json.Marshal(base.Scenario)
		if err := json.Unmarshal(b, &sc); err != nil {
			t.Fatal(err)
		}
		return &sc
	}
	for i, change := range same {
		sc := clone()
		change(sc)
		if Digest(sc) != base.Digest {
			t.Errorf("change %d of what does not count changed the digest", i)
		}
	}
	for i, change := range other {
		sc := clone()
		change(sc)
		if Digest(sc) == base.Digest {
			t.Errorf("change %d of what counts kept the digest", i)
		}
	}
	before, _ := json.Marshal(base.Scenario)
	Digest(base.Scenario)
	if after, _ := json.Marshal(base.Scenario); string(before) != string(after) {
		t.Error("Digest changed the scenario")
	}
}

func TestEstimate(t *testing.T) {
	plan := must(t, minimal("trials: 2\nrepeats: 1\nduration: {min: 10s, max: 60s}\nhit_rates: [0, 100]\n"), Options{})
	// 100k, 400k, 700k, 1M at 8192 tokens: 13 + 49 + 86 + 123 prompts, twice.
	prompts := int64(2 * (13 + 49 + 86 + 123))
	want := Estimate{
		WarmupTokens: prompts * 8192, WarmupRequests: prompts,
		MinMeasured: 5 * 2 * 2 * 2 * 10 * time.Second, MaxMeasured: 5 * 2 * 2 * 2 * 60 * time.Second,
		PeakStreams: 16, Points: 5 * 2 * 2,
	}
	if d := cmp.Diff(want, plan.Estimate()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for more, factor := range map[string][2]int64{"warmup: {rewarm: per-level}\n": {2, 1}, "warmup: {rewarm: once}\n": {123, 13 + 49 + 86 + 123}} {
		got := must(t, minimal(more), Options{}).Estimate().WarmupRequests
		if want := (13 + 49 + 86 + 123) * factor[0] / factor[1]; got != want {
			t.Errorf("%s: %d warm-up requests, want %d", more, got, want)
		}
	}
	two := strings.Replace(minimal(""), "http://localhost:8000", "{endpoints: [http://a, http://b]}", 1)
	if got := must(t, two, Options{}).Estimate().WarmupRequests; got != 2*(13+49+86+123) {
		t.Errorf("two endpoints: %d warm-up requests", got)
	}
	pinned := strings.Replace(two, "http://b]", "http://b], balance: pinned", 1)
	if got := must(t, pinned, Options{}).Estimate().WarmupRequests; got != 13+49+86+123 {
		t.Errorf("two endpoints, pinned: %d warm-up requests", got)
	}
}
