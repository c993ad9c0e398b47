package scenario

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Needs is what the verdicts of a plan rest on, worked out from the plan alone: the
// least that must be measured, and what that asks of the server. All of it is a lower
// bound: what is slower, or varies more, needs more.
type Needs struct {
	// Samples is how many requests a point must hold for each percentile in Named; 0
	// where slo, stop and thresholds name none, or points are no windows (map).
	Samples int
	Named   []string // the percentiles that slo, stop or thresholds name, sorted
	// Window is what a point measures at its latest: a level's longest window with its
	// repeats; sustained: the periods that a size is verified and held in.
	Window time.Duration
	Level  int           // the lowest level: the fewest requests in a window
	Most   time.Duration // with Level in flight, what a request may take for Window to hold Samples
	Rate   float64       // open loop: the lowest rate, requests/s, which takes the place of Level and Most

	// Touch is how many requests touch 90 % of the largest set, below which a window is
	// marked partial-coverage; 0 where there is no set, or no law says how many (depth).
	// In open loop the rate alone says whether they come.
	Touch     int64
	TouchSet  int64         // the set's size in tokens, as asked
	TouchMost time.Duration // with Level in flight, what a request may take for that in Window

	// PeriodSamples is how many requests a period must hold for each percentile in
	// ByPeriod to have data at all: those that a stop reads of a period (fixed). Fewer
	// leave it empty, and a stop that is unknown does not stop.
	PeriodSamples int
	ByPeriod      []string
	Period        time.Duration // assessment_period
	PeriodMost    time.Duration // with Level in flight, what a request may take for Period to hold them

	repeats int   // windows beside the first, pooled
	tokens  int64 // prompt tokens that are sent until Samples and Touch are reached, all computed anew

	// Compared is how many figures a comparison of two runs is judged on, and Trials how
	// many trials each of them needs at least. A map has no such figures by itself: it
	// is 0, and Trials is what an interval needs.
	Compared int
	Alpha    float64
	Trials   int
}

// coverage is the share of the set that a window has to touch (design: measurement,
// Windows and Validity).
const coverage = 0.9

// leastVerified is the number of requests that a verification pools at least (design:
// measurement, Control).
const leastVerified = 100

// IntervalTrials is the number of trials from which an order-statistic interval of a
// median is given; fewer give a range (design: measurement, Comparison).
const IntervalTrials = 6

// Needs gives what the verdicts of the plan rest on.
func (p *Plan) Needs() Needs {
	sc := p.Scenario
	n := Needs{Alpha: sc.Compare.Alpha, Compared: p.compared(), Trials: IntervalTrials}
	if n.Alpha == 0 {
		n.Alpha = DefaultCompare().Alpha
	}
	if n.Compared > 0 {
		n.Trials = LeastTrials(n.Compared, n.Alpha)
	}
	n.Named = p.percentiles()
	switch {
	case sc.Mode == fixed && len(sc.Concurrency)+len(sc.Rates) > 0:
		if len(sc.Rates) > 0 {
			n.Rate = sc.Rates[0]
		} else {
			n.Level = sc.Concurrency[0]
		}
		n.Window = time.Duration(1+sc.Repeats) * time.Duration(sc.Duration.Max)
		n.repeats = sc.Repeats
		n.samples(0)
		n.touch(p)
		n.period(p)
		for _, c := range p.Cells {
			n.tokens = max(n.tokens, int64(n.Samples)*c.R)
		}
	case sc.Mode == sustained:
		n.Level = sc.Search.Start
		n.Window = time.Duration(multiple(leastPeriods+sc.Growth.Hold, sc.Assessment))
		n.samples(leastVerified)
	}
	return n
}

// samples works out what the named percentiles ask of a window that holds so many
// requests in any case.
func (n *Needs) samples(sure int) {
	need := 0
	for _, name := range n.Named {
		need = max(need, metric.VerdictSamples(name))
	}
	if need <= sure {
		return
	}
	n.Samples = need
	n.Most = share(n.Window, n.Level, int64(need))
}

// share is what a request may take for level of them in flight to make count in a
// window (Little's law).
func share(window time.Duration, level int, count int64) time.Duration {
	return time.Duration(float64(window) * float64(level) / float64(count))
}

// Held is how many requests an open loop starts in a window at its lowest rate.
func (n Needs) Held(window time.Duration) int64 { return int64(math.Round(n.Rate * window.Seconds())) }

