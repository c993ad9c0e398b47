package survey

import (
	"math"
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
)

// TTFT is taken in logarithms: a level is a median, its spread is relative. The model
// of one answer at level m is a mixture: mostly normal round m; a few answers are
// slower, by anything up to twelve times (a queue, a collection of garbage, another
// client); very few are anything at all, so that no single answer decides.
const (
	leastSD  = 0.05 // of log TTFT, for the model: far below what separates levels, and no smaller spread is believed
	slowOdds = 0.03
	slowest  = 2.5 // ln 12
	wildOdds = 0.001
	wildest  = 14.0 // the range of log TTFT
	coldKept = 256  // answers of new prompts that are kept
)

// noise is the model with its spread, as a table: it is read a hundred times for each
// look.
type noise struct {
	sd    float64
	table []float64
}

const (
	tableStep  = 0.01
	tableReach = 8.0
)

// reset makes the table for a spread, unless it is that of now (within 5 %).
func (n *noise) reset(sd float64) bool {
	sd = max(sd, leastSD)
	if n.table != nil && math.Abs(math.Log(sd/n.sd)) < 0.05 {
		return false
	}
	n.sd = sd
	size := int(2*tableReach/tableStep) + 1
	if n.table == nil {
		n.table = make([]float64, size)
	}
	for i := range n.table {
		n.table[i] = math.Log(density(float64(i)*tableStep-tableReach, sd))
	}
	return true
}

// density of an answer that lies d above its level.
func density(d, sd float64) float64 {
	p := (1 - slowOdds - wildOdds) / (sd * math.Sqrt(2*math.Pi)) * math.Exp(-d*d/(2*sd*sd))
	if d > 0 && d < slowest {
		p += slowOdds / slowest
	}
	return p + wildOdds/wildest
}

// log is the log density of an answer that lies d above its level.
func (n *noise) log(d float64) float64 {
	i := int((min(max(d, -tableReach), tableReach)+tableReach)/tableStep + 0.5)
	return n.table[i]
}

// spread is a robust standard deviation: 1.4826 times the median distance from the
// median (Rousseeuw, Croux: Alternatives to the median absolute deviation, 1993).
func spread(xs []float64) float64 {
	m := stats.Median(xs)
	d := make([]float64, len(xs))
	for i, x := range xs {
		d[i] = math.Abs(x - m)
	}
	return 1.4826 * stats.Median(d)
}

// learn takes the spread again from what is known: new prompts round their median, and
// looks against the look next to them in depth, which mostly is of the same level
// (Rice: Bandwidth choice for nonparametric regression, 1984).
func (s *Survey) learn() {
	var sum, n float64
	if k := len(s.cold); k >= 3 {
		sd := spread(s.cold)
		sum, n = sum+float64(k)*sd*sd, n+float64(k)
	}
	if d := s.steps(); len(d) >= 6 {
		slices.Sort(d)
		sd := 1.4826 * stats.Quantile(d, 0.5) / math.Sqrt2
		sum, n = sum+float64(len(d))*sd*sd, n+float64(len(d))
	}
	if n > 0 && s.noise.reset(math.Sqrt(sum/n)) {
		s.curve.again(s)
	}
}

// steps are the distances between the log TTFTs of looks that follow each other in
// depth.
func (s *Survey) steps() (d []float64) {
	last := math.NaN()
	for _, y := range s.curve.values(s, 0, len(s.curve.columns)) {
		if !math.IsNaN(last) {
			d = append(d, math.Abs(y-last))
		}
		last = y
	}
	return d
}

// MedianError is the standard error of a median of many normal values, in sd/sqrt(n):
// sqrt(pi/2).
const MedianError = 1.2533

// byChance is by how much two medians of one level, of n and m looks, differ by chance: so
// many standard errors of their difference.
func (s *Survey) byChance(errors float64, n, m int) float64 {
	return errors * MedianError * s.noise.sd * math.Sqrt(1/float64(n)+1/float64(m))
}

// LevelLooks is the number of looks that know the median of a level to 7 %, where its log
// TTFT has this spread: (1.25 sd / 0.07)^2, at least 3 and at most as many as given.
func LevelLooks(spread float64, most int) int {
	n := math.Ceil(math.Pow(1.25*spread/0.07, 2))
	return int(min(max(n, 3), float64(most)))
}

// coldLevel is the log TTFT of a prompt that was never sent before.
func (s *Survey) coldLevel() float64 { return stats.Median(s.cold) }

// enough is the number of looks that show a level of its own between others, when it
// is as near as two levels may be: each is then worth d^2/(2 sd^2) nats.
func (s *Survey) enough() int {
	d := math.Log(s.r.Ratio)
	n := (s.r.Change + 3) * 2 * s.noise.sd * s.noise.sd / (d * d)
	return min(max(int(math.Ceil(n)), 2), s.r.Most)
}
