package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// planRow is one cell of a plan.
type planRow struct {
	plan *scenario.Plan
	c    scenario.Cell
	e    scenario.Estimate
}

// planColumns are the keys of `wsrun plan --format lines` and json.
var planColumns = []column[planRow]{
	{name: "scenario", get: func(r planRow) field { return text(r.plan.Scenario.Name) }},
	{name: "cell", get: func(r planRow) field { return text(r.c.Key) }},
	{name: "context_size", get: func(r planRow) field { return integer(r.c.Context) }},
	{name: "cache_hit_rate", get: func(r planRow) field { return number(r.c.HitRate) }},
	{name: "working_set_size", get: func(r planRow) field { return workingSet(&r.c) }},
	{name: "prompt_tokens", get: func(r planRow) field { return integer(r.c.R) }},
	{name: "prefix_tokens", get: func(r planRow) field { return integer(r.c.Prefix) }},
	{name: "prompts", get: func(r planRow) field { return positive(int64(r.c.Prompts)) }},
	{name: "working_set_real", get: func(r planRow) field { return positive(r.c.Real) }},
	{name: "hot_tokens", get: func(r planRow) field { return positive(r.c.HotTokens) }},
	{name: "reuse_distance", get: func(r planRow) field { return positive(r.c.ReuseDistance) }},
	{name: "levels", get: func(r planRow) field { return text(levelList(r.c.Levels)) }},
	{name: "trials", get: func(r planRow) field { return integer(int64(r.plan.Scenario.Trials)) }},
	{name: "warmup_tokens", get: func(r planRow) field { return integer(r.e.WarmupTokens) }},
	{name: "warmup_requests", get: func(r planRow) field { return integer(r.e.WarmupRequests) }},
	{name: "measured_min", get: func(r planRow) field { return windows(r, r.e.MinMeasured) }},
	{name: "measured_max", get: func(r planRow) field { return windows(r, r.e.MaxMeasured) }},
	{name: "peak_streams", get: func(r planRow) field { return integer(int64(r.e.PeakStreams)) }},
}

// windows is a length of time; a map has no windows.
func windows(r planRow, d time.Duration) field {
	if r.plan.Scenario.Mode == "map" {
		return field{}
	}
	return nanos(int64(d))
}

// growthColumns are the keys that a sustained plan has as well: levels are not known
// before, sizes are steps, and measured_max is the duration.
var growthColumns = []column[planRow]{
	{name: "sizes", get: func(r planRow) field { return text(sizeList(r.c.Steps)) }},
	{name: "search_start", get: func(r planRow) field { return integer(int64(r.plan.Scenario.Search.Start)) }},
	{name: "search_step", get: func(r planRow) field { return integer(int64(r.plan.Scenario.Search.Step)) }},
	{name: "search_max", get: func(r planRow) field { return integer(int64(r.plan.Scenario.Search.Max)) }},
	{name: "duration", get: func(r planRow) field { return nanos(int64(r.plan.Scenario.Duration.Max)) }},
	{name: "assessment_period", get: func(r planRow) field { return nanos(int64(r.plan.Scenario.Assessment)) }},
	{name: "ingest_tokens", get: func(r planRow) field { return integer(r.e.IngestTokens) }},
	{name: "ingest_requests", get: func(r planRow) field { return integer(r.e.IngestRequests) }},
}

// rateColumns are the keys that an open loop has as well: rates take the place of levels,
// and say how many requests are sent.
var rateColumns = []column[planRow]{
	{name: "rates", get: func(r planRow) field { return text(rateList(r.c.Rates)) }},
	{name: "arrivals", get: func(r planRow) field { return text(r.plan.Scenario.Arrivals) }},
	{name: "requests_min", get: func(r planRow) field { return integer(r.e.MinRequests) }},
	{name: "requests_max", get: func(r planRow) field { return integer(r.e.MaxRequests) }},
}

// columnsOf are the keys of a plan's rows.
func columnsOf(p *scenario.Plan) []column[planRow] {
	if len(p.Scenario.Rates) > 0 {
		return append(slices.Clone(planColumns), rateColumns...)
	}
	switch p.Scenario.Mode {
	case "sustained":
		return append(slices.Clone(planColumns), growthColumns...)
	case "map":
		return append(slices.Clone(planColumns), mapColumns...)
	}
	return planColumns
}

// sizeList gives the sizes of a growing set; none at hit rate 0, where size has no
// meaning.
func sizeList(steps []scenario.Step) string {
	var parts []string
	for _, s := range steps {
		if s.WorkingSet > 0 {
			parts = append(parts, fmt.Sprint(s.WorkingSet))
		}
	}
	return strings.Join(parts, " ")
}

