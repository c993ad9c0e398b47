package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/metric"
)

// mapColumns are the keys that the plan of a map has as well: how it looks for edges.
var mapColumns = []column[planRow]{
	{name: "resolution", get: func(r planRow) field { return number(100 * r.plan.Scenario.Map.Resolution) }},
	{name: "looks", get: func(r planRow) field { return positive(int64(r.plan.Scenario.Map.Looks)) }},
	{name: "policy", get: func(r planRow) field { return boolean(r.plan.Scenario.Map.Policy) }},
	{name: "look_requests", get: func(r planRow) field { return integer(r.e.LookRequests) }},
}

// mapGrid is the table of a map's plan: all of it is a bound, because a map ends when
// the edges are found.
func mapGrid(p *scenario.Plan) *grid {
	g := &grid{heads: []head{{name: "context", keep: true}, {name: "as far as", keep: true}, {name: "prompts up to"}, {name: "warm-up tok up to"}, {name: "further requests about"}}}
	for row := range planRows([]*scenario.Plan{p}) {
		g.rows = append(g.rows, []cell{plain(metric.Size(row.c.Context)), plain(metric.Size(row.c.WorkingSet)), plain(countOrNone(row.c.Prompts)),
			plain(metric.Text(metric.Tokens, float64(row.e.WarmupTokens))), plain(metric.Text(metric.Count, float64(row.e.LookRequests)))})
	}
	return g
}

// mapText says how a map looks for edges.
func mapText(sc *scenario.Scenario) string {
	looks := "as many looks at a depth as the spread of TTFT asks for"
	if n := sc.Map.Looks; n > 0 {
		looks = Plural(n, "look") + " at a depth"
	}
	s := fmt.Sprintf("edges: to brackets of %s or one prompt; %s, one at a time", metric.Text(metric.Percent, 100*sc.Map.Resolution), looks)
	if sc.Map.Policy {
		s += "; then experiments on how the cache evicts and admits, with requests of their own"
	}
	return s
}

// mapTotals sums the plan of a map up in a sentence.
func mapTotals(p *scenario.Plan, prefill Prefill) string {
	e := p.Estimate()
	return fmt.Sprintf("%s, %s; at most %s tokens in %s requests, each sent once%s, and about %s further requests, to look and to restore the order; a map ends when the deepest prompt is computed anew: it sends about %g x the prompts of the largest edge, more where these are few; at most %s in flight",
		Plural(len(p.Cells), "cell"), Plural(e.Points, "trial"), metric.Text(metric.Tokens, float64(e.WarmupTokens)), metric.Text(metric.Count, float64(e.WarmupRequests)),
		prefill.text(e.WarmupTokens), metric.Text(metric.Count, float64(e.LookRequests)), scenario.MapFactor, Plural(e.PeakStreams, "request"))
}

// insteadText says what a map of the same range would cost, and how it is asked for.
// It is empty where a map would save nothing.
func insteadText(p *scenario.Plan) string {
	in, ok := p.Instead()
	sustained := p.Scenario.Mode == "sustained"
	if !ok || !sustained && in.Sweep <= in.Requests {
		return ""
	}
	cost := fmt.Sprintf("%s prompts in %s", metric.Text(metric.Count, float64(in.Sweep)), Plural(in.Warmups, "warm-up"))
	if sustained {
		cost = "up to " + clock(in.Measured)
	}
	return fmt.Sprintf("where the tiers end, without the load: a map of the same range sends at most %s prompts of %s tokens in one warm-up and about %s further requests, instead of %s: %s",
		metric.Text(metric.Count, float64(in.Map.Prompts)), metric.Size(in.Map.Context), metric.Text(metric.Count, float64(in.Requests-int64(in.Map.Prompts))), cost, mapCommand(&p.Scenario.Target, in.Map))
}

// mapCommand is the call that makes the map.
func mapCommand(t *scenario.Target, c scenario.Cell) string {
	words := []string{"wsrun", "map"}
	if s := t.Simulator; s != nil {
		words = append(words, "simulator")
		switch {
		case len(s.Body) > 0:
			words = append(words, "--profile", "FILE") // where it was is not kept
		case s.Profile != "small":
			words = append(words, "--profile", s.Profile)
		}
	} else {
		words = append(words, t.Endpoints[0])
	}
	words = append(words, "--context", scenario.FormatSize(c.Context), "--max", scenario.FormatSize(c.WorkingSet))
	if t.Model != "auto" {
		words = append(words, "--model", t.Model)
	}
	if t.APIKeyEnv != "WSRUN_API_KEY" {
		words = append(words, "--api-key-env", t.APIKeyEnv)
	}
	for i, w := range words {
		if strings.ContainsAny(w, " \t'\"$&;|<>*?(){}[]`\\#~!") {
			words[i] = strconv.Quote(w)
		}
	}
	return term.Clean(strings.Join(words, " "))
}
