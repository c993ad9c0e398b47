package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/control"
	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/prompt"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// sustained drives the controller of one cell: load never drains, the working set grows,
// the concurrency follows the controller's decisions.
type sustained struct {
	*unit
	ctl  control.Controller
	src  *growingSource
	stop *decider

	begin   int64 // when the cell's duration began
	step    int   // growth step in force
	level   int   // concurrency in force
	changed int64 // since when both are: what started before is not held against them
	from    int64 // where the periods at this level and step began
	until   int64 // where the last of them ended, and the next begins: nothing falls between two
	periods int   // since then
	index   int   // periods so far
}

// sustain is the last step of a sustained unit's execution.
func (u *unit) sustain(context.Context) unitEnd {
	ctl, err := control.New(controlConfig(u.sc, u.spec))
	if err != nil {
		return unitEnd{err: err}
	}
	u.setStep(0)
	s := &sustained{unit: u, ctl: ctl, src: u.deal.growing(), stop: newDecider(u.plan, u)}
	u.gen.Switch(s.src)
	end := s.run()
	if end.err == nil {
		s.skipRest(end.reason)
	}
	return end
}

// controlConfig is what the scenario asks of the controller.
func controlConfig(sc *scenario.Scenario, c scenario.Cell) control.Config {
	cfg := control.Config{
		Margin: sc.SLO.Margin / 100, Start: sc.Search.Start, Step: sc.Search.Step, Max: sc.Search.Max, Sizes: len(c.Steps),
		Assessment: time.Duration(sc.Assessment), Duration: time.Duration(sc.Duration.Max), Hold: sc.Growth.Hold,
		ByTime: sc.Growth.By == "time", Soak: sc.Growth.AtEnd == "hold" || len(c.Steps) == 1 && c.HitRate == 0,
	}
	for _, l := range sc.SLO.TTFT {
		cfg.Lines = append(cfg.Lines, control.Line{Metric: "ttft." + l.Stat, Limit: l.Limit})
	}
	for _, l := range sc.SLO.OutputRate {
		cfg.Lines = append(cfg.Lines, control.Line{Metric: "output_rate." + l.Stat, Limit: l.Limit})
	}
	return cfg
}

// run goes from period to period until the controller, a stop condition or somebody
// outside ends the cell.
func (s *sustained) run() unitEnd {
	d := s.ctl.Begin()
	s.change(d.Next, 0, d.Reason)
	s.begin = s.changed // exactly: a duration that is over a moment later would get a stump of a period
	for {
		p, obs, err := s.period()
		if err != nil {
			if s.periods > 0 {
				s.point(s.cutOff("the run was ended: " + err.Error()))
			}
			return unitEnd{err: err}
		}
		d = s.ctl.Next(obs)
		p.Decision, p.Reason, p.Next, p.NextStep, p.Over = string(d.Kind), d.Reason, d.Next, d.NextSize, d.Over
		hit := s.stop.period(s.level, p)
		if hit != nil { // what the controller wanted next never comes into force
			p.Decision, p.Next, p.NextStep, p.Over = string(control.End), p.Level, p.Step, true
		}
		s.emit(p)
		if hit != nil {
			s.point(s.unfinished(d, hit))
			return unitEnd{reason: s.ends(hit).rest}
		}
		if d.Done != nil {
			s.point(outcome(d))
		}
		if d.Over {
			return unitEnd{reason: d.Reason}
		}
		if err := s.follow(d); err != nil {
			return unitEnd{err: err}
		}
	}
}

// follow puts a decision into force: growth first, then the level.
func (s *sustained) follow(d control.Decision) error {
	if d.NextSize != s.step {
		if err := s.grow(d); err != nil {
			return err
		}
	}
	if d.Changed() {
		s.change(d.Next, d.NextSize, d.Reason)
	}
	return nil
}

// change begins a change-over: what starts from now on counts for the new level and step.
func (s *sustained) change(level, step int, why string) {
	s.changed = s.now()
	s.from, s.until, s.periods = s.changed, s.changed, 0
	if level != s.level {
		s.gen.SetTarget(level, s.alive.stagger())
	}
	s.level, s.step = level, step
	s.stop.start, s.stop.since = s.changed, s.changed
	s.emit(&result.Change{Unit: s.id, At: s.changed, Level: level, Step: step, Reason: why})
}

