package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// unit is one trial of one cell while it runs: what was collected of it so far
// (guarded by run.mu), and what its levels need to know.
type unit struct {
	*run
	id   result.Unit
	spec scenario.Cell      // as planned
	cell scenario.Cell      // as it is now: sustained, at the growth step in force; else spec
	rec  *result.UnitRecord // frames of this unit; the runner reads the same record as a report
	deal *dealer

	warmEnd  int64 // when warm-up and verification had ended
	touched  []uint64
	nTouched int
	tokens   int64 // output tokens and token events of ended requests: tokens per event
	events   int64
	failed   map[look]*sample.Request // warm-up requests whose last attempt failed
	sentinel int64                    // most cached tokens that a sentinel was told
	ingested int                      // warm-up requests that have ended since the last growth
	verify   residency
	best     metric.Row        // the best passing level so far, as decided
	answers  []*sample.Request // map: its requests that ended and were not read yet
}

// look names one warm-up request: a prompt at an endpoint.
type look struct{ prompt, endpoint int32 }

// residency is what the second look at the newest prompts found.
type residency struct{ looks, told, found int }

func (r *run) runUnit(ctx context.Context, id result.Unit, c scenario.Cell) error {
	u := &unit{run: r, id: id, spec: c, cell: c, failed: map[look]*sample.Request{}, touched: make([]uint64, (c.Prompts+63)/64)}
	u.rec = &result.UnitRecord{Unit: id, Spec: c, Begin: r.now(), State: result.CellBegin}
	r.mu.Lock()
	r.unit = u
	r.mu.Unlock()
	u.emit(&result.Cell{Unit: id, At: u.rec.Begin, State: result.CellBegin, Cell: c})

	end := u.execute(ctx)
	drainStart := u.now()
	u.gen.Drain(u.drainWait())
	u.phase(&result.Phase{Phase: result.PhaseDrain, Start: drainStart})
	if end.err == nil {
		end.err = context.Cause(u.soft)
	}
	u.finish(end)
	return end.err
}

// unitEnd is how a unit ended: failed for good, or cut off by err, or done.
type unitEnd struct {
	class, reason string
	err           error
}

func (u *unit) finish(end unitEnd) {
	f := &result.Cell{Unit: u.id, At: u.now(), State: result.CellDone, Cell: u.spec, Reason: end.reason, Class: end.class}
	switch {
	case end.err != nil:
		f.State, f.Reason = result.CellInterrupted, end.err.Error()
	case end.class != "":
		f.State = result.CellFailed
	}
	u.emit(f)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.run.unit = nil
	if u.sc.WorkingSet.Refine > 0 && u.id.Trial == 1 && end.err == nil {
		u.units = append(u.units, u.rec)
	}
}

// execute brings the cache into its state and measures: all levels, or all sizes of a set
// that grows.
func (u *unit) execute(ctx context.Context) unitEnd {
	deal, err := u.newDealer()
	if err != nil {
		return unitEnd{err: err}
	}
	u.deal = deal
	steps := append(u.warming(), u.levels)
	switch u.sc.Mode {
	case "sustained":
		steps = append(u.warming(), u.sustain)
		u.firstStep(deal)
	case "map":
		steps = []func(context.Context) unitEnd{u.reset, u.sentinels, u.survey}
	}
	for _, step := range steps {
		if end := step(ctx); end.err != nil || end.class != "" {
			return end
		}
	}
	return unitEnd{}
}

// warming lists the steps that bring the cache into its state.
func (u *unit) warming() []func(context.Context) unitEnd {
	return []func(context.Context) unitEnd{u.reset, u.sentinels, u.warmUp, u.settle, u.secondLook}
}

// phase emits a finished phase of this unit; End defaults to now.
func (u *unit) phase(p *result.Phase) {
	p.Unit = u.id
	if p.End == 0 {
		p.End = u.now()
	}
	u.emit(p)
}

// collect keeps what belongs to this unit. The caller holds run.mu.
func (u *unit) collect(f result.Frame) {
	switch f := f.(type) {
	case *result.Phase:
		u.rec.Phases = append(u.rec.Phases, f)
	case *result.Change:
		u.rec.Changes = append(u.rec.Changes, f)
	case *result.Period:
		u.rec.Periods = append(u.rec.Periods, f)
	case *result.Cell:
		u.rec.State, u.rec.Reason, u.rec.Class = f.State, f.Reason, f.Class
		if f.State != result.CellBegin {
			u.rec.End = f.At
		}
	case *result.Request:
		u.request(&f.Request)
	}
}

