package control

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wsrun/wsrun/scenario/metric"
)

// phase is what the periods of a level are for.
type phase uint8

const (
	searching phase = iota
	comparing       // the size has grown: the same level, before and after
	verifying
	holding
	atFloor // violated at the lowest level
)

// Search is the controller of docs/measurement.md, Control (sustained).
type Search struct {
	cfg Config
	r   Rules

	period      int // so far in the cell
	size, level int
	phase       phase
	pool        []Observation // of this level since its change; in a hold the last window

	passed []int // levels that passed at this size, ascending
	hi     int   // lowest level that violated, 0: none

	recent []answer // of the last windows of a hold
	held   int      // periods since the verification
	fails  int      // violating periods in a row at the lowest level

	begun    bool
	changed  bool          // the next period opens with a change-over
	opened   bool          // the last period did
	first    int64         // where the cell's first period began
	spent    time.Duration // periods of this size
	atSize   int           // their number
	searched int           // of these, until a level was first verified
	from, to int64         // the periods that are the size's figures so far
	pooled   int           // their number

	before    []Observation // the last window before growth, at the same level, without a change-over
	hitBefore metric.Value  // what it found cached, a change-over included
}

// New gives a Search, or says what is wrong with the configuration.
func New(cfg Config) (*Search, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Rules == (Rules{}) {
		cfg.Rules = DefaultRules()
	}
	return &Search{cfg: cfg, r: cfg.Rules, level: cfg.Start, changed: true}, nil
}

// Begin implements Controller.
func (s *Search) Begin() Decision {
	return Decision{Level: s.level, Next: s.level, Kind: Begin, Reason: fmt.Sprintf("the lowest level is %d", s.level)}
}

// Extends implements Controller: after a change a period goes on until it has enough
// samples of the new level, within bounds.
func (s *Search) Extends(o Observation) bool {
	return s.changed && !enough(s.cfg.Lines, []Observation{o}, s.r.ChangeOver) &&
		o.length() < time.Duration(s.r.Extension)*s.cfg.Assessment
}

// Next implements Controller.
func (s *Search) Next(o Observation) Decision {
	s.take(o)
	d := Decision{Period: s.period, Size: s.size, NextSize: s.size, Level: s.level, Next: s.level}
	switch s.phase {
	case comparing:
		s.compare(&d)
	case searching:
		s.search(&d)
	case verifying:
		s.verify(&d)
	case holding:
		s.hold(&d, o)
	case atFloor:
		s.floor(&d, o)
	}
	s.close(&d, o)
	if s.changed = d.Changed(); s.changed {
		s.pool, s.pooled = nil, 0
	}
	s.level, s.size = d.Next, d.NextSize
	return d
}

// take counts a period in.
func (s *Search) take(o Observation) {
	if !s.begun {
		s.begun, s.first = true, o.Start
	}
	s.period++
	s.atSize++
	s.spent += o.length()
	s.pool = append(s.pool, o)
	if s.pooled == 0 || s.pooled == 1 && s.opened {
		s.from, s.pooled = o.Start, 0
	}
	s.opened = s.changed
	s.pooled++
	s.to = o.End
}

// search tries one level after the other.
func (s *Search) search(d *Decision) {
	f := assess(s.cfg.Lines, s.cfg.Margin, s.pool)
	switch {
	case f.answer == unknown:
		d.Kind, d.Reason = Wait, f.text+": it says nothing yet"
		return
	case f.answer == violates:
		s.violated()
	default:
		s.pass()
	}
	s.step(d, f)
}

// violated notes that the level violates.
func (s *Search) violated() {
	s.hi = s.level
	i, _ := slices.BinarySearch(s.passed, s.level)
	s.passed = s.passed[:i]
}

// pass notes that the level passes.
func (s *Search) pass() {
	if i, found := slices.BinarySearch(s.passed, s.level); !found {
		s.passed = slices.Insert(s.passed, i, s.level)
	}
	if s.hi <= s.level {
		s.hi = 0
	}
}

// lo is the highest level that passed, 0 when none did.
func (s *Search) lo() int {
	if len(s.passed) == 0 {
		return 0
	}
	return s.passed[len(s.passed)-1]
}

// step chooses the next level from the bracket.
func (s *Search) step(d *Decision, f finding) {
	lo := s.lo()
	switch {
	case s.hi == 0 && s.level >= s.cfg.Max:
		s.toVerify(d, Cap, s.cfg.Max, fmt.Sprintf("%s at the highest level %d: verify it", f.text, s.cfg.Max))
	case f.answer == passes && f.room <= 1+s.r.Resolution:
		s.toVerify(d, Verify, s.level, fmt.Sprintf("%s, which leaves no room for a higher level: verify %d", f.text, s.level))
	case s.hi == 0:
		up := int(float64(s.level) * min(s.r.Grow, f.room))
		s.move(d, Ramp, min(s.cfg.Max, max(s.level+s.cfg.Step, up)), f.text+", no level has violated: raise")
	case lo == 0 && s.level <= s.cfg.Start:
		s.toFloor(d, f)
	case lo == 0:
		s.move(d, Descend, s.down(f.room), f.text+", no level has passed: lower")
	case s.hi-lo <= s.tolerance(lo):
		s.toVerify(d, Verify, lo, fmt.Sprintf("%s; the bracket %d..%d is narrow enough: verify %d", f.text, lo, s.hi, lo))
	default:
		s.move(d, Bisect, (lo+s.hi)/2, fmt.Sprintf("%s, the bracket is %d..%d: bisect", f.text, lo, s.hi))
	}
}