// period waits until the period is over, as long as the controller has it extended, and
// gives its frame and what control sees of it.
func (s *sustained) period() (*result.Period, control.Observation, error) {
	start := s.until
	limit := s.limit()
	end := start + int64(s.sc.Assessment)
	if end > limit {
		end = max(limit, start+int64(s.sc.Assessment)/10)
	}
	for {
		if err := s.wait(end); err != nil {
			return nil, control.Observation{}, err
		}
		s.scrapeBorder()
		obs := observation(s.gen.Read(start), start, end, s.changed)
		if end >= limit || !s.ctl.Extends(obs) {
			s.index++
			s.periods++
			s.until = end
			p := &result.Period{Unit: s.id, Level: s.level, Index: s.index, Start: start, End: end, Step: s.step, Row: s.row(s.level, start, end, s.changed)}
			s.gen.Forget(min(s.from, start))
			return p, obs, nil
		}
		end = min(end+int64(s.sc.Assessment)/4, limit)
	}
}

// limit is where no period goes beyond: the end of the duration, and by time the end of
// the size's share of it, however long a change-over would have the period extended.
func (s *sustained) limit() int64 {
	whole := int64(s.sc.Duration.Max)
	if s.sc.Growth.By != "time" {
		return s.begin + whole
	}
	return s.begin + whole*int64(s.step+1)/int64(len(s.spec.Steps))
}

// observation gives a period as control sees it: requests that started since the change
// of level or size. What a stream tells at its end counts for the period of its end, so
// that a record, which knows how it went on, says the same as the run did then.
func observation(reqs []*sample.Request, start, end, changed int64) control.Observation {
	o := control.Observation{Start: start, End: end}
	w := result.Window{Start: start, End: end}
	for _, q := range reqs {
		if q.Phase != sample.PhaseLoad || q.Started < changed || q.Started >= end {
			continue
		}
		if life, ok := lifeIn(q, w); ok {
			o.TTFT = append(o.TTFT, life)
		}
		if q.Class != sample.OK || !w.Has(q.End) {
			continue
		}
		if q.CachedTokens >= 0 {
			o.Cached += q.CachedTokens
			o.Prompt += q.Input()
		}
		if tpot, ok := result.TPOT(q); ok && tpot > 0 {
			o.Rates = append(o.Rates, 1/tpot)
		}
	}
	return o
}

