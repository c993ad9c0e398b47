package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
)

// The example that people run first ends with 0 in under 45 s of measuring, finds both
// tiers where the simulator's profile says (200k and 800k tokens), and leaves the files
// that the documentation lists.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join("..", "..", "examples", "scenarios", "quickstart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := workdir(t, map[string]string{"quickstart.yaml": string(src)})
	e := must(t, 0, dir, "quickstart.yaml")
	run := runDir(t, dir, "quickstart")

	rec := readRecord(t, run)
	var measured time.Duration
	for _, u := range rec.Units {
		for _, p := range u.Phases {
			if p.Phase == result.PhaseMeasure {
				measured += time.Duration(p.End - p.Start)
			}
		}
	}
	all := time.Duration(rec.Units[len(rec.Units)-1].End - rec.Units[0].Begin)
	t.Logf("measured for %v, with warm-up and drain %v", measured, all)
	if measured > 45*time.Second {
		t.Error("the measured part is to end within 45 s")
	}
	sum := result.Summarise(rec)
	if len(sum.Series) != 1 {
		t.Fatalf("%d series", len(sum.Series))
	}
	// What is in flight beside the set moves an edge down by a few hundred tokens each.
	edges := []int64{200_000, 800_000}
	trs := sum.Series[0].Transitions
	if len(trs) != len(edges) {
		t.Fatalf("transitions: %+v\n%s", trs, e.stdout)
	}
	for i, want := range []string{"hbm -> dram", "dram -> recompute"} {
		if tr := trs[i]; tr.From+" -> "+tr.To != want || tr.Lo >= edges[i] || tr.Hi <= edges[i] || !strings.Contains(e.stdout, want+" between") {
			t.Errorf("transition %d: %s -> %s between %d and %d, want %s round %d\n%s", i+1, tr.From, tr.To, tr.Lo, tr.Hi, want, edges[i], e.stdout)
		}
	}
	for key, r := range rowsOf(t, run) {
		if v := r.get("validity"); v != "ok" && v != "doubtful" {
			t.Errorf("%s is %s: %s", key, v, r.get("reasons"))
		}
	}
	quickstartFiles(t, run)
}

func quickstartFiles(t *testing.T, run string) {
	t.Helper()
	entries, err := os.ReadDir(run)
	if err != nil {
		t.Fatal(err)
	}
	stamp, _, _ := strings.Cut(filepath.Base(run), "-")
	var got []string
	for _, e := range entries {
		got = append(got, strings.ReplaceAll(e.Name(), stamp, "{ts}"))
	}
	want := []string{"charts.js", "detailed_results_{ts}.csv"}
	for _, size := range []string{"100000", "150000", "250000", "450000", "700000", "850000", "950000"} {
		want = append(want, "fixed_ctx4000_ws"+size+"_cache100.html")
	}
	want = append(want, "index.html", "output_metrics_comparison.html", "output_throughput_comparison.html", "performance_vs_working_set_4000.html",
		"phase_metadata_{ts}.csv", "record.wsr", "run.json", "scenario.yaml", "summary_{ts}.csv", "tiers_{ts}.csv")
	if !slices.Equal(got, want) {
		t.Errorf("files in %s:\n got %v\nwant %v", run, got, want)
	}
}
