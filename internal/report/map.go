package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// mapped reports whether a summary is of a map: its rows are tiers.
func mapped(sum *result.Summary) bool {
	return sum.Run != nil && sum.Run.Scenario != nil && sum.Run.Scenario.Mode == "map"
}

// tierColumns are the columns of a map's table: one line a tier. What a row is of, how far
// it reaches, its cost and its validity stay on the narrowest terminal.
var tierColumns = []tableColumn{
	{head{name: "context", drop: 1}, func(_ *table, m *result.Merged) cell { return plain(metric.Size(m.Spec.Context)) }},
	{head{name: "tier", left: true, keep: true}, func(_ *table, m *result.Merged) cell { return plain(tierName(m)) }},
	{head{name: "from", drop: 6}, ofTier(FromText)},
	{head{name: "to", keep: true}, ofTier(ToText)},
	{head{name: "to prompts", drop: 5}, ofTier(toPrompts)},
	{head{name: "ttft.p50", keep: true}, ranged("ttft.p50")},
	{head{name: "ttft.p95", drop: 4}, ranged("ttft.p95")},
	{head{name: "ms/1k tok", keep: true}, ofTier(CostText)},
	{head{name: "looks", drop: 3}, ofTier(func(_ *result.Summary, m *result.Merged) string { return fmt.Sprint(m.Samples) })},
	{head{name: "told by source", left: true, drop: 7}, ofTier(func(_ *result.Summary, m *result.Merged) string { return SourcesText(result.Sources(m.Row)) })},
	{head{name: "errors", drop: 2}, func(_ *table, m *result.Merged) cell { return plain(errorCount(m)) }},
	{head{name: "validity", left: true, keep: true}, (*table).validity},
	{head{name: "stop", left: true, drop: 10}, (*table).stop},
}

// ofTier gives the cell of a row that is a tier; a context that was not looked at has none.
func ofTier(f func(*result.Summary, *result.Merged) string) func(*table, *result.Merged) cell {
	return func(t *table, m *result.Merged) cell {
		if m.Tier == nil {
			return cell{}
		}
		return plain(term.Clean(f(t.sum, m)))
	}
}

func tierName(m *result.Merged) string {
	if m.Tier == nil {
		return "-"
	}
	return term.Clean(m.Tier.Name)
}

// FromText is where a tier of a map begins, in tokens of reuse distance: a bracket, or 0.
func FromText(_ *result.Summary, m *result.Merged) string {
	if b := m.Tier.From; b != nil {
		return ends(metric.Size(b.LoTokens), metric.Size(b.HiTokens))
	}
	return "0"
}

// ToText is where a tier of a map ends: a bracket, or how far it reaches at least. What is
// computed again has no end.
func ToText(sum *result.Summary, m *result.Merged) string {
	switch b := m.Tier.To; {
	case b != nil:
		return ends(metric.Size(b.LoTokens), metric.Size(b.HiTokens))
	case m.Tier.Recomputed():
		return ""
	}
	_, tokens := reached(sum, m)
	return ">=" + metric.Size(tokens)
}

// toPrompts is ToText in prompts.
func toPrompts(sum *result.Summary, m *result.Merged) string {
	switch b := m.Tier.To; {
	case b != nil:
		return fmt.Sprintf("%d-%d", b.Lo, b.Hi)
	case m.Tier.Recomputed():
		return ""
	}
	prompts, _ := reached(sum, m)
	return fmt.Sprintf(">=%d", prompts)
}

// ends gives both ends of a bracket, one of them where three digits do not tell them apart.
func ends(lo, hi string) string {
	if lo == hi {
		return lo
	}
	return lo + "-" + hi
}

// reached is how far the maps of a row's context looked, the least over its trials.
func reached(sum *result.Summary, m *result.Merged) (prompts int, tokens int64) {
	for _, one := range mapsOf(sum, m.Spec.Key) {
		if r := one.Found.Reached; tokens == 0 || r.HiTokens < tokens {
			prompts, tokens = r.Hi, r.HiTokens
		}
	}
	return prompts, tokens
}

// CostText is what falling to a tier of a map adds, in ms per 1,000 reused tokens; empty
// for the first.
func CostText(_ *result.Summary, m *result.Merged) string {
	switch v := m.Tier.MsPer1k; {
	case math.IsNaN(v):
		return ""
	case v < 0:
		return metric.Text(metric.Number, v) // it prints the minus
	default:
		return "+" + metric.Text(metric.Number, v)
	}
}

// FallText is CostText in words: 4.99 ms per 1k reused tokens, or that it costs nothing that
// could be measured, where it is below zero or no more than chance makes of two medians.
func FallText(m *result.Merged) string {
	switch cost := CostText(nil, m); {
	case cost == "":
		return ""
	case m.Tier.Free || m.Tier.MsPer1k < 0:
		return "nothing that could be measured"
	default:
		return strings.TrimPrefix(cost, "+") + " ms per 1k reused tokens"
	}
}

