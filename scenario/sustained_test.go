package scenario

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sustainedFile is a valid scenario of the default mode with more keys.
func sustainedFile(more string) string {
	return "name: grow\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: {min: 100k, max: 1M, steps: 4}\nslo: {ttft: {p95: 5s}}\n" + more
}

// growing has every key of sustained mode, none at its default.
const growing = `
name: growing
target: {endpoints: http://localhost:8000, max_in_flight: 500}
contexts: [8k, 32k]
working_set: [100k, 300k, 1M]
hit_rates: [0, 90]
output_tokens: 16
mode: sustained
duration: 1h
assessment_period: 20s
concurrency: {start: 4, step: 3, max: 400}
growth: {by: time, prompts: prewarmed, hold: 90s, at_end: hold}
trials: 2
slo: {ttft: {avg: 1s}, output_rate: {p5: 10}, margin: 5%}
stop:
  - ttft.p95 > 30s
  - {when: total.error_rate > 5%, periods: 2, ends: sweep}
thresholds:
  - {expect: edge1 > 200k, where: hit_rate == 90}
  - {expect: ttft.p95 < 2s, where: concurrency > 10 and working_set <= 300k}
`

// TestSustainedDefaults: six keys are a scenario, and a mode that is not written is
// sustained.
func TestSustainedDefaults(t *testing.T) {
	sc := must(t, sustainedFile(""), Options{}).Scenario
	want := must(t, minimal(""), Options{}).Scenario
	want.Name, want.Mode, want.Concurrency = "grow", "sustained", nil
	want.Duration, want.Assessment = Span{seconds(32 * 60), seconds(32 * 60)}, seconds(30) // 4 sizes x 16 x 30 s
	want.Search = Search{Start: 2, Step: 2, Max: 1000}
	want.Growth = Growth{By: "convergence", Prompts: "cold", Hold: 3, AtEnd: "stop"}
	want.SLO = SLO{TTFT: []Line{{"p95", 5}}, Margin: 10}
	if d := cmp.Diff(want, sc); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if written := must(t, sustainedFile("mode: sustained\n"), Options{}); written.Digest != must(t, sustainedFile(""), Options{}).Digest {
		t.Error("writing the default mode changed the digest")
	}
}

func TestSustainedKeys(t *testing.T) {
	sc := must(t, growing, Options{}).Scenario
	for _, c := range []struct{ what, want, got any }{
		{"duration", Span{seconds(3600), seconds(3600)}, sc.Duration},
		{"period", seconds(20), sc.Assessment},
		{"levels", []int(nil), sc.Concurrency},
		{"search", Search{4, 3, 400}, sc.Search},
		{"growth", Growth{By: "time", Prompts: "prewarmed", Hold: 5, HoldFor: seconds(90), AtEnd: "hold"}, sc.Growth}, // 90 s are 4.5 periods of 20 s
		{"slo", SLO{TTFT: []Line{{"avg", 1}}, OutputRate: []Line{{"p5", 10}}, Margin: 5}, sc.SLO},
		{"stop", []Stop{{When: "ttft.p95 > 30s", Periods: 1, Ends: "cell"}, {When: "total.error_rate > 5%", Periods: 2, Ends: "sweep"}}, sc.Stop},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%v: -want +got\n%s", c.what, d)
		}
	}
}

// TestSustainedTimes: duration and assessment_period each have a default that hangs
// on the other.
func TestSustainedTimes(t *testing.T) {
	for more, want := range map[string][2]time.Duration{
		"":                              {32 * time.Minute, 30 * time.Second},
		"assessment_period: 1s\n":       {64 * time.Second, time.Second},
		"assessment_period: 45s\n":      {48 * time.Minute, 45 * time.Second},
		"duration: 10s\n":               {10 * time.Second, 10 * time.Second},
		"duration: 2h\n":                {2 * time.Hour, 30 * time.Second},
		"growth: {hold: 20}\n":          {32 * time.Minute, 30 * time.Second},
		"growth: {hold: 0}\n":           {32 * time.Minute, 30 * time.Second},
		"concurrency: {max: 10}\n":      {32 * time.Minute, 30 * time.Second},
		"concurrency: {}\ngrowth: {}\n": {32 * time.Minute, 30 * time.Second},
	} {
		sc := must(t, sustainedFile(more), Options{}).Scenario
		if got := [2]time.Duration{time.Duration(sc.Duration.Max), time.Duration(sc.Assessment)}; got != want || !sc.Duration.Exact() {
			t.Errorf("%q: duration and period %v, want %v", more, got, want)
		}
	}
}

