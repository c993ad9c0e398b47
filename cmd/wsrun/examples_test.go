package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// scaled is what makes an example small enough for the simulator and a test, beside the
// server: sizes divided, windows short. What an example is about stays as it is: its mode,
// hit rates, trials, spacing, base, headers, stops and output.
var scaled = map[string][]string{
	"fixed":     {"contexts=[1k]", "concurrency=[2]", "duration={min: 200ms, max: 1s}", "assessment_period=100ms", "output_tokens=4", "trials=1"},
	"sustained": {"contexts=[1k]", "concurrency={start: 1, step: 1, max: 4}", "duration=3s", "assessment_period=100ms", "output_tokens=4"},
	"map":       {"contexts=[1k]", "working_set.max=64k"},
}

// sizesOf writes the sizes of a working set small, in the form that they have.
func sizesOf(sc *scenario.Scenario, src string) []string {
	switch {
	case sc.Mode == "map":
		return nil
	case strings.Contains(src, "working_set: ["):
		return []string{"working_set=[4k, 8k]"}
	}
	return []string{"working_set.min=4k", "working_set.max=16k", "working_set.steps=3"}
}

// Every example runs on the simulator, scaled down: nothing in it is there for show.
func TestExamplesScaledDown(t *testing.T) {
	t.Parallel()
	const from = "../../examples/scenarios"
	files, err := filepath.Glob(from + "/*.yaml")
	if err != nil || len(files) < 18 {
		t.Fatalf("examples: %d %v", len(files), err)
	}
	for _, file := range files {
		base := filepath.Base(file)
		if strings.HasPrefix(base, "_") {
			continue
		}
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sc := loaded(t, dir, base)
			args := []string{"run", base, "--target", "simulator", "--output-dir", "results", "--set", "target.model=auto"}
			if sc.Target.APIKeyEnv != defaultKeyEnv {
				args = append(args, "--set", "target.api_key_env="+defaultKeyEnv) // no key is set in a test
			}
			for _, set := range slices.Concat(scaled[sc.Mode], sizesOf(sc, string(src))) {
				args = append(args, "--set", set)
			}
			if sc.Growth.By == "time" { // each size has its share of it, however busy the machine is
				args = append(args, "--set", "duration=12s")
			}
			if sc.Repeats > 1 {
				args = append(args, "--set", "repeats=1")
			}
			if len(sc.Thresholds) > 0 {
				args = append(args, "--set", "thresholds=[]") // its lines are for its own sizes
			}
			must(t, 0, dir, args...)
			sum := result.Summarise(readRecord(t, runDir(t, dir, sc.Name)))
			if len(sum.Points) == 0 {
				t.Fatal("no point")
			}
			for _, p := range sum.Points {
				if p.Row.Get("completed").V == 0 || p.Row.Get("error_rate").V != 0 {
					t.Errorf("%s at %d: %v completed, %v %% errors", p.Cell, p.Level, p.Row.Get("completed").V, p.Row.Get("error_rate").V)
				}
			}
		})
	}
}

// loaded gives an example as it is written.
func loaded(t *testing.T, dir, base string) *scenario.Scenario {
	t.Helper()
	path := filepath.Join(dir, base)
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := scenario.Load(base, src, scenario.Options{ReadFile: func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(dir, name))
	}})
	if plan == nil {
		t.Fatal(scenario.Render(problems, false))
	}
	return plan.Scenario
}