func levelList(levels []int) string {
	parts := make([]string, len(levels))
	for i, l := range levels {
		parts[i] = fmt.Sprint(l)
	}
	return strings.Join(parts, " ")
}

func rateList(rates []float64) string {
	parts := make([]string, len(rates))
	for i, r := range rates {
		parts[i] = strconv.FormatFloat(r, 'f', -1, 64)
	}
	return strings.Join(parts, " ")
}

// loadText says under which load a cell is measured.
func loadText(c *scenario.Cell) string {
	if n := len(c.Rates); n > mostLevels {
		return fmt.Sprintf("%s to %s req/s (%d rates)", rateList(c.Rates[:1]), rateList(c.Rates[n-1:]), n)
	} else if n > 0 {
		return strings.ReplaceAll(rateList(c.Rates), " ", ", ") + " req/s"
	}
	return levelText(c.Levels)
}

// mostLevels is how many levels are written out for people.
const mostLevels = 8

// levelText is levelList for people: many levels take the room of a few.
func levelText(levels []int) string {
	if n := len(levels); n > mostLevels {
		return fmt.Sprintf("%d to %d (%d levels)", levels[0], levels[n-1], n)
	}
	return strings.ReplaceAll(levelList(levels), " ", ", ")
}

func planRows(plans []*scenario.Plan) func(yield func(planRow) bool) {
	return func(yield func(planRow) bool) {
		for _, p := range plans {
			for _, c := range p.Cells {
				if !yield(planRow{p, c, p.EstimateCell(c)}) {
					return
				}
			}
		}
	}
}

// PlanLines prints one cell a line as key=value pairs, in the order in which they
// are run: a form whose differences a person can read.
func PlanLines(w io.Writer, plans []*scenario.Plan) error {
	ew := &errWriter{w: w}
	for row := range planRows(plans) {
		for i, c := range columnsOf(row.plan) {
			sep := " "
			if i == 0 {
				sep = ""
			}
			v := string(c.get(row).append(nil))
			if strings.ContainsAny(v, " \"=") {
				v = string(appendString(nil, v))
			}
			fmt.Fprintf(ew, "%s%s=%s", sep, c.name, v)
		}
		fmt.Fprintln(ew)
	}
	return ew.err
}

// PlanJSON prints the plans as one object: their cells, totals, what their verdicts
// need and what was left out. prefill gives the rate that is known for each plan.
func PlanJSON(w io.Writer, plans []*scenario.Plan, prefill []Prefill) error {
	b := []byte(`{"schema":1,"plans":[`)
	for i, p := range plans {
		b = appendPlan(comma(b, i), p, prefill[i])
	}
	_, err := w.Write(append(b, "]}\n"...))
	return err
}

// appendPlan appends one plan as an object.
func appendPlan(b []byte, p *scenario.Plan, prefill Prefill) []byte {
	b = appendTotals(append(b, '{'), p)
	b = appendKeys(append(b, `,"needs":`...), needsKeys(p))
	b = appendKeys(append(b, `,"prefill":`...), prefillKeys(p, prefill))
	b = append(b, `,"left_out":[`...)
	for j, l := range p.Left {
		b = appendKeys(comma(b, j), []keyField{{"context_size", integer(l.Context)}, {"working_set_size", integer(l.WorkingSet)}, {"why", text(l.Why)}})
	}
	b = append(b, `],"warnings":[`...)
	for j, q := range p.Warnings {
		b = appendString(comma(b, j), q.Message)
	}
	b = append(b, `],"not_supported_yet":[`...)
	for j, q := range scenario.NotYet(p) {
		b = appendString(comma(b, j), q.Path)
	}
	b = append(b, `],"cells":[`...)
	n := 0
	for row := range planRows([]*scenario.Plan{p}) {
		var keys []keyField
		for _, c := range columnsOf(p) {
			keys = append(keys, keyField{c.name, c.get(row)})
		}
		b = appendKeys(comma(b, n), keys)
		n++
	}
	return append(b, "]}"...)
}

// appendTotals appends what a plan comes to, and what only its mode or load has.
func appendTotals(b []byte, p *scenario.Plan) []byte {
	e := p.Estimate()
	b = appendKeys(append(b, `"totals":`...), []keyField{{"scenario", text(p.Scenario.Name)}, {"digest", text(p.Digest)}, {"cells", integer(int64(len(p.Cells)))}, {"points", integer(int64(e.Points))},
		{"warmup_tokens", integer(e.WarmupTokens)}, {"warmup_requests", integer(e.WarmupRequests)}, {"measured_min", windows(planRow{plan: p}, e.MinMeasured)}, {"measured_max", windows(planRow{plan: p}, e.MaxMeasured)}, {"peak_streams", integer(int64(e.PeakStreams))}})
	switch {
	case p.Scenario.Mode == "sustained":
		return appendKeys(append(b, `,"growth":`...), []keyField{{"ingest_tokens", integer(e.IngestTokens)}, {"ingest_requests", integer(e.IngestRequests)}})
	case p.Scenario.Mode == "map":
		return appendKeys(append(b, `,"map":`...), []keyField{{"look_requests", integer(e.LookRequests)}})
	case e.MaxRequests > 0:
		return appendKeys(append(b, `,"open_loop":`...), []keyField{{"requests_min", integer(e.MinRequests)}, {"requests_max", integer(e.MaxRequests)}})
	}
	return b
}

