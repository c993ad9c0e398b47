package html

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
)

// A key figure that comes from a doubtful point says so beside itself, with the codes.
func TestFiguresSayDoubts(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000, 400_000).measure(1).run()
	for _, m := range r.Sum.Merged {
		m.Validity, m.Reasons = result.ValidOK, nil
		if m.Spec.WorkingSet == 400_000 {
			m.Validity = result.ValidDoubt
			m.Reasons = []result.Reason{{Code: "too-few-samples", Class: result.ValidDoubt, Text: "few"}, {Code: "over-capacity", Class: result.ValidOK, Text: "a note"}}
		}
	}
	doubtful := 0
	for _, f := range r.figures() {
		at := strings.Contains(f.Where, "400k")
		if at != (f.Doubt == "too-few-samples") || !at && f.Doubt != "" {
			t.Errorf("%s of %s: doubt %q", f.Name, f.Where, f.Doubt)
		}
		if at {
			doubtful++
		}
	}
	page := writtenIndex(t, r)
	if n := strings.Count(page, `<span class="doubt">doubtful</span> too-few-samples</small></dd>`); doubtful == 0 || n != doubtful {
		t.Errorf("%d figures are doubtful, the index says it of %d", doubtful, n)
	}
}

func writtenIndex(t *testing.T, r *Run) string {
	t.Helper()
	var b strings.Builder
	files := Files(r)
	if err := files[slices.IndexFunc(files, func(f File) bool { return f.Name == IndexName+".html" })].Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Over trials the pages say an edge once, with the bracket that holds it in each trial, how
// many found it, and each trial's notes: no sentence contradicts the table or the bands.
func TestEdgesOverTrials(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000, 150_000, 300_000, 400_000).measure(2).run()
	series := slices.DeleteFunc(slices.Clone(r.Sum.Series), func(s *result.Series) bool { return s.Level != 8 })
	if len(series) != 2 || len(series[0].Transitions) != 1 || len(series[1].Transitions) != 1 {
		t.Fatalf("series %+v: two trials with one transition each are needed", series)
	}
	series[1].Transitions[0].Lo, series[1].Transitions[0].LoSize = 103_000, 100_000
	series[1].Transitions[0].Notes = []string{"one point only: add sizes"}
	r.Sum.Series = series
	lines := r.edgeLines(4000, 8, func(result.SeriesKey) bool { return true })
	if len(lines) != 1 || !strings.Contains(lines[0], "between 103k and ") || !strings.Contains(lines[0], "found in 2 of 2 trials; one point only: add sizes") {
		t.Errorf("the page of the context says %q", lines)
	}
	if index := r.transitionLines(); len(index) != 1 || !strings.Contains(index[0], "between 103k and ") {
		t.Errorf("the index says %q", index)
	}
	if rows := r.edges(); len(rows) != 1 || rows[0].t.Lo != 103_000 || rows[0].t.LoSize != 100_000 {
		t.Errorf("the table says %+v", rows)
	}
	series[1].Transitions, series[1].None = nil, "no transition up to 404k"
	lines = r.edgeLines(4000, 8, func(result.SeriesKey) bool { return true })
	if len(lines) != 2 || !strings.Contains(lines[0], "found in 1 of 2 trials") || !strings.HasSuffix(lines[1], "no transition up to 404k [trial 2]") {
		t.Errorf("where one trial finds none the page says %q", lines)
	}
}

// What the run sent in all stands among its figures, as the original had it.
func TestTraffic(t *testing.T) {
	r := newWorld([]int64{4000}, []float64{100}, 100_000).measure(1).run()
	for _, u := range r.Rec.Units {
		u.Requests = nil
	}
	if got := r.traffic(); len(got) != 0 {
		t.Errorf("nothing was sent: %+v", got)
	}
	ok := &sample.Request{PromptTokens: 4000, CompletionTokens: 16}
	r.Rec.Units[0].Requests = []*sample.Request{ok, ok, {Class: sample.Status}, {Class: sample.Censored}}
	equal(t, "traffic", r.traffic(), []figure{{Name: "Requests answered", Value: "2", Where: "8k prompt tokens, 32 output tokens, warm-up included; 1 more failed"}})
	if got := r.figures(); got[len(got)-1].Name != "Requests answered" || got[len(got)-2].Name != "Highest input throughput" {
		t.Errorf("figures %+v", got)
	}
}
