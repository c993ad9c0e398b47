package result

import (
	"math"
	"slices"
	"time"

	"github.com/wsrun/wsrun/runner/sample"
)

// Spread is how far a state ranged in a window, in the state's own unit.
type Spread struct{ Min, Mean, Max float64 }

// Spread gives the states of the servers (requests running and waiting, KV in use) in a
// window, under their canonical names, all endpoints together: numbers of requests are
// summed over them, shares averaged. A state that nobody told is not in it: null is not
// zero.
//
// A sum has a smallest value only where its parts are of one moment. All endpoints are
// scraped at the same time, so that a moment is a round: a scrape of the endpoint that
// told the state most often in the window, with the nearest scrape of each other one. A
// round that lacks one of them does not count. An endpoint that told nothing in the
// window, nor shortly before it, is left out of all rounds: it was not there.
func (t *Telemetry) Spread(w Window) map[string]Spread {
	out := map[string]Spread{}
	for name := range gauges {
		if s, ok := t.ranged(name, w); ok {
			out[name] = s
		}
	}
	return out
}

// ownCPU gives the share of the CPUs that the load generator used of those it may use, in
// percent, over the intervals that its own readings in the window end.
func (t *Telemetry) ownCPU(w Window) (s Spread) {
	n := 0
	for _, scrape := range inside(t.self, w) {
		share, told := scrape.Values[selfShare]
		if !told {
			continue
		}
		v := 100 * share
		if n == 0 {
			s.Min, s.Max = v, v
		}
		s.Min, s.Max, s.Mean = min(s.Min, v), max(s.Max, v), s.Mean+v
		n++
	}
	s.Mean /= float64(max(n, 1))
	return s
}

// ranged gives the spread of one state; ok is false where no round is whole.
func (t *Telemetry) ranged(name string, w Window) (s Spread, ok bool) {
	rounds, others := t.telling(name, w)
	sum, n := 0.0, 0
	for _, round := range rounds {
		v, whole := stateAt(round, others, name, w)
		if !whole {
			continue
		}
		if n == 0 {
			s.Min, s.Max = v, v
		}
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
		sum += v
		n++
	}
	s.Mean = min(max(sum/float64(n), s.Min), s.Max) // a sum of many may be rounded beyond its parts
	return s, n > 0 && !math.IsInf(sum, 0)
}

// telling gives the scrapes of the endpoint that told the state most often in the
// window, the first of equals, and all scrapes of the others that told it there.
func (t *Telemetry) telling(name string, w Window) (rounds []*sample.Scrape, others [][]*sample.Scrape) {
	var most int32
	var told []int32
	for _, end := range t.ends {
		var its []*sample.Scrape
		for _, s := range inside(t.by[end], w) {
			if _, has := s.Values[name]; has {
				its = append(its, s)
			}
		}
		if len(its) > 0 {
			told = append(told, end)
		}
		if len(its) > len(rounds) {
			rounds, most = its, end
		}
	}
	for _, end := range told {
		if end != most {
			others = append(others, t.by[end])
		}
	}
	return rounds, others
}

// stateAt gives the state of all endpoints at the moment of one's scrape; whole is false
// where one of the others did not tell it near that moment.
func stateAt(round *sample.Scrape, others [][]*sample.Scrape, name string, w Window) (v float64, whole bool) {
	v = round.Values[name]
	for _, list := range others {
		s := nearest(list, round.At, w)
		if s == nil {
			return 0, false
		}
		one, told := s.Values[name]
		if !told {
			return 0, false
		}
		v += one
	}
	if gauges[name].share {
		v /= float64(1 + len(others))
	}
	return v, true
}

// around gives the scrapes that can tell anything of the periods: those inside them, and
// those near enough to a border. A long run has many units and a scrape each second; to
// sort all of them anew for each unit would cost more than all else.
func around(scrapes []*Scrape, periods []*Period) []*Scrape {
	if len(periods) == 0 {
		return nil
	}
	margin := int64(nearLeast)
	for _, p := range periods {
		margin = max(margin, (p.End-p.Start)/2)
	}
	from, to := periods[0].Start-margin, periods[len(periods)-1].End+margin
	var out []*Scrape
	for _, s := range scrapes {
		if s.At >= from && s.At <= to {
			out = append(out, s)
		}
	}
	return out
}

// nearLeast is how far from a border a scrape may be and still stand for it, whatever the
// window's length: the metrics interval is one second.
const nearLeast = 2500 * time.Millisecond

// Ingest is one pass over the prompts that growth added, while the load went on.
type Ingest struct {
	Window
	Step   int    // the growth step that it made, from 0
	Sent   int    // prompts ingested
	Failed int    // of these, how many failed
	Cut    string // why it was not finished, empty when it was
}

// Ingests gives the ingests of a unit in the order of time. Prewarmed growth has none.
func (u *UnitRecord) Ingests() []Ingest {
	var out []Ingest
	for _, ph := range u.Phases {
		if ph.Phase == PhaseIngest {
			out = append(out, Ingest{Window{ph.Start, ph.End}, ph.Step, ph.Sent, ph.Failed, ph.Reason})
		}
	}
	slices.SortStableFunc(out, func(a, b Ingest) int { return int(min(max(a.Start-b.Start, -1), 1)) })
	return out
}

// Growth is the moment from which on a larger set counts: its ingest, where there was
// one, is over.
type Growth struct {
	At    int64 // ns since the run's epoch
	Step  int   // the step that is in force from then on, from 1
	Level int   // the concurrency that is in force from then on
}

// Growths gives the moments at which the working set of a unit had grown, in the order
// of time. The first size is no growth.
func (u *UnitRecord) Growths() []Growth {
	var out []Growth
	step := 0
	for _, c := range u.Changes {
		if c.Step > step {
			out = append(out, Growth{c.At, c.Step, c.Level})
			step = c.Step
		}
	}
	return out
}
