// Package runner executes a plan: it probes the server, and for each trial of each
// cell resets, warms up, verifies, warms in, measures and drains. It decides when a
// level ends and what is skipped; every decision and every request goes to an
// Observer as a frame of package result. It never writes to a terminal or a file.
package runner

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsrun/wsrun/runner/load"
	"github.com/wsrun/wsrun/runner/openai"
	"github.com/wsrun/wsrun/runner/prompt"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
)

// Observer gets everything that happens, in order. Run never calls it from two
// goroutines at once, and never from one that owns a stream; it must not block.
type Observer interface{ Observe(result.Frame) }

// Options are what a run needs beside its plan.
type Options struct {
	Endpoints []string // base URLs without /v1: the scenario's, or the simulator's
	// Live is the scenario as scenario.Reveal gives it, with the values of the variables
	// that it names: headers, body, URLs and command are taken from it. It is never
	// observed. Nil: the plan's own.
	Live    *scenario.Scenario
	APIKey  string
	Version string // wsrun's
	ID      string // short id of the run directory
	Stamp   string // {ts} of file names
	Nonce   string // makes prompts of this run unlike those of any other
	Host    result.Host
	Only    []string // keys of the cells to run; empty: all
	Prior   *result.Record
	Self    load.Self // nil: none
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS     *tls.Config // of https endpoints and telemetry, as target.tls says; nil: the system's roots
	// Interrupt asks for a graceful end: drain, write, return ErrInterrupted. Cancelling
	// Run's context cuts requests off at once.
	Interrupt <-chan struct{}
	// Failed asks for a graceful end because of the error it carries: a sink that cannot
	// write, a simulator that died.
	Failed <-chan error
	// Command runs warmup.reset.command.
	Command func(ctx context.Context, argv []string) error
}

// ErrInterrupted is returned when Options.Interrupt ended the run.
var ErrInterrupted = errors.New("interrupted")

// Run executes the plan. It returns nil when the plan came to its end, also where
// stop conditions skipped parts of it; ErrInterrupted; or the error that ended it.
// Whatever was measured before has been observed.
func Run(ctx context.Context, plan *scenario.Plan, obs Observer, opt Options) error {
	r := newRun(ctx, plan, obs, opt)
	defer r.stop(nil)
	go r.watchOutside()
	err := r.execute(ctx)
	if cause := context.Cause(r.soft); cause != nil && err == nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = ErrInterrupted
	}
	switch {
	case errors.Is(err, ErrInterrupted):
		r.emit(&result.Note{At: r.now(), Code: "interrupted", Text: "ended by a signal; what was measured is kept"})
	case err != nil:
		r.emit(&result.Note{At: r.now(), Code: "failed", Text: err.Error(), Fail: true})
	}
	return err
}

// run is the state of one call of Run.
type run struct {
	plan  *scenario.Plan
	sc    *scenario.Scenario // as it is recorded
	live  *scenario.Scenario // as it is sent: Options.Live
	opt   Options
	now   func() int64
	epoch time.Time

	soft context.Context // ends when the run is to end gracefully; its cause says why
	stop context.CancelCauseFunc

	mu   sync.Mutex // serialises the observer and guards unit's collection
	obs  Observer
	unit *unit // the one that is running, nil between units

	target  *target
	probe   sample.Probe
	gen     *load.Local
	client  *openai.Client
	ids     atomic.Int64 // request ids given so far
	alive   liveness
	session int
	noted   map[string]bool // run notes that were made

	ended   map[sweep]endedAt // what a stop ended
	over    string            // why the rest of the run is skipped, empty while it is not
	once    *onceState        // rewarm: once keeps its cache state from cell to cell
	history *prompt.History   // what was sent since the caches were taken as empty; its counters never restart

	scraped *result.Telemetry // what was scraped, for rows as decided; guarded by mu

	// Units and scrapes of trial 1, kept only where refining has to read them; guarded by mu.
	units   []*result.UnitRecord
	scrapes []*result.Scrape
}

// series is what grows: the sizes of one context and hit rate.
type series struct {
	context int64
	hitRate float64
}

