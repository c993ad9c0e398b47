package html

import (
	"slices"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario/metric"
)

// comparisons are the pages that hold contexts beside each other. With one context they
// have one line.
func (r *Run) comparisons() []*Page {
	if !slices.ContainsFunc(r.Sum.Merged, func(m *result.Merged) bool { return m.Spec.HitRate > 0 }) {
		return nil
	}
	return []*Page{
		{Name: "output_throughput_comparison", Title: "Throughput across contexts", Fill: r.fillThroughput,
			Lead: "Output and input tokens per second against the working set, one line for each context; dashed, on the right axis, as a multiple of the smallest working set."},
		{Name: "output_metrics_comparison", Title: "Latency and output across contexts", Fill: r.fillMetrics,
			Lead: "What one request sees against the working set, one line for each context."},
	}
}

// comparison is a sheet of all points that have a size.
func (r *Run) comparison() *sheet {
	rows := slices.DeleteFunc(r.pointRows(r.Sum.Merged), func(p pointRow) bool { return !p.sized() })
	return &sheet{run: r, rows: rows, limits: r.limits(rows)}
}

// speedUps adds to each row how much more it has of a throughput than the smallest
// working set of the same context, hit rate, level and trial. Where that has none, or
// none that may be believed, there is no speed-up.
func speedUps(rows []pointRow, key string) {
	type series struct {
		result.SeriesKey
		trial int
	}
	of := func(p *pointRow) series {
		k := series{result.SeriesKey{Context: p.spec.Context, HitRate: p.spec.HitRate}, p.trial}
		if len(p.spec.Steps) == 0 {
			k.Level = p.level
		}
		return k
	}
	smallest := map[series]*pointRow{}
	for i := range rows {
		p := &rows[i]
		if first := smallest[of(p)]; first == nil || p.spec.WorkingSet < first.spec.WorkingSet {
			smallest[of(p)] = p
		}
	}
	for i := range rows {
		base, v := smallest[of(&rows[i])], rows[i].values.Get(key)
		from := base.values.Get(key)
		if usable := base.validity == result.ValidOK || base.validity == result.ValidDoubt; usable && from.State == metric.Exact && from.V > 0 && v.Known() {
			v.V /= from.V
			rows[i].values.Set(key+"_speedup", v)
		}
	}
}

// fillThroughput draws output and input throughput of every context.
func (r *Run) fillThroughput(p *Page) {
	s := r.comparison()
	speedUps(s.rows, "output_throughput")
	speedUps(s.rows, "input_throughput")
	both := func(id, title, text, name, key string) sketch {
		return sketch{id: id, title: title, text: text, axes: []string{name, "Speed-up"}, tall: true, bind: s.byContext(
			Y{Key: key, Name: ""}, Y{Key: key + "_speedup", Name: "speed-up", Axis: 1, Dash: "dashed"})}
	}
	s.draw(both("output", "Output throughput", "Output tokens per second of all requests together. Dashed: over the smallest working set of the same context and level.", "Output tokens", "output_throughput"))
	s.draw(both("input", "Input throughput", "Prompt tokens per second, found in a cache or computed. Dashed: over the smallest working set of the same context and level.", "Prompt tokens", "input_throughput"))
	p.Notes = s.doubts()
	s.finish(p, s.comparisonControls(), s.comparisonIdentity(), nil)
}

