package html

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/tier"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// mostLines is how many lines a chart shows at once: more cannot be told apart.
const mostLines = 8

// contexts gives the contexts of the points, ascending.
func (r *Run) contexts() (out []int64) {
	seen := map[int64]bool{}
	for _, m := range r.Sum.Merged {
		if !seen[m.Spec.Context] {
			seen[m.Spec.Context] = true
			out = append(out, m.Spec.Context)
		}
	}
	slices.Sort(out)
	return out
}

// ofContext gives the merged points of a context, in their order.
func (r *Run) ofContext(context int64) (out []*result.Merged) {
	for _, m := range r.Sum.Merged {
		if m.Spec.Context == context {
			out = append(out, m)
		}
	}
	return out
}

// workingSets are the pages of performance against working set, one for each context.
func (r *Run) workingSets() (out []*Page) {
	for _, context := range r.contexts() {
		out = append(out, r.workingSet(context))
	}
	return out
}

// workingSet is the page of one context: what every size costs, and where tiers end.
func (r *Run) workingSet(context int64) *Page {
	return &Page{
		Name:  "performance_vs_working_set_" + strconv.FormatInt(context, 10),
		Title: fmt.Sprintf("Performance against working set at %s context", sizeLabel(context)),
		Lead:  "What requests cost as the reusable context outgrows one memory tier after the other.",
		Fill:  func(p *Page) { r.fillWorkingSet(p, context) },
	}
}

func (r *Run) fillWorkingSet(p *Page, context int64) {
	merged := r.ofContext(context)
	s := &sheet{run: r, rows: r.pointRows(merged)}
	s.limits = r.limits(s.rows)
	if slices.ContainsFunc(s.rows, func(p pointRow) bool { return p.sized() }) {
		s.sizeCharts()
	} else {
		s.missing = append(s.missing, "Only hit rate 0 was run: nothing is reused, and nothing depends on the working set. The page of the cell has the charts over concurrency.")
	}
	p.Notes = append(p.Notes, s.doubts()...)
	p.Prose = r.sentences(context, defaultLevel(merged))
	identity := []string{"working_set", "hit_rate", "concurrency", "trial", "reuse_distance"}
	if r.sustained() {
		identity = append(identity, "concurrency_lo", "concurrency_hi")
	}
	s.finish(p, s.sizeControls(merged), identity, func(k result.SeriesKey) bool { return k.Context == context })
}

// sizeCharts draws all charts of a context.
func (s *sheet) sizeCharts() {
	if s.run.sustained() {
		s.draw(s.held())
	}
	for _, f := range s.sizeSketches() {
		f.bind.Kind = cmp.Or(f.bind.Kind, Lines)
		s.draw(f)
	}
	s.latencyThroughput()
}

// isSized is sized as a function.
func isSized(p *pointRow) bool { return p.sized() }

// values gives the different values of a column among the rows that keep chooses,
// ascending.
func (s *sheet) values(key string, keep func(*pointRow) bool) (out []float64) {
	for i := range s.rows {
		if v := s.rows[i].values.Get(key); keep(&s.rows[i]) && v.Known() && !slices.Contains(out, v.V) {
			out = append(out, v.V)
		}
	}
	slices.Sort(out)
	return out
}

// defaultLevel gives the level that the page of a context opens with: the highest that is
// ok at every size and hit rate of the context, else the lowest. What was run at hit rate
// 0 has no size. 0 when there is no level.
func defaultLevel(merged []*result.Merged) int {
	best, good, cells := 0, map[int]int{}, map[string]bool{}
	for _, m := range merged {
		if m.Spec.HitRate <= 0 || m.Level <= 0 {
			continue
		}
		if best == 0 || m.Level < best {
			best = m.Level
		}
		cells[m.Spec.Key] = true
		if m.Validity == result.ValidOK {
			good[m.Level]++
		}
	}
	for level, n := range good {
		if n == len(cells) {
			best = max(best, level)
		}
	}
	return best
}

