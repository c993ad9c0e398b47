package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// state is what progress knows of a run: what its frames said so far.
type state struct {
	began    time.Time
	name     string
	scenario *scenario.Scenario
	planned  []unitState
	known    map[result.Unit]int // index into planned
	current  int                 // index into planned, -1 between units
	number   int                 // units begun in this session
	unitFrom time.Time
	phase    result.PhaseKind
	level    int
	from     int64 // of the level's measured window
	period   *result.Period
	warmed   int // warm-up requests that ended in this unit
	sent     int
	failed   int // of the run
	pace     pace
	growth   growth
	surveyed surveyed // mode map
}

type unitState struct {
	unit result.Unit
	spec scenario.Cell
	over bool
}

// pace is what the run has shown of its own speed.
type pace struct {
	warmTokens float64
	warmTime   time.Duration
	levels     int
	levelTime  time.Duration
	levelFrom  time.Time
}

// frame takes in one frame and gives the lines to print for good.
func (s *state) frame(f result.Frame, now time.Time, opt ProgressOptions) []string {
	switch f := f.(type) {
	case *result.Run:
		s.open(f)
	case *result.Probe:
		return []string{serverLine(&f.Probe)}
	case *result.Cell:
		return s.cell(f, now, opt)
	case *result.Phase:
		return s.phaseEnded(f, now, opt)
	case *result.Change:
		if s.sustained() {
			s.changed(f, now)
			return nil
		}
		s.phase, s.level, s.pace.levelFrom = result.PhaseWarmIn, f.Level, now
	case *result.Request:
		s.request(&f.Request)
	case *result.Period:
		s.period = f
		if s.sustained() {
			return s.decided(f, opt)
		}
		if opt.Verbose {
			return []string{fmt.Sprintf("  conc %d period %d: %s", f.Level, f.Index, figures(f.Row))}
		}
	case *result.Note:
		if f.Code == "failed" || f.Code == "interrupted" {
			return nil // how the run ended is told when it has
		}
		return []string{"note " + f.Code + ": " + term.Clean(f.Text)}
	}
	return nil
}

// open takes in the plan. A session that resumes one finds its units done later,
// when their cells are not begun again: they are known from the record, which
// progress does not read.
func (s *state) open(f *result.Run) {
	s.name, s.scenario, s.current = f.Scenario.Name, f.Scenario, -1
	s.planned, s.known = nil, map[result.Unit]int{}
	only := map[string]bool{}
	for _, c := range f.Only {
		only[c] = true
	}
	for t := 1; t <= max(1, f.Scenario.Trials); t++ {
		for _, c := range f.Cells {
			if len(only) == 0 || only[c.Key] {
				s.plan(result.Unit{Cell: c.Key, Trial: t}, c)
			}
		}
	}
}

func (s *state) plan(u result.Unit, spec scenario.Cell) int {
	if s.known == nil {
		s.known = map[result.Unit]int{}
	}
	i, ok := s.known[u]
	if !ok {
		i = len(s.planned)
		s.known[u] = i
		s.planned = append(s.planned, unitState{unit: u, spec: spec})
	}
	return i
}

// cell takes in a unit's begin or end. A refined cell becomes known when it begins.
func (s *state) cell(f *result.Cell, now time.Time, opt ProgressOptions) []string {
	i := s.plan(f.Unit, f.Cell)
	switch f.State {
	case result.CellSuperseded:
		return nil
	case result.CellBegin:
		s.current, s.unitFrom, s.number = i, now, s.number+1
		s.phase, s.level, s.period, s.warmed, s.growth = result.PhaseReset, 0, nil, 0, growth{}
		s.surveyed = surveyed{}
		s.planned[i].over = false
		if opt.Redraw {
			return nil
		}
		return []string{fmt.Sprintf("%s begins: %s", s.place(), trialName(f.Unit, s.trials()))}
	}
	s.planned[i].over = true
	line := fmt.Sprintf("%s %s: %s", s.placeOf(i), f.State, trialName(f.Unit, s.trials()))
	if s.current == i {
		line += fmt.Sprintf(" in %s", clock(now.Sub(s.unitFrom)))
		if s.period != nil {
			line += ", last period " + figures(s.period.Row)
		}
		if s.surveyed.known != "" {
			line += ", " + s.surveyed.known
		}
		s.current = -1
	}
	if f.Reason != "" && f.State != result.CellInterrupted { // that is how the run ended
		line += " (" + term.Clean(f.Reason) + ")"
	}
	return []string{line}
}

