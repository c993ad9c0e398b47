// Package control decides the concurrency of sustained mode: periods in,
// decisions out, each with its reason in words. It knows no scenarios, files or
// HTTP, reads no clock and starts no goroutine, so that a record can be replayed
// through it and the laboratory (runner/control/lab) can run thousands of periods
// a second.
//
// Search is the controller of docs/measurement.md, Control (sustained): ramp with
// headroom, bracket, bisect, verify, hold with hysteresis, at each of a number of
// working set sizes. Others can be tried: anything that is a Controller.
package control

import (
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Controller decides the level (requests in flight) of one cell. It is driven by
// one goroutine.
type Controller interface {
	// Begin gives the first decision: the level and size to begin with.
	Begin() Decision
	// Next takes the period that has just ended and decides what comes next. It is
	// not called again after a decision that ends the cell.
	Next(Observation) Decision
	// Extends reports whether the period that o describes so far must go on,
	// although its time has come.
	Extends(o Observation) bool
}

// Observation is one period as control sees it. A change of level or size opens a
// change-over: of a period's requests only those that started at or after the last
// change are in it, so that what an older level left behind is never held against
// the new one.
type Observation struct {
	Start, End int64 // the period, ns since any one epoch; the first Start begins the duration

	// TTFT holds each request's waiting for its first token, in seconds, as far as
	// the period saw it: Entry is its age when the period opened (0 when it started
	// inside), Age its TTFT (Event) or its age when the period ended, as in
	// result.Measure. Periods of one level can be appended to each other.
	TTFT []stats.Life
	// Rates holds the output rate of each success whose last token fell into the
	// period, in tokens/s.
	Rates []float64
	// Cached and Prompt are sums over the period's first tokens that told their
	// cached tokens; Prompt is 0 when none did.
	Cached, Prompt int64
}

// length of the period.
func (o Observation) length() time.Duration { return time.Duration(o.End - o.Start) }

// firsts counts the period's first tokens.
func (o Observation) firsts() (n int) {
	for _, l := range o.TTFT {
		if l.Event {
			n++
		}
	}
	return n
}

// Kind is what a decision does, as the CSV and the progress block name it.
type Kind string

// Kinds of decision. Only Lower takes a level down that was held; only Grow and
// Transition have to do with the size.
const (
	Begin      Kind = "begin"      // the first level
	Wait       Kind = "wait"       // the period says nothing yet: the level stays
	Ramp       Kind = "ramp"       // nothing has violated yet: raised
	Descend    Kind = "descend"    // nothing has passed yet: lowered
	Bisect     Kind = "bisect"     // between a level that passed and one that violated
	Verify     Kind = "verify"     // the level found is verified, or one below it after a failed verification
	Hold       Kind = "hold"       // verified, held
	Lower      Kind = "lower"      // held, but violating: lowered
	Floor      Kind = "floor"      // violates at the lowest level
	Cap        Kind = "cap"        // passes at the highest level, which is verified
	Transition Kind = "transition" // growth changed what the same level costs: a tier's edge, not overload
	Grow       Kind = "grow"       // on to the next size
	End        Kind = "end"        // the cell is over
)

// Decision is what follows from a period.
type Decision struct {
	Period int    // the period it follows from, from 1 in the cell; 0 for Begin
	Size   int    // index of the size that the period had, from 0
	Level  int    // the level that the period had
	Next   int    // the level from now on
	Kind   Kind   // what it does
	Reason string // in words, with the numbers

	NextSize int  // index of the size from now on
	Over     bool // the cell is over
	Missed   bool // it is over because the slo fails at the lowest level

	// Done is set where a size ends: with Grow and End.
	Done *Outcome
	// Edge is set where growth was found to have changed what the level costs.
	Edge *Edge
}

// Changed reports whether the next period has another level or size: it then opens
// with a change-over.
func (d Decision) Changed() bool { return d.Next != d.Level || d.NextSize != d.Size || d.Kind == Begin }

// Outcome is what a size came to.
type Outcome struct {
	Size  int
	Level int // held, or the last one tried
	// Converged: the level was verified and held for as long as asked. Otherwise the
	// point is not-converged, and the level that holds lies between Lo and Hi.
	Converged bool
	// Lo is the highest level that passed, 0 when none did; Hi the lowest that
	// violated, 0 when none did.
	Lo, Hi int
	// [From, To) in ns, Periods of them, are the point's figures: verification and
	// hold pooled; without convergence, all at the last level. A change-over is left
	// out, because it holds requests of the level before, unless there is nothing else.
	From, To int64
	Periods  int
	// Search is the number of periods until the level was first verified, the
	// verification included; 0 when it never was.
	Search int
	Reason string // why it is not converged, with the bracket; empty when it is
}

// Edge is a change that came with growth at the same level.
type Edge struct {
	FromSize, ToSize int
	Level            int
	Before, After    float64      // median TTFT of the last window before growth and of the first full period after its change-over, seconds; 0 where a change-over was all there was before
	Slower           float64      // percent of requests that take more than 1.5 times as long
	HitBefore        metric.Value // percent of prompt tokens found cached, where told
	HitAfter         metric.Value
}