// sizeSketches are the charts over the working set.
func (s *sheet) sizeSketches() []sketch {
	where, marks, tiers := s.where("rates"), []string{"transitions", "recompute"}, []string{"transitions", "capacities", "recompute"}
	one := s.where("rate")
	over := func(id, title, text, axis string, ys ...Y) sketch {
		return sketch{id: id, title: title, text: text, axes: []string{axis}, bind: Bind{By: "hit_rate", Where: where, Marks: marks, Y: ys}}
	}
	ttft := over("ttft", "Time to first token", "A step up is the edge of a tier: the prompt's prefix comes from farther away, or is computed again.", "TTFT", s.ttft()...)
	ttft.bind.Marks, ttft.tall = tiers, true
	ttft.absent = "No TTFT: no request got a first token."
	tpot := over("tpot", "Time per output token", "Time per token after the first: loading and computing prefixes of other requests stalls decode.", "TPOT", statistics("tpot", true, "p50", "p95")...)
	tpot.absent = "No TPOT: no answer has more than one token."
	hits := s.hitRates()
	hits.bind.By, hits.bind.Where, hits.bind.Marks = "hit_rate", where, tiers[:2]
	goodput := over("goodput", "Goodput", "Requests per second that kept the slo; their share of all that ended is in the table.", "Goodput", Y{Key: "goodput", Name: "goodput"})
	goodput.absent = "No goodput: there is no slo line that one request can keep or miss."
	return []sketch{
		ttft,
		{id: "ttft_heat", title: "TTFT distribution", text: "Share of the requests in each bin of TTFT, one hit rate at one level: each bright band is a tier, two bands at one size are a mixture.", tall: !s.run.sustained(),
			axes: []string{"TTFT"}, bind: Bind{Kind: Heat, Where: one, Y: []Y{{Key: "ttft_bins", Name: "share of requests"}}}},
		over("input", "Input throughput", "Prompt tokens per second, found in a cache or computed. It rises with hits and says little of the engine by itself: see prefill.", "Prompt tokens", Y{Key: "input_throughput", Name: "input"}),
		over("prefill", "Prefill throughput", "Prompt tokens per second that had to be computed: what the engine's prefill did.", "Computed tokens", Y{Key: "prefill_throughput", Name: "prefill"}),
		over("output", "Output throughput", "Output tokens per second of all requests together.", "Output tokens", Y{Key: "output_throughput", Name: "output"}),
		tpot,
		goodput,
		hits,
		s.reuse("source.", "reused", "Reused tokens by source", "Prompt tokens per second that each tier gave.", "Reused tokens"),
		s.reuse("bandwidth.", "bandwidth", "Reused KV by source", "The same in GB/s of KV: what each tier delivered, to be held against its bandwidth.", "KV"),
		{id: "share", title: "Prompt tokens by source", text: "Share of prompt tokens that each tier gave, and that had to be computed: the edge of a tier is where its share falls.",
			axes: []string{"Prompt tokens"}, bind: Bind{Kind: Stack, Where: one, Y: s.stack("share.")}, absent: "No prompt tokens by source: the server tells no cached tokens."},
	}
}

// reuse is the chart of what each source gave.
func (s *sheet) reuse(family, id, title, text, axis string) sketch {
	f := sketch{id: id, title: title, text: text, axes: []string{axis}, bind: Bind{Kind: Stack, Where: s.where("rate"), Y: s.stack(family, result.SourceComputed)}}
	if family == "bandwidth." {
		f.absent = "No GB/s: the bytes of a token's KV are not known; target.kv_bytes_per_token gives them."
	}
	return f
}

// where gives the controls that choose the rows of a chart over the working set: in
// sustained mode the level is a result.
func (s *sheet) where(rates string) []string {
	if s.run.sustained() {
		return []string{rates, "trial"}
	}
	return []string{"level", rates, "trial"}
}

// held is the first chart of a sustained run: what the slo lets in, and what it is worth.
func (s *sheet) held() sketch {
	return sketch{id: "held", title: "Concurrency held, and goodput", tall: true, axes: []string{"Requests in flight", "Goodput"},
		text: "The highest concurrency that kept the slo at each size; a bar between two levels where the search did not converge. Dashed: requests per second that kept it.",
		bind: Bind{Kind: Lines, By: "hit_rate", Where: s.where("rates"), Marks: []string{"transitions", "capacities"}, Y: []Y{
			{Key: "concurrency", Name: "held", Lo: "concurrency_lo", Hi: "concurrency_hi"}, {Key: "goodput", Name: "goodput", Axis: 1, Dash: "dashed"}}}}
}

// latencyThroughput draws the curves of fixed mode, one for each working set: each of
// their points is a level.
func (s *sheet) latencyThroughput() {
	if s.run.sustained() {
		return
	}
	if len(s.values("concurrency", isSized)) < 2 {
		s.missing = append(s.missing, "No latency-throughput curves: they need more than one level.")
		return
	}
	x, text := "output_throughput", "one curve for each working set, one point for each level"
	if known(s.rows, "output_throughput_per_gpu") {
		x, text = "output_throughput_per_gpu", text+"; throughput is that of one GPU"
	}
	curve := func(id, title, text, axis string, y Y) sketch {
		return sketch{id: id, title: title, text: text, axes: []string{axis}, bind: Bind{Kind: Lines, X: x, By: "working_set", Join: "concurrency", Where: []string{"rate", "sizes", "trial"}, Y: []Y{y}}}
	}
	s.draw(curve("latency_throughput", "Latency against throughput", "Right and low is better: "+text+".", "TTFT p95", Y{Key: "ttft.p95", Name: "", Lower: true}))
	s.draw(curve("user_throughput", "Rate per user against throughput", "Output tokens per second that half of the users see at least (1 / TPOT). Right and high is better: "+text+".", "Output rate p50", Y{Key: "output_rate.p50", Name: ""}))
}

