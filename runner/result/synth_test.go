package result

import (
	"math"
	"slices"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

const sec = int64(1e9)

func at(s float64) int64 { return int64(math.Round(s * 1e9)) }

// synth is a server whose every answer is known beforehand, under a closed loop.
type synth struct {
	workers int
	prompts int                                // of the working set, dealt in a cycle
	from    float64                            // seconds: when the workers start, spread over one mean latency
	until   float64                            // no request starts later
	ttft    func(start float64, n int) float64 // seconds
	events  int                                // token events of each answer
	tokens  int64                              // output tokens of each answer
	told    bool                               // tokens of each event are told
	gap     float64                            // seconds between events
	sent    int64                              // prompt tokens
	cached  int64                              // of these, cached: told and intended
	spread  float64                            // seconds over which the workers' first starts are spread
}

// requests plays the closed loop: each worker sends its next request 1 ms after
// its last one ended. They come in order of start.
func (s synth) requests() []*sample.Request {
	free := make([]float64, s.workers)
	for i := range free {
		free[i] = s.from + s.spread*float64(i)/float64(s.workers)
	}
	var out []*sample.Request
	for {
		w := 0
		for i := range free {
			if free[i] < free[w] {
				w = i
			}
		}
		if free[w] >= s.until {
			return out
		}
		n := len(out)
		r := s.request(free[w], n)
		out = append(out, r)
		free[w] = seconds(r.End) + 0.001
	}
}

func (s synth) request(start float64, n int) *sample.Request {
	r := &sample.Request{
		ID: int64(n + 1), Phase: sample.PhaseLoad, Cell: "cell", Trial: 1, Prompt: -1, ReuseDistance: sample.Unknown,
		Sent: s.sent, IntendedCached: s.cached, MaxTokens: s.tokens, ReadLagMax: sample.Unknown,
		Scheduled: at(start), Started: at(start), Wrote: at(start) + 100_000,
		PromptTokens: s.sent, CachedTokens: s.cached, CompletionTokens: s.tokens, Status: 200, Attempt: 1,
	}
	if s.prompts > 0 {
		r.Prompt, r.Cycle = int32(n%s.prompts), int32(n/s.prompts)
	}
	evs := make([]sample.Event, s.events)
	for i := range evs {
		evs[i].At = r.Started + at(s.ttft(start, n)) + int64(i)*at(s.gap)
		if s.told {
			evs[i].Tokens = s.tokens*int64(i+1)/int64(s.events) - s.tokens*int64(i)/int64(s.events)
		}
	}
	if s.told {
		r.Flags |= sample.TokensTold
	}
	r.SetEvents(evs)
	r.FirstEvent, r.FirstContent, r.FirstByte = r.FirstToken, r.FirstToken, r.FirstToken
	r.End = r.LastToken + 50_000
	return r
}

func constant(s float64) func(float64, int) float64 {
	return func(float64, int) float64 { return s }
}

// cutAt gives the requests as a live reader sees them at time t: those that have
// ended whole, those in flight as far as they have come, others not at all.
func cutAt(reqs []*sample.Request, t int64) []*sample.Request {
	var out []*sample.Request
	for _, r := range reqs {
		if r.Started >= t {
			continue
		}
		if r.End < t {
			out = append(out, r)
			continue
		}
		c := *r
		var evs []sample.Event
		r.EachEvent(func(ev sample.Event) bool {
			if ev.At < t {
				evs = append(evs, ev)
			}
			return true
		})
		c.SetEvents(evs)
		c.End, c.Flags = sample.Never, 0
		c.PromptTokens, c.CachedTokens, c.CompletionTokens = sample.Unknown, sample.Unknown, sample.Unknown
		out = append(out, &c)
	}
	return out
}

// fail ends a request before its first token.
func fail(r *sample.Request, class sample.Class, after float64) {
	r.Class, r.End = class, r.Started+at(after)
	r.Events, r.EventCount = nil, 0
	r.FirstByte, r.FirstEvent, r.FirstContent, r.FirstToken, r.LastToken = sample.Never, sample.Never, sample.Never, sample.Never, sample.Never
	r.PromptTokens, r.CachedTokens, r.CompletionTokens = sample.Unknown, sample.Unknown, sample.Unknown
	r.Flags = 0
}

// windows cuts [0, end) into contiguous windows of the given length.
func windows(from, end, length float64) []Window {
	var out []Window
	for t := from; t < end; t += length {
		out = append(out, Window{at(t), at(t + length)})
	}
	return out
}

func sortedTTFTs(reqs []*sample.Request) []float64 {
	var out []float64
	for _, r := range reqs {
		if r.FirstToken >= 0 {
			out = append(out, seconds(r.TTFT()))
		}
	}
	slices.Sort(out)
	return out
}

// basic is a cell of 20 prompts of 1000 tokens, 90 % reusable, in a record that
// nothing is wrong with: level 4, warmed up until 10 s, measured from 20 s to 80 s.
type basic struct {
	load  synth
	sc    scenario.Scenario
	cell  scenario.Cell
	probe sample.Probe
	level int
	start float64
	end   float64
}

func newBasic() *basic {
	b := &basic{level: 4, start: 20, end: 80}
	b.load = synth{workers: 4, prompts: 20, from: 10, until: 80, spread: 1, ttft: wobble(0.5), events: 20, tokens: 20, told: true, gap: 0.02, sent: 1000, cached: 900}
	b.cell = scenario.Cell{Key: "ctx1000_ws20000_cache90", Context: 1000, HitRate: 90, WorkingSet: 20000, R: 1000, Prefix: 900, Prompts: 20,
		Real: 20000, HotTokens: 18000, ReuseDistance: 20 * 1020, Levels: []int{4}}
	b.sc = scenario.Scenario{Name: "basic", Access: "cyclic", Trials: 1, OutputTokens: 20,
		Target: scenario.Target{Endpoints: []string{"http://x"}, Balance: "round-robin"}, WorkingSet: scenario.WorkingSet{Sizes: []int64{20000}}}
	b.probe = sample.Probe{RepeatCached: 512, TellsCached: true, TellsUsage: true, ResetVerified: true, CanReset: true}
	return b
}

// wobble is a TTFT with a spread of a tenth and no trend.
func wobble(s float64) func(float64, int) float64 {
	return func(_ float64, n int) float64 { return s * (1 + 0.1*math.Sin(float64(n)*2.39996)) }
}

func (b *basic) unit() *UnitRecord {
	u := &UnitRecord{Unit: Unit{b.cell.Key, 1}, Spec: b.cell, Begin: at(1), End: at(b.end + 2), State: CellDone, Requests: b.load.requests()}
	u.Phases = []*Phase{
		{Unit: u.Unit, Phase: PhaseWarmup, Start: at(1), End: at(10)},
		{Unit: u.Unit, Phase: PhaseWarmIn, Level: b.level, Start: at(10), End: at(b.start)},
		{Unit: u.Unit, Phase: PhaseMeasure, Level: b.level, Start: at(b.start), End: at(b.end)},
	}
	return u
}

func (b *basic) record(units ...*UnitRecord) *Record {
	run := &Run{Schema: Schema, Scenario: &b.sc, Session: 1}
	seen := map[string]bool{}
	for _, u := range units {
		if !seen[u.Cell] {
			seen[u.Cell] = true
			run.Cells = append(run.Cells, u.Spec)
		}
	}
	return &Record{Run: run, Sessions: []*Run{run}, Probe: &Probe{b.probe}, Units: units}
}
