package result

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario/metric"
)

// depthMap is a map of two tiers, that end after 10 or 11 prompts and after 40 to 44.
func depthMap(looks ...survey.Look) *Map {
	first, second := &survey.Bracket{Lo: 10, Hi: 11}, &survey.Bracket{Lo: 40, Hi: 44}
	row := func(name string, from, to *survey.Bracket) *Point {
		return &Point{Tier: &Tier{Name: name, From: from, To: to}}
	}
	return &Map{Looks: looks, Rows: []*Point{row("hbm", nil, first), row("dram", first, second), row("recompute", second, nil)}}
}

func looked(depth int, ttft float64, cached int64, sources map[string]int64) survey.Look {
	return survey.Look{Depth: depth, Distance: int64(depth) * 1001, TTFT: ttft, Prompt: 1000, Cached: cached, Sources: sources}
}

func TestDepths(t *testing.T) {
	got := depthMap(
		looked(50, 0.9, 0, nil), looked(10, 0.1, 900, map[string]int64{"hbm": 900}), looked(42, 0.7, 450, map[string]int64{"dram": 450}),
		looked(50, 0.7, 0, nil), looked(50, 0.8, 0, nil), looked(10, 0.3, 900, map[string]int64{"hbm": 450, "dram": 450}),
	).Depths()
	share := func(name string, v float64) Source { return Source{Name: name, Share: metric.Of(v)} }
	want := []Depth{
		{Prompts: 10, Tokens: 10010, Looks: 2, TTFT: 0.2, Hit: metric.Of(90), Tier: "hbm", Sources: []Source{share("hbm", 67.5), share("dram", 22.5), share("computed", 10)}},
		{Prompts: 42, Tokens: 42042, Looks: 1, TTFT: 0.7, Hit: metric.Of(45), Tier: "", Sources: []Source{share("dram", 45), share("computed", 55)}},
		{Prompts: 50, Tokens: 50050, Looks: 3, TTFT: 0.8, Hit: metric.Of(0), Tier: "recompute", Sources: []Source{share("cached", 0), share("computed", 100)}},
	}
	if d := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0)); d != "" {
		t.Errorf("depths (-want +got):\n%s", d)
	}
}

func TestLookSources(t *testing.T) {
	foreign := looked(1, 1, sample.Unknown, map[string]int64{"hbm": 9000})
	foreign.Counters, foreign.Foreign = true, 8000
	for name, c := range map[string]struct {
		look survey.Look
		want []string
	}{
		"nothing told":                      {looked(1, 1, sample.Unknown, nil), nil},
		"counters with others' tokens":      {foreign, nil},
		"sources told, nothing found":       {looked(1, 1, sample.Unknown, map[string]int64{}), []string{"cached", "computed"}},
		"cached told, not where":            {looked(1, 1, 800, nil), []string{"cached", "computed"}},
		"of a tier, and of one not told of": {looked(1, 1, 800, map[string]int64{"hbm": 500}), []string{"hbm", "cached", "computed"}},
	} {
		var got []string
		sum := 0.0
		for _, s := range LookSources(c.look) {
			got = append(got, s.Name)
			sum += s.Share.V
		}
		if !cmp.Equal(got, c.want) || got != nil && math.Abs(sum-100) > 1e-9 {
			t.Errorf("%s: %v, %g %% in all; want %v", name, got, sum, c.want)
		}
	}
}
