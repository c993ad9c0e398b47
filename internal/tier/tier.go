// Package tier finds where one tier of a KV cache ends and the next begins, and
// what falling costs: from points of a sweep (or, later, looks of a map). It
// knows no files.
//
// Find works in three steps. How much two points differ is one number, the
// percentage of requests that changed (signal.go). The exact segmentation with
// the least total cost cuts the series into plateaus (segment.go). Plateaus that
// are only a mixture of their neighbours are taken into the bracket, so that one
// edge stays one transition (find.go).
package tier

import "github.com/wsrun/wsrun/runner/sample"

// The rule of design/measurement.md, Transitions: a transition is a change by
// more than x1.5 in TTFT or by more than 20 points of share.
const (
	ttftRatio   = 1.5
	sharePoints = 20.0
)

// Recompute names the last tier: nothing was found, everything is computed again.
const Recompute = "recompute"

// Stated is the Source of a capacity that the scenario states (target.tiers), not the
// server.
const Stated = "stated"

// Point is one measured point of a series: one (context, hit rate, level, trial).
type Point struct {
	ReuseDistance int64              // x, tokens as sent
	WorkingSet    int64              // tokens as asked, for advice
	TTFT          []float64          // seconds, every first token of the window, ascending
	Shares        map[string]float64 // percent of reusable prompt tokens by source where told (local, external, ...); nil when not
	Cached        float64            // percent of reusable tokens found cached, where told
	CachedTold    bool
	ReusedTokens  int64  // reusable tokens of each prompt (prefix), for the cost per 1k tokens
	Origin        string // refined, when a bisection made it
}

// Options is what is known beside the points.
type Options struct {
	Names      []string          // all tiers the server has, nearest first, where stated: what follows the last is recompute
	ColdTTFT   float64           // seconds (median) of prompts that were certainly cold, at the same context and level; 0 when unknown
	Capacities []sample.Capacity // told by the server or Stated, of all replicas that the set is spread over: for advice
	MaxSize    int64             // working_set.max as asked; 0: the largest point's
}

// Transition is a bracket: the signal changes between Lo and Hi.
type Transition struct {
	Lo, Hi       int64 // reuse distance in tokens: last point before, first point after
	LoSize       int64 // the working sets of those points, as asked
	HiSize       int64
	Mixed        []int64  // working sets, as asked, of points inside the bracket that are a mixture of both sides, ascending
	From, To     string   // a tier's name where told or stated, else "tier 1", "tier 2"; the last is "recompute" where that is known
	Before       float64  // TTFT of the plateau before, seconds (median)
	After        float64  // TTFT of the plateau after
	MsPer1kToken float64  // added ms per 1k reused tokens
	Looks        int      // first tokens on both sides
	Notes        []string // one point only: add sizes ...
}

// Ratio is TTFT after over before; 0 when unknown.
func (t Transition) Ratio() float64 {
	if t.Before <= 0 {
		return 0
	}
	return t.After / t.Before
}

// Series is the result for one series of points.
type Series struct {
	Transitions []Transition
	Tiers       []string // the plateaus by name, nearest first: one more than Transitions; none where there are too few points
	None        string   // the sentence that says why there is no transition, with advice; empty when there is one
	Notes       []string // of the series: points that do not fit the points round them
}
