package result

import (
	"cmp"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Summary is what a record says, computed once: everything that is shown, written
// or judged comes from it. Its order is fixed by the record alone.
type Summary struct {
	Run    *Run
	Probe  *Probe    // nil when the run ended before it
	Points []*Point  // one per trial, cell and level (sustained: step), in that order, as planned; skipped and failed ones too
	Merged []*Merged // one per cell and level (step) over its trials, by context, hit rate, size and level
	Series []*Series // transitions, by context, hit rate, level and trial
	Maps   []*Map    // mode map: one for each trial of a context that has a look, as they were run

	// Capacity is each stated or told capacity held against each series, in its order.
	Capacity []CapacityFinding

	Notes []RunNote // what a reader should know of the whole run, each once

	stopped bool // a stop condition ended the run: cells that were not begun were skipped by it
}

// RunNote is one remark on the whole run.
type RunNote struct {
	Code string // hit-rate-unverified, reset-unverified, fitted, no-usage, warning ...: stable
	Text string
	Fail bool // the run failed because of it
}

// Summarise computes the summary of a record, of a torn or unfinished one as well.
func Summarise(rec *Record) *Summary {
	s := &summariser{rec: rec, sum: &Summary{Run: rec.Run, Probe: rec.Probe}, telemetry: NewTelemetry(rec.Scrapes)}
	if rec.Run == nil || rec.Run.Scenario == nil {
		return s.sum
	}
	s.sc = rec.Run.Scenario
	s.evidence = Evidence(s.sc)
	for _, n := range rec.Notes {
		s.sum.stopped = s.sum.stopped || n.Code == "stop-run"
	}
	s.points()
	switch {
	case s.mapped():
		s.sum.Series = s.mapSeries()
	case s.sustained():
		s.capacityValidity()
		s.sum.Series = s.growthSeries()
	default:
		s.capacityValidity()
		s.sum.Series = findSeries(s.sum.Points, s.sc, s.probe())
	}
	s.best()
	s.sum.Merged = merge(s.sum.Points)
	s.sum.Capacity = s.sum.findCapacities()
	s.sum.Notes = s.notes()
	return s.sum
}

// summariser holds what the steps of Summarise share.
type summariser struct {
	rec       *Record
	sc        *scenario.Scenario
	sum       *Summary
	telemetry *Telemetry
	evidence  []string // percentiles that an slo, stop or threshold names
	counts    map[*Point]Counts
	ingested  map[*Point]bool // an ingest overlaps its window
}

func (s *summariser) probe() *sample.Probe {
	if s.rec.Probe == nil {
		return nil
	}
	return &s.rec.Probe.Probe
}

// planned gives the cells that this run was to do: all, or those that --only left
// in any of its sessions, and those that were begun.
func (s *summariser) planned() []scenario.Cell {
	all, wanted, known := false, map[string]bool{}, map[string]bool{}
	for _, run := range append([]*Run{s.rec.Run}, s.rec.Sessions...) {
		all = all || len(run.Only) == 0
		for _, key := range run.Only {
			wanted[key] = true
		}
	}
	var cells []scenario.Cell
	for _, u := range s.rec.Units {
		wanted[u.Cell] = true
	}
	for _, c := range s.rec.Run.Cells {
		if known[c.Key] = true; all || wanted[c.Key] {
			cells = append(cells, c)
		}
	}
	for _, u := range s.rec.Units {
		if !known[u.Cell] {
			known[u.Cell] = true
			cells = append(cells, u.Spec)
		}
	}
	return cells
}

// points makes the points of every planned unit, trial-major as they are run.
func (s *summariser) points() {
	s.counts, s.ingested = map[*Point]Counts{}, map[*Point]bool{}
	units := map[Unit]*UnitRecord{}
	trials := max(1, s.sc.Trials)
	for _, u := range s.rec.Units {
		units[u.Unit] = u
		trials = max(trials, u.Trial)
	}
	cells := s.planned()
	for trial := 1; trial <= trials; trial++ {
		for _, cell := range cells {
			key := Unit{Cell: cell.Key, Trial: trial}
			if u := units[key]; u != nil {
				s.unit(u)
				continue
			}
			r := Reason{Code: "not-run", Class: ValidSkipped, Text: "the run ended before it"}
			if s.sum.stopped {
				r = Reason{Code: "skipped", Class: ValidSkipped, Text: "a stop condition ended the run"}
			}
			s.missing(key, cell, r)
		}
	}
}

// missing makes the points of a unit that was not begun.
func (s *summariser) missing(u Unit, cell scenario.Cell, r Reason) {
	if s.sustained() {
		for step := range stepped(cell).Steps {
			s.sum.Points = append(s.sum.Points, unmeasuredStep(u, stepped(cell), step, r))
		}
	}
	if s.mapped() {
		s.sum.Points = append(s.sum.Points, unmeasured(u, cell, 1, r))
	}
	for _, level := range cell.Levels {
		s.sum.Points = append(s.sum.Points, unmeasured(u, cell, level, r))
	}
}

func unmeasured(u Unit, cell scenario.Cell, level int, r Reason) *Point {
	p := &Point{Unit: u, Spec: cell, Level: level, Row: metric.Row{}, Validity: r.Class, Reasons: []Reason{r}, CachedTokens: sample.Unknown}
	SetAxes(p.Row, cell, level)
	return p
}

// unit makes the points of a unit that was begun or skipped.
func (s *summariser) unit(u *UnitRecord) {
	if s.mapped() {
		s.mapUnit(u)
		return
	}
	opt := MeasureOptions{SLO: s.sc.SLO, TokensPerEvent: TokensPerEvent(u.Requests), KVBytesPerToken: s.rec.KVBytesPerToken(), Telemetry: s.telemetry}
	if s.sustained() {
		s.steps(u, opt)
		return
	}
	for _, level := range levels(u) {
		if ph := u.phase(PhaseMeasure, level); ph != nil {
			s.sum.Points = append(s.sum.Points, s.point(u, u.Spec, ph, opt))
			continue
		}
		s.sum.Points = append(s.sum.Points, unmeasured(u.Unit, u.Spec, level, why(u, u.phase(PhaseSkipped, level))))
	}
}

// levels gives the levels as planned and any other that was measured.
func levels(u *UnitRecord) []int {
	out := slices.Clone(u.Spec.Levels)
	for _, ph := range u.Phases {
		if ph.Phase == PhaseMeasure && !slices.Contains(out, ph.Level) {
			out = append(out, ph.Level)
		}
	}
	return out
}

// phase gives the last finished phase of a kind at a level, nil when there is none.
func (u *UnitRecord) phase(kind PhaseKind, level int) *Phase {
	for i := len(u.Phases) - 1; i >= 0; i-- {
		if ph := u.Phases[i]; ph.Phase == kind && ph.Level == level {
			return ph
		}
	}
	return nil
}

// why says why a level or step of a unit was not measured; skipped is the phase that
// says so itself, nil when there is none.
func why(u *UnitRecord, skipped *Phase) Reason {
	if skipped != nil {
		return Reason{Code: "skipped", Class: ValidSkipped, Text: skipped.Reason}
	}
	switch u.State {
	case CellFailed:
		text := u.Reason
		if text == "" {
			text = u.Class
		}
		return Reason{Code: "failed", Class: ValidFailed, Text: text}
	case CellInterrupted:
		return Reason{Code: "interrupted", Class: ValidSkipped, Text: cmp.Or(u.Reason, "the run was interrupted")}
	case CellBegin:
		return Reason{Code: "interrupted", Class: ValidSkipped, Text: "the record ends inside this cell"}
	}
	return Reason{Code: "skipped", Class: ValidSkipped, Text: u.Reason}
}

// KVBytesPerToken is the size of a token's KV in bytes: the scenario's figure, else the
// engine's, 0 when neither is known.
func (rec *Record) KVBytesPerToken() float64 {
	if rec.Run != nil && rec.Run.Scenario != nil && rec.Run.Scenario.Target.KVBytesPerToken > 0 {
		return rec.Run.Scenario.Target.KVBytesPerToken
	}
	if rec.Probe == nil {
		return 0
	}
	return rec.Probe.KVBytesPerToken
}

// point measures one level or step from its record: the final view. cell is the unit's
// as it was then.
func (s *summariser) point(u *UnitRecord, cell scenario.Cell, ph *Phase, opt MeasureOptions) *Point {
	w := Window{ph.Start, ph.End}
	row, counts := Measure(u.Requests, w, opt)
	SetAxes(row, cell, ph.Level)
	if s.sc.Access != "cyclic" && s.sc.Access != "" {
		row.Set("reuse_distance", medianDistance(counts.distances))
	}
	p := &Point{
		Unit: u.Unit, Spec: cell, Level: ph.Level, Start: ph.Start, End: ph.End, Repeats: ph.Repeats, Row: row, Stop: ph.Stop,
		Samples: counts.FirstTokens, TTFTs: counts.TTFTs, Touched: touched(u, cell.Prompts, ph.Step, w), Churn: churn(row, counts, w),
		InputTokens: counts.InputTokens, OutputTokens: counts.OutputTokens, CachedTokens: counts.CachedTokens, ErrorsBy: counts.ErrorsBy,
		Step: ph.Step, Converged: ph.Converged, Bracket: ph.Bracket, Periods: ph.Periods, Search: ph.Search,
	}
	if want, ok := counts.intended(); ok {
		p.Intended = metric.Of(want)
	}
	final := Judge(s.sc.SLO, row)
	p.Missed = final.Missed == scenario.True || final.Missed == scenario.Unknown && ph.Missed
	if p.Stop == "" && final.Missed == scenario.True {
		p.Stop = final.Text
	}
	s.counts[p] = counts
	s.ingested[p] = ingestIn(u, w)
	s.judge(p, u, ph, final)
	return p
}

func medianDistance(ds []int64) metric.Value {
	if len(ds) == 0 {
		return metric.Value{}
	}
	slices.Sort(ds)
	return metric.Of(stats.Quantile(ds, 0.5))
}

// touched is the share of the set's prompts that load requests touched from the
// end of the unit's last warm-up before the window, or from the growth that made its
// step, to the window's end.
func touched(u *UnitRecord, prompts, step int, w Window) float64 {
	if prompts <= 0 {
		return 0
	}
	from := max(u.Begin, u.grown(step))
	for _, ph := range u.Phases {
		if ph.Phase == PhaseWarmup && ph.End <= w.Start {
			from = max(from, ph.End)
		}
	}
	seen := make([]bool, prompts)
	n := 0
	for _, r := range u.Requests {
		if r.Phase != sample.PhaseLoad || r.Started < from || r.Started >= w.End || r.Prompt < 0 || int(r.Prompt) >= len(seen) || seen[r.Prompt] {
			continue
		}
		seen[r.Prompt] = true
		n++
	}
	return float64(n) / float64(len(seen))
}

// churn is what the window inserted into the cache: computed prompt tokens (those
// meant to be computed, where the server does not tell) and output tokens, per
// second.
func churn(row metric.Row, c Counts, w Window) float64 {
	d := w.Seconds()
	if d <= 0 {
		return 0
	}
	computed := float64(c.SentTokens-c.IntendedTokens) / d
	if v := row.Get("prefill_throughput"); v.Known() {
		computed = v.V
	}
	return computed + float64(c.OutputTokens)/d
}

// best marks the best passing level of each unit: the highest goodput, without one
// the highest output throughput, among ok and doubtful points that hold the slo. A step
// has one point: it is its best where it holds the slo.
func (s *summariser) best() {
	if s.mapped() {
		return // a map has no levels
	}
	type key struct {
		Unit
		step int
	}
	top := map[key]*Point{}
	for _, p := range s.sum.Points {
		if !p.Usable() || p.Missed || !Judge(s.sc.SLO, p.Row).Held() {
			continue
		}
		if k := (key{p.Unit, p.Step}); top[k] == nil || Better(p.Row, top[k].Row) {
			top[k] = p
		}
	}
	for _, p := range top {
		p.Best = true
	}
}

// Usable reports whether the point may be believed: ok or doubtful.
func (p *Point) Usable() bool { return p.Validity == ValidOK || p.Validity == ValidDoubt }

// Measured reports whether the point has a window at all.
func (p *Point) Measured() bool { return p.Validity != ValidSkipped && p.Validity != ValidFailed }

// Window gives the measured window; empty when there is none.
func (p *Point) Window() Window { return Window{p.Start, p.End} }

// Failures gives a sentence for each planned cell none of whose points is ok or
// doubtful, unless the slo or a stop condition skipped them: reasons to end with
// exit code 1.
func (s *Summary) Failures() []string {
	type state struct {
		usable, wanted bool
		why            string
	}
	var order []string
	cells := map[string]*state{}
	for _, p := range s.Points {
		c := cells[p.Cell]
		if c == nil {
			c = &state{}
			cells[p.Cell] = c
			order = append(order, p.Cell)
		}
		c.usable = c.usable || p.Usable()
		if p.Validity == ValidSkipped && p.has("skipped") {
			continue
		}
		if c.wanted = true; c.why == "" && len(p.Reasons) > 0 {
			worst := p.worst()
			if c.why = worst.Code + ": " + worst.Text; worst.Code != string(p.Validity) {
				c.why = string(p.Validity) + ": " + c.why
			}
		}
	}
	var out []string
	for _, key := range order {
		if c := cells[key]; c.wanted && !c.usable {
			out = append(out, key+": no point is usable ("+c.why+")")
		}
	}
	return out
}

func (p *Point) has(code string) bool {
	return slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == code })
}

// worst gives the first reason of the point's own class.
func (p *Point) worst() Reason {
	for _, r := range p.Reasons {
		if r.Class == p.Validity {
			return r
		}
	}
	return Reason{}
}
