package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// levels measures the cell's concurrency levels in ascending order. The load is never
// drained between them, unless each level is to have a fresh cache state.
func (u *unit) levels(ctx context.Context) unitEnd {
	u.gen.Switch(u.deal.loop())
	for i, level := range u.cell.Levels {
		if i > 0 && u.sc.Warmup.Rewarm == "per-level" {
			if end := u.again(ctx); end.err != nil || end.class != "" {
				return end
			}
		}
		end, err := u.level(ctx, level)
		if err != nil {
			return unitEnd{err: err}
		}
		if end.rest != "" {
			for _, higher := range u.cell.Levels[i+1:] {
				u.phase(&result.Phase{Phase: result.PhaseSkipped, Level: higher, Start: u.now(), Reason: end.rest})
			}
			return unitEnd{reason: end.rest}
		}
	}
	return unitEnd{}
}

// again drains and warms up once more (rewarm: per-level).
func (u *unit) again(ctx context.Context) unitEnd {
	start := u.now()
	u.gen.Drain(time.Duration(u.sc.Drain))
	u.phase(&result.Phase{Phase: result.PhaseDrain, Start: start})
	u.mu.Lock()
	clear(u.touched)
	u.nTouched, u.sentinel, u.verify = 0, 0, residency{}
	u.mu.Unlock()
	// Prompts that were built ahead and never sent are in the history, and the access law
	// stands behind them: both begin anew, as after any warm-up.
	deal, err := u.newDealer()
	if err != nil {
		return unitEnd{err: err}
	}
	u.deal = deal
	for _, step := range u.warming() {
		if end := step(ctx); end.err != nil || end.class != "" {
			return end
		}
	}
	u.gen.Switch(u.deal.loop())
	return unitEnd{}
}

// levelEnd is what a finished level means for what comes after it.
type levelEnd struct {
	rest string // why the higher levels are not run; empty: they are
}

// window is a level's measured window while it grows.
type window struct {
	level      int
	start, end int64
	periods    int
	fired      *fired // the stop that ended it early
}

// level raises the concurrency in flight, waits until it is steady, and measures.
func (u *unit) level(ctx context.Context, level int) (levelEnd, error) {
	begin := u.now()
	u.emit(&result.Change{Unit: u.id, At: begin, Level: level, Reason: "level"})
	u.gen.SetTarget(level, u.alive.stagger())
	note, err := u.warmIn(level, begin)
	if err != nil {
		return levelEnd{}, err
	}
	w := &window{level: level, start: u.now()}
	w.end = w.start
	u.gen.Forget(w.start)
	u.scrapeBorder()
	d := newDecider(u.plan, u)
	if err := u.measure(w, d); err != nil {
		return levelEnd{}, err
	}
	total := u.total(w)
	repeats := 0
	for ; repeats < u.sc.Repeats && result.Judge(u.sc.SLO, total).Held() && w.fired == nil; repeats++ {
		if err := u.measure(w, d); err != nil {
			return levelEnd{}, err
		}
		total = u.total(w)
	}
	missed, line := u.judge(total)
	return u.conclude(w, d, &result.Phase{Phase: result.PhaseMeasure, Level: level, Start: w.start, End: w.end, Notes: note,
		Repeats: repeats, Missed: missed, Stop: line, Row: total}), nil
}

// warmIn waits until the level is in flight and every worker has finished a request
// that it started at this level, at most warm_in_max.
func (u *unit) warmIn(level int, begin int64) (notes []string, err error) {
	limit := time.Duration(u.sc.WarmInMax)
	if limit == 0 {
		limit = max(time.Minute, 3*u.alive.p95())
	}
	for !u.gen.Ready(begin) {
		if u.now()-begin >= int64(limit) {
			notes = append(notes, fmt.Sprintf("warm-in cut after %s", limit.Round(time.Millisecond)))
			break
		}
		if err := u.wait(min(u.now()+int64(10*time.Millisecond), begin+int64(limit))); err != nil {
			return nil, err
		}
	}
	u.phase(&result.Phase{Phase: result.PhaseWarmIn, Level: level, Start: begin, Notes: notes})
	return notes, nil
}

// measure extends w by one window: to the exact duration, or to the first period's end
// at or after min that holds enough samples and has touched the set, at most to max.
func (u *unit) measure(w *window, d *decider) error {
	from := w.end
	lo, hi := from+int64(u.sc.Duration.Min), from+int64(u.sc.Duration.Max)
	for w.end < hi {
		end := min(w.end+int64(u.sc.Assessment), hi)
		if err := u.wait(end); err != nil {
			return err
		}
		u.scrapeBorder()
		p := u.period(w, end)
		w.end = end
		w.fired = d.period(w.level, p)
		u.emit(p)
		if w.fired != nil {
			return nil
		}
		if end >= lo && end < hi && u.enough(from, end) {
			return nil
		}
	}
	return nil
}

