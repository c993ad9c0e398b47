package html

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// mapLines says what the console says of a map: what was found, how the cache evicts and
// admits, and what that took.
func (r *Run) mapLines() []string {
	if len(r.Sum.Maps) == 0 {
		return nil
	}
	return slices.Concat(report.MapLines(r.Sum, ""), report.PolicyLines(r.Sum, ""), report.MapCosts(r.Sum, ""))
}

// mapFigures are the key figures of a map: how far each tier reaches, and what falling
// from it costs.
func (r *Run) mapFigures() (out []figure) {
	for i, m := range r.Sum.Merged {
		if m.Tier == nil || !m.Usable() {
			continue
		}
		where := "context " + metric.Size(m.Spec.Context)
		if i > 0 && m.Tier.From != nil {
			out = append(out, figure{Name: "Falling to " + m.Tier.Name, Value: report.FallText(m), Where: where, Doubt: doubtText(m)})
		}
		switch t := m.Tier; {
		case t.To != nil:
			out = append(out, figure{Name: t.Name + " ends", Value: report.ToText(r.Sum, m) + " tokens", Where: fmt.Sprintf("%s, %d prompts found, %d not", where, t.To.Lo, t.To.Hi), Doubt: doubtText(m)})
		case !t.Recomputed():
			out = append(out, figure{Name: t.Name + " reaches", Value: report.ToText(r.Sum, m) + " tokens", Where: where, Doubt: doubtText(m)})
		}
	}
	return out
}

// depth is one depth of a map as a row.
type depth struct {
	result.Depth
	context int64
	trial   int
}

// indexTiers puts the tiers of every map on the index, and TTFT over reuse distance.
func (r *Run) indexTiers(p *Page) {
	rows := slices.DeleteFunc(r.pointRows(r.Sum.Merged), func(row pointRow) bool { return row.trial > 0 })
	if len(rows) == 0 {
		return
	}
	tiers := tiersTable(rows)
	r.linkMaps(&tiers, rows)
	p.Tables = append(p.Tables, tiers)
	var depths []depth
	for _, m := range r.Sum.Maps {
		for _, d := range m.Depths() {
			depths = append(depths, depth{d, m.Spec.Context, m.Trial})
		}
	}
	if len(depths) == 0 {
		return
	}
	slices.SortStableFunc(depths, func(a, b depth) int { return int(a.context - b.context) })
	bind := Bind{Kind: Lines, Table: "depths", X: "reuse_distance", By: "tier", Loose: true, Unit: []string{"s"}, Marks: []string{"transitions"}, Y: []Y{{Key: "ttft.p50", Name: "TTFT p50"}}}
	if len(r.contexts()) > 1 {
		bind.By = "context"
	}
	if c := mapTrial(depths); c.ID != "" {
		p.View.Controls, bind.Where = append(p.View.Controls, c), []string{c.ID}
	}
	p.View.Charts = append(p.View.Charts, Chart{ID: "ttft", Title: "TTFT against reuse distance", Option: option(bind, axis("TTFT p50", depthScale(depths))), Bind: bind,
		Text: "The median at each depth that was looked at; a band is the edge of a tier. The page of each context has every look."})
	p.Tables = append(p.Tables, depthsTable(depths))
	for _, t := range crossingsTable(r.edges()) {
		t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool { return c.Key == "trial" })
		p.Tables = append(p.Tables, t)
	}
}

// mapTrial chooses one trial; there is no control where there is one only.
func mapTrial(depths []depth) Control {
	c := Control{ID: "trial", Label: "Trial", Kind: "one", Key: "trial"}
	for _, d := range depths {
		v := strconv.Itoa(d.trial)
		if !slices.ContainsFunc(c.Options, func(o Option) bool { return o.Value == v }) {
			c.Options = append(c.Options, Option{Value: v, Label: "trial " + v})
		}
	}
	if len(c.Options) < 2 {
		return Control{}
	}
	c.Default = []string{c.Options[0].Value}
	return c
}

// depthScale is the type of an axis that tells the tiers apart.
func depthScale(depths []depth) string {
	least, most := depths[0].TTFT, depths[0].TTFT
	for _, d := range depths {
		least, most = min(least, d.TTFT), max(most, d.TTFT)
	}
	if most > 10*least {
		return "log"
	}
	return "value"
}

