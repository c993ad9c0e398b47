package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

func TestTableGolden(t *testing.T) {
	for name, c := range map[string]struct {
		trials int
		opt    Options
	}{
		"table.txt":        {1, Options{}},
		"table-100.txt":    {1, Options{Width: 100}},
		"table-60.txt":     {1, Options{Width: 60}},
		"table-trials.txt": {3, Options{}},
		"table-colour.txt": {1, Options{Paint: true}},
	} {
		var out bytes.Buffer
		if err := Table(&out, result.Summarise(fixture(c.trials)), c.opt); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
		for i, l := range strings.Split(out.String(), "\n") {
			if strings.HasSuffix(l, " ") {
				t.Errorf("%s line %d ends in a space", name, i+1)
			}
			if c.opt.Width > 0 && term.Len(l) > c.opt.Width {
				t.Errorf("%s line %d is %d columns wide: %q", name, i+1, term.Len(l), l)
			}
		}
		if strings.Contains(out.String(), "\x1b[31m(of the chat") {
			t.Errorf("%s: a server's escape sequence reached the terminal", name)
		}
	}
}

func TestTableWithoutPoints(t *testing.T) {
	var out bytes.Buffer
	sum := &result.Summary{Run: &result.Run{}, Notes: []result.RunNote{{Code: "failed", Text: "connection refused", Fail: true}}}
	if err := Table(&out, sum, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "note failed: connection refused\nno points: the run ended before its first cell\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// A run that ended before its first cell says so instead of listing all of them.
func TestTableOfARunThatNeverBegan(t *testing.T) {
	rec := fixture(1)
	rec.Units, rec.Probe, rec.Notes = nil, nil, []*result.Note{{Code: "failed", Text: "connection refused", Fail: true}}
	var out bytes.Buffer
	if err := Table(&out, result.Summarise(rec), Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "note failed: connection refused\nno points: the run ended before its first cell\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// brokenPipe fails at once.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteErrorsAreTold(t *testing.T) {
	sum := result.Summarise(fixture(1))
	for name, f := range map[string]func() error{
		"Table": func() error { return Table(brokenPipe{}, sum, Options{}) },
		"Brief": func() error { return Brief(brokenPipe{}, sum, nil) },
		"JSON":  func() error { return JSON(brokenPipe{}, sum, nil) },
		"CSV":   func() error { return writeCSV(brokenPipe{}, pointColumns, pointRows(sum)) },
	} {
		if f() == nil {
			t.Errorf("%s: a broken pipe went unnoticed", name)
		}
	}
}

func findings() []verdict.Finding {
	return []verdict.Finding{
		{Expect: "ttft.p95 < 500ms", Outcome: verdict.Fail, Judged: 8, Doubtful: 2, Against: []verdict.Point{{Name: "ctx8000_ws600000_cache100 conc 4", Outcome: verdict.Fail, Values: []verdict.Value{{Name: "ttft.p95", Unit: metric.Seconds, Value: metric.Lower(1.2)}}}}},
		{Expect: "edge1 > 100k", Where: "hit_rate == 100", Outcome: verdict.Pass, Judged: 2},
		{Expect: "goodput > 1", Outcome: verdict.NoVerdict, Reason: "no measured point meets it"},
	}
}

func TestMachineFormatsGolden(t *testing.T) {
	sum := result.Summarise(fixture(1))
	var brief, js, verdicts bytes.Buffer
	if err := Brief(&brief, sum, findings()); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&js, sum, findings()); err != nil {
		t.Fatal(err)
	}
	Verdicts(&verdicts, findings(), Options{})
	golden(t, "brief.txt", brief.Bytes())
	golden(t, "summary.json", js.Bytes())
	golden(t, "verdicts.txt", verdicts.Bytes())
	for i, l := range strings.Split(strings.TrimSuffix(brief.String(), "\n"), "\n") {
		if l != "" && !strings.Contains(l, ":") {
			t.Errorf("--brief line %d is no key: value: %q", i+1, l)
		}
	}
}

// Every key of every point is there, null or not, and a lower bound is named.
func TestJSONKeysAreStable(t *testing.T) {
	sum := result.Summarise(fixture(1))
	sum.Points[0].Row.Set("ttft.p99", metric.Lower(12))
	var out bytes.Buffer
	if err := JSON(&out, sum, nil); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Points []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Points) != len(sum.Points) {
		t.Fatalf("%d points, want %d", len(got.Points), len(sum.Points))
	}
	for _, p := range got.Points {
		if len(p) != len(pointColumns)+1 {
			t.Errorf("%d keys, want %d", len(p), len(pointColumns)+1)
		}
	}
	if b := got.Points[0]["lower_bounds"].([]any); len(b) != 1 || b[0] != "p99_ttft" || got.Points[0]["p99_ttft"] != 12.0 {
		t.Errorf("lower bound: %v, %v", b, got.Points[0]["p99_ttft"])
	}
}

func TestCSVGoldenAndStable(t *testing.T) {
	rec := fixture(1)
	var first map[string][]byte
	for range 2 {
		dir := t.TempDir()
		written, err := WriteFiles(dir, result.Summarise(rec), rec)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]byte{}
		for _, w := range written {
			b, err := os.ReadFile(w.Path)
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(b)) != w.Bytes || w.About == "" {
				t.Errorf("%s has %d bytes: %+v", w.Path, len(b), w)
			}
			got[filepath.Base(w.Path)] = b
		}
		if left, _ := os.ReadDir(dir); len(left) != len(written) {
			t.Errorf("%d files in the directory, %d were named", len(left), len(written))
		}
		if first == nil {
			first = got
			continue
		}
		for name := range first {
			if !bytes.Equal(first[name], got[name]) {
				t.Errorf("%s: the same record gave other bytes", name)
			}
		}
	}
	for name, b := range first {
		r := csv.NewReader(bytes.NewReader(b))
		rows, err := r.ReadAll()
		if err != nil || !utf8.Valid(b) {
			t.Errorf("%s is no CSV: %v", name, err)
			continue
		}
		if name == "detailed_results_20261124_070000.csv" {
			checkDetailed(t, rec, rows)
			b = headAndTail(b)
		}
		golden(t, name, b)
	}
	if len(first) != 4 {
		t.Errorf("%d files, want 4", len(first))
	}
}

