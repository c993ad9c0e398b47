package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Prefill is the rate at which a server computes prompts, as far as it is known.
type Prefill struct {
	Rate float64 // prompt tokens/s; 0: not known, and no time is said for what hangs on it
	From string  // where it is from, for people: --prefill-rate, or a run
}

// time is how long tokens take; 0 where no rate is known.
func (f Prefill) time(tokens int64) time.Duration {
	if f.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(tokens) / f.Rate * float64(time.Second))
}

// text says how long tokens take at the rate, in brackets; nothing where none is known.
func (f Prefill) text(tokens int64) string {
	if f.Rate <= 0 {
		return ""
	}
	return fmt.Sprintf(" (%s at %s tokens/s)", clock(f.time(tokens)), metric.Text(metric.TokensPerSecond, f.Rate))
}

// whole says how long the warm-ups and the measured time are together.
func (f Prefill) whole(p *scenario.Plan) string {
	e := p.Estimate()
	if f.Rate <= 0 || p.Scenario.Mode == "map" {
		return ""
	}
	warm := f.time(e.WarmupTokens)
	return fmt.Sprintf("; %s with the warm-ups", span(warm+e.MinMeasured, warm+e.MaxMeasured))
}

// needsTexts say what the verdicts of a plan rest on: how many requests a point has to
// hold, how much of the set has to be touched, how many trials.
func needsTexts(p *scenario.Plan, f Prefill) []string {
	n := p.Needs()
	var out []string
	if n.Samples > 0 {
		out = append(out, samplesText(p.Scenario, n))
	}
	if n.PeriodSamples > 0 {
		out = append(out, fmt.Sprintf("stop by period: %s has data from %s on; %s", strings.Join(n.ByPeriod, ", "), plural64(int64(n.PeriodSamples), "request"),
			fitText(n, "a period of "+clock(n.Period), n.Period, int64(n.PeriodSamples), n.PeriodMost)))
	}
	if n.Touch > 0 {
		out = append(out, fmt.Sprintf("coverage: %s touch 90%% of the %s set; %s", plural64(n.Touch, "request"), metric.Size(n.TouchSet), fitText(n, windowText(p.Scenario, n), n.Window, n.Touch, n.TouchMost)))
	}
	if least, ok := n.Cold(f.Rate); ok {
		out = append(out, fmt.Sprintf("where every prompt is computed anew, at %s tokens/s, that takes %s: points there are doubtful unless the duration of a level may be as long",
			metric.Text(metric.TokensPerSecond, f.Rate), clock(least)))
	}
	return append(out, trialsText(p.Scenario, n))
}

func samplesText(sc *scenario.Scenario, n scenario.Needs) string {
	var most []string // the others need fewer
	for _, name := range n.Named {
		if metric.VerdictSamples(name) == n.Samples {
			most = append(most, name)
		}
	}
	return fmt.Sprintf("evidence: %s must rest on at least %s a point; %s", strings.Join(most, " and "), plural64(int64(n.Samples), "request"), fitText(n, windowText(sc, n), n.Window, int64(n.Samples), n.Most))
}

// fitText says when so many requests fit into a window, which place names.
func fitText(n scenario.Needs, place string, window time.Duration, count int64, most time.Duration) string {
	if n.Rate > 0 {
		held := n.Held(window)
		s := fmt.Sprintf("at %s requests/s %s starts %s", rateList([]float64{n.Rate}), place, metric.Text(metric.Count, float64(held)))
		if held < count {
			s += ", which is too few"
		}
		return s
	}
	return fmt.Sprintf("at concurrency %d they fit into %s where each takes at most %s", n.Level, place, clock(most))
}

// windowText says how long a point is measured at its longest.
func windowText(sc *scenario.Scenario, n scenario.Needs) string {
	if sc.Mode == "sustained" {
		return clock(n.Window) + " of verification and hold"
	}
	return "a window of " + clock(n.Window)
}

// trialsText says how many trials a comparison needs, and how many there are.
func trialsText(sc *scenario.Scenario, n scenario.Needs) string {
	s := fmt.Sprintf("trials: %d; an interval of a figure needs at least %d", sc.Trials, n.Trials)
	if n.Compared > 0 {
		s = fmt.Sprintf("trials: %d; comparing two runs needs at least %d in each (%s, alpha %g)", sc.Trials, n.Trials, Plural(n.Compared, "figure"), n.Alpha)
	}
	if sc.Trials >= n.Trials {
		return strings.Replace(s, "; ", ", which do: ", 1)
	}
	return s
}

func plural64(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return metric.Text(metric.Count, float64(n)) + " " + noun
}

// printNeeds prints needsTexts, and where the rate is from.
func printNeeds(w io.Writer, p *scenario.Plan, f Prefill, width int) {
	for _, s := range needsTexts(p, f) {
		fmt.Fprintln(w, term.Wrap(s, "  ", width))
	}
	if f.Rate > 0 && f.From != "" {
		fmt.Fprintln(w, term.Wrap(fmt.Sprintf("rate: %s tokens/s, from %s", metric.Text(metric.TokensPerSecond, f.Rate), term.Clean(f.From)), "  ", width))
	}
}

// needsKeys are the same as JSON. Absent is null: there is no such need.
func needsKeys(p *scenario.Plan) []keyField {
	n := p.Needs()
	most := func(d time.Duration) field {
		if d == 0 {
			return field{}
		}
		return nanos(int64(d))
	}
	return []keyField{{"percentiles", text(strings.Join(n.Named, " "))}, {"samples", positive(int64(n.Samples))}, {"window", most(n.Window)}, {"level", positive(int64(n.Level))}, {"rate", perSecond(n.Rate)},
		{"request_at_most", most(n.Most)}, {"period_percentiles", text(strings.Join(n.ByPeriod, " "))}, {"period_samples", positive(int64(n.PeriodSamples))}, {"period_request_at_most", most(n.PeriodMost)}, {"touch_requests", positive(n.Touch)}, {"touch_request_at_most", most(n.TouchMost)},
		{"compared_figures", positive(int64(n.Compared))}, {"alpha", number(n.Alpha)}, {"trials", integer(int64(n.Trials))}}
}

// perSecond is a number of requests/s; none where there is no open loop.
func perSecond(f float64) field {
	if f <= 0 {
		return field{}
	}
	return number(f)
}

// prefillKeys say the rate, where it is from, and what the warm-ups take at it.
func prefillKeys(p *scenario.Plan, f Prefill) []keyField {
	if f.Rate <= 0 {
		return []keyField{{"rate", field{}}, {"from", field{}}, {"warmup_time", field{}}}
	}
	return []keyField{{"rate", number(f.Rate)}, {"from", text(f.From)}, {"warmup_time", nanos(int64(f.time(p.Estimate().WarmupTokens)))}}
}
