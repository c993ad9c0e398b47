package result

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Names of the parts of Sources that no tier has.
const (
	SourceCached   = "cached"   // found in a cache, it is not told in which
	SourceComputed = "computed" // found in none
)

// sharePrefix begins the metrics with the shares of tiers.
const sharePrefix = "tier_share."

// nearestFirst is the order of the sources that every run shows alike. Others follow by
// name, then what no tier has.
var nearestFirst = []string{"hbm", "dram", "disk", "local", "external"}

// Source is where a part of the prompt tokens came from. What is not told is null.
type Source struct {
	Name      string       // a tier, SourceCached or SourceComputed
	Share     metric.Value // percent of prompt tokens: all sources of a row add up to 100
	Rate      metric.Value // tokens/s: input throughput x share
	Bandwidth metric.Value // KV in GB/s, where the bytes of a token are known; null for SourceComputed
}

// Sources splits the prompt tokens of a point or period by where they came from: the
// tiers told, nearest first, SourceCached for what was found in none of them, and
// SourceComputed. It is nil where the row has no hit rate: nothing is known then.
//
// How much was cached is told twice: with the answers of the requests (hit_rate_observed)
// and by counters of the server, which alone know the tiers. They differ where another
// client is served, where counters are read a little beside the border of the window or
// where the row is a median over trials. The answers win:
//   - the tiers' sum is less by more than one point: the tiers stay as told, and the rest
//     is SourceCached;
//   - else the tiers are scaled, so that they add up to the hit rate.
func Sources(row metric.Row) []Source {
	tiers, sum := tierShares(row)
	hit := row.Get("hit_rate_observed")
	switch {
	case !hit.Known() && len(tiers) == 0:
		return nil
	case !hit.Known():
		hit = metric.Of(sum)
	}
	hit.V = min(max(hit.V, 0), 100) // a server may tell more cached tokens than prompt tokens
	rest := hit.V - sum
	if sum > 0 && rest <= sharesAgree {
		for i := range tiers { // hit / sum alone overflows where counters tell next to nothing
			tiers[i].Share = metric.Of(hit.V * (tiers[i].Share.V / sum))
		}
		rest = 0
	}
	if len(tiers) == 0 || rest > 0 {
		tiers = append(tiers, Source{Name: SourceCached, Share: metric.Of(rest)})
	}
	return flows(append(tiers, Source{Name: SourceComputed, Share: metric.Of(100 - hit.V)}), row)
}

// sharesAgree is how many points the counters' hit rate may be below that of the answers
// and still be the same.
const sharesAgree = 1.0

// tierShares gives the tiers that a row tells, in their order, and the sum of their shares.
func tierShares(row metric.Row) (tiers []Source, sum float64) {
	for name, share := range row {
		if tier, ok := strings.CutPrefix(name, sharePrefix); ok && share.Known() {
			tiers = append(tiers, Source{Name: tier, Share: share})
		}
	}
	place := func(s Source) int {
		if i := slices.Index(nearestFirst, s.Name); i >= 0 {
			return i
		}
		return len(nearestFirst)
	}
	slices.SortFunc(tiers, func(a, b Source) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a.Name, b.Name))
	})
	for _, t := range tiers { // in order: the same row gives the same sum to the last bit
		sum += t.Share.V
	}
	return tiers, sum
}

// flows fills in what the shares are in tokens/s and GB/s. The bytes of a token are what
// the row was made with.
func flows(sources []Source, row metric.Row) []Source {
	input, reuse, bandwidth := row.Get("input_throughput"), row.Get("reuse_throughput"), row.Get("reuse_bandwidth")
	for i := range sources {
		s := &sources[i]
		if !input.Known() {
			continue
		}
		s.Rate = metric.Of(input.V * s.Share.V / 100)
		switch {
		case s.Name == SourceComputed || !bandwidth.Known():
		case reuse.V > 0:
			s.Bandwidth = metric.Of(s.Rate.V * bandwidth.V / reuse.V)
		case s.Rate.V == 0:
			s.Bandwidth = metric.Of(0)
		}
	}
	return sources
}
