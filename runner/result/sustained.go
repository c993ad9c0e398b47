package result

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// notConverged begins the note with which the runner says why a step is not converged.
const notConverged = "not converged: "

func (s *summariser) sustained() bool { return s.sc.Mode == "sustained" }

// sustained reports whether the point is a size that a working set grew to.
func (p *Point) sustained() bool { return len(p.Spec.Steps) > 0 }

// Held gives the lowest and the highest level that may be the one that holds: the same
// where the step converged, else its bracket, 0 where an end is not known.
func (p *Point) Held() (lo, hi int) {
	if p.Converged {
		return p.Level, p.Level
	}
	return p.Bracket[0], p.Bracket[1]
}

// stepped gives the cell with at least one step: one that does not grow has its own size.
func stepped(c scenario.Cell) scenario.Cell {
	if len(c.Steps) == 0 {
		c.Steps = []scenario.Step{{WorkingSet: c.WorkingSet, Prompts: c.Prompts, Real: c.Real, HotTokens: c.HotTokens, ReuseDistance: c.ReuseDistance}}
	}
	return c
}

// steps makes the points of a sustained unit: one for each size that was planned.
func (s *summariser) steps(u *UnitRecord, opt MeasureOptions) {
	spec := stepped(u.Spec)
	met := u.met(len(spec.Steps))
	for step := range spec.Steps {
		ph := u.step(PhaseMeasure, step)
		if ph == nil {
			s.sum.Points = append(s.sum.Points, unmeasuredStep(u.Unit, spec, step, why(u, u.step(PhaseSkipped, step))))
			continue
		}
		opt.Since = u.since(step, ph.Level, ph.End)
		part := *u
		part.Requests = met[step]
		s.sum.Points = append(s.sum.Points, s.point(&part, spec.At(step), ph, opt))
	}
}

// met gives for each measured step the requests that were in flight from its growth
// until the end of its window: all that its point is made of. A long unit has many of
// both, and is walked once.
func (u *UnitRecord) met(steps int) [][]*sample.Request {
	out := make([][]*sample.Request, steps)
	windows := make([]Window, steps) // empty where there is no point
	for step := range windows {
		if ph := u.step(PhaseMeasure, step); ph != nil {
			windows[step] = Window{min(ph.Start, max(u.Begin, u.grown(step))), ph.End}
		}
	}
	for _, r := range u.Requests {
		for step, w := range windows {
			if r.Started < w.End && (r.End < 0 || r.End >= w.Start) {
				out[step] = append(out[step], r)
			}
		}
	}
	return out
}

func unmeasuredStep(u Unit, cell scenario.Cell, step int, r Reason) *Point {
	p := unmeasured(u, cell.At(step), 0, r)
	p.Step = step
	return p
}

// step gives the last finished phase of a kind at a growth step, nil when there is none.
func (u *UnitRecord) step(kind PhaseKind, step int) *Phase {
	for i := len(u.Phases) - 1; i >= 0; i-- {
		if ph := u.Phases[i]; ph.Phase == kind && ph.Step == step {
			return ph
		}
	}
	return nil
}

// Since gives the stamp from which on requests belong to a measured phase: what started
// before it was left behind by another level or size. 0 in fixed mode, where a level's
// window opens when every worker has met it.
func (u *UnitRecord) Since(ph *Phase) int64 {
	if len(u.Spec.Steps) == 0 {
		return 0
	}
	return u.since(ph.Step, ph.Level, ph.End)
}

// since gives the stamp from which on requests met a step at a level, as they were last
// in force before the stamp end: what started before it is left over from another, or
// from the ingest that made the step. 0 when the record does not say.
func (u *UnitRecord) since(step, level int, end int64) int64 {
	at := int64(0)
	for _, c := range u.Changes {
		if c.Step == step && c.Level == level && c.At < end {
			at = max(at, c.At)
		}
	}
	for _, ph := range u.Phases {
		if ph.Phase == PhaseIngest && ph.Step == step && ph.End < end {
			at = max(at, ph.End)
		}
	}
	return at
}

// grown gives the stamp at which the set had grown to a step, its ingest included; 0 for
// the first step, which the warm-up made.
func (u *UnitRecord) grown(step int) int64 {
	if step == 0 {
		return 0
	}
	for _, c := range u.Changes {
		if c.Step == step {
			at := c.At
			if ph := u.step(PhaseIngest, step); ph != nil {
				at = max(at, ph.End)
			}
			return at
		}
	}
	return 0
}

// StepAt gives the growth step in force at the stamp t: from its ingest on, when its
// prompts are first sent.
func (u *UnitRecord) StepAt(t int64) int {
	step, last := 0, int64(-1)
	in := func(at int64, s int) {
		if at <= t && (at > last || at == last && s > step) {
			step, last = s, at
		}
	}
	for _, ph := range u.Phases {
		if ph.Phase == PhaseIngest {
			in(ph.Start, ph.Step)
		}
	}
	for _, c := range u.Changes {
		in(c.At, c.Step)
	}
	return step
}