// tolerance is the width at which a bracket above lo is narrow enough.
func (s *Search) tolerance(lo int) int { return max(1, int(s.r.Resolution*float64(lo))) }

// down is the level below this one that has the room asked for, within bounds.
func (s *Search) down(room float64) int {
	return max(s.cfg.Start, min(s.level-1, int(float64(s.level)*max(s.r.Shrink, room))))
}

func (s *Search) move(d *Decision, k Kind, next int, why string) {
	s.phase = searching
	d.Kind, d.Next = k, next
	d.Reason = fmt.Sprintf("%s %d -> %d", why, s.level, next)
}

// toVerify begins the verification of a level. What this level has already shown since
// its change counts: the load has been the same.
func (s *Search) toVerify(d *Decision, k Kind, level int, why string) {
	s.phase = verifying
	d.Kind, d.Next, d.Reason = k, level, why
}

// verify pools periods until they can be believed, and holds the slo with its margin
// against them.
func (s *Search) verify(d *Decision) {
	f := assess(s.cfg.Lines, s.cfg.Margin, s.pool)
	if len(s.pool) < s.r.WindowPeriods || !enough(s.cfg.Lines, s.pool, s.r.WindowSamples) || f.answer == unknown {
		d.Kind, d.Reason = Verify, fmt.Sprintf("verifying %d, period %d: %s so far", s.level, len(s.pool), f.text)
		return
	}
	if f.answer == passes {
		s.pass()
		s.toHold(d, f)
		return
	}
	s.violated()
	if s.level <= s.cfg.Start {
		s.toFloor(d, f)
		return
	}
	next := max(s.lo(), s.down(f.room))
	s.toVerify(d, Verify, next, fmt.Sprintf("%s: verification of %d failed, verify %d", f.text, s.level, next))
}

// toHold begins the hold of a verified level; the pool goes on.
func (s *Search) toHold(d *Decision, f finding) {
	s.phase, s.held, s.recent = holding, 0, nil
	if s.searched == 0 {
		s.searched = s.atSize
	}
	d.Kind, d.Reason = Hold, fmt.Sprintf("%s over %d periods: %d is verified, held from now on", f.text, len(s.pool), s.level)
}

// hold looks at the last periods, pooled, and lowers the level when most of the last
// looks violate the limit itself. A period that tells nothing is no look: it would count
// the ones before it twice.
func (s *Search) hold(d *Decision, o Observation) {
	s.held++
	s.pool = s.window()
	f := assess(s.cfg.Lines, 0, s.pool)
	if len(o.TTFT)+len(o.Rates) > 0 {
		s.recent = append(s.recent, f.answer)
	}
	if len(s.recent) > s.r.Recent {
		s.recent = s.recent[1:]
	}
	bad := 0
	for _, a := range s.recent {
		if a == violates {
			bad++
		}
	}
	switch {
	case bad < s.r.Violating:
		d.Kind, d.Reason = Hold, fmt.Sprintf("%s over %d periods: %d held for %d", f.text, len(s.pool), s.level, s.held)
	case s.level <= s.cfg.Start:
		s.violated()
		s.toFloor(d, f)
	default:
		s.violated()
		next := max(s.cfg.Start, s.level-max(1, int(math.Round(s.r.LowerBy*float64(s.level)))))
		s.toVerify(d, Lower, next, fmt.Sprintf("%s; %d of the last %d windows violate: lower %d -> %d", f.text, bad, len(s.recent), s.level, next))
	}
}

// window is the least number of last periods that can be believed.
func (s *Search) window() []Observation {
	for n := s.r.WindowPeriods; n < len(s.pool); n++ {
		if w := s.pool[len(s.pool)-n:]; enough(s.cfg.Lines, w, s.r.WindowSamples) {
			return slices.Clone(w)
		}
	}
	return s.pool
}

// toFloor begins the judgement of the lowest level, against the limit itself: there is
// no lower one that could keep the margin.
func (s *Search) toFloor(d *Decision, f finding) {
	s.phase, s.fails = atFloor, 0
	if assess(s.cfg.Lines, 0, s.pool[len(s.pool)-1:]).answer == violates {
		s.fails = 1
	}
	d.Kind, d.Reason = Floor, fmt.Sprintf("%s at the lowest level %d: it stays, and is held against the limit itself", f.text, s.level)
}

// floor ends the cell when the limit is violated several periods running, and holds
// the lowest level when the last window is within it.
func (s *Search) floor(d *Decision, o Observation) {
	own := assess(s.cfg.Lines, 0, []Observation{o})
	switch own.answer {
	case violates:
		s.fails++
	case passes:
		s.fails = 0
	}
	s.pool = s.window()
	all := assess(s.cfg.Lines, 0, s.pool)
	switch {
	case s.fails >= s.r.FloorPeriods:
		d.Kind, d.Over, d.Missed = End, true, true
		d.Reason = fmt.Sprintf("%s: the slo fails at the lowest level %d for %d periods", own.text, s.level, s.fails)
	case all.answer == passes && len(s.pool) >= s.r.WindowPeriods && enough(s.cfg.Lines, s.pool, s.r.WindowSamples):
		s.pass()
		s.toHold(d, all)
	default:
		d.Kind, d.Reason = Floor, fmt.Sprintf("%s at the lowest level %d, %d of %d violating periods", own.text, s.level, s.fails, s.r.FloorPeriods)
	}
}
