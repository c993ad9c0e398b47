package result

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// Limits of the rules of validity (design: measurement, Validity).
const (
	hitTolerance   = 2.0  // points of hit rate
	withinCapacity = 0.8  // of a known capacity: below it a prompt must still be there
	lengthOff      = 0.01 // of the tokens sent
	errorsMost     = 1.0  // percent of ended attempts
	outputLeast    = 0.95 // of the tokens asked for
	lagShare       = 0.01 // of the TTFT median
	lagLeast       = 1e-3 // seconds: less lag is never held against a point
	cpuMost        = 0.9  // of the CPUs that may be used
	coverageLeast  = 0.9  // of the set
	trendP         = 0.01
	trendChange    = 0.1
	subWindows     = 10
)

// add gives the point one more reason; the worst class is its validity.
func (p *Point) add(code string, class Validity, format string, args ...any) {
	p.addGraded(code, class, 0, format, args...)
}

// addGraded is add for a reason that compares with those of other points.
func (p *Point) addGraded(code string, class Validity, grade float64, format string, args ...any) {
	p.Reasons = append(p.Reasons, Reason{Code: code, Class: class, Text: fmt.Sprintf(format, args...), Grade: grade})
	if class == ValidInvalid || class == ValidDoubt && p.Validity != ValidInvalid {
		p.Validity = class
	}
}

// judge holds every rule against a measured point but those that
// need the other points (capacityValidity).
func (s *summariser) judge(p *Point, u *UnitRecord, ph *Phase, final Judgement) {
	p.Validity = ValidOK
	c := s.counts[p]
	s.hitRateRules(p)
	answerRules(p, c)
	s.loadRules(p, c)
	s.sampleRules(p, c)
	if change, p2, drifts := notSteady(c.firsts, p.Window()); drifts {
		p.addGraded("not-steady", ValidDoubt, math.Abs(change), "TTFT changed by %+.0f %% within the window (Spearman p = %.2g)", 100*change, p2)
	}
	if s.sustained() {
		p.convergence(ph)
	} else if w := u.phase(PhaseWarmIn, p.Level); w != nil {
		p.phaseNotes(w)
	}
	p.phaseNotes(ph)
	decided := ph.Missed
	if s.sustained() { // the controller decides on parts of it; the row is the whole as it was seen then
		then := Judge(s.sc.SLO, ph.Row)
		if decided = then.Missed == scenario.True; then.Missed == scenario.Unknown {
			return
		}
	}
	if !s.sc.SLO.Empty() && final.Missed != scenario.Unknown && decided != (final.Missed == scenario.True) {
		p.add("verdict-differs", ValidOK, "the slo was %s as decided while it ran, and %s once all token counts were known", missedOrHeld(decided), missedOrHeld(!decided))
	}
}

func missedOrHeld(missed bool) string {
	if missed {
		return "missed"
	}
	return "held"
}

// phaseNotes takes over what the runner noted, each text once; "warm-in cut" has a
// code of its own.
func (p *Point) phaseNotes(ph *Phase) {
	for _, text := range ph.Notes {
		code := "note"
		if strings.HasPrefix(text, notConverged) {
			continue // a doubt, not a note: see convergence
		}
		if strings.HasPrefix(text, "warm-in cut") {
			code = "warm-in-cut"
		}
		if !slices.Contains(p.Reasons, Reason{Code: code, Class: ValidOK, Text: text}) {
			p.add(code, ValidOK, "%s", text)
		}
	}
}

// intended gives the hit rate, in percent, that was meant for what was sent.
func (c Counts) intended() (percent float64, ok bool) {
	if c.SentTokens <= 0 {
		return 0, false
	}
	return 100 * float64(c.IntendedTokens) / float64(c.SentTokens), true
}

func (s *summariser) hitRateRules(p *Point) {
	want, got := p.Intended, p.Row.Get("hit_rate_observed")
	if want.Known() && got.Known() && got.V > want.V+hitTolerance {
		p.addGraded("hit-rate-high", ValidInvalid, got.V-want.V, "%.1f %% of prompt tokens were cached, %.1f %% intended: old cache state", got.V, want.V)
	}
	if s.rec.Probe != nil && s.rec.Probe.RepeatCached == 0 && p.Spec.HitRate > 0 {
		p.add("no-reuse", ValidInvalid, "a prompt sent twice at the probe found nothing cached: prefix caching is off")
	}
}

// answerRules compares what the server answered with what was asked of it.
func answerRules(p *Point, c Counts) {
	if off := offBy(c.prompt); math.Abs(off) > lengthOff {
		p.addGraded("prompt-length-off", ValidInvalid, math.Abs(off), "the server counted %d prompt tokens, %d were sent (%+.1f %%)", c.prompt.told, c.prompt.asked, 100*off)
	}
	if v := p.Row.Get("error_rate"); v.Known() && v.V > errorsMost {
		p.addGraded("errors", ValidInvalid, v.V, "%d of %d attempts failed (%.1f %%): %s", c.Failed, c.Failed+c.Completed, v.V, byClass(c.ErrorsBy))
	}
	if off := offBy(c.outputs); off < outputLeast-1 {
		p.addGraded("short-outputs", ValidInvalid, -off, "the server made %d output tokens, %d were asked for (%.1f %%)", c.outputs.told, c.outputs.asked, 100*(1+off))
	}
}

