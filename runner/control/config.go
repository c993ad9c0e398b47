package control

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/scenario/metric"
)

// Line is one limit of the slo.
type Line struct {
	Metric string  // ttft.max, ttft.avg, ttft.p50 ... or output_rate.avg, output_rate.p5, output_rate.p10
	Limit  float64 // seconds: at most; tokens/s: at least
}

// Config is what a scenario asks of the controller.
type Config struct {
	Lines            []Line
	Margin           float64 // 0.1 for 10 %
	Start, Step, Max int     // concurrency
	Sizes            int     // working set sizes, 1 when nothing grows

	Assessment time.Duration // a period
	Duration   time.Duration // of the cell, ingest included
	Hold       int           // periods that a size is held after its verification
	ByTime     bool          // sizes change by the clock, at Duration/Sizes each, whatever was found
	Soak       bool          // the last size is held until Duration is over

	Rules Rules // the zero value means DefaultRules
}

// Rules are the constants of docs/measurement.md, Control, apart so that the
// laboratory can vary them.
type Rules struct {
	Grow          float64 // a ramp's largest factor
	Shrink        float64 // the smallest factor of a descent while nothing has passed
	Resolution    float64 // a bracket is narrow enough at this share of its lower end, or at 1; a level that passes with less room is not raised
	WindowPeriods int     // a pooled window has at least so many periods
	WindowSamples int     // and at least so many first tokens (output rates)
	Recent        int     // a held level is lowered when Violating of the Recent last windows violate
	Violating     int
	LowerBy       float64 // share by which it is lowered, at least 1
	FloorPeriods  int     // violating periods in a row at the lowest level that end the cell
	ChangeOver    int     // samples that a period needs after a change
	Extension     int     // at most so many assessment periods long for it
	EdgeRatio     float64 // a transition: requests slower by more than this
	EdgeShare     float64 // for more than this percentage of them, or this many points of hit rate
}

// DefaultRules are the rules of docs/measurement.md.
func DefaultRules() Rules {
	return Rules{
		Grow: 2, Shrink: 0.5, Resolution: 0.05,
		WindowPeriods: 3, WindowSamples: 100, Recent: 3, Violating: 2, LowerBy: 0.05,
		FloorPeriods: 3, ChangeOver: 20, Extension: 4, EdgeRatio: 1.5, EdgeShare: 20,
	}
}

// check gives the first thing that is wrong with a configuration.
func (c Config) check() error {
	switch {
	case len(c.Lines) == 0:
		return fmt.Errorf("control: no slo: sustained mode needs a limit on ttft or output_rate")
	case !(c.Margin >= 0 && c.Margin < 1):
		return fmt.Errorf("control: margin %g is not in [0, 1)", c.Margin)
	case c.Start < 1 || c.Step < 1 || c.Max < c.Start:
		return fmt.Errorf("control: concurrency start %d, step %d, max %d: want 1 <= start <= max and step >= 1", c.Start, c.Step, c.Max)
	case c.Sizes < 1:
		return fmt.Errorf("control: %d sizes: want at least one", c.Sizes)
	case c.Assessment <= 0 || c.Duration <= 0:
		return fmt.Errorf("control: assessment period %s, duration %s: want both above 0", c.Assessment, c.Duration)
	case c.Hold < 0:
		return fmt.Errorf("control: hold of %d periods: want 0 or more", c.Hold)
	}
	for _, l := range c.Lines {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// stat splits a line's metric: ttft or not, and which statistic.
func (l Line) stat() (ttft bool, stat string) {
	family, stat, _ := strings.Cut(l.Metric, ".")
	return family == "ttft", stat
}

func (l Line) check() error {
	family, stat, _ := strings.Cut(l.Metric, ".")
	if _, ok := metric.Find(l.Metric); !ok || family != "ttft" && family != "output_rate" {
		return fmt.Errorf("control: no slo can be on %q: want ttft.max, avg, p50, p90, p95, p99 or output_rate.avg, p5, p10", l.Metric)
	}
	if _, ok := quantile(stat); !ok && stat != "avg" {
		return fmt.Errorf("control: %q has no statistic that an slo can be on", l.Metric)
	}
	if !(l.Limit > 0) || math.IsInf(l.Limit, 0) {
		return fmt.Errorf("control: limit %g of %s: want a number above 0", l.Limit, l.Metric)
	}
	return nil
}

// quantile gives the share that p50, p5, max ... stand for.
func quantile(stat string) (q float64, ok bool) {
	if stat == "max" {
		return 1, true
	}
	n, err := strconv.Atoi(strings.TrimPrefix(stat, "p"))
	if err != nil || !strings.HasPrefix(stat, "p") || n < 0 || n > 100 {
		return 0, false
	}
	return float64(n) / 100, true
}

// bar is the value that the line's metric is held against: the limit itself, or the
// limit with the margin kept.
func (l Line) bar(margin float64) float64 {
	if ttft, _ := l.stat(); ttft {
		return l.Limit * (1 - margin)
	}
	return l.Limit * (1 + margin)
}
