package html

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
)

// fixedPages are the concurrency analyses of fixed mode, one for each cell, in the order
// of the table.
func (r *Run) fixedPages() (out []*Page) {
	for _, c := range r.fixedCells() {
		out = append(out, r.fixed(c))
	}
	return out
}

// fixedCells groups the merged points of fixed mode by cell, in their order.
func (r *Run) fixedCells() (cells [][]*result.Merged) {
	at := map[string]int{}
	for _, m := range r.Sum.Merged {
		if len(m.Spec.Steps) > 0 || m.Spec.Key == "" {
			continue
		}
		i, ok := at[m.Spec.Key]
		if !ok {
			i = len(cells)
			at[m.Spec.Key] = i
			cells = append(cells, nil)
		}
		cells[i] = append(cells[i], m)
	}
	return cells
}

// fixed is the concurrency analysis of one cell.
func (r *Run) fixed(cell []*result.Merged) *Page {
	spec := cell[0].Spec
	title := fmt.Sprintf("Concurrency at %s context, hit rate %s", sizeLabel(spec.Context), ratePercent(spec.HitRate))
	if spec.HitRate > 0 {
		title = fmt.Sprintf("Concurrency at %s context, %s working set, hit rate %s", sizeLabel(spec.Context), sizeLabel(spec.WorkingSet), ratePercent(spec.HitRate))
	}
	return &Page{
		Name: "fixed_" + spec.Key, Title: title, Lead: "One cell at every level of requests in flight. " + bestLevel(cell, !r.Rec.Run.Scenario.SLO.Empty()),
		Fill: func(p *Page) { r.fillFixed(p, cell) },
	}
}

func (r *Run) fillFixed(p *Page, cell []*result.Merged) {
	s := &sheet{run: r, rows: r.pointRows(cell)}
	s.limits = r.limits(s.rows)
	for _, f := range s.fixedSketches() {
		f.bind.X, f.bind.Where, f.bind.Marks = "concurrency", []string{"trial"}, []string{"best"}
		f.bind.Kind = cmp.Or(f.bind.Kind, Lines)
		s.draw(f)
	}
	p.Notes = append(s.doubts(), stopped(cell)...)
	s.finish(p, []Control{s.statsControl(append(s.named(), "p50", "p95", "p99")...), s.trialControl()}, []string{"concurrency", "trial"}, nil)
	r.drawReuse(p, cell, "concurrency")
}

// bestLevel says which level of a cell passes best; trials may differ in it.
func bestLevel(cell []*result.Merged, slo bool) string {
	var levels []string
	for _, m := range cell {
		if m.Best {
			levels = append(levels, strconv.Itoa(m.Level))
		}
	}
	what := "with the highest output throughput"
	if slo {
		what = "that passes the slo best"
	}
	switch {
	case len(levels) == 1:
		return fmt.Sprintf("The level %s is %s.", what, levels[0])
	case len(levels) > 1:
		return fmt.Sprintf("Trials differ in the level %s: %s.", what, strings.Join(levels, ", "))
	case slo:
		return "No level is known to pass the slo."
	}
	return "No level gives figures that may be believed."
}

// stopped says which levels crossed a limit, and which were not run because of it, each
// reason once.
func stopped(cell []*result.Merged) (out []string) {
	var reasons []string
	levels := map[string][]string{}
	add := func(reason, level string) {
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
		levels[reason] = append(levels[reason], level)
	}
	for _, m := range cell {
		level := strconv.Itoa(m.Level)
		switch {
		case m.Validity == result.ValidSkipped || m.Validity == result.ValidFailed:
			for _, why := range m.Reasons {
				add(string(m.Validity)+": "+why.Text, level)
			}
		case m.Stop != "":
			add("crossed a limit: "+m.Stop, level)
		}
	}
	for _, reason := range reasons {
		word := "Level "
		if len(levels[reason]) > 1 {
			word = "Levels "
		}
		out = append(out, word+strings.Join(levels[reason], ", ")+" "+reason)
	}
	return out
}

