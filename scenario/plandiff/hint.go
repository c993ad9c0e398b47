package plandiff

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
)

// hint says how to reach what a change of min, max or steps is after and keep the old
// sizes: on the grid of the old ones. It is computed, expanded and held against the old
// plan, and empty where it does not hold.
func (d *differ) hint() string {
	if !d.ranged(d.old) || !d.ranged(d.new) {
		return ""
	}
	old, new := d.sc()
	a, b := forms(old, new)
	if a.log != b.log || a.steps < 2 || len(a.sizes()) != a.steps || max(a.steps, b.steps) == 2 && d.given("/working_set/spacing") {
		return ""
	}
	for _, c := range onGrid(a, b) {
		if c.form != b && c.form != a && d.keeps(c.form) {
			return c.aim + " and keep " + c.kept(a) + ": " + c.text(b)
		}
	}
	return ""
}

// candidate is a range on the old grid, and what it is good for.
type candidate struct {
	form
	aim string
}

// kept names what stays.
func (c candidate) kept(old form) string {
	if c.min > old.min || c.max < old.max || c.steps < old.steps {
		return "the others"
	}
	return "them"
}

// text writes what to change of the new scenario.
func (c candidate) text(b form) string {
	var parts []string
	if c.min != b.min {
		parts = append(parts, "min: "+scenario.FormatSize(c.min))
	}
	if c.max != b.max {
		parts = append(parts, "max: "+scenario.FormatSize(c.max))
	}
	if c.steps != b.steps {
		parts = append(parts, "steps: "+strconv.Itoa(c.steps))
	}
	return strings.Join(parts, ", ")
}

// mostSteps is what working_set.steps may be.
const mostSteps = 10_000

// onGrid gives ranges near b whose grid holds a's, or is held by it.
func onGrid(a, b form) []candidate {
	if a.min == b.min && a.max == b.max {
		return otherSteps(a, b)
	}
	// The grid of a, counted in its steps from its smallest size.
	place := func(size int64) float64 { return position(a, float64(size)) }
	lo, hi := 0, a.steps-1
	longer, shorter := b.max > a.max || b.min < a.min, b.max < a.max || b.min > a.min
	switch {
	case b.max > a.max:
		hi = int(math.Ceil(place(b.max) - 1e-9))
	case b.max < a.max:
		hi = int(math.Floor(place(b.max) + 1e-9))
	}
	switch {
	case b.min < a.min:
		lo = int(math.Floor(place(b.min) + 1e-9))
		for lo < 0 && value(a, lo) < 1 {
			lo++ // a linear grid ends where sizes do
		}
	case b.min > a.min:
		lo = int(math.Ceil(place(b.min) - 1e-9))
	}
	if hi-lo < 1 || hi-lo+1 > mostSteps {
		return nil
	}
	aim := "to shorten"
	switch {
	case longer && shorter:
		aim = "to move"
	case longer:
		aim = "to extend"
	}
	var out []candidate
	x, y := value(a, lo), value(a, hi)
	// The ends are whole tokens: one of the two roundings keeps the grid.
	for _, min := range []float64{math.Floor(x), math.Ceil(x)} {
		for _, max := range []float64{math.Floor(y), math.Ceil(y)} {
			if min >= 1 && max > min {
				out = append(out, candidate{form{int64(min), int64(max), hi - lo + 1, a.log}, aim})
			}
		}
	}
	return out
}

// otherSteps: between the same ends a grid is refined by a whole factor, or thinned out
// by one.
func otherSteps(a, b form) []candidate {
	if b.steps > a.steps {
		factor := max(2, int(math.Round(float64(b.steps-1)/float64(a.steps-1))))
		return []candidate{{form{a.min, a.max, (a.steps-1)*factor + 1, a.log}, "to refine"}}
	}
	best := 0
	for steps := 2; steps < a.steps; steps++ {
		if (a.steps-1)%(steps-1) == 0 && (best == 0 || abs(steps-b.steps) < abs(best-b.steps)) {
			best = steps
		}
	}
	if best == 0 {
		return nil
	}
	return []candidate{{form{a.min, a.max, best, a.log}, "to thin out"}}
}

func abs(n int) int { return max(n, -n) }

// position counts a size in steps of the grid; value is its inverse.
func position(f form, size float64) float64 {
	if f.log {
		return math.Log(size/float64(f.min)) / math.Log(float64(f.max)/float64(f.min)) * float64(f.steps-1)
	}
	return (size - float64(f.min)) / float64(f.max-f.min) * float64(f.steps-1)
}

func value(f form, i int) float64 {
	if f.log {
		return float64(f.min) * math.Pow(float64(f.max)/float64(f.min), float64(i)/float64(f.steps-1))
	}
	return float64(f.min) + float64(i)*float64(f.max-f.min)/float64(f.steps-1)
}

// keeps expands a scenario with the hinted sizes and reports whether every old cell
// between them, or every one of them where they are fewer, is sent as it was.
func (d *differ) keeps(f form) bool {
	old, new := d.sc()
	hinted, err := expanded(new, f.sizes())
	if err != nil {
		return false
	}
	before, err := expanded(new, old.WorkingSet.Sizes)
	if err != nil {
		return false
	}
	fewer := f.steps < len(old.WorkingSet.Sizes) && f.min == old.WorkingSet.Sizes[0] && f.max == old.WorkingSet.Sizes[len(old.WorkingSet.Sizes)-1]
	if fewer {
		hinted, before = before, hinted
	}
	have := map[scenario.PointID]bool{}
	largest, smallest := int64(0), int64(math.MaxInt64)
	for _, id := range hinted.Points() {
		have[id] = true
		if id.ReuseDistance > 0 {
			largest, smallest = max(largest, id.ReuseDistance), min(smallest, id.ReuseDistance)
		}
	}
	kept := false
	for _, id := range before.Points() {
		inside := id.ReuseDistance == 0 || id.ReuseDistance >= smallest && id.ReuseDistance <= largest
		if inside && !have[id] {
			return false
		}
		kept = kept || inside && id.ReuseDistance > 0
	}
	return kept
}

// expanded is the plan of a scenario with other sizes.
func expanded(sc *scenario.Scenario, sizes []int64) (*scenario.Plan, error) {
	c := *sc
	c.WorkingSet.Sizes, c.Thresholds, c.Stop, c.Compare.Gate = sizes, nil, nil, nil
	plan, problems := scenario.Expand(&c)
	if plan == nil {
		return nil, fmt.Errorf("%s", problems[0].Message)
	}
	return plan, nil
}