func (u *unit) request(q *sample.Request) {
	if u.sc.WorkingSet.Refine > 0 && u.id.Trial == 1 { // else nobody reads them: an hour of requests is gigabytes
		u.rec.Requests = append(u.rec.Requests, q)
	}
	switch q.Phase {
	case sample.PhaseSentinel:
		u.sentinel = max(u.sentinel, q.CachedTokens)
	case sample.PhaseWarmup:
		u.ingested++
		at := look{q.Prompt, q.Endpoint}
		if q.Class == sample.OK {
			delete(u.failed, at)
		} else {
			u.failed[at] = q
		}
	case sample.PhaseVerify:
		u.verify.looks++
		if q.CachedTokens >= 0 {
			u.verify.told++
			if 2*q.CachedTokens >= u.cell.Prefix {
				u.verify.found++
			}
		}
	case sample.PhaseLoad:
		u.touch(q)
	case sample.PhaseIngest, sample.PhaseLook, sample.PhaseTouch:
		u.mapped(q)
	}
	if q.Class == sample.OK && q.CompletionTokens >= 0 {
		u.tokens += q.CompletionTokens
		u.events += q.EventCount
	}
}

func (u *unit) touch(q *sample.Request) {
	if q.Prompt < 0 || q.FirstToken < 0 || int(q.Prompt) >= u.cell.Prompts {
		return
	}
	word, bit := q.Prompt/64, uint64(1)<<(q.Prompt%64)
	if u.touched[word]&bit == 0 {
		u.touched[word] |= bit
		u.nTouched++
	}
}

// tokensPerEvent is the running ratio over ended requests; 1 before there is any.
func (u *unit) tokensPerEvent() float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.events == 0 {
		return 1
	}
	return float64(u.tokens) / float64(u.events)
}

