package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// MapCosts says what the maps of each context took, or of one cell's; of several trials the
// range.
func MapCosts(sum *result.Summary, cell string) (out []string) {
	var keys []string
	for _, m := range sum.Maps {
		if !slices.Contains(keys, m.Cell) && (cell == "" || m.Cell == cell) {
			keys = append(keys, m.Cell)
		}
	}
	for _, key := range keys {
		maps := mapsOf(sum, key)
		s := costOfMaps(maps)
		if n := len(maps); n > 1 {
			s = fmt.Sprintf("each of %d trials: %s", n, s)
		}
		if len(keys) > 1 { // of all contexts
			s = "context " + metric.Size(maps[0].Spec.Context) + ": " + s
		}
		out = append(out, s)
	}
	return out
}

// mapCost is one figure of what a map took.
type mapCost struct {
	of           func(*result.Map) float64 // NaN: it has none
	before, text string
	print        func(float64) string
}

// mapCosts are what is said of the cost of a map, in this order.
var mapCosts = []mapCost{
	{func(m *result.Map) float64 { return float64(m.Found.Count.Prompts) }, "", " prompts sent once", wholeText},
	{func(m *result.Map) float64 { return float64(m.Found.Count.Looks) }, ", ", " looks", wholeText},
	{func(m *result.Map) float64 { return aboveNone(m.Found.Count.Touches) }, ", ", " to restore the order", wholeText},
	{func(m *result.Map) float64 { return aboveNone(m.Found.Count.Policy) }, ", ", " for the policy", wholeText},
	{func(m *result.Map) float64 { return aboveNone(m.Found.Count.Failed) }, ", ", " failed", wholeText},
	{func(m *result.Map) float64 { return m.Found.PerEdge }, ": ", " x the prompts of the largest edge", func(v float64) string { return metric.Text(metric.Number, v) }},
	{mapSeconds, ", in ", "", func(v float64) string { return clock(time.Duration(v * float64(time.Second))) }},
	{func(m *result.Map) float64 { return m.Found.Prefill }, "; cold prefill ", " tokens/s", func(v float64) string { return metric.Text(metric.TokensPerSecond, v) }},
}

func wholeText(v float64) string { return fmt.Sprint(int64(v)) }

// aboveNone is a count that is not worth a word when it is 0.
func aboveNone(n int) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(n)
}

// mapSeconds is how long a map took.
func mapSeconds(m *result.Map) float64 {
	if len(m.Rows) == 0 {
		return math.NaN()
	}
	return time.Duration(m.Rows[0].End - m.Rows[0].Start).Seconds()
}

// costOfMaps says what maps of one context took.
func costOfMaps(maps []*result.Map) string {
	var b strings.Builder
	for _, c := range mapCosts {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, m := range maps {
			if v := c.of(m); !math.IsNaN(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		if lo > hi {
			continue
		}
		text := c.text
		if lo == 1 && hi == 1 {
			text = strings.NewReplacer("prompts sent", "prompt sent", "looks", "look").Replace(text)
		}
		b.WriteString(c.before + ends(c.print(lo), c.print(hi)) + text)
	}
	return b.String()
}
