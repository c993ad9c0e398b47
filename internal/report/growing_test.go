package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// growingFixture builds the record of a sustained run of two contexts: the first grows
// through three sizes, of which the last does not fit and does not converge, and leaves a
// fourth that never came; the second failed in its warm-up.
func growingFixture(trials int) *result.Record {
	rec := fixture(1)
	rec.Units, rec.Notes = nil, nil
	sc := *rec.Run.Scenario
	sc.Name, sc.Mode, sc.Contexts, sc.HitRates, sc.Concurrency, sc.Trials = "growing", "sustained", []int64{8000, 16000}, []float64{100}, nil, trials
	sc.WorkingSet.Sizes = []int64{100_000, 150_000, 400_000, 900_000}
	sc.Duration = scenario.Span{Min: scenario.Duration(400 * second), Max: scenario.Duration(400 * second)}
	sc.Assessment = scenario.Duration(5 * second)
	sc.Search = scenario.Search{Start: 2, Step: 2, Max: 100}
	sc.Growth = scenario.Growth{By: "convergence", Prompts: "cold", Hold: 3, AtEnd: "stop"}
	rec.Run.Scenario, rec.Run.Cells = &sc, nil
	for _, context := range sc.Contexts {
		var c scenario.Cell
		var steps []scenario.Step
		for _, size := range sc.WorkingSet.Sizes {
			c = scenario.CellOf(&sc, context, size, 100)
			steps = append(steps, scenario.Step{WorkingSet: size, Prompts: c.Prompts, Real: c.Real, HotTokens: c.HotTokens, ReuseDistance: c.ReuseDistance})
		}
		c.Steps, c.Levels = steps, nil
		rec.Run.Cells = append(rec.Run.Cells, c)
	}
	b := &builder{rec: rec, id: 1}
	for trial := 1; trial <= trials; trial++ {
		b.growing(rec.Run.Cells[0], trial)
		u := &result.UnitRecord{Unit: result.Unit{Cell: rec.Run.Cells[1].Key, Trial: trial}, Spec: rec.Run.Cells[1], Begin: b.now, State: result.CellFailed, Class: "warm-up", Reason: "warm-up: 20 % of prompts failed"}
		rec.Units = append(rec.Units, u)
		b.now += second
	}
	return rec
}

// growing plays one cell.
func (b *builder) growing(c scenario.Cell, trial int) {
	u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: trial}, Spec: c, Begin: b.now, State: result.CellDone}
	b.rec.Units = append(b.rec.Units, u)
	b.now += 5 * second
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseWarmup, Start: u.Begin, End: b.now, Sent: c.Steps[0].Prompts})
	b.leg(u, 0, 2, 1, "ramp", "ttft.p95 42.0ms <= 540ms (n 20), no level has violated: raise 2 -> 4", 4, 0)
	b.leg(u, 0, 3+trial, 5, "grow", "size 1: held for 3 periods, on to size 2 at level 4", 3+trial, 1)
	b.held(u, 0, true)
	b.ingest(u, 1)
	b.leg(u, 1, 3+trial, 5, "grow", "size 2: held for 3 periods, on to size 3 at level 4", 3+trial, 2)
	b.held(u, 1, true)
	b.ingest(u, 2)
	b.leg(u, 2, 3+trial, 2, "transition", "tier transition between size 2 and 3", 2, 2)
	b.leg(u, 2, 2, 2, "end", "the duration is over; ttft.p95 420ms \x1b[31mat 2", 2, 2)
	b.held(u, 2, false)
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseSkipped, Step: 3, Start: b.now, End: b.now, Reason: "the duration is over"})
	u.End = b.now
	b.now += second
}

