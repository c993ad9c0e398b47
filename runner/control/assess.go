package control

import (
	"fmt"
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/scenario/metric"
)

// answer is three-valued: no data is neither a pass nor a violation.
type answer uint8

const (
	unknown answer = iota
	passes
	violates
)

// finding is the slo held against some periods.
type finding struct {
	answer answer
	// room is the factor by which the level could change if the metric were
	// proportional to it: bar / ttft, output rate / bar, the least of all lines.
	room float64
	text string // the line that decided, with its numbers
}

// assess holds every line against the periods, pooled, with the margin kept. Any
// violation decides; without one, any line without data leaves it open.
func assess(lines []Line, margin float64, pool []Observation) finding {
	f := finding{answer: passes, room: math.Inf(1)}
	for _, l := range lines {
		g := l.hold(margin, pool)
		switch {
		case g.answer == unknown && f.answer == passes:
			f.answer, f.text = unknown, g.text
		case g.answer == violates && (f.answer != violates || g.room < f.room):
			f = g
		case g.answer == passes && f.answer == passes && g.room < f.room:
			f.room, f.text = g.room, g.text
		}
	}
	return f
}

// hold holds one line against the periods. A lower bound of a TTFT comes from
// requests that still wait; they violate once they have waited longer than the
// limit itself, never by being in flight alone, and they never pass.
func (l Line) hold(margin float64, pool []Observation) finding {
	bar := l.bar(margin)
	v, n := l.value(pool)
	ttft, _ := l.stat()
	f := finding{text: l.words(v, bar, n)}
	switch {
	case !v.Known():
	case !ttft:
		f.answer, f.room = verdict(v.V < bar), v.V/bar
	case v.State == metric.AtLeast:
		if v.V > l.Limit {
			f.answer, f.room = violates, bar/v.V
		}
	default:
		f.answer, f.room = verdict(v.V > bar), bar/v.V // 0 s leaves infinite room
	}
	return f
}

func verdict(violated bool) answer {
	if violated {
		return violates
	}
	return passes
}

// value gives the line's metric over the pooled periods, and the number of samples.
func (l Line) value(pool []Observation) (metric.Value, int) {
	ttft, stat := l.stat()
	q, isQuantile := quantile(stat)
	if !ttft {
		rates := pooledRates(pool)
		if isQuantile {
			slices.Sort(rates)
			return metric.Of(stats.Quantile(rates, q)), len(rates)
		}
		return metric.Of(stats.Mean(rates)), len(rates)
	}
	lives, n := pooledLives(pool)
	var v float64
	var exact bool
	if isQuantile {
		v, exact = stats.KaplanMeier(lives).Quantile(q)
	} else {
		v, exact = meanLife(lives)
	}
	if exact || math.IsNaN(v) {
		return metric.Of(v), n
	}
	return metric.Lower(v), n
}

func pooledRates(pool []Observation) (rates []float64) {
	for _, o := range pool {
		rates = append(rates, o.Rates...)
	}
	return rates
}

// pooledLives appends the periods' waits; one that goes on over a border comes as
// two pieces, which Kaplan-Meier with late entry takes for what they are.
func pooledLives(pool []Observation) (lives []stats.Life, events int) {
	for _, o := range pool {
		lives = append(lives, o.TTFT...)
		events += o.firsts()
	}
	return lives, events
}

// meanLife is the mean of waits not all of which were watched from their beginning
// to their end: the area under the product-limit curve (Kaplan and Meier, JASA 53,
// 1958, section 6.1), which is the arithmetic mean where all were. exact is false
// where some outlast the last event: they count as if they had ended at the largest
// age, so v is a lower bound. NaN without waits.
func meanLife(lives []stats.Life) (v float64, exact bool) {
	if len(lives) == 0 {
		return math.NaN(), false
	}
	entries, ages, events := make([]float64, 0, len(lives)), make([]float64, 0, len(lives)), make([]float64, 0, len(lives))
	for _, l := range lives {
		entries, ages = append(entries, min(l.Entry, l.Age)), append(ages, l.Age)
		if l.Event {
			events = append(events, l.Age)
		}
	}
	slices.Sort(entries)
	slices.Sort(ages)
	slices.Sort(events)
	end := ages[len(ages)-1]
	left := 1.0
	entered, gone := 0, 0
	for i := 0; i < len(events); {
		t, ties := events[i], 0
		for ; i < len(events) && events[i] == t; i++ {
			ties++
		}
		for entered < len(entries) && entries[entered] <= t {
			entered++
		}
		for gone < len(ages) && ages[gone] < t {
			gone++
		}
		risk := entered - gone
		if ties == risk && t < end {
			continue // later lives are still to enter: Lai and Ying, see stats.KaplanMeier
		}
		fall := left * float64(ties) / float64(risk)
		v += fall * t
		left -= fall
	}
	if left < 1e-12 {
		return v, true
	}
	return v + left*end, false
}

// enough reports whether each metric that a line is on has n samples in the pool.
func enough(lines []Line, pool []Observation, n int) bool {
	firsts, rates := 0, 0
	for _, o := range pool {
		firsts += o.firsts()
		rates += len(o.Rates)
	}
	for _, l := range lines {
		if ttft, _ := l.stat(); ttft && firsts < n || !ttft && rates < n {
			return false
		}
	}
	return true
}

// words gives a line with its numbers: "ttft.p95 812ms <= 900ms (n 40)".
func (l Line) words(v metric.Value, bar float64, n int) string {
	ttft, _ := l.stat()
	unit, below, above := metric.TokensPerSecond, "<", ">="
	if ttft {
		unit, below, above = metric.Seconds, "<=", ">"
	}
	if !v.Known() {
		return fmt.Sprintf("%s has no data", l.Metric)
	}
	rel := below
	if v.V > bar || !ttft && v.V >= bar {
		rel = above
	}
	if v.State == metric.AtLeast {
		return fmt.Sprintf("%s is %s at least against %s (n %d)", l.Metric, metric.Text(unit, v.V), metric.Text(unit, bar), n)
	}
	return fmt.Sprintf("%s %s %s %s (n %d)", l.Metric, metric.Text(unit, v.V), rel, metric.Text(unit, bar), n)
}

// Violates reports whether the periods, pooled, violate a line's limit itself.
func Violates(lines []Line, pool []Observation) bool {
	return assess(lines, 0, pool).answer == violates
}