// fillMetrics draws what one request sees at every context.
func (r *Run) fillMetrics(p *Page) {
	s := r.comparison()
	if r.sustained() {
		for _, f := range s.heldComparison() {
			s.draw(f)
		}
	}
	line := func(id, title, text, axis string, ys ...Y) sketch {
		return sketch{id: id, title: title, text: text, axes: []string{axis}, bind: s.byContext(ys...)}
	}
	tpot := line("tpot", "Time per output token, mean", "Time per token after the first, the mean over requests; dashed: the mean gap between tokens.", "TPOT, ITL",
		Y{Key: "tpot.avg", Name: "TPOT", Lower: true}, Y{Key: "itl.avg", Name: "ITL", Lower: true, Dash: "dashed"})
	tpot.absent = "No TPOT: no answer has more than one token."
	if known(s.rows, "tpot.avg") && !known(s.rows, "itl.avg") {
		s.missing = append(s.missing, "No ITL: the server does not tell the tokens of each chunk.")
	}
	s.draw(line("ttft", "Time to first token, p95", "A step up is the edge of a tier: longer prompts reach it with fewer of them, at the same number of tokens.", "TTFT p95", Y{Key: "ttft.p95", Name: "", Lower: true}))
	s.draw(tpot)
	s.draw(line("rate", "Output rate per request", "Output tokens per second that one user sees (1 / TPOT): the median over requests; dashed, their mean.", "Output rate",
		Y{Key: "output_rate.p50", Name: "p50"}, Y{Key: "output_rate.avg", Name: "avg", Dash: "dashed"}))
	controls := s.comparisonControls()
	if len(r.contexts()) > 1 {
		s.draw(sketch{id: "matrix", title: "Context × working set", text: "The chosen figure of every context and size, with its number; doubtful ones in brackets.", axes: []string{"Context"},
			bind: Bind{Kind: Matrix, X: "working_set", By: "context", Where: s.comparisonWhere(), Y: measures}})
		controls = append(controls, s.measureControl())
	}
	p.Notes = s.doubts()
	s.finish(p, controls, s.comparisonIdentity(), nil)
}

// measures are what the matrix of contexts and working sets may show.
var measures = []Y{
	{Key: "ttft.p95", Name: "TTFT p95", Lower: true}, {Key: "ttft.p50", Name: "TTFT p50", Lower: true}, {Key: "output_throughput", Name: "Output throughput"}, {Key: "input_throughput", Name: "Input throughput"},
	{Key: "tpot.avg", Name: "TPOT avg", Lower: true}, {Key: "output_rate.avg", Name: "Output rate avg"}, {Key: "goodput", Name: "Goodput"}, {Key: "hit_rate_observed", Name: "Hit rate observed"},
}

// measureControl chooses what the matrix shows.
func (s *sheet) measureControl() Control {
	c := Control{ID: "measure", Label: "Figure of the matrix", Kind: "one"}
	for _, y := range measures {
		if known(s.rows, y.Key) {
			_, unit, _ := describe(y.Key)
			c.Options = append(c.Options, Option{Value: y.Key, Label: y.Name, Unit: unit})
		}
	}
	if len(c.Options) < 2 {
		return Control{}
	}
	c.Default = []string{c.Options[0].Value}
	return c
}

// byContext binds statistics over the working set, one line for each context.
func (s *sheet) byContext(ys ...Y) Bind {
	return Bind{Kind: Lines, By: "context", Where: append(s.comparisonWhere(), "contexts"), Y: ys}
}

func (s *sheet) comparisonWhere() []string { return s.where("rate") }

func (s *sheet) comparisonIdentity() []string {
	return []string{"context", "working_set", "hit_rate", "concurrency", "trial", "reuse_distance"}
}

// comparisonControls are the controls that both comparisons have.
func (s *sheet) comparisonControls() []Control {
	if len(s.charts) == 0 {
		return nil
	}
	rates := s.values("hit_rate", isSized)
	rate := s.rateControl(rates)
	rate.Label = "Hit rate"
	return []Control{s.levelControl(s.run.Sum.Merged), rate, s.contextsControl(), s.xControl(), s.logControl(), s.trialControl()}
}

// contextsControl shows and hides contexts.
func (s *sheet) contextsControl() Control {
	contexts := s.values("context", isSized)
	if len(contexts) < 2 {
		return Control{}
	}
	c := Control{ID: "contexts", Label: "Contexts", Kind: "many", Key: "context"}
	for _, v := range contexts {
		c.Options = append(c.Options, Option{Value: value(v), Label: sizeLabel(int64(v))})
	}
	for _, v := range evenly(contexts, mostLines/2) {
		c.Default = append(c.Default, value(v))
	}
	return c
}