// covered is the share of the set that was touched since the warm-up; 1 where there
// is no set.
func (u *unit) covered() float64 {
	if u.cell.Prompts == 0 {
		return 1
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return float64(u.nTouched) / float64(u.cell.Prompts)
}

// reset empties the server's cache, where it can. Where it cannot, salts keep cells
// apart, and the run says so once.
func (u *unit) reset(ctx context.Context) unitEnd {
	if u.sc.Warmup.Reset.None() || u.once.warmed(u.cell, u.id.Trial) > 0 {
		return unitEnd{}
	}
	start := u.now()
	if err := u.target.reset(ctx); err != nil {
		if u.sc.Warmup.Reset.Auto {
			u.note("reset-unverified", "the cache could not be emptied between cells ("+err.Error()+"); prompts of different cells share no block, so that none can hit another's")
			return unitEnd{}
		}
		return unitEnd{class: "reset", reason: "reset: " + err.Error()}
	}
	u.history.Forget()
	u.phase(&result.Phase{Phase: result.PhaseReset, Start: start})
	return unitEnd{}
}

// sentinels sends prompts that nobody has sent before: they must be cold.
func (u *unit) sentinels(ctx context.Context) unitEnd {
	if u.once.warmed(u.cell, u.id.Trial) > 0 {
		return unitEnd{}
	}
	start := u.now()
	if err := u.play(ctx, u.deal.sentinels(), 1); err != nil {
		return unitEnd{err: err}
	}
	u.phase(&result.Phase{Phase: result.PhaseSentinel, Start: start})
	u.mu.Lock()
	cached := u.sentinel
	u.mu.Unlock()
	// Beyond what unlike prompts share anyway (template, first word, a block): in text they
	// share a little more than the template.
	if cached > u.probe.TemplateTokens+max(u.probe.Block, u.cell.R/50) {
		u.emit(&result.Note{Unit: u.id, At: u.now(), Code: "not-cold", Text: fmt.Sprintf("the server told %d cached tokens for a prompt that was never sent before", cached)})
	}
	return unitEnd{}
}

// warmUp sends every prompt of the set once in its full shape, and once more those
// that failed. More than 1 % failing prompts fail the cell.
func (u *unit) warmUp(ctx context.Context) unitEnd {
	if u.cell.Prompts == 0 {
		u.warmEnd = u.now()
		return unitEnd{}
	}
	first := u.once.warmed(u.cell, u.id.Trial)
	start := u.now()
	if err := u.play(ctx, u.deal.coverage(first), u.sc.Warmup.Concurrency); err != nil {
		return unitEnd{err: err}
	}
	retry := u.failures()
	if len(retry) > 0 {
		if err := u.play(ctx, u.deal.again(retry), u.sc.Warmup.Concurrency); err != nil {
			return unitEnd{err: err}
		}
	}
	failed := u.failures()
	total := u.deal.coverageSize(first)
	u.phase(&result.Phase{Phase: result.PhaseWarmup, Start: start, Sent: total, Failed: len(failed)})
	u.warmEnd = u.now()
	if share := float64(len(failed)) / float64(total); share > 0.01 {
		if err := u.target.look(ctx); err != nil {
			return unitEnd{err: u.gone(err, failed[0].Err)}
		}
		return unitEnd{class: "warm-up", reason: fmt.Sprintf("warm-up: %.3g %% of %d prompts failed twice (at most 1 %% may), the first with: %s", 100*share, total, failed[0].Err)}
	}
	u.once.advance(u.cell, u.id.Trial)
	return unitEnd{}
}

// failures lists the warm-up requests whose last attempt failed, in order of dispatch.
func (u *unit) failures() []*sample.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := slices.Collect(maps.Values(u.failed))
	slices.SortFunc(out, func(a, b *sample.Request) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// settle waits until asynchronous offloading has come to rest: two scrapes 250 ms
// apart agree on what the tiers counted, at most 5 s.
func (u *unit) settle(ctx context.Context) unitEnd {
	if u.cell.Prompts == 0 || !countsTiers(u.probe) {
		return unitEnd{}
	}
	start := u.now()
	var last float64
	for i := 0; u.now()-start < int64(5*time.Second); i++ {
		sum, ok := u.tierCounters(ctx)
		if !ok || i > 0 && sum == last {
			break
		}
		last = sum
		if err := u.wait(u.now() + int64(250*time.Millisecond)); err != nil {
			return unitEnd{err: err}
		}
	}
	u.phase(&result.Phase{Phase: result.PhaseSettle, Start: start})
	return unitEnd{}
}

// secondLook repeats the warm-up requests of the newest prompts, byte for byte and in
// the same order, so that the LRU order stays as the warm-up left it.
func (u *unit) secondLook(ctx context.Context) unitEnd {
	if u.cell.Prompts == 0 || !u.sc.Warmup.Verify {
		return unitEnd{}
	}
	start := u.now()
	if err := u.play(ctx, u.deal.repeat(), 1); err != nil {
		return unitEnd{err: err}
	}
	u.mu.Lock()
	v := u.verify
	u.mu.Unlock()
	p := &result.Phase{Phase: result.PhaseVerify, Start: start, Looks: v.looks, Told: v.told}
	if v.told > 0 {
		p.Resident = float64(v.found) / float64(v.told)
	}
	u.phase(p)
	u.warmEnd = u.now()
	capacity := result.LeastCapacity(u.sc, &u.probe)
	fits := float64(u.cell.ReuseDistance) < 0.8*float64(capacity)
	if fits && u.cell.Prefix > 0 && v.told > 0 && p.Resident < 0.99 {
		return unitEnd{class: "residency", reason: fmt.Sprintf("only %d of %d prompts were found in the cache right after the warm-up, although the set's reuse distance of %d tokens is below 0.8 x the %d tokens that the server says it holds",
			v.found, v.told, u.cell.ReuseDistance, capacity)}
	}
	return unitEnd{}
}

// play sends a source that ends, with n in flight, and waits until all has ended.
func (u *unit) play(ctx context.Context, src ending, n int) error {
	u.gen.Switch(src)
	finished := u.gen.Finished()
	u.gen.SetTarget(min(n, max(src.Len(), 1)), 0)
	select {
	case <-finished:
	case <-u.soft.Done():
		return context.Cause(u.soft)
	}
	u.gen.Drain(time.Duration(math.MaxInt64)) // nothing is in flight: only until all was reported
	return context.Cause(u.soft)
}
