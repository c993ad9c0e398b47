package report

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// examplePlans are the scenarios that users read.
func examplePlans(t *testing.T) []*scenario.Plan {
	t.Helper()
	files, err := filepath.Glob("../../examples/scenarios/[^_]*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var plans []*scenario.Plan
	for _, file := range files {
		got, _ := scenario.LoadFiles([]string{file}, scenario.Options{Target: "http://localhost:8000", AllowCommands: true})
		plans = append(plans, got...) // what needs more from the command line has tests of its own
	}
	if len(plans) < len(files)/2 {
		t.Fatalf("%d of %d examples can be planned", len(plans), len(files))
	}
	return plans
}

// TestPlanIsAsWideAsTheTerminal: at 80 columns no line is wider, but for one word that is.
func TestPlanIsAsWideAsTheTerminal(t *testing.T) {
	for _, p := range examplePlans(t) {
		for _, width := range []int{80, 60} {
			var out bytes.Buffer
			if err := Plan(&out, p, Prefill{Rate: 20_000, From: "the warm-ups of results/some/20261124_120000-abcdef"}, Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(out.String(), "\n") {
				if term.Len(line) > width && strings.Contains(strings.TrimLeft(line, " "), " ") {
					t.Errorf("%s at %d columns: %q has %d", p.Scenario.Name, width, line, term.Len(line))
				}
			}
		}
	}
}

// TestPlanOfOne: what there is one of is not written in the plural.
func TestPlanOfOne(t *testing.T) {
	for _, text := range []string{
		"name: one\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: [100k]\nmode: fixed\nconcurrency: [1]\nwarmup: {concurrency: 1}\n",
		"name: one\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: {max: 100k}\nmode: map\nwarmup: {concurrency: 1}\n",
	} {
		p, problems := scenario.Load("one.yaml", []byte(text), scenario.Options{})
		if p == nil {
			t.Fatal(scenario.Render(problems, false))
		}
		var out bytes.Buffer
		if err := Plan(&out, p, Prefill{}, Options{}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "at most 1 request in flight\n") {
			t.Errorf("%s", out.String())
		}
	}
}

// TestPlanAt60Columns shows what a narrow terminal leaves of a plan.
func TestPlanAt60Columns(t *testing.T) {
	var out bytes.Buffer
	for _, text := range []string{
		"name: narrow\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: [4k, 100k, 2M]\nmode: fixed\nconcurrency: [10, 20, 40]\nslo: {ttft: {p95: 2s}}\n",
		"name: growing\ntarget: http://localhost:8000\ncontexts: [8k]\nworking_set: [100k, 2M]\nslo: {ttft: {p99: 2s}}\n",
	} {
		p, problems := scenario.Load("narrow.yaml", []byte(text), scenario.Options{})
		if p == nil {
			t.Fatal(scenario.Render(problems, false))
		}
		if err := Plan(&out, p, Prefill{Rate: 1000, From: "--prefill-rate"}, Options{Width: 60}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "plan-60.txt", out.Bytes())
}

// TestPlanNeedsWhatPointsNeed: a plan asks for the samples that the run holds its points
// to.
func TestPlanNeedsWhatPointsNeed(t *testing.T) {
	for _, p := range examplePlans(t) {
		n := p.Needs()
		if !slices.Equal(n.Named, result.Evidence(p.Scenario)) {
			t.Errorf("%s: planned for %v, held to %v", p.Scenario.Name, n.Named, result.Evidence(p.Scenario))
		}
		if len(n.Named) > 0 && p.Scenario.Mode == "fixed" && n.Samples != result.FirstTokensNeeded(p.Scenario) {
			t.Errorf("%s: planned for %d samples, held to %d", p.Scenario.Name, n.Samples, result.FirstTokensNeeded(p.Scenario))
		}
	}
}
