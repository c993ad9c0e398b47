package html

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// period is one row of the periods table: an assessment window of one trial.
type period struct {
	result.PeriodRow
	trial   int
	begin   int64 // of its unit: minutes count from there
	said    bool  // its decision is news: neither the decision before it nor a soak's next "hold"
	sources []result.Source
}

// minutes is a stamp's distance from the begin of its unit.
func (p *period) minutes(at int64) float64 { return float64(at-p.begin) / 60e9 }

// cellPeriods gives the periods of a cell's units, one trial after the other.
func cellPeriods(rec *result.Record, units []*result.UnitRecord) []period {
	var out []period
	for _, u := range units {
		rows := result.PeriodRows(rec, u)
		for i := range rows {
			p := period{PeriodRow: rows[i], trial: u.Trial, begin: u.Begin, sources: result.Sources(rows[i].Final)}
			p.said = i == 0 || p.Decision != rows[i-1].Decision || p.Next != p.Level || p.NextStep != p.Step || p.Over || len(p.Fired) > 0
			out = append(out, p)
		}
	}
	return out
}

// periodFigure is a numeric column of the periods table.
type periodFigure struct {
	key, head, unit, title string
	get                    func(*period) metric.Value
	// full keeps every digit of what was asked for; measured figures have four.
	full bool
	// zeros says what a column of nothing but zeros is: false, that it is left out like
	// one without data; true, that it is a finding.
	zeros bool
}

// measure is a figure that the final view of the period holds under the catalogue's name.
func measure(name string) periodFigure {
	head, unit, title := describe(name)
	return periodFigure{key: name, head: head, unit: unit, title: title, zeros: true, get: func(p *period) metric.Value { return p.Final.Get(name) }}
}

// planned is a figure that the plan holds, in full.
func planned(name string) periodFigure {
	f := measure(name)
	f.full = true
	return f
}

// counted is a figure of which nothing but zeros says nothing: it is left out then.
func counted(f periodFigure) periodFigure {
	f.zeros = false
	return f
}

// periodFigures lists every figure that a period may have, in the order of the table.
// Those without data are left out by told.
func periodFigures(slo scenario.SLO, measured string, rows []period) []periodFigure {
	fs := []periodFigure{planned("working_set"), planned("concurrency"), measure("concurrency_achieved")}
	for _, stat := range ttftStats(slo) {
		fs = append(fs, measure("ttft."+stat))
	}
	fs = append(fs, decided(measured), computed("ttft_samples", func(p *period) metric.Value { return metric.Of(float64(p.Counts.FirstTokens)) }))
	for _, stat := range rateStats(slo) {
		fs = append(fs, measure("output_rate."+stat))
	}
	for _, name := range []string{"tpot.p50", "tpot.p95", "input_throughput", "prefill_throughput", "output_throughput", "goodput", "goodput_share"} {
		fs = append(fs, measure(name))
	}
	fs = append(fs, computed("hit_rate_intended", intended), measure("hit_rate_observed"))
	for _, name := range sourceNames(rows) {
		fs = append(fs, computed("share."+name, func(p *period) metric.Value { return shareOf(p.sources, name) }))
	}
	fs = append(fs, counted(measure("error_rate")), preemptions)
	for _, s := range serverStates {
		fs = append(fs, s.figures()...)
	}
	return fs
}

// computed is a figure that is no single metric of the row.
func computed(key string, get func(*period) metric.Value) periodFigure {
	head, unit, title := describe(key)
	return periodFigure{key: key, head: head, unit: unit, title: title, zeros: true, get: get}
}

var preemptions = periodFigure{key: "server.preemptions", head: "Preemptions", title: "requests that the server put off in the period, to make room",
	get: func(p *period) metric.Value { return p.Final.Get("server.preemptions") }}

// told leaves out the figures that no row has.
func told(fs []periodFigure, rows []period) []periodFigure {
	return slices.DeleteFunc(slices.Clone(fs), func(f periodFigure) bool {
		return f.get == nil || !slices.ContainsFunc(rows, func(p period) bool {
			v := f.get(&p)
			return v.Known() && (f.zeros || v.V != 0)
		})
	})
}