// lifeIn is a request's wait for its first token as far as the window saw it. One that
// failed without a first token waited until then.
func lifeIn(q *sample.Request, w result.Window) (stats.Life, bool) {
	until, event := q.FirstToken, true
	if until < 0 {
		until, event = q.End, false
	}
	if until < 0 || until >= w.End {
		until, event = w.End, false
	}
	if until < w.Start {
		return stats.Life{}, false
	}
	return stats.Life{Entry: max(0, seconds(w.Start-q.Started)), Age: seconds(until - q.Started), Event: event}, true
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// grow takes the next size's prompts into use. Cold ones are ingested first: one pass
// over them at the level in force, while the load goes on; it belongs to no point. When
// the duration is over before it is, the size ends not-converged and the phase says why.
func (s *sustained) grow(d control.Decision) error {
	start := s.now()
	s.setStep(d.NextSize)
	s.mu.Lock() // before the first of the new prompts is sent: one that ended earlier would never be counted
	clear(s.touched)
	clear(s.failed)
	s.nTouched, s.ingested = 0, 0
	s.mu.Unlock()
	jobs := s.src.grow(s.cell.Prompts, s.sc.Growth.Prompts == "prewarmed")
	if jobs == 0 {
		return nil
	}
	over := ""
	for {
		s.mu.Lock()
		done, failed := s.ingested, len(s.failed)
		s.mu.Unlock()
		if done < jobs && s.now()-s.begin >= int64(s.sc.Duration.Max) {
			over = fmt.Sprintf("the duration was over after %d of %d new prompts of size %d", done, jobs, d.NextSize+1)
		}
		if done >= jobs || over != "" {
			s.phase(&result.Phase{Phase: result.PhaseIngest, Level: s.level, Start: start, Step: d.NextSize, Sent: done, Failed: failed, Reason: over})
			return s.ingestible(done)
		}
		if err := s.wait(s.now() + int64(10*time.Millisecond)); err != nil {
			return err
		}
	}
}

// ingestible looks at the server when more than 1 % of the prompts ingested so far have
// failed: a dead one ends the run; what fails at a live one shows in the points.
func (s *sustained) ingestible(done int) error {
	failed := s.failures()
	if len(failed) == 0 || float64(len(failed)) <= 0.01*float64(done) {
		return nil
	}
	if err := s.target.look(s.soft); err != nil {
		return s.gone(err, failed[0].Err)
	}
	return nil
}

// firstStep begins with the first size: its prompts are warmed up, or all that will ever
// be, where growth is to find them warm.
func (u *unit) firstStep(d *dealer) {
	if u.sc.Growth.Prompts == "prewarmed" {
		return // the whole set is warmed up; sustain takes the first part of it into use
	}
	u.setStep(0)
	d.set.Use(u.cell.Prompts)
}

// setStep makes the unit's cell what it is at a growth step. Load may be running, and
// the collector reads the cell.
func (u *unit) setStep(step int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cell = u.spec.At(step)
}

// outcome is a step's point as the controller found it.
func outcome(d control.Decision) *result.Phase {
	o := d.Done
	p := &result.Phase{Phase: result.PhaseMeasure, Level: o.Level, Step: o.Size, Start: o.From, End: o.To, Converged: o.Converged,
		Bracket: [2]int{o.Lo, o.Hi}, Periods: o.Periods, Search: o.Search, Missed: d.Missed}
	if !o.Converged {
		p.Notes = append(p.Notes, "not converged: "+o.Reason)
	}
	if d.Missed {
		p.Stop = "the slo fails at the lowest concurrency"
	}
	return p
}

// unfinished is the point of a step that a stop condition cut off.
func (s *sustained) unfinished(d control.Decision, hit *fired) *result.Phase {
	if d.Done != nil {
		p := outcome(d)
		p.Stop = join(p.Stop, hit.text)
		return p
	}
	p := s.cutOff("a stop condition ended the cell")
	p.Stop, p.Reason = hit.text, hit.reason()
	return p
}

// cutOff is the point of a step that did not come to its end: the periods at the level in
// force.
func (s *sustained) cutOff(why string) *result.Phase {
	return &result.Phase{Phase: result.PhaseMeasure, Level: s.level, Step: s.step, Start: s.from, End: s.until, Periods: s.periods,
		Notes: []string{"not converged: " + why}}
}

// point measures the window of the step in force as decided and emits it.
func (s *sustained) point(p *result.Phase) {
	p.Row = s.row(p.Level, p.Start, p.End, s.changed)
	s.phase(p)
	s.noteBest(p)
}

// skipRest says of the steps that never came why.
func (s *sustained) skipRest(why string) {
	if why == "" {
		why = "the cell ended before it"
	}
	for step := s.step + 1; step < len(s.spec.Steps); step++ {
		s.phase(&result.Phase{Phase: result.PhaseSkipped, Step: step, Start: s.now(), Reason: why})
	}
}

// growingSource deals the ingest of new prompts, when there is one, before it goes on
// with the loop. It is one source for the whole cell, so that no request that was built
// is ever dropped.
type growingSource struct {
	mu     sync.Mutex
	deal   *dealer
	loop   load.Source
	law    prompt.Growing
	ingest load.Source // nil when there is none
	used   int
}

// growing is the endless source of a cell whose set grows.
func (d *dealer) growing() *growingSource {
	law, _ := d.law.(prompt.Growing)
	return &growingSource{deal: d, loop: d.loop(), law: law, used: d.u.cell.Prompts}
}

// Next implements load.Source.
func (g *growingSource) Next() (*sample.Job, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ingest != nil {
		if j, ok := g.ingest.Next(); ok {
			return j, true
		}
		g.ingest = nil
	}
	return g.loop.Next()
}

// grow takes prompts up to n into use and gives the number of requests that ingest them.
func (g *growingSource) grow(n int, warm bool) (jobs int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := g.used
	g.deal.set.Grow(g.law, n)
	g.used = n
	if warm {
		return 0
	}
	src := g.deal.coverage(first)
	g.ingest = src
	return src.Len()
}
