package scenario_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/wsrun/wsrun/scenario"
)

// distances makes points of one series.
func distances(d ...int64) []scenario.PointID {
	var out []scenario.PointID
	for _, v := range d {
		out = append(out, scenario.PointID{Context: 8192, OutputTokens: 256, HitRate: 100, Level: 8, ReuseDistance: v})
	}
	return out
}

func TestPair(t *testing.T) {
	other := func(change func(*scenario.PointID)) []scenario.PointID {
		ids := distances(1000)
		change(&ids[0])
		return ids
	}
	for name, tt := range map[string]struct {
		a, b []scenario.PointID
		want [][2]int
	}{
		"equal":                         {distances(100, 200), distances(100, 200), [][2]int{{0, 0}, {1, 1}}},
		"in any order":                  {distances(200, 100), distances(100, 200), [][2]int{{1, 0}, {0, 1}}},
		"5 % is near enough":            {distances(1000), distances(1050), [][2]int{{0, 0}}},
		"more is not":                   {distances(1000), distances(1051), nil},
		"the nearer one":                {distances(1000, 1030), distances(1031), [][2]int{{1, 0}}},
		"also from the other side":      {distances(1031), distances(1000, 1030), [][2]int{{0, 1}}},
		"one partner each":              {distances(1000, 1010), distances(1005), [][2]int{{1, 0}}},
		"a nearer pair is not broken":   {distances(1000, 1040), distances(1020, 1041), [][2]int{{0, 0}, {1, 1}}},
		"hit rate 0 has no distance":    {distances(0, 1000), distances(0), [][2]int{{0, 0}}},
		"another context":               {distances(1000), other(func(p *scenario.PointID) { p.Context++ }), nil},
		"another output":                {distances(1000), other(func(p *scenario.PointID) { p.OutputTokens++ }), nil},
		"another hit rate":              {distances(1000), other(func(p *scenario.PointID) { p.HitRate = 50 }), nil},
		"another level":                 {distances(1000), other(func(p *scenario.PointID) { p.Level = 16 }), nil},
		"one side is empty":             {distances(1000), nil, nil},
		"the example of moved sizes":    {distances(100, 644, 1189, 1733, 2278, 2822, 3367, 3911, 4456, 5000), distances(100, 700, 1300, 1900, 2500, 3100, 3700, 4300, 4900, 5500), [][2]int{{0, 0}, {8, 7}, {9, 8}}},
		"series that only one side has": {append(distances(1000), other(func(p *scenario.PointID) { p.Level = 4 })...), distances(1000), [][2]int{{0, 0}}},
	} {
		if diff := cmp.Diff(tt.want, scenario.Pair(tt.a, tt.b)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestPairProperties(t *testing.T) {
	ids := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) scenario.PointID {
		return scenario.PointID{Context: 1024, HitRate: 100, Level: rapid.IntRange(1, 2).Draw(t, "level"), ReuseDistance: rapid.Int64Range(900, 1200).Draw(t, "distance")}
	}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		pairs := scenario.Pair(a, b)
		usedA, usedB := map[int]bool{}, map[int]bool{}
		for _, p := range pairs {
			x, y := a[p[0]], b[p[1]]
			far := float64(max(x.ReuseDistance, y.ReuseDistance)) / float64(min(x.ReuseDistance, y.ReuseDistance))
			if usedA[p[0]] || usedB[p[1]] || x.Level != y.Level || far > scenario.PairTolerance {
				t.Fatalf("pair %v of %v in %v", p, x, y)
			}
			usedA[p[0]], usedB[p[1]] = true, true
		}
		if got := len(scenario.Pair(a, a)); got != len(a) {
			t.Fatalf("%d of %d points pair with themselves", got, len(a))
		}
		// From the other side the same values pair. (Which of equal points it is, is open.)
		if x, y := values(a, b, pairs, 0, 1), values(a, b, scenario.Pair(b, a), 1, 0); !slices.Equal(x, y) {
			t.Fatalf("from a: %v, from b: %v", x, y)
		}
	})
}

// values gives the pairs by what is paired, sorted.
func values(a, b []scenario.PointID, pairs [][2]int, ia, ib int) []string {
	var out []string
	for _, p := range pairs {
		out = append(out, rapidText(a[p[ia]])+rapidText(b[p[ib]]))
	}
	slices.Sort(out)
	return out
}

func rapidText(p scenario.PointID) string {
	return string(rune('0'+p.Level)) + "@" + scenario.FormatSize(p.ReuseDistance) + " "
}

func TestPoints(t *testing.T) {
	const head = "name: a\ntarget: simulator\ncontexts: [1k]\noutput_tokens: 8\n"
	for name, tt := range map[string]struct {
		file string
		want []scenario.PointID
	}{
		"fixed": {head + "mode: fixed\nhit_rates: [0, 100]\nworking_set: [4k]\nconcurrency: [1, 2]\n", []scenario.PointID{
			{Context: 1024, OutputTokens: 8, Level: 1}, {Context: 1024, OutputTokens: 8, Level: 2},
			{Context: 1024, OutputTokens: 8, HitRate: 100, Level: 1, ReuseDistance: 4 * 1032}, {Context: 1024, OutputTokens: 8, HitRate: 100, Level: 2, ReuseDistance: 4 * 1032}}},
		"sustained": {head + "working_set: [4k, 8k]\nslo: {ttft: {p95: 1s}}\nduration: 1h\n", []scenario.PointID{
			{Context: 1024, OutputTokens: 8, HitRate: 100, ReuseDistance: 4 * 1032}, {Context: 1024, OutputTokens: 8, HitRate: 100, ReuseDistance: 8 * 1032}}},
		"map": {"name: a\ntarget: simulator\ncontexts: [1k]\nmode: map\n", []scenario.PointID{{Context: 1024, OutputTokens: 1, HitRate: 100}}},
	} {
		plan, problems := scenario.Load("a.yaml", []byte(tt.file), scenario.Options{})
		if plan == nil {
			t.Fatalf("%s: %s", name, scenario.Render(problems, false))
		}
		if diff := cmp.Diff(tt.want, plan.Points()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Parts give back the condition that was written.
func TestParts(t *testing.T) {
	for text, want := range map[string]string{
		"ttft.p95 > 3s": "(> ttft.p95 3s=3)",
		"not (error_rate >= 5%) && completed > 1k":                      "(and (not (>= error_rate 5%=5)) (> completed 1k=1000))",
		"total.ttft.p95 < 2 * best.ttft.p50 || goodput < +1":            "(or (< total.ttft.p95 (* 2=2 best.ttft.p50)) (< goodput 1=1))",
		"max(ttft.p95, 1s) > -min(ttft.p50, abs(ttft.p90)) and true":    "(and (> (max ttft.p95 1s=1) (neg (min ttft.p50 (abs ttft.p90)))) true)",
		"tier_share.cpu-dram < 50% and prev.tier_share.cpu-dram != 10%": "(and (< tier_share.cpu-dram 50%=50) (!= prev.tier_share.cpu-dram 10%=10))",
	} {
		c, err := scenario.Compile(text, scenario.StopScope, "hbm", "cpu-dram")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := partText(c.Parts()); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func partText(p *scenario.Part) string {
	switch p.Op {
	case "name":
		return p.Name
	case "bool":
		return p.Text
	case "number":
		return p.Text + "=" + scenario.FormatPercent(p.Value)
	}
	s := "(" + p.Op
	for _, a := range p.Args {
		s += " " + partText(a)
	}
	return s + ")"
}
