package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds got against testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	goldenAt(t, filepath.Join("testdata", name), got)
}

func goldenAt(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

const second = int64(time.Second)

// fixture builds the record of a run that has a bit of everything: a size that
// fits, one that does not, a hit rate of 0, failures, a skipped level, a failed
// cell, and words from a server that would like to own the terminal.
func fixture(trials int) *result.Record {
	sc := &scenario.Scenario{
		Version: 1, Name: "fixture", Contexts: []int64{8000}, HitRates: []float64{0, 100}, OutputTokens: 16, Chunk: 256,
		WorkingSet: scenario.WorkingSet{Sizes: []int64{100_000, 150_000, 400_000, 600_000, 900_000}},
		Target:     scenario.Target{Endpoints: []string{"http://localhost:8000"}, Balance: "round-robin"},
		Access:     "cyclic", Mode: "fixed", Concurrency: []int{4, 8}, Trials: trials, OnMiss: "skip",
		Duration: scenario.Span{Min: scenario.Duration(10 * second), Max: scenario.Duration(10 * second)}, Assessment: scenario.Duration(5 * second),
		SLO:    scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 0.6}}},
		Warmup: scenario.Warmup{Concurrency: 16, Rewarm: "per-working-set"},
		Output: scenario.Output{Requests: true},
	}
	run := &result.Run{Schema: result.Schema, ID: "k3f9", Session: 1, Stamp: "20261124_070000", Epoch: time.Date(2026, 11, 24, 7, 0, 0, 123456789, time.UTC),
		Version: "v0.1.0", Scenario: sc, Digest: "d1ge57", Nonce: "n0nce", Host: result.Host{Name: "bench-1", CPUs: 8, CPULimit: 8}}
	for _, size := range append([]int64{0}, sc.WorkingSet.Sizes...) {
		hit := 100.0
		if size == 0 {
			hit = 0
		}
		run.Cells = append(run.Cells, scenario.CellOf(sc, 8000, size, hit))
	}
	rec := &result.Record{Run: run, Sessions: []*result.Run{run}, Probe: &result.Probe{Probe: sample.Probe{Engine: "vllm", Version: "0.32", Model: "tiny, \"quoted\"", TellsCached: true, TellsUsage: true, ResetVerified: true, RepeatCached: sample.Unknown,
		Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 200_000, Source: "cache_config_info"}}}},
		Notes: []*result.Note{{Code: "template", Text: "two unlike prompts share 7 tokens \x1b[31m(of the chat template)"}}}
	b := &builder{rec: rec}
	probe := b.request(&result.UnitRecord{}, 0, 0, second/1000, .01)
	probe.Phase, probe.Cell, probe.Trial = sample.PhaseProbe, "", 0
	rec.Outside = append(rec.Outside, probe)
	for trial := 1; trial <= trials; trial++ {
		for i, c := range run.Cells {
			b.unit(c, trial, i)
		}
	}
	return rec
}

// builder makes units one after the other.
type builder struct {
	rec *result.Record
	now int64
	id  int64
}

func (b *builder) unit(c scenario.Cell, trial, index int) {
	u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: trial}, Spec: c, Begin: b.now, State: result.CellDone}
	b.rec.Units = append(b.rec.Units, u)
	defer func() { u.End = b.now; b.now += second }()
	if index == 5 {
		u.State, u.Class, u.Reason = result.CellFailed, "warm-up", "warm-up: 20 % of 112 prompts failed twice, the first with: connection refused"
		return
	}
	b.now += 5 * second
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseWarmup, Start: u.Begin, End: b.now, Sent: c.Prompts})
	ttft := []float64{.4, .02, .021, .06, .5}[index] * (1 + .02*float64(trial-1))
	for _, level := range c.Levels {
		missed := index == 4
		if level == 8 && missed {
			u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseSkipped, Level: 8, Start: b.now, End: b.now, Reason: "slo missed at concurrency 4: ttft.p95 > 600ms"})
			continue
		}
		b.level(u, level, ttft, missed)
	}
}

// level plays a closed loop for two seconds of warm-in and ten of measuring. From
// the third unit on every fifth attempt of level 8 fails.
func (b *builder) level(u *result.UnitRecord, level int, ttft float64, missed bool) {
	start := b.now + 2*second
	end := start + 10*second
	b.now = end + second
	p := &result.Phase{Unit: u.Unit, Phase: result.PhaseMeasure, Level: level, Start: start, End: end}
	if missed {
		p.Missed, p.Stop = true, "ttft.p95 > 600ms"
	}
	u.Phases = append(u.Phases, p)
	free := make([]int64, level)
	for w := range free {
		free[w] = start - 2*second + int64(w)*second/int64(level)
	}
	for n := 0; ; n++ {
		w := n % level
		if free[w] >= end {
			return
		}
		r := b.request(u, level, n, free[w], ttft*(1+float64(n%7)/20))
		u.Requests = append(u.Requests, r)
		free[w] = r.End + second/1000
	}
}

func (b *builder) request(u *result.UnitRecord, level, n int, start int64, ttft float64) *sample.Request {
	b.id++
	c := u.Spec
	r := &sample.Request{ID: b.id, Cell: u.Cell, Trial: int32(u.Trial), Phase: sample.PhaseLoad, Level: int32(level), Prompt: -1, Attempt: 1, ReuseDistance: sample.Unknown,
		Sent: c.R, MaxTokens: 16, Scheduled: start - 1000, Started: start, Wrote: start + 50_000, FirstByte: start + 100_000, ReadLagMax: sample.Unknown, Status: 200,
		FirstEvent: sample.Never, FirstContent: sample.Never, FirstToken: sample.Never, LastToken: sample.Never, PromptTokens: sample.Unknown, CachedTokens: sample.Unknown, CompletionTokens: sample.Unknown}
	if c.Prompts > 0 {
		r.Prompt, r.Cycle, r.ReuseDistance, r.IntendedCached = int32(n%c.Prompts), int32(n/c.Prompts), c.ReuseDistance, (c.R-1)/16*16
	}
	if c.WorkingSet == 400_000 && level == 8 && n%5 == 4 {
		r.Class, r.Status, r.Err, r.End = sample.Status, 503, "status 503: overloaded, \"try\nlater\"", start+second/10
		return r
	}
	events := make([]sample.Event, 16)
	for i := range events {
		events[i] = sample.Event{At: start + int64(ttft*1e9) + int64(i)*2_000_000, Tokens: 1}
	}
	r.Flags = sample.TokensTold
	r.SetEvents(events)
	r.FirstEvent, r.FirstContent, r.End = r.FirstToken, r.FirstToken, r.LastToken+1_000_000
	r.PromptTokens, r.CompletionTokens, r.CachedTokens = c.R, 16, 0
	if c.WorkingSet > 0 && c.WorkingSet < 400_000 {
		r.CachedTokens = r.IntendedCached
	}
	return r
}

// row is a metric row from pairs of name and value.
func row(pairs ...any) metric.Row {
	r := metric.Row{}
	for i := 0; i < len(pairs); i += 2 {
		r.Set(pairs[i].(string), metric.Of(pairs[i+1].(float64)))
	}
	return r
}
