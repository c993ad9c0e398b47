package migrate_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/scenario"
)

var update = flag.Bool("update", false, "write the expected scenarios in testdata anew")

// translated gives the scenario of a call, and its plan. It must load without a problem
// that is no warning.
func translated(t *testing.T, text string) (migrate.Result, *scenario.Plan) {
	t.Helper()
	r, problems := migrate.Scenario(text, migrate.Options{Schema: "./scenario.schema.json", Else: "moved"})
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	plan, found := scenario.Load("moved.yaml", []byte(r.Text), scenario.Options{})
	if plan == nil {
		t.Fatalf("%s\n%s", scenario.Render(found, false), r.Text)
	}
	return r, plan
}

// required is the shortest call that the original runs.
const required = "python working_set_tester.py --api-endpoint http://localhost:8000 --context-sizes 30000 --min-working-set-size 100000 --max-working-set-size 5000000 --working-set-increments 10 "

// Every call in testdata becomes the scenario beside it.
func TestGolden(t *testing.T) {
	calls, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(calls) < 6 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	for _, call := range calls {
		text, err := os.ReadFile(call)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := translated(t, string(text))
		golden := strings.TrimSuffix(call, ".txt") + ".yaml"
		if *update {
			if err := os.WriteFile(golden, []byte(r.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if r.Text != string(want) {
			t.Errorf("%s:\n got\n%s\nwant\n%s", golden, r.Text, want)
		}
	}
}

// original is what the original would do with a call, as its code computes it.
type original struct {
	mode     string
	sizes    []int64 // asked for
	prompts  []int   // of each size
	levels   []int
	rates    []float64
	seconds  int64 // of a level, or of the whole sustained test
	repeats  int
	maxTTFT  float64
	warmups  int // requests in flight during warm-up
	contexts []int64
}

// The four calls of the original's description plan to what the original did: sizes as
// numpy.linspace cut down to whole numbers, prompts rounded up, growth in equal parts.
func TestExamplesPlanAsTheOriginal(t *testing.T) {
	linspace := func(lo, hi float64, n int) []int64 {
		var out []int64
		for i := range n {
			out = append(out, int64(lo+(hi-lo)*float64(i)/float64(n-1)))
		}
		return out
	}
	up := func(n, by int64) int64 { return (n + by - 1) / by }
	const chunk = 256
	promptsOf := func(context int64, sizes []int64) (out []int) {
		r := up(context, chunk) * chunk
		for _, s := range sizes {
			out = append(out, int(max(1, up(s, r))))
		}
		return out
	}
	memory, multi, threshold := linspace(100e3, 5e6, 10), linspace(500e3, 10e6, 5), linspace(1e6, 20e6, 8)
	for name, want := range map[string]original{
		"memory-tier": {mode: "fixed", sizes: memory, prompts: promptsOf(30000, memory), levels: []int{10, 20, 40, 80}, rates: []float64{100}, seconds: 60, repeats: 3, warmups: 16, contexts: []int64{30000}},
		"multi-tier":  {mode: "fixed", sizes: multi, prompts: promptsOf(30000, multi), levels: []int{20, 40, 80}, rates: []float64{0, 50, 100}, seconds: 60, repeats: 3, warmups: 16, contexts: []int64{30000}},
		"threshold":   {mode: "fixed", sizes: threshold, prompts: promptsOf(30000, threshold), levels: []int{10, 20, 40, 80, 160}, rates: []float64{100}, seconds: 60, repeats: 3, maxTTFT: 3, warmups: 16, contexts: []int64{30000}},
		// 10 prompts of 10240 tokens grow to 196 by 47, 47, 46, 46.
		"sustained": {mode: "sustained", sizes: []int64{100000, 575000, 1050000, 1525000, 2000000}, prompts: []int{10, 57, 104, 150, 196}, rates: []float64{90}, seconds: 600, maxTTFT: 5, warmups: 16, contexts: []int64{10000}},
	} {
		text, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, plan := translated(t, string(text))
		holdAgainst(t, name, plan, want)
	}
}

func holdAgainst(t *testing.T, name string, plan *scenario.Plan, want original) {
	t.Helper()
	sc := plan.Scenario
	if sc.Mode != want.mode || !slices.Equal(sc.WorkingSet.Sizes, want.sizes) || !slices.Equal(sc.Concurrency, want.levels) || !slices.Equal(sc.HitRates, want.rates) || !slices.Equal(sc.Contexts, want.contexts) {
		t.Errorf("%s: %s of sizes %v, levels %v, rates %v, contexts %v; want %+v", name, sc.Mode, sc.WorkingSet.Sizes, sc.Concurrency, sc.HitRates, sc.Contexts, want)
	}
	whole := scenario.Duration(time.Duration(want.seconds) * time.Second)
	if !sc.Duration.Exact() || sc.Duration.Max != whole || sc.Repeats != want.repeats || sc.Warmup.Concurrency != want.warmups {
		t.Errorf("%s: duration %v, repeats %d, warm-up of %d; want %+v", name, sc.Duration, sc.Repeats, sc.Warmup.Concurrency, want)
	}
	var limit float64
	for _, l := range sc.SLO.TTFT {
		if limit = l.Limit; l.Stat != "p95" {
			t.Errorf("%s: a limit on ttft.%s", name, l.Stat)
		}
	}
	if limit != want.maxTTFT {
		t.Errorf("%s: ttft below %g, want %g", name, limit, want.maxTTFT)
	}
	var prompts []int
	for _, c := range plan.Cells {
		for _, s := range c.Steps {
			prompts = append(prompts, s.Prompts)
		}
		if len(c.Steps) == 0 && c.HitRate == 100 {
			prompts = append(prompts, c.Prompts)
		}
	}
	if len(prompts) != len(want.prompts) {
		t.Fatalf("%s: prompts %v, want %v", name, prompts, want.prompts)
	}
	for i, p := range prompts {
		// Sizes between the ends of a growing set are equally far apart, in the original
		// their prompts are: one prompt of difference.
		if off := p - want.prompts[i]; off != 0 && (want.mode == "fixed" || off < -1 || off > 1) {
			t.Errorf("%s: prompts %v, want %v", name, prompts, want.prompts)
		}
	}
}

// values are what each option can be called with.
var values = map[string]string{
	"--api-endpoint": "http://gpu-1:8000", "--context-sizes": "8000 32000", "--min-working-set-size": "200000", "--max-working-set-size": "900000",
	"--working-set-increments": "7", "--mode": "fixed", "--fixed-concurrency-levels": "3 9", "--assessment-period": "20", "--max-ttft": "2.5",
	"--min-tokens-per-req": "12.5", "--ttft-metric": "avg", "--output-dir": "out_x", "--output-tokens": "99", "--tokenizer": "Qwen/Q", "--test-duration": "777",
	"--ramp-duration": "77", "--cache-hit-rates": "40 80", "--reinit-strategy": "per_test", "--random-working-set-selection": "", "--num-retries": "5",
	"--start-concurrency": "3", "--concurrency-increment": "5", "--max-concurrency": "444", "--init-concurrency": "11", "--chunk-size": "64", "--seed": "1234",
	"--kv-cache-quantization": "1", "--strict-time-window": "", "--init-strategy": "max", "--skip-graphs": "", "--force-restart": "", "--verbose": "", "--brief": "",
	"--no-color": "", "--tokens-per-req-metric": "p5", "--endpoint-selection": "pinned",
}

// Every option that the language names as the original's, and every one that needs no
// key, is translated: by a line or a remark that names it, and that was not there
// without it.
func TestEveryOptionIsTold(t *testing.T) {
	known := map[string]bool{}
	for _, k := range scenario.Keys() {
		for _, o := range strings.Split(k.Original, ", ") {
			known[o] = o != ""
		}
	}
	delete(known, "")
	for _, o := range migrate.OptionNames() {
		if _, ok := migrate.NotNeeded(o); ok {
			known[o] = true
		} else if !known[o] {
			t.Errorf("%s is translated, and no key names it", o)
		}
	}
	for o := range known {
		value, ok := values[o]
		if !ok || !slices.Contains(migrate.OptionNames(), o) {
			t.Errorf("%s is not understood, or not tried here", o)
			continue
		}
		told := 0
		for _, mode := range []string{"--mode fixed --fixed-concurrency-levels 10 20 ", "--max-ttft 3 --fixed-concurrency-levels 10 ", "--max-ttft 3 --min-tokens-per-req 20 --fixed-concurrency-levels 10 "} {
			r, _ := translated(t, required+mode+o+" "+value)
			plain, _ := translated(t, required+mode)
			body := r.Text[strings.Index(r.Text, "\nname:"):]
			if strings.Contains(body, o) && body != plain.Text[strings.Index(plain.Text, "\nname:"):] {
				told++
			}
		}
		if told == 0 {
			t.Errorf("%s changes nothing in any mode", o)
		}
	}
}

// Where each option that changes what is measured arrives.
func TestOptionsArrive(t *testing.T) {
	const fixed, sustained = required + "--mode fixed --fixed-concurrency-levels 10 20 ", required + "--max-ttft 3 "
	for _, c := range []struct {
		call string
		got  func(*scenario.Scenario) any
		want any
	}{
		{fixed + "--api-endpoint http://a:1 http://b:2/v1/", func(s *scenario.Scenario) any { return strings.Join(s.Target.Endpoints, " ") }, "http://a:1 http://b:2"},
		{fixed + "--endpoint-selection pinned", func(s *scenario.Scenario) any { return s.Target.Balance }, "pinned"},
		{fixed + "--context-sizes 9000 8000 9000", func(s *scenario.Scenario) any { return len(s.Contexts) }, 2},
		{fixed + "--reinit once", func(s *scenario.Scenario) any { return s.Warmup.Rewarm }, "once"},
		{fixed + "--reinit per_test", func(s *scenario.Scenario) any { return s.Warmup.Rewarm }, "per-level"},
		{fixed + "--reinit per_working_set", func(s *scenario.Scenario) any { return s.Warmup.Rewarm }, "per-working-set"},
		{fixed + "--random", func(s *scenario.Scenario) any { return s.Access }, "uniform"},
		{fixed + "--num-retries 0", func(s *scenario.Scenario) any { return s.Repeats }, 0},
		{fixed + "--init-c 3", func(s *scenario.Scenario) any { return s.Warmup.Concurrency }, 3},
		{fixed + "--chunk 64", func(s *scenario.Scenario) any { return s.Chunk }, int64(64)},
		{fixed + "--seed -5", func(s *scenario.Scenario) any { return s.Seed }, int64(-5)},
		{fixed + "--output-tokens 1_000", func(s *scenario.Scenario) any { return s.OutputTokens }, int64(1000)},
		{fixed + "--skip", func(s *scenario.Scenario) any { return s.Output.HTML }, false},
		{fixed + "--output-dir ./a/../b/", func(s *scenario.Scenario) any { return s.Output.Dir }, "b"},
		{fixed + "--output-dir ../b", func(s *scenario.Scenario) any { return s.Output.Dir }, "results"},
		{fixed, func(s *scenario.Scenario) any { return s.Output.Dir }, "output"},
		{fixed + "--min-tokens-per-req 20 --tokens p10", func(s *scenario.Scenario) any { return s.SLO.OutputRate[0] }, scenario.Line{Stat: "p10", Limit: 20}},
		{fixed + "--fixed 20 10 10", func(s *scenario.Scenario) any { return s.Concurrency[0] }, 10},
		{fixed + "--fixed 4000", func(s *scenario.Scenario) any { return s.Target.MaxInFlight }, 4000},
		{fixed + "--working-set-increments 1", func(s *scenario.Scenario) any { return len(s.WorkingSet.Sizes) }, 1},
		{fixed + "--min-working-set-size 6000000", func(s *scenario.Scenario) any { return s.WorkingSet.Sizes[0] }, int64(5000000)},
		{fixed + "--min-working-set-size 5000000", func(s *scenario.Scenario) any { return len(s.WorkingSet.Sizes) }, 1},
		{sustained + "--min-working-set-size 6000000", func(s *scenario.Scenario) any { return s.WorkingSet.Sizes[0] }, int64(6000000)},
		{sustained, func(s *scenario.Scenario) any { return s.Growth.By + " " + s.Growth.Prompts }, "time cold"},
		{sustained + "--init-strategy max", func(s *scenario.Scenario) any { return s.Growth.Prompts }, "prewarmed"},
		{sustained, func(s *scenario.Scenario) any { return s.Search }, scenario.Search{Start: 2, Step: 2, Max: 1000}},
		{sustained + "--start 4 --concurrency-inc 8 --max-conc 2500", func(s *scenario.Scenario) any { return s.Search }, scenario.Search{Start: 4, Step: 8, Max: 2500}},
		{sustained + "--test-duration 20", func(s *scenario.Scenario) any { return s.Assessment.String() }, "20s"},
		{sustained + "--ttft-metric max --max-ttft 0.0005", func(s *scenario.Scenario) any { return s.SLO.TTFT[0] }, scenario.Line{Stat: "max", Limit: .0005}},
		{sustained, func(s *scenario.Scenario) any { return len(s.WorkingSet.Sizes) }, 11},
	} {
		if _, plan := translated(t, c.call); c.got(plan.Scenario) != c.want {
			t.Errorf("%s: %v, want %v", strings.TrimPrefix(c.call, required), c.got(plan.Scenario), c.want)
		}
	}
}

func TestRunFlagsAndName(t *testing.T) {
	const fixed = required + "--mode fixed --fixed-concurrency-levels 10 "
	for _, c := range []struct{ call, flags, name string }{
		{fixed, "", "moved"},
		{fixed + "--brief --verbose --no-color", "--verbose --brief --no-color", "moved"},
		{fixed + "--output-dir /data/Run_7/", "--output-dir /data/Run_7/", "run-7"},
		{fixed + `--output-dir 'C:\runs\A  B!'`, `--output-dir C:\runs\A  B!`, "a-b"},
		{fixed + "--output-dir ./output", "", "moved"},
		{fixed + "--output-dir " + strings.Repeat("é", 99), "", "moved"},
		{fixed + "--output-dir " + strings.Repeat("x", 99), "", strings.Repeat("x", 60)},
	} {
		r, _ := translated(t, c.call)
		if got := strings.Join(r.RunFlags, " "); got != c.flags || r.Name != c.name {
			t.Errorf("%s: flags %q, name %q; want %q, %q", c.call, got, r.Name, c.flags, c.name)
		}
	}
	if r, _ := migrate.Scenario(fixed+"--output-dir x", migrate.Options{Name: "mine", Else: "moved"}); r.Name != "mine" {
		t.Errorf("name %q", r.Name)
	}
}

// Each example that names a call of the original in its comments is what that call
// becomes: who moves over finds one answer.
func TestExamplesAgree(t *testing.T) {
	examples, err := filepath.Glob("../../examples/scenarios/seed-*.yaml")
	if err != nil || len(examples) < 4 {
		t.Fatalf("%d examples: %v", len(examples), err)
	}
	for _, file := range examples {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var call strings.Builder
		for line := range strings.Lines(string(src)) {
			if words, of := strings.CutPrefix(line, "#   "); of {
				call.WriteString(strings.TrimSpace(words) + " ")
			}
		}
		want, problems := scenario.Load(file, src, scenario.Options{})
		if want == nil {
			t.Fatal(scenario.Render(problems, false))
		}
		r, refused := migrate.Scenario(call.String(), migrate.Options{Name: want.Scenario.Name})
		if len(refused) > 0 {
			t.Fatalf("%s: %v", file, refused)
		}
		got, problems := scenario.Load(file, []byte(r.Text), scenario.Options{})
		if got == nil {
			t.Fatal(scenario.Render(problems, false))
		}
		if !reflect.DeepEqual(got.Scenario, want.Scenario) || !reflect.DeepEqual(got.Cells, want.Cells) || got.Digest != want.Digest {
			t.Errorf("%s: the call becomes\n%+v\nthe example is\n%+v", file, got.Scenario, want.Scenario)
		}
	}
}
