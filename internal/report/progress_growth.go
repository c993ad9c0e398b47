package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// growth is what progress knows of a cell whose working set grows.
type growth struct {
	step     int
	changed  bool  // a first level is in force
	from     int64 // where the cell's first period began
	periods  int   // of the cell so far
	ingested int   // new prompts that have been sent since the last growth
}

func (s *state) sustained() bool { return s.scenario != nil && s.scenario.Mode == "sustained" }

// Words for what the controller is about, beside the phases of a unit.
const (
	phaseSearch = "search"
	phaseHold   = "hold"
)

// phaseAfter says what a decision begins or goes on with.
var phaseAfter = map[string]result.PhaseKind{"verify": result.PhaseVerify, "cap": result.PhaseVerify, "lower": result.PhaseVerify, "hold": phaseHold, "floor": "floor"}

// changed takes in a new level or size.
func (s *state) changed(f *result.Change, now time.Time) {
	if !s.growth.changed || f.Step != s.growth.step {
		s.pace.levelFrom, s.growth.ingested = now, 0
		s.phase = phaseSearch
	}
	s.growth.changed, s.growth.step, s.level = true, f.Step, f.Level
}

// decided takes in a period with what was decided on it.
func (s *state) decided(p *result.Period, opt ProgressOptions) []string {
	if s.growth.periods == 0 {
		s.growth.from = p.Start
	}
	s.growth.periods++
	s.phase = phaseSearch
	if next, ok := phaseAfter[p.Decision]; ok {
		s.phase = next
	}
	if p.NextStep != p.Step && s.scenario.Growth.Prompts != "prewarmed" {
		s.phase = result.PhaseIngest
	}
	if !opt.Verbose {
		return nil
	}
	return []string{fmt.Sprintf("  size %d conc %d period %d: %s; %s", p.Step+1, p.Level, s.growth.periods, figures(p.Row), s.decisionText())}
}

// decisionText is the controller's last decision with its reason.
func (s *state) decisionText() string {
	if s.period == nil || s.period.Decision == "" {
		return ""
	}
	return term.Clean(s.period.Decision + ": " + s.period.Reason)
}

// mostDecision is how many lines of the block a decision may take.
const mostDecision = 3

// decision gives the block's lines of it.
func (s *state) decision(width int) []string {
	text := s.decisionText()
	if text == "" {
		return nil
	}
	lines := strings.Split(term.Wrap("decided  "+text, "         ", width-1), "\n")
	return lines[:min(len(lines), mostDecision)]
}

// stepEnded takes in the end of a size, which is told for good, or of an ingest, or a
// size that never came.
func (s *state) stepEnded(f *result.Phase, now time.Time, opt ProgressOptions) []string {
	spec := scenario.Cell{}
	if i, ok := s.known[f.Unit]; ok {
		spec = s.planned[i].spec
	}
	name := "  " + sizeName(spec, f.Step)
	took := clock(time.Duration(f.End - f.Start))
	verbose := ""
	switch f.Phase {
	case result.PhaseMeasure:
		s.pace.levels++
		s.pace.levelTime += now.Sub(s.pace.levelFrom)
		return []string{name + sizeEnd(f)}
	case result.PhaseIngest:
		s.phase = phaseSearch
		verbose = fmt.Sprintf("%s: ingest of %s in %s", name, Plural(f.Sent, "prompt"), took)
	case result.PhaseSkipped:
		verbose = name + ": skipped, " + term.Clean(f.Reason)
	}
	if !opt.Verbose {
		return nil
	}
	return []string{verbose}
}

// sizeEnd says what a size came to.
func sizeEnd(f *result.Phase) string {
	line := ""
	switch {
	case f.Converged:
		line += fmt.Sprintf(": %d in flight held for %s", f.Level, Plural(f.Periods, "period"))
	default:
		line += fmt.Sprintf(": not converged, last tried %d in flight", f.Level)
		if f.Bracket != [2]int{} {
			line += fmt.Sprintf(" (passes %s, violates %s)", levelOrNone(f.Bracket[0]), levelOrNone(f.Bracket[1]))
		}
	}
	if f.Search > 0 {
		line += fmt.Sprintf(", found after %d", f.Search)
	}
	line += ", " + figures(f.Row)
	if f.Stop != "" {
		line += ", " + term.Clean(f.Stop)
	}
	return line
}

// sizeName is "size 2/5, 655k".
func sizeName(spec scenario.Cell, step int) string {
	name := fmt.Sprintf("size %d/%d", step+1, max(1, len(spec.Steps)))
	if ws := spec.At(step).WorkingSet; ws > 0 {
		name += ", " + metric.Size(ws)
	}
	return name
}

// searching says what is under way in a cell whose working set grows.
func (s *state) searching(spec scenario.Cell) string {
	line := string(s.phase)
	if s.phase == result.PhaseWarmup && spec.Prompts > 0 {
		n := spec.Prompts
		if s.scenario.Growth.Prompts != "prewarmed" {
			n = spec.At(0).Prompts
		}
		line += fmt.Sprintf(" %d/%d prompts", s.warmed, n)
	}
	if !s.growth.changed {
		return line
	}
	step := s.growth.step
	if s.phase == result.PhaseIngest {
		step = s.period.NextStep
	}
	if s.phase == result.PhaseIngest {
		line += fmt.Sprintf(" %d/%d new prompts", s.growth.ingested, spec.At(step).Prompts-spec.At(step-1).Prompts)
	}
	line += "  " + sizeName(spec, step)
	if s.level > 0 {
		line += fmt.Sprintf("  conc %d", s.level)
	}
	if left, ok := s.periodsLeft(); ok {
		line += fmt.Sprintf("  period %d, at most %d left", s.growth.periods+1, left)
	}
	return line
}

// periodsLeft is how many periods the cell's duration still has room for, the one under
// way included.
func (s *state) periodsLeft() (int, bool) {
	length, each := int64(s.scenario.Duration.Max), int64(s.scenario.Assessment)
	if each <= 0 || length <= 0 {
		return 0, false
	}
	if s.period != nil {
		length -= s.period.End - s.growth.from
	}
	return int((max(0, length) + each - 1) / each), true
}

// growing estimates the time of a cell from that of a size so far; without one, or where
// the clock has it, it is its duration.
func (s *state) growing(spec scenario.Cell, perSize time.Duration) time.Duration {
	all := time.Duration(s.scenario.Duration.Max)
	if perSize <= 0 || s.scenario.Growth.By == "time" || s.scenario.Growth.AtEnd == "hold" {
		return all
	}
	return min(all, time.Duration(max(1, len(spec.Steps)))*perSize)
}