// phaseEnded takes in a finished part of a unit: what comes next is under way.
func (s *state) phaseEnded(f *result.Phase, now time.Time, opt ProgressOptions) []string {
	took := time.Duration(f.End - f.Start)
	if s.mapping() && (f.Phase == result.PhaseIngest || f.Phase == result.PhaseLook) {
		return s.mapPhase(f, opt)
	}
	if s.sustained() && (f.Phase == result.PhaseMeasure || f.Phase == result.PhaseIngest || f.Phase == result.PhaseSkipped) {
		return s.stepEnded(f, now, opt)
	}
	switch f.Phase {
	case result.PhaseReset:
		s.phase = result.PhaseSentinel
	case result.PhaseSentinel:
		s.phase = result.PhaseWarmup
	case result.PhaseWarmup:
		s.pace.warmTime += took
		s.pace.warmTokens += s.warmTokens(s.planned[s.plan(f.Unit, scenario.Cell{})].spec)
		s.phase = result.PhaseSettle
	case result.PhaseSettle:
		s.phase = result.PhaseVerify
	case result.PhaseWarmIn:
		s.phase, s.from = result.PhaseMeasure, f.End
	case result.PhaseMeasure:
		s.pace.levels++
		s.pace.levelTime += now.Sub(s.pace.levelFrom)
		s.phase = result.PhaseDrain
	}
	if !opt.Verbose {
		return nil
	}
	line := "  " + string(f.Phase)
	if f.Level > 0 {
		line += fmt.Sprintf(" conc %d", f.Level)
	}
	line += " " + clock(took)
	for _, n := range append([]string{f.Stop, f.Reason}, f.Notes...) {
		if n != "" {
			line += ", " + term.Clean(n)
		}
	}
	return []string{line}
}

func (s *state) request(r *sample.Request) {
	s.sent++
	if r.Class.Failed() {
		s.failed++
	}
	switch r.Phase {
	case sample.PhaseSentinel:
		s.phase = result.PhaseSentinel
	case sample.PhaseWarmup:
		if s.growth.changed { // of the ingest
			s.growth.ingested++
			return
		}
		s.phase = result.PhaseWarmup
		s.warmed++
	case sample.PhaseVerify:
		s.phase = result.PhaseVerify
	case sample.PhaseIngest, sample.PhaseLook, sample.PhaseTouch:
		s.mapRequest(r)
	}
}

func (s *state) trials() int {
	if s.scenario == nil {
		return 1
	}
	return s.scenario.Trials
}

func (s *state) place() string { return s.placeOf(s.current) }

// placeOf counts units in the order they are run in, so the one shown rises by
// one with each; over ones that were never begun (skipped) keep their own place.
func (s *state) placeOf(i int) string {
	return fmt.Sprintf("cell %d/%d", i+1, len(s.planned))
}

func (s *state) warmTokens(c scenario.Cell) float64 {
	out := int64(0)
	if s.scenario != nil {
		out = s.scenario.OutputTokens
	}
	return float64(c.Prompts) * float64(c.R+out)
}

// left estimates the time that is left, from the run's own pace: warm-up by its
// tokens, levels by their number. ok is false before the first level has ended; sizes
// that grow have their duration from the start.
func (s *state) left(now time.Time) (time.Duration, bool) {
	if s.pace.levels == 0 && !s.sustained() || s.mapping() {
		return 0, false
	}
	perLevel := s.pace.levelTime / time.Duration(max(1, s.pace.levels))
	var left time.Duration
	for i, u := range s.planned {
		if u.over {
			continue
		}
		t := time.Duration(len(u.spec.Levels)) * perLevel
		if s.sustained() {
			t = s.growing(u.spec, perLevel)
		}
		if s.pace.warmTokens > 0 {
			t += time.Duration(s.warmTokens(u.spec) / s.pace.warmTokens * float64(s.pace.warmTime))
		}
		if i == s.current {
			t = max(0, t-now.Sub(s.unitFrom))
		}
		left += t
	}
	return left, true
}

// share is how much of the run is done, 0..1: of its time where that can be told, else of its units.
func (s *state) share(now time.Time) float64 {
	if left, ok := s.left(now); ok {
		spent := now.Sub(s.began)
		return float64(spent) / float64(max(1, spent+left))
	}
	over := 0
	for _, u := range s.planned {
		if u.over {
			over++
		}
	}
	return float64(over) / float64(max(1, len(s.planned)))
}