func seriesOf(c scenario.Cell) series { return series{c.Context, c.HitRate} }

// sweep is one trial of a series, and endedAt the stop that spares its larger sizes.
type sweep struct {
	series
	trial int
}

type endedAt struct {
	size int64
	why  string
}

// endSweep keeps that a stop ended the larger sizes of a cell's series in this trial. The
// other trials find out for themselves: they are to be independent.
func (r *run) endSweep(c scenario.Cell, trial int, why string) {
	k := sweep{seriesOf(c), trial}
	if old, known := r.ended[k]; !known || c.WorkingSet < old.size {
		r.ended[k] = endedAt{c.WorkingSet, why}
	}
}

// spared says why a cell is not run, empty when it is.
func (r *run) spared(c scenario.Cell, trial int) string {
	if r.over != "" {
		return r.over
	}
	if e, known := r.ended[sweep{seriesOf(c), trial}]; known && c.WorkingSet > e.size {
		return e.why
	}
	return ""
}

func newRun(ctx context.Context, plan *scenario.Plan, obs Observer, opt Options) *run {
	r := &run{plan: plan, sc: plan.Scenario, live: cmp.Or(opt.Live, plan.Scenario), opt: opt, obs: obs, session: 1, noted: map[string]bool{}, ended: map[sweep]endedAt{}, scraped: result.NewTelemetry(nil), history: prompt.NewHistory(len(opt.Endpoints))}
	if r.sc.Warmup.Rewarm == "once" {
		r.once = &onceState{}
	}
	start := time.Now()
	r.epoch = start
	var offset int64
	if p := opt.Prior; p != nil {
		r.epoch = p.Run.Epoch
		offset = int64(start.Sub(r.epoch)) // by the wall clock: the monotonic one died with the process
		r.session = len(p.Sessions) + 1
		r.adopt(p, &offset)
	}
	r.now = func() int64 { return offset + int64(time.Since(start)) }
	r.soft, r.stop = context.WithCancelCause(ctx)
	r.alive.now = r.now
	r.alive.looked() // patience counts from here, in a resumed run too
	return r
}

// adopt takes over what an earlier session left: ids, stops, and what refining reads. The
// clock must never run backwards within a record, whatever the wall clock did.
func (r *run) adopt(p *result.Record, offset *int64) {
	var lastID int64
	saw := func(reqs []*sample.Request) {
		for _, q := range reqs {
			lastID = max(lastID, q.ID)
			*offset = max(*offset, q.End)
		}
	}
	saw(p.Outside)
	for _, u := range p.Units {
		saw(u.Requests)
		*offset = max(*offset, u.Begin, u.End)
		if r.sc.WorkingSet.Refine > 0 && p.Finished(u.Unit) {
			r.units = append(r.units, u)
		}
	}
	r.ids.Store(lastID)
	if r.sc.WorkingSet.Refine > 0 {
		r.scrapes = slices.Clone(p.Scrapes)
	}
	for _, s := range p.Scrapes {
		*offset = max(*offset, s.At)
	}
	for _, n := range p.Notes {
		*offset = max(*offset, n.At)
		r.adoptStop(p, n)
	}
}

// adoptStop takes over a stop that an earlier session met. One that was met in a unit that
// was not finished after it is left out: the unit is done again, and meets it or not.
func (r *run) adoptStop(p *result.Record, n *result.Note) {
	if n.Cell == "" || !p.Finished(n.Unit) {
		return
	}
	switch n.Code {
	case codeStopSweep:
		if c, ok := cellOf(p.Run.Cells, n.Cell); ok {
			r.endSweep(c, n.Trial, n.Text)
		}
	case codeStopRun:
		r.over = n.Text
	}
}

func cellOf(cells []scenario.Cell, key string) (scenario.Cell, bool) {
	for _, c := range cells {
		if c.Key == key {
			return c, true
		}
	}
	return scenario.Cell{}, false
}

// watchOutside turns what may end a run from outside into the end of soft.
func (r *run) watchOutside() {
	select {
	case <-r.opt.Interrupt:
		r.stop(ErrInterrupted)
	case err := <-r.opt.Failed:
		r.stop(err)
	case <-r.soft.Done():
	}
}