// sizeControls are the controls of the page of a context.
func (s *sheet) sizeControls(merged []*result.Merged) []Control {
	if len(s.charts) == 0 {
		return nil
	}
	rates := s.values("hit_rate", isSized)
	return []Control{
		s.levelControl(merged), s.ratesControl(rates), s.rateControl(rates), s.xControl(), s.statsControl(s.shown()...),
		s.sizesControl(), s.logControl(), s.trialControl(), s.speedControl(),
	}
}

// shown gives the statistics that charts over the working set begin with: the median and
// the one that the slo is about, else p95.
func (s *sheet) shown() []string {
	if named := s.named(); len(named) > 0 && named[0] != "p50" {
		return []string{"p50", named[0]}
	}
	return []string{"p50", "p95"}
}

// levelControl chooses one level, or the best passing one of each size.
func (s *sheet) levelControl(merged []*result.Merged) Control {
	levels := s.values("concurrency", func(*pointRow) bool { return true })
	if s.run.sustained() || len(levels) < 2 {
		return Control{}
	}
	c := Control{ID: "level", Label: "Requests in flight", Kind: "one", Key: "concurrency"}
	for _, level := range levels {
		c.Options = append(c.Options, Option{Value: value(level), Label: value(level)})
	}
	best := "highest output throughput"
	if !s.run.Rec.Run.Scenario.SLO.Empty() {
		best = "best passing"
	}
	if slices.ContainsFunc(s.rows, func(p pointRow) bool { return p.best }) {
		c.Options = append(c.Options, Option{Value: "best", Label: best, Match: "best"})
	}
	c.Default = []string{strconv.Itoa(defaultLevel(merged))}
	if !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == c.Default[0] }) { // only hit rate 0
		c.Default = []string{c.Options[0].Value}
	}
	return c
}

// ratesControl shows and hides hit rates; four are shown at once, each with two
// statistics.
func (s *sheet) ratesControl(rates []float64) Control {
	if len(rates) < 2 {
		return Control{}
	}
	c := Control{ID: "rates", Label: "Hit rates", Kind: "many", Key: "hit_rate", Options: rateOptions(rates)}
	for _, rate := range evenly(rates, mostLines/2) {
		c.Default = append(c.Default, value(rate))
	}
	return c
}

// rateControl chooses the one hit rate of charts that have room for one: the highest that
// was measured, which is not the highest one of a run that was cut short.
func (s *sheet) rateControl(rates []float64) Control {
	if len(rates) < 2 {
		return Control{}
	}
	best := rates[len(rates)-1]
	if seen := s.values("hit_rate", func(p *pointRow) bool { return p.sized() && p.measured() }); len(seen) > 0 {
		best = seen[len(seen)-1]
	}
	return Control{ID: "rate", Label: "Distribution, sources and curves at", Kind: "one", Key: "hit_rate", Options: rateOptions(rates), Default: []string{value(best)}}
}

func rateOptions(rates []float64) (out []Option) {
	for _, rate := range rates {
		out = append(out, Option{Value: value(rate), Label: "hit " + scenario.FormatPercent(rate) + "%"})
	}
	return out
}

// evenly gives at most n of xs, the first and the last among them.
func evenly(xs []float64, n int) (out []float64) {
	if len(xs) <= n {
		return xs
	}
	for i := range n {
		out = append(out, xs[i*(len(xs)-1)/(n-1)])
	}
	return out
}

// xControl chooses what sizes are measured in.
func (s *sheet) xControl() Control {
	c := Control{ID: "x", Label: "X axis", Kind: "one", Default: []string{"tokens"}, Options: []Option{
		{Value: "tokens", Label: "Working set", Key: "working_set", Unit: "tokens", Lo: "size_lo", Hi: "size_hi", At: "working_set"}}}
	if bytes := s.run.Rec.KVBytesPerToken(); bytes > 0 {
		c.Options = append(c.Options, Option{Value: "gib", Label: "KV of the working set", Key: "working_set", Scale: bytes / (1 << 30), Unit: "GiB", Lo: "size_lo", Hi: "size_hi", At: "working_set"})
	}
	c.Options = append(c.Options, Option{Value: "reuse", Label: "Reuse distance", Key: "reuse_distance", Unit: "tokens", Lo: "edge_lo", Hi: "edge_hi", At: "reuse_distance"})
	return c
}