func offBy(p pair) float64 {
	if p.asked <= 0 {
		return 0
	}
	return float64(p.told-p.asked) / float64(p.asked)
}

func byClass(errors map[string]int) string {
	names := make([]string, 0, len(errors))
	for name := range errors {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return errors[a] > errors[b] || errors[a] == errors[b] && a < b
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", errors[name], name)
	}
	return strings.Join(names, ", ")
}

// loadRules asks whether the load was what it should have been.
func (s *summariser) loadRules(p *Point, c Counts) {
	self := s.telemetry.own(p.Window())
	if lag, most := self.lag(sendLags(c)), lagAllowed(p.Row); lag > most {
		p.addGraded("client-limited", ValidDoubt, lag/most, "the load generator lagged by %.2f ms (p99 of send lag + read lag; %.2f ms would do)", 1e3*lag, 1e3*most)
	} else if self.cpu > cpuMost {
		p.addGraded("client-limited", ValidDoubt, self.cpu/cpuMost, "the load generator used %.0f %% of the CPUs it may use", 100*self.cpu)
	}
	if p.Spec.Prompts <= 0 {
		return
	}
	if p.Touched < coverageLeast && s.sc.Access != "depth" { // by depth the newest are asked for most
		since, more := "the warm-up", "a longer duration covers it"
		if p.Step > 0 {
			since, more = "it grew to this size", "a longer growth.hold covers it"
		}
		p.addGraded("partial-coverage", ValidDoubt, 1-p.Touched, "%.0f %% of the set was touched since %s: %s", 100*p.Touched, since, more)
	}
	if p.Level > p.Spec.Prompts {
		p.addGraded("few-prompts", ValidDoubt, float64(p.Level)/float64(p.Spec.Prompts), "%d requests in flight share %d prompts", p.Level, p.Spec.Prompts)
	}
}

// sendLags gives started to request written of each request, in seconds, ascending.
func sendLags(c Counts) []float64 {
	lags := make([]float64, len(c.sendLags))
	for i, ns := range c.sendLags {
		lags[i] = seconds(ns)
	}
	slices.Sort(lags)
	return lags
}

func lagAllowed(row metric.Row) float64 {
	return max(lagShare*row.Get("ttft.p50").V, lagLeast)
}

// sampleRules looks at the percentiles that a verdict hangs on.
func (s *summariser) sampleRules(p *Point, c Counts) {
	for _, name := range s.evidence {
		have, need := c.samples(name), metric.VerdictSamples(name)
		if have < need {
			p.addGraded("too-few-samples", ValidDoubt, float64(need)/float64(have+1), "%s rests on %d samples, a verdict needs %d", name, have, need)
		}
	}
}

// samples gives how many samples a metric was computed from.
func (c Counts) samples(name string) int {
	switch family, _, _ := strings.Cut(name, "."); family {
	case "ttlt":
		return c.ttlts
	case "tpot", "output_rate":
		return c.tpots
	case "icl", "itl":
		return c.gaps
	}
	return c.FirstTokens
}

// notSteady reports whether TTFT drifted within the window: the medians of ten
// equal parts correlate with time (Spearman, p < 0.01), and a robust line through
// them changes by more than 10 % of its middle from the first part to the last.
func notSteady(firsts []first, w Window) (change, p float64, drifts bool) {
	parts := make([][]float64, subWindows)
	for _, f := range firsts {
		i := int((f.at - w.Start) * subWindows / max(1, w.End-w.Start))
		parts[i] = append(parts[i], f.ttft)
	}
	var at, medians []float64
	for i, part := range parts {
		if len(part) > 0 {
			at = append(at, float64(i))
			medians = append(medians, stats.Median(part))
		}
	}
	_, p = stats.Spearman(at, medians)
	if !(p < trendP) {
		return 0, p, false
	}
	slope, start := stats.TheilSen(at, medians)
	from, to := at[0], at[len(at)-1]
	change = slope * (to - from) / (start + slope*(from+to)/2)
	return change, p, math.Abs(change) > trendChange
}

