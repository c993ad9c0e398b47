package scenario

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const examplesDir = "examples/scenarios"

// aboutWarnings are the warnings that an example is about.
var aboutWarnings = map[string]string{"examples/scenarios/seed-sustained.yaml": "may-not-converge"}

// TestExamples: every example is valid, without a warning but what it is about,
// and can be planned.
func TestExamples(t *testing.T) {
	t.Chdir("..") // profiles are read below the working directory
	files, err := Files([]string{examplesDir})
	if err != nil {
		t.Fatal(err)
	}
	plans, problems := LoadFiles(files, museumOptions())
	for _, p := range problems {
		if aboutWarnings[filepath.ToSlash(p.File)] != p.Code {
			t.Errorf("problem:\n%s", Render([]Problem{p}, false))
		}
	}
	if len(plans) < 18 {
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
		if e := plan.Estimate(); e.Points == 0 || e.MinMeasured == 0 && plan.Scenario.Mode != mapped || e.PeakStreams == 0 {
			t.Errorf("%s: estimate %+v", files[i], e)
		}
	}
}

func example(t *testing.T, name string) *Plan {
	t.Helper()
	t.Chdir("..")
	defer t.Chdir("scenario")
	path := filepath.Join(examplesDir, name+".yaml")
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	plan, problems := Load(path, src, museumOptions())
	if plan == nil {
		t.Fatalf("refused:\n%s", Render(problems, false))
	}
	return plan
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

// TestSeedSustained: the original's sustained command line, size by size.
func TestSeedSustained(t *testing.T) {
	plan := example(t, "seed-sustained")
	if len(plan.Cells) != 1 {
		t.Fatalf("%d cells", len(plan.Cells))
	}
	c, sc := plan.Cells[0], plan.Scenario
	if c.Key != "ctx10000_ws2000000_cache90" || c.R != 10240 || c.Prefix != 9216 {
		t.Errorf("cell %+v", c)
	}
	var sizes []string
	for _, s := range c.Steps {
		sizes = append(sizes, FormatSize(s.WorkingSet)+"/"+strconv.Itoa(s.Prompts))
	}
	// numpy.linspace(100000, 2000000, 5) and ceil(size / 10240)
	if got, want := strings.Join(sizes, " "), "100k/10 575k/57 1.05M/103 1.525M/149 2M/196"; got != want {
		t.Errorf("sizes %s, want %s", got, want)
	}
	if sc.Growth.By != "time" || sc.Growth.Prompts != "cold" || sc.Duration.Max != seconds(600) || sc.Search != (Search{2, 2, 1000}) || sc.SLO.TTFT[0] != (Line{"p95", 5}) {
		t.Errorf("%+v", sc)
	}
	if len(plan.Warnings) != 1 || !strings.Contains(string(plan.Source), "duration: 40m") || !strings.Contains(plan.Warnings[0].Message, "duration: 40m would do") {
		t.Errorf("the duration that would converge: %+v", plan.Warnings)
	}
}

// TestSustainedExample works out by hand that the example has two sizes on either
// side of hbm's end (200k tokens), that each has a level between 10 and 40 which
// bears the slo, that growth shows as a transition, and that a period has what the
// controller asks for.
func TestSustainedExample(t *testing.T) {
	plan := example(t, "sustained")
	const base, prefill, load, decode = .010, 25e-6, 6e-6, .002
	c, sc := plan.Cells[0], plan.Scenario
	d := float64(sc.OutputTokens-1) * decode
	limit := sc.SLO.TTFT[0].Limit * (1 - sc.SLO.Margin/100)
	period := time.Duration(sc.Assessment).Seconds()
	cold := base + float64(c.R)*prefill
	var levels []int
	var turns []float64
	for _, s := range c.Steps {
		turn := base + 16*prefill // the last block is never reused
		if s.ReuseDistance > 200_000 {
			turn += float64(c.R-16) * load
		}
		level := int((limit + d) / turn) // TTFT = level x turn - d
		ttft := float64(level)*turn - d
		if level < 10 || level > 40 || level > s.Prompts || level > sc.Search.Max {
			t.Errorf("%s: level %d of %d prompts", FormatSize(s.WorkingSet), level, s.Prompts)
		}
		if first := ttft + 20*turn; first > period {
			t.Errorf("%s: the first 20 of a level take %.2f s", FormatSize(s.WorkingSet), first)
		}
		if pooled := 6 * period / turn; pooled < 0.9*float64(s.Prompts) || pooled < 100 {
			t.Errorf("%s: a point has about %.0f requests for %d prompts", FormatSize(s.WorkingSet), pooled, s.Prompts)
		}
		levels, turns = append(levels, level), append(turns, turn)
	}
	if len(levels) != 4 || levels[0] != levels[1] || levels[2] != levels[3] || levels[0] == levels[3] || turns[0] != turns[1] || turns[2] != turns[3] {
		t.Fatalf("levels %v, turns %v: want two sizes on either side", levels, turns)
	}
	before, after := float64(levels[0])*turns[1]-d, float64(levels[0])*turns[2]-d
	if after < 2*before {
		t.Errorf("at level %d TTFT goes from %.3f to %.3f s", levels[0], before, after)
	}
	warm := cold * float64(c.Steps[0].Prompts)
	if total := warm + time.Duration(sc.Duration.Max).Seconds(); total > 110 {
		t.Errorf("a run takes up to %.0f s", total)
	}
	ingest := cold * float64(c.Prompts-c.Steps[0].Prompts)
	if left := (time.Duration(sc.Duration.Max).Seconds() - ingest) / 4 / period; left < firstPeriods {
		t.Errorf("%.1f periods a size are left beside the ingest", left)
	}
}

// TestStatedTiersExample works out by hand that what the example states is what its
// simulator holds (200k and 600k tokens) and that two sizes lie on each plateau, so that
// the edges fit as an exclusive tier and as no inclusive one.
func TestStatedTiersExample(t *testing.T) {
	plan := example(t, "stated-tiers")
	to := plan.Scenario.Target
	const hbm, dram = 200_000, 600_000
	// 25 GiB / 128 KiB = 204,800: within 2.5 % of what the simulator has.
	for i, want := range []int64{hbm, dram} {
		if got := to.Tiers[i].Capacity; got < want || float64(got) > 1.025*float64(want) {
			t.Errorf("%s: %d tokens stated, the simulator has %d", to.Tiers[i].Name, got, want)
		}
	}
	if to.GPUs != 2 || to.Tiers[1].Bandwidth != 30e9 || to.KVBytesPerToken/5e-6 > to.Tiers[1].Bandwidth {
		t.Errorf("%+v", to)
	}
	count := map[string]int{}
	for _, c := range plan.Cells {
		switch d := c.ReuseDistance; {
		case d < hbm:
			count["hbm"]++
		case d < dram:
			count["dram, before its own size"]++
		case d < hbm+dram:
			count["dram, beyond it"]++
		default:
			count["recompute"]++
		}
	}
	if count["hbm"] < 2 || count["recompute"] < 2 || count["dram, before its own size"] < 2 || count["dram, beyond it"] < 1 {
		t.Errorf("points on the plateaus: %v", count)
	}
}

// TestMapExample works out by hand that both edges of the profile small lie within what
// the example may send, that a map of them takes seconds, and that its thresholds hold.
func TestMapExample(t *testing.T) {
	plan := example(t, "map")
	const base, prefill, load = .005, 50e-6, 5e-6
	c, sc := plan.Cells[0], plan.Scenario
	cold, dram := base+float64(c.R)*prefill, base+float64(c.R)*load
	if far := MapFactor * 800_000; sc.Map.Max < int64(far) {
		t.Errorf("looks as far as %d tokens, %.0f may be sent", sc.Map.Max, far)
	}
	sent := MapFactor * 800_000 / float64(c.R)
	if total := sent/float64(sc.Warmup.Concurrency)*cold + mapLooks*cold; total > 30 {
		t.Errorf("takes up to %.0f s", total)
	}
	if dram > .025 || cold < .1 {
		t.Errorf("50 ms do not lie between dram (%.3f s) and cold (%.3f s)", dram, cold)
	}
	if len(plan.Thresholds) != 3 || !plan.Thresholds[0].OnEdges() || plan.Thresholds[2].OnEdges() {
		t.Errorf("thresholds %+v", sc.Thresholds)
	}
}
