package html

import (
	"slices"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/wsrun/wsrun/scenario"
)

// overTime makes the charts over a cell's time from the figures that there are, and says
// in sentences which are left out, and why.
func overTime(slo scenario.SLO, figures []periodFigure, trials bool) (out []Chart, left []string) {
	for _, c := range timeCharts(slo, figures) {
		c.lines = slices.DeleteFunc(c.lines, func(y Y) bool { return !has(figures, y.Key) })
		if len(c.lines) == 0 {
			if c.without != "" {
				left = append(left, c.without)
			}
			continue
		}
		out = append(out, c.chart(figures, trials))
	}
	return out, left
}

// timeChart is what makes one chart over time differ from another.
type timeChart struct {
	id, title, text string
	axes            []string // names of the axes, without units
	units           []string
	lines           []Y
	refs            []Ref
	marks           []string
	tall, stacked   bool
	without         string // said where none of its lines has data; empty: nothing is missing
}

// Marks of charts over time: every chart has the growths and ingests; those that holds are
// about have them too, on all they would be noise.
var (
	grownMarks = []string{"growth", "ingest"}
	heldMarks  = []string{"growth", "ingest", "holds"}
)

// timeCharts lists them in the order of the page: what was asked of the server, what it
// answered, and what it says of itself.
func timeCharts(slo scenario.SLO, figures []periodFigure) []timeChart {
	return slices.Concat(loadCharts(), latencyCharts(slo), flowCharts(), cacheCharts(figures), serverCharts())
}

// loadCharts are what was asked of the server.
func loadCharts() []timeChart {
	return []timeChart{
		{
			id: "working_set", title: "Working set", axes: []string{"Working set"}, units: []string{"tokens"}, marks: heldMarks,
			text:  "What the requests draw from. A line marks each growth, bands the ingest of new prompts and the holds whose figures stand in the table of sizes.",
			lines: []Y{{Key: "working_set", Name: "working set", Step: true}},
		},
		{
			id: "concurrency", title: "Concurrency and decisions", axes: []string{"Requests in flight"}, units: []string{""}, marks: append(slices.Clone(heldMarks), "decisions"), tall: true,
			text:  "Requests in flight: asked for, and achieved as the mean over time. A symbol stands where the controller decided something new; its tooltip says why.",
			lines: []Y{{Key: "concurrency", Name: "target", Step: true}, {Key: "concurrency_achieved", Name: "achieved", Dash: "dashed"}},
		},
	}
}

// latencyCharts are what one request sees, against the slo.
func latencyCharts(slo scenario.SLO) []timeChart {
	return []timeChart{
		{
			id: "ttft", title: "Time to first token", text: ttftText(slo), axes: []string{"TTFT"}, units: []string{"s"}, marks: heldMarks, tall: true,
			refs: sloRefs("slo TTFT ", slo.TTFT), lines: statLines("ttft.", ttftStats(slo), true), without: "No TTFT: no first token came in any period.",
		},
		{
			id: "output_rate", title: "Output rate per request", axes: []string{"Output rate"}, units: []string{"tokens/s"}, marks: grownMarks,
			text: "Output tokens per second that one request gets, 1 / TPOT; p5 is what the slowest get.",
			refs: sloRefs("slo output rate ", slo.OutputRate), lines: statLines("output_rate.", rateStats(slo), false), without: "No output rate and no TPOT: no request had a second output token.",
		},
		{
			id: "tpot", title: "Time per output token", axes: []string{"TPOT"}, units: []string{"s"}, marks: grownMarks,
			text:  "After the first token. It rises where prefills or loads from a lower tier hold up requests that are being decoded.",
			lines: statLines("tpot.", []string{"p50", "p95"}, false),
		},
	}
}

// flowCharts are what all requests together come to.
func flowCharts() []timeChart {
	return []timeChart{
		{
			id: "prompt_throughput", title: "Prompt throughput", axes: []string{"Prompt throughput"}, units: []string{"tokens/s"}, marks: grownMarks,
			text:    "Input counts every prompt token at its request's first token; prefill only those that had to be computed.",
			lines:   []Y{{Key: "input_throughput", Name: "input"}, {Key: "prefill_throughput", Name: "prefill", Dash: "dashed"}},
			without: "No throughput: nothing was in flight in any period.",
		},
		{
			id: "output_throughput", title: "Output throughput", axes: []string{"Output throughput"}, units: []string{"tokens/s"}, marks: grownMarks,
			text:  "Output tokens of all requests together, at the moment they came.",
			lines: []Y{{Key: "output_throughput", Name: "output"}},
		},
		{
			id: "goodput", title: "Goodput", axes: []string{"Goodput", "Share good"}, units: []string{"requests/s", "%"}, marks: grownMarks,
			text:    "Requests that kept the slo: per second (left), and as a share of those that ended (right).",
			lines:   []Y{{Key: "goodput", Name: "goodput"}, {Key: "goodput_share", Name: "share good", Axis: 1, Dash: "dashed"}},
			without: "No goodput: the slo has no percentile line that one request could be held against.",
		},
		{
			id: "errors", title: "Failed attempts", text: "Share of the attempts that ended in the period.", axes: []string{"Failed attempts"}, units: []string{"%"}, marks: grownMarks,
			lines: []Y{{Key: "error_rate", Name: "failed"}}, without: "No chart of failures: no attempt failed in any period.",
		},
	}
}