// leastShare is the least share, in percent, that is worth a word: a full hit computes the
// prompt's last block.
const leastShare = 1

// SourcesText says where prompt tokens came from, as told: hbm 99.6%, computed 0.4%.
func SourcesText(sources []result.Source) string {
	var parts []string
	for _, s := range sources {
		if s.Share.V >= leastShare {
			parts = append(parts, s.Name+" "+metric.Print(metric.Percent, s.Share))
		}
	}
	return term.Clean(strings.Join(parts, ", "))
}

// mapsOf gives the maps of a cell, one for each trial that has one.
func mapsOf(sum *result.Summary, cell string) (out []*result.Map) {
	for _, m := range sum.Maps {
		if m.Cell == cell {
			out = append(out, m)
		}
	}
	return out
}

// mapWords prints what a map found in words, and what it cost.
func mapWords(w io.Writer, sum *result.Summary, opt Options) {
	for _, part := range []struct {
		head  string
		lines []string
	}{{"found", MapLines(sum, "")}, {"policy", PolicyLines(sum, "")}, {"cost", MapCosts(sum, "")}} {
		head := fmt.Sprintf("%-13s", part.head)
		for _, l := range part.lines {
			fmt.Fprintln(w, term.Wrap(head+l, strings.Repeat(" ", 15), opt.Width))
			head = strings.Repeat(" ", 13)
		}
	}
}

// MapLines gives, for each context, what its map found, in a sentence that stands alone:
// what holds how much, what leaving it costs, and how sure that is; or why there is no
// edge, and what to do. cell is the key of one context's cell; empty: all.
func MapLines(sum *result.Summary, cell string) (out []string) {
	for _, rows := range mapRows(sum) {
		if cell == "" || rows[0].Spec.Key == cell {
			out = append(out, contextLines(sum, rows)...)
		}
	}
	if len(out) == 0 {
		out = []string{"nothing: no look was answered"}
	}
	return out
}

// contextLines says what the maps of one context found, and which trials found no edge.
func contextLines(sum *result.Summary, rows []*result.Merged) (out []string) {
	of, trials := where(sum, rows[0]), mapsOf(sum, rows[0].Spec.Key)
	if s := foundText(sum, rows); s != "" {
		out = append(out, term.Clean(of+s+"; "+sureText(trials, rows)))
	}
	var none []*result.Series
	for _, s := range sum.Series {
		if s.None != "" && s.Context == rows[0].Spec.Context {
			none = append(none, s)
		}
	}
	for _, l := range seriesLines(none) {
		if len(none) < len(trials) { // another trial found an edge
			l += fmt.Sprintf(" (%d of %d trials)", len(none), len(trials))
		}
		out = append(out, term.Clean(of+l))
	}
	return out
}

// mapRows groups the tiers of a map by context.
func mapRows(sum *result.Summary) (out [][]*result.Merged) {
	for _, m := range sum.Merged {
		switch n := len(out); {
		case m.Tier == nil:
		case n > 0 && out[n-1][0].Spec.Key == m.Spec.Key:
			out[n-1] = append(out[n-1], m)
		default:
			out = append(out, []*result.Merged{m})
		}
	}
	return out
}

// where says of which server and context a sentence is.
func where(sum *result.Summary, m *result.Merged) string {
	var parts []string
	if p := sum.Probe; p != nil {
		parts = append(parts, strings.TrimSpace(p.Engine+" "+p.Version))
		if p.Model != "" {
			parts = append(parts, p.Model)
		}
	}
	return strings.Join(append(parts, "context "+metric.Size(m.Spec.Context)), ", ") + ": "
}

// foundText says where the tiers of a context end and what leaving each costs; empty where
// none ends.
func foundText(sum *result.Summary, rows []*result.Merged) string {
	var parts []string
	for i, m := range rows {
		t := m.Tier
		if i > 0 && t.From != nil {
			parts = append(parts, fallText(rows[i-1], m))
		}
		switch {
		case t.To != nil && t.Gradual:
			parts = append(parts, fmt.Sprintf("%s does not end at an edge: nine tenths of the prompts are found up to %s tokens, one tenth up to %s", t.Name, metric.Size(t.To.LoTokens), metric.Size(t.To.HiTokens)))
		case t.To != nil:
			held := "%s holds %s tokens"
			if i > 0 {
				held = "with %s %s are held"
			}
			parts = append(parts, fmt.Sprintf(held, t.Name, bracketText(t.To.LoTokens, t.To.HiTokens))+foundNot(t.To.Lo, t.To.Hi)+inTrials(sum, m)+confirmText(t))
		case i > 0 && !t.Recomputed():
			_, tokens := reached(sum, m)
			parts = append(parts, fmt.Sprintf("%s holds the rest, at least up to %s tokens", t.Name, metric.Size(tokens)))
		}
	}
	return strings.Join(parts, "; ")
}

// foundNot says of a bracket in prompts how many are found and how many are not.
func foundNot(lo, hi int) string {
	are := "are"
	if lo == 1 {
		are = "is"
	}
	return fmt.Sprintf(" (%s %s found, %d are not)", Plural(lo, "prompt"), are, hi)
}

