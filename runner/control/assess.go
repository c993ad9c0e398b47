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

// hold holds one line against the periods. What is known of a TTFT lies between two
// bounds where requests still wait. It passes when the upper one does. It violates
// when the lower one does, and not only because of requests that wait: these push the
// level down once they have waited longer than the limit itself, never by being in
// flight alone.
func (l Line) hold(margin float64, pool []Observation) finding {
	bar := l.bar(margin)
	v := l.value(pool)
	f := finding{text: l.words(v, bar)}
	if v.none() {
		return f
	}
	if ttft, _ := l.stat(); !ttft {
		f.answer, f.room = passes, v.low/bar
		if v.low < bar {
			f.answer = violates
		}
		return f
	}
	switch {
	case v.high <= bar:
		f.answer, f.room = passes, bar/v.high // 0 s leaves infinite room
	case v.low > l.Limit, v.low > bar && v.alone > bar:
		f.answer, f.room = violates, bar/v.low
	}
	return f
}

// known is what the periods tell of a metric: bounds, which are the same where nothing
// is left open, what the samples that are complete say alone, and how many those are.
type known struct {
	low, high, alone float64
	n                int
}

func (k known) none() bool { return math.IsNaN(k.low) }

// value gives the line's metric over the pooled periods.
func (l Line) value(pool []Observation) known {
	ttft, stat := l.stat()
	q, isQuantile := quantile(stat)
	of := stats.Mean
	if isQuantile {
		of = func(xs []float64) float64 { return stats.Quantile(xs, q) }
	}
	if !ttft {
		rates := pooledRates(pool)
		slices.Sort(rates)
		v := of(rates)
		return known{v, v, v, len(rates)}
	}
	ended := events(pool)
	k := known{alone: of(ended), n: len(ended)}
	lives := pooledLives(pool)
	if !isQuantile {
		k.low, k.high = meanLife(lives)
		return k
	}
	v, exact := stats.KaplanMeier(lives).Quantile(q)
	if k.low, k.high = v, v; !exact {
		k.high = math.Inf(1)
	}
	return k
}

func pooledRates(pool []Observation) (rates []float64) {
	for _, o := range pool {
		rates = append(rates, o.Rates...)
	}
	return rates
}

// pooledLives appends the periods' waits; one that goes on over a border comes as
// two pieces, which Kaplan-Meier with late entry takes for what they are.
func pooledLives(pool []Observation) (lives []stats.Life) {
	for _, o := range pool {
		lives = append(lives, o.TTFT...)
	}
	return lives
}

// events gives the TTFTs of the periods, ascending.
func events(pool []Observation) (ts []float64) {
	for _, o := range pool {
		for _, l := range o.TTFT {
			if l.Event {
				ts = append(ts, l.Age)
			}
		}
	}
	slices.Sort(ts)
	return ts
}

// meanLife is the mean of waits not all of which were watched from their beginning
// to their end: the area under the product-limit curve (Kaplan and Meier, JASA 53,
// 1958, section 6.1), which is the arithmetic mean where all were. Where some outlast
// the last event, low counts them as ended at the largest age, and high adds what is
// left of them, the curve going on as an exponential one (Brown, Hollander and Korwar,
// Reliability and Biometry, 1974); it is infinite while less than half of the curve
// has been seen. NaN without waits.
func meanLife(lives []stats.Life) (low, high float64) {
	if len(lives) == 0 {
		return math.NaN(), math.NaN()
	}
	entries, ages, ended := make([]float64, 0, len(lives)), make([]float64, 0, len(lives)), make([]float64, 0, len(lives))
	for _, l := range lives {
		entries, ages = append(entries, min(l.Entry, l.Age)), append(ages, l.Age)
		if l.Event {
			ended = append(ended, l.Age)
		}
	}
	slices.Sort(entries)
	slices.Sort(ages)
	slices.Sort(ended)
	end := ages[len(ages)-1]
	left := 1.0
	entered, gone := 0, 0
	for i := 0; i < len(ended); {
		t, ties := ended[i], 0
		for ; i < len(ended) && ended[i] == t; i++ {
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
			continue // later waits are still to enter: Lai and Ying, see stats.KaplanMeier
		}
		fall := left * float64(ties) / float64(risk)
		low += fall * t
		left -= fall
	}
	switch {
	case left < 1e-12:
		return low, low
	case left > 0.5:
		return low + left*end, math.Inf(1)
	}
	low += left * end
	return low, low - left*end/math.Log(left)
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
func (l Line) words(k known, bar float64) string {
	if k.none() {
		return l.Metric + " has no data"
	}
	ttft, _ := l.stat()
	if !ttft {
		rel := ">="
		if k.low < bar {
			rel = "<"
		}
		return fmt.Sprintf("%s %s %s %s (n %d)", l.Metric, metric.Text(metric.TokensPerSecond, k.low), rel, metric.Text(metric.TokensPerSecond, bar), k.n)
	}
	v, rel := metric.Text(metric.Seconds, k.low), ">"
	switch {
	case k.high <= bar:
		v, rel = metric.Text(metric.Seconds, k.high), "<="
	case k.low <= bar:
		rel = "or more, against"
	case k.high > k.low:
		rel = "or more >"
	}
	return fmt.Sprintf("%s %s %s %s (n %d)", l.Metric, v, rel, metric.Text(metric.Seconds, bar), k.n)
}

// Room gives the factor by which the level could change, were the metric proportional
// to it, before a line is violated, with the margin kept: below 1 it is violated. It is
// for controllers that do not bring a ruler of their own. known is false without data.
func Room(lines []Line, margin float64, pool ...Observation) (room float64, known bool) {
	f := assess(lines, margin, pool)
	return f.room, f.answer != unknown
}