// capacityValidity holds the rules against each point that need to know how much
// the server keeps: hit-rate-low, and the note over-capacity.
func (s *summariser) capacityValidity() {
	kept := s.keptUpTo()
	least, most := s.toldCapacity()
	for _, p := range s.sum.Points {
		want, got := p.Intended, p.Row.Get("hit_rate_observed")
		if !p.Measured() || !want.Known() || p.Spec.HitRate <= 0 {
			continue
		}
		low := got.Known() && got.V < want.V-hitTolerance
		// The largest distance that a prompt of the set can have: under uniform access
		// the row's own is a median.
		distance := float64(p.Spec.ReuseDistance)
		capacity := max(kept[keyOf(p)]-s.private(p), least-s.private(p)/withinCapacity)
		switch {
		case low && s.ingested[p]: // the prompts that were new are the misses
			p.add("ingest", ValidOK, "%.1f %% of prompt tokens were cached, %.1f %% intended: new prompts were ingested inside the window", got.V, want.V)
		case low && !leastLoaded(s.sc) && distance < withinCapacity*capacity:
			p.addGraded("hit-rate-low", ValidInvalid, want.V-got.V, "%.1f %% of prompt tokens were cached, %.1f %% intended, at a reuse distance of %s tokens where %s are known to be kept",
				got.V, want.V, count(distance), count(capacity))
		case low:
			p.addGraded("over-capacity", ValidOK, want.V-got.V, "%.1f %% of prompt tokens were cached, %.1f %% intended: reuse distance is beyond what the server holds", got.V, want.V)
		case !got.Known() && most > 0 && distance > most:
			p.add("over-capacity", ValidOK, "reuse distance is beyond the %s tokens that the server says it holds", count(most))
		}
	}
}

// private is the KV, in tokens, that the requests in flight hold beside what is
// reused: a tier's edge is where reuse distance and it together exceed what was told
// of the tier.
func (s *summariser) private(p *Point) float64 {
	return float64(privateKV(s.sc, p.Spec, p.Level))
}

// privateKV is what private gives, for a cell at a level.
func privateKV(sc *scenario.Scenario, c scenario.Cell, level int) int64 {
	return int64(level) * (c.R - c.Prefix + sc.OutputTokens)
}

func count(v float64) string { return metric.Text(metric.Tokens, v) }

// keptUpTo gives for each series the largest reuse distance at which prompts were
// found, and the private KV that was kept beside it: what the server holds is at least
// that.
func (s *summariser) keptUpTo() map[SeriesKey]float64 {
	kept := map[SeriesKey]float64{}
	for _, p := range s.sum.Points {
		want, got := p.Intended, p.Row.Get("hit_rate_observed")
		if p.Usable() && want.V > hitTolerance && got.Known() && math.Abs(got.V-want.V) <= hitTolerance {
			kept[keyOf(p)] = max(kept[keyOf(p)], float64(p.Spec.ReuseDistance)+s.private(p))
		}
	}
	return kept
}

// toldCapacity gives, in tokens of reuse distance, the largest tier that the
// server told (what it keeps at least, whether tiers include each other or not) and
// all of them together (what it keeps at most, of those told).
func (s *summariser) toldCapacity() (least, most float64) {
	if s.rec.Probe == nil {
		return 0, 0
	}
	for _, c := range s.rec.Probe.Capacity {
		most += float64(c.Tokens * s.sc.Target.Spread())
	}
	return float64(LeastCapacity(s.sc, &s.rec.Probe.Probe)), most
}

// LeastCapacity gives what the server keeps at least, in tokens of reuse distance, by
// what it tells: its largest tier, since tiers may include each other, as often as the
// set is spread over replicas; 0 where it tells nothing.
func LeastCapacity(sc *scenario.Scenario, probe *sample.Probe) (least int64) {
	for _, c := range probe.Capacity {
		least = max(least, c.Tokens*sc.Target.Spread())
	}
	return least
}

// Evidence gives the percentiles that the scenario's slo, stop and thresholds name,
// sorted: those whose number of samples a verdict hangs on.
func Evidence(sc *scenario.Scenario) []string {
	named := map[string]bool{}
	for _, l := range sc.SLO.TTFT {
		named["ttft."+l.Stat] = true
	}
	for _, l := range sc.SLO.OutputRate {
		named["output_rate."+l.Stat] = true
	}
	for _, st := range sc.Stop {
		names(st.When, named)
	}
	for _, th := range sc.Thresholds {
		names(th.Expect, named)
	}
	var out []string
	for name := range named {
		if metric.VerdictSamples(name) > 0 {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// names adds the metric names that an expression reads, without their prefix. It
// reads words, not syntax: the expression has been compiled before.
func names(expr string, into map[string]bool) {
	word := func(r rune) bool {
		return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	for _, w := range strings.FieldsFunc(expr, word) {
		for _, scope := range []string{"total.", "prev.", "best."} {
			w = strings.TrimPrefix(w, scope)
		}
		into[w] = true
	}
}

// FirstTokensNeeded gives how many first tokens a level's window has to hold before
// it may end early: what the percentiles named as evidence need, at least what a
// p95 does.
func FirstTokensNeeded(sc *scenario.Scenario) int {
	need := metric.VerdictSamples("ttft.p95")
	for _, name := range Evidence(sc) {
		need = max(need, metric.VerdictSamples(name))
	}
	return need
}