// block gives the lines of the redrawn block.
func (s *state) block(now time.Time, width int) []string {
	if s.scenario == nil {
		return nil // nothing has begun
	}
	if width <= 0 {
		width = 80
	}
	head := s.name
	if s.current >= 0 {
		head += "  " + s.place() + "  " + trialName(s.planned[s.current].unit, s.trials())
	}
	lines := []string{strings.TrimSpace(head)}
	if doing := s.doing(); doing != "" {
		lines = append(lines, doing)
	}
	if s.period != nil {
		lines = append(lines, "last period  "+figures(s.period.Row))
	}
	lines = append(append(lines, s.decision(width)...), s.knownLines(width)...)
	if s.mapping() { // nobody knows how long a map takes: no bar
		return append(lines, fmt.Sprintf("%s  %d requests, %d errors", clock(now.Sub(s.began)), s.sent, s.failed))
	}
	tail := fmt.Sprintf(" %3.0f%%  %s", 100*s.share(now), clock(now.Sub(s.began)))
	if left, ok := s.left(now); ok {
		tail += "  left ~" + clock(left)
	}
	tail += fmt.Sprintf("  %d requests, %d errors", s.sent, s.failed)
	return append(lines, term.Bar(s.share(now), max(10, min(40, width-term.Len(tail)-4)))+tail)
}

// doing says what is under way in the current unit.
func (s *state) doing() string {
	if s.current < 0 {
		return ""
	}
	spec := s.planned[s.current].spec
	switch {
	case s.mapping():
		return s.mapDoing()
	case s.sustained():
		return s.searching(spec)
	}
	line := string(s.phase)
	if s.phase == result.PhaseWarmup && spec.Prompts > 0 {
		line += fmt.Sprintf(" %d/%d prompts", s.warmed, spec.Prompts)
	}
	if spec.WorkingSet > 0 {
		line += "  working set " + metric.Size(spec.WorkingSet)
	}
	if s.level > 0 {
		line += fmt.Sprintf("  conc %d", s.level)
	}
	return line
}

// heartbeat is the block as one line.
func (s *state) heartbeat(now time.Time) string {
	parts := []string{clock(now.Sub(s.began))}
	if s.current >= 0 {
		parts = append(parts, s.place()+" "+trialName(s.planned[s.current].unit, s.trials()), s.doing())
	}
	if s.period != nil {
		parts = append(parts, figures(s.period.Row))
	}
	for _, d := range []string{s.decisionText(), s.surveyed.known} {
		if d != "" {
			parts = append(parts, d)
		}
	}
	parts = append(parts, fmt.Sprintf("%d requests, %d errors", s.sent, s.failed))
	if left, ok := s.left(now); ok {
		parts = append(parts, "left ~"+clock(left))
	}
	return strings.Join(parts, "  ")
}

// figures are the few numbers of a period that tell how it goes.
func figures(r metric.Row) string {
	var parts []string
	for _, f := range []struct {
		name, label, unit string
	}{{"ttft.p95", "ttft.p95", ""}, {"input_throughput", "in", " tok/s"}, {"output_throughput", "out", " tok/s"}, {"hit_rate_observed", "hit", ""}, {"error_rate", "errors", ""}} {
		d, _ := metric.Find(f.name)
		if v := metric.Print(d.Unit, r.Get(f.name)); v != "" {
			parts = append(parts, f.label+" "+v+f.unit)
		}
	}
	if len(parts) == 0 {
		return "no data yet"
	}
	return strings.Join(parts, "  ")
}

func trialName(u result.Unit, trials int) string {
	if trials > 1 {
		return fmt.Sprintf("%s trial %d", u.Cell, u.Trial)
	}
	return u.Cell
}

func serverLine(p *sample.Probe) string {
	line := "server " + p.Engine
	if p.Version != "" {
		line += " " + p.Version
	}
	line += ", model " + p.Model
	for _, c := range p.Capacity {
		line += fmt.Sprintf(", %s holds %s tokens", c.Tier, metric.Text(metric.Tokens, float64(c.Tokens)))
	}
	return term.Clean(line)
}

// clock prints a duration as people read one: 900ms, 12.3s, 4m05s, 2h07m.
func clock(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute-50*time.Millisecond:
		return metric.Text(metric.Seconds, d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		s := int(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	m := int(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%dh%02dm", m/60, m%60)
}
