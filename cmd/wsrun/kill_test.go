package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
)

// killed is a run of eight points in four units, in about four seconds.
const killed = `name: killed
target: {simulator: {profile: sim.yaml}}
contexts: [512]
working_set: [4096, 16384]
output_tokens: 4
mode: fixed
concurrency: [2, 4]
trials: 2
duration: 300ms
assessment_period: 100ms
`

const killedSim = `name: killed-sim
tiers: [{name: hbm, capacity: 10k}]
base: 1ms
prefill: 5us
decode: 500us
`

// A run that is killed with -9 at random moments can be reported each time, lacks no point
// that it had finished, and resumed it ends with the points of an undisturbed run, none
// twice. make truth kills twenty times.
func TestTruthAfterKill(t *testing.T) {
	t.Parallel()
	n := 4
	if os.Getenv("WSRUN_TRUTH") != "" {
		n = 20
	}
	dir := workdir(t, map[string]string{"killed.yaml": killed, "sim.yaml": killedSim})
	start := time.Now()
	must(t, 0, dir, "killed.yaml")
	length := time.Since(start)
	want := rowsOf(t, runDir(t, dir, "killed"))
	if len(want) != 8 {
		t.Fatalf("%d points, want 8", len(want))
	}
	for i := range n {
		// One moment in each nth of a run, so that few kills too find all its parts.
		at := time.Duration((float64(i) + rand.Float64()) / float64(n) * float64(length))
		t.Run(at.Round(time.Millisecond).String(), func(t *testing.T) {
			t.Parallel()
			killAt(t, want, at, i%2 == 1)
		})
	}
}

