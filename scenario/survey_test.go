package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mapFile is a valid scenario of mode map with more keys.
func mapFile(more string) string {
	return "name: edges\ntarget: http://localhost:8000\ncontexts: [8k]\nmode: map\n" + more
}

// mapping has every key of mode map, none at its default.
const mapping = `
name: mapping
description: all keys of a map
labels: {gpu: H100}
target: {endpoints: [http://a:8000, http://b:8000], balance: pinned, tiers: [{name: hbm, capacity: 1M}]}
contexts: [4k, 32k]
working_set: {max: 40M}
chunk: 128
server_block: 32
seed: 7
prompts: {encoding: auto, salt: run}
mode: map
map: {resolution: 1.5%, looks: 9, policy: true}
warmup: {concurrency: 4, reset: none}
trials: 3
order: shuffled
thresholds:
  - expect: edge1 > 1M
  - {expect: edge.hbm > 500k and edge2 > 2 * edge1, where: context == 4k}
  - {expect: ttft.p95 < 2s and tier_share.hbm > 50, where: reuse_distance <= 500k and context == 32k}
output: {dir: out, requests: false, html: false}
`

// TestMapDefaults: four keys are a map. What a map has not is empty.
func TestMapDefaults(t *testing.T) {
	got := must(t, mapFile(""), Options{}).Scenario
	want := must(t, minimal(""), Options{}).Scenario
	want.Name, want.Mode, want.WorkingSet = "edges", "map", WorkingSet{}
	want.OutputTokens, want.Access = 1, "depth"
	want.Duration, want.Assessment, want.Drain = Span{}, 0, 0
	want.Concurrency, want.OnMiss, want.Warmup.Rewarm, want.Warmup.Verify = nil, "", "", false
	want.Map = Survey{Max: 20_000_000, Resolution: 0.02}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestMapKeys(t *testing.T) {
	plan := must(t, mapping, Options{})
	sc := plan.Scenario
	for _, c := range []struct{ what, want, got any }{
		{"survey", Survey{Max: 40_000_000, Resolution: 0.015, Looks: 9, Policy: true}, sc.Map},
		{"warm-up", Warmup{Concurrency: 4}, sc.Warmup},
		{"trials", 3, sc.Trials},
		{"order", "shuffled", sc.Order},
		{"thresholds", 3, len(plan.Thresholds)},
		{"warnings", 0, len(plan.Warnings)},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%v: -want +got\n%s", c.what, d)
		}
	}
}

// TestMapCells: one cell for each context, as large as it may become.
func TestMapCells(t *testing.T) {
	plan := must(t, mapFile("working_set: {max: 1M}\n"), Options{})
	// ceil(1000000 / 8192) = 123
	want := []Cell{{Key: "ctx8000_map", Context: 8000, HitRate: 100, WorkingSet: 1_000_000, R: 8192, Prefix: 8192, Prompts: 123, Real: 1_007_616, HotTokens: 1_007_616, ReuseDistance: 123 * 8193}}
	if d := cmp.Diff(want, plan.Cells); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	two := strings.Replace(mapFile(""), "[8k]", "[8k, 8100, 16k]", 1) // 8100 rounds to what 8k does
	var keys []string
	for _, c := range must(t, two, Options{}).Cells {
		keys = append(keys, c.Key)
	}
	if got := strings.Join(keys, " "); got != "ctx8000_map ctx16000_map" {
		t.Errorf("cells %s", got)
	}
}

// TestMapEstimate works out by hand what a map costs at most.
func TestMapEstimate(t *testing.T) {
	got := must(t, mapFile("working_set: {max: 1M}\ntrials: 2\n"), Options{}).Estimate()
	want := Estimate{WarmupTokens: 2 * 123 * 8192, WarmupRequests: 2 * 123, LookRequests: 2 * mapLooks, PeakStreams: 16, Points: 2}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestMapDigest: what drives the search counts, and how far it goes.
func TestMapDigest(t *testing.T) {
	seen := map[string]string{}
	for _, more := range []string{"", "map: {resolution: 1%}\n", "map: {looks: 3}\n", "map: {policy: true}\n", "working_set: {max: 10M}\n", "trials: 2\n", "warmup: {concurrency: 1}\n"} {
		d := must(t, mapFile(more), Options{}).Digest
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q have one digest", more, other)
		}
		seen[d] = more
	}
	if d := must(t, mapFile("map: {resolution: 2%, looks: auto}\nworking_set: {max: 20M}\n"), Options{}).Digest; seen[d] != "" || len(seen) != 7 {
		t.Errorf("writing the defaults changed the digest")
	}
}

