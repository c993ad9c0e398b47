package html

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// figure is one of the few numbers that a run comes to. Doubt is why it may not be
// believed as it stands, empty where it may.
type figure struct{ Name, Value, Where, Doubt string }

// mostHeld is how many series have a figure of their own for the concurrency held.
const mostHeld = 4

// figures are the key figures of the run, of what is ok or doubtful: the median over
// trials, and where it was seen.
func (r *Run) figures() (out []figure) {
	if r.mapped() {
		return r.mapFigures()
	}
	at := placesOf(r.Sum.Merged)
	out = append(out, r.held()...)
	h := result.HeadlineOf(r.Sum)
	if b := h.BestGoodput; b != nil {
		out = append(out, figure{"Best goodput", bestText(b, metric.RequestsPerSecond) + " requests/s", at.best(b), doubtText(r.pointOf(b))})
	}
	if b := h.BestOutput; b != nil {
		out = append(out, figure{"Best output throughput", bestText(b, metric.TokensPerSecond) + " tokens/s", at.best(b), doubtText(r.pointOf(b))})
	}
	low, high := r.extremes("ttft.p95")
	if low != nil {
		out = append(out, figure{"Lowest TTFT p95", metric.Print(metric.Seconds, low.Row.Get("ttft.p95")), at.name(low.Spec, low.Level), doubtText(low)})
	}
	if high != nil && high != low {
		out = append(out, figure{"Highest TTFT p95", metric.Print(metric.Seconds, high.Row.Get("ttft.p95")), at.name(high.Spec, high.Level), doubtText(high)})
	}
	if _, input := r.extremes("input_throughput"); input != nil {
		out = append(out, figure{"Highest input throughput", metric.Print(metric.TokensPerSecond, input.Row.Get("input_throughput")) + " tokens/s", at.name(input.Spec, input.Level), doubtText(input)})
	}
	return append(out, r.traffic()...)
}

// traffic is what the run sent and got in all: how much lies behind its figures.
func (r *Run) traffic() []figure {
	var answered, failed, in, out int64
	for _, u := range r.Rec.Units {
		for _, q := range u.Requests {
			switch q.Class {
			case sample.OK:
				answered, in, out = answered+1, in+q.Input(), out+q.Output()
			case sample.Censored: // wsrun itself took it back
			default:
				failed++
			}
		}
	}
	if answered+failed == 0 {
		return nil
	}
	where := fmt.Sprintf("%s prompt tokens, %s output tokens, warm-up included", metric.Size(in), metric.Size(out))
	if failed > 0 {
		where += "; " + metric.Size(failed) + " more failed"
	}
	return []figure{{Name: "Requests answered", Value: metric.Size(answered), Where: where}}
}

// pointOf gives the point that a best figure was seen at.
func (r *Run) pointOf(b *result.Best) *result.Merged {
	i := slices.IndexFunc(r.Sum.Merged, func(m *result.Merged) bool {
		return m.Spec.Key == b.Cell && m.Spec.WorkingSet == b.WorkingSet && m.Level == b.Level
	})
	if i < 0 {
		return nil
	}
	return r.Sum.Merged[i]
}

// doubtText says why a figure made of these points is doubtful: the codes, and of which
// size they are where there are several. Nothing where none of them is.
func doubtText(points ...*result.Merged) string {
	var out []string
	for _, m := range points {
		if m == nil || m.Validity != result.ValidDoubt {
			continue
		}
		why := codes(slices.DeleteFunc(slices.Clone(m.Reasons), func(r result.Reason) bool { return r.Class != result.ValidDoubt }))
		if len(points) > 1 {
			why = metric.Size(m.Spec.WorkingSet) + " " + why
		}
		out = append(out, why)
	}
	return strings.Join(out, "; ")
}

func bestText(b *result.Best, u metric.Unit) string {
	v := metric.Of(b.Value)
	if b.AtLeast {
		v = metric.Lower(b.Value)
	}
	return metric.Print(u, v)
}

func (p places) best(b *result.Best) string {
	return p.name(scenario.Cell{Context: b.Context, HitRate: b.HitRate, WorkingSet: b.WorkingSet}, b.Level)
}

// extremes gives the points with the lowest and the highest value of a metric, nil
// where none has it.
func (r *Run) extremes(name string) (low, high *result.Merged) {
	for _, m := range r.Sum.Merged {
		v := m.Row.Get(name)
		if !m.Usable() || !v.Known() {
			continue
		}
		if low == nil || v.V < low.Row.Get(name).V {
			low = m
		}
		if high == nil || v.V > high.Row.Get(name).V {
			high = m
		}
	}
	return low, high
}

// held gives the concurrency that was held at the smallest and the largest size of each
// series of a run whose set grows.
func (r *Run) held() (out []figure) {
	at := placesOf(r.Sum.Merged)
	at.levels = false
	for i := 0; i < len(r.Sum.Merged); {
		first := r.Sum.Merged[i]
		n := i + 1
		for n < len(r.Sum.Merged) && r.Sum.Merged[n].Series() == first.Series() {
			n++
		}
		series := r.Sum.Merged[i:n]
		i = n
		measured := slices.DeleteFunc(slices.Clone(series), func(m *result.Merged) bool { return !m.Usable() })
		if len(first.Spec.Steps) == 0 || len(measured) == 0 || len(out) == mostHeld {
			continue
		}
		small, large := measured[0], measured[len(measured)-1]
		where := at.name(large.Spec, 0)
		if small.Spec.WorkingSet != large.Spec.WorkingSet {
			out = append(out, figure{"Concurrency held", fmt.Sprintf("%s → %s", report.HeldText(small), report.HeldText(large)), "from working set " + metric.Size(small.Spec.WorkingSet) + " to " + where, doubtText(small, large)})
			continue
		}
		out = append(out, figure{"Concurrency held", report.HeldText(large), where, doubtText(large)})
	}
	return out
}
