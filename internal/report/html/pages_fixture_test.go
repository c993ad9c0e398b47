package html

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

const second = int64(time.Second)

// world makes records of runs whose answers are known: what each request costs is said
// by tier.
type world struct {
	rec *result.Record
	id  int64
	// ttft gives the seconds to the first token, and whether the prefix was found.
	ttft func(c scenario.Cell, level int) (seconds float64, found bool)
}

// newWorld is a run of these contexts, hit rates and sizes, of which nothing has
// happened yet. Tiers end at 200k tokens.
func newWorld(contexts []int64, rates []float64, sizes ...int64) *world {
	sc := &scenario.Scenario{
		Version: 1, Name: "points", Contexts: contexts, HitRates: rates, OutputTokens: 16, Chunk: 256, WorkingSet: scenario.WorkingSet{Sizes: sizes},
		Target: scenario.Target{Endpoints: []string{"http://localhost:8000"}, Balance: "round-robin"},
		Access: "cyclic", Mode: "fixed", Concurrency: []int{4, 8}, Trials: 1, OnMiss: "skip",
		SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 0.6}}},
	}
	run := &result.Run{Schema: result.Schema, ID: "k3f9", Session: 1, Stamp: "20261124_070000", Epoch: time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC), Version: "v0.1.0", Scenario: sc, Digest: "d1ge57"}
	w := &world{rec: &result.Record{Run: run, Sessions: []*result.Run{run}, Probe: &result.Probe{Probe: sample.Probe{Engine: "vllm", Model: "tiny", TellsCached: true, RepeatCached: sample.Unknown}}}}
	w.ttft = func(c scenario.Cell, level int) (float64, bool) {
		switch {
		case c.HitRate == 0:
			return 0.4, false
		case c.ReuseDistance > 200_000:
			return 0.4 - 0.2*c.HitRate/100, true
		}
		return 0.05 * float64(level) / 4, true
	}
	for _, context := range contexts {
		for _, rate := range rates {
			if rate == 0 {
				run.Cells = append(run.Cells, scenario.CellOf(sc, context, 0, 0))
				continue
			}
			for _, size := range sizes {
				run.Cells = append(run.Cells, scenario.CellOf(sc, context, size, rate))
			}
		}
	}
	return w
}

// measure runs every cell at every level, trials times.
func (w *world) measure(trials int) *world {
	w.rec.Run.Scenario.Trials = trials
	at := second
	for trial := 1; trial <= trials; trial++ {
		for _, c := range w.rec.Run.Cells {
			u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: trial}, Spec: c, Begin: at, State: result.CellDone}
			for _, level := range c.Levels {
				w.window(u, c, level, 0, at, at+60*second)
				at += 60 * second
			}
			u.End = at
			w.rec.Units = append(w.rec.Units, u)
		}
	}
	return w
}

// window measures one level: a closed loop whose requests take what ttft says.
func (w *world) window(u *result.UnitRecord, c scenario.Cell, level, step int, start, end int64) *result.Phase {
	ttft, found := w.ttft(c, level)
	for worker := range level {
		for t := start - 2*second + int64(worker)*second/int64(level); t < end; {
			r := w.request(c, u, level, t, ttft, found)
			u.Requests = append(u.Requests, r)
			t = r.End + second/1000
		}
	}
	ph := &result.Phase{Unit: u.Unit, Phase: result.PhaseMeasure, Level: level, Start: start, End: end, Step: step, Converged: true}
	u.Phases = append(u.Phases, ph)
	return ph
}

