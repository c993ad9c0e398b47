// Package lab is a laboratory for controllers of sustained mode: it runs one against
// a model of a server in virtual time, thousands of periods a second, the same each
// time for the same seed. Any control.Controller can be tried in it.
package lab

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/control"
)

// Server is a model of a server under load.
type Server interface {
	// PerSecond gives the requests that start in a second at a level and size, which
	// is also what ends in one while the level stands.
	PerSecond(level, size int) float64
	// Request draws one request that starts now. A request that never gets a first
	// token has a TTFT of +Inf.
	Request(level, size int, rng *rand.Rand) Request
}

// Request is what one request met.
type Request struct {
	TTFT           float64 // seconds
	Rate           float64 // output tokens/s; 0 when it never ends
	Decode         float64 // seconds from the first token to the last
	Cached, Prompt int64   // prompt tokens found cached, of all; Prompt 0: not told
}

// Options of a run.
type Options struct {
	Period  time.Duration // assessment period
	Periods int           // at most so many
	Seed    uint64
	Ingest  time.Duration   // between a growth and the first period after it
	Until   func(Step) bool // ends the run after the step for which it is true; nil: never
}

// Step is one period and what followed from it.
type Step struct {
	Seen     control.Observation
	Decision control.Decision
}

// Run drives a controller against a server and gives what happened.
func Run(c control.Controller, s Server, o Options) []Step {
	w := &world{server: s, rng: rand.New(rand.NewPCG(o.Seed, 0x77737275)), period: o.Period}
	d := c.Begin()
	w.level, w.size = d.Next, d.NextSize
	steps := make([]Step, 0, o.Periods)
	for range o.Periods {
		seen := w.observe(c)
		d = c.Next(seen)
		steps = append(steps, Step{seen, d})
		if d.Over || o.Until != nil && o.Until(steps[len(steps)-1]) {
			break
		}
		if d.NextSize != d.Size {
			w.now += o.Ingest.Seconds()
		}
		if d.Changed() {
			w.level, w.size, w.flying = d.Next, d.NextSize, w.flying[:0]
		}
	}
	return steps
}

// flight is a request that control may see.
type flight struct {
	Request
	start float64
}

func (f flight) first() float64 { return f.start + f.TTFT }
func (f flight) last() float64  { return f.first() + f.Decode }

// grain is the share of a period in which time advances, and so by which an extended
// period grows.
const grain = 8

// world is virtual time, in seconds, and what is in flight. A change drops what older
// levels left behind: control does not count it.
type world struct {
	server      Server
	rng         *rand.Rand
	period      time.Duration
	now, owed   float64 // owed: requests that are to start, the fraction carried on
	level, size int
	flying      []flight // started since the last change, not over before the period began
}

// observe lets a period pass, as long as the controller wants it to.
func (w *world) observe(c control.Controller) control.Observation {
	start := w.now
	for {
		w.advance(w.period.Seconds() / grain)
		if w.now-start < w.period.Seconds()-1e-6 {
			continue
		}
		if seen := w.see(start); !c.Extends(seen) {
			w.flying = slices.DeleteFunc(w.flying, func(f flight) bool { return f.last() < w.now })
			return seen
		}
	}
}

// advance starts the requests of the next d seconds, at random times.
func (w *world) advance(d float64) {
	w.owed += d * w.server.PerSecond(w.level, w.size)
	for ; w.owed >= 1; w.owed-- {
		w.flying = append(w.flying, flight{w.server.Request(w.level, w.size, w.rng), w.now + d*w.rng.Float64()})
	}
	w.now += d
}

// see gives the period from start to now, as a runner would.
func (w *world) see(start float64) control.Observation {
	o := control.Observation{Start: int64(start * 1e9), End: int64(w.now * 1e9)}
	for _, f := range w.flying {
		if f.first() < start {
			o.Rates = w.rate(o.Rates, f, start)
			continue
		}
		life := stats.Life{Entry: max(0, start-f.start), Age: w.now - f.start}
		if f.first() < w.now {
			life.Age, life.Event = f.TTFT, true
			o.Cached, o.Prompt = o.Cached+f.Cached, o.Prompt+f.Prompt
			o.Rates = w.rate(o.Rates, f, start)
		}
		o.TTFT = append(o.TTFT, life)
	}
	return o
}

// rate appends the request's output rate when its last token fell into the period.
func (w *world) rate(rates []float64, f flight, start float64) []float64 {
	if f.Rate > 0 && f.last() >= start && f.last() < w.now {
		return append(rates, f.Rate)
	}
	return rates
}
