package result

import (
	"fmt"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// leg is some periods of a growing cell at one step and level.
type leg struct {
	step, level, periods int
	decision             string // of its last period
}

// grower plays a sustained cell whose every answer is known: periods of 10 s, prompts
// of 1000 tokens, 900 of them reusable.
type grower struct {
	sizes  []int                                        // prompts of each step
	legs   []leg                                        // in order
	ttft   func(step, level int) float64                // seconds, in the middle of its spread
	noisy  func(start float64, step, level int) float64 // instead of ttft: of each request
	cached func(step int) int64                         // of the 1000 tokens; nil: 900
	silent bool                                         // the server tells no cached tokens
	ingest float64                                      // seconds of ingest at each growth; 0: prewarmed
	phases func(g *grower, u *UnitRecord)               // the steps' phases; nil: one for each step over its last leg, converged
	sc     scenario.Scenario
}

const periodSec = 10.0

func newGrower(sizes ...int) *grower {
	g := &grower{sizes: sizes, ttft: func(int, int) float64 { return 0.5 }}
	g.sc = scenario.Scenario{Name: "growing", Mode: "sustained", Access: "cyclic", Trials: 1, OutputTokens: 20,
		Target: scenario.Target{Endpoints: []string{"http://x"}, Balance: "round-robin"}, SLO: scenario.SLO{TTFT: []scenario.Line{{Stat: "p50", Limit: 5}}}}
	for step, n := range sizes {
		g.sc.WorkingSet.Sizes = append(g.sc.WorkingSet.Sizes, int64(n)*1000)
		g.legs = append(g.legs, leg{step, 4, 6, "grow"})
	}
	return g
}

func (g *grower) cell() scenario.Cell {
	c := scenario.Cell{Context: 1000, HitRate: 90, R: 1000, Prefix: 900}
	for _, n := range g.sizes {
		p := int64(n)
		c.Steps = append(c.Steps, scenario.Step{WorkingSet: p * 1000, Prompts: n, Real: p * 1000, HotTokens: p * 900, ReuseDistance: p * 1020})
	}
	c = c.At(len(c.Steps) - 1)
	c.Key = fmt.Sprintf("ctx1000_ws%d_cache90", c.WorkingSet)
	return c
}

func (g *grower) unit(trial int) *UnitRecord {
	cell := g.cell()
	u := &UnitRecord{Unit: Unit{cell.Key, trial}, Spec: cell, Begin: at(1), State: CellDone}
	u.Phases = append(u.Phases, &Phase{Unit: u.Unit, Phase: PhaseWarmup, Start: at(1), End: at(10)})
	now, id, dealt := 10.0, int64(0), 0
	for i, l := range g.legs {
		if i > 0 && l.step != g.legs[i-1].step && g.ingest > 0 {
			u.Phases = append(u.Phases, &Phase{Unit: u.Unit, Phase: PhaseIngest, Step: l.step, Level: l.level, Start: at(now), End: at(now + g.ingest)})
			id, dealt = g.play(u, leg{l.step, g.legs[i-1].level, 0, ""}, now, now+g.ingest, id, dealt)
			now += g.ingest
		}
		u.Changes = append(u.Changes, &Change{Unit: u.Unit, At: at(now), Level: l.level, Step: l.step, Reason: "because"})
		end := now + periodSec*float64(l.periods)
		id, dealt = g.play(u, l, now, end, id, dealt)
		for p := range l.periods {
			f := &Period{Unit: u.Unit, Level: l.level, Step: l.step, Index: len(u.Periods) + 1, Start: at(now + periodSec*float64(p)), End: at(now + periodSec*float64(p+1)),
				Decision: "hold", Reason: "held on", Next: l.level, NextStep: l.step}
			if p == l.periods-1 {
				f.Decision = l.decision
				if i+1 < len(g.legs) {
					f.Next, f.NextStep = g.legs[i+1].level, g.legs[i+1].step
				} else {
					f.Over = true
				}
			}
			u.Periods = append(u.Periods, f)
		}
		now = end
	}
	u.End = at(now + 1)
	if g.phases != nil {
		g.phases(g, u)
	} else {
		g.converged(u)
	}
	return u
}

// play makes the requests of one leg.
func (g *grower) play(u *UnitRecord, l leg, from, until float64, id int64, dealt int) (int64, int) {
	cached := int64(900)
	if g.cached != nil {
		cached = g.cached(l.step)
	}
	s := synth{workers: l.level, prompts: g.sizes[l.step], from: from, until: until, spread: 0.5, ttft: wobble(g.ttft(l.step, l.level)), events: 20, tokens: 20, told: true, gap: 0.01, sent: 1000, cached: 900}
	if g.noisy != nil {
		of, v := -1, 0.0
		s.ttft = func(start float64, n int) float64 { // asked for each event: drawn once for each request
			if n != of {
				of, v = n, g.noisy(start, l.step, l.level)
			}
			return v
		}
	}
	reqs := s.requests()
	for _, r := range reqs {
		id++
		r.ID, r.Cell, r.Trial, r.Level = id, u.Cell, int32(u.Trial), int32(l.level)
		r.Prompt = int32(dealt % g.sizes[l.step])
		dealt++
		r.CachedTokens = cached
		if g.silent {
			r.CachedTokens = sample.Unknown
		}
	}
	u.Requests = append(u.Requests, reqs...)
	return id, dealt
}

// converged says of each step that its last leg was held: all but its first period.
func (g *grower) converged(u *UnitRecord) {
	for step := range g.sizes {
		if ph := held(u, step); ph != nil {
			ph.Converged, ph.Bracket = true, [2]int{ph.Level, ph.Level + 1}
			u.Phases = append(u.Phases, ph)
		}
	}
}

// held is the phase of a step's last stretch, nil when it has none.
func held(u *UnitRecord, step int) *Phase {
	var last *stretch
	for _, st := range u.stretches() {
		if st.step == step {
			last = &st
		}
	}
	if last == nil {
		return nil
	}
	ps := last.periods
	if len(ps) > 1 {
		ps = ps[1:]
	}
	return &Phase{Unit: u.Unit, Phase: PhaseMeasure, Step: step, Level: last.level, Start: ps[0].Start, End: ps[len(ps)-1].End, Periods: len(ps), Search: 4}
}

func (g *grower) record(units ...*UnitRecord) *Record {
	run := &Run{Schema: Schema, Scenario: &g.sc, Session: 1, Cells: []scenario.Cell{g.cell()}}
	return &Record{Run: run, Sessions: []*Run{run}, Probe: &Probe{sample.Probe{RepeatCached: 512, TellsCached: true, TellsUsage: true, ResetVerified: true, CanReset: true}}, Units: units}
}

func (g *grower) summary() *Summary { return Summarise(g.record(g.unit(1))) }