func (w *world) request(c scenario.Cell, u *result.UnitRecord, level int, start int64, ttft float64, found bool) *sample.Request {
	w.id++
	r := &sample.Request{ID: w.id, Cell: u.Cell, Trial: int32(u.Trial), Phase: sample.PhaseLoad, Level: int32(level), Prompt: -1, Attempt: 1, ReuseDistance: sample.Unknown,
		Sent: c.R, MaxTokens: 16, Scheduled: start - 1000, Started: start, Wrote: start + 50_000, FirstByte: start + 100_000, ReadLagMax: sample.Unknown, Status: 200,
		PromptTokens: c.R, CompletionTokens: 16, Flags: sample.TokensTold}
	if c.Prompts > 0 {
		r.Prompt, r.ReuseDistance, r.IntendedCached = int32(w.id%int64(c.Prompts)), c.ReuseDistance, c.Prefix
	}
	if found {
		r.CachedTokens = r.IntendedCached
	}
	events := make([]sample.Event, 16)
	for i := range events {
		events[i] = sample.Event{At: start + int64(ttft*(1+float64(w.id%7)/50)*1e9) + int64(i)*20_000_000, Tokens: 1}
	}
	r.SetEvents(events)
	r.FirstEvent, r.FirstContent, r.End = r.FirstToken, r.FirstToken, r.LastToken+1_000_000
	return r
}

// grow runs the same cells as sizes that a set grows through, each at the level that
// held gives.
func (w *world) grow(held func(step int) (level int, bracket [2]int)) *world {
	sc := w.rec.Run.Scenario
	sc.Mode, sc.Concurrency, sc.Search.Start = "sustained", nil, 2
	var cells []scenario.Cell
	at := second
	for _, context := range sc.Contexts {
		for _, rate := range sc.HitRates {
			c := scenario.CellOf(sc, context, sc.WorkingSet.Sizes[len(sc.WorkingSet.Sizes)-1], rate)
			c.Levels = nil
			for _, size := range sc.WorkingSet.Sizes {
				one := scenario.CellOf(sc, context, size, rate)
				c.Steps = append(c.Steps, scenario.Step{WorkingSet: one.WorkingSet, Prompts: one.Prompts, Real: one.Real, HotTokens: one.HotTokens, ReuseDistance: one.ReuseDistance})
			}
			cells = append(cells, c)
			u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: 1}, Spec: c, Begin: at, State: result.CellDone}
			for step := range c.Steps {
				level, bracket := held(step)
				u.Changes = append(u.Changes, &result.Change{Unit: u.Unit, At: at, Level: level, Step: step})
				ph := w.window(u, c.At(step), level, step, at, at+60*second)
				ph.Converged, ph.Bracket, ph.Search = bracket[0] == bracket[1], bracket, 3
				at += 60 * second
			}
			u.End = at
			w.rec.Units = append(w.rec.Units, u)
		}
	}
	w.rec.Run.Cells = cells
	return w
}

func (w *world) run() *Run { return &Run{Rec: w.rec, Sum: result.Summarise(w.rec)} }

// pointPages are the pages of this file's concern.
func pointPages(r *Run) (out []*Page) {
	for _, p := range slices.Concat(r.workingSets(), r.comparisons(), r.fixedPages()) {
		out = append(out, p.filled())
	}
	return out
}

// bytesOf is a page as it is written.
func bytesOf(t *testing.T, p *Page) []byte {
	t.Helper()
	var b bytes.Buffer
	d := document{Title: p.Title, Policy: policy("'self'"), Script: shared}
	if err := d.write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pageNamed(t *testing.T, pages []*Page, name string) *Page {
	t.Helper()
	i := slices.IndexFunc(pages, func(p *Page) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no page %s", name)
	}
	return pages[i]
}

func chartOf(t *testing.T, p *Page, id string) Chart {
	t.Helper()
	i := slices.IndexFunc(p.View.Charts, func(c Chart) bool { return c.ID == id })
	if i < 0 {
		t.Fatalf("%s has no chart %s, but %v", p.Name, id, chartIDs(p))
	}
	return p.View.Charts[i]
}

func chartIDs(p *Page) (out []string) {
	for _, c := range p.View.Charts {
		out = append(out, c.ID)
	}
	return out
}

func controlOf(p *Page, id string) *Control {
	for i := range p.View.Controls {
		if p.View.Controls[i].ID == id {
			return &p.View.Controls[i]
		}
	}
	return nil
}

func tableOf(p *Page, id string) *Table {
	for i := range p.Tables {
		if p.Tables[i].ID == id {
			return &p.Tables[i]
		}
	}
	return nil
}

func columnOf(t *Table, key string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Key == key {
			return &t.Columns[i]
		}
	}
	return nil
}

