package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// The seed document's sustained command line, its tokens divided by 100 and its seconds by
// 15: contexts of 100 tokens with chunk 10 and a simulator block of 10, periods of two seconds.
// Four periods a size, as the original has, are too few to converge.
const seedSustained = `
name: seed-sustained
target: {simulator: {profile: scaled.yaml}}
contexts: [100]
chunk: 10
working_set: {min: 1k, max: 20k, steps: 5}
hit_rates: [90]
assessment_period: 2s
duration: 40s
growth: {by: time, prompts: cold}
slo: {ttft: {p95: 333ms}}
`

const scaledProfile = `
name: scaled
model: sim
block: 10
tiers:
  - {name: hbm, capacity: 6k, load: 0us}
  - {name: dram, capacity: 30k, load: 40us}
base: 10ms
prefill: 400us
decode: 2ms
queue: serial
`

func TestSeedSustainedCommandLine(t *testing.T) {
	t.Parallel()
	dir := workdir(t, map[string]string{"s.yaml": seedSustained, "scaled.yaml": scaledProfile})
	e := must(t, 0, dir, "run", "s.yaml")
	run := runDir(t, dir, "seed-sustained")
	rec := readRecord(t, run)
	sum := result.Summarise(rec)
	if len(sum.Points) != 5 {
		t.Fatalf("%d points, want 5 sizes\n%s", len(sum.Points), e.stdout)
	}
	for _, p := range sum.Points {
		if !slices.ContainsFunc(p.Reasons, func(r result.Reason) bool { return r.Code == "not-converged" }) {
			t.Errorf("working set %d: %s %v, want not-converged", p.Spec.WorkingSet, p.Validity, p.Reasons)
		}
	}
	ts := rec.Run.Stamp
	periods := csvFile(t, filepath.Join(run, "sustained_periods_ctx100_ws20000_cache90_"+ts+".csv"))
	original := strings.Split("period_number context_size cache_hit_rate working_set_size start_time end_time duration concurrency_level num_requests_launched num_requests_completed total_input_tokens total_output_tokens input_tokens_per_sec output_tokens_per_sec", " ")
	if !slices.Equal(periods[0][:len(original)], original) {
		t.Errorf("periods' columns begin with %v, want the original's", periods[0][:len(original)])
	}
	// After a change a period is extended until 20 requests of the new level have their
	// first token, at most four times: 5 to 20 periods of two seconds each.
	if n := len(periods) - 1; n < 5 || n > 21 {
		t.Errorf("%d periods in 40 s", n)
	}
	sizes := map[string]bool{}
	for _, row := range periods[1:] {
		sizes[row[3]] = true
	}
	if len(sizes) != 5 {
		t.Errorf("periods at sizes %v, want five", sizes)
	}
	detailed := csvFile(t, filepath.Join(run, "detailed_results_100_"+ts+".csv"))
	at := slices.Index(detailed[0], "working_set_size")
	sizes = map[string]bool{}
	for _, row := range detailed[1:] {
		sizes[row[at]] = true
	}
	if at < 0 || len(sizes) < 5 {
		t.Errorf("requests at sizes %v, want the size in force of each", sizes)
	}
	for _, name := range []string{"summary_" + ts + ".csv", "tiers_" + ts + ".csv"} {
		csvFile(t, filepath.Join(run, name))
	}
}

// csvFile reads a CSV file with its header.
func csvFile(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		entries, _ := os.ReadDir(filepath.Dir(path))
		t.Fatalf("%v; there are %v", err, entries)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 1 {
		t.Fatalf("%s: %d rows, %v", path, len(rows), err)
	}
	return rows
}
