package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario"
)

// mapping drives the survey of one unit of a map: it sends what the survey asks for, one
// step after the other, and nothing else.
type mapping struct {
	*unit
	s    *survey.Survey
	read *result.LookReader
	next int // index of the next prompt that was never sent

	base     float64 // prompt tokens in the servers' counters when they were last read
	owed     int64   // prompt tokens sent since
	inARow   int     // failures in a row
	lastErr  string
	lost     int    // prompts that could not be sent
	known    string // in words, as last said
	looked   int
	lookedAt int64 // when the looks since the last words began
}

// Bounds of a map.
const (
	// spareShare of the prompts, and spareLeast, are kept to stand in for some that cannot
	// be sent; forPolicy times the prompts are what its experiments may send at most.
	spareShare = 0.01
	spareLeast = 8
	forPolicy  = 3
	// lostMost is the share of new prompts that may fail twice, and lostLeast how many may
	// in any case: the warm-up's limit, for sets that begin with a few.
	lostMost  = 0.01
	lostLeast = 2
	// countersWait bounds how long a look waits for the counters that it should show in.
	countersWait = time.Second
	// answerWait is how long the end of a map waits for what is in flight.
	answerWait = 30 * time.Second
)

// spare is the number of prompts that a cell's set has beyond those that a map may grow
// to: its edges are confirmed with new ones.
func spare(sc *scenario.Scenario, c scenario.Cell) int {
	if sc.Mode != "map" {
		return 0
	}
	n := result.SurveyOptions(sc, c, 1).Extra()
	n += spareLeast + int(spareShare*float64(c.Prompts+n))
	if sc.Map.Policy {
		n += forPolicy * c.Prompts
	}
	return n
}

// mapped keeps a request of a map until it is read. The caller holds run.mu.
func (u *unit) mapped(q *sample.Request) {
	u.answers = append(u.answers, q)
	if q.Phase != sample.PhaseIngest {
		return
	}
	at := look{q.Prompt, q.Endpoint}
	if delete(u.failed, at); q.Class != sample.OK {
		u.failed[at] = q
	}
}

// drainWait is how long the end of a unit waits for what is in flight. A map ends at the
// next answer.
func (u *unit) drainWait() time.Duration {
	if u.sc.Mode == "map" {
		return max(answerWait, 3*u.alive.p95())
	}
	return time.Duration(u.sc.Drain)
}

// survey is the last step of a map's execution.
func (u *unit) survey(ctx context.Context) unitEnd {
	s, err := survey.New(result.SurveyOptions(u.sc, u.spec, u.id.Trial))
	if err != nil {
		return unitEnd{err: err}
	}
	m := &mapping{unit: u, s: s}
	m.begin(ctx)
	for {
		a := s.Next()
		end := unitEnd{}
		switch a.Kind {
		case survey.Ingest:
			end = m.ingest(ctx, a)
		case survey.Ask:
			end = m.ask(ctx, a)
		default:
			return m.done(ctx)
		}
		if end.err != nil || end.class != "" {
			m.say(true)
			return end
		}
		m.say(false)
	}
}

// begin reads the counters, once they rest: what is counted from now on is the map's own,
// or somebody else's.
func (m *mapping) begin(ctx context.Context) {
	m.base = -1
	for start := m.now(); m.counts(); {
		now, ok := promptsIn(m.scrapeAll(ctx))
		rests := now == m.base
		if m.base = now; !ok || rests || m.now()-start >= int64(countersWait) || m.wait(m.now()+int64(10*time.Millisecond)) != nil {
			break
		}
	}
	m.lookedAt = m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers = nil // the sentinels'
	m.read = result.NewLookReader(m.scraped, &m.probe, m.lookedAt)
}

// done ends a survey that wants nothing more.
func (m *mapping) done(ctx context.Context) unitEnd {
	m.count(ctx)
	m.say(true)
	if stopped := m.s.Result().Stopped; stopped != "" {
		if err := m.target.look(ctx); err != nil {
			return unitEnd{err: m.gone(err, m.lastErr)}
		}
		return unitEnd{class: "server", reason: fmt.Sprintf("%s, the last with: %s", stopped, m.lastErr)}
	}
	return unitEnd{}
}

// ingest sends prompts that were never sent before, each until it stands in the stack: one
// that fails twice is taken out of it, and another one takes its place.
func (m *mapping) ingest(ctx context.Context, a survey.Action) unitEnd {
	start := m.now()
	var all []*sample.Request
	failed := 0
	for need := a.N; need > 0; {
		n := min(need, m.deal.set.Prompts()-m.next)
		if n == 0 {
			return unitEnd{class: result.ClassWarmup, reason: fmt.Sprintf("%d prompts failed twice, and no others are left to take their place; the last with: %s", m.lost, m.lastErr)}
		}
		lost, err := m.send(ctx, m.deal.ingest(m.next, n), a.Concurrency, &all)
		m.next += n
		if err != nil {
			return unitEnd{err: err}
		}
		for _, q := range lost {
			m.deal.set.Drop(q)
			m.lastErr = q.Err
		}
		m.lost += len(lost)
		failed += len(lost)
		if need -= n - len(lost); m.lost > lostLeast && float64(m.lost) > lostMost*float64(m.next) {
			if err := m.target.look(ctx); err != nil {
				return unitEnd{err: m.gone(err, m.lastErr)}
			}
			return unitEnd{class: result.ClassWarmup, reason: fmt.Sprintf("%.3g %% of %d new prompts failed twice (at most 1 %% may), the last with: %s", 100*float64(m.lost)/float64(m.next), m.next, m.lastErr)}
		}
	}
	ph := &result.Phase{Phase: result.PhaseIngest, Level: a.Concurrency, Start: start, End: m.now(), Sent: a.N, Failed: failed}
	m.phase(ph)
	m.mu.Lock()
	for _, q := range all {
		m.owed += q.Input()
		m.read.Sent(q)
	}
	m.mu.Unlock()
	m.count(ctx)
	result.IngestStep(ph, all).Feed(m.s)
	return unitEnd{}
}

