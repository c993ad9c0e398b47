package html

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// soakRun is a made-up run of sustained mode: a set that grows through six sizes, out of hbm
// into dram and out of that, under a closed loop whose TTFT rises with the level. It is
// the same each time.
type soakRun struct {
	cells, trials, periods int
	slow                   float64 // a request takes so many times as long: fewer of them
	silent                 bool    // the server tells neither telemetry nor cached tokens
	dead                   int     // in so many of the last periods nothing completes
	reason                 string  // of the first decision, instead of its own
	scrapes                int     // seconds of telemetry of other cells; they tell nothing of the first
}

const (
	soakPeriod = 10.0 // seconds
	soakIngest = 40.0
	soakPrompt = 2048
	soakWarm   = 30.0
)

// soakTier is what the sizes of a tier cost: seconds of TTFT for each request in flight.
var soakTiers = []struct {
	name string
	cost float64
}{{"hbm", 0.1}, {"dram", 0.24}, {"computed", 0.6}}

// soakSteps are the sizes: prompts, the tier they are found in, and the level held.
var soakSteps = []struct{ prompts, tier, level int }{{100, 0, 16}, {160, 0, 16}, {250, 0, 15}, {400, 1, 7}, {640, 1, 7}, {1000, 2, 3}}

func seconds(s float64) int64 { return int64(math.Round(s * 1e9)) }

// run makes the record and its summary.
func (k soakRun) run() *Run {
	sc := &scenario.Scenario{Name: "soak", Mode: "sustained", Access: "cyclic", Trials: max(1, k.trials), OutputTokens: 16, Contexts: []int64{2000},
		Target: scenario.Target{Endpoints: []string{"http://server.test:8000"}, Balance: "round-robin"},
		SLO:    scenario.SLO{TTFT: []scenario.Line{{Stat: "p95", Limit: 2}}, OutputRate: []scenario.Line{{Stat: "p5", Limit: 20}}, Margin: 10}}
	for _, s := range soakSteps {
		sc.WorkingSet.Sizes = append(sc.WorkingSet.Sizes, int64(s.prompts)*2000)
	}
	head := &result.Run{Schema: result.Schema, ID: "50ac", Stamp: "20261124_101454", Epoch: time.Date(2026, 11, 24, 10, 14, 54, 0, time.UTC), Version: "test", Scenario: sc, Session: 1}
	rec := &result.Record{Run: head, Sessions: []*result.Run{head},
		Probe: &result.Probe{Probe: sample.Probe{Engine: "simulator", Model: "sim", RepeatCached: 512, TellsCached: !k.silent, TellsUsage: true, CanReset: true, ResetVerified: true}}}
	first := k.unit(1, rec)
	rec.Units = append(rec.Units, first)
	for trial := 2; trial <= k.trials; trial++ {
		rec.Units = append(rec.Units, k.unit(trial, &result.Record{}))
	}
	head.Cells = append(head.Cells, first.Spec)
	for i := 1; i < k.cells; i++ { // they share their requests
		u := *first
		u.Spec.Context += int64(i)
		u.Spec.Key = fmt.Sprintf("ctx%d_ws%d_cache90", u.Spec.Context, u.Spec.WorkingSet)
		u.Cell = u.Spec.Key
		head.Cells = append(head.Cells, u.Spec)
		rec.Units = append(rec.Units, &u)
	}
	same := map[string]float64{"server.requests_running": 4, "server.prompt_tokens": 1, "server.generation_tokens": 1, "server.preemptions": 0}
	for i := range k.scrapes {
		rec.Scrapes = append(rec.Scrapes, &result.Scrape{Scrape: sample.Scrape{At: first.End + seconds(float64(10+i)), Values: same}})
	}
	return &Run{Rec: rec, Sum: result.Summarise(rec)}
}

// cell is the plan of the growing cell.
func (k soakRun) cell() scenario.Cell {
	c := scenario.Cell{Context: 2000, HitRate: 90, R: soakPrompt, Prefix: 1792}
	for _, s := range soakSteps {
		n := int64(s.prompts)
		c.Steps = append(c.Steps, scenario.Step{WorkingSet: n * 2000, Prompts: s.prompts, Real: n * soakPrompt, HotTokens: n * c.Prefix, ReuseDistance: n * (soakPrompt + 16)})
	}
	c = c.At(len(c.Steps) - 1)
	c.Key = fmt.Sprintf("ctx2000_ws%d_cache90", c.WorkingSet)
	return c
}

// player is a unit while it is played.
type player struct {
	k     soakRun
	u     *result.UnitRecord
	rec   *result.Record // takes the scrapes
	now   float64        // seconds
	n     int            // requests so far
	free  []float64      // when each worker becomes free
	sums  map[string]float64
	total int // periods so far
}