func killAt(t *testing.T, want map[string]row, at time.Duration, again bool) {
	dir := workdir(t, map[string]string{"killed.yaml": killed, "sim.yaml": killedSim})
	told := killRun(t, dir, at, "run", "--verbose", "killed.yaml")
	run := runDir(t, dir, "killed")
	if _, err := result.Read(filepath.Join(run, result.RecordFile)); errors.Is(err, result.ErrNoRun) {
		// Before the simulator listened: nothing is there to go on with, and that is said.
		if e := must(t, 1, dir, "run", "--resume", run); !strings.Contains(e.stderr, "run the scenario again") {
			t.Errorf("resuming says %s", e.stderr)
		}
		must(t, 0, dir, "report", run)
		return
	}
	// What the run was asked for is in its record: the files may be gone or changed.
	for _, name := range []string{"killed.yaml", "sim.yaml", filepath.Join(run, "scenario.yaml")} {
		if err := os.WriteFile(absolute(dir, name), []byte("name: another\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept := afterKill(t, dir, run, told)
	if again {
		told = killRun(t, dir, at/2, "run", "--verbose", "--resume", run)
		both := afterKill(t, dir, run, told)
		sameRows(t, "the second kill", kept, both)
		kept = both
	}
	must(t, 0, dir, "run", "--resume", run)
	got := rowsOf(t, run)
	samePoints(t, want, got)
	sameRows(t, "resuming", kept, got)
	files := csvFiles(t, run)
	must(t, 0, dir, "report", run)
	if again := csvFiles(t, run); again != files {
		t.Error("a report of the resumed run writes other CSV files than the run did")
	}
	if s := stateOf(t, run); s != result.StateDone {
		t.Errorf("run.json says %s after resuming", s)
	}
	// There is nothing more to do, and nothing is done.
	if e := must(t, 0, dir, "run", "--resume", run); strings.Contains(e.stderr, "begins") {
		t.Errorf("a finished run was gone on with:\n%s", e.stderr)
	}
	sameRows(t, "resuming once more", got, rowsOf(t, run))
}

func absolute(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// afterKill reports a killed run and holds it against what the run had told; it gives
// the rows of finished units, which nothing may change any more.
func afterKill(t *testing.T, dir, run string, told []string) map[string]row {
	t.Helper()
	if s := stateOf(t, run); s != result.StateRunning && s != result.StateDone {
		t.Errorf("run.json says %s of a killed run", s)
	}
	must(t, 0, dir, "report", run)
	rows := rowsOf(t, run)
	for _, point := range told {
		if rows[point].get("total_requests") == "" {
			t.Errorf("%s was finished before the kill; the report lacks it: %v", point, rows[point].get("reasons"))
		}
	}
	rec := readRecord(t, run)
	kept := map[string]row{}
	for key, r := range rows {
		var trial int
		fmt.Sscan(r.get("trial"), &trial)
		if rec.Finished(result.Unit{Cell: r.get("cell"), Trial: trial}) {
			kept[key] = r
		}
	}
	t.Logf("%d points were told, %d of %d are in finished units", len(told), len(kept), len(rows))
	return kept
}

var (
	cellBegins = regexp.MustCompile(`^cell \d+/\d+ begins: (\S+)(?: trial (\d+))?$`)
	measured   = regexp.MustCompile(`^  measure conc (\d+) `)
)

// toldGrace is how old a told point must be to be in the record for certain: it is handed
// to the writer before it is told, but the writer may be waiting for the disk.
const toldGrace = 500 * time.Millisecond

// killRun starts wsrun, kills it when its run directory has been there for at, sees that
// its simulator ends too, and gives the points that it had told as finished.
func killRun(t *testing.T, dir string, at time.Duration, args ...string) (told []string) {
	t.Helper()
	cmd := command(dir, args...)
	cmd.Stdout = io.Discard
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	stamps := map[string]time.Time{}
	var text strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		cell, trial := "", ""
		once := sync.OnceFunc(func() { close(began) })
		defer once()
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(&text, lines.Text())
			once()
			if m := cellBegins.FindStringSubmatch(lines.Text()); m != nil {
				cell, trial = m[1], m[2]
			}
			if m := measured.FindStringSubmatch(lines.Text()); m != nil {
				stamps[cell+" "+trial+" "+m[1]] = time.Now()
			}
		}
	})
	<-began
	<-time.After(at)
	children := childrenOf(cmd.Process.Pid)
	at0 := time.Now()
	_ = cmd.Process.Kill() // it may have come to its end
	reading.Wait()
	_ = cmd.Wait() // killed
	if cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("wsrun %v: exit code %d before it was killed\n%s", args, cmd.ProcessState.ExitCode(), &text)
	}
	for _, pid := range children {
		endsSoon(t, pid)
	}
	for point, when := range stamps {
		if at0.Sub(when) > toldGrace {
			told = append(told, point)
		}
	}
	slices.Sort(told)
	return told
}

// childrenOf lists the processes that pid started, where the system tells.
func childrenOf(pid int) (pids []string) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// endsSoon waits until a process has ended; one that nobody has waited for yet has too.
func endsSoon(t *testing.T, pid string) {
	t.Helper()
	limit := time.After(5 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Errorf("process %s outlives the wsrun that started it by 5 s", pid)
			return
		}
	}
}

// row is a line of the summary CSV by column.
type row map[string]string

func (r row) get(column string) string { return r[column] }

// rowsOf reads a run's summary CSV: by cell, trial and level. A point that stands there
// twice fails the test.
func rowsOf(t *testing.T, run string) map[string]row {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(oneFile(t, run, "summary_*.csv"))).ReadAll()
	if err != nil || len(lines) == 0 {
		t.Fatalf("summary: %v, %d lines", err, len(lines))
	}
	out := map[string]row{}
	for _, l := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = l[i]
		}
		key := r["cell"] + " " + r["trial"] + " " + r["peak_concurrency"]
		if out[key] != nil {
			t.Errorf("point %s stands twice", key)
		}
		out[key] = r
	}
	return out
}

