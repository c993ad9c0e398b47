package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// periodsIntro says what the decisions of the periods file are.
const periodsIntro = "Sustained mode: one row per assessment period, trials one after the other; ws is the largest size. " +
	"A period is a window over the log of all events: load goes on across its borders, and its divisor is its own length; the original let the load drain at each border and divided by the time that took. " +
	"Latencies are those of requests that started since the level or the size last changed, as the controller saw them, but with the final token counts.\n\n" +
	"Decisions are our controller's, not the original's, which has other rules: `ramp` (nothing has violated yet: raised), `descend` (nothing has passed yet: lowered), `bisect` (between a level that passed and one that violated), " +
	"`verify` (the level found is measured until it can be believed), `hold` (verified, held), `lower` (held, but violating: lowered), `floor` (violates at the lowest level), `cap` (passes at the highest), " +
	"`transition` (growth changed what the same level costs: a tier's edge, not overload), `grow` (on to the next size), `wait` (the period says nothing yet), `end`. " +
	"The original's RAMP_UP is ramp or bisect upwards, its RAMP_DOWN is descend, lower or bisect downwards, MIN_REACHED is floor, MAX_REACHED is cap; it had no word for staying where it is right."

// periodRow is one assessment period of a unit.
type periodRow struct {
	epoch int64
	u     *result.UnitRecord
	p     *result.PeriodRow
}

// ofPeriod gives the column getter of a metric, final view.
func ofPeriod(name string) func(periodRow) field {
	return func(r periodRow) field { return value(r.p.Final.Get(name)) }
}

const whyPeriod = "the original drained the load at each border and lost what straddled it"

