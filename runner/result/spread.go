package result

import (
	"slices"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// statistic is one of the figures of a distribution, as the catalogue has them.
type statistic struct {
	suffix string
	q      float64
	least  int // samples below which it is left empty
}

var statistics = []statistic{{suffix: "avg"}, quantile("p50"), quantile("p90"), quantile("p95"), quantile("p99"), {suffix: "max"}}
var lowRates = []statistic{rateQuantile("p5"), rateQuantile("p10")}

func quantile(suffix string) statistic     { return fromCatalogue("ttft.", suffix) }
func rateQuantile(suffix string) statistic { return fromCatalogue("output_rate.", suffix) }

func fromCatalogue(family, suffix string) statistic {
	d, _ := metric.Find(family + suffix)
	return statistic{suffix, d.Quantile, d.MinSamples()}
}

// spread sets a family's figures from exact samples: xs times scale is in the
// metric's unit, ascending.
func spread[T int64 | float64](row metric.Row, family string, xs []T, scale float64) {
	if len(xs) == 0 {
		return
	}
	for _, s := range statistics {
		switch {
		case s.suffix == "avg":
			row.Set(family+".avg", metric.Of(scale*mean(xs)))
		case s.suffix == "max":
			row.Set(family+".max", metric.Of(scale*float64(xs[len(xs)-1])))
		case len(xs) >= s.least:
			row.Set(family+"."+s.suffix, metric.Of(scale*stats.Quantile(xs, s.q)))
		}
	}
}

func mean[T int64 | float64](xs []T) float64 {
	var sum T // nanoseconds stay whole: exact up to 292 years of gaps
	for _, x := range xs {
		sum += x
	}
	return float64(sum) / float64(len(xs))
}

// gapRows sets itl.* from the gaps of streams that told the tokens of each event,
// unless a success did not tell, and icl.* from all. A gap is between two token
// events, however many tokens the second was told to carry: dividing it would
// invent stamps that nobody saw.
func (m *measurer) gapRows(row metric.Row) {
	stats.SortDurations(m.itl)
	if m.itlTold {
		spread(row, "itl", m.itl, 1e-9)
	}
	if len(m.untold) == 0 {
		for _, s := range statistics {
			row.Set("icl."+s.suffix, row.Get("itl."+s.suffix))
		}
		return
	}
	all := append(m.itl, m.untold...)
	stats.SortDurations(all)
	spread(row, "icl", all, 1e-9)
}

// ttftRow sets ttft.*. Where requests waited across a border of the window the
// percentiles are Kaplan-Meier, else type 7 of the first tokens. An exact figure
// needs its least number of first tokens, a lower bound that number of waitings.
func (m *measurer) ttftRow(row metric.Row) {
	n := len(m.TTFTs)
	if n > 0 {
		row.Set("ttft.avg", metric.Of(mean(m.TTFTs)))
		row.Set("ttft.max", metric.Of(m.TTFTs[n-1]))
	}
	if m.longest > 0 && (n == 0 || m.longest > m.TTFTs[n-1]) {
		row.Set("ttft.max", metric.Lower(m.longest))
	}
	var curve *stats.Curve
	if m.Straddling {
		curve = stats.KaplanMeier(m.lives)
	}
	for _, s := range statistics {
		switch {
		case s.q == 0:
		case curve == nil && n >= s.least:
			row.Set("ttft."+s.suffix, metric.Of(stats.Quantile(m.TTFTs, s.q)))
		case curve != nil:
			v, exact := curve.Quantile(s.q)
			if exact && n >= s.least {
				row.Set("ttft."+s.suffix, metric.Of(v))
			} else if !exact && len(m.lives) >= s.least {
				row.Set("ttft."+s.suffix, metric.Lower(v))
			}
		}
	}
}

// rateRow sets output_rate.*: output tokens/s per request, 1 / TPOT.
func (m *measurer) rateRow(row metric.Row) {
	if len(m.rate) == 0 {
		return
	}
	slices.Sort(m.rate)
	row.Set("output_rate.avg", metric.Of(mean(m.rate)))
	for _, s := range lowRates {
		if len(m.rate) >= s.least {
			row.Set("output_rate."+s.suffix, metric.Of(stats.Quantile(m.rate, s.q)))
		}
	}
}

// limits are the slo's most extreme percentile line of each metric: what one
// request has to keep to be good.
type limits struct {
	any     bool
	ttft    float64 // seconds; < 0: no line
	perRate float64 // output tokens/s; < 0: no line
}

// ttftOrder and rateOrder rank statistics, the most extreme first. avg lines take
// no part: an average says nothing of one request.
var ttftOrder = []string{"max", "p99", "p95", "p90", "p50"}
var rateOrder = []string{"p5", "p10"}

func extremes(slo scenario.SLO) limits {
	l := limits{ttft: most(slo.TTFT, ttftOrder), perRate: most(slo.OutputRate, rateOrder)}
	l.any = l.ttft >= 0 || l.perRate >= 0
	return l
}

func most(lines []scenario.Line, order []string) float64 {
	for _, stat := range order {
		for _, l := range lines {
			if l.Stat == stat {
				return l.Limit
			}
		}
	}
	return -1
}

// good reports whether a success kept the limits; without a TPOT (one token) no
// limit on the output rate is kept: no data never passes.
func (l limits) good(ttft, tpot float64, haveTPOT bool) bool {
	if l.ttft >= 0 && ttft > l.ttft {
		return false
	}
	return l.perRate < 0 || haveTPOT && tpot*l.perRate <= 1
}