// TestSustainedCells: one cell for each context and hit rate, whose steps are the
// cells that fixed mode would have.
func TestSustainedCells(t *testing.T) {
	plan := must(t, growing, Options{})
	var keys []string
	for _, c := range plan.Cells {
		keys = append(keys, c.Key)
		if c.Levels != nil {
			t.Errorf("%s has levels %v", c.Key, c.Levels)
		}
	}
	if want := "ctx8000_ws0_cache0 ctx8000_ws1000000_cache90 ctx32000_ws0_cache0 ctx32000_ws1000000_cache90"; strings.Join(keys, " ") != want {
		t.Fatalf("cells %v, want %s", keys, want)
	}
	if d := cmp.Diff([]Step{{}}, plan.Cells[0].Steps); d != "" {
		t.Errorf("hit rate 0 does not grow: -want +got\n%s", d)
	}
	c := plan.Cells[1]
	want := []Step{
		// ceil(100000 / 8192) = 13, ceil(300000 / 8192) = 37, ceil(1000000 / 8192) = 123; prefix floor(0.9 x 8192 / 256) x 256 = 7168
		{WorkingSet: 100000, Prompts: 13, Real: 106496, HotTokens: 93184, ReuseDistance: 106704},
		{WorkingSet: 300000, Prompts: 37, Real: 303104, HotTokens: 265216, ReuseDistance: 303696},
		{WorkingSet: 1000000, Prompts: 123, Real: 1007616, HotTokens: 881664, ReuseDistance: 1009584},
	}
	if d := cmp.Diff(want, c.Steps); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for i, s := range c.Steps {
		one := CellOf(plan.Scenario, c.Context, s.WorkingSet, c.HitRate)
		at := c.At(i)
		at.Steps, at.Key = nil, one.Key
		if d := cmp.Diff(one, at); d != "" {
			t.Errorf("step %d: -as a cell +as a step\n%s", i, d)
		}
	}
	own := c.At(len(c.Steps) - 1)
	if d := cmp.Diff(c, own); d != "" {
		t.Errorf("the cell's own size is not that of its last step\n%s", d)
	}
}

// TestStepsRise: whatever is asked, the sizes of a cell grow by at least one prompt.
func TestStepsRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sc := Scenario{Mode: sustained, Contexts: []int64{rapid.Int64Range(1, 50_000).Draw(t, "context")}, HitRates: []float64{100}, Chunk: rapid.Int64Range(1, 300).Draw(t, "chunk"),
			Assessment: seconds(1), Duration: Span{seconds(60), seconds(60)}}
		lo := rapid.Int64Range(1, 1e6).Draw(t, "min")
		sc.WorkingSet.Sizes = Linspace(lo, lo+rapid.Int64Range(1, 1e6).Draw(t, "more"), rapid.IntRange(2, 30).Draw(t, "steps"))
		plan, problems := Expand(&sc)
		if plan == nil {
			if codesOf(problems) != "no-size-left" {
				t.Fatal(codesOf(problems))
			}
			return
		}
		for i, s := range plan.Cells[0].Steps {
			if s.WorkingSet < sc.Contexts[0] || i > 0 && s.Prompts <= plan.Cells[0].Steps[i-1].Prompts {
				t.Fatalf("steps %+v", plan.Cells[0].Steps)
			}
		}
	})
}