func (b *builder) leg(u *result.UnitRecord, step, level, periods int, kind, why string, next, nextStep int) {
	spec := u.Spec
	u.Spec = spec.At(step) // request() deals the prompts of the size in force
	defer func() { u.Spec = spec }()
	start, end := b.now, b.now+int64(periods)*5*second
	u.Changes = append(u.Changes, &result.Change{Unit: u.Unit, At: start, Level: level, Step: step, Reason: why})
	ttft := []float64{.02, .021, .4}[step]
	free := make([]int64, level)
	for w := range free {
		free[w] = start + int64(w)*second/int64(level)
	}
	for n := 0; ; n++ {
		w := n % level
		if free[w] >= end {
			break
		}
		r := b.request(u, level, n, free[w], ttft*(1+float64(n%7)/20))
		u.Requests = append(u.Requests, r)
		free[w] = r.End + second/2
	}
	for i := range periods {
		p := &result.Period{Unit: u.Unit, Level: level, Index: len(u.Periods) + 1, Start: start + int64(i)*5*second, End: start + int64(i+1)*5*second, Step: step,
			Decision: "hold", Reason: "ttft.p95 26.0ms <= 600ms (n 100): held", Next: level, NextStep: step, Row: row("ttft.p95", ttft*1.3)}
		if i == periods-1 {
			p.Decision, p.Reason, p.Next, p.NextStep, p.Over = kind, why, next, nextStep, kind == "end"
		}
		u.Periods = append(u.Periods, p)
	}
	b.now = end
}

func (b *builder) ingest(u *result.UnitRecord, step int) {
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseIngest, Step: step, Level: 4, Start: b.now, End: b.now + 2*second})
	b.now += 2 * second
}

func (b *builder) held(u *result.UnitRecord, step int, converged bool) {
	last := u.Periods[len(u.Periods)-1]
	from := last
	for _, p := range slices.Backward(u.Periods) {
		if p.Step == step && p.Level == last.Level {
			from = p
		}
	}
	ph := &result.Phase{Unit: u.Unit, Phase: result.PhaseMeasure, Step: step, Level: last.Level, Start: from.Start + 5*second, End: last.End, Converged: converged, Bracket: [2]int{last.Level, last.Level + 1}, Search: 4, Row: row("ttft.p95", .026)}
	if ph.Periods = int((ph.End - ph.Start) / (5 * second)); !converged {
		ph.Bracket, ph.Search = [2]int{2, 4}, 0
		ph.Notes = []string{"not converged: between 2, which passes, and 4, which violates"}
	}
	u.Phases = append(u.Phases, ph)
}

