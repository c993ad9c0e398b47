package runner

import (
	"cmp"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// decider evaluates the stop conditions of one level. A condition with periods, or one
// that ends only the level, is read at each period's end on that period; the others on
// the finished level.
type decider struct {
	plan  *scenario.Plan
	u     *unit
	runs  []int // consecutive periods in which each condition was true
	prev  metric.Row
	start int64 // where the level's window began, Never before its first period
	since int64 // sustained: when the level and size came into force, see unit.row
}

// fired is a stop condition that was met.
type fired struct {
	stop scenario.Stop
	text string
}

// reason is the scenario's own words, else the condition itself.
func (f *fired) reason() string {
	if f.stop.Reason != "" {
		return f.stop.Reason + " (" + f.text + ")"
	}
	return "stop: " + f.text
}

func newDecider(p *scenario.Plan, u *unit) *decider {
	return &decider{plan: p, u: u, runs: make([]int, len(p.Stops)), start: -1}
}

// byPeriod reports whether the condition is read at each period's end: in sustained mode
// every one.
func (d *decider) byPeriod(s scenario.Stop) bool {
	return s.Periods > 0 || s.Ends == "level" || d.plan.Scenario.Mode == "sustained"
}

// period evaluates what is read at a period's end; it gives the condition that ends the
// level now, the one that reaches furthest where several do. p.Fired names all that
// were true.
func (d *decider) period(level int, p *result.Period) *fired {
	if d.start < 0 {
		d.start = p.Start
	}
	var hit *fired
	get := d.scope(p.Row, d.start, p.End, level)
	for i, c := range d.plan.Stops {
		s := d.plan.Scenario.Stop[i]
		if !d.byPeriod(s) {
			continue
		}
		if c.Eval(get) != scenario.True {
			d.runs[i] = 0
			continue
		}
		d.runs[i]++
		p.Fired = append(p.Fired, c.String())
		if d.runs[i] >= max(s.Periods, 1) {
			hit = further(hit, &fired{stop: s, text: c.String()})
		}
	}
	if hit != nil {
		p.Reason = join(hit.reason(), p.Reason)
	}
	d.prev = p.Row
	return hit
}

// level evaluates what is read on the finished level.
func (d *decider) level(level int, total metric.Row) *fired {
	var hit *fired
	get := result.Scope{Bare: total, Total: total, Prev: d.prev, Best: d.u.best, Tiers: d.u.sc.Target.TierNames()}.Get
	for i, c := range d.plan.Stops {
		if s := d.plan.Scenario.Stop[i]; !d.byPeriod(s) && c.Eval(get) == scenario.True {
			hit = further(hit, &fired{stop: s, text: c.String()})
		}
	}
	return hit
}

var reach = map[string]int{"level": 1, "cell": 2, "sweep": 3, "run": 4}

// further gives the stop that reaches further, of equals the first. Where both are met
// the run fails if either says so. Either may be nil.
func further(a, b *fired) *fired {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	far := *a
	if reach[b.stop.Ends] > reach[a.stop.Ends] {
		far = *b
	}
	far.stop.Fail = a.stop.Fail || b.stop.Fail
	return &far
}

// scope resolves names at a period's end. The total since the point began is measured
// only when a condition asks for it.
func (d *decider) scope(row metric.Row, start, end int64, level int) func(string) metric.Value {
	var total metric.Row
	return func(name string) metric.Value {
		if strings.HasPrefix(name, "total.") && total == nil {
			total = d.u.row(level, start, end, d.since)
		}
		return result.Scope{Bare: row, Total: total, Prev: d.prev, Best: d.u.best, Tiers: d.u.sc.Target.TierNames()}.Get(name)
	}
}
