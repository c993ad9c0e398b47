package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// capacityColumns are the keys of a capacity that was stated or told and held against a
// series. They are in --brief and JSON only.
var capacityColumns = []column[*result.CapacityFinding]{
	{name: "context_size", unit: "tokens", ours: "context as asked", get: func(f *result.CapacityFinding) field { return integer(f.Context) }},
	{name: "cache_hit_rate", unit: "%", ours: "hit rate as asked", get: func(f *result.CapacityFinding) field { return number(f.HitRate) }},
	{name: "concurrency", ours: "level; empty in sustained mode, where each size has its own", get: func(f *result.CapacityFinding) field { return positive(int64(f.Level)) }},
	{name: "tier", ours: "name of the tier, as stated or told", get: func(f *result.CapacityFinding) field { return text(f.Tier) }},
	{name: "source", ours: "stated (target.tiers), else the series or call that told it", get: func(f *result.CapacityFinding) field { return text(f.Source) }},
	{name: "tokens", unit: "tokens", ours: "the tier's own capacity in one replica", get: func(f *result.CapacityFinding) field { return integer(f.Tokens) }},
	{name: "exclusive_tokens", unit: "tokens", ours: "what is held at its edge if it holds what no tier before it holds: the sum up to it, of all replicas", get: func(f *result.CapacityFinding) field { return integer(f.Exclusive) }},
	{name: "inclusive_tokens", unit: "tokens", ours: "the same if it holds what the tiers before it hold as well: its own; the same for the first tier and for what is told", get: func(f *result.CapacityFinding) field { return integer(f.Inclusive) }},
	{name: "found_lo_tokens", unit: "tokens", ours: "what it was found to hold at least: the edge's lower end and the private KV in flight; empty where there is no edge", get: func(f *result.CapacityFinding) field { return positive(f.Lo) }},
	{name: "found_hi_tokens", unit: "tokens", ours: "what it was found not to hold: the edge's upper end and the private KV in flight", get: func(f *result.CapacityFinding) field { return positive(f.Hi) }},
	{name: "fit", ours: "as stated, exclusive, inclusive, either, not so, not reached, no edge, not seen, gradual", get: func(f *result.CapacityFinding) field { return text(string(f.Fit)) }},
	{name: "allowed_ms_per_1k_tokens", unit: "ms", ours: "kv_bytes_per_token x 1000 / the stated bandwidth", get: func(f *result.CapacityFinding) field { return value(f.Allowed) }},
	{name: "found_ms_per_1k_tokens", unit: "ms", ours: "TTFT that falling to the tier added per 1000 reused tokens, median over trials", get: func(f *result.CapacityFinding) field { return value(f.Found) }},
	{name: "text", ours: "the finding as a sentence", get: func(f *result.CapacityFinding) field { return text(f.Text) }},
	{name: "cost", ours: "the two costs as a sentence; empty where no bandwidth is stated", get: func(f *result.CapacityFinding) field { return text(f.Cost) }},
}

func capacityRows(sum *result.Summary) func(yield func(*result.CapacityFinding) bool) {
	return func(yield func(*result.CapacityFinding) bool) {
		for i := range sum.Capacity {
			if !yield(&sum.Capacity[i]) {
				return
			}
		}
	}
}

// CapacityLines gives what was stated or told of the tiers against what was found, as the
// console prints it: a line for each, which levels of which the same is to be said share.
// costs adds what stated bandwidths allow.
func CapacityLines(sum *result.Summary, costs bool) []string {
	var groups []seriesGroup
	add := func(key result.SeriesKey, line string) {
		i := slices.IndexFunc(groups, func(g seriesGroup) bool {
			return g.key.Context == key.Context && g.key.HitRate == key.HitRate && g.lines[0] == line
		})
		if i < 0 {
			groups = append(groups, seriesGroup{key: key, levels: []int{key.Level}, lines: []string{line}})
			return
		}
		groups[i].levels = append(groups[i].levels, key.Level)
	}
	for _, f := range sum.Capacity {
		add(f.SeriesKey, term.Clean(f.Text))
		if costs && f.Cost != "" {
			add(f.SeriesKey, term.Clean(f.Cost))
		}
	}
	name := seriesNamer(sum.Series)
	lines := make([]string, len(groups))
	for i, g := range groups {
		lines[i] = name(g.key.Context, g.key.HitRate, g.levels) + g.lines[0]
	}
	return lines
}

// capacities prints CapacityLines under a head.
func capacities(w io.Writer, sum *result.Summary, costs bool, opt Options) {
	head := "capacities   "
	for _, l := range CapacityLines(sum, costs) {
		fmt.Fprintln(w, term.Wrap(head+l, strings.Repeat(" ", 15), opt.Width))
		head = strings.Repeat(" ", 13)
	}
}

// capacityTable prints where on the axis of reuse distance each capacity is reached.
func capacityTable(w io.Writer, sum *result.Summary, opt Options) error {
	lines := sum.Capacities()
	if len(lines) == 0 {
		return nil
	}
	g := &grid{heads: []head{{name: "context", keep: true}, {name: "hit"}, {name: "conc", keep: true}, {name: "tier", left: true, keep: true}, {name: "holds", keep: true},
		{name: "if", left: true}, {name: "said by", left: true}, {name: "reached at reuse", keep: true}, {name: "found", left: true}}}
	for _, l := range lines {
		by := term.Clean(l.Source)
		if l.Stated() {
			by = "target.tiers"
		}
		g.rows = append(g.rows, []cell{plain(metric.Size(l.Series.Context)), plain(metric.Text(metric.Percent, l.Series.HitRate)), plain(fmt.Sprint(l.Level)),
			plain(term.Clean(l.Tier)), plain(metric.Size(l.Holds)), plain(string(l.Assumption)), plain(by), plain(metric.Size(l.Distance)), plain(foundWord(l))})
	}
	g.fit(opt.Width)
	for i := len(g.heads) - 1; i >= 0; i-- {
		if name := g.heads[i].name; (name == "if" || name == "found") && g.empty(i) {
			g.drop(i)
		}
	}
	fmt.Fprintln(w)
	return g.render(w, opt.Paint)
}

// foundWord is yes or no where it was found, else why it was not.
func foundWord(l result.CapacityLine) string {
	switch {
	case l.Confirmed():
		return "yes"
	case l.Refuted():
		return "no"
	case l.Fit == result.FitEither:
		return "yes, or the other"
	}
	return string(l.Fit)
}

// capacitiesJSON gives the member "capacities".
func capacitiesJSON(sum *result.Summary) []byte {
	return append(appendRows([]byte(`"capacities":[`), capacityColumns, capacityRows(sum)), ']')
}