// Plan prints a plan for people: each cell and what it costs, then the totals, and
// what its verdicts rest on, and what a map would cost instead of a sweep.
func Plan(w io.Writer, p *scenario.Plan, prefill Prefill, opt Options) error {
	ew := &errWriter{w: w}
	sc := p.Scenario
	fmt.Fprintln(ew, term.Wrap(opt.Paint.Bold(sc.Name)+"  "+planHead(sc), "  ", opt.Width))
	g, totals := planGrid(p), planTotals(p, prefill)
	switch sc.Mode {
	case "sustained":
		fmt.Fprintln(ew, term.Wrap(searchText(sc), "  ", opt.Width))
		fmt.Fprintln(ew, term.Wrap(growthText(sc), "  ", opt.Width))
	case "map":
		fmt.Fprintln(ew, term.Wrap(mapText(sc), "  ", opt.Width))
		g, totals = mapGrid(p), mapTotals(p, prefill)
	}
	dropped := g.fit(opt.Width)
	if err := g.render(ew, opt.Paint); err != nil {
		return err
	}
	if len(dropped) > 0 {
		fmt.Fprintln(ew, term.Wrap(fmt.Sprintf("left out at %d columns: %s", opt.Width, strings.Join(dropped, ", ")), "  ", opt.Width))
	}
	for _, l := range p.Left {
		fmt.Fprintln(ew, term.Wrap(fmt.Sprintf("left out: working set %s at context %s: %s", metric.Size(l.WorkingSet), metric.Size(l.Context), l.Why), "  ", opt.Width))
	}
	fmt.Fprintln(ew, term.Wrap(totals, "  ", opt.Width))
	printNeeds(ew, p, prefill, opt.Width)
	for _, q := range scenario.NotYet(p) {
		fmt.Fprintln(ew, term.Wrap(q.Message, "  ", opt.Width))
	}
	if instead := insteadText(p); instead != "" {
		fmt.Fprintln(ew, term.Wrap(instead, "  ", opt.Width))
	}
	return ew.err
}

// planGrid is the table of a sweep's plan.
func planGrid(p *scenario.Plan) *grid {
	load := "conc"
	if len(p.Scenario.Rates) > 0 {
		load = "rate"
	}
	g := &grid{heads: []head{{name: "context", keep: true}, {name: "working_set", keep: true}, {name: "reuse", drop: 2}, {name: "hit"}, {name: "prompts", drop: 3}, {name: load, left: true, drop: 1}, {name: "warm-up tok"}, {name: "measured", left: true}}}
	for row := range planRows([]*scenario.Plan{p}) {
		if len(row.c.Steps) > 0 {
			growthRows(g, row)
			continue
		}
		g.rows = append(g.rows, planCells(row.c, loadText(&row.c), row.e.WarmupTokens, span(row.e.MinMeasured, row.e.MaxMeasured)))
	}
	return g
}

// planCells is a row of the table: what is sent at one size, and what it costs.
func planCells(c scenario.Cell, conc string, warm int64, measured string) []cell {
	return []cell{plain(metric.Size(c.Context)), plain(sizeOrNone(c.WorkingSet)), plain(sizeOrNone(c.ReuseDistance)), plain(metric.Text(metric.Percent, c.HitRate)),
		plain(countOrNone(c.Prompts)), plain(conc), plain(metric.Text(metric.Tokens, float64(warm))), plain(measured)}
}

// growthRows are the sizes of a growing set, a row each: what growth adds cold is
// counted where it is sent, and each size has its share of the duration.
func growthRows(g *grid, row planRow) {
	sc, steps := row.plan.Scenario, row.c.Steps
	conc := fmt.Sprintf("%d to %d", sc.Search.Start, sc.Search.Max)
	share := clock(time.Duration(sc.Duration.Max) * time.Duration(sc.Trials) / time.Duration(len(steps)))
	if sc.Growth.By == "convergence" && row.c.HitRate > 0 {
		share = "up to " + share
	}
	warm := row.e.WarmupTokens
	for i, s := range steps {
		if i > 0 {
			warm = 0
			if row.e.IngestTokens > 0 {
				// All of the largest set is sent, as often as trials and endpoints say.
				times := (row.e.WarmupTokens + row.e.IngestTokens) / row.c.Real
				warm = (s.Real - steps[i-1].Real) * times
			}
		}
		g.rows = append(g.rows, planCells(row.c.At(i), conc, warm, share))
	}
}