// cacheCharts are where the prompt tokens came from.
func cacheCharts(figures []periodFigure) []timeChart {
	return []timeChart{
		{
			id: "hit_rate", title: "Cache hit rate", axes: []string{"Hit rate"}, units: []string{"%"}, marks: grownMarks,
			text:  "Prompt tokens found in a cache: meant to be, and as the server told. Where the two part, prompts are computed again that were meant to be reused.",
			lines: []Y{{Key: "hit_rate_observed", Name: "observed"}, {Key: "hit_rate_intended", Name: "intended", Dash: "dashed"}},
		},
		{
			id: "sources", title: "Prompt tokens by source", axes: []string{"Share of prompt tokens"}, units: []string{"%"}, marks: grownMarks, stacked: true,
			text:  "Where the prompt tokens of each period came from, nearest tier first.",
			lines: sourceLines(figures), without: "No sources of prompt tokens, and no observed hit rate: the server told no cached tokens.",
		},
	}
}

// serverCharts are what servers say of themselves.
func serverCharts() []timeChart {
	return []timeChart{
		{
			id: "queue", title: "Requests in the server", axes: []string{"Requests"}, units: []string{""}, marks: grownMarks,
			text:    "As the server tells them: the mean of each period, and the range that was seen in it.",
			lines:   []Y{stateLine("server.requests_running", "running", "solid"), stateLine("server.requests_waiting", "waiting", "dashed")},
			without: "No requests in the server over time: it told neither those running nor those waiting.",
		},
		{
			id: "kv_usage", title: "KV cache in use", axes: []string{"KV in use"}, units: []string{"%"}, marks: grownMarks,
			text:    "As the server tells it: the mean of each period, and the range that was seen in it.",
			lines:   []Y{stateLine("server.kv_usage", "KV in use", "solid")},
			without: "No KV cache in use over time: the server did not tell it.",
		},
		{
			id: "preemptions", title: "Preemptions", axes: []string{"Preemptions"}, units: []string{""}, marks: grownMarks,
			text:  "Requests that the server put off to make room for others, in each period.",
			lines: []Y{{Key: "server.preemptions", Name: "preemptions"}},
		},
		{
			id: "own_cpu", title: "CPU of the load generator", axes: []string{"Own CPU"}, units: []string{"%"}, marks: grownMarks,
			text:  "Of the CPUs that it may use. Near 100 % the figures above are the client's, not the server's.",
			lines: []Y{stateLine(ownCPU, "own CPU", "solid")},
		},
	}
}

func ttftText(slo scenario.SLO) string {
	text := "Of requests that started since the last change of level or size, so that none stands for another."
	if len(slo.TTFT) > 0 && slo.Margin > 0 {
		text += " The controller looks for a level that stays " + ratePercent(slo.Margin) + " below the limit."
	}
	return text
}

// statLines has one line for each statistic of a family; switched says that the control
// "stats" shows and hides them.
func statLines(family string, stats []string, switched bool) (out []Y) {
	for _, stat := range stats {
		y := Y{Key: family + stat, Name: stat, Stat: stat}
		if !switched {
			y.Stat, y.Dash = "", map[string]string{"p5": "dashed", "p95": "dashed", "p10": "dotted"}[stat]
		}
		out = append(out, y)
	}
	return out
}

func sloRefs(name string, lines []scenario.Line) (out []Ref) {
	for _, l := range lines {
		out = append(out, Ref{Y: l.Limit, Name: name + l.Stat})
	}
	return out
}

func sourceLines(figures []periodFigure) (out []Y) {
	for _, f := range figures {
		if name, ok := strings.CutPrefix(f.key, "share."); ok {
			out = append(out, Y{Key: f.key, Name: name})
		}
	}
	return out
}

func stateLine(key, name, dash string) Y {
	return Y{Key: key, Name: name, Lo: key + ".min", Hi: key + ".max", Dash: dash}
}

// chart makes it, with its marks, and without the ranges that no period has.
func (c timeChart) chart(figures []periodFigure, trials bool) Chart {
	for i := range c.lines {
		if y := &c.lines[i]; y.Lo != "" && !has(figures, y.Lo) {
			y.Lo, y.Hi = "", ""
		}
	}
	if !slices.ContainsFunc(c.lines, func(y Y) bool { return y.Axis == 1 }) {
		c.axes, c.units = c.axes[:1], c.units[:1]
	}
	bind := Bind{Kind: Time, Table: "periods", X: "end", Unit: c.units, Y: c.lines, Refs: c.refs, Marks: c.marks, Stacked: c.stacked}
	if trials {
		bind.Where = []string{"trial"}
	}
	var axes []opts.YAxis
	for _, name := range c.axes {
		axes = append(axes, axis(name, "value"))
	}
	return Chart{ID: c.id, Title: c.title, Text: c.text, Tall: c.tall, Option: timeOption(bind, axes), Bind: bind}
}

// timeOption is the option of a chart over time: lines without symbols, since there are
// thousands of periods.
func timeOption(bind Bind, axes []opts.YAxis) map[string]any {
	line := charts.NewLine()
	line.SetGlobalOptions(append(frame("axis", bind, "value", axes[0]),
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Name: "Time since the cell began", NameLocation: "middle", NameGap: 28}))...)
	for _, more := range axes[1:] {
		line.ExtendYAxis(more)
	}
	for _, s := range bind.Y {
		look := opts.LineChart{YAxisIndex: s.Axis, ShowSymbol: opts.Bool(false)}
		if s.Step {
			look.Step = "start"
		}
		if bind.Stacked {
			look.Stack = "all"
		}
		line.AddSeries(s.Name, nil, charts.WithLineChartOpts(look), charts.WithLineStyleOpts(opts.LineStyle{Type: s.dash(), Width: s.width()}))
	}
	line.Validate()
	return bare(line.JSON())
}
