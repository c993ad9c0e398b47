package result

import (
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Depth is what the looks at one depth of a map came to.
type Depth struct {
	Prompts int          // position in the LRU stack of prompts, 1 for the newest
	Tokens  int64        // reuse distance as sent
	Looks   int          // answers
	TTFT    float64      // seconds, median
	Hit     metric.Value // percent of prompt tokens told cached; null when not told
	Sources []Source     // shares of prompt tokens by source, as told; nil when nothing was
	Tier    string       // the row that it belongs to; empty inside a bracket
}

// Depths gives what was seen at each depth that was looked at, the newest prompt first.
func (m *Map) Depths() (out []Depth) {
	looks := slices.Clone(m.Looks)
	slices.SortStableFunc(looks, func(a, b survey.Look) int { return a.Depth - b.Depth })
	for len(looks) > 0 {
		n := 1
		for n < len(looks) && looks[n].Depth == looks[0].Depth {
			n++
		}
		out = append(out, m.depth(looks[:n]))
		looks = looks[n:]
	}
	return out
}

// depth pools the looks at one depth.
func (m *Map) depth(looks []survey.Look) Depth {
	d := Depth{Prompts: looks[0].Depth, Tokens: looks[0].Distance, Looks: len(looks), Tier: m.TierAt(looks[0].Depth)}
	ttfts := make([]float64, len(looks))
	for i := range looks {
		ttfts[i] = looks[i].TTFT
	}
	slices.Sort(ttfts)
	d.TTFT = stats.Quantile(ttfts, 0.5)
	row := sourcesOf(looks)
	d.Hit, d.Sources = row.Get("hit_rate_observed"), Sources(row)
	return d
}

// TierAt names the row of a map that a depth in prompts belongs to; it is empty where the
// depth lies inside a bracket, so that it may be of either side.
func (m *Map) TierAt(depth int) string {
	for _, p := range m.Rows {
		from, to := 1, math.MaxInt
		if t := p.Tier; t.From != nil {
			from = t.From.Hi
		}
		if t := p.Tier; t.To != nil {
			to = t.To.Lo
		}
		if depth >= from && depth <= to {
			return p.Tier.Name
		}
	}
	return ""
}

// LookSources splits the prompt tokens of one look by where they came from, as Sources
// does for a point; nil where nothing was told.
func LookSources(l survey.Look) []Source { return Sources(sourcesOf([]survey.Look{l})) }

// sourcesOf gives the shares of the prompt tokens of looks: cached, of the answers that
// tell it, and by tier where each of them tells its tiers, or that there is none.
func sourcesOf(looks []survey.Look) metric.Row {
	row := metric.Row{}
	var cached pair
	by, prompts, named := map[string]int64{}, int64(0), true
	for _, l := range looks {
		if l.Cached != sample.Unknown {
			cached.told += l.Cached
			cached.asked += l.Prompt
		}
		sources := l.Sources
		if l.Counters && l.Foreign > 0 {
			sources = nil // the counters have another client's tokens as well
		}
		named = named && (sources != nil || l.Cached == 0)
		prompts += l.Prompt
		for name, n := range sources {
			by[name] += n
		}
	}
	if cached.asked > 0 {
		row.Set("hit_rate_observed", metric.Of(100*float64(cached.told)/float64(cached.asked)))
	}
	if named && prompts > 0 {
		for name, n := range by {
			row.Set(sharePrefix+name, metric.Of(100*float64(n)/float64(prompts)))
		}
		if len(by) == 0 { // told, and nothing was found
			row.Set("hit_rate_observed", metric.Of(0))
		}
	}
	return row
}