func (k soakRun) unit(trial int, rec *result.Record) *result.UnitRecord {
	cell := k.cell()
	u := &result.UnitRecord{Unit: result.Unit{Cell: cell.Key, Trial: trial}, Spec: cell, Begin: seconds(1), State: result.CellDone}
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseWarmup, Start: seconds(1), End: seconds(soakWarm), Sent: 100})
	p := &player{k: k, u: u, rec: rec, now: soakWarm, sums: map[string]float64{}, n: 7919 * trial}
	each := k.periods / len(soakSteps)
	for step, s := range soakSteps {
		if step > 0 {
			p.ingest(step)
		}
		first := len(u.Periods)
		search := []int{s.level}
		if step == 0 {
			search = []int{2, 4, 8, 14, 19, 17, 16}
		} else if was := soakSteps[step-1].level; was != s.level {
			search = []int{was, was, (was + s.level) / 2, s.level}
		}
		for i := range each {
			p.period(step, i, each, search)
		}
		held := u.Periods[min(first+len(search), len(u.Periods)-1):]
		u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseMeasure, Step: step, Level: s.level, Start: held[0].Start, End: u.Periods[len(u.Periods)-1].End,
			Converged: step != 4, Bracket: [2]int{s.level, s.level + 1}, Periods: len(held), Search: len(search) + 3})
	}
	u.Phases = append(u.Phases, &result.Phase{Unit: u.Unit, Phase: result.PhaseDrain, Start: seconds(p.now), End: seconds(p.now + 1)})
	u.End = seconds(p.now + 1)
	return u
}

// ingest grows the set to a step while the load of the step before goes on.
func (p *player) ingest(step int) {
	level := soakSteps[step-1].level
	p.u.Phases = append(p.u.Phases, &result.Phase{Unit: p.u.Unit, Phase: result.PhaseIngest, Step: step, Level: level, Start: seconds(p.now), End: seconds(p.now + soakIngest),
		Sent: soakSteps[step].prompts - soakSteps[step-1].prompts})
	p.load(step, level, p.now+soakIngest)
}

// period plays one assessment period, and what was decided on it.
func (p *player) period(step, i, each int, search []int) {
	level := search[min(i, len(search)-1)]
	if n := len(p.u.Periods); n == 0 || p.u.Periods[n-1].Step != step || p.u.Periods[n-1].Level != level {
		p.u.Changes = append(p.u.Changes, &result.Change{Unit: p.u.Unit, At: seconds(p.now), Level: level, Step: step})
	}
	f := &result.Period{Unit: p.u.Unit, Step: step, NextStep: step, Level: level, Index: i + 1, Start: seconds(p.now), End: seconds(p.now + soakPeriod), Row: nil}
	f.Next = search[min(i+1, len(search)-1)]
	switch {
	case i == 0 && step > 0:
		f.Decision, f.Reason = "wait", fmt.Sprintf("the size has grown: level %d again, to compare", level)
	case i+1 < len(search) && f.Next > level:
		f.Decision, f.Reason = "ramp", fmt.Sprintf("ttft.p95 812ms <= 1.80s (n 85), no level has violated: raise %d -> %d", level, f.Next)
	case i+1 < len(search):
		f.Decision, f.Reason = "bisect", fmt.Sprintf("ttft.p95 2.31s > 1.80s (n 78), the bracket is %d..%d: bisect %d -> %d", f.Next, level, level, f.Next)
	case i < len(search)+2:
		f.Decision, f.Reason = "verify", fmt.Sprintf("verifying %d, period %d: ttft.p95 1.71s <= 1.80s (n 158) so far", level, i+1-len(search))
	case i == each-1 && step == len(soakSteps)-1:
		f.Decision, f.Reason, f.Over = "end", "the duration is over; the last size was held", true
	case i == each-1:
		f.Decision, f.NextStep, f.Reason = "grow", step+1, fmt.Sprintf("size %d: held for %d periods, on to size %d at level %d", step+1, each-len(search)-2, step+2, level)
	default:
		f.Decision, f.Reason = "hold", fmt.Sprintf("ttft.p95 1.71s <= 2.00s (n 271) over 3 periods: %d held for %d", level, i-len(search)-1)
	}
	if p.total == 0 && p.k.reason != "" {
		f.Reason = p.k.reason
	}
	p.u.Periods = append(p.u.Periods, f)
	p.total++
	p.load(step, level, p.now+soakPeriod)
}