// ttftStats gives the statistics of TTFT that are shown: always the same four, and those
// that the slo names.
func ttftStats(slo scenario.SLO) []string {
	return statsOf([]string{"avg", "p50", "p90", "p95", "p99", "max"}, []string{"p50", "p95", "p99", "max"}, slo.TTFT)
}

// rateStats gives those of the output rate of a request.
func rateStats(slo scenario.SLO) []string {
	return statsOf([]string{"avg", "p10", "p5"}, []string{"avg", "p5"}, slo.OutputRate)
}

func statsOf(all, always []string, lines []scenario.Line) []string {
	return slices.DeleteFunc(slices.Clone(all), func(stat string) bool {
		return !slices.Contains(always, stat) && !slices.ContainsFunc(lines, func(l scenario.Line) bool { return l.Stat == stat })
	})
}

// decided is the TTFT that the controller saw, where the final view differs from it: the
// slo was held against that number.
func decided(measured string) periodFigure {
	if measured == "" {
		return periodFigure{}
	}
	return periodFigure{key: measured + "_decided", head: strings.Replace(measured, "ttft.", "TTFT ", 1) + " as decided", unit: "s", zeros: true,
		title: "what the controller saw at the end of the period, where all that is known now gives another value",
		get: func(p *period) metric.Value {
			was := p.Row.Get(measured)
			if is := p.Final.Get(measured); string(appendFigure(nil, was)) == string(appendFigure(nil, is)) {
				return metric.Value{}
			}
			return was
		}}
}

func intended(p *period) metric.Value {
	if p.Counts.SentTokens == 0 {
		return metric.Value{}
	}
	return metric.Of(100 * float64(p.Counts.IntendedTokens) / float64(p.Counts.SentTokens))
}

// sourceNames gives the sources that served anything in any of the rows, in the order of
// result.Sources.
func sourceNames(rows []period) []string {
	all := metric.Row{}
	served := map[string]bool{}
	for _, p := range rows {
		for _, s := range p.sources {
			served[s.Name] = served[s.Name] || s.Share.V > 0
			if s.Name != result.SourceComputed && s.Name != result.SourceCached {
				all["tier_share."+s.Name] = metric.Of(0)
			}
		}
	}
	all["hit_rate_observed"] = metric.Of(50) // more than all tiers together: then there is a part of each kind
	var out []string
	for _, s := range result.Sources(all) {
		if served[s.Name] {
			out = append(out, s.Name)
		}
	}
	return out
}

func shareOf(sources []result.Source, name string) metric.Value {
	for _, s := range sources {
		if s.Name == name {
			return s.Share
		}
	}
	if len(sources) > 0 { // others were told: nothing came from here
		return metric.Of(0)
	}
	return metric.Value{}
}

// gauge is what servers tell of a moment: drawn as the mean of a period, with the range
// that was seen in it.
type gauge struct{ key, head, unit, title string }

var serverStates = []gauge{
	{"server.requests_running", "Running", "", "requests that the server works on, mean of the period, all endpoints together"},
	{"server.requests_waiting", "Waiting", "", "requests that wait in the server, mean of the period, all endpoints together"},
	{"server.kv_usage", "KV in use", "%", "share of the KV cache in use, mean of the period over the endpoints"},
	{ownCPU, "Own CPU", "%", "share of the CPUs that the load generator used of those it may use: near 100 % it is the client that is measured"},
}

// ownCPU is the column of what the load generator itself used.
const ownCPU = "self.cpu_share"

// figures gives the mean, and the ends of the range where any period has one.
func (s gauge) figures() []periodFigure {
	return []periodFigure{
		{key: s.key, head: s.head, unit: s.unit, title: s.title, zeros: true, get: s.get(func(v result.Spread) float64 { return v.Mean })},
		{key: s.key + ".min", head: s.head + " min", unit: s.unit, title: "the least that was seen in the period", zeros: true, get: s.get(func(v result.Spread) float64 { return v.Min })},
		{key: s.key + ".max", head: s.head + " max", unit: s.unit, title: "the most that was seen in the period", zeros: true, get: s.get(func(v result.Spread) float64 { return v.Max })},
	}
}

