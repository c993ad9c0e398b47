package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// tableOf prints a summary of points at the levels 1, 2, 3 ... of one cell.
func tableOf(t *testing.T, opt Options, sum *result.Summary, points ...*result.Point) string {
	t.Helper()
	for i, p := range points {
		p.Spec, p.Level = scenario.Cell{Context: 8000, WorkingSet: 100_000, HitRate: 100}, i+1
		m := &result.Merged{Spec: p.Spec, Level: p.Level, Points: []*result.Point{p}, Trials: 1, Row: metric.Row{}, Validity: p.Validity, Reasons: p.Reasons, Stop: p.Stop, ErrorsBy: p.ErrorsBy}
		m.Row.Set("ttft.p95", metric.Of(0.25))
		m.Row.Set("output_throughput", metric.Of(1000))
		sum.Merged = append(sum.Merged, m)
	}
	var out bytes.Buffer
	if err := Table(&out, sum, opt); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A doubt that many points share with other numbers is said once: the worst, and how
// many have it. What does not compare is quoted.
func TestFootnotesSayTheWorstOnce(t *testing.T) {
	lag := func(ms float64) result.Reason {
		return result.Reason{Code: "client-limited", Class: result.ValidDoubt, Text: fmt.Sprintf("lagged by %g ms", ms), Grade: ms}
	}
	note := func(text string) result.Reason { return result.Reason{Code: "note", Class: result.ValidOK, Text: text} }
	got := tableOf(t, Options{}, &result.Summary{},
		&result.Point{Validity: result.ValidDoubt, Reasons: []result.Reason{lag(1.3), note("one")}},
		&result.Point{Validity: result.ValidDoubt, Reasons: []result.Reason{lag(2.5), note("two")}},
		&result.Point{Validity: result.ValidDoubt, Reasons: []result.Reason{lag(1.9)}})
	for _, want := range []string{"\n¹ client-limited: lagged by 2.5 ms (the worst of 3 points)\n", "\n² note: one | two\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "1.3 ms") || strings.Contains(got, "1.9 ms") {
		t.Errorf("a better value is quoted too:\n%s", got)
	}
	alone := tableOf(t, Options{}, &result.Summary{}, &result.Point{Validity: result.ValidDoubt, Reasons: []result.Reason{lag(1.3)}})
	if !strings.Contains(alone, "lagged by 1.3 ms\n") {
		t.Errorf("one point is the worst of none:\n%s", alone)
	}
}

// However narrow, a row can be told from the next, and failures are seen.
func TestNarrowTables(t *testing.T) {
	bad := &result.Point{Validity: result.ValidInvalid, ErrorsBy: map[string]int{"status": 7}, Reasons: []result.Reason{{Code: "errors", Class: result.ValidInvalid, Text: "7 failed"}}}
	for _, c := range []struct {
		width int
		point *result.Point
		head  string
	}{
		{60, &result.Point{Validity: result.ValidOK}, "context  working_set  conc  ttft.p95  errors  validity"},
		{40, &result.Point{Validity: result.ValidOK}, "working_set  conc  ttft.p95  validity"},
		{40, bad, "working_set  conc  ttft.p95  errors  validity"},
	} {
		got := tableOf(t, Options{Width: c.width}, &result.Summary{}, c.point)
		if head, _, _ := strings.Cut(got, "\n"); head != c.head {
			t.Errorf("%d columns: %q, want %q", c.width, head, c.head)
		}
	}
	two := &result.Summary{Merged: []*result.Merged{{Spec: scenario.Cell{Context: 1000}, Level: 1, Validity: result.ValidOK, Points: []*result.Point{{}}}}}
	if got := tableOf(t, Options{Width: 40}, two, &result.Point{Validity: result.ValidOK}); !strings.HasPrefix(got, "context  working_set  conc") {
		t.Errorf("two contexts cannot be told apart:\n%s", got)
	}
}

// Labels are free text: whatever they hold, they come back as they were given, and a
// CSV cell of them is no formula.
func TestLabels(t *testing.T) {
	given := map[string]string{"=gpu": "H100 \"x\", 80GB", "a;b": "日本 <b>\x1b[31m"}
	sum := result.Summarise(fixture(1))
	sum.Run.Scenario.Labels = given
	want := map[string]string{"=gpu": given["=gpu"], "a;b": "日本 <b> [31m"}
	var js, csvOut bytes.Buffer
	if err := JSON(&js, sum, nil); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Run    struct{ Labels map[string]string }
		Points []struct{ Labels map[string]string }
	}
	if err := json.Unmarshal(js.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if err := writeCSV(&csvOut, pointColumns, pointRows(sum)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&csvOut).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cell := rows[1][slices.Index(rows[0], "labels")]
	var fromCSV map[string]string
	if err := json.Unmarshal([]byte(cell), &fromCSV); err != nil {
		t.Fatalf("%v in %q", err, cell)
	}
	for where, labels := range map[string]map[string]string{"json run": got.Run.Labels, "json point": got.Points[0].Labels, "csv": fromCSV} {
		if !maps.Equal(labels, want) {
			t.Errorf("%s: %v, want %v", where, labels, want)
		}
	}
	sum.Run.Scenario.Labels = nil
	if f := labels(sum.Run); f.kind != fieldNone {
		t.Errorf("no labels are %q", f.s)
	}
}

// Levels of which the same is to be said share a line.
func TestTransitionsOfManyLevels(t *testing.T) {
	sum := &result.Summary{}
	for level := 1; level <= 12; level++ {
		s := &result.Series{SeriesKey: result.SeriesKey{Context: 8000, HitRate: 100, Level: level}, Trial: 1}
		if s.None = "no transition: one point only"; level == 5 {
			s.None = "no transition up to 1M"
		}
		sum.Series = append(sum.Series, s)
	}
	var out bytes.Buffer
	Transitions(&out, sum, Options{})
	want := "transitions  conc 1, 2, 3, 4: no transition: one point only\n             conc 5: no transition up to 1M\n             conc 6, 7, 8, 9, 10, 11, 12: no transition: one point only\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got := levelText([]int{1, 2, 3, 4, 5, 6, 7, 8, 40}); got != "1 to 40 (9 levels)" {
		t.Errorf("many levels: %q", got)
	}
}

// A long reason does not stretch every row, and one that a note has told is not
// told again.
func TestLongStopIsAFootnote(t *testing.T) {
	gone := "the server is gone: http://localhost:8000 does not answer GET /v1/models"
	cell := func() *result.Point {
		return &result.Point{Validity: result.ValidSkipped, Reasons: []result.Reason{{Code: "interrupted", Class: result.ValidSkipped, Text: gone}}}
	}
	got := tableOf(t, Options{}, &result.Summary{}, cell(), cell())
	if strings.Count(got, gone) != 1 || !strings.Contains(got, "\n¹ stop: "+gone+"\n") {
		t.Errorf("want one footnote:\n%s", got)
	}
	got = tableOf(t, Options{}, &result.Summary{Notes: []result.RunNote{{Code: "failed", Text: gone, Fail: true}}}, cell(), cell())
	if strings.Count(got, gone) != 1 || strings.Count(got, "skipped   the run failed inside it (see the note above)\n") != 2 {
		t.Errorf("want the note and two references to it:\n%s", got)
	}
}