// periodColumns are those of the periods file: the original's, then ours. measured names
// the TTFT that the slo's first line on it is on; without one measured_ttft is empty.
func periodColumns(measured string) []column[periodRow] {
	return []column[periodRow]{
		{"period_number", "", "running number", "from 1 in its cell and trial", "as decisions and notes name it", func(r periodRow) field { return integer(int64(r.p.Number)) }},
		{"context_size", "tokens", "as asked", "as asked", "", func(r periodRow) field { return integer(r.p.Cell.Context) }},
		{"cache_hit_rate", "%", "as asked", "as asked", "", func(r periodRow) field { return rate(&r.p.Cell) }},
		{"working_set_size", "tokens", "at the period's end", "in force in the period, as asked; empty at hit rate 0", "a size changes at a border only", func(r periodRow) field { return workingSet(&r.p.Cell) }},
		{"start_time", "s", "wall clock, Unix", "start of the period, Unix", "the same, stamped by one clock with all events", func(r periodRow) field { return stamp(r.epoch, r.p.Start) }},
		{"end_time", "s", "start_time + assessment_period", "end of the period, Unix", "a period after a change goes on until it has 20 samples, at most 4 times as long", func(r periodRow) field { return stamp(r.epoch, r.p.End) }},
		{"duration", "s", "start_time to the end of the drain", "end_time - start_time", whyPeriod, func(r periodRow) field { return nanos(r.p.End - r.p.Start) }},
		{"concurrency_level", "", "in the period", "in the period", "", func(r periodRow) field { return integer(int64(r.p.Level)) }},
		{"num_requests_launched", "", "launched", "attempts started in the period", "the same; a second try is an attempt of its own", func(r periodRow) field { return integer(int64(r.p.Launched)) }},
		{"num_requests_completed", "", "successes that finished in time", "successes that ended in the period", "slow requests are not dropped at a border", func(r periodRow) field { return integer(int64(r.p.Counts.Completed)) }},
		{"total_input_tokens", "tokens", "of successes that finished in time", "prompt tokens whose first token fell in the period", whyPeriod, func(r periodRow) field { return integer(r.p.Counts.InputTokens) }},
		{"total_output_tokens", "tokens", "of successes that finished in time", "output tokens whose event fell in the period", whyPeriod, func(r periodRow) field { return integer(r.p.Counts.OutputTokens) }},
		{"input_tokens_per_sec", "tokens/s", "total_input_tokens / duration", "total_input_tokens / duration", "", ofPeriod("input_throughput")},
		{"output_tokens_per_sec", "tokens/s", "total_output_tokens / duration", "total_output_tokens / duration", "", ofPeriod("output_throughput")},
		{"avg_ttft", "s", "of successes that finished in time", "mean TTFT", whySlow, ofPeriod("ttft.avg")},
		{"median_ttft", "s", "likewise", "TTFT p50", whySlow, ofPeriod("ttft.p50")},
		{"p95_ttft", "s", "likewise", "TTFT p95", whySlow, ofPeriod("ttft.p95")},
		{"p99_ttft", "s", "likewise", "TTFT p99", whySlow, ofPeriod("ttft.p99")},
		{"avg_ttlt", "s", "likewise", "mean TTLT", whyLate, ofPeriod("ttlt.avg")},
		{"median_ttlt", "s", "likewise", "TTLT p50", whyLate, ofPeriod("ttlt.p50")},
		{"p95_ttlt", "s", "likewise", "TTLT p95", whyLate, ofPeriod("ttlt.p95")},
		{"p99_ttlt", "s", "likewise", "TTLT p99", whyLate, ofPeriod("ttlt.p99")},
		{"avg_itl", "s", "likewise", "TPOT, mean", whyTPOT, ofPeriod("tpot.avg")},
		{"median_itl", "s", "likewise", "TPOT p50", whyTPOT, ofPeriod("tpot.p50")},
		{"p95_itl", "s", "likewise", "TPOT p95", whyTPOT, ofPeriod("tpot.p95")},
		{"p99_itl", "s", "likewise", "TPOT p99", whyTPOT, ofPeriod("tpot.p99")},
		{"avg_output_tokens_per_request", "tokens/s", "mean over requests of output tokens / generation_time", "mean over requests of 1 / TPOT", "the name misleads: it is a rate per request", ofPeriod("output_rate.avg")},
		{"measured_ttft", "s", "the TTFT statistic that --ttft-metric names, 0 without data", "the TTFT statistic that the slo's first ttft line is on", "null is not zero", ofPeriod(measured)},
		{"decision", "", "RAMP_UP, RAMP_DOWN, MIN_REACHED, MAX_REACHED", "our controller's decision, see above", "another controller decides", func(r periodRow) field { return text(r.p.Decision) }},
		{"next_concurrency", "", "of the next period", "level from now on", "the same in other words", func(r periodRow) field { return positive(int64(r.p.Next)) }},

		{name: "cell", ours: "key of the cell", get: func(r periodRow) field { return text(r.u.Cell) }},
		{name: "trial", ours: "number of the trial, from 1", get: func(r periodRow) field { return integer(int64(r.u.Trial)) }},
		{name: "step", ours: "which of the sizes, from 1", get: func(r periodRow) field { return integer(int64(r.p.Step + 1)) }},
		{name: "next_step", ours: "the same from now on", get: func(r periodRow) field { return integer(int64(r.p.NextStep + 1)) }},
		{name: "change_over", ours: "1 when level or size had just changed", get: func(r periodRow) field { return boolean(r.p.ChangeOver) }},
		{name: "over", ours: "1 when the cell ends with this period", get: func(r periodRow) field { return boolean(r.p.Over) }},
		{name: "reason", ours: "the decision in words, with the numbers it was made on", get: func(r periodRow) field { return text(r.p.Reason) }},
		{name: "fired", ours: "stop conditions that were true, joined by ;", get: func(r periodRow) field { return text(strings.Join(r.p.Fired, "; ")) }},
		{name: "working_set_real", unit: "tokens", ours: "P x R, what is really sent", get: func(r periodRow) field { return positive(r.p.Cell.Real) }},
		{name: "reuse_distance", unit: "tokens", ours: "the cyclic one, of the size in force", get: ofPeriod("reuse_distance")},
		{name: "concurrency_achieved", ours: "time-weighted requests in flight", get: ofPeriod("concurrency_achieved")},
		{name: "ttft_samples", ours: "first tokens in the period of requests that started since the last change", get: func(r periodRow) field { return integer(int64(r.p.Counts.FirstTokens)) }},
		{name: "ttft_waiting", ours: "of those requests, seen waiting in the period and without a first token in it", get: func(r periodRow) field { return integer(int64(r.p.Counts.Waiting)) }},
		{name: "ttft.max", unit: "s", ours: "largest TTFT", get: ofPeriod("ttft.max")},
		{name: "output_rate.p5", unit: "tokens/s", ours: "output tokens/s per request, 5th percentile", get: ofPeriod("output_rate.p5")},
		{name: "output_rate.p10", unit: "tokens/s", ours: "output tokens/s per request, 10th percentile", get: ofPeriod("output_rate.p10")},
		{name: "hit_rate_observed", unit: "%", ours: "cached tokens / prompt tokens as the server told them", get: ofPeriod("hit_rate_observed")},
		{name: "goodput", unit: "requests/s", ours: "requests/s that succeeded within the slo's most extreme percentile lines", get: ofPeriod("goodput")},
		{name: "goodput_share", unit: "%", ours: "share of ended requests that were good", get: ofPeriod("goodput_share")},
		{name: "error_rate", unit: "%", ours: "failed attempts / ended attempts", get: ofPeriod("error_rate")},
		{name: "errors_by_class", ours: "failed attempts by class, as class=n joined by ;", get: func(r periodRow) field { return text(byClass(r.p.Counts.ErrorsBy)) }},
	}
}