// headAndTail keeps a golden file small: the header, the first and last rows, and
// the first failure.
func headAndTail(b []byte) []byte {
	lines := strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	out := strings.Join(lines[:4], "")
	for _, l := range lines {
		if strings.Contains(l, "status 503") {
			out += l
			break
		}
	}
	return []byte(out + lines[len(lines)-1] + "\n")
}

// checkDetailed holds the detailed file against the record: one row per attempt,
// and figures that a consumer works out from it like the original's.
func checkDetailed(t *testing.T, rec *result.Record, rows [][]string) {
	t.Helper()
	attempts := len(rec.Outside)
	for _, u := range rec.Units {
		attempts += len(u.Requests)
	}
	if len(rows)-1 != attempts {
		t.Errorf("%d rows, %d attempts", len(rows)-1, attempts)
	}
	col := map[string]int{}
	for i, n := range rows[0] {
		col[n] = i
	}
	for _, r := range rows[1:] {
		failed := r[col["class"]] != "ok"
		if failed != (r[col["ttft"]] == "") || failed != (r[col["itl"]] == "") {
			t.Fatalf("a failure has no figures, a success has: %v", r)
		}
		if (r[col["in_window"]] == "1") != strings.HasPrefix(r[col["phase_id"]], "FIXED_c") {
			t.Fatalf("in_window and phase_id disagree: %v", r)
		}
	}
}

// The header of the original stands first, in its order.
func TestOriginalColumnsComeFirst(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []string
		want string
	}{
		{"summary", names(pointColumns), "context_size working_set_size cache_hit_rate model input_tokens_per_sec output_tokens_per_sec avg_ttft median_ttft p95_ttft p99_ttft avg_ttlt median_ttlt p95_ttlt p99_ttlt avg_output_tokens avg_itl median_itl p95_itl p99_itl peak_concurrency total_requests test_duration"},
		{"detailed", names(requestColumns), "request_id phase_id working_set_size cache_hit_rate context_size cached_tokens unique_tokens output_tokens ttft ttlt generation_time total_time launch_time finish_time concurrency_level itl"},
		{"phases", names(phaseColumns), "phase_type phase_id working_set_size cache_hit_rate context_size concurrency_level start_time end_time duration num_requests_launched num_requests_completed"},
		{"tiers", names(transitionColumns), "context_size cache_hit_rate concurrency trial from_tier to_tier edge_lo_tokens edge_hi_tokens ttft_before ttft_after ttft_ratio ms_per_1k_tokens looks"},
	} {
		want := strings.Fields(c.want)
		if got := strings.Join(c.got[:len(want)], " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		seen := map[string]bool{}
		for _, n := range c.got {
			if seen[n] {
				t.Errorf("%s: column %s is there twice", c.name, n)
			}
			seen[n] = true
		}
	}
}