func TestSustainedTablesGolden(t *testing.T) {
	for name, c := range map[string]struct {
		trials int
		opt    Options
	}{
		"sustained.txt":        {1, Options{}},
		"sustained-80.txt":     {1, Options{Width: 80}},
		"sustained-trials.txt": {2, Options{}},
	} {
		var out bytes.Buffer
		if err := Table(&out, result.Summarise(growingFixture(c.trials)), c.opt); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
		for i, l := range strings.Split(out.String(), "\n") {
			if c.opt.Width > 0 && term.Len(l) > c.opt.Width {
				t.Errorf("%s line %d is %d columns wide: %q", name, i+1, term.Len(l), l)
			}
		}
	}
	sum := result.Summarise(growingFixture(1))
	var tiers, brief, js bytes.Buffer
	if err := Tiers(&tiers, sum, Options{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "sustained-tiers.txt", tiers.Bytes())
	if err := Brief(&brief, sum, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "sustained-brief.txt", brief.Bytes())
	if err := JSON(&js, sum, nil); err != nil || !json.Valid(js.Bytes()) {
		t.Errorf("no JSON (%v): %s", err, js.Bytes())
	}
}

// heldText, for what a single run rarely shows.
func TestHeldText(t *testing.T) {
	grown := scenario.Cell{Steps: make([]scenario.Step, 2)}
	for want, m := range map[string]result.Merged{
		"8":          {Level: 8, Validity: result.ValidOK},
		"24":         {Spec: grown, Level: 24, Converged: true, Bracket: [2]int{24, 24}, Validity: result.ValidOK},
		"24 (22-26)": {Spec: grown, Level: 24, Converged: true, Bracket: [2]int{22, 26}, Validity: result.ValidOK},
		"16-32":      {Spec: grown, Level: 24, Bracket: [2]int{16, 32}, Validity: result.ValidDoubt},
		">=16":       {Spec: grown, Level: 16, Bracket: [2]int{16, 0}, Validity: result.ValidDoubt},
		"<2":         {Spec: grown, Level: 2, Bracket: [2]int{0, 2}, Validity: result.ValidDoubt},
		"2?":         {Spec: grown, Level: 2, Validity: result.ValidDoubt},
		"-":          {Spec: grown, Validity: result.ValidSkipped},
	} {
		if got := heldText(&m); got != want {
			t.Errorf("%+v: %q, want %q", m, got, want)
		}
	}
}

// The files of a sustained run: names, one row per period and per attempt, sizes as they
// were in force.
func TestSustainedFiles(t *testing.T) {
	rec := growingFixture(2)
	dir := t.TempDir()
	written, err := WriteFiles(dir, result.Summarise(rec), rec)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"summary_20261124_070000.csv", "detailed_results_8000_20261124_070000.csv", "detailed_results_16000_20261124_070000.csv",
		"sustained_periods_ctx8000_ws900000_cache100_20261124_070000.csv", "sustained_periods_ctx16000_ws900000_cache100_20261124_070000.csv", "tiers_20261124_070000.csv"}
	tables := map[string][]map[string]string{}
	for i, w := range written {
		if i >= len(want) || filepath.Base(w.Path) != want[i] {
			t.Fatalf("files %v, want %v", written, want)
		}
		tables[want[i]] = readTable(t, w.Path)
	}
	if len(written) != len(want) {
		t.Fatalf("files %v, want %v", written, want)
	}
	periods := tables[want[3]]
	if len(periods) != 2*15 || len(tables[want[4]]) != 0 {
		t.Errorf("%d and %d rows of periods, want 30 and 0", len(periods), len(tables[want[4]]))
	}
	checkDetailedSizes(t, tables[want[1]], periods, rec)
	for i, r := range tables[want[0]][:4] {
		if r["step"] != []string{"1", "2", "3", "4"}[i] || r["steps"] != "4" || r["working_set_size"] != []string{"100000", "150000", "400000", "900000"}[i] {
			t.Errorf("summary row %d: %v", i, r)
		}
	}
	b, err := os.ReadFile(written[3].Path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, want[3], b)
	rec.Run.Scenario.Output.Requests = false
	if written, err = WriteFiles(t.TempDir(), result.Summarise(rec), rec); err != nil || len(written) != 4 {
		t.Errorf("without attempts: %v, %v", written, err)
	}
}

func readTable(t *testing.T, path string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		row := map[string]string{}
		for i, v := range r {
			row[all[0][i]] = v
		}
		rows = append(rows, row)
	}
	return rows
}

// checkDetailedSizes holds the attempts against the periods that they name.
func checkDetailedSizes(t *testing.T, attempts, periods []map[string]string, rec *result.Record) {
	t.Helper()
	n := len(rec.Outside)
	for _, u := range rec.Units {
		n += len(u.Requests)
	}
	if len(attempts) != n || attempts[0]["phase_id"] != "PROBE" {
		t.Errorf("%d attempts, want %d, the first the probe's (%s)", len(attempts), n, attempts[0]["phase_id"])
	}
	size := map[string]string{}
	for _, p := range periods {
		size["SUSTAINED_p"+p["period_number"]+"_run"+map[string]string{"1": "0", "2": "1"}[p["trial"]]] = p["working_set_size"]
	}
	in, other := 0, 0
	for _, a := range attempts[1:] {
		if a["in_window"] == "1" {
			in++
		}
		want, ok := size[a["phase_id"]]
		switch {
		case !ok && a["phase_id"] != "LOAD":
			t.Fatalf("attempt of no period: %v", a)
		case ok && a["working_set_size"] != want:
			other++ // started at the size before
		}
	}
	if in == 0 || other > 2*2*4 {
		t.Errorf("%d attempts in windows, %d of another size than the period of their first token", in, other)
	}
}