// sizesControl chooses the working sets that have a curve.
func (s *sheet) sizesControl() Control {
	sizes := s.values("working_set", isSized)
	if len(sizes) < 2 || !slices.ContainsFunc(s.charts, func(c Chart) bool { return slices.Contains(c.Bind.Where, "sizes") }) {
		return Control{}
	}
	c := Control{ID: "sizes", Label: "Curves of", Kind: "many", Key: "working_set"}
	for _, size := range sizes {
		c.Options = append(c.Options, Option{Value: value(size), Label: sizeLabel(int64(size))})
	}
	for _, size := range evenly(sizes, mostLines) {
		c.Default = append(c.Default, value(size))
	}
	return c
}

func (s *sheet) logControl() Control {
	return Control{ID: "log", Label: "Scale of X", Kind: "one", Default: []string{"auto"}, Options: []Option{
		{Value: "auto", Label: "auto"}, {Value: "log", Label: "logarithmic"}, {Value: "linear", Label: "linear"}}}
}

// speedControl shows figures as a multiple of what computing every prompt again gives,
// where that was measured.
func (s *sheet) speedControl() Control {
	computed := func(p pointRow) bool { return !p.sized() && p.measured() }
	if !slices.ContainsFunc(s.rows, computed) || !slices.ContainsFunc(s.rows, func(p pointRow) bool { return p.sized() }) {
		return Control{}
	}
	return Control{ID: "speedup", Label: "Speed-up over recompute", Kind: "switch"}
}

// sentences says, for the level that the page of a context opens with, where tiers end,
// and how that compares with what is stated or told of them: of the highest hit rate, and
// folded away of the others, which would push the charts off the screen.
func (r *Run) sentences(context int64, level int) template.HTML {
	k := r.nearest(context, level)
	out := lines{Shown: r.clauses(r.edgeLines(context, level, func(s result.SeriesKey) bool { return s == k }))}
	for _, f := range r.Sum.Capacity {
		if len(out.Shown) > 0 && f.SeriesKey == k {
			out.Shown = append(out.Shown, clause{About: "Hit rate " + ratePercent(f.HitRate) + ", " + f.Text})
		}
	}
	more := r.clauses(r.edgeLines(context, level, func(s result.SeriesKey) bool { return s != k }))
	if len(more) > 3 {
		out.More, out.Head = more, fmt.Sprintf("%d more, of other hit rates", len(more))
	} else {
		out.Shown = append(more, out.Shown...)
	}
	if len(out.Shown) == 0 {
		return ""
	}
	return `<h2>Where tiers end</h2>` + prose("lines", out)
}

// edgeLines says the transitions of a context at a level, of the series that keep chooses,
// or why there are none.
func (r *Run) edgeLines(context int64, level int, keep func(result.SeriesKey) bool) []string {
	return r.seriesLines(func(k result.SeriesKey) (string, bool) {
		where := "Hit rate " + ratePercent(k.HitRate)
		if k.Level != 0 {
			where += ", " + strconv.Itoa(k.Level) + " in flight"
		}
		return where + ": ", k.Context == context && (k.Level == 0 || k.Level == level) && keep(k)
	})
}

// seriesLines says the transitions of every series that name wants, or why it has none.
// Over several trials an edge is said once, with the bracket that holds it in each of
// them; what is about one trial names it.
func (r *Run) seriesLines(name func(result.SeriesKey) (string, bool)) (lines []string) {
	edges := result.HeadlineOf(r.Sum).Edges
	for i, s := range r.Sum.Series {
		where, wanted := name(s.SeriesKey)
		if !wanted {
			continue
		}
		transitions, of := s.Transitions, ""
		if r.repeated() {
			transitions, of = nil, " [trial "+strconv.Itoa(s.Trial)+"]"
			if i == 0 || r.Sum.Series[i-1].SeriesKey != s.SeriesKey {
				transitions = r.together(s.SeriesKey, edges)
			}
		}
		for _, t := range transitions {
			lines = append(lines, where+strings.Replace(tier.Sentence(t), "->", "→", 1))
		}
		if s.None != "" {
			lines = append(lines, where+s.None+of)
		}
	}
	return lines
}

// together gives the transitions of a series over its trials.
func (r *Run) together(k result.SeriesKey, edges []result.Edge) (out []tier.Transition) {
	for _, e := range edges {
		if e.Context == k.Context && e.HitRate == k.HitRate && (k.Level == 0 || e.Level == k.Level) {
			out = append(out, r.overTrials(e))
		}
	}
	return out
}

// nearest is the series of a context at a level with the highest hit rate: it has the
// least private KV, so that its edges lie nearest to what the tiers hold.
func (r *Run) nearest(context int64, level int) (k result.SeriesKey) {
	for _, s := range r.Sum.Series {
		if s.Context == context && (s.Level == 0 || s.Level == level) && s.HitRate >= k.HitRate {
			k = s.SeriesKey
		}
	}
	return k
}
