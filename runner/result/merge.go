package result

import (
	"cmp"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Merged is one cell at one level (sustained: one step) over its trials: what the
// console shows and what thresholds read.
type Merged struct {
	Spec     scenario.Cell
	Level    int        // sustained: the median of the levels held
	Points   []*Point   // of all trials
	Trials   int        // trials that Row is made of
	Row      metric.Row // median over those trials
	Low      metric.Row // smallest and largest value over those trials: a range, no interval
	High     metric.Row
	Validity Validity // the worst of the trials that Row is made of
	Reasons  []Reason // of those trials, each code once: the worst
	Stop     string
	Missed   bool // in at least half of those trials
	Best     bool // likewise
	Samples  int  // first tokens of those trials together
	ErrorsBy map[string]int

	// Sustained.
	Step      int
	Tier      *Tier  // map: what the row is of, its brackets the widest over those trials; nil elsewhere
	Converged bool   // in every trial that Row is made of
	Bracket   [2]int // the lowest and the highest level that may be the one that holds, over those trials; 0: not known
}

// Usable reports whether the figures may be believed: ok or doubtful.
func (m *Merged) Usable() bool { return m.Validity == ValidOK || m.Validity == ValidDoubt }

// merge puts the trials of each cell and level together. The figures come from
// usable points; where there are none from invalid ones, which it then is too.
func merge(points []*Point) []*Merged {
	type key struct {
		cell        string
		level, step int
		tier        int // map: its number; beyond the last one -1
	}
	by := map[key]*Merged{}
	var out []*Merged
	for _, p := range points {
		k := key{p.Cell, p.Level, p.Step, p.Tier.place()}
		if p.sustained() {
			k.level = 0
		}
		if by[k] == nil {
			by[k] = &Merged{Spec: p.Spec, Level: p.Level, Step: p.Step}
			out = append(out, by[k])
		}
		by[k].Points = append(by[k].Points, p)
	}
	for _, m := range out {
		m.fill()
	}
	out = withTiers(out)
	slices.SortStableFunc(out, func(a, b *Merged) int {
		x, y := a.Spec, b.Spec
		return cmp.Or(cmp.Compare(x.Context, y.Context), cmp.Compare(x.HitRate, y.HitRate), cmp.Compare(x.Real, y.Real),
			cmp.Compare(x.WorkingSet, y.WorkingSet), cmp.Compare(a.Level, b.Level), compareTiers(a.Tier, b.Tier))
	})
	return out
}

func (m *Merged) fill() {
	from := m.used()
	m.Trials = len(from)
	m.Row, m.Low, m.High = mergeRows(from)
	missed, best := 0, 0
	for _, p := range from {
		if m.Validity == "" || severity(p.Validity) > severity(m.Validity) {
			m.Validity = p.Validity
		}
		for _, r := range p.Reasons {
			m.reason(r)
		}
		m.Stop = cmp.Or(m.Stop, p.Stop)
		missed += ones(p.Missed)
		best += ones(p.Best)
		m.Samples += p.Samples
		for class, n := range p.ErrorsBy {
			if m.ErrorsBy == nil {
				m.ErrorsBy = map[string]int{}
			}
			m.ErrorsBy[class] += n
		}
	}
	if len(from) > 0 && from[0].sustained() {
		m.held(from)
	}
	m.mergeTiers(from)
	m.Missed = missed > 0 && 2*missed >= m.Trials
	m.Best = best > 0 && 2*best >= m.Trials
}

// held fills what the trials say of the level that a step held.
func (m *Merged) held(from []*Point) {
	levels := make([]int, len(from))
	m.Converged = true
	for i, p := range from {
		levels[i] = p.Level
		m.Converged = m.Converged && p.Converged
		lo, hi := p.Held()
		if i == 0 {
			m.Bracket = [2]int{lo, hi}
			continue
		}
		m.Bracket[0] = min(m.Bracket[0], lo)
		if m.Bracket[1] > 0 && hi > 0 { // else open above in one of them
			m.Bracket[1] = max(m.Bracket[1], hi)
		} else {
			m.Bracket[1] = 0
		}
	}
	slices.Sort(levels)
	m.Level = levels[(len(levels)-1)/2]
}

// reason adds a reason; of those of one code the worst stays, the first of equals.
func (m *Merged) reason(r Reason) {
	i := slices.IndexFunc(m.Reasons, func(o Reason) bool { return o.Code == r.Code })
	switch {
	case i < 0:
		m.Reasons = append(m.Reasons, r)
	case r.Grade > m.Reasons[i].Grade:
		m.Reasons[i] = r
	}
}

func ones(b bool) int {
	if b {
		return 1
	}
	return 0
}

// used gives the points of the best kind there is: usable, invalid, failed,
// skipped. A trial that failed does not hide behind one that was skipped.
func (m *Merged) used() []*Point {
	for _, want := range [][]Validity{{ValidOK, ValidDoubt}, {ValidInvalid}, {ValidFailed}, {ValidSkipped}} {
		var from []*Point
		for _, p := range m.Points {
			if slices.Contains(want, p.Validity) {
				from = append(from, p)
			}
		}
		if len(from) > 0 {
			return from
		}
	}
	return nil
}

func severity(v Validity) int {
	return slices.Index([]Validity{ValidOK, ValidDoubt, ValidInvalid, ValidSkipped, ValidFailed}, v)
}

// mergeRows gives, for each metric that any point has, the median and the range.
func mergeRows(points []*Point) (mid, low, high metric.Row) {
	mid, low, high = metric.Row{}, metric.Row{}, metric.Row{}
	for _, p := range points {
		for name := range p.Row {
			if _, done := mid[name]; done {
				continue
			}
			var vs []metric.Value
			for _, q := range points {
				vs = append(vs, q.Row.Get(name))
			}
			vs = known(vs)
			mid.Set(name, MedianValue(vs))
			low.Set(name, vs[0])
			high.Set(name, vs[len(vs)-1])
		}
	}
	return mid, low, high
}

// known gives the values that are not null, ascending; at the same number a lower
// bound comes last.
func known(vs []metric.Value) []metric.Value {
	out := slices.DeleteFunc(slices.Clone(vs), func(v metric.Value) bool { return !v.Known() })
	slices.SortFunc(out, func(a, b metric.Value) int { return cmp.Or(cmp.Compare(a.V, b.V), cmp.Compare(a.State, b.State)) })
	return out
}

// MedianValue gives the median of the values that are known, Null when none is.
// Where a lower bound stands at or below the middle the true median may be
// higher: it is then a lower bound itself.
func MedianValue(vs []metric.Value) metric.Value {
	vs = known(vs)
	if len(vs) == 0 {
		return metric.Value{}
	}
	xs := make([]float64, len(vs))
	state := metric.Exact
	for i, v := range vs {
		xs[i] = v.V
		if i <= len(vs)/2 && v.State == metric.AtLeast {
			state = metric.AtLeast
		}
	}
	return metric.Value{V: stats.Quantile(xs, 0.5), State: state}
}
