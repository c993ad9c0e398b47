package report

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
	ends  []int     // deepest prompt of each tier; nil: there is no cache
	ttft  []float64 // seconds by tier, then of what is computed again
	names []string  // tiers, told with each answer
	told  bool      // cached tokens are told
	stop  int       // steps after which the unit is interrupted; 0: none
}

// twoTiers hold 40 and 160 prompts together.
func twoTiers() mapWorld {
	return mapWorld{text: "contexts: [4000]\nchunk: 1000\nworking_set: {max: 2M}\n", ends: []int{40, 160}, ttft: []float64{.0063, .0268, .211}, told: true}
}

// record plays a map of every context and trial.
func (w mapWorld) record(t testing.TB) *result.Record {
	t.Helper()
	plan, problems := scenario.Load("map.yaml", []byte("name: map\ntarget: http://localhost:8000\nmode: map\n"+w.text), scenario.Options{})
	if plan == nil {
		t.Fatal(problems)
	}
	run := &result.Run{Schema: result.Schema, ID: "k3f9", Session: 1, Stamp: "20261124_070000", Epoch: time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC),
		Version: "v0.1.0", Scenario: plan.Scenario, Digest: "d1ge57", Nonce: "n0nce", Host: result.Host{Name: "bench-1", CPUs: 8, CPULimit: 8}, Cells: plan.Cells}
	rec := &result.Record{Run: run, Sessions: []*result.Run{run}, Probe: &result.Probe{Probe: sample.Probe{Engine: "vllm", Version: "0.32", Model: "tiny", TellsCached: w.told, TellsUsage: true, ResetVerified: true, RepeatCached: sample.Unknown,
		Capacity: []sample.Capacity{{Tier: "hbm", Tokens: 165_000, Source: "cache_config_info"}}}}}
	p := &mapPlay{mapWorld: w, rec: rec, now: second}
	for trial := 1; trial <= plan.Scenario.Trials; trial++ {
		for _, c := range plan.Cells {
			p.unit(t, c, trial)
		}
	}
	return rec
}

// mapPlay makes units one after the other.
type mapPlay struct {
	mapWorld
	rec *result.Record
	now int64
	id  int64
}

func (p *mapPlay) unit(t testing.TB, c scenario.Cell, trial int) {
	t.Helper()
	u := &result.UnitRecord{Unit: result.Unit{Cell: c.Key, Trial: trial}, Spec: c, Begin: p.now, State: result.CellDone}
	p.rec.Units = append(p.rec.Units, u)
	s, err := survey.New(result.SurveyOptions(p.rec.Run.Scenario, c, trial))
	if err != nil {
		t.Fatal(err)
	}
	tel := result.NewTelemetry(nil)
	read := result.NewLookReader(tel, &p.rec.Probe.Probe, p.now)
	for n := 0; ; n++ {
		a := s.Next()
		if p.stop > 0 && n == p.stop {
			u.State, u.Reason = result.CellInterrupted, "interrupted"
			break
		}
		if a.Kind == survey.Done {
			break
		}
		if a.Kind == survey.Ingest {
			ph := &result.Phase{Unit: u.Unit, Phase: result.PhaseIngest, Level: a.Concurrency, Start: p.now, Sent: a.N}
			from := len(u.Requests)
			for range a.N {
				u.Requests = append(u.Requests, p.send(u, sample.PhaseIngest, 0))
			}
			ph.End = p.now
			u.Phases = append(u.Phases, ph)
			result.IngestStep(ph, u.Requests[from:]).Feed(s)
			continue
		}
		phase := sample.PhaseLook
		if a.Touch {
			phase = sample.PhaseTouch
		}
		q := p.send(u, phase, a.Depth)
		u.Requests = append(u.Requests, q)
		read.Look(q, p.now).Feed(s)
	}
	u.End = p.now
	p.now += second
}

// send is one request at a depth, 0 for a new prompt; its TTFT varies by 4 %.
func (p *mapPlay) send(u *result.UnitRecord, phase sample.Phase, depth int) *sample.Request {
	p.id++
	size := u.Spec.R + 1
	tier := len(p.ends)
	for i := len(p.ends) - 1; i >= 0 && depth > 0; i-- {
		if depth <= p.ends[i] {
			tier = i
		}
	}
	ttft := p.ttft[tier] * (1 + .01*float64(p.id%5))
	q := &sample.Request{ID: p.id, Cell: u.Cell, Trial: int32(u.Trial), Phase: phase, Level: 1, Attempt: 1, Depth: int32(depth), ReuseDistance: sample.Unknown,
		Sent: u.Spec.R, MaxTokens: 1, Scheduled: p.now, Started: p.now, Wrote: p.now + 50_000, FirstByte: p.now + 100_000, ReadLagMax: sample.Unknown, Status: 200,
		PromptTokens: u.Spec.R, CompletionTokens: 1, CachedTokens: sample.Unknown, Flags: sample.TokensTold}
	if depth > 0 {
		q.ReuseDistance = int64(depth) * size
	}
	if p.told {
		q.CachedTokens = 0
		if tier < len(p.ends) {
			q.CachedTokens = u.Spec.R - 16
			if p.names != nil {
				q.Sources = []sample.Source{{Tier: p.names[tier], Tokens: q.CachedTokens}}
			}
		}
	}
	q.SetEvents([]sample.Event{{At: p.now + int64(ttft*1e9), Tokens: 1}})
	q.FirstEvent, q.FirstContent, q.End = q.FirstToken, q.FirstToken, q.LastToken+1_000_000
	p.now = q.End + second/1000
	return q
}

func (w mapWorld) summary(t testing.TB) *result.Summary {
	t.Helper()
	return result.Summarise(w.record(t))
}

// mapWorlds are maps of every kind of answer, by name.
func mapWorlds() map[string]mapWorld {
	named := twoTiers()
	named.names = []string{"hbm", "dram"}
	untold := twoTiers()
	untold.told = false
	off := twoTiers()
	off.ends, off.ttft = nil, []float64{.2}
	holds := twoTiers()
	holds.ends, holds.ttft, holds.text = []int{9999}, []float64{.006, .2}, "contexts: [4000]\nchunk: 1000\nworking_set: {max: 160k}\n"
	trials := twoTiers()
	trials.text = "contexts: [2000, 4000]\nchunk: 1000\nworking_set: {max: 2M}\ntrials: 3\n"
	cut := twoTiers()
	cut.stop = 40
	policy := named
	policy.text += "map: {policy: true}\n"
	free := named // the second tier is no slower: its edge is told, its cost is none
	free.ttft = []float64{.0268, .0263, .211}
	return map[string]mapWorld{"free": free, "policy": policy, "sources": named, "cached": twoTiers(), "ttft": untold, "off": off, "holds": holds, "trials": trials, "cut": cut}
}