// TestMapRefuses: each key of another mode is a problem at its own line, and each says
// why.
func TestMapRefuses(t *testing.T) {
	values := map[string]string{
		"/working_set/min": "working_set: {min: 1k}", "/working_set/steps": "working_set: {steps: 2}", "/working_set/spacing": "working_set: {spacing: linear}", "/working_set/refine": "working_set: {refine: 1}",
		"/hit_rates": "hit_rates: 100", "/output_tokens": "output_tokens: 1", "/access": "access: depth", "/duration": "duration: 1m", "/assessment_period": "assessment_period: 1s", "/warm_in_max": "warm_in_max: 1m",
		"/drain": "drain: 1s", "/concurrency": "concurrency: 8", "/growth": "growth: {by: time}", "/on_miss": "on_miss: skip", "/repeats": "repeats: 1", "/warmup/rewarm": "warmup: {rewarm: once}",
		"/warmup/verify": "warmup: {verify: true}", "/slo": "slo: {ttft: {p95: 5s}}", "/stop": "stop: [error_rate > 5%]",
		"/rate": "rate: 5", "/arrivals": "arrivals: poisson",
	}
	for _, k := range notInMap {
		_, problems := Load("x", []byte(mapFile(values[k.path]+"\n")), Options{})
		if len(problems) != 1 || problems[0].Code != "other-mode" || problems[0].Path != k.path || problems[0].Line != 5 || !strings.Contains(problems[0].Message, k.why) {
			t.Errorf("%s: %v", k.path, problems)
		}
		delete(values, k.path)
	}
	if len(values) > 0 {
		t.Errorf("not tried: %v", values)
	}
}

// TestMapConditions: what a row of a map has, and what it has not.
func TestMapConditions(t *testing.T) {
	for _, c := range []struct{ expect, where, want string }{
		{"edge1 > 1M", "", ""},
		{"edge1 > 1M", "context == 8k", ""},
		{"edge1 > 1M", "context == 9k", "where-unmet"},
		{"edge1 > 1M", "hit_rate == 100", "condition-scope"},
		{"edge1 > 1M", "reuse_distance > 1M", "condition-scope"},
		{"edge1 > 1M and ttft.p95 < 1s", "", "condition-scope"},
		{"edge.hbm > 1M", "", "condition-name"},
		{"ttft.p50 < 1s", "", ""},
		{"ttft.p50 < 1s", "reuse_distance <= 500k", ""},
		{"ttft.p50 < 1s", "reuse_distance <= 500k and context == 9k", "where-unmet"},
		{"hit_rate_observed > 90", "reuse_distance < 1M", ""},
		{"tier_share.dram > 90", "", ""},
		{"tpot.p50 < 10ms", "", "condition-scope"},
		{"goodput > 1", "", "condition-scope"},
		{"server.running > 1", "", "condition-scope"},
		{"ttft.p50 < 1s", "concurrency == 1", "condition-scope"},
		{"ttft.p50 < 1s", "working_set < 1M", "condition-scope"},
	} {
		src := mapFile(fmt.Sprintf("thresholds:\n  - {expect: %q, where: %q}\n", c.expect, c.where))
		if c.where == "" {
			src = mapFile(fmt.Sprintf("thresholds:\n  - expect: %q\n", c.expect))
		}
		_, problems := Load("x", []byte(src), Options{})
		if got := codesOf(problems); got != c.want {
			t.Errorf("%s where %s: %q, want %q", c.expect, c.where, got, c.want)
		}
	}
}

// TestInstead: the map of the range that a sweep covers.
func TestInstead(t *testing.T) {
	for _, c := range []struct {
		src  string
		want int // prompts of the map
	}{
		{minimal(""), 123},
		{sustainedFile(""), 123},
		{minimal("hit_rates: [0, 50]\n"), 123},
		{minimal("hit_rates: 0\n"), 0},
		{mapFile(""), 0},
		{"name: a\ntarget: http://a\ncontexts: 8k\nworking_set: 1M\nmode: fixed\nconcurrency: 1\n", 0},
	} {
		in, ok := must(t, c.src, Options{}).Instead()
		if ok != (c.want > 0) || ok && (in.Map.Prompts != c.want || in.Map.Key != "ctx8000_map" || in.Requests != int64(c.want+mapLooks)) {
			t.Errorf("%s: %v %+v, want %d prompts", c.src, ok, in, c.want)
		}
	}
	// 13, 49, 86 and 123 prompts at 8k; those at 16k are not counted.
	for more, want := range map[string]Instead{
		"":                                   {Sweep: 271, Warmups: 4, Measured: 40 * time.Minute},
		"trials: 2\nduration: 30s\n":         {Sweep: 542, Warmups: 8, Measured: 8 * time.Minute},
		"warmup: {rewarm: per-level}\n":      {Sweep: 542, Warmups: 8, Measured: 40 * time.Minute},
		"warmup: {rewarm: once}\n":           {Sweep: 123, Warmups: 1, Measured: 40 * time.Minute},
		"hit_rates: [0, 50, 100]\ntrials: 3": {Sweep: 6 * 271, Warmups: 24, Measured: 6 * 40 * time.Minute},
	} {
		in, _ := must(t, strings.Replace(minimal(more), "[8k]", "[8k, 16k]", 1), Options{}).Instead()
		in.Map, in.Requests = Cell{}, 0
		if d := cmp.Diff(want, in); d != "" {
			t.Errorf("%q: -want +got\n%s", more, d)
		}
	}
}
