package html

import (
	"cmp"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/runner/survey"
	"github.com/wsrun/wsrun/scenario/metric"
)

// mapPrefix begins the names of the pages of maps.
const mapPrefix = "tier_map_"

// mapped reports whether the run is a map: its points are tiers.
func (r *Run) mapped() bool {
	return r.Rec.Run.Scenario != nil && r.Rec.Run.Scenario.Mode == "map"
}

// mapPages are the pages of maps, one for each context.
func (r *Run) mapPages() (out []*Page) {
	for _, context := range r.contexts() {
		out = append(out, &Page{
			Name: mapPrefix + strconv.FormatInt(context, 10), Title: "Tier map at " + sizeLabel(context) + " context",
			Lead: "What a prompt costs that is asked for again, against how much was sent since its last use. Each point is one request, sent alone.",
			Fill: func(p *Page) { r.fillMap(p, context) },
		})
	}
	return out
}

// look is one answer of a map as a row.
type look struct {
	survey.Look
	trial, number int
	tier          string
	sources       []result.Source
}

// inside names depths that may be of either side of an edge.
const inside = "inside a bracket"

// looks gives every answer of a context's maps that counted, by trial and depth.
func (r *Run) looks(context int64) (out []look) {
	for _, m := range r.Sum.Maps {
		if m.Spec.Context != context {
			continue
		}
		from := len(out)
		for i, l := range m.Looks {
			out = append(out, look{Look: l, trial: m.Trial, number: i + 1, tier: cmp.Or(m.TierAt(l.Depth), inside), sources: result.LookSources(l)})
		}
		slices.SortStableFunc(out[from:], func(a, b look) int { return a.Depth - b.Depth })
	}
	return out
}

// source is where most of a look's prompt tokens came from, empty where that is not told.
func (l *look) source() string {
	best, most := "", 0.0
	for _, s := range l.sources {
		if s.Share.V > most {
			best, most = s.Name, s.Share.V
		}
	}
	return best
}

func (r *Run) fillMap(p *Page, context int64) {
	merged, looks := r.ofContext(context), r.looks(context)
	rows := r.pointRows(merged)
	keep := func(k result.SeriesKey) bool { return k.Context == context }
	p.Prose = r.mapProse(merged[0].Spec.Key)
	p.Notes = tierDoubts(merged)
	p.Tables = append(p.Tables, tiersTable(rows))
	if len(looks) > 0 {
		m := &mapSheet{run: r, rows: rows, looks: looks, named: slices.Contains([]string{"sources", "counters"}, report.ToldBy(r.mapsOf(context)))}
		p.View.Controls = m.controls()
		p.View.Charts = m.charts()
		p.Tables = append(p.Tables, looksTable(looks, m.named))
		if len(p.View.Charts) == 1 {
			p.Notes = append(p.Notes, "No hit share: the server does not tell how many prompt tokens it found in its cache. TTFT alone tells the tiers apart.")
		}
	}
	p.Tables = append(p.Tables, r.tierTables(keep)...)
}

// tierDoubts says how many of the tiers may not be believed as they stand.
func tierDoubts(merged []*result.Merged) (out []string) {
	for _, v := range []result.Validity{result.ValidDoubt, result.ValidInvalid, result.ValidSkipped, result.ValidFailed} {
		n := 0
		for _, m := range merged {
			if m.Validity == v {
				n++
			}
		}
		if n > 0 {
			out = append(out, strconv.Itoa(n)+" of "+plural(len(merged), "row")+" of the tiers: "+string(v)+"; the reasons are in their table.")
		}
	}
	return out
}

// mapsOf gives the maps of a context.
func (r *Run) mapsOf(context int64) (out []*result.Map) {
	for _, m := range r.Sum.Maps {
		if m.Spec.Context == context {
			out = append(out, m)
		}
	}
	return out
}

// mapProse says what a map found in the console's words, and what stated and told
// capacities say of it.
func (r *Run) mapProse(cell string) template.HTML {
	found := report.MapLines(r.Sum, cell)
	for _, f := range r.Sum.Capacity {
		if len(r.Sum.Maps) > 0 && strings.HasPrefix(cell, "ctx"+strconv.FormatInt(f.Context, 10)+"_") {
			found = append(found, f.Text)
			if f.Cost != "" {
				found = append(found, f.Cost)
			}
		}
	}
	return prose("map", struct{ Found, Policy, Cost []clause }{r.clauses(found), r.clauses(report.PolicyLines(r.Sum, cell)), r.clauses(report.MapCosts(r.Sum, cell))})
}

// mapSheet is the page of a map while it is made.
type mapSheet struct {
	run   *Run
	rows  []pointRow
	looks []look
	named bool // tiers are told by source
}

