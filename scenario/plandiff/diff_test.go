package plandiff_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

const sweep = `
name: tier-sweep
target: http://localhost:8000
contexts: [30k]
working_set: {min: 100k, max: 5M, steps: 10}
mode: fixed
concurrency: [10, 20, 40, 80]
`

// lines writes findings, but for time and tokens, one a line.
func lines(d plandiff.Diff) []string {
	var out []string
	for _, f := range d.Findings {
		if f.Class == plandiff.Cost && f.Key == "" {
			continue
		}
		sign := string(f.Sign)
		if f.Open {
			sign = "?"
		}
		out = append(out, sign+" "+string(f.Class)+" "+f.Text)
		if f.Hint != "" {
			out = append(out, "  "+f.Hint)
		}
		for _, n := range f.Notes {
			out = append(out, "  "+n)
		}
	}
	return out
}

// What changes mean, as it is said. Each is a change of the sweep above, laid on both
// sides first where it says so.
func TestFindings(t *testing.T) {
	for name, tt := range map[string]struct {
		both, old, new []string
		want           []string
	}{
		"the example of the design": {new: []string{"working_set.max=5.5M"}, want: []string{
			"~ breaks-comparison working_set.max 5M -> 5.5M moves 9 of 10 sizes (644k -> 700k ... 5M -> 5.5M); 3 of 10 still pair with older results",
			"  to extend and keep them: max: 5544444, steps: 11"}},
		"its hint": {new: []string{"working_set={min: 100k, max: 5544444, steps: 11}"}, want: []string{
			"~ coverage working_set max 5M -> 5544444, steps 10 -> 11 gives 2 sizes another name (3911111 -> 3911110 ... 5M -> 4999999); the same prompts are sent",
			"+ coverage 1 cell (4 points) more: working set 5544444 × context 30k × hit rate 100% × all 4 levels"}},
		"a smaller largest size": {new: []string{"working_set.max=4.5M"}, want: []string{
			"~ breaks-comparison working_set.max 5M -> 4.5M moves 9 of 10 sizes (644k -> 589k ... 5M -> 4.5M); 4 of 10 still pair with older results",
			"  to shorten and keep the others: max: 4455555, steps: 9"}},
		"more sizes": {new: []string{"working_set.steps=19"}, want: []string{
			"+ coverage 9 cells (36 points) more: 9 working sets 372.222k to 4727777 × context 30k × hit rate 100% × all 4 levels"}},
		"fewer sizes, off the grid": {new: []string{"working_set.steps=5"}, want: []string{
			"~ breaks-comparison working_set.steps 10 -> 5: 5 sizes from 100k to 5M instead of 10 sizes from 100k to 5M; 3 of 5 still pair with older results",
			"  to thin out and keep the others: steps: 4"}},
		"a smaller smallest size, where no grid goes below": {new: []string{"working_set.min=50k"}, want: []string{
			"~ breaks-comparison working_set.min 100k -> 50k moves 9 of 10 sizes (100k -> 50k ... 4.46M -> 4.45M); 8 of 10 still pair with older results"}},
		"another spacing": {new: []string{"working_set.spacing=log"}, want: []string{
			"~ breaks-comparison working_set.spacing linear -> log moves 8 of 10 sizes (644k -> 154k ... 4.46M -> 3.24M); 3 of 10 still pair with older results"}},
		"a list instead": {new: []string{"working_set=[100k, 5M]"}, want: []string{
			"- coverage 8 cells (32 points) fewer: 8 working sets 644.444k to 4455555 × context 30k × hit rate 100% × all 4 levels"}},
		"a list in which one size is near": {both: []string{"working_set=[1M, 2M]"}, new: []string{"working_set=[1M, 2050k]"}, want: []string{
			"~ coverage working_set moves 1 size (2M -> 2.05M), which still pairs with older results (within 5%)"}},
		"a list in which one is another": {both: []string{"working_set=[1M, 2M]"}, new: []string{"working_set=[1M, 3M]"}, want: []string{
			"+ coverage 1 cell (4 points) more: working set 3M × context 30k × hit rate 100% × all 4 levels",
			"- coverage 1 cell (4 points) fewer: working set 2M × context 30k × hit rate 100% × all 4 levels"}},
		"a hit rate": {new: []string{"hit_rates=[50, 100]"}, want: []string{
			"+ coverage 10 cells (40 points) more: hit rate 50% × context 30k × all 10 working sets × all 4 levels"}},
		"hit rate 0 has one cell": {new: []string{"hit_rates=[0, 100]"}, want: []string{
			"+ coverage 1 cell (4 points) more: hit rate 0% × context 30k × all 4 levels"}},
		"a level": {new: []string{"concurrency=[10, 20, 40, 80, 160]"}, want: []string{
			"+ coverage 10 points more: level 160 × context 30k × hit rate 100% × all 10 working sets"}},
		"contexts": {new: []string{"contexts=[30k, 60k]"}, want: []string{
			"+ coverage 10 cells (40 points) more: context 60k × hit rate 100% × all 10 working sets × all 4 levels"}},
		"a context that is sent as before": {new: []string{"contexts=[30100]"}, want: []string{
			"~ coverage contexts 30k -> 30.1k: sent as the same 30208 tokens"}},
		"two axes at once": {new: []string{"hit_rates=[50, 100]", "concurrency=[10, 20, 40]"}, want: []string{
			"+ coverage 10 cells (30 points) more: hit rate 50% × context 30k × all 10 working sets × all 3 levels",
			"- coverage 10 points fewer: level 80 × context 30k × hit rate 100% × all 10 working sets"}},
		"moved sizes and another axis": {new: []string{"hit_rates=[50, 100]", "working_set.max=5.5M"}, want: []string{
			"~ breaks-comparison working_set.max 5M -> 5.5M moves 9 of 10 sizes (644k -> 700k ... 5M -> 5.5M); 3 of 10 still pair with older results",
			"  to extend and keep them: max: 5544444, steps: 11",
			"+ coverage more points: hit rate 50% × context 30k × all working sets × all 4 levels"}},
		"a threshold that moved sizes take points from": {both: []string{"thresholds=[{expect: ttft.p95 < 2s, where: working_set < 700k}]"}, new: []string{"working_set.max=5.5M"}, want: []string{
			"~ breaks-comparison working_set.max 5M -> 5.5M moves 9 of 10 sizes (644k -> 700k ... 5M -> 5.5M); 3 of 10 still pair with older results",
			"  to extend and keep them: max: 5544444, steps: 11",
			"  thresholds[0], where working_set < 700k, is held against 4 points, was 8"}},
		"a threshold that loses its level": {both: []string{"thresholds=[{expect: ttft.p95 < 2s, where: concurrency >= 40}]"}, new: []string{"concurrency=[10, 20, 40]"}, want: []string{
			"- coverage 10 points fewer: level 80 × context 30k × hit rate 100% × all 10 working sets",
			"  thresholds[0], where concurrency >= 40, is held against 10 points, was 20"}},
		"another context": {new: []string{"contexts=[32k]"}, want: []string{
			"~ breaks-comparison contexts 30k -> 32k: no point pairs with older results"}},
		"another hit rate and one level more": {new: []string{"hit_rates=[95]", "concurrency=[10, 20, 40, 80, 160]"}, want: []string{
			"~ breaks-comparison hit_rates 100% -> 95%: no point pairs with older results",
			"+ coverage more points: level 160 × context 30k × all hit rates × all 10 working sets"}},
		"a hit rate instead of none": {both: []string{"hit_rates=[0]"}, new: []string{"hit_rates=[100]"}, want: []string{
			"~ breaks-comparison hit_rates 0% -> 100%: no point pairs with older results"}},
		"other levels": {new: []string{"concurrency=[15, 30]"}, want: []string{
			"~ breaks-comparison concurrency 10, 20, 40, 80 -> 15, 30: no point pairs with older results"}},
		"a list of which nothing is left": {both: []string{"working_set=[1M, 2M]"}, new: []string{"working_set=[4M, 8M, 9M]"}, want: []string{
			"~ breaks-comparison working_set: 3 sizes from 4M to 9M instead of 2 sizes from 1M to 2M; 0 of 3 still pair with older results"}},
		"a range far from the old one has no hint": {new: []string{"working_set={min: 6M, max: 9M, steps: 5}"}, want: []string{
			"~ breaks-comparison working_set max 5M -> 9M, min 100k -> 6M, steps 10 -> 5: 5 sizes from 6M to 9M instead of 10 sizes from 100k to 5M; 0 of 5 still pair with older results"}},
		"a range that moves": {new: []string{"working_set={min: 1M, max: 6M, steps: 10}"}, want: []string{
			"~ breaks-comparison working_set max 5M -> 6M, min 100k -> 1M moves 10 of 10 sizes (100k -> 1M ... 5M -> 6M); 4 of 10 still pair with older results",
			"  to move and keep the others: min: 1188888, max: 6088888"}},
		"a range that grows at both ends, where no grid goes below": {new: []string{"working_set={min: 60k, max: 6M, steps: 12}"}, want: []string{
			"~ breaks-comparison working_set max 5M -> 6M, min 100k -> 60k, steps 10 -> 12: 12 sizes from 60k to 6M instead of 10 sizes from 100k to 5M; 7 of 12 still pair with older results",
			"  to extend and keep them: min: 100k, max: 6088888"}},
		"a threshold whose size got another name": {both: []string{"working_set=[1M, 2M]", "thresholds=[{expect: ttft.p95 < 2s, where: working_set <= 2M}]"}, new: []string{"working_set=[1M, 2001k]"}, want: []string{
			"~ coverage working_set gives 1 size another name (2M -> 2.001M); the same prompts are sent",
			"  thresholds[0], where working_set <= 2M, is held against 4 points, was 8"}},
		"a gate that loses points": {both: []string{"compare={gate: [{metric: ttft.p95, where: concurrency >= 40}]}"}, new: []string{"concurrency=[10, 20, 40]"}, want: []string{
			"- coverage 10 points fewer: level 80 × context 30k × hit rate 100% × all 10 working sets",
			"  compare.gate[0], where concurrency >= 40, is held against 10 points, was 20"}},
		"a mode that needs an slo": {new: []string{"mode=sustained", "concurrency=null", "slo={ttft: {p95: 1s}}"}, want: []string{
			"~ breaks-comparison mode fixed -> sustained: no point pairs with older results; keys that only one of the modes has are not listed",
			"+ tightened slo.ttft.p95 1s added: harder to hold"}},
		"calls that empty a cache": {both: []string{"warmup={reset: {post: [http://a/x, http://b/x]}}"}, new: []string{"warmup={reset: {post: [http://b/x, http://c/x]}}"}, want: []string{
			"+ reach a cache is emptied with POST http://c/x",
			"- reach a cache is no longer emptied with POST http://a/x"}},
		"many endpoints": {both: []string{"target={endpoints: [http://a, http://b, http://c, http://d]}"}, new: []string{"target={endpoints: [http://e, http://f, http://g, http://h]}"}, want: []string{
			"+ reach contacts 4 more: http://e, http://f, http://g, http://h",
			"- reach no longer contacts 4: http://a, http://b, http://c, http://d"}},
		"a chunk that moves the context": {new: []string{"chunk=1024"}, want: []string{
			"~ breaks-comparison chunk 256 -> 1024: context 30k at hit rate 100% is sent as 30720 tokens of which 30720 are reused, was 30208 of which 30208"}},
		"a chunk that does not": {new: []string{"chunk=512"}, want: []string{
			"~ cosmetic chunk 256 -> 512: nothing that is sent is rounded to another length"}},
		"a seed": {new: []string{"seed=7"}, want: []string{"~ cosmetic seed 42 -> 7: other tokens are drawn"}},
		"a seed that shuffles": {both: []string{"order=shuffled"}, new: []string{"seed=7"}, want: []string{
			"~ breaks-comparison seed 42 -> 7: the cells are run in another order (order: shuffled)"}},
		"a seed that shuffles one cell": {both: []string{"order=shuffled", "working_set=[1M]"}, new: []string{"seed=7"}, want: []string{
			"~ cosmetic seed 42 -> 7: other tokens are drawn"}},
		"spelling": {both: []string{"stop=[ttft.p95 > 3s]", "concurrency=[10]"}, new: []string{"stop=[{when: 3000ms < ttft.p95, ends: cell}]", "concurrency=10"}},
		"a longer duration, which its period follows": {both: []string{"duration=20s"}, new: []string{"duration=1m"}, want: []string{
			"~ tightened duration 20s -> 1m: more is measured", "  assessment_period follows it: 20s -> 30s"}},
		"a duration that goes both ways": {both: []string{"duration={min: 1m, max: 5m}"}, new: []string{"duration={min: 2m, max: 4m}"}, want: []string{
			"? loosened duration {min: 1m, max: 5m} -> {min: 2m, max: 4m}: which way this goes cannot be told before the run"}},
		"a server block that was learnt": {new: []string{"server_block=16"}, want: []string{"~ breaks-comparison server_block auto -> 16: prompts are fitted to the engine's blocks"}},
		"a rename":                       {new: []string{"name=other"}, want: []string{"~ cosmetic name tier-sweep -> other: history starts anew in results/other/"}},
		"an open loop instead": {new: []string{"concurrency=null", "rate=[5]"}, want: []string{
			"~ breaks-comparison rate instead of concurrency: requests come when they are due, not when others end; no point pairs with older results"}},
	} {
		t.Run(name, func(t *testing.T) {
			old := load(t, "a.yaml", sweep, append(slices.Clone(tt.both), tt.old...)...)
			new := load(t, "a.yaml", sweep, append(slices.Clone(tt.both), tt.new...)...)
			if diff := cmp.Diff(tt.want, lines(plandiff.Of(old, new))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Stops, thresholds, gates and limits: which way each goes.
func TestJudged(t *testing.T) {
	const fixed, growing = sweep + "slo: {ttft: {p95: 5s}}\n", "name: a\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: [100k, 1M]\nslo: {ttft: {p95: 5s}}\nduration: 1h\n"
	for _, tt := range []struct{ base, old, new, want string }{
		{fixed, "stop=[]", "stop=[ttft.p95 > 3s]", "+ cost stop[0] ttft.p95 > 3s added: may end a cell's search earlier"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[]", "- cost stop[0] ttft.p95 > 3s removed: no longer ends a cell's search"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[ttft.p95 > 5s]", "~ cost stop[0].when ttft.p95 > 5s, was ttft.p95 > 3s: fires later: takes longer"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[ttft.p95 > 2s]", "~ cost stop[0].when ttft.p95 > 2s, was ttft.p95 > 3s: fires sooner"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[ttft.p90 > 2s]", "? cost stop[0].when ttft.p90 > 2s, was ttft.p95 > 3s: rewritten: whether it fires sooner or later cannot be told, please read"},
		{fixed, "stop=[{when: ttft.p95 > 3s, fail: true}]", "stop=[{when: ttft.p95 > 5s, fail: true}]", "~ loosened stop[0].when ttft.p95 > 5s, was ttft.p95 > 3s: fails in fewer cases"},
		{fixed, "stop=[{when: ttft.p95 > 3s, fail: true}]", "stop=[{when: ttft.p95 > 2s, fail: true}]", "~ tightened stop[0].when ttft.p95 > 2s, was ttft.p95 > 3s: fails in more cases"},
		{fixed, "stop=[{when: ttft.p95 > 3s, fail: true}]", "stop=[{when: goodput < 1, fail: true}]", "? loosened stop[0].when goodput < 1, was ttft.p95 > 3s: rewritten: whether it fails in more or fewer cases cannot be told, please read"},
		{fixed, "stop=[]", "stop=[{when: ttft.p95 > 3s, fail: true}]", "+ tightened stop[0] ttft.p95 > 3s added: fails the run"},
		{fixed, "stop=[{when: ttft.p95 > 3s, fail: true}]", "stop=[]", "- loosened stop[0] ttft.p95 > 3s removed: no longer fails the run"},
		{fixed, "stop=[{when: ttft.p95 > 3s, fail: true}]", "stop=[{when: ttft.p95 > 3s}]", "~ loosened stop[0].fail true -> false: ttft.p95 > 3s no longer fails the run"},
		{fixed, "stop=[{when: ttft.p95 > 3s}]", "stop=[{when: ttft.p95 > 3s, fail: true}]", "~ tightened stop[0].fail false -> true: ttft.p95 > 3s now fails the run"},
		{fixed, "stop=[{when: ttft.p95 > 3s, periods: 2}]", "stop=[{when: ttft.p95 > 3s, periods: 4}]", "~ cost stop[0].periods 2 -> 4: fires later: takes longer"},
		{fixed, "stop=[{when: ttft.p95 > 3s, periods: 2, fail: true}]", "stop=[{when: ttft.p95 > 3s, periods: 4, fail: true}]", "~ loosened stop[0].periods 2 -> 4: fails in fewer cases"},
		{fixed, "stop=[{when: ttft.p95 > 3s, periods: 2, fail: true}]", "stop=[{when: ttft.p95 > 3s, fail: true}]", "? loosened stop[0].periods 2 -> the finished level: judged on something else, please read"},
		{fixed, "stop=[{when: ttft.p95 > 3s, periods: 2}]", "stop=[{when: ttft.p95 > 3s}]", "? cost stop[0].periods 2 -> the finished level: judged on something else, please read"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[{when: ttft.p95 > 3s, ends: run}]", "~ cost stop[0].ends cell -> run: what it ends"},
		{fixed, "stop=[ttft.p95 > 3s]", "stop=[{when: ttft.p95 > 3s, reason: x}]", "~ cosmetic stop[0].reason: other words"},
		{fixed, "stop=[ttft.p95 > 3s, error_rate > 5%]", "stop=[error_rate > 5%, ttft.p95 > 3s]", ""},
		{fixed, "stop=[ttft.p95 > 3s, error_rate > 5%]", "stop=[error_rate > 5%, ttft.p95 > 4s]", "~ cost stop[1].when ttft.p95 > 4s, was ttft.p95 > 3s: fires later: takes longer"},
		{fixed, "thresholds=[]", "thresholds=[{expect: ttft.p95 < 2s}]", "+ tightened thresholds[0] ttft.p95 < 2s added"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s, where: context == 30k}]", "thresholds=[]", "- loosened thresholds[0] ttft.p95 < 2s where context == 30k removed"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s}]", "thresholds=[{expect: ttft.p95 < 3s}]", "~ loosened thresholds[0].expect ttft.p95 < 3s, was ttft.p95 < 2s: easier to pass"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s}]", "thresholds=[{expect: ttft.p95 < 2s and error_rate < 1%}]", "~ tightened thresholds[0].expect ttft.p95 < 2s and error_rate < 1%, was ttft.p95 < 2s: harder to pass"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s}]", "thresholds=[{expect: ttft.p99 < 2s}]", "? loosened thresholds[0].expect ttft.p99 < 2s, was ttft.p95 < 2s: rewritten: whether it is easier or harder to pass cannot be told, please read"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "~ loosened thresholds[0].where concurrency <= 20, was all points: fewer points are held against it"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 40}]", "~ tightened thresholds[0].where concurrency <= 40, was concurrency <= 20: more points are held against it"},
		{fixed, "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency < 40}]", ""}, // the same levels
		{fixed, "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency >= 40}]", "? loosened thresholds[0].where concurrency >= 40, was concurrency <= 20: other points, please read"},
		{growing, "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 40}]", "~ tightened thresholds[0].where concurrency <= 40, was concurrency <= 20: more points are held against it"}, // levels are not known before
		{growing, "thresholds=[{expect: ttft.p95 < 2s, where: concurrency <= 20}]", "thresholds=[{expect: ttft.p95 < 2s, where: concurrency > 40}]", "? loosened thresholds[0].where concurrency > 40, was concurrency <= 20: other points, please read"},
		{fixed, "slo.ttft.p95=5s", "slo.ttft.p95=6s", "~ loosened slo.ttft.p95 5s -> 6s: easier to hold"},
		{fixed, "slo.ttft.p95=5s", "slo.ttft.p95=4s", "~ tightened slo.ttft.p95 5s -> 4s: harder to hold"},
		{fixed, "slo.output_rate.avg=20", "slo.output_rate.avg=10", "~ loosened slo.output_rate.avg 20 -> 10: easier to hold"},
		{fixed, "slo.ttft.p99=5s", "slo.ttft.p99=null", "- loosened slo.ttft.p99 5s removed: easier to hold"},
		{growing, "slo.ttft.p95=5s", "slo.ttft.p95=6s", "~ breaks-comparison slo.ttft.p95 5s -> 6s: easier to hold; it sets the level that is held"},
		{fixed, "compare.gate=[{metric: ttft.p95}]", "compare.gate=[{metric: ttft.p95, where: context == 30k}]", ""}, // all points have it
		{fixed, "compare.gate=[{metric: ttft.p95}]", "compare.gate=[{metric: ttft.p95, where: concurrency == 10}]", "~ loosened compare.gate[0].where concurrency == 10, was all points: fewer points are held against it"},
		{fixed, "compare.gate=[{metric: ttft.p95}]", "compare.gate=[]", "- loosened compare.gate[0] ttft.p95 removed"},
		{fixed, "compare.gate=[]", "compare.gate=[{metric: ttft.p95}]", "+ tightened compare.gate[0] ttft.p95 added"},
		{fixed, "compare.tolerance=3%", "compare.tolerance=5%", "~ loosened compare.tolerance 3% -> 5%: a larger change is no regression"},
	} {
		got := strings.Join(lines(plandiff.Of(load(t, "a.yaml", tt.base, tt.old), load(t, "a.yaml", tt.base, tt.new))), "\n")
		if got != tt.want {
			t.Errorf("%s -> %s:\n got %s\nwant %s", tt.old, tt.new, got, tt.want)
		}
	}
}

// A change of mode is one finding: keys of one mode alone are not listed.
func TestModes(t *testing.T) {
	all := scenario.Keys()
	for _, from := range []string{"fixed", "sustained", "map"} {
		for _, to := range []string{"fixed", "sustained", "map"} {
			d := plandiff.Of(load(t, "a.yaml", bases[from]), load(t, "a.yaml", bases[to]))
			first := strings.Join(lines(d), "\n")
			if from == to {
				if d.Status != plandiff.Unchanged {
					t.Errorf("%s against itself: %s", from, first)
				}
				continue
			}
			want := "~ breaks-comparison mode " + from + " -> " + to
			if !strings.Contains(first, want) {
				t.Errorf("%s -> %s: no %q in\n%s", from, to, want, first)
			}
			for _, f := range d.Findings {
				for _, k := range all {
					if k.Path == f.Key && !(slices.Contains(k.Modes, from) && slices.Contains(k.Modes, to)) {
						t.Errorf("%s -> %s: %s is of one mode alone: %s", from, to, f.Key, f.Text)
					}
				}
			}
		}
	}
}

// What is said never holds a secret: not a header's value, not a URL's user or query, not
// a text in the body, not an argument of a command.
func TestSecrets(t *testing.T) {
	old := load(t, "a.yaml", sweep)
	new := load(t, "a.yaml", sweep, `target={endpoints: ["http://${WSRUN_USER}@gpu-1:8000"]}`, `target.headers={X-Route: "${WSRUN_T:-hush} {run}", X-Other: hush}`, `target.body={user: hush, n_keep: 3, list: [hush], map: {a: hush}}`,
		`target.metrics=["http://m:9000/metrics?token=${WSRUN_T}&u=hush"]`, `warmup.reset={command: [curl, -H, hush]}`, `labels={note: hush}`, `description=hush`)
	other := load(t, "a.yaml", sweep, `target={endpoints: [http://gpu-1:8000]}`, `target.headers={X-Route: "hush2 {run}", X-Other: hush2}`, `target.body={user: hush2, n_keep: 4, list: [hush2], map: {a: hush2}}`,
		`target.metrics=http://m:9000/metrics?token=hush2`, `warmup.reset={command: [curl, -H, hush2]}`, `labels={note: hush2}`, `description=hush2`)
	for name, d := range map[string]plandiff.Diff{"added": plandiff.Of(nil, new), "changed": plandiff.Of(old, new), "back": plandiff.Of(new, old), "other values": plandiff.Of(new, other)} {
		if len(d.Findings) < 5 {
			t.Errorf("%s: only %q", name, lines(d))
		}
		for _, f := range d.Findings {
			if said := fmt.Sprint(f.Key, f.Text, f.Hint, f.Notes); strings.Contains(said, "hush") {
				t.Errorf("%s: %s", name, said)
			}
		}
	}
}

// Places are those of the key, in the file that gives it.
func TestPlaces(t *testing.T) {
	files := map[string]string{
		"a.yaml":     "extends: _base.yaml\nname: a\nhit_rates:\n  - 50\n  - 100\nstop:\n  - when: ttft.p95 > 4s\n",
		"_base.yaml": "target: http://localhost:8000\ncontexts: [8k]\nworking_set: {min: 100k, max: 2M, steps: 4}\nmode: fixed\nconcurrency: [4]\n",
	}
	opt := scenario.Options{ReadFile: func(path string) ([]byte, error) { return []byte(files[path]), nil }}
	read := func() *scenario.Plan {
		plan, problems := scenario.Load("a.yaml", []byte(files["a.yaml"]), opt)
		if plan == nil {
			t.Fatal(scenario.Render(problems, false))
		}
		return plan
	}
	new := read()
	files["_base.yaml"] += "drain: 10s\nslo: {ttft: {p95: 9s}}\n"
	files["a.yaml"] = "extends: _base.yaml\nname: a\nhit_rates: [100]\nstop: [{when: ttft.p95 > 3s}]\nlabels: {a: b}\n"
	files["_base.yaml"] = strings.Replace(files["_base.yaml"], "max: 2M", "max: 1M", 1)
	var got []string
	for _, f := range plandiff.Of(read(), new).Findings {
		place := fmt.Sprintf("%s %s:%d:%d %v", f.Key, f.File, f.Line, f.Col, f.Old)
		if f.Old && f.Base {
			place += " base"
		}
		got = append(got, place)
	}
	want := []string{"working_set.max _base.yaml:3:26 false", "slo.ttft.p95 _base.yaml:7:14 true base", "hit_rates a.yaml:4:5 false", " :0:0 false", "drain _base.yaml:6:1 true base", "stop[0].when a.yaml:7:5 false", "labels.a a.yaml:5:10 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Comments, order and spelling are a change that changes nothing, and say so.
func TestNoMeaning(t *testing.T) {
	a := load(t, "a.yaml", sweep)
	b := load(t, "a.yaml", strings.Replace(sweep, "5M", "5000k", 1)+"# a comment\n")
	d := plandiff.Of(a, b)
	if d.Status != plandiff.Changed || len(d.Findings) != 1 || d.Findings[0].Class != plandiff.Cosmetic || !strings.Contains(d.Findings[0].Text, "no change in meaning") {
		t.Errorf("%+v", d)
	}
	if d := plandiff.Of(a, load(t, "a.yaml", sweep)); d.Status != plandiff.Unchanged || d.Findings != nil {
		t.Errorf("%+v", d)
	}
}

func TestFiles(t *testing.T) {
	side := func(key, name string, set ...string) plandiff.Side {
		return plandiff.Side{Key: key, Plan: load(t, key, sweep, append(set, "name="+name)...)}
	}
	old := []plandiff.Side{side("same.yaml", "same"), side("was.yaml", "moved"), side("gone.yaml", "gone"), {Key: "broken.yaml", Why: "broken.yaml:3:1: unknown key"}}
	new := []plandiff.Side{side("same.yaml", "same"), side("is.yaml", "moved", "seed=1"), side("broken.yaml", "mended"), side("more.yaml", "more")}
	var got []string
	for _, d := range plandiff.Files(old, new, "not in main") {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s", d.Path, d.OldPath, d.Name, d.Status, d.Reason))
	}
	want := []string{"same.yaml||same|unchanged|", "is.yaml|was.yaml|moved|changed|", "broken.yaml||mended|added|broken.yaml:3:1: unknown key", "more.yaml||more|added|not in main", "gone.yaml||gone|removed|"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// All of a new scenario is added, and all of one that is gone is removed.
func TestAddedAndRemoved(t *testing.T) {
	p := load(t, "a.yaml", sweep, "thresholds=[{expect: ttft.p95 < 2s}]", "stop=[{when: error_rate > 5%, fail: true}]", "output.dir=elsewhere")
	if diff := cmp.Diff([]string{
		"~ reach output.dir results -> elsewhere: files are written elsewhere",
		"+ reach contacts http://localhost:8000",
		"+ tightened stop[0] error_rate > 5% added: fails the run",
		"+ tightened thresholds[0] ttft.p95 < 2s added",
		"+ coverage 10 cells (40 points) more: context 30k × hit rate 100% × all 10 working sets × all 4 levels",
	}, lines(plandiff.Of(nil, p))); diff != "" {
		t.Errorf("added (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"- loosened stop[0] error_rate > 5% removed: no longer fails the run",
		"- loosened thresholds[0] ttft.p95 < 2s removed",
		"- coverage 10 cells (40 points) fewer: context 30k × hit rate 100% × all 10 working sets × all 4 levels",
	}, lines(plandiff.Of(p, nil))); diff != "" {
		t.Errorf("removed (-want +got)\n%s", diff)
	}
}