// cells gives the texts of a column, nil when there is none.
func cells(t *Table, key string) (out []string) {
	if c := columnOf(t, key); c != nil {
		for i := range t.Rows {
			out = append(out, string(c.Cell(nil, i)))
		}
	}
	return out
}

var chartID = regexp.MustCompile(`^[a-z0-9_]+$`)

// wellMade holds a page against what the script relies on: whatever a chart or control
// names is there.
func wellMade(t *testing.T, p *Page) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: "+format, append([]any{p.Name}, args...)...)
	}
	if p.Title == "" || p.Lead == "" || len(p.Tables) == 0 || p.Tables[0].Rows == 0 {
		fail("no title, lead or rows")
	}
	for _, table := range p.Tables {
		for i, c := range table.Columns {
			if c.Head == "" || c.Head == c.Key && strings.ContainsAny(c.Key, "._") {
				fail("column %s of %s has no head for people", c.Key, table.ID)
			}
			if columnOf(&table, c.Key) != &table.Columns[i] {
				fail("column %s of %s is there twice", c.Key, table.ID)
			}
		}
	}
	for i, c := range p.View.Charts {
		if !chartID.MatchString(c.ID) || slices.Index(chartIDs(p), c.ID) != i || c.Title == "" || !strings.HasSuffix(c.Text, ".") {
			fail("chart %d: %q, %q, %q", i, c.ID, c.Title, c.Text)
		}
		table := tableOf(p, c.Bind.Table)
		need := []string{c.Bind.X, c.Bind.By, c.Bind.Join}
		for _, y := range c.Bind.Y {
			need = append(need, y.Key, y.Lo)
			if y.Axis >= len(c.Bind.Unit) {
				fail("%s: %s has no axis", c.ID, y.Key)
			}
		}
		for _, key := range need {
			if key != "" && columnOf(table, key) == nil {
				fail("%s: no column %s", c.ID, key)
			}
		}
		series := fmt.Sprint(c.Option["series"])
		if c.Bind.Kind == Lines && strings.Count(series, "line") < len(c.Bind.Y) {
			fail("%s: %d statistics, series %s", c.ID, len(c.Bind.Y), series)
		}
	}
	for _, c := range p.View.Controls {
		wellMadeControl(t, p, c)
	}
}

func wellMadeControl(t *testing.T, p *Page, c Control) {
	t.Helper()
	has := func(key string) bool { return key == "" || columnOf(&p.Tables[0], key) != nil }
	if c.Label == "" || !has(c.Key) || c.Kind != "switch" && len(c.Options) < 2 {
		t.Errorf("%s: control %+v", p.Name, c)
	}
	for _, v := range c.Default {
		if !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == v }) {
			t.Errorf("%s: control %s begins with %q, which is none of its options", p.Name, c.ID, v)
		}
	}
	if c.Kind == "one" && len(c.Default) != 1 {
		t.Errorf("%s: control %s begins with %v", p.Name, c.ID, c.Default)
	}
	for _, o := range c.Options {
		if o.Label == "" || !has(o.Key) || !has(o.Match) {
			t.Errorf("%s: control %s has the option %+v", p.Name, c.ID, o)
		}
		if found := tableOf(p, "transitions"); found != nil && o.Lo != "" && (columnOf(found, o.Lo) == nil || columnOf(found, o.Hi) == nil) {
			t.Errorf("%s: transitions have no %s, %s", p.Name, o.Lo, o.Hi)
		}
		if c.Key != "" && o.Match == "" && !slices.Contains(cells(&p.Tables[0], c.Key), o.Value) {
			t.Errorf("%s: no row has %s %s", p.Name, c.Key, o.Value)
		}
	}
}