// confirmText says what new prompts, asked for in the order in which they were sent, have
// shown of a tier's end; empty where that is what was seen before.
func confirmText(t *result.Tier) (s string) {
	if t.Used != nil && t.Used.Lo < t.To.Lo {
		s = fmt.Sprintf(", but prompts that are asked for out of turn are lost from %s on: a hit does not always renew a prompt's place", metric.Size(t.Used.LoTokens))
	}
	if t.Unsure {
		s += ", but new prompts did not confirm it"
	}
	return s
}

// bracketText is a bracket in words.
func bracketText(lo, hi int64) string {
	a, b := metric.Size(lo), metric.Size(hi)
	if a == b {
		return a
	}
	return a + " to " + b
}

// inTrials says in how many trials a tier was found, where not in all.
func inTrials(sum *result.Summary, m *result.Merged) string {
	if all := len(mapsOf(sum, m.Spec.Key)); len(m.Points) < all {
		return fmt.Sprintf(" in %d of %d trials", len(m.Points), all)
	}
	return ""
}

// fallText says what falling from one tier to the next costs.
func fallText(from, to *result.Merged) string {
	s := "falling to " + to.Tier.Name
	if to.Tier.Recomputed() {
		s = "beyond that a prompt is computed again, which"
	}
	switch cost := FallText(to); {
	case cost == "":
	case to.Tier.Free || to.Tier.MsPer1k < 0:
		s += " costs " + cost
	default:
		s += " adds " + cost
	}
	a, b := metric.Print(metric.Seconds, from.Row.Get("ttft.p50")), metric.Print(metric.Seconds, to.Row.Get("ttft.p50"))
	if a != "" && b != "" {
		s += fmt.Sprintf(" (TTFT %s to %s)", a, b)
	}
	return s
}

// sureText says what a map rests on.
func sureText(maps []*result.Map, rows []*result.Merged) string {
	looks, spread, steady, ready := 0, 0.0, true, true
	for _, m := range maps {
		looks += m.Found.Count.Looks
		spread = max(spread, m.Found.Spread)
		steady = steady && m.Found.Steady
		ready = ready && m.Why == ""
	}
	s := "how sure: " + toldText(ToldBy(maps), spread) + ", " + Plural(looks, "look")
	if n := len(maps); n > 1 {
		s += fmt.Sprintf(" in %d trials", n)
	}
	switch {
	case !ready:
		s += ", not finished"
	case steady:
		s += ", TTFT at both ends the same at the end"
	}
	for _, v := range []result.Validity{result.ValidInvalid, result.ValidDoubt} {
		if slices.ContainsFunc(rows, func(m *result.Merged) bool { return m.Validity == v }) {
			return s + "; " + string(v) + ": " + strings.Join(codesOf(rows, v), ", ")
		}
	}
	return s
}

// codesOf names the reasons of a class among rows.
func codesOf(rows []*result.Merged, v result.Validity) (out []string) {
	for _, m := range rows {
		for _, r := range m.Reasons {
			if r.Class == v && !slices.Contains(out, r.Code) {
				out = append(out, r.Code)
			}
		}
	}
	return out
}

// What a look was read by, the surest first.
const (
	toldSources  = "sources"  // tokens by source, told with each answer
	toldCounters = "counters" // tokens by source, from counters read before and after
	toldCached   = "cached"   // cached tokens, told with each answer
	toldNothing  = "ttft"     // nothing told: TTFT alone
)

// ToldBy gives what the looks of maps were read by: sources (told with each answer),
// counters (by source, of the server), cached (tokens told with each answer) or ttft.
func ToldBy(maps []*result.Map) string {
	by := toldNothing
	for _, m := range maps {
		for _, l := range m.Looks {
			switch {
			case l.Sources != nil && !l.Counters:
				return toldSources
			case l.Sources != nil:
				by = toldCounters
			case l.Cached != sample.Unknown && by == toldNothing:
				by = toldCached
			}
		}
	}
	return by
}

// leastSpread is the least spread of log TTFT that a survey believes (runner/survey).
const leastSpread = 0.05

func toldText(by string, spread float64) string {
	switch by {
	case toldSources:
		return "the server told the source of each answer's tokens"
	case toldCounters:
		return "the server's counters by source, read round each look"
	case toldCached:
		return "the server told the cached tokens of each answer"
	}
	if spread <= leastSpread {
		return "by TTFT alone, which varies by at most 5 % within a tier"
	}
	return fmt.Sprintf("by TTFT alone, which varies by %s %% within a tier", metric.Text(metric.Number, 100*spread))
}

// ofMap names a map among those of a run.
func ofMap(m *result.Map, contexts, trials int) string {
	var parts []string
	if contexts > 1 {
		parts = append(parts, "context "+metric.Size(m.Spec.Context))
	}
	if trials > 1 {
		parts = append(parts, fmt.Sprintf("trial %d", m.Trial))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}