// The header of the original stands first, in its order.
func TestOriginalPeriodColumnsComeFirst(t *testing.T) {
	want := "period_number context_size cache_hit_rate working_set_size start_time end_time duration concurrency_level num_requests_launched num_requests_completed total_input_tokens total_output_tokens input_tokens_per_sec output_tokens_per_sec " +
		"avg_ttft median_ttft p95_ttft p99_ttft avg_ttlt median_ttlt p95_ttlt p99_ttlt avg_itl median_itl p95_itl p99_itl avg_output_tokens_per_request measured_ttft decision next_concurrency"
	got := names(periodColumns("ttft.p95"))
	if head := strings.Join(got[:len(strings.Fields(want))], " "); head != want {
		t.Errorf(" got %s\nwant %s", head, want)
	}
	seen := map[string]bool{}
	for _, n := range got {
		if seen[n] {
			t.Errorf("column %s is there twice", n)
		}
		seen[n] = true
	}
}

// The block shows the size, the phase, the level, every decision with its reason, and
// how many periods are left; a size that ends is told for good.
func TestProgressOfGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Redraw: true, Width: func() int { return 70 }})
		rec := growingFixture(1)
		u := rec.Units[0]
		p.Observe(rec.Run)
		p.Observe(&result.Cell{Unit: u.Unit, State: result.CellBegin, Cell: u.Spec})
		p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseWarmup}})
		shows := func(want ...string) {
			t.Helper()
			time.Sleep(time.Second)
			got := w.frame()
			for _, s := range want {
				if !strings.Contains(got, s) {
					t.Errorf("no %q in the block:\n%s", s, got)
				}
			}
			for _, l := range strings.Split(got, "\n") {
				if term.Len(l) > 70 {
					t.Errorf("a line is too long: %q", l)
				}
			}
		}
		shows("warm-up 1/13 prompts", "left ~")
		p.Observe(u.Changes[0])
		shows("search  size 1/4, 100k  conc 2  period 1, at most 80 left")
		p.Observe(u.Periods[0])
		shows("decided  ramp: ttft.p95 42.0ms <= 540ms (n 20), no level has", "\n         violated: raise 2 -> 4")
		p.Observe(u.Changes[1])
		p.Observe(u.Periods[1])
		shows("hold  size 1/4, 100k  conc 4  period 3, at most 78 left")
		p.Observe(u.Periods[5])
		p.Observe(u.Phases[1])
		p.Observe(&result.Request{Request: sample.Request{Phase: sample.PhaseWarmup}})
		shows("ingest 1/6 new prompts  size 2/4, 150k  conc 4", "decided  grow: size 1: held for 3 periods, on to size 2 at level 4")
		if told := "  size 1/4, 100k: 4 in flight held for 4 periods, found after 4"; !strings.Contains(w.all(), told) { // for good: in whichever frame
			t.Errorf("no %q was told", told)
		}
		p.Observe(u.Phases[2])
		p.Observe(u.Changes[2])
		shows("search  size 2/4, 150k")
		p.Close()
	})
}

// Off a terminal a size that ends has a line of its own, and with --verbose each decision.
func TestProgressOfGrowthAsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &screen{}
		p := NewProgress(w, ProgressOptions{Verbose: true})
		rec := growingFixture(1)
		u := rec.Units[0]
		p.Observe(rec.Run)
		p.Observe(&result.Cell{Unit: u.Unit, State: result.CellBegin, Cell: u.Spec})
		p.Observe(u.Changes[4])
		for _, f := range []result.Frame{u.Periods[14], u.Phases[len(u.Phases)-2], u.Phases[len(u.Phases)-1]} {
			p.Observe(f)
		}
		p.Close()
		got := w.all()
		for _, want := range []string{"  size 3 conc 2 period 1: ttft.p95 520ms; end: the duration is over; ttft.p95 420ms [31mat 2\n",
			"  size 3/4, 400k: not converged, last tried 2 in flight (passes 2, violates 4), ttft.p95 26.0ms\n", "  size 4/4, 900k: skipped, the duration is over\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in:\n%s", want, got)
			}
		}
		if strings.Contains(got, "\x1b") {
			t.Error("an escape sequence in what is no terminal")
		}
	})
}
