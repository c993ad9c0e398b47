package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const examplesDir = "../examples/scenarios"

// TestExamples: every example is valid, without a warning but what it is about,
// and can be planned.
func TestExamples(t *testing.T) {
	files, err := Files([]string{examplesDir})
	if err != nil {
		t.Fatal(err)
	}
	plans, problems := LoadFiles(files, museumOptions())
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", Render(problems, false))
	}
	if len(plans) < 5 {
		t.Fatalf("%d examples", len(plans))
	}
	for i, plan := range plans {
		first, _, _ := strings.Cut(string(plan.Source), "\n")
		if first != "# yaml-language-server: $schema=../../schema/scenario.schema.json" {
			t.Errorf("%s begins %q", files[i], first)
		}
		if want := strings.TrimSuffix(filepath.Base(files[i]), ".yaml"); plan.Scenario.Name != want {
			t.Errorf("%s is named %s", files[i], plan.Scenario.Name)
		}
		if e := plan.Estimate(); e.Points == 0 || e.MinMeasured == 0 || e.PeakStreams == 0 {
			t.Errorf("%s: estimate %+v", files[i], e)
		}
	}
}

func example(t *testing.T, name string) *Plan {
	t.Helper()
	path := filepath.Join(examplesDir, name+".yaml")
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return must(t, string(src), museumOptions())
}

// TestQuickstart works out by hand that both edges of the profile small (200k and
// 800k tokens) have two points on each side, and that a run is short.
func TestQuickstart(t *testing.T) {
	plan := example(t, "quickstart")
	const base, prefill, load, decode = 5 * time.Millisecond, 50 * time.Microsecond, 5 * time.Microsecond, 2 * time.Millisecond
	count := map[string]int{}
	var total time.Duration
	for _, c := range plan.Cells {
		level := c.Levels[0]
		if c.Prompts < level {
			t.Errorf("%s: %d prompts for %d streams", c.Key, c.Prompts, level)
		}
		cold := base + time.Duration(c.R)*prefill
		ttft, plateau := base, "hbm"
		// What is in flight (16 tokens of output each) blurs the edge by little.
		switch margin := int64(level * 16 * 2); {
		case c.ReuseDistance > 800_000+margin:
			ttft, plateau = cold, "recompute"
		case c.ReuseDistance > 200_000+margin && c.ReuseDistance < 800_000-margin:
			ttft, plateau = base+time.Duration(c.R)*load, "dram"
		case c.ReuseDistance > 200_000-margin:
			t.Errorf("%s lies on an edge", c.Key)
		}
		count[plateau]++
		each := ttft + 15*decode
		rate := float64(level) / each.Seconds()
		need := max(59, 0.9*float64(c.Prompts)-float64(level)) // warm-in touches a round
		window := max(time.Duration(plan.Scenario.Duration.Min), (time.Duration(need/rate*float64(time.Second)) + time.Second).Truncate(time.Second))
		if window > time.Duration(plan.Scenario.Duration.Max) {
			t.Errorf("%s needs %s", c.Key, window)
		}
		warm := cold * time.Duration((c.Prompts+15)/16)
		total += warm + window + 2*each + 500*time.Millisecond
	}
	if count["hbm"] < 2 || count["dram"] < 2 || count["recompute"] < 2 {
		t.Errorf("points on the plateaus: %v", count)
	}
	if total > 40*time.Second {
		t.Errorf("a run takes about %s", total)
	}
}

// TestSeedCommandLines: the original's three fixed command lines, size by size.
func TestSeedCommandLines(t *testing.T) {
	for name, want := range map[string]struct {
		cells  int
		levels int
	}{"seed-memory-tier": {10, 4}, "seed-multi-tier": {1 + 2*5, 3}, "seed-threshold": {8, 5}} {
		plan := example(t, name)
		if len(plan.Cells) != want.cells || len(plan.Cells[0].Levels) != want.levels {
			t.Errorf("%s: %d cells x %d levels, want %v", name, len(plan.Cells), len(plan.Cells[0].Levels), want)
		}
		for _, c := range plan.Cells {
			if c.R != 30208 {
				t.Errorf("%s: R = %d", name, c.R)
			}
		}
	}
	if slo := example(t, "seed-threshold").Scenario.SLO; len(slo.TTFT) != 1 || slo.TTFT[0] != (Line{"p95", 3}) {
		t.Errorf("seed-threshold: slo %+v", slo)
	}
}