// controls choose the trials, the unit and the scale of reuse distance.
func (m *mapSheet) controls() (out []Control) {
	if n := m.looks[len(m.looks)-1].trial; m.trials() > 1 {
		c := Control{ID: "trials", Label: "Trials", Kind: "many", Key: "trial"}
		for i := range n {
			v := strconv.Itoa(i + 1)
			c.Options, c.Default = append(c.Options, Option{Value: v, Label: "trial " + v}), append(c.Default, v)
		}
		out = append(out, c)
	}
	if bytes := m.run.Rec.KVBytesPerToken(); bytes > 0 {
		x := Option{Value: "tokens", Label: "Reuse distance", Key: "reuse_distance", Unit: "tokens", Lo: "edge_lo", Hi: "edge_hi", At: "reuse_distance"}
		kv := x
		kv.Value, kv.Label, kv.Scale, kv.Unit = "gib", "KV of the reuse distance", bytes/(1<<30), "GiB"
		out = append(out, Control{ID: "x", Label: "X axis", Kind: "one", Default: []string{"tokens"}, Options: []Option{x, kv}})
	}
	return append(out, (&sheet{}).logControl())
}

func (m *mapSheet) trials() int {
	trials := map[int]bool{}
	for i := range m.looks {
		trials[m.looks[i].trial] = true
	}
	return len(trials)
}

// charts draw every look: its TTFT, and where it is told the share that was found.
func (m *mapSheet) charts() []Chart {
	by := "tier"
	if m.named {
		by = "source"
	}
	bind := Bind{Kind: Lines, Table: "looks", By: by, Loose: true, Marks: []string{"transitions", "capacities"}}
	if m.run.Rec.KVBytesPerToken() <= 0 {
		bind.X = "reuse_distance"
	}
	if m.trials() > 1 {
		bind.Where = []string{"trials"}
	}
	ttft := bind
	ttft.Unit, ttft.Y, ttft.Refs = []string{"s"}, []Y{{Key: "ttft", Name: "TTFT"}}, m.refs()
	ttft.Marks = append(slices.Clone(bind.Marks), "recomputed")
	kind := "value"
	if m.spans() {
		kind = "log"
	}
	out := []Chart{{ID: "ttft", Title: "Time to first token against reuse distance", Tall: true, Option: option(ttft, axis("TTFT", kind)), Bind: ttft,
		Text: "A step up is the edge of a tier; a band is where it lies, as narrow as it is known. The level line is what a prompt costs that is computed again."}}
	if !slices.ContainsFunc(m.looks, func(l look) bool { return l.sources != nil }) {
		return out
	}
	hits := bind
	hits.Unit, hits.Y = []string{"%"}, []Y{{Key: "hit_rate_observed", Name: "found"}}
	return append(out, Chart{ID: "hits", Tall: true, Title: "Share found in a cache against reuse distance", Option: option(hits, axis("Prompt tokens", "value")), Bind: hits,
		Text: "Prompt tokens that the server told it found. A full hit computes its last block; at an edge a prompt may be found in part."})
}

// refs are the limits of thresholds on TTFT.
func (m *mapSheet) refs() (out []Ref) {
	for _, l := range m.run.limits(m.rows) {
		if stat, ok := strings.CutPrefix(l.key, "ttft."); ok {
			name := strings.TrimSpace(l.name + " " + stat)
			if l.part {
				name += " (some tiers)"
			}
			out = append(out, Ref{Y: l.value, Name: name})
		}
	}
	return out
}

// spans reports whether TTFT needs a logarithmic axis to tell the tiers apart.
func (m *mapSheet) spans() bool {
	least, most := m.looks[0].TTFT, m.looks[0].TTFT
	for i := range m.looks {
		least, most = min(least, m.looks[i].TTFT), max(most, m.looks[i].TTFT)
	}
	return most > 10*least
}

// looksTable is every look of a map: the data of its charts.
func looksTable(looks []look, named bool) Table {
	number := func(key, head, unit, title string, cell func(b []byte, l *look) []byte) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return cell(b, &looks[i]) }}
	}
	text := func(key, head, title string, cell func(*look) string) Column {
		return Column{Key: key, Head: head, Title: title, Text: true, Cell: func(b []byte, i int) []byte { return Text(b, cell(&looks[i])) }}
	}
	t := Table{ID: "looks", Caption: "All looks: each a prompt that was asked for again, alone", Rows: len(looks), Sortable: true, Columns: []Column{
		number("trial", "Trial", "", "number of the trial", func(b []byte, l *look) []byte { return AppendNumber(b, float64(l.trial)) }),
		number("reuse_distance", "Reuse distance", "tokens", "tokens sent since the prompt's last use", func(b []byte, l *look) []byte {
			if l.Distance == sample.Unknown {
				return b
			}
			return AppendNumber(b, float64(l.Distance))
		}),
		number("depth", "Depth", "", "position in the LRU stack of prompts, 1 for the newest", func(b []byte, l *look) []byte { return AppendNumber(b, float64(l.Depth)) }),
		number("ttft", "TTFT", "s", "time to first token", func(b []byte, l *look) []byte { return AppendNumber(b, l.TTFT) }),
		number("hit_rate_observed", "Found", "%", "prompt tokens told cached / prompt tokens", func(b []byte, l *look) []byte { return AppendValue(b, l.found()) }),
		text("source", "Source", "where most of its prompt tokens came from, as told", (*look).source),
		text("tier", "Tier", "the tier that its depth belongs to", func(l *look) string { return l.tier }),
		number("number", "Asked as", "", "order of asking", func(b []byte, l *look) []byte { return AppendNumber(b, float64(l.number)) }),
	}}
	told := slices.ContainsFunc(looks, func(l look) bool { return l.sources != nil })
	one := looks[0].trial == looks[len(looks)-1].trial
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool {
		return c.Key == "trial" && one || c.Key == "hit_rate_observed" && !told || c.Key == "source" && !named
	})
	return t
}

