package scenario

import "time"

// Instead is a map beside the sweep that asks for the same range: what both send.
type Instead struct {
	Map      Cell          // of the sweep's first context, as far as its largest size
	Requests int64         // of the map, in one trial, at most
	Sweep    int64         // requests of the sweep's warm-ups at that context, over all trials
	Warmups  int           // how many warm-ups these are; sustained: one each trial, and the ingests
	Measured time.Duration // windows of the sweep at that context, at their latest
}

// Instead gives the map that would find where the tiers of this plan end. ok is false
// where the plan is no sweep (one size, no reuse) or a map itself.
func (p *Plan) Instead() (in Instead, ok bool) {
	sizes := p.Scenario.WorkingSet.Sizes
	if p.Scenario.Mode == mapped || len(sizes) < 2 {
		return Instead{}, false
	}
	sc := *p.Scenario
	sc.OutputTokens, sc.Map.Max = 1, sizes[len(sizes)-1]
	e := &expansion{sc: &sc}
	in.Map = e.mapCell(sc.Contexts[0], roundUp(sc.Contexts[0], sc.Chunk))
	in.Requests = int64(in.Map.Prompts) + mapLooks
	part := Plan{Scenario: p.Scenario}
	for _, c := range p.Cells {
		if c.Context == in.Map.Context && c.Prompts > 0 {
			part.Cells = append(part.Cells, c)
		}
	}
	whole := part.Estimate()
	in.Sweep, in.Measured = whole.WarmupRequests+whole.IngestRequests, whole.MaxMeasured
	in.Warmups = part.warmups()
	return in, len(part.Cells) > 0 && in.Map.Prompts >= leastMapped
}

// warmups is the number of warm-ups of the plan's cells, over all trials.
func (p *Plan) warmups() int {
	sc, n := p.Scenario, 0
	rates := map[float64]bool{}
	for _, c := range p.Cells {
		rates[c.HitRate] = true
		if n++; sc.Warmup.Rewarm == "per-level" && sc.Mode == fixed {
			n += c.loads() - 1
		}
	}
	if sc.Warmup.Rewarm == "once" && sc.Mode == fixed {
		n = len(rates) // of one context
	}
	return n * sc.Trials
}