// ingestIn reports whether new prompts were ingested inside the window.
func ingestIn(u *UnitRecord, w Window) bool {
	return slices.ContainsFunc(u.Phases, func(ph *Phase) bool {
		return ph.Phase == PhaseIngest && ph.Start < w.End && ph.End > w.Start
	})
}

// convergence doubts a step whose level was not found, with what is known of it.
func (p *Point) convergence(ph *Phase) {
	if ph.Converged {
		return
	}
	grade := 1e9 // open on a side: nothing is known of how far
	switch lo, hi := ph.Bracket[0], ph.Bracket[1]; {
	case ph.Search > 0:
		grade = 1 // a level was verified, it lacks a part of its hold
	case lo > 0 && hi > lo:
		grade = float64(hi) / float64(lo)
	}
	p.addGraded("not-converged", ValidDoubt, grade,
		"the level that holds was not found at %s: %s; the figures are those at %d", sizeOf(p.Spec), bracketWords(ph), p.Level)
}

func sizeOf(c scenario.Cell) string {
	if c.WorkingSet == 0 {
		return "hit rate 0"
	}
	return metric.Size(c.WorkingSet)
}

// bracketWords gives what the runner said of the step, else what its bracket says.
func bracketWords(ph *Phase) string {
	for _, n := range ph.Notes {
		if text, ok := strings.CutPrefix(n, notConverged); ok {
			return text
		}
	}
	lo, hi := ph.Bracket[0], ph.Bracket[1]
	switch {
	case lo > 0 && hi > 0:
		return fmt.Sprintf("between %d, which passes, and %d, which violates", lo, hi)
	case lo > 0:
		return fmt.Sprintf("%d passes, no level has violated", lo)
	case hi > 0:
		return fmt.Sprintf("no level has passed, %d violates", hi)
	}
	return cmp.Or(ph.Reason, "no period said anything")
}

// PeriodRow is one assessment window of a unit: as it was decided, and as the record
// shows it now that all token counts are known.
type PeriodRow struct {
	*Period
	Number     int           // from 1 in the unit
	Cell       scenario.Cell // as it was at the period's step
	ChangeOver bool          // its level or size had just changed
	Final      metric.Row    // latencies are of requests that started since the last change
	Counts     Counts
	Launched   int               // attempts started in it
	Server     map[string]Spread // the servers' states in it, see Telemetry.Spread; Final has their means
	CPU        Spread            // share of the CPUs that the load generator used of those it may use, percent; all zero where it did not tell
}

// PeriodRows measures every assessment window of a unit anew. Final holds what the servers
// told as well: server.* and, where it is told by source, tier_share.* (see Sources).
func PeriodRows(rec *Record, u *UnitRecord) []PeriodRow {
	telemetry := NewTelemetry(around(rec.Scrapes, u.Periods))
	opt := MeasureOptions{TokensPerEvent: TokensPerEvent(u.Requests), Telemetry: telemetry, KVBytesPerToken: rec.KVBytesPerToken()}
	if rec.Run != nil && rec.Run.Scenario != nil {
		opt.SLO = rec.Run.Scenario.SLO
	}
	in := dealt(u)
	rows := make([]PeriodRow, len(u.Periods))
	for i, p := range u.Periods {
		cell := u.Spec.At(p.Step)
		opt.Since = u.since(p.Step, p.Level, p.End)
		row := PeriodRow{Period: p, Number: i + 1, Cell: cell, ChangeOver: i == 0 || u.Periods[i-1].Step != p.Step || u.Periods[i-1].Level != p.Level}
		row.Final, row.Counts = Measure(in[i], Window{p.Start, p.End}, opt)
		SetAxes(row.Final, cell, p.Level)
		row.Server, row.CPU = telemetry.Spread(Window{p.Start, p.End}), telemetry.ownCPU(Window{p.Start, p.End})
		for _, r := range in[i] {
			row.Launched += ones(r.Phase == sample.PhaseLoad && r.Started >= p.Start && r.Started < p.End)
		}
		rows[i] = row
	}
	return rows
}

// dealt gives the requests that were in flight in each period. A soak has thousands of
// both: each request is only looked at in the periods that it met.
func dealt(u *UnitRecord) [][]*sample.Request {
	in := make([][]*sample.Request, len(u.Periods))
	for _, r := range u.Requests {
		from := r.Started
		if from < 0 { // never sent, for want of a connection: it counts where it ended
			from = r.End
		}
		if from < 0 {
			continue
		}
		first, _ := slices.BinarySearchFunc(u.Periods, from, func(p *Period, t int64) int {
			if p.End <= t {
				return -1
			}
			return 1
		})
		for i := first; i < len(u.Periods) && (r.End < 0 || u.Periods[i].Start <= r.End); i++ {
			in[i] = append(in[i], r)
		}
	}
	return in
}