// planTotals sums a plan up in a sentence.
func planTotals(p *scenario.Plan, prefill Prefill) string {
	sc, e := p.Scenario, p.Estimate()
	s := fmt.Sprintf("%s, %s; warm-up %s tokens in %s requests%s; ", Plural(len(p.Cells), "cell"), Plural(e.Points, "point"),
		metric.Text(metric.Tokens, float64(e.WarmupTokens)), metric.Text(metric.Count, float64(e.WarmupRequests)), prefill.text(e.WarmupTokens))
	if e.IngestRequests > 0 {
		s += fmt.Sprintf("growth adds %s tokens in %s requests, cold%s; ", metric.Text(metric.Tokens, float64(e.IngestTokens)), metric.Text(metric.Count, float64(e.IngestRequests)), prefill.text(e.IngestTokens))
	}
	if sc.Mode == "sustained" {
		return s + fmt.Sprintf("measured %s, drain on top%s; at most %s in flight", span(e.MinMeasured, e.MaxMeasured), prefill.whole(p), Plural(e.PeakStreams, "request"))
	}
	if e.MaxRequests > 0 {
		s += requestsText(e) + " at the rates; "
	}
	return s + fmt.Sprintf("measured %s, warm-in and drain on top%s; at most %s in flight", span(e.MinMeasured, e.MaxMeasured), prefill.whole(p), Plural(e.PeakStreams, "request"))
}

// requestsText says how many requests an open loop sends.
func requestsText(e scenario.Estimate) string {
	lo, hi := metric.Text(metric.Count, float64(e.MinRequests)), plural64(e.MaxRequests, "request")
	if e.MinRequests == e.MaxRequests {
		return hi
	}
	return lo + " to " + hi
}

// Plural gives a number with its noun: 1 cell, 2 cells.
func Plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func planHead(sc *scenario.Scenario) string {
	where := strings.Join(sc.Target.Endpoints, ", ")
	if s := sc.Target.Simulator; s != nil {
		where = "the simulator, profile " + s.Profile
	}
	s := fmt.Sprintf("mode %s on %s, access %s, %d output tokens", sc.Mode, where, accessText(sc), sc.OutputTokens)
	if sc.Mode == "map" {
		s = fmt.Sprintf("mode map on %s, 1 output token", where)
	}
	if sc.Trials > 1 {
		s += fmt.Sprintf(", %d trials", sc.Trials)
	}
	return term.Clean(s)
}

// accessText names the law by which prompts are used again, and how an open loop sends.
func accessText(sc *scenario.Scenario) string {
	s := sc.Access
	if sc.Access == "zipf" {
		s += " " + strconv.FormatFloat(sc.Zipf, 'f', -1, 64)
	}
	if len(sc.Rates) > 0 {
		s += ", open loop with " + sc.Arrivals + " arrivals"
	}
	return s
}

// searchText says what the controller of a sustained plan looks for.
func searchText(sc *scenario.Scenario) string {
	var limits []string
	for _, l := range sc.SLO.TTFT {
		limits = append(limits, fmt.Sprintf("ttft.%s <= %s", l.Stat, metric.Text(metric.Seconds, l.Limit)))
	}
	for _, l := range sc.SLO.OutputRate {
		limits = append(limits, fmt.Sprintf("output_rate.%s >= %s", l.Stat, metric.Text(metric.TokensPerSecond, l.Limit)))
	}
	return fmt.Sprintf("search: concurrency from %d to %d, raised by at least %d, for %s with a margin of %s",
		sc.Search.Start, sc.Search.Max, sc.Search.Step, strings.Join(limits, " and "), metric.Text(metric.Percent, sc.SLO.Margin))
}

// growthText says how the working set of a sustained plan grows.
func growthText(sc *scenario.Scenario) string {
	gr := sc.Growth
	s := fmt.Sprintf("growth: by %s, %s prompts, periods of %s, at most %s a cell", gr.By, gr.Prompts, clock(time.Duration(sc.Assessment)), clock(time.Duration(sc.Duration.Max)))
	if gr.By == "convergence" {
		s += fmt.Sprintf("; a level that was verified is held for %s", Plural(gr.Hold, "period"))
		if gr.AtEnd == "hold" {
			s += ", at the last size until the duration is over"
		}
	}
	return s
}

func countOrNone(n int) string {
	if n == 0 {
		return "-"
	}
	return metric.Text(metric.Count, float64(n))
}

func span(lo, hi time.Duration) string {
	if lo == hi {
		return clock(lo)
	}
	return clock(lo) + " to " + clock(hi)
}