// TestSustainedOrder: there is one cell where fixed mode has several sizes, so only
// contexts and hit rates can be in another order.
func TestSustainedOrder(t *testing.T) {
	const more = "hit_rates: [50, 100]\norder: "
	asc := sizesOf(must(t, sustainedFile(more+"ascending"), Options{}).Cells)
	if want := "8/50/1M 8/100/1M"; asc != want {
		t.Errorf("ascending is %s, want %s", asc, want)
	}
	if inter := sizesOf(must(t, sustainedFile(more+"interleaved"), Options{}).Cells); inter != asc {
		t.Errorf("interleaved is %s", inter)
	}
}

// TestSustainedEstimate works out a growing cell and one at hit rate 0 by hand.
func TestSustainedEstimate(t *testing.T) {
	const head = "trials: 2\nhit_rates: [%s]\nassessment_period: 10s\n"
	for _, c := range []struct {
		name, rates, more string
		want              Estimate
	}{
		// 13, 49, 86 and 123 prompts of 8192 tokens; 4 sizes x 6 periods, of 4 x 16
		{"cold", "100", "", Estimate{2 * 13 * 8192, 2 * 13, 2 * 110 * 8192, 2 * 110, 2 * 240 * time.Second, 2 * 640 * time.Second, 1000, 8, 0, 0, 0}},
		{"prewarmed", "100", "growth: {prompts: prewarmed}\n", Estimate{2 * 123 * 8192, 2 * 123, 0, 0, 2 * 240 * time.Second, 2 * 640 * time.Second, 1000, 8, 0, 0, 0}},
		{"soak", "100", "growth: {at_end: hold}\n", Estimate{2 * 13 * 8192, 2 * 13, 2 * 110 * 8192, 2 * 110, 2 * 640 * time.Second, 2 * 640 * time.Second, 1000, 8, 0, 0, 0}},
		{"by time", "100", "growth: {by: time}\n", Estimate{2 * 13 * 8192, 2 * 13, 2 * 110 * 8192, 2 * 110, 2 * 640 * time.Second, 2 * 640 * time.Second, 1000, 8, 0, 0, 0}},
		{"short", "100", "duration: 100s\n", Estimate{2 * 13 * 8192, 2 * 13, 2 * 110 * 8192, 2 * 110, 2 * 100 * time.Second, 2 * 100 * time.Second, 1000, 8, 0, 0, 0}},
		{"low cap", "100", "concurrency: {max: 8}\n", Estimate{2 * 13 * 8192, 2 * 13, 2 * 110 * 8192, 2 * 110, 2 * 240 * time.Second, 2 * 640 * time.Second, 16, 8, 0, 0, 0}},
		{"hit rate 0", "0", "concurrency: {max: 8}\n", Estimate{0, 0, 0, 0, 2 * 640 * time.Second, 2 * 640 * time.Second, 8, 2, 0, 0, 0}},
	} {
		got := must(t, sustainedFile(fmt.Sprintf(head, c.rates)+c.more), Options{}).Estimate()
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
}

// TestBudgetWarning: said when too little fits, and what it advises is enough.
func TestBudgetWarning(t *testing.T) {
	for more, want := range map[string]string{
		"duration: 32m\n":                        "",
		"duration: 31m\n":                        "32m would do",
		"duration: 10m\n":                        "leaves each 5 periods of 30s",
		"duration: 3m\n":                         "leaves each 1 period of 30s",
		"duration: 1m\ngrowth: {by: time}\n":     "less than one period",
		"growth: {hold: 5}\n":                    "duration: 36m would do",
		"growth: {hold: 5}\nduration: 36m\n":     "",
		"hit_rates: 0\nduration: 8m\n":           "",
		"hit_rates: 0\nduration: 7m\n":           "a duration of 7m leaves each 14 periods of 30s",
		"contexts: [8k, 400k]\nduration: 32m\n":  "", // the context that takes all four sizes is what counts
		"contexts: [400k, 500k]\nduration: 24m":  "", // 100k is below both
		"contexts: [400k, 500k]\nduration: 23m5": "24m would do",
	} {
		src := sustainedFile("")
		if strings.HasPrefix(more, "contexts") {
			src = strings.Replace(src, "contexts: [8k]\n", "", 1)
		}
		if strings.HasSuffix(more, "m5") {
			more += "0s\n"
		}
		var told []string
		for _, p := range must(t, src+more, Options{}).Warnings {
			if p.Code == "may-not-converge" {
				told = append(told, p.Message)
			}
		}
		if got := strings.Join(told, "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: warned %q, want %q", more, got, want)
		}
	}
}