func (s gauge) get(of func(result.Spread) float64) func(*period) metric.Value {
	return func(p *period) metric.Value {
		v, ok := p.Server[s.key]
		if s.key == ownCPU {
			v, ok = p.CPU, p.CPU != (result.Spread{})
		}
		if !ok {
			return metric.Value{}
		}
		return metric.Of(of(v))
	}
}

// appendFigure appends a measured value with four significant digits: a soak of 1,000
// periods has 30,000 of them, and its page is mailed.
func appendFigure(b []byte, v metric.Value) []byte {
	if v.State == metric.Null || v.V == math.Trunc(v.V) {
		return AppendValue(b, v)
	}
	if v.State == metric.AtLeast {
		b = append(b, "≥"...)
	}
	return appendDigits(b, v.V, 4)
}

// periodTable is the table of periods: its columns are what the charts over time are
// drawn from.
func periodTable(rows []period, fs []periodFigure, trials bool) Table {
	t := Table{ID: "periods", Caption: "All assessment periods", Rows: len(rows), Sortable: true}
	if trials {
		t.Columns = append(t.Columns, Column{Key: "trial", Head: "Trial", Cell: func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(rows[i].trial), 10) }})
	}
	decimals := minuteDecimals(rows)
	clock := func(key, head, title string, at func(*period) int64) Column {
		return Column{Key: key, Head: head, Unit: "min", Title: title, Cell: func(b []byte, i int) []byte {
			return strconv.AppendFloat(b, rows[i].minutes(at(&rows[i])), 'f', decimals, 64)
		}}
	}
	t.Columns = append(t.Columns,
		Column{Key: "period", Head: "Period", Title: "running number in its trial, as in the periods CSV", Cell: func(b []byte, i int) []byte { return strconv.AppendInt(b, int64(rows[i].Number), 10) }},
		clock("start", "From", "begin of the period since the cell began", func(p *period) int64 { return p.Start }),
		clock("end", "To", "end of the period since the cell began: where the charts draw it", func(p *period) int64 { return p.End }))
	for _, f := range fs {
		t.Columns = append(t.Columns, f.column(rows))
	}
	t.Columns = append(t.Columns,
		Column{Key: "decision", Head: "Decision", Text: true, Title: "what the controller decided at the end of the period", Cell: func(b []byte, i int) []byte { return Text(b, rows[i].Decision) }},
		Column{Key: "reason", Head: "Reason", Text: true, Title: "in words, with what was known then; empty where a decision repeats the one before it", Cell: func(b []byte, i int) []byte { return Text(b, rows[i].why()) }})
	return t
}

func (f periodFigure) column(rows []period) Column {
	write := appendFigure
	if f.full {
		write = AppendValue
	}
	return Column{Key: f.key, Head: f.head, Unit: f.unit, Title: f.title, Cell: func(b []byte, i int) []byte { return write(b, f.get(&rows[i])) }}
}

// why gives the reason of a decision that is news, with the stop conditions that were true.
func (p *period) why() string {
	if !p.said {
		return ""
	}
	var parts []string
	if p.Reason != "" {
		parts = append(parts, p.Reason)
	}
	for _, f := range p.Fired {
		parts = append(parts, "stop condition: "+f)
	}
	return strings.Join(parts, "; ")
}

// minuteDecimals gives the decimals of a minute that tell the borders of the shortest
// period apart by a hundredth of its length.
func minuteDecimals(rows []period) int {
	shortest := int64(60e9)
	for _, p := range rows {
		shortest = min(shortest, p.End-p.Start)
	}
	decimals := 2
	for least := int64(60e9 / 100); least*100 > shortest && decimals < 6; least /= 10 {
		decimals++
	}
	return decimals
}

