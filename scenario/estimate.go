package scenario

import "time"

// Estimate is what a cell, or a whole plan, costs: worked out from the plan alone.
type Estimate struct {
	WarmupTokens   int64 // prompt tokens of one warm-up of each cell, over all trials
	WarmupRequests int64
	MinMeasured    time.Duration // measured windows, when each level ends at its earliest
	MaxMeasured    time.Duration // and at its latest, repeats included; warm-in and drain come on top
	PeakStreams    int           // most requests in flight
	Points         int           // cells x levels x trials
}

// Estimate adds up the plan.
func (p *Plan) Estimate() Estimate {
	var total Estimate
	for _, c := range p.Cells {
		e := p.EstimateCell(c)
		total.WarmupTokens += e.WarmupTokens
		total.WarmupRequests += e.WarmupRequests
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
	levels, trials := len(c.Levels), sc.Trials
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
	if levels > 0 {
		e.PeakStreams = max(e.PeakStreams, c.Levels[levels-1])
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
