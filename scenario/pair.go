package scenario

import (
	"cmp"
	"slices"
)

// PairTolerance is how far two reuse distances may be apart, as the larger over the
// smaller, for their points to be held against each other.
const PairTolerance = 1.05

// PointID is what a point is paired by: two points with the same ID answer the same
// question. A comparison of two records and the difference of two plans both use it.
type PointID struct {
	Context       int64   // tokens of a prompt, as sent (R)
	OutputTokens  int64   // of each request
	HitRate       float64 // percent, as asked
	Level         int     // concurrency asked for; 0 where it is found (sustained) or has no meaning (map, open loop)
	Rate          float64 // requests/s asked for, open loop; else 0
	ReuseDistance int64   // tokens; 0 at hit rate 0 and for a map
}

// sameSeries reports whether only the reuse distance may differ.
func (p PointID) sameSeries(q PointID) bool {
	p.ReuseDistance, q.ReuseDistance = 0, 0
	return p == q
}

// Pair gives the indices of points of a and b that belong together: the same tokens,
// hit rate and level, and reuse distances within PairTolerance, the nearest first. A
// point has one partner at most. The pairs are in the order of a's IDs; Pair(b, a) has
// the same ones.
func Pair(a, b []PointID) [][2]int {
	ia, ib := byID(a), byID(b)
	var out [][2]int
	for i, j := 0, 0; i < len(ia) && j < len(ib); {
		x, y := a[ia[i]], b[ib[j]]
		switch {
		case !x.sameSeries(y):
			if compareIDs(x, y) < 0 {
				i++
			} else {
				j++
			}
			continue
		case apart(x, y) > PairTolerance:
			if x.ReuseDistance < y.ReuseDistance {
				i++
			} else {
				j++
			}
			continue
		}
		// The next of one side may be the nearer partner; it is not taken from one
		// that is nearer still.
		here := apart(x, y)
		nextX, nextY := idAt(a, ia, i+1), idAt(b, ib, j+1)
		toY, toX := series(nextX, y), series(nextY, x)
		switch {
		case toX < here && (nextY == nil || series(nextX, *nextY) >= toX):
			j++
		case toY < here && (nextX == nil || series(nextY, *nextX) >= toY):
			i++
		default:
			out = append(out, [2]int{ia[i], ib[j]})
			i++
			j++
		}
	}
	return out
}

func byID(ids []PointID) []int {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareIDs(ids[i], ids[j]) })
	return order
}

func compareIDs(p, q PointID) int {
	return cmp.Or(cmp.Compare(p.Context, q.Context), cmp.Compare(p.OutputTokens, q.OutputTokens), cmp.Compare(p.HitRate, q.HitRate),
		cmp.Compare(p.Level, q.Level), cmp.Compare(p.Rate, q.Rate), cmp.Compare(p.ReuseDistance, q.ReuseDistance))
}

func idAt(ids []PointID, order []int, i int) *PointID {
	if i >= len(order) {
		return nil
	}
	return &ids[order[i]]
}

// never is farther apart than any two reuse distances.
const never = 1e30

// series is how far p is from q, never where it is none or of another series.
func series(p *PointID, q PointID) float64 {
	if p == nil || !p.sameSeries(q) {
		return never
	}
	return apart(*p, q)
}

// apart is the larger reuse distance over the smaller, 1 where they are equal.
func apart(p, q PointID) float64 {
	lo, hi := min(p.ReuseDistance, q.ReuseDistance), max(p.ReuseDistance, q.ReuseDistance)
	switch {
	case lo == hi:
		return 1
	case lo <= 0:
		return never
	}
	return float64(hi) / float64(lo)
}

// Points lists what the rows of the plan's result are, each once, cell by cell. Those of
// a map are its contexts: where its tiers begin is not known before.
func (p *Plan) Points() []PointID {
	var out []PointID
	for _, c := range p.Cells {
		id := PointID{Context: c.R, OutputTokens: p.Scenario.OutputTokens, HitRate: c.HitRate}
		switch {
		case p.Scenario.Mode == mapped:
			out = append(out, id)
		case len(c.Steps) > 0:
			for i := range c.Steps {
				id.ReuseDistance = c.At(i).ReuseDistance
				out = append(out, id)
			}
		default:
			id.ReuseDistance = c.ReuseDistance
			for _, id.Level = range c.Levels {
				out = append(out, id)
			}
			id.Level = 0
			for _, id.Rate = range c.Rates {
				out = append(out, id)
			}
		}
	}
	return out
}
