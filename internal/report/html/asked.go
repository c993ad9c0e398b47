package html

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// asked says what the scenario asks for, in words.
func asked(sc *scenario.Scenario) []Fact {
	facts := []Fact{
		{Key: "Labels", Value: labelText(sc.Labels)},
		{Key: "Mode", Value: modeText(sc)},
		{Key: "Contexts", Value: sizeList(sc.Contexts) + " tokens"},
		{Key: "Working sets", Value: sizeList(sc.WorkingSet.Sizes) + " tokens" + refineText(sc.WorkingSet.Refine)},
		{Key: "Hit rates", Value: rateList(sc.HitRates)},
		{Key: "Concurrency", Value: levelText(sc)},
		{Key: "Output", Value: metric.Size(sc.OutputTokens) + " tokens a request"},
		{Key: "Duration", Value: durationText(sc)},
		{Key: "Warm-in", Value: warmInText(sc)},
		{Key: "Prompts", Value: promptText(sc)},
		{Key: "Access", Value: accessText(sc)},
		{Key: "Growth", Value: growthText(sc)},
		{Key: "Warm-up", Value: warmupText(&sc.Warmup)},
		{Key: "Repeats", Value: repeatText(sc.Repeats)},
		{Key: "Trials", Value: trialText(sc)},
		{Key: "SLO", Value: sloText(sc.SLO)},
		{Key: "On a miss", Value: missText(sc)},
	}
	if sc.Mode == "map" {
		facts = mapAsked(sc)
	}
	facts = append(facts, serverAsked(&sc.Target)...)
	for _, t := range sc.Target.Tiers {
		facts = append(facts, Fact{Key: "Stated tier", Value: tierText(t)})
	}
	for _, s := range sc.Stop {
		facts = append(facts, Fact{Key: "Stop", Value: stopText(s)})
	}
	for _, t := range sc.Thresholds {
		facts = append(facts, Fact{Key: "Threshold", Value: expectText(t.Expect, t.Where)})
	}
	return withoutEmpty(facts)
}

func modeText(sc *scenario.Scenario) string {
	if sc.Mode == "sustained" {
		return "sustained: the working set grows under load, and the highest concurrency that the SLO bears is held at each size"
	}
	return "fixed: each size at each level"
}

func sizeList(sizes []int64) string {
	out := make([]string, len(sizes))
	for i, s := range sizes {
		out[i] = metric.Size(s)
	}
	return strings.Join(out, ", ")
}

func rateList(rates []float64) string {
	out := make([]string, len(rates))
	for i, r := range rates {
		out[i] = ratePercent(r)
	}
	return strings.Join(out, ", ")
}

func refineText(times int) string {
	if times == 0 {
		return ""
	}
	return fmt.Sprintf("; the bracket of each transition halved %s", plural(times, "time"))
}

func levelText(sc *scenario.Scenario) string {
	if sc.Mode == "sustained" {
		return fmt.Sprintf("searched from %d to %d in steps of %d", sc.Search.Start, sc.Search.Max, sc.Search.Step)
	}
	out := make([]string, len(sc.Concurrency))
	for i, l := range sc.Concurrency {
		out[i] = strconv.Itoa(l)
	}
	return strings.Join(out, ", ")
}

func durationText(sc *scenario.Scenario) string {
	d := sc.Duration.Min.String()
	if !sc.Duration.Exact() {
		d += " to " + sc.Duration.Max.String()
	}
	of := "a level"
	if sc.Mode == "sustained" {
		of = "a cell"
	}
	return fmt.Sprintf("%s %s, assessed every %s", d, of, sc.Assessment)
}

func growthText(sc *scenario.Scenario) string {
	if sc.Mode != "sustained" {
		return ""
	}
	s := fmt.Sprintf("by %s, new prompts %s", sc.Growth.By, sc.Growth.Prompts)
	switch {
	case sc.Growth.HoldFor > 0:
		s += ", each size held for " + sc.Growth.HoldFor.String()
	case sc.Growth.Hold > 0:
		s += ", each size held for " + plural(sc.Growth.Hold, "period")
	}
	if sc.Growth.AtEnd == "hold" {
		s += ", the last one until the duration is over"
	}
	return s
}

func accessText(sc *scenario.Scenario) string {
	if sc.Access == "zipf" {
		return fmt.Sprintf("zipf, exponent %s", metric.Text(metric.Number, sc.Zipf))
	}
	return sc.Access
}

func warmupText(w *scenario.Warmup) string {
	s := fmt.Sprintf("%s, %s, concurrency %d", w.Rewarm, resetText(w.Reset), w.Concurrency)
	if !w.Verify {
		s += ", not looked at again"
	}
	return s
}

func trialText(sc *scenario.Scenario) string {
	if sc.Trials <= 1 {
		return "1"
	}
	return fmt.Sprintf("%d, order %s", sc.Trials, sc.Order)
}

// sloText says the limits in words; nothing where there is none.
func sloText(s scenario.SLO) string {
	var parts []string
	for _, l := range s.TTFT {
		parts = append(parts, fmt.Sprintf("TTFT %s at most %s", l.Stat, metric.Text(metric.Seconds, l.Limit)))
	}
	for _, l := range s.OutputRate {
		parts = append(parts, fmt.Sprintf("output rate %s at least %s tokens/s", l.Stat, metric.Text(metric.TokensPerSecond, l.Limit)))
	}
	if s.Margin > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%s kept clear of each limit", ratePercent(s.Margin)))
	}
	return strings.Join(parts, ", ")
}

func tierText(t scenario.Tier) string {
	s := fmt.Sprintf("%s, %s tokens", t.Name, metric.Size(t.Capacity))
	if t.Bandwidth > 0 {
		s += ", " + metric.Text(metric.GBPerSecond, t.Bandwidth/1e9)
	}
	return s
}

func stopText(s scenario.Stop) string {
	text := s.When
	if s.Periods > 1 {
		text += fmt.Sprintf(" for %d periods", s.Periods)
	}
	text += " ends the " + s.Ends
	if s.Fail {
		text += " and fails the run"
	}
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	return text
}

// expectText is a threshold as it was written.
func expectText(expect, where string) string {
	if where == "" {
		return expect
	}
	return expect + " where " + where
}
