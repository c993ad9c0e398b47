package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShares: a share of a tier is cut down to whole tokens, wherever a size may stand,
// and the plan is that of the same sizes in tokens.
func TestShares(t *testing.T) {
	opt := Options{Tiers: map[string]int64{"round": 100_000, "tier1": 203_001, "hbm": 203_001, "dram": 812_000, "tier2": 812_000}} // 0.29 x 100,000 is 28,999.999 as a float64
	head := "name: a\ntarget: http://a\ncontexts: [8k]\n"
	for _, c := range []struct{ shares, tokens string }{
		{"working_set: [0.29 round, 0.5 tier1, 1.2 hbm, 1000k]\nmode: fixed\nconcurrency: 8\n", "working_set: [29k, 101500, 243601, 1M]\nmode: fixed\nconcurrency: 8\n"},
		{"working_set: {min: 0.25 tier1, max: 2 dram, steps: 4}\nslo: {ttft: {p95: 1s}}\n", "working_set: {min: 50750, max: 1624k, steps: 4}\nslo: {ttft: {p95: 1s}}\n"},
		{"working_set: 1 tier1\nmode: fixed\nconcurrency: 8\n", "working_set: 203001\nmode: fixed\nconcurrency: 8\n"},
		{"working_set: {max: 2 tier2}\nmode: map\n", "working_set: {max: 1624k}\nmode: map\n"},
	} {
		got, want := must(t, head+c.shares, opt), must(t, head+c.tokens, Options{})
		if d := cmp.Diff(want.Scenario, got.Scenario); d != "" || got.Digest != want.Digest {
			t.Errorf("%s: -in tokens +as shares\n%s", c.shares, d)
		}
	}
}