// depthsTable is what was seen at each depth.
func depthsTable(depths []depth) Table {
	number := func(key, head, unit, title string, of func(*depth) metric.Value) Column {
		return Column{Key: key, Head: head, Unit: unit, Title: title, Cell: func(b []byte, i int) []byte { return AppendValue(b, of(&depths[i])) }}
	}
	whole := func(n int64) metric.Value { return metric.Of(float64(n)) }
	t := Table{ID: "depths", Caption: "Depths that were looked at", Rows: len(depths), Sortable: true, Columns: []Column{
		number("context", "Context", "tokens", "", func(d *depth) metric.Value { return whole(d.context) }),
		number("trial", "Trial", "", "number of the trial", func(d *depth) metric.Value { return whole(int64(d.trial)) }),
		number("reuse_distance", "Reuse distance", "tokens", "tokens sent since the prompt's last use", func(d *depth) metric.Value { return whole(d.Tokens) }),
		number("depth", "Depth", "", "position in the LRU stack of prompts, 1 for the newest", func(d *depth) metric.Value { return whole(int64(d.Prompts)) }),
		number("looks", "Looks", "", "answers at this depth", func(d *depth) metric.Value { return whole(int64(d.Looks)) }),
		number("ttft.p50", "TTFT p50", "s", "median of its looks", func(d *depth) metric.Value { return metric.Of(d.TTFT) }),
		number("hit_rate_observed", "Found", "%", "prompt tokens told cached / prompt tokens", func(d *depth) metric.Value { return d.Hit }),
		{Key: "tier", Head: "Tier", Title: "the tier that the depth belongs to", Text: true, Cell: func(b []byte, i int) []byte { return Text(b, cmp.Or(depths[i].Tier, inside)) }},
	}}
	first, last := depths[0], depths[len(depths)-1]
	t.Columns = slices.DeleteFunc(t.Columns, func(c Column) bool {
		return c.Key == "context" && first.context == last.context || c.Key == "trial" && mapTrial(depths).ID == "" ||
			c.Key == "hit_rate_observed" && !slices.ContainsFunc(depths, func(d depth) bool { return d.Hit.Known() })
	})
	return t
}

// linkMaps makes the context of each row a link to the page of its map.
func (r *Run) linkMaps(t *Table, rows []pointRow) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Key != "context" {
			continue
		}
		plain := c.Cell
		c.Cell = func(b []byte, i int) []byte {
			b = append(b, `<a href="`...)
			b = append(Text(b, r.href(mapPrefix+strconv.FormatInt(rows[i].spec.Context, 10))), `">`...)
			return append(plain(b, i), "</a>"...)
		}
	}
}

// mapSentence is the scenario of a map in a sentence.
func mapSentence(sc *scenario.Scenario) string {
	return fmt.Sprintf("Where each memory tier ends at context %s, from one warm-up each, up to %s tokens.", sizeList(sc.Contexts), metric.Size(sc.Map.Max))
}

// mapAsked says what the scenario of a map asks for.
func mapAsked(sc *scenario.Scenario) []Fact {
	looks := "as many at a depth as the spread of TTFT asks for"
	if n := sc.Map.Looks; n > 0 {
		looks = strconv.Itoa(n) + " at a depth"
	}
	policy := ""
	if sc.Map.Policy {
		policy = "experiments on how the cache evicts and admits"
	}
	return []Fact{
		{Key: "Labels", Value: labelText(sc.Labels)},
		{Key: "Mode", Value: "map: where each tier ends and what leaving it costs, from one warm-up"},
		{Key: "Contexts", Value: sizeList(sc.Contexts) + " tokens"},
		{Key: "As far as", Value: metric.Size(sc.Map.Max) + " tokens of reuse distance"},
		{Key: "Brackets", Value: "as narrow as " + ratePercent(100*sc.Map.Resolution) + " or one prompt"},
		{Key: "Looks", Value: looks + ", one at a time"},
		{Key: "Policy", Value: policy},
		{Key: "Prompts", Value: promptText(sc)},
		{Key: "Warm-up", Value: mapWarmup(&sc.Warmup)},
		{Key: "Trials", Value: trialText(sc)},
	}
}

func mapWarmup(w *scenario.Warmup) string {
	return fmt.Sprintf("%s, new prompts with concurrency %d", resetText(w.Reset), w.Concurrency)
}