// emit hands a frame to the observer, and to the running unit what belongs to it.
func (r *run) emit(f result.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := f.(*result.Scrape); ok {
		r.scraped.Add(&s.Scrape)
		if r.sc.WorkingSet.Refine > 0 {
			r.scrapes = append(r.scrapes, s)
		}
	}
	if r.unit != nil {
		r.unit.collect(f)
	}
	r.obs.Observe(f)
}

// note makes a run note, once per code.
func (r *run) note(code, text string) {
	if r.noted[code] {
		return
	}
	r.noted[code] = true
	r.emit(&result.Note{At: r.now(), Code: code, Text: text})
}

func (r *run) execute(ctx context.Context) error {
	r.emit(r.opening())
	if err := r.connect(ctx); err != nil {
		return err
	}
	r.gen = load.New(ctx, r.generatorConfig())
	defer r.client.Close()
	defer r.gen.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	background, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, f := range []func(context.Context){r.watchServer, r.telemetry, r.observeSelf} {
		wg.Go(func() { f(background) })
	}
	return r.trials(ctx)
}

func (r *run) opening() *result.Run {
	f := &result.Run{Schema: result.Schema, ID: r.opt.ID, Session: r.session, Stamp: r.opt.Stamp, Epoch: r.epoch, At: r.now(),
		Version: r.opt.Version, Scenario: r.sc, Digest: r.plan.Digest, Nonce: r.opt.Nonce, Cells: r.plan.Cells, Host: r.opt.Host, Only: r.opt.Only}
	for _, w := range r.plan.Warnings {
		f.Warnings = append(f.Warnings, w.Message)
	}
	return f
}

// trials runs all cells, trial-major. Sizes that refining adds in trial 1 belong to
// the later trials too.
func (r *run) trials(ctx context.Context) error {
	cells := r.plan.Cells // without refined ones: a resumed run finds those of its earlier sessions again
	for trial := 1; trial <= r.sc.Trials; trial++ {
		if err := r.cells(ctx, cells, trial); err != nil {
			return err
		}
		if trial == 1 && r.sc.WorkingSet.Refine > 0 {
			more, err := r.refine(ctx, cells)
			if err != nil {
				return err
			}
			cells = more
		}
	}
	return nil
}

func (r *run) cells(ctx context.Context, cells []scenario.Cell, trial int) error {
	for _, c := range cells {
		if err := r.cell(ctx, c, trial); err != nil {
			return err
		}
	}
	return nil
}

// cell runs one unit, or says why not.
func (r *run) cell(ctx context.Context, c scenario.Cell, trial int) error {
	id := result.Unit{Cell: c.Key, Trial: trial}
	if !r.wanted(c.Key) || r.kept(id) {
		return nil
	}
	if err := context.Cause(r.soft); err != nil {
		return err
	}
	why := r.spared(c, trial)
	if why != "" {
		r.emit(&result.Cell{Unit: id, At: r.now(), State: result.CellSkipped, Reason: why, Cell: c})
		return nil
	}
	return r.runUnit(ctx, id, c)
}

func (r *run) wanted(key string) bool {
	return len(r.opt.Only) == 0 || slices.Contains(r.opt.Only, key)
}

// kept reports whether an earlier session finished the unit; one that it left half
// done is marked superseded, so that nothing counts twice.
func (r *run) kept(id result.Unit) bool {
	p := r.opt.Prior
	if p == nil {
		return false
	}
	if p.Finished(id) {
		return true
	}
	if slices.Contains(p.HalfDone(), id) {
		c, _ := cellOf(p.Run.Cells, id.Cell)
		r.emit(&result.Cell{Unit: id, At: r.now(), State: result.CellSuperseded, Reason: fmt.Sprintf("done again by session %d", r.session), Cell: c})
	}
	return false
}

// wait sleeps until the stamp t, or until the run is to end.
func (r *run) wait(t int64) error {
	d := time.Duration(t - r.now())
	if d <= 0 {
		return context.Cause(r.soft)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.soft.Done():
		return context.Cause(r.soft)
	}
}
