package main

import (
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/runner/sample"
)

const faultyScenario = `name: faulty
target: {endpoints: [URL], headers: {X-Request-Id: "{request}"}, timeouts: {TIMEOUTS}}
contexts: [512]
working_set: [8192]
output_tokens: 8
mode: fixed
concurrency: [8]
duration: 1s
assessment_period: 500ms
warmup: {verify: false}
`

const faultySim = `name: faulty-sim
tiers: [{name: hbm, capacity: 100k}]
base: 5ms
prefill: 10us
decode: 2ms
faults: {FAULTS}
`

// Each fault of the simulator, from the first measured request on: every failure that the
// simulator logged is in the record under its class, the count stands in the table and the
// CSV files, and the exit code tells.
func TestFaults(t *testing.T) {
	t.Parallel()
	after := beforeLoad(t)
	for _, c := range []struct {
		name, faults, timeouts string
		fault                  string // in the simulator's log
		class                  sample.Class
		flag                   string // of successes
		reason                 string // code of the point's doubt
		code                   int
	}{
		{name: "status", faults: "error_rate: 20%", fault: "error", class: sample.Status, reason: "errors", code: 1},
		{name: "reset", faults: "reset_rate: 20%", fault: "reset", class: sample.Reset, reason: "errors", code: 1},
		{name: "server error", faults: "stream_error_rate: 20%", fault: "stream_error", class: sample.ServerError, reason: "errors", code: 1},
		{name: "malformed", faults: "malformed_rate: 20%", fault: "malformed", class: sample.Malformed, reason: "errors", code: 1},
		{name: "empty", faults: "empty_rate: 20%", fault: "empty", class: sample.Empty, reason: "errors", code: 1},
		{name: "stall between tokens", faults: "stall: 5s, stall_rate: 20%", timeouts: "between_tokens: 200ms", class: sample.TimeoutBetween, reason: "errors", code: 1},
		{name: "stall, whole request", faults: "stall: 5s, stall_rate: 20%", timeouts: "request: 300ms", class: sample.TimeoutRequest, reason: "errors", code: 1},
		{name: "short", faults: "short_rate: 20%", flag: "short", reason: "short-outputs", code: 1},
		{name: "no usage", faults: "missing_usage: true", flag: "no-usage"},
		{name: "several tokens per event", faults: "tokens_per_event: 4"},
		{name: "empty text", faults: "empty_text: 30%", flag: "tokens-told"},
		{name: "closed after each stream", faults: "close_after_stream: true", flag: "fresh-conn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spared := after
			if c.flag == "fresh-conn" {
				spared = 0 // the probe finds out
			}
			f := faulty(t, fmt.Sprintf("after: %d, %s", spared, c.faults), c.timeouts, c.code)
			f.classes(t, c.fault, c.class)
			f.shown(t, c.class, c.reason)
			f.successes(t, c.flag)
		})
	}
}

// beforeLoad is how many requests a run of faultyScenario sends before the first one of
// its load: the probe, the sentinels and the warm-up.
func beforeLoad(t *testing.T) (n int) {
	f := faulty(t, "", "", 0)
	for _, l := range f.detailed {
		if l["phase"] != sample.PhaseLoad.String() {
			n++
		}
	}
	return n
}

// faultyRun is what a run against a faulty simulator left behind.
type faultyRun struct {
	ended
	log      map[string]simulator.Entry // by request
	detailed []row
	point    row
}

func faulty(t *testing.T, faults, timeouts string, code int) faultyRun {
	t.Helper()
	dir := workdir(t, map[string]string{"sim.yaml": strings.Replace(faultySim, "FAULTS", faults, 1)})
	url, end := simulate(t, dir, "sim.yaml")
	yaml := strings.NewReplacer("URL", url, "TIMEOUTS", timeouts).Replace(faultyScenario)
	if err := os.WriteFile(filepath.Join(dir, "faulty.yaml"), []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	f := faultyRun{ended: must(t, code, dir, "faulty.yaml"), log: map[string]simulator.Entry{}}
	for _, e := range end() {
		if e.RequestID != "" {
			f.log[e.RequestID] = e
		}
	}
	run := runDir(t, dir, "faulty")
	f.detailed = readCSV(t, oneFile(t, run, "detailed_results_*.csv"))
	for _, r := range rowsOf(t, run) {
		f.point = r
	}
	return f
}

func readCSV(t *testing.T, text string) (rows []row) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = l[i]
		}
		rows = append(rows, r)
	}
	return rows
}