// TestAdviceSuffices: the duration that the warning names is not warned of.
func TestAdviceSuffices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		more := fmt.Sprintf("duration: %ds\nassessment_period: %dms\ngrowth: {hold: %d}\n", rapid.IntRange(60, 600).Draw(t, "s"), rapid.IntRange(1, 60_000).Draw(t, "ms"), rapid.IntRange(0, 100).Draw(t, "hold"))
		_, problems := Load("x", []byte(sustainedFile(more)), Options{})
		if len(problems) == 0 {
			return
		}
		_, advice, _ := strings.Cut(problems[0].Message, "; duration: ")
		advice, _, ok := strings.Cut(advice, " would do")
		if !ok || codesOf(problems) != "may-not-converge" {
			t.Fatalf("%s: %v", more, problems)
		}
		_, rest, _ := strings.Cut(more, "\n")
		if _, problems := Load("x", []byte(sustainedFile("duration: "+advice+"\n"+rest)), Options{}); len(problems) > 0 {
			t.Fatalf("%s: the advice %s gives %v", more, advice, problems)
		}
	})
}

// TestFixedDigestsStay pins the digests of fixed scenarios: results that were made
// before sustained mode and stated tiers came must still be found to be of the same plan.
func TestFixedDigestsStay(t *testing.T) {
	before := strings.NewReplacer("  replicas: 2\n", "", "  - expect: edge.cpu-dram > 1M and edge.3fs > edge.hbm\n", "").Replace(everything)
	for want, src := range map[string]string{
		"629eb1ba1645932144dfbd82a75c674d1d9046c938a8379596826a10bb9ebcc3": minimal(""),
		"8cdf0443cad098c364eee1d4b0f95d3537fb7ecb33888b560ea1925956db64c8": before,
		"a0ad28aafabcfe8bf2ac3e345c33025a2315f781284543779eb15662fc632f2d": minimal("slo: {ttft: {p95: 5s}}\n"),
	} {
		if got := must(t, src, Options{}).Digest; got != want {
			b, _ := json.Marshal(must(t, src, Options{}).Scenario)
			t.Errorf("digest %s, want %s\n%s", got, want, b)
		}
	}
}

// TestSustainedDigest: what drives the search counts.
func TestSustainedDigest(t *testing.T) {
	seen := map[string]string{}
	for _, more := range []string{"", "concurrency: {start: 4}\n", "concurrency: {step: 4}\n", "concurrency: {max: 4}\n", "growth: {by: time}\n", "growth: {prompts: prewarmed}\n", "growth: {hold: 4}\n", "growth: {at_end: hold}\n", "duration: 1h\n"} {
		d := must(t, sustainedFile(more), Options{}).Digest
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q have one digest", more, other)
		}
		seen[d] = more
	}
}

// TestEdgesOfASearchHaveNoLevel: a curve of sustained mode is of no one level, wherever a
// condition chooses curves.
func TestEdgesOfASearchHaveNoLevel(t *testing.T) {
	for _, at := range []string{"thresholds: [{expect: edge1 > 1k, where: WHERE}]\n", "compare: {gate: [{metric: edge1, where: WHERE}]}\n"} {
		must(t, sustainedFile(strings.Replace(at, "WHERE", "context == 8k", 1)), Options{})
		_, problems := Load("x", []byte(sustainedFile(strings.Replace(at, "WHERE", "concurrency == 4", 1))), Options{})
		if codesOf(problems) != "condition-scope" || !strings.HasSuffix(problems[0].Path, "/where") {
			t.Errorf("%s: %s", at, Render(problems, false))
		}
	}
}
