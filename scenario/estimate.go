package scenario

import (
	"math"
	"time"
)

// Estimate is what a cell, or a whole plan, costs: worked out from the plan alone.
type Estimate struct {
	WarmupTokens   int64 // prompt tokens of one warm-up of each cell, over all trials
	WarmupRequests int64
	IngestTokens   int64 // sustained: prompt tokens of one pass over what growth adds cold, over all trials
	IngestRequests int64
	MinMeasured    time.Duration // measured windows, when each level ends at its earliest
	MaxMeasured    time.Duration // and at its latest, repeats included; warm-in and drain come on top. Sustained: the duration
	PeakStreams    int           // most requests in flight; sustained: at most, concurrency.max; open loop: at most, max_in_flight
	Points         int           // cells x levels x trials; sustained: cells x steps x trials; map: cells x trials
	LookRequests   int64         // map: looks at depths of what was sent, over all trials: about so many where cached tokens are not told
	MinRequests    int64         // open loop: rate x measured window, over all levels, trials and repeats, at the earliest end
	MaxRequests    int64         // and at the latest; both 0 where the server's speed decides
}

// Estimate adds up the plan.
func (p *Plan) Estimate() Estimate {
	var total Estimate
	for _, c := range p.Cells {
		e := p.EstimateCell(c)
		total.WarmupTokens += e.WarmupTokens
		total.WarmupRequests += e.WarmupRequests
		total.IngestTokens += e.IngestTokens
		total.IngestRequests += e.IngestRequests
		total.LookRequests += e.LookRequests
		total.MinRequests += e.MinRequests
		total.MaxRequests += e.MaxRequests
		total.MinMeasured += e.MinMeasured
		total.MaxMeasured += e.MaxMeasured
		total.Points += e.Points
		total.PeakStreams = max(total.PeakStreams, e.PeakStreams)
	}
	if p.Scenario.Warmup.Rewarm == "once" {
		total.WarmupTokens, total.WarmupRequests = p.warmedOnce()
	}
	return total
}

// EstimateCell gives what one cell costs over all trials. With rewarm: once it is
// what the cell would cost on its own. Several endpoints are each warmed, unless
// prompts are pinned.
func (p *Plan) EstimateCell(c Cell) Estimate {
	sc := p.Scenario
	if sc.Mode == mapped {
		return p.estimateMap(c)
	}
	if len(c.Steps) > 0 {
		return p.estimateGrowth(c)
	}
	levels, trials := c.loads(), sc.Trials
	warmups := int64(trials * p.copies())
	if sc.Warmup.Rewarm == "per-level" {
		warmups *= int64(levels)
	}
	windows := time.Duration(levels * trials * (1 + sc.Repeats))
	e := Estimate{
		WarmupTokens:   warmups * c.Real,
		WarmupRequests: warmups * int64(c.Prompts),
		MinMeasured:    windows * time.Duration(sc.Duration.Min),
		MaxMeasured:    windows * time.Duration(sc.Duration.Max),
		Points:         levels * trials,
	}
	if c.Prompts > 0 {
		e.PeakStreams = sc.Warmup.Concurrency
	}
	if n := len(c.Levels); n > 0 {
		e.PeakStreams = max(e.PeakStreams, c.Levels[n-1])
	}
	if len(c.Rates) > 0 {
		p.estimateRates(c, &e)
	}
	return e
}

// estimateRates: an open loop sends what its rates ask for, and as many wait as the
// server leaves waiting, up to the cap.
func (p *Plan) estimateRates(c Cell, e *Estimate) {
	sc := p.Scenario
	windows := float64(sc.Trials * (1 + sc.Repeats))
	for _, rate := range c.Rates {
		e.MinRequests += int64(math.Round(windows * rate * time.Duration(sc.Duration.Min).Seconds()))
		e.MaxRequests += int64(math.Round(windows * rate * time.Duration(sc.Duration.Max).Seconds()))
	}
	e.PeakStreams = max(e.PeakStreams, sc.Target.MaxInFlight)
}

// leastPeriods is the earliest at which a level can be verified: the controller pools
// so many periods.
const leastPeriods = 3

// estimateGrowth gives what a cell of sustained mode costs over all trials. It ends at
// its earliest when each size is verified and held without a search.
func (p *Plan) estimateGrowth(c Cell) Estimate {
	sc, trials := p.Scenario, p.Scenario.Trials
	whole := time.Duration(sc.Duration.Max)
	least := min(whole, time.Duration(multiple(len(c.Steps)*(leastPeriods+sc.Growth.Hold), sc.Assessment)))
	if sc.soaks(c) {
		least = whole
	}
	warm := c.At(0)
	if sc.Growth.Prompts == "prewarmed" {
		warm = c
	}
	n := int64(trials * p.copies())
	e := Estimate{
		WarmupTokens: n * warm.Real, WarmupRequests: n * int64(warm.Prompts),
		IngestTokens: n * (c.Real - warm.Real), IngestRequests: n * int64(c.Prompts-warm.Prompts),
		MinMeasured: time.Duration(trials) * least, MaxMeasured: time.Duration(trials) * whole,
		PeakStreams: sc.Search.Max, Points: len(c.Steps) * trials,
	}
	if c.Prompts > 0 {
		e.PeakStreams = max(e.PeakStreams, sc.Warmup.Concurrency)
	}
	return e
}

// copies is how often each prompt is warmed: once per endpoint, or on its own.
func (p *Plan) copies() int {
	if p.Scenario.Target.Balance == "pinned" {
		return 1
	}
	return max(1, len(p.Scenario.Target.Endpoints))
}

// warmedOnce: sets are nested, so each context and hit rate costs its largest set.
func (p *Plan) warmedOnce() (tokens, requests int64) {
	type series struct {
		context int64
		rate    float64
	}
	largest := map[series]Cell{}
	for _, c := range p.Cells {
		s := series{c.Context, c.HitRate}
		if c.Prompts > largest[s].Prompts {
			largest[s] = c
		}
	}
	n := int64(p.Scenario.Trials * p.copies())
	for _, c := range largest {
		tokens += n * c.Real
		requests += n * int64(c.Prompts)
	}
	return tokens, requests
}