// send plays a source of new prompts and repeats those that failed, each once. It appends
// every request to all, and gives those whose last attempt failed.
func (m *mapping) send(ctx context.Context, src ending, concurrency int, all *[]*sample.Request) (lost []*sample.Request, err error) {
	m.mu.Lock()
	clear(m.failed)
	m.mu.Unlock()
	if err := m.play(ctx, src, concurrency); err != nil {
		return nil, err
	}
	if retry := m.failures(); len(retry) > 0 {
		if err := m.play(ctx, m.deal.again(retry), concurrency); err != nil {
			return nil, err
		}
	}
	*all = append(*all, m.take()...)
	return m.failures(), nil
}

// take gives the map's requests that have ended since it was last asked, in order of
// dispatch.
func (m *mapping) take() []*sample.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.answers
	m.answers = nil
	slices.SortFunc(out, func(a, b *sample.Request) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// ask sends the prompt at a depth once more, alone.
func (m *mapping) ask(ctx context.Context, a survey.Action) unitEnd {
	phase := sample.PhaseLook
	if a.Touch {
		phase = sample.PhaseTouch
	}
	counters := m.read.Counters() && !a.Touch
	if counters {
		m.count(ctx) // of what was sent since
	}
	job, ok := m.deal.set.Ask(phase, a.Depth)
	if !ok {
		return unitEnd{err: fmt.Errorf("no prompt stands at depth %d of the stack: this is a fault of wsrun, please report it", a.Depth)}
	}
	if err := m.play(ctx, one(job), 1); err != nil {
		return unitEnd{err: err}
	}
	got := m.take()
	if len(got) != 1 {
		return unitEnd{err: fmt.Errorf("%d answers to one look: this is a fault of wsrun, please report it", len(got))}
	}
	q := got[0]
	m.owed += q.Input()
	if counters {
		m.count(ctx)
	}
	m.looked++
	m.mu.Lock()
	step := m.read.Look(q, m.now())
	m.mu.Unlock()
	step.Feed(m.s)
	return m.backoff(q)
}

// backoff waits after a failure, longer after each in a row, as a worker does.
func (m *mapping) backoff(q *sample.Request) unitEnd {
	if q.Class == sample.OK {
		m.inARow = 0
		return unitEnd{}
	}
	m.lastErr = q.Err
	pause := min(100*time.Millisecond<<min(m.inARow, 10), 5*time.Second)
	m.inARow++
	if err := m.wait(m.now() + int64(pause)); err != nil {
		return unitEnd{err: err}
	}
	return unitEnd{}
}

// counts reports whether the servers' counters tell prompt tokens, and with them whether
// somebody else is served.
func (m *mapping) counts() bool {
	return len(m.target.metrics) > 0 && slices.Contains(m.probe.Metrics, result.PromptTokens)
}

// count reads the counters, until they show what was sent since they were last read: what
// an answer tells may be counted a moment later.
func (m *mapping) count(ctx context.Context) {
	if !m.counts() || m.owed == 0 {
		return
	}
	start, pause := m.now(), 5*time.Millisecond
	for {
		now, ok := promptsIn(m.scrapeAll(ctx))
		if !ok || now-m.base >= float64(m.owed) || m.now()-start >= int64(countersWait) || m.wait(m.now()+int64(pause)) != nil {
			m.base, m.owed = now, 0
			return
		}
		pause *= 2
	}
}

// promptsIn adds up the counters of prompt tokens. ok is false where one is not told.
func promptsIn(scrapes []*result.Scrape) (sum float64, ok bool) {
	for _, s := range scrapes {
		v, told := s.Values[result.PromptTokens]
		if !told {
			return 0, false
		}
		sum += v
	}
	return sum, len(scrapes) > 0
}

// say emits what is known so far, in words, when it has changed.
func (m *mapping) say(last bool) {
	words := m.s.State()
	if words == m.known && !last {
		return
	}
	m.known = words
	count := m.s.Count()
	m.phase(&result.Phase{Phase: result.PhaseLook, Start: m.lookedAt, Looks: count.Looks, Sent: count.Prompts, Notes: []string{words}})
	m.lookedAt = m.now()
}

// one is a source of a single job.
func one(job *sample.Job) ending {
	return counted{sourceFunc(func() (j *sample.Job, ok bool) {
		j, job = job, nil
		return j, j != nil
	}), 1}
}
