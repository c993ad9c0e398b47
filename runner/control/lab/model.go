package lab

import (
	"math"
	"math/rand/v2"
)

// Shape gives a metric as a multiple of its limit at x, the level as a multiple of
// the true one: 1 at 1, above it beyond.
type Shape func(x float64) float64

// Linear is a server that works through its requests one at a time: the wait grows
// with those in front.
func Linear(x float64) float64 { return x }

// Quadratic grows slowly at first.
func Quadratic(x float64) float64 { return x * x }

// Knee is a server with room to spare up to nine tenths of the true level, and a queue
// from there on.
func Knee(x float64) float64 { return 0.3 + 7*max(0, x-0.9) }

// Model is a server whose true level is known: TTFTs are log-normal, and their
// statistic is Limit times a shape of the level.
type Model struct {
	Shape  Shape
	Limit  float64 // seconds: the slo's
	Levels []int   // the largest level that truly holds, by size
	Sigma  float64 // of log TTFT
	Stat   string  // of TTFT, on which the slo is: avg or p95
	Rate   float64 // requests/s
	// Output rates: RateAt gives their mean at a level, log-normal with the same sigma;
	// nil: requests of one token.
	RateAt func(level, size int) float64
	Decode float64 // seconds from first to last token
}

// z95 is the 95th percentile of the normal distribution.
const z95 = 1.6448536269514722

// Median is the true median TTFT in seconds.
func (m Model) Median(level, size int) float64 {
	v := m.Limit * m.Shape(float64(level)/float64(m.Levels[size]))
	if m.Stat == "avg" {
		return v / math.Exp(m.Sigma*m.Sigma/2)
	}
	return v / math.Exp(m.Sigma*z95)
}

// PerSecond implements Server.
func (m Model) PerSecond(_, _ int) float64 { return m.Rate }

// Request implements Server.
func (m Model) Request(level, size int, rng *rand.Rand) Request {
	r := Request{TTFT: m.Median(level, size) * math.Exp(m.Sigma*rng.NormFloat64()), Decode: m.Decode}
	if m.RateAt != nil {
		r.Rate = m.RateAt(level, size) * math.Exp(m.Sigma*rng.NormFloat64()-m.Sigma*m.Sigma/2)
	}
	return r
}