func names[T any](cols []column[T]) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.name
	}
	return out
}

// Every metric of the catalogue that a point can have is in the summary.
func TestEveryMetricHasAColumn(t *testing.T) {
	p := &result.Point{Row: metric.Row{}, Validity: result.ValidOK}
	r := pointRow{run: &result.Run{}, p: p}
	for _, d := range metric.All() {
		if d.Threshold || d.Axis && d.Name != "reuse_distance" {
			continue
		}
		name := d.Name
		if d.Open {
			name += "x"
		}
		p.Row = metric.Row{name: metric.Of(12345.5)}
		found := 0
		for _, c := range pointColumns {
			if strings.Contains(string(c.get(r).append(nil)), "12345.5") {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s is in %d columns, want 1: add it at the end of pointColumns", name, found)
		}
	}
}

func TestColumnsDoc(t *testing.T) {
	var out bytes.Buffer
	ColumnsDoc(&out)
	goldenAt(t, filepath.Join("..", "..", "docs", "columns.md"), out.Bytes())
}

func TestWriteFilesNeedsADirectory(t *testing.T) {
	rec := fixture(1)
	if _, err := WriteFiles(filepath.Join(t.TempDir(), "gone"), result.Summarise(rec), rec); err == nil || !strings.Contains(err.Error(), "summary_20261124_070000.csv") {
		t.Errorf("error %v does not name the file", err)
	}
	if _, err := WriteFiles(t.TempDir(), &result.Summary{}, &result.Record{}); err == nil {
		t.Error("a record without a run was written")
	}
}

func TestFields(t *testing.T) {
	for _, c := range []struct {
		f         field
		csv, json string
	}{
		{field{}, "", "null"},
		{text("a,b \"c\""), `"a,b ""c"""`, `"a,b \"c\""`},
		{text("two\nlines"), "two lines", `"two lines"`},
		{integer(0), "0", "0"}, {told(-1), "", "null"}, {positive(0), "", "null"},
		{number(1e-7), "0.0000001", "0.0000001"}, {number(.1 + .2), "0.3", "0.3"}, {number(1e15), "1000000000000000", "1000000000000000"}, {number(0 * -1.0), "0", "0"},
		{value(metric.Lower(16)), ">=16", "16"}, {value(metric.Value{}), "", "null"},
		{nanos(212_345_678), "0.212345678", "0.212345678"}, {nanos(1_763_967_600_000_000_001), "1763967600.000000001", "1763967600.000000001"}, {nanos(2e9), "2", "2"}, {nanos(-1), "", "null"}, {nanos(-1_500_000_000), "-1.5", "-1.5"},
		{boolean(true), "1", "true"}, {boolean(false), "0", "false"},
	} {
		if got := string(c.f.appendCSV(nil)); got != c.csv {
			t.Errorf("%+v: CSV %q, want %q", c.f, got, c.csv)
		}
		if got := string(c.f.appendJSON(nil)); got != c.json {
			t.Errorf("%+v: JSON %q, want %q", c.f, got, c.json)
		}
	}
}

func TestTiersGolden(t *testing.T) {
	for name, opt := range map[string]Options{"tiers.txt": {}, "tiers-70.txt": {Width: 70}} {
		var out bytes.Buffer
		if err := Tiers(&out, result.Summarise(fixture(1)), opt); err != nil {
			t.Fatal(err)
		}
		golden(t, name, out.Bytes())
	}
	var out bytes.Buffer
	if err := TiersJSON(&out, result.Summarise(fixture(1))); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("no JSON (%v): %s", err, out.Bytes())
	}
	rec := fixture(1)
	rec.Units = rec.Units[:1] // hit rate 0 only
	rec.Run.Cells = rec.Run.Cells[:1]
	out.Reset()
	if err := Tiers(&out, result.Summarise(rec), Options{}); err != nil || !strings.Contains(out.String(), "add a hit rate above 0") {
		t.Errorf("hit rate 0 alone (%v): %q", err, out.String())
	}
}