// enough reports whether the window holds the samples that a verdict needs and 90 % of
// the set was touched since the warm-up.
func (u *unit) enough(from, end int64) bool {
	n := 0
	for _, q := range u.gen.Read(from) {
		if q.FirstToken >= from && q.FirstToken < end {
			n++
		}
	}
	// By depth the newest are asked for most: the deepest few are not waited for.
	return n >= result.FirstTokensNeeded(u.sc) && (u.sc.Access == "depth" || u.covered() >= 0.9)
}

// period gives the frame of the period that ends at end, as decided.
func (u *unit) period(w *window, end int64) *result.Period {
	w.periods++
	row := u.row(w.level, w.end, end, 0)
	return &result.Period{Unit: u.id, Level: w.level, Index: w.periods, Start: w.end, End: end, Row: row}
}

// total measures the level's whole window, as decided.
func (u *unit) total(w *window) metric.Row { return u.row(w.level, w.start, w.end, 0) }

// row measures [from, to) with what is known now: told counts, else events times the
// cell's running tokens per event.
// Of requests that started before since only what they did in the window counts
// (sustained: before the last change of level or size); 0 takes all.
func (u *unit) row(level int, from, to, since int64) metric.Row {
	reqs := u.gen.Read(from)
	perEvent := u.tokensPerEvent()
	u.mu.Lock()
	defer u.mu.Unlock() // the telemetry grows under it
	row, _ := result.Measure(reqs, result.Window{Start: from, End: to}, result.MeasureOptions{
		SLO: u.sc.SLO, TokensPerEvent: perEvent, KVBytesPerToken: kvBytes(u.sc, u.probe), Telemetry: u.scraped, Since: since,
	})
	result.SetAxes(row, u.cell, level)
	row.Set("elapsed", metric.Of(float64(to)/1e9))
	return row
}

// judge holds the slo against a level's total: no data is no miss, and no pass either.
func (u *unit) judge(total metric.Row) (missed bool, line string) {
	j := result.Judge(u.sc.SLO, total)
	if j.Missed != scenario.True {
		return false, ""
	}
	return true, j.Text
}

// conclude emits the level's point and says what follows from it.
func (u *unit) conclude(w *window, d *decider, p *result.Phase) levelEnd {
	hit := further(w.fired, d.level(w.level, p.Row))
	if hit != nil {
		p.Stop = join(p.Stop, hit.text)
		p.Reason = hit.reason()
	}
	u.phase(p)
	u.noteBest(p)
	if hit != nil {
		if end := u.ends(hit); end.rest != "" {
			return end
		}
	}
	if p.Missed && u.sc.OnMiss == "skip" {
		return levelEnd{rest: "slo missed at concurrency " + fmt.Sprint(w.level) + ": " + p.Stop}
	}
	return levelEnd{}
}

// Codes of the notes that carry a stop condition over to a later session.
const (
	codeStopLevel = "stop-level"
	codeStopCell  = "stop-cell"
	codeStopSweep = "stop-sweep"
	codeStopRun   = "stop-run"
)

// ends carries a stop condition's reach: this level alone, the cell, its larger sizes, or
// the run.
func (u *unit) ends(hit *fired) levelEnd {
	why := hit.reason()
	at := u.now()
	switch hit.stop.Ends {
	case "level":
		u.emit(&result.Note{Unit: u.id, At: at, Code: codeStopLevel, Text: why, Fail: hit.stop.Fail})
		return levelEnd{}
	case "sweep":
		u.endSweep(u.cell, u.id.Trial, why)
		u.emit(&result.Note{Unit: u.id, At: at, Code: codeStopSweep, Text: why, Fail: hit.stop.Fail})
	case "run":
		u.over = why
		u.emit(&result.Note{Unit: u.id, At: at, Code: codeStopRun, Text: why, Fail: hit.stop.Fail})
	default:
		u.emit(&result.Note{Unit: u.id, At: at, Code: codeStopCell, Text: why, Fail: hit.stop.Fail})
	}
	return levelEnd{rest: why}
}

func join(a, b string) string {
	if a == "" || a == b {
		return b
	}
	return a + "; " + b
}

// noteBest keeps the cell's best point so far, which stop conditions may read.
func (u *unit) noteBest(p *result.Phase) {
	if result.Judge(u.sc.SLO, p.Row).Held() && result.Better(p.Row, u.best) {
		u.best = p.Row
	}
}
