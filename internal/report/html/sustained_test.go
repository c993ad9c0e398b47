package html

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// A chart reads columns that its table has, and nothing else.
func TestTimeChartsReadTheTable(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 60}.run())
	tab := tableOf(p, "periods")
	want := []string{"working_set", "concurrency", "ttft", "output_rate", "tpot", "prompt_throughput", "output_throughput", "goodput", "errors", "hit_rate", "sources", "queue", "kv_usage", "preemptions"}
	if got := chartIDs(p); !slices.Equal(got, want) {
		t.Errorf("charts %q", got)
	}
	wellMade(t, p)
	for _, c := range p.View.Charts {
		if c.Bind.Kind != Time || c.Bind.Table != "periods" || c.Bind.X != "end" {
			t.Errorf("chart %s: %+v", c.ID, c.Bind)
		}
		for i, series := range templates(t, c) { // the script takes steps and stacks from them
			if step := c.ID == "working_set" || c.ID == "concurrency" && i == 0; (series.Step == "start") != step || (series.Stack != "") != (c.ID == "sources") {
				t.Errorf("chart %s: template %d is %+v", c.ID, i, series)
			}
		}
		for _, y := range c.Bind.Y {
			if y.Hi != "" && columnOf(tab, y.Hi) == nil {
				t.Errorf("chart %s reads %s, which is no column", c.ID, y.Hi)
			}
		}
	}
}

// seriesTemplate is what a series of a chart over time begins as.
type seriesTemplate struct{ Step, Stack string }

func templates(t *testing.T, c Chart) []seriesTemplate {
	t.Helper()
	var option struct{ Series []seriesTemplate }
	text, err := json.Marshal(c.Option)
	if err == nil {
		err = json.Unmarshal(text, &option)
	}
	if err != nil || len(option.Series) != len(c.Bind.Y) {
		t.Errorf("chart %s: %d templates of %d lines, %v", c.ID, len(option.Series), len(c.Bind.Y), err)
	}
	return option.Series
}

// The limits of the slo are drawn where the figures are that they hold.
func TestTimeChartsDrawTheSLO(t *testing.T) {
	p, _ := soakOf(t, soakRun{periods: 24}.run())
	for _, c := range p.View.Charts {
		want := map[string]Ref{"ttft": {Y: 2, Name: "slo TTFT p95"}, "output_rate": {Y: 20, Name: "slo output rate p5"}}[c.ID]
		if want.Name == "" && len(c.Bind.Refs) > 0 || want.Name != "" && !slices.Equal(c.Bind.Refs, []Ref{want}) {
			t.Errorf("chart %s draws %+v", c.ID, c.Bind.Refs)
		}
	}
}

// A server that tells nothing has no charts of what it did not tell, and the page says so.
func TestSilentServer(t *testing.T) {
	p, page := soakOf(t, soakRun{periods: 24, silent: true}.run())
	for _, id := range []string{"queue", "kv_usage", "sources", "preemptions"} {
		if slices.Contains(chartIDs(p), id) {
			t.Errorf("chart %s of nothing", id)
		}
	}
	for _, why := range []string{"neither those running nor those waiting", "No KV cache in use", "the server told no cached tokens", "no attempt failed"} {
		if !strings.Contains(page, why) {
			t.Errorf("the page does not say: %s", why)
		}
	}
	for _, c := range tableOf(p, "periods").Columns {
		if strings.HasPrefix(c.Key, "server.") || strings.HasPrefix(c.Key, "share.") || c.Key == "hit_rate_observed" || c.Key == "error_rate" {
			t.Errorf("a column of nothing: %s", c.Key)
		}
	}
	if !slices.Contains(chartIDs(p), "hit_rate") { // what was intended is known
		t.Errorf("charts %q", chartIDs(p))
	}
}

