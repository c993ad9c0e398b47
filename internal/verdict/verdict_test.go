package verdict

import (
	"strings"
	"testing"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// gate compiles a threshold the way a file's is.
func gate(t *testing.T, expect, where string) []scenario.Gate {
	t.Helper()
	line := "\nthresholds:\n  - expect: " + expect + "\n"
	if where != "" {
		line += "    where: " + where + "\n"
	}
	plan, problems := scenario.Load("x.yaml", []byte("name: x\ntarget: http://localhost:1\ncontexts: [8k]\nworking_set: [100k, 400k]\nhit_rates: [0, 100]\nmode: fixed\nconcurrency: [4, 8]\n"+line), scenario.Options{})
	if plan == nil {
		t.Fatalf("%s where %s: %v", expect, where, problems)
	}
	return plan.Thresholds
}

func merged(size int64, level int, v result.Validity, ttft metric.Value) *result.Merged {
	m := &result.Merged{Spec: scenario.Cell{Key: "cell", Context: 8000, HitRate: 100, WorkingSet: size}, Level: level, Validity: v, Row: metric.Row{}}
	result.SetAxes(m.Row, m.Spec, level)
	m.Row.Set("ttft.p95", ttft)
	if v == result.ValidInvalid {
		m.Reasons = []result.Reason{{Code: "errors", Class: v}}
	}
	return m
}

func TestPoints(t *testing.T) {
	ok, doubt, invalid, skipped, failed := result.ValidOK, result.ValidDoubt, result.ValidInvalid, result.ValidSkipped, result.ValidFailed
	fast, slow, atLeast := metric.Of(.2), metric.Of(3), metric.Lower(1)
	for _, c := range []struct {
		name             string
		points           []*result.Merged
		expect, where    string
		want             Outcome
		judged, doubtful int
		against          string
	}{
		{"all hold", []*result.Merged{merged(100e3, 4, ok, fast), merged(400e3, 4, ok, fast)}, "ttft.p95 < 2s", "", Pass, 2, 0, ""},
		{"one crosses", []*result.Merged{merged(100e3, 4, ok, fast), merged(400e3, 4, ok, slow)}, "ttft.p95 < 2s", "", Fail, 2, 0, "cell conc 4"},
		{"where leaves it out", []*result.Merged{merged(100e3, 4, ok, fast), merged(400e3, 4, ok, slow)}, "ttft.p95 < 2s", "working_set <= 100k", Pass, 1, 0, ""},
		{"no data", []*result.Merged{merged(100e3, 4, ok, metric.Value{})}, "ttft.p95 < 2s", "", NoVerdict, 1, 0, "no data for ttft.p95"},
		{"a crossing beats missing data", []*result.Merged{merged(100e3, 4, ok, metric.Value{}), merged(100e3, 8, ok, slow)}, "ttft.p95 < 2s", "", Fail, 2, 0, "cell conc 8"},
		{"invalid gives none", []*result.Merged{merged(100e3, 4, ok, fast), merged(100e3, 8, invalid, fast)}, "ttft.p95 < 2s", "", NoVerdict, 2, 0, "invalid: errors"},
		{"failed gives none", []*result.Merged{merged(100e3, 4, failed, metric.Value{})}, "ttft.p95 < 2s", "", NoVerdict, 1, 0, "failed"},
		{"doubtful counts and says so", []*result.Merged{merged(100e3, 4, doubt, fast)}, "ttft.p95 < 2s", "", Pass, 1, 1, ""},
		{"skipped takes no part", []*result.Merged{merged(100e3, 4, ok, fast), merged(100e3, 8, skipped, metric.Value{})}, "ttft.p95 < 2s", "", Pass, 1, 0, ""},
		{"none is left", []*result.Merged{merged(100e3, 4, skipped, metric.Value{})}, "ttft.p95 < 2s", "", NoVerdict, 0, 0, ""},
		{"a lower bound above the line", []*result.Merged{merged(100e3, 4, ok, metric.Lower(3))}, "ttft.p95 < 2s", "", Fail, 1, 0, "cell conc 4"},
		{"a lower bound below the line", []*result.Merged{merged(100e3, 4, ok, atLeast)}, "ttft.p95 < 2s", "", NoVerdict, 1, 0, "lower bound"},
	} {
		f := Thresholds(&result.Summary{Merged: c.points}, gate(t, c.expect, c.where))[0]
		if f.Outcome != c.want || f.Judged != c.judged || f.Doubtful != c.doubtful {
			t.Errorf("%s: %s, %d judged, %d doubtful; want %s, %d, %d", c.name, f.Outcome, f.Judged, f.Doubtful, c.want, c.judged, c.doubtful)
		}
		if got := describe(f); c.against != "" && !strings.Contains(got, c.against) || (c.against == "") != (got == "") {
			t.Errorf("%s: against %q, want %q", c.name, got, c.against)
		}
		if c.judged == 0 && f.Reason == "" {
			t.Errorf("%s: no reason", c.name)
		}
	}
}

func describe(f Finding) string {
	var s []string
	for _, p := range f.Against {
		s = append(s, p.Name+" "+p.Why)
	}
	return strings.TrimSpace(strings.Join(s, "; "))
}

func TestEdges(t *testing.T) {
	found := &result.Series{SeriesKey: result.SeriesKey{Context: 8000, HitRate: 100, Level: 4}, Trial: 1, Farthest: 900_000,
		Series: tier.Series{Transitions: []tier.Transition{{Lo: 150_000, Hi: 250_000, From: "hbm", To: "dram"}}}}
	none := &result.Series{SeriesKey: result.SeriesKey{Context: 8000, HitRate: 100, Level: 8}, Trial: 1, Farthest: 900_000}
	points := []*result.Merged{merged(100e3, 4, result.ValidOK, metric.Of(1)), merged(400e3, 4, result.ValidDoubt, metric.Of(1)), merged(100e3, 8, result.ValidOK, metric.Of(1))}
	sum := &result.Summary{Merged: points, Series: []*result.Series{found, none}}
	for _, c := range []struct {
		expect, where    string
		want             Outcome
		judged, doubtful int
	}{
		{"edge1 > 100k", "", Pass, 2, 1}, // the second series has none up to 900k: a lower bound
		{"edge1 > 200k", "", Fail, 2, 1},
		{"edge1 > 200k", "concurrency == 8", Pass, 1, 0},
		{"edge1 > 2M", "concurrency == 8", NoVerdict, 1, 0}, // beyond what was measured
		{"edge2 > 500k", "concurrency == 4", Pass, 1, 1},
	} {
		f := Thresholds(sum, gate(t, c.expect, c.where))[0]
		if f.Outcome != c.want || f.Judged != c.judged || f.Doubtful != c.doubtful {
			t.Errorf("%s where %s: %s, %d judged, %d doubtful; want %s, %d, %d", c.expect, c.where, f.Outcome, f.Judged, f.Doubtful, c.want, c.judged, c.doubtful)
		}
	}
	sum.Series = nil
	if f := Thresholds(sum, gate(t, "edge1 > 100k", "concurrency == 4"))[0]; f.Outcome != NoVerdict || f.Against[0].Why != "no valid point" {
		t.Errorf("without a series: %+v", f)
	}
	if got := Code(Thresholds(sum, append(gate(t, "ttft.p95 < 2s", ""), gate(t, "edge1 > 100k", "")...))); got != ExitNoVerdict {
		t.Errorf("exit code %d, want %d", got, ExitNoVerdict)
	}
}

// A size that a set grew to is named with its own size, and a series of sizes that held
// different levels has one set of edges.
func TestGrowingSets(t *testing.T) {
	grown := func(size int64, level int, v result.Validity, ttft metric.Value) *result.Merged {
		m := merged(size, level, v, ttft)
		m.Spec.Steps = make([]scenario.Step, 3)
		return m
	}
	points := []*result.Merged{grown(100e3, 24, result.ValidOK, metric.Of(.2)), grown(400e3, 12, result.ValidDoubt, metric.Of(3)), grown(900e3, 0, result.ValidSkipped, metric.Value{})}
	found := &result.Series{SeriesKey: points[0].Series(), Trial: 1, Farthest: 900_000, Series: tier.Series{Transitions: []tier.Transition{{Lo: 150_000, Hi: 250_000}}}, At: []int{24}}
	sum := &result.Summary{Merged: points, Series: []*result.Series{found}}
	for _, c := range []struct {
		expect, where, against string
		want                   Outcome
		judged                 int
	}{
		{"ttft.p95 < 2s", "", "cell at 400k conc 12", Fail, 2},
		{"ttft.p95 < 2s", "concurrency >= 8", "cell at 400k conc 12", Fail, 2},
		{"edge1 > 100k", "", "", Pass, 1},
		{"edge1 > 200k", "", "context 8k, hit rate 100%", Fail, 1},
		{"edge1 > 100k", "concurrency == 4", "", NoVerdict, 0}, // no size held 4
	} {
		f := Thresholds(sum, gate(t, c.expect, c.where))[0]
		if f.Outcome != c.want || f.Judged != c.judged || describe(f) != c.against {
			t.Errorf("%s where %s: %s, %d judged, against %q; want %s, %d, %q", c.expect, c.where, f.Outcome, f.Judged, describe(f), c.want, c.judged, c.against)
		}
	}
}

// edge.NAME and tier_share.NAME are read by the names that the scenario states.
func TestStatedTiers(t *testing.T) {
	sc := &scenario.Scenario{Target: scenario.Target{Tiers: []scenario.Tier{{Name: "hbm", Capacity: 1}, {Name: "cpu-dram", Capacity: 1}}}}
	series := &result.Series{SeriesKey: result.SeriesKey{Context: 8000, HitRate: 100, Level: 4}, Trial: 1, Farthest: 900_000,
		Series: tier.Series{Tiers: []string{"hbm", "cpu-dram"}, Transitions: []tier.Transition{{Lo: 150_000, Hi: 250_000, From: "hbm", To: "cpu-dram"}}}}
	point := merged(100e3, 4, result.ValidOK, metric.Of(1))
	point.Row.Set("tier_share.local", metric.Of(95))
	sum := &result.Summary{Run: &result.Run{Scenario: sc}, Merged: []*result.Merged{point}, Series: []*result.Series{series}}
	for expect, want := range map[string]Outcome{
		"edge.hbm > 100k": Pass, "edge.hbm > 200k": Fail,
		"edge.cpu-dram > 800k": Pass, "edge.cpu-dram > 1M": NoVerdict, // none up to 900k
		"edge.cpu-dram > 5 * edge.hbm": Pass, "edge.hbm == edge1": Pass,
		"tier_share.hbm > 90%": Pass, "tier_share.hbm > 99%": Fail, "tier_share.cpu-dram < 10%": NoVerdict, // not told
	} {
		c, err := scenario.Compile(expect, scenario.ExpectScope, sc.Target.TierNames()...)
		if err != nil {
			t.Fatal(err)
		}
		if f := Thresholds(sum, []scenario.Gate{{Expect: c}})[0]; f.Outcome != want || f.Judged != 1 {
			t.Errorf("%s: %+v, want %s", expect, f, want)
		}
	}
}
