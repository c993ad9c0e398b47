package result

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Judgement is an slo held against a row.
type Judgement struct {
	// Missed is True when a line was missed, False when all were held, Unknown when
	// a line has no data and none was missed. No slo is held.
	Missed scenario.Tri
	Text   string // the missed line ("ttft.p95 > 1.5s"), or the one without data
}

// Held reports whether every line was held: no data never passes.
func (j Judgement) Held() bool { return j.Missed == scenario.False }

// Judge holds an slo against a row. A ttft line is missed above its limit, an
// output_rate line below; a lower bound misses when it is above by itself.
func Judge(slo scenario.SLO, row metric.Row) Judgement {
	j := Judgement{Missed: scenario.False}
	hold := func(missed scenario.Tri, text string) {
		switch {
		case missed == scenario.True && j.Missed != scenario.True:
			j = Judgement{missed, text}
		case missed == scenario.Unknown && j.Missed == scenario.False:
			j = Judgement{missed, "no data for " + text}
		}
	}
	for _, l := range slo.TTFT {
		limit := time.Duration(l.Limit * float64(time.Second)).Round(time.Microsecond)
		hold(above(row.Get("ttft."+l.Stat), l.Limit), "ttft."+l.Stat+" > "+shortDuration(limit))
	}
	for _, l := range slo.OutputRate {
		hold(below(row.Get("output_rate."+l.Stat), l.Limit), fmt.Sprintf("output_rate.%s < %s", l.Stat, strconv.FormatFloat(l.Limit, 'g', -1, 64)))
	}
	return j
}

// shortDuration is d as scenarios write it: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func above(v metric.Value, limit float64) scenario.Tri {
	switch {
	case v.Known() && v.V > limit:
		return scenario.True
	case v.State == metric.Exact:
		return scenario.False
	}
	return scenario.Unknown
}

func below(v metric.Value, limit float64) scenario.Tri {
	switch {
	case v.State == metric.Exact && v.V < limit:
		return scenario.True
	case v.Known() && v.V >= limit:
		return scenario.False
	}
	return scenario.Unknown
}

// Scope is what a stop condition reads. Rows that are not there yet are nil.
type Scope struct {
	// Bare is what a metric without prefix means: the last period's row where
	// `periods` is given and with `ends: level`, else the finished level's.
	Bare  metric.Row
	Total metric.Row // since the point began
	Prev  metric.Row // the period before
	Best  metric.Row // the best point of the cell so far

	Tiers []string // names of the stated tiers, nearest first: see Named
}

// Get gives the value of a name as a condition writes it, its prefix included.
func (s Scope) Get(name string) metric.Value {
	prefix, rest, _ := strings.Cut(name, ".")
	switch prefix {
	case "total":
		return Named(s.Total, s.Tiers)(rest)
	case "prev":
		return Named(s.Prev, s.Tiers)(rest)
	case "best":
		return Named(s.Best, s.Tiers)(rest)
	}
	return Named(s.Bare, s.Tiers)(name)
}

// SetAxes sets the values that name a point in its row: context, working_set (null
// at hit rate 0, where size has no meaning), reuse_distance (the cyclic one),
// hit_rate and concurrency (null at level 0: a step that never held one).
func SetAxes(row metric.Row, cell scenario.Cell, level int) {
	row.Set("context", metric.Of(float64(cell.Context)))
	row.Set("hit_rate", metric.Of(cell.HitRate))
	if level > 0 {
		row.Set("concurrency", metric.Of(float64(level)))
	}
	if cell.HitRate > 0 {
		row.Set("working_set", metric.Of(float64(cell.WorkingSet)))
		row.Set("reuse_distance", metric.Of(float64(cell.ReuseDistance)))
	}
}

// Better reports whether row a is a better level than b: more goodput, where
// there is an slo line to count it by, else more output throughput. Any row is
// better than nil.
func Better(a, b metric.Row) bool {
	for _, name := range []string{"goodput", "output_throughput"} {
		x, y := a.Get(name), b.Get(name)
		if x.Known() || y.Known() {
			return x.Known() && (!y.Known() || x.V > y.V)
		}
	}
	return b == nil
}
