// Package tier finds where one tier of a KV cache ends and the next begins, and
// what falling costs: from points of a sweep (or, later, looks of a map). It
// knows no files.
package tier

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

// Transition is a bracket: the signal changes between Lo and Hi.
type Transition struct {
	Lo, Hi       int64   // reuse distance in tokens: last point before, first point after
	LoSize       int64   // the working sets of those points, as asked
	HiSize       int64
	From, To     string  // a tier's name where told or stated, else "tier 1", "tier 2"; the last is "recompute"
	Before       float64 // TTFT of the plateau before, seconds (median)
	After        float64 // TTFT of the plateau after
	MsPer1kToken float64 // added ms per 1k reused tokens
	Looks        int     // first tokens on both sides
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
	None        string // the sentence that says why there is no transition, with advice; empty when there is one
}