// span is a part of a unit's time: a row of the phases table.
type span struct {
	kind        string
	trial, step int
	begin       int64 // of its unit
	start, end  int64
	size        int64 // working set as asked; 0 where it has no meaning
	level       int
	text        string
}

// Kinds of spans that are not named as their phase: the windows that a size's figures
// are of, and the moment from which on a larger size counts.
const (
	spanHold   = "hold"
	spanSearch = "search" // the same where no level was found that holds
	spanGrowth = "growth"
)

// cellSpans gives what happened beside the periods, in the order of time.
func cellSpans(units []*result.UnitRecord) []span {
	var out []span
	for _, u := range units {
		from := len(out)
		add := func(kind string, step, level int, start, end int64, text string) {
			out = append(out, span{kind, u.Trial, step, u.Begin, start, end, u.Spec.At(step).WorkingSet, level, text})
		}
		for _, g := range u.Growths() {
			add(spanGrowth, g.Step, g.Level, g.At, g.At, "")
		}
		for _, in := range u.Ingests() {
			add(string(result.PhaseIngest), in.Step, 0, in.Start, in.End, ingestText(in))
		}
		for _, ph := range u.Phases {
			switch {
			case ph.Phase == result.PhaseMeasure && ph.Converged:
				add(spanHold, ph.Step, ph.Level, ph.Start, ph.End, fmt.Sprintf("%d periods are the figures of this size", ph.Periods))
			case ph.Phase == result.PhaseMeasure:
				add(spanSearch, ph.Step, ph.Level, ph.Start, ph.End, "no level was found that holds")
			case ph.Phase == result.PhaseWarmup || ph.Phase == result.PhaseDrain:
				add(string(ph.Phase), ph.Step, ph.Level, ph.Start, ph.End, ph.Reason)
			}
		}
		slices.SortStableFunc(out[from:], func(a, b span) int { return cmp.Compare(a.start, b.start) })
	}
	return out
}

func ingestText(in result.Ingest) string {
	text := fmt.Sprintf("%d new prompts", in.Sent)
	if in.Failed > 0 {
		text += fmt.Sprintf(", %d failed", in.Failed)
	}
	if in.Cut != "" {
		text += ": " + in.Cut
	}
	return text
}

// spanTable is the table of phases: growths, ingests and holds are marked on the charts.
func spanTable(spans []span, trials bool) Table {
	t := Table{ID: "phases", Caption: "Phases of the cell", Rows: len(spans)}
	whole := func(key, head, unit string, of func(span) int64) Column {
		return Column{Key: key, Head: head, Unit: unit, Cell: func(b []byte, i int) []byte {
			if v := of(spans[i]); v > 0 {
				return strconv.AppendInt(b, v, 10)
			}
			return b
		}}
	}
	clock := func(key, head string, at func(span) int64) Column {
		return Column{Key: key, Head: head, Unit: "min", Cell: func(b []byte, i int) []byte {
			return strconv.AppendFloat(b, float64(at(spans[i])-spans[i].begin)/60e9, 'f', 4, 64)
		}}
	}
	t.Columns = []Column{{Key: "kind", Head: "Phase", Text: true, Cell: func(b []byte, i int) []byte { return Text(b, spans[i].kind) }}}
	if trials {
		t.Columns = append(t.Columns, whole("trial", "Trial", "", func(s span) int64 { return int64(s.trial) }))
	}
	t.Columns = append(t.Columns, clock("start", "From", func(s span) int64 { return s.start }), clock("end", "To", func(s span) int64 { return s.end }),
		whole("step", "Size", "", func(s span) int64 { return int64(s.step + 1) }), whole("size", "Working set", "tokens", func(s span) int64 { return s.size }),
		whole("concurrency", "Concurrency", "", func(s span) int64 { return int64(s.level) }),
		Column{Key: "text", Head: "Remark", Text: true, Cell: func(b []byte, i int) []byte { return Text(b, spans[i].text) }})
	return t
}