// load plays a closed loop until a moment, and a scrape each second.
func (p *player) load(step, level int, until float64) {
	for len(p.free) < level {
		p.free = append(p.free, p.now)
	}
	p.free = p.free[:level] // those that leave end what they have begun
	for {
		w := 0
		for i := range p.free {
			if p.free[i] < p.free[w] {
				w = i
			}
		}
		if p.free[w] >= until {
			break
		}
		if p.k.dead > 0 && p.total > p.k.periods-p.k.dead {
			break
		}
		p.free[w] = p.request(step, level, max(p.free[w], p.now)) + 0.001
	}
	for t := math.Ceil(p.now); t < until && !p.k.silent; t++ {
		p.scrape(step, level, t)
	}
	p.now = until
}

// noise is between -1 and 1, and the same for the same n.
func noise(n int) float64 { return math.Sin(float64(n)*2.39996) * math.Cos(float64(n)*0.7548) }

// request plays one, and gives when it ended.
func (p *player) request(step, level int, start float64) float64 {
	p.n++
	s := soakSteps[step]
	tier := soakTiers[s.tier]
	slow := max(1, p.k.slow)
	ttft := slow * tier.cost * float64(level) * (1 + 0.12*noise(p.n))
	if p.n%61 == 0 {
		ttft *= 1.4
	}
	gap := 0.012 * (1 + 0.3*noise(p.n+5)) * (1 + 0.02*float64(level))
	r := &sample.Request{ID: int64(p.n), Phase: sample.PhaseLoad, Cell: p.u.Cell, Trial: int32(p.u.Trial), Level: int32(level), Prompt: int32(p.n % s.prompts), ReuseDistance: sample.Unknown,
		Sent: soakPrompt, IntendedCached: 1792, MaxTokens: 16, ReadLagMax: sample.Unknown, Scheduled: seconds(start), Started: seconds(start), Wrote: seconds(start) + 90_000,
		PromptTokens: soakPrompt, CachedTokens: 1792, CompletionTokens: 16, Status: 200, Attempt: 1, Flags: sample.TokensTold}
	if tier.name == "computed" {
		r.CachedTokens = 64
	}
	if p.k.silent {
		r.CachedTokens = sample.Unknown
	}
	events := make([]sample.Event, 4)
	for i := range events {
		events[i] = sample.Event{At: r.Started + seconds(ttft+4*gap*float64(i)), Tokens: 4}
	}
	r.SetEvents(events)
	r.FirstByte, r.FirstEvent, r.FirstContent = r.FirstToken, r.FirstToken, r.FirstToken
	r.End = r.LastToken + 50_000
	if p.n%997 == 0 && !p.k.silent {
		r.Class, r.Status, r.Events, r.EventCount = sample.Status, 503, nil, 0
		r.FirstByte, r.FirstEvent, r.FirstContent, r.FirstToken, r.LastToken = sample.Never, sample.Never, sample.Never, sample.Never, sample.Never
		r.PromptTokens, r.CachedTokens, r.CompletionTokens, r.Flags = sample.Unknown, sample.Unknown, sample.Unknown, 0
		r.End = r.Started + seconds(0.2)
	}
	p.u.Requests = append(p.u.Requests, r)
	if r.CachedTokens >= 0 {
		p.sums["server.cached_tokens."+tier.name] += float64(r.CachedTokens)
		p.sums["server.prompt_tokens_computed"] += float64(soakPrompt - r.CachedTokens)
		p.sums["server.prompt_tokens"] += soakPrompt
	}
	return float64(r.End) / 1e9
}

// scrape tells counters as they rise, and states as they waver.
func (p *player) scrape(step, level int, t float64) {
	n := int(t)
	v := map[string]float64{"server.requests_running": float64(min(level, 4)), "server.requests_waiting": math.Round(float64(max(0, level-4)) * (1 + 0.3*noise(n))), "server.kv_usage": min(99, 20+float64(10*step)+3*noise(n)),
		"server.cached_tokens.hbm": 0, "server.cached_tokens.dram": 0, "server.cached_tokens.disk": 0, "server.preemptions": float64(n / 400)}
	for name, sum := range p.sums {
		if name != "server.cached_tokens.computed" {
			v[name] = sum
		}
	}
	p.rec.Scrapes = append(p.rec.Scrapes, &result.Scrape{Scrape: sample.Scrape{At: seconds(t), Values: v}})
}

const soakPage = "sustained_ctx2000_ws2000000_cache90"

// soakOf gives the page of the first cell, filled, and as it is written.
func soakOf(t *testing.T, r *Run) (*Page, string) {
	t.Helper()
	p := pageNamed(t, r.sustainedPages(), soakPage).filled()
	return p, string(bytesOf(t, p))
}