// fixedSketches are the charts of a cell, in the order of what is asked first.
func (s *sheet) fixedSketches() []sketch {
	gaps := sketch{id: "itl", title: "Inter-token latency", text: "Gaps between the tokens of a stream: stalls of single tokens that TPOT averages away.",
		bind: Bind{Y: statistics("itl", true, "p50", "p95", "p99")}, axes: []string{"ITL"}}
	if !known(s.rows, "itl.p50") {
		gaps = sketch{id: "icl", title: "Inter-chunk latency", text: "Gaps between the chunks of a stream, whatever they carry: the server does not tell the tokens of each chunk.",
			bind: Bind{Y: statistics("icl", true, "p50", "p95", "p99")}, axes: []string{"ICL"}, absent: "No inter-token latency: no answer has more than one chunk."}
	}
	figures := []sketch{
		{id: "ttft", title: "Time to first token", text: "From the request's first byte to its first token. Where the line bends upward requests begin to queue.",
			bind: Bind{Y: s.ttft()}, axes: []string{"TTFT"}, absent: "No TTFT: no request got a first token."},
		{id: "input", title: "Input throughput", text: "Prompt tokens per second; prefill counts only those that had to be computed. The distance between the lines is what the cache saved.",
			bind: Bind{Y: []Y{{Key: "input_throughput", Name: "input"}, {Key: "prefill_throughput", Name: "prefill (computed)", Dash: "dashed"}}}, axes: []string{"Prompt tokens"}},
		{id: "output", title: "Output throughput", text: "Output tokens per second of all requests together. Where it stays level more requests in flight only wait longer.",
			bind: Bind{Y: []Y{{Key: "output_throughput", Name: "output"}}}, axes: []string{"Output tokens"}},
		{id: "tpot", title: "Time per output token", text: "Time per token after the first, each request's mean: prefill of other requests stalls decode.",
			bind: Bind{Y: statistics("tpot", true, "p50", "p95")}, axes: []string{"TPOT"}, absent: "No TPOT: no answer has more than one token."},
		gaps,
		{id: "rate", title: "Output rate per request", text: "Output tokens per second that one user sees (1 / TPOT); p10 and p5 are the slowest tenth and twentieth.",
			bind: Bind{Y: []Y{{Key: "output_rate.p50", Name: "p50"}, {Key: "output_rate.avg", Name: "avg"}, {Key: "output_rate.p10", Name: "p10", Dash: "dashed"}, {Key: "output_rate.p5", Name: "p5", Dash: "dotted"}}}, axes: []string{"Output rate"}},
		{id: "goodput", title: "Goodput", text: "Requests per second that kept the slo, and their share of all that ended.",
			bind: Bind{Y: []Y{{Key: "goodput", Name: "goodput"}, {Key: "goodput_share", Name: "share", Axis: 1, Dash: "dashed"}}}, axes: []string{"Goodput", "Share of requests"},
			absent: "No goodput: there is no slo line that one request can keep or miss."},
		s.hitRates(),
		{id: "concurrency", title: "Concurrency achieved", text: "Requests in flight, averaged over time, against the target: below it the load generator or the connections were the limit.",
			bind: Bind{Y: []Y{{Key: "concurrency_achieved", Name: "achieved"}, {Key: "concurrency", Name: "target", Dash: "dotted"}}}, axes: []string{"In flight"}},
		s.sources(),
	}
	if errs := s.errors(); errs.id != "" {
		figures = append(figures, errs)
	}
	return figures
}

// hitRates is the chart of the hit rate observed against the one intended.
func (s *sheet) hitRates() sketch {
	f := sketch{id: "hits", title: "Hit rate", text: "Share of prompt tokens found in a cache, against what was sent to be found there.",
		bind: Bind{Y: []Y{{Key: "hit_rate_observed", Name: "observed"}, {Key: "hit_rate_intended", Name: "intended", Dash: "dotted"}}}, axes: []string{"Prompt tokens"}}
	if !known(s.rows, "hit_rate_observed") {
		f.bind.Y, f.absent = nil, "No hit rate: the server does not tell how many prompt tokens it found in its cache."
	}
	return f
}

// sources is the chart of where prompt tokens came from.
func (s *sheet) sources() sketch {
	return sketch{id: "share", title: "Prompt tokens by source", text: "Share of prompt tokens that each tier gave, and that had to be computed.",
		bind: Bind{Kind: Stack, Y: s.stack("share.")}, axes: []string{"Prompt tokens"}}
}

// stack gives one part for each source.
func (s *sheet) stack(family string, without ...string) (out []Y) {
	for _, name := range parts(s.rows, family) {
		if !slices.Contains(without, name) {
			out = append(out, Y{Key: family + name, Name: name})
		}
	}
	return out
}

// errors is the chart of failed attempts; there is none where none failed.
func (s *sheet) errors() sketch {
	for i := range s.rows {
		if s.rows[i].values.Get("error_rate").V > 0 {
			return sketch{id: "errors", title: "Failed attempts", text: "Share of attempts that failed; the reasons name the classes.",
				bind: Bind{Y: []Y{{Key: "error_rate", Name: "failed"}}}, axes: []string{"Attempts"}}
		}
	}
	s.missing = append(s.missing, "No attempt failed: there is no chart of errors.")
	return sketch{}
}