// found is the share of a look's prompt tokens that was told cached.
func (l *look) found() metric.Value {
	for _, s := range l.sources {
		if s.Name == result.SourceComputed {
			return metric.Of(100 - s.Share.V)
		}
	}
	return metric.Value{}
}

// tiersTable is one line for each tier of a map, over its trials and in each.
func tiersTable(rows []pointRow) Table {
	tier := func(key, head, unit, title string, of func(*result.Tier) (float64, bool)) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte {
			if t := rows[i].tier; t != nil {
				if v, ok := of(t); ok {
					return AppendNumber(b, v)
				}
			}
			return b
		}}
	}
	name := Column{Key: "tier", Head: "Tier", Title: "as told, else as stated, else a number; recompute: prompts that are computed again", Text: true, Cell: func(b []byte, i int) []byte {
		if t := rows[i].tier; t != nil {
			return Text(b, t.Name)
		}
		return b
	}}
	looks := Column{Key: "looks", Head: "Looks", Title: "answers that the row is made of", Cell: func(b []byte, i int) []byte {
		if rows[i].tier == nil {
			return b
		}
		return AppendNumber(b, float64(rows[i].samples))
	}}
	t := pointsTable(rows, append([]string{"context", "trial", "ttft.p50", "ttft.p95"}, shareKeys(rows)...)...)
	t.ID, t.Caption = "tiers", "Tiers, nearest first"
	at := func(not ...string) int {
		i := slices.IndexFunc(t.Columns, func(c Column) bool { return !slices.Contains(not, c.Key) })
		return max(i, 0)
	}
	t.Columns = slices.Insert(t.Columns, at("context", "trial"), name,
		tier("to_lo", "Holds to", "tokens", "the largest reuse distance that is of this tier; empty where no end was found", bracketEnd(toOf, func(b *survey.Bracket) int64 { return b.LoTokens })),
		tier("to_hi", "Ends by", "tokens", "the smallest reuse distance that is beyond it", bracketEnd(toOf, func(b *survey.Bracket) int64 { return b.HiTokens })),
		tier("ms_per_1k", "Cost", "ms", "added ms per 1000 reused tokens against the tier before", func(t *result.Tier) (float64, bool) { return t.MsPer1k, !math.IsNaN(t.MsPer1k) }),
		looks,
	)
	t.Columns = slices.Insert(t.Columns, at("context", "trial", "tier", "to_lo", "to_hi", "ms_per_1k", "looks", "ttft.p50", "ttft.p95"),
		tier("to_lo_prompts", "Holds to, prompts", "", "the deepest prompt that is of this tier", bracketEnd(toOf, func(b *survey.Bracket) int64 { return int64(b.Lo) })),
		tier("to_hi_prompts", "Ends by, prompts", "", "the first prompt that is not", bracketEnd(toOf, func(b *survey.Bracket) int64 { return int64(b.Hi) })),
		tier("from_lo", "Begins after", "tokens", "the largest reuse distance that is still of the tier before", bracketEnd(fromOf, func(b *survey.Bracket) int64 { return b.LoTokens })),
		tier("from_hi", "Begins by", "tokens", "the smallest reuse distance that is of this one", bracketEnd(fromOf, func(b *survey.Bracket) int64 { return b.HiTokens })),
	)
	return t
}

func fromOf(t *result.Tier) *survey.Bracket { return t.From }
func toOf(t *result.Tier) *survey.Bracket   { return t.To }

func bracketEnd(of func(*result.Tier) *survey.Bracket, end func(*survey.Bracket) int64) func(*result.Tier) (float64, bool) {
	return func(t *result.Tier) (float64, bool) {
		b := of(t)
		if b == nil {
			return 0, false
		}
		return float64(end(b)), true
	}
}

// shareKeys are the columns of the shares of prompt tokens by source.
func shareKeys(rows []pointRow) (out []string) {
	for _, name := range parts(rows, "share.") {
		out = append(out, "share."+name)
	}
	return out
}