// classes holds each request of the load against the simulator's log: where it has the
// fault (of its own or, without one, a client that gave up), the class, else success.
func (f *faultyRun) classes(t *testing.T, fault string, class sample.Class) {
	t.Helper()
	failed, all := 0, 0
	for _, l := range f.detailed {
		if l["phase"] != sample.PhaseLoad.String() || l["class"] == sample.Censored.String() {
			continue
		}
		all++
		e, logged := f.log[l["request_id"]]
		want := sample.OK
		if fault != "" && e.Fault == fault || class.Failed() && fault == "" && e.Finish == "abort" {
			want = class
			failed++
		}
		if !logged || l["class"] != want.String() {
			t.Fatalf("request %s: %s %s; the simulator logged %q %q (%v), which is %v", l["request_id"], l["class"], l["error"], e.Fault, e.Finish, logged, want)
		}
	}
	if share := float64(failed) / float64(all); class.Failed() && (share < 0.08 || share > 0.35) {
		t.Errorf("%d of %d requests failed, want about 20 %%", failed, all)
	}
}

// shown sees the window's failures in the detailed CSV, the summary CSV and the table.
func (f *faultyRun) shown(t *testing.T, class sample.Class, reason string) {
	t.Helper()
	n := 0
	for _, l := range f.detailed {
		if l["in_window"] == "1" && l["class"] == class.String() {
			n++
		}
	}
	byClass := fmt.Sprintf("%s=%d", class, n)
	if !class.Failed() {
		n, byClass = 0, ""
	}
	if got := f.point.get("errors"); got != strconv.Itoa(n) || f.point.get("errors_by_class") != byClass || class.Failed() && n == 0 {
		t.Errorf("summary CSV: errors %s, by class %q; the detailed one has %d %v in the window", got, f.point.get("errors_by_class"), n, class)
	}
	validity, reasons := f.point.get("validity"), f.point.get("reasons")
	if reason == "" {
		if validity != "ok" && validity != "doubtful" {
			t.Errorf("the point is %s: %s", validity, reasons)
		}
		return
	}
	if validity != "invalid" || !strings.Contains(reasons, reason+": ") {
		t.Errorf("the point is %s: %s; want invalid for %s", validity, reasons, reason)
	}
	head, body, _ := strings.Cut(f.stdout, "\n")
	line, _, _ := strings.Cut(body, "\n")
	at := strings.Index(head, "errors") + len("errors")
	if cells := strings.Fields(line[:at]); cells[len(cells)-1] != strconv.Itoa(n) || !strings.Contains(line, "invalid") {
		t.Errorf("the table shows neither %d errors nor a point that is invalid:\n%s", n, f.stdout)
	}
	if !strings.Contains(f.stdout, reason+": ") || !strings.Contains(f.stderr, "no point is usable") {
		t.Errorf("the person is not told why:\n%s%s", f.stdout, f.stderr)
	}
}

// successes sees that no token of theirs was lost, and that some carry the flag, if any.
func (f *faultyRun) successes(t *testing.T, flag string) {
	t.Helper()
	n := 0
	for _, l := range f.detailed {
		if l["phase"] != sample.PhaseLoad.String() || l["class"] != sample.OK.String() {
			continue
		}
		if e := f.log[l["request_id"]]; l["output_tokens"] != strconv.Itoa(len(e.Tokens)) {
			t.Fatalf("request %s: %s output tokens, the simulator made %d", l["request_id"], l["output_tokens"], len(e.Tokens))
		}
		if strings.Contains("+"+l["flags"]+"+", "+"+flag+"+") {
			n++
		}
	}
	if flag != "" && n == 0 {
		t.Errorf("no request carries the flag %s", flag)
	}
}

// A server that fails from the start fails the warm-up, with the share, whatever is wrong
// with its answers; the probe is not led astray.
func TestFaultsFromTheStart(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"error_rate: 20%", "error_rate: 20%, status: 400", "reset_rate: 20%", "malformed_rate: 20%"} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			dir := workdir(t, map[string]string{
				"sim.yaml":  strings.NewReplacer("FAULTS", faults, "100k", "1M").Replace(faultySim),
				"warm.yaml": "name: warm\ntarget: {simulator: {profile: sim.yaml}}\ncontexts: [512]\nworking_set: [256000]\noutput_tokens: 8\nmode: fixed\nconcurrency: [2]\nduration: 1s\n",
			})
			e := must(t, 1, dir, "warm.yaml")
			share := 0.0
			_, text, _ := strings.Cut(e.stdout, "failed: warm-up: ")
			if _, err := fmt.Sscanf(text, "%g %% of 500 prompts failed twice", &share); err != nil || share < 1 || share > 10 {
				t.Errorf("failed twice: %v %% (%v), want about 4:\n%s", share, err, e.stdout)
			}
		})
	}
}

// A dead port ends a run in under 5 s with 1 and its URL.
func TestDeadPort(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	ln.Close()
	dir := workdir(t, map[string]string{"dead.yaml": "name: dead\ntarget: " + url + "\ncontexts: [1k]\nworking_set: [8k]\nmode: fixed\nconcurrency: [1]\n"})
	start := time.Now()
	e := must(t, 1, dir, "dead.yaml")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if !strings.Contains(e.stderr, url) || !strings.Contains(e.stderr, "connection refused") {
		t.Errorf("it says %s", e.stderr)
	}
}