// Above the charts stand what was held, the transition, and a row for each size.
func TestSustainedSummary(t *testing.T) {
	_, page := soakOf(t, soakRun{periods: 120}.run())
	for _, text := range []string{
		"<dd>16 <small>at a working set of 200k</small></dd>", `<dd>3 <small>at a working set of 2M <span class="doubt">doubtful</span> `,
		"<dt>Limit: TTFT p95</dt><dd>2.00s <small>at most</small></dd>", "<dt>Limit: output rate p5</dt><dd>20 tokens/s <small>",
		"<li>hbm → dram between 516k and 826k tokens",
		`<table class="data" data-table="steps">`,
		`<span class="badge doubt">doubtful</span>`,
		`<span class="doubt">1.28M</span> <code>not-converged</code> the level that holds was not found at 1.28M`,
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say: %s", text)
		}
	}
	if at := strings.Index(page, `data-table="steps"`); at > strings.Index(page, `class="charts"`) {
		t.Error("the sizes stand behind the charts")
	}
}

// A cell that did not come to its end says why; one without a period has a page all the same.
func TestUnfinishedSustainedCell(t *testing.T) {
	for _, c := range []struct {
		state  result.CellState
		reason string
		want   string
	}{
		{result.CellFailed, "warm-up: 20 % of prompts failed", "This cell failed: warm-up: 20 % of prompts failed"},
		{result.CellInterrupted, "", "This cell was interrupted: the run ended early"},
		{result.CellBegin, "", "This cell is cut off: the record ends inside it"},
		{result.CellDone, "", ""},
	} {
		r := soakRun{periods: 24}.run()
		u := r.Rec.Units[0]
		u.State, u.Reason, u.Periods, u.Changes = c.state, c.reason, nil, nil
		u.Phases = u.Phases[:1]
		r.Sum = result.Summarise(r.Rec)
		p, page := soakOf(t, r)
		if c.want != "" && !slices.Contains(p.Notes, c.want) || c.want == "" && len(p.Notes) > 0 {
			t.Errorf("%s: notes %q", c.state, p.Notes)
		}
		if len(p.View.Charts) != 0 || !strings.Contains(page, `data-table="phases"`) {
			t.Errorf("%s: %d charts of no period", c.state, len(p.View.Charts))
		}
	}
	two := soakRun{periods: 24, trials: 2}.run()
	two.Rec.Units[1].State, two.Rec.Units[1].Reason = result.CellInterrupted, "by a person"
	if p, _ := soakOf(t, two); !slices.Contains(p.Notes, "Trial 2 was interrupted: by a person") {
		t.Errorf("notes %q", p.Notes)
	}
}

// A page costs nothing until it is written, and its name and title are known before.
func TestSustainedPagesAreMadeWhenWritten(t *testing.T) {
	r := soakRun{periods: 24, cells: 3}.run()
	pages := r.sustainedPages()
	if len(pages) != 3 {
		t.Fatalf("%d pages", len(pages))
	}
	for _, p := range pages {
		if p.Fill == nil || p.Title == "" || p.Tables != nil || p.View.Charts != nil {
			t.Errorf("page %s: %d tables before it is written", p.Name, len(p.Tables))
		}
	}
	r.Rec.Run.Scenario.Mode = "fixed"
	if got := r.sustainedPages(); got != nil {
		t.Errorf("%d sustained pages of a fixed run", len(got))
	}
}

// At hit rate 0 nothing is reused: there is no size to name, to draw or to cross.
func TestSustainedCellWithoutReuse(t *testing.T) {
	r := soakRun{periods: 24}.run()
	u := r.Rec.Units[0]
	u.Spec.HitRate, u.Spec.WorkingSet, u.Spec.Steps, u.Spec.Prefix = 0, 0, nil, 0
	for _, p := range u.Periods {
		p.Step, p.NextStep = 0, 0
	}
	u.Changes, u.Phases = u.Changes[:7], u.Phases[:2]
	r.Rec.Run.Cells[0] = u.Spec
	r.Sum = result.Summarise(r.Rec)
	p, page := soakOf(t, r)
	if !strings.Contains(p.Title, "nothing reused") || strings.Contains(page, "Transitions") || columnOf(tableOf(p, "periods"), "working_set") != nil || slices.Contains(chartIDs(p), "working_set") {
		t.Errorf("%s, charts %q", p.Title, chartIDs(p))
	}
	if !strings.Contains(page, "<small>nothing reused ") {
		t.Error("what was held is not told")
	}
}
