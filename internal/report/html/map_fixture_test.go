package html

import (
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario"
)

// mapWorld is a server whose tiers end at known depths, under LRU: what a look finds
// depends on its depth alone.
type mapWorld struct {
	text  string    // lines of the scenario beside name, target and mode
	ends  []int     // deepest prompt of each tier
	ttft  []float64 // seconds by tier, then of what is computed again
	names []string  // tiers, told with each answer; nil: not told
	told  bool      // cached tokens are told
}

// namedTiers hold 20 and 60 prompts together, and are told by name.
func namedTiers() mapWorld {
	return mapWorld{text: "contexts: [4000]\nchunk: 1000\nworking_set: {max: 2M}\n", ends: []int{20, 60}, ttft: []float64{.0063, .0268, .211}, told: true, names: []string{"hbm", "dram"}}
}

// run plays a map of every context and trial.
func (w mapWorld) run(t testing.TB) *Run {
	t.Helper()
	plan, problems := scenario.Load("map.yaml", []byte("name: map\ntarget: {endpoints: [http://localhost:8000], kv_bytes_per_token: 102400}\nmode: map\n"+w.text), scenario.Options{})
	if plan == nil {
		t.Fatal(problems)
	}
	run := &result.Run{Schema: result.Schema, ID: "k3f9", Session: 1, Stamp: "20261124_070000", Epoch: time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC), Version: "v0.1.0", Scenario: plan.Scenario, Digest: "d1ge57", Cells: plan.Cells}
	rec := &result.Record{Run: run, Sessions: []*result.Run{run}, Probe: &result.Probe{Probe: sample.Probe{Engine: "vllm", Model: "tiny", TellsCached: w.told, RepeatCached: sample.Unknown,
		Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 82_000, Source: "cache_config_info"}}}}}
	now, id := second, int64(0)
	for trial := 1; trial <= plan.Scenario.Trials; trial++ {
		for _, c := range plan.Cells {
			u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: trial}, Spec: c, Begin: now, State: result.CellDone}
			w.unit(t, rec, u, &now, &id)
			u.End = now
			rec.Units = append(rec.Units, u)
		}
	}
	return &Run{Rec: rec, Sum: result.Summarise(rec)}
}

// unit asks what a survey asks for.
func (w mapWorld) unit(t testing.TB, rec *result.Record, u *result.UnitRecord, now, id *int64) {
	t.Helper()
	s, err := survey.New(result.SurveyOptions(rec.Run.Scenario, u.Spec, u.Trial))
	if err != nil {
		t.Fatal(err)
	}
	read := result.NewLookReader(result.NewTelemetry(nil), &rec.Probe.Probe, *now)
	for a := s.Next(); a.Kind != survey.Done; a = s.Next() {
		if a.Kind == survey.Ask {
			phase := sample.PhaseLook
			if a.Touch {
				phase = sample.PhaseTouch
			}
			q := w.send(u, phase, a.Depth, now, id)
			u.Requests = append(u.Requests, q)
			read.Look(q, *now).Feed(s)
			continue
		}
		ph := &result.Phase{Unit: u.Unit, Phase: result.PhaseIngest, Level: a.Concurrency, Start: *now, Sent: a.N}
		from := len(u.Requests)
		for range a.N {
			u.Requests = append(u.Requests, w.send(u, sample.PhaseIngest, 0, now, id))
		}
		ph.End = *now
		u.Phases = append(u.Phases, ph)
		result.IngestStep(ph, u.Requests[from:]).Feed(s)
	}
}

// send is one request at a depth, 0 for a new prompt.
func (w mapWorld) send(u *result.UnitRecord, phase sample.Phase, depth int, now, id *int64) *sample.Request {
	*id++
	tier := len(w.ends)
	for i := len(w.ends) - 1; i >= 0 && depth > 0; i-- {
		if depth <= w.ends[i] {
			tier = i
		}
	}
	start := *now
	q := &sample.Request{ID: *id, Cell: u.Cell, Trial: int32(u.Trial), Phase: phase, Level: 1, Attempt: 1, Depth: int32(depth), ReuseDistance: sample.Unknown, Sent: u.Spec.R, MaxTokens: 1,
		Scheduled: start, Started: start, Wrote: start + 50_000, FirstByte: start + 100_000, ReadLagMax: sample.Unknown, Status: 200,
		PromptTokens: u.Spec.R, CompletionTokens: 1, CachedTokens: sample.Unknown, Flags: sample.TokensTold}
	if depth > 0 {
		q.ReuseDistance = int64(depth) * (u.Spec.R + 1)
	}
	if w.told {
		if q.CachedTokens = 0; tier < len(w.ends) {
			q.CachedTokens = u.Spec.R - 16
		}
	}
	if w.names != nil && tier < len(w.ends) {
		q.Sources = []sample.Source{{Tier: w.names[tier], Tokens: q.CachedTokens}}
	}
	q.SetEvents([]sample.Event{{At: start + int64(w.ttft[tier]*(1+.01*float64(*id%5))*1e9), Tokens: 1}})
	q.FirstEvent, q.FirstContent, q.End = q.FirstToken, q.FirstToken, q.LastToken+1_000_000
	*now = q.End + second/1000
	return q
}