// samePoints holds a run's points against those of an undisturbed run, in everything that
// does not depend on the clock.
func samePoints(t *testing.T, want, got map[string]row) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d points, an undisturbed run has %d", len(got), len(want))
	}
	for key, w := range want {
		for _, column := range []string{"context_size", "working_set_size", "cache_hit_rate", "model", "reuse_distance", "prompt_tokens", "prefix_tokens", "prompts", "hit_rate_intended", "origin", "errors", "scenario_digest"} {
			if column == "hit_rate_intended" && (got[key].get("ttft_samples") == "0" || w.get("ttft_samples") == "0") {
				continue // on a busy machine nothing may come in the 300 ms of a window: no data, no rate
			}
			if got[key].get(column) != w.get(column) {
				t.Errorf("%s: %s is %q, in an undisturbed run %q", key, column, got[key].get(column), w.get(column))
			}
		}
		if v := got[key].get("validity"); v != "ok" && v != "doubtful" {
			t.Errorf("%s: %s: %s", key, v, got[key].get("reasons"))
		}
	}
}

// sameRows sees that rows stayed as they were, to the last digit.
func sameRows(t *testing.T, what string, before, after map[string]row) {
	t.Helper()
	for key, b := range before {
		for column, v := range b {
			if after[key].get(column) != v {
				t.Errorf("%s changed %s of the finished %s from %q to %q", what, column, key, v, after[key].get(column))
			}
		}
	}
}

func csvFiles(t *testing.T, run string) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"summary_*.csv", "detailed_results_*.csv", "phase_metadata_*.csv", "tiers_*.csv"} {
		all.WriteString(oneFile(t, run, pattern))
	}
	return all.String()
}

func stateOf(t *testing.T, run string) string {
	t.Helper()
	var m result.Manifest
	b, err := os.ReadFile(filepath.Join(run, result.ManifestFile))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.State
}

// A record that is cut off anywhere can be reported, with every point that it holds.
func TestTornRecords(t *testing.T) {
	t.Parallel()
	dir := workdir(t, map[string]string{"killed.yaml": killed, "sim.yaml": killedSim})
	must(t, 0, dir, "killed.yaml", "--only", "ctx512_ws4096_cache100")
	run := runDir(t, dir, "killed")
	whole, err := os.ReadFile(filepath.Join(run, result.RecordFile))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "cut.wsr")
	last := 0
	for i := range 60 {
		size := (i + 1) * len(whole) / 60
		if err := os.WriteFile(name, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		v, err := open(name)
		if err != nil {
			if !errors.Is(err, result.ErrNoRun) || last > 0 {
				t.Fatalf("cut at %d of %d: %v", size, len(whole), err)
			}
			continue
		}
		n := finishedPhases(v.rec)
		shown := 0
		for _, p := range v.sum.Points {
			if p.End > p.Start {
				shown++
			}
		}
		if shown != n || n < last {
			t.Fatalf("cut at %d of %d: %d points shown, %d finished, %d in a shorter record", size, len(whole), shown, n, last)
		}
		last = n
		v.dir = dir
		if err := v.write(); err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
	}
	if last != 4 {
		t.Errorf("the whole record has %d points, want 4", last)
	}
}

func finishedPhases(rec *result.Record) (n int) {
	for _, u := range rec.Units {
		for _, p := range u.Phases {
			if p.Phase == result.PhaseMeasure {
				n++
			}
		}
	}
	return n
}

// ^C while a report is written leaves no half of a file, also none under another name.
func TestInterruptedReportLeavesNothingBehind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signal ends a process gracefully there")
	}
	dir := t.TempDir()
	record, err := os.ReadFile(filepath.Join("..", "..", "runner", "result", "testdata", "record-v1.wsr"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, result.RecordFile), record, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(dir, "report", "--pages", "--svg", "pictures", ".")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(filepath.Join(dir, "pictures", "*.svg")); len(found) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no picture within a minute")
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	for _, pattern := range []string{".*", "pictures/.*"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q %v", left, err)
		}
	}
}