// touch works out how many requests touch 90 % of the largest set. Cyclic access
// touches a new prompt each time; uniform access meets those of before ever more often:
// P ln 10 draws leave a tenth of P untouched.
func (n *Needs) touch(p *Plan) {
	var largest Cell
	for _, c := range p.Cells {
		if c.Prompts > largest.Prompts {
			largest = c
		}
	}
	draws := 0.0
	switch p.Scenario.Access {
	case "cyclic":
		draws = coverage * float64(largest.Prompts)
	case "uniform":
		draws = -math.Log(1-coverage) * float64(largest.Prompts)
	}
	if draws == 0 {
		return
	}
	n.Touch, n.TouchSet = int64(math.Ceil(draws)), largest.WorkingSet
	n.TouchMost = share(n.Window, n.Level, n.Touch)
	n.tokens = n.Touch * largest.R
}

// Cold gives the duration.max that a level of mode: fixed needs where the server
// computes every prompt anew, at rate prompt tokens/s: beyond the last tier all
// concurrency shares that rate. ok is false where the plan's does, or no rate is known.
func (n Needs) Cold(rate float64) (least time.Duration, ok bool) {
	if rate <= 0 || n.tokens == 0 {
		return 0, false
	}
	whole := time.Duration(math.Ceil(float64(n.tokens) / rate * float64(time.Second)))
	return whole / time.Duration(1+n.repeats), whole > n.Window
}

// period works out what the percentiles that stops read of a period ask of it.
func (n *Needs) period(p *Plan) {
	for i, c := range p.Stops {
		if s := p.Scenario.Stop[i]; s.Periods == 0 && s.Ends != "level" {
			continue // it reads the finished level
		}
		for _, name := range c.Names() {
			prefix, base := cutScope(name)
			if prefix == "total" || prefix == "best" {
				continue // those are not of a period
			}
			d, _ := metric.Find(base)
			if d.MinSamples() == 0 || slices.Contains(n.ByPeriod, base) {
				continue
			}
			n.ByPeriod = append(n.ByPeriod, base)
			n.PeriodSamples = max(n.PeriodSamples, d.MinSamples())
		}
	}
	if n.PeriodSamples == 0 {
		return
	}
	slices.Sort(n.ByPeriod)
	n.Period = time.Duration(p.Scenario.Assessment)
	n.PeriodMost = share(n.Period, n.Level, int64(n.PeriodSamples))
}

// percentiles lists the percentiles that slo, stop and thresholds name, sorted.
func (p *Plan) percentiles() []string {
	var names []string
	for _, l := range p.Scenario.SLO.TTFT {
		names = append(names, "ttft."+l.Stat)
	}
	for _, l := range p.Scenario.SLO.OutputRate {
		names = append(names, "output_rate."+l.Stat)
	}
	for _, c := range p.Stops {
		names = append(names, c.Names()...)
	}
	for _, g := range p.Thresholds {
		names = append(names, g.Expect.Names()...)
	}
	var out []string
	for _, name := range names {
		_, name = cutScope(name)
		if metric.VerdictSamples(name) > 0 && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// headlines is the number of figures that a comparison is judged on by default: the
// geometric means of ttft.p95 and of output throughput (design: measurement,
// Comparison). A map has neither load nor output.
const headlines = 2

// compared is how many figures a comparison of two runs of the plan is judged on: the
// headlines, and each point that a line of compare.gate chooses, or may choose.
func (p *Plan) compared() int {
	n := headlines
	if p.Scenario.Mode == mapped {
		n = 0
	}
	e := &expansion{sc: p.Scenario, plan: p}
	for i, g := range p.Scenario.Compare.Gate {
		chosen := map[string]bool{}
		for j, row := range e.axes() {
			if i < len(p.Gated) && p.Gated[i] != nil && p.Gated[i].Eval(row.Get) == False {
				continue
			}
			key := itoa(j)
			if d, _ := metric.Find(g.Metric); d.Threshold { // one for each curve, not for each point of it
				key = fmt.Sprint(row.Get("context"), row.Get("hit_rate"), row.Get("concurrency"))
			}
			chosen[key] = true
		}
		n += len(chosen)
	}
	return n
}

// LeastTrials is the number of trials that each of two runs needs at least for an exact
// two-sided permutation test to be able to find a difference in each of compared figures
// at level alpha after Holm's correction: the smallest n with 2 / C(2n, n) < alpha /
// compared. At 0.05 it is 4 for one figure, 5 up to 6, 6 up to 23, 7 up to 85.
func LeastTrials(compared int, alpha float64) int {
	p := 1.0 // 2 / C(2, 1)
	n := 1
	for limit := alpha / float64(max(1, compared)); p >= limit && n < 100; n++ {
		k := float64(n + 1)
		p *= k * k / ((2*k - 1) * 2 * k)
	}
	return n
}