const whySlow = "slow requests are not dropped: those that straddle a border count (Kaplan-Meier)"

// whyLate: the original dropped what had not finished when the period ended.
const whyLate = "of requests whose last token fell in the period, whenever they began"

// periodsOf lists the periods files: one for each cell that was begun.
func periodsOf(rec *result.Record) (files []file) {
	by := map[string][]*result.UnitRecord{}
	var order []string
	for _, u := range rec.Units {
		if by[u.Cell] == nil {
			order = append(order, u.Cell)
		}
		by[u.Cell] = append(by[u.Cell], u)
	}
	for _, cell := range order {
		files = append(files, file{"sustained_periods_" + cell, "one row per period of " + cell, func(w io.Writer) error {
			return writeCSV(w, periodColumns(result.MeasuredTTFT(rec)), periodRows(rec, by[cell]))
		}})
	}
	return files
}

func periodRows(rec *result.Record, units []*result.UnitRecord) func(yield func(periodRow) bool) {
	return func(yield func(periodRow) bool) {
		for _, u := range units {
			rows := result.PeriodRows(rec, u)
			for i := range rows {
				if !yield(periodRow{rec.Run.Epoch.UnixNano(), u, &rows[i]}) {
					return
				}
			}
		}
	}
}

// detailedOf lists the files of attempts of a sustained run: one for each context, in
// ascending order. The probe's attempts belong to none: they stand in the first.
func detailedOf(rec *result.Record) (files []file) {
	var contexts []int64
	for _, u := range rec.Units {
		if !slices.Contains(contexts, u.Spec.Context) {
			contexts = append(contexts, u.Spec.Context)
		}
	}
	if len(contexts) == 0 && len(rec.Run.Cells) > 0 { // the probe alone
		contexts = []int64{rec.Run.Cells[0].Context}
	}
	slices.Sort(contexts)
	for i, c := range contexts {
		files = append(files, file{fmt.Sprintf("detailed_results_%d", c), "one row per request attempt at context " + metric.Size(c), func(w io.Writer) error {
			return writeCSV(w, requestColumns, sustainedRequests(rec, c, i == 0))
		}})
	}
	return files
}

// sustainedRequests walks every attempt of the units of a context, in file order.
func sustainedRequests(rec *result.Record, context int64, probe bool) func(yield func(requestRow) bool) {
	epoch := rec.Run.Epoch.UnixNano()
	return func(yield func(requestRow) bool) {
		if probe {
			for _, r := range rec.Outside {
				if !yield(requestRow{epoch: epoch, r: r, phase: "PROBE"}) {
					return
				}
			}
		}
		for _, u := range rec.Units {
			if u.Spec.Context != context {
				continue
			}
			ws, sizes := windowsOf(u), sizesOf(u)
			for _, r := range u.Requests {
				q := requestRow{epoch: epoch, spec: &sizes[min(u.StepAt(startOf(r)), len(sizes)-1)], trial: u.Trial, r: r}
				q.phase, q.in = sustainedID(r, u, ws)
				if !yield(q) {
					return
				}
			}
		}
	}
}

// sustainedID names the period that an attempt belongs to, or its phase; in reports
// whether it belongs to a size's measured window as well.
func sustainedID(r *sample.Request, u *result.UnitRecord, ws []window) (id string, in bool) {
	if id, _ = phaseID(r, nil, u.Trial); r.Phase != sample.PhaseLoad {
		return id, false
	}
	at := countedAt(r)
	i, _ := slices.BinarySearchFunc(u.Periods, at, func(p *result.Period, t int64) int {
		if p.End <= t {
			return -1
		}
		return 1
	})
	if i < len(u.Periods) && u.Periods[i].Start <= at {
		id = fmt.Sprintf("SUSTAINED_p%d_run%d", i+1, u.Trial-1)
	}
	for _, w := range ws {
		in = in || w.start <= at && at < w.end && w.since <= startOf(r)
	}
	return id, in
}

// sizesOf gives a unit's cell as it is at each of its steps.
func sizesOf(u *result.UnitRecord) []scenario.Cell {
	sizes := make([]scenario.Cell, max(1, len(u.Spec.Steps)))
	for i := range sizes {
		sizes[i] = u.Spec.At(i)
	}
	return sizes
}

// startOf is when an attempt started; one that never had a connection, when it failed.
func startOf(r *sample.Request) int64 {
	if r.Started == sample.Never {
		return r.End
	}
	return r.Started
}
