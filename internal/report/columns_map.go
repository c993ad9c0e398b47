package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/runner/survey"
)

// tierPoint are the summary's columns of a map, whose points are tiers. In other modes
// they are empty.
var tierPoint = []column[pointRow]{
	{name: "tier", ours: "map: name of the tier, as told, else as stated, else tier and a number from 1; recompute: prompts that are computed again", get: tierOf(func(t *result.Tier) field { return text(t.Name) })},
	{name: "from_lo_tokens", unit: "tokens", ours: "map: the largest reuse distance that is still of the tier before; empty for the first", get: tierOf(func(t *result.Tier) field { return end(t.From, loTokens) })},
	{name: "from_hi_tokens", unit: "tokens", ours: "map: the smallest reuse distance that is of this one", get: tierOf(func(t *result.Tier) field { return end(t.From, hiTokens) })},
	{name: "to_lo_tokens", unit: "tokens", ours: "map: the largest reuse distance that is of this tier; empty where no end was found. A tier that ends gradually: up to where nine tenths are found", get: tierOf(func(t *result.Tier) field { return end(t.To, loTokens) })},
	{name: "to_hi_tokens", unit: "tokens", ours: "map: the smallest reuse distance that is beyond it. Gradually: up to where one tenth is found", get: tierOf(func(t *result.Tier) field { return end(t.To, hiTokens) })},
	{name: "from_lo_prompts", ours: "map: from_lo_tokens as a depth in prompts, 1 for the newest", get: tierOf(func(t *result.Tier) field { return end(t.From, loPrompts) })},
	{name: "from_hi_prompts", ours: "map: from_hi_tokens in prompts", get: tierOf(func(t *result.Tier) field { return end(t.From, hiPrompts) })},
	{name: "to_lo_prompts", ours: "map: to_lo_tokens in prompts", get: tierOf(func(t *result.Tier) field { return end(t.To, loPrompts) })},
	{name: "to_hi_prompts", ours: "map: to_hi_tokens in prompts", get: tierOf(func(t *result.Tier) field { return end(t.To, hiPrompts) })},
	{name: "ms_per_1k_tokens", unit: "ms", ours: "map: added TTFT per 1000 reused tokens against the tier before; empty for the first", get: tierOf(func(t *result.Tier) field { return number(t.MsPer1k) })},
	{name: "tokens_by_source", unit: "tokens", ours: "map: cached prompt tokens by source, as told of all looks of the tier, as source=tokens joined by ;", get: tierOf(func(t *result.Tier) field { return text(counts(t.Sources)) })},
	{name: "looks", ours: "map: answers that the row is made of; each is a request on its own", get: tierOf(func(t *result.Tier) field { return integer(int64(t.Looks)) })},
	{name: "gradual", ours: "map: 1 where the share found falls gradually, so that there is no edge", get: tierOf(func(t *result.Tier) field { return boolean(t.Gradual) })},
	{name: "half_prompts", ours: "map: gradual: the depth in prompts at which half is found", get: tierOf(func(t *result.Tier) field { return positive(int64(t.Half)) })},
}

// tierOf gives the column of a point that is a tier; others have none.
func tierOf(f func(*result.Tier) field) func(pointRow) field {
	return func(r pointRow) field {
		if r.p.Tier == nil {
			return field{}
		}
		return f(r.p.Tier)
	}
}

// end gives one figure of a bracket, nothing where there is none.
func end(b *survey.Bracket, of func(*survey.Bracket) int64) field {
	if b == nil {
		return field{}
	}
	return integer(of(b))
}

func loTokens(b *survey.Bracket) int64  { return b.LoTokens }
func hiTokens(b *survey.Bracket) int64  { return b.HiTokens }
func loPrompts(b *survey.Bracket) int64 { return int64(b.Lo) }
func hiPrompts(b *survey.Bracket) int64 { return int64(b.Hi) }

// counts prints counts by name, sorted.
func counts(m map[string]int64) string {
	parts := make([]string, 0, len(m))
	for name, n := range m {
		parts = append(parts, fmt.Sprintf("%s=%d", name, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

// mapRow is one map of a run.
type mapRow struct {
	sum *result.Summary
	m   *result.Map
}

// mapKeys are the keys of a map in --brief and JSON: what it cost, and how sure it is.
var mapKeys = []column[mapRow]{
	{name: "context_size", unit: "tokens", ours: "context as asked", get: func(r mapRow) field { return integer(r.m.Spec.Context) }},
	{name: "trial", ours: "number of the trial, from 1", get: func(r mapRow) field { return integer(int64(r.m.Trial)) }},
	{name: "finished", ours: "1: it came to its end", get: func(r mapRow) field { return boolean(r.m.Why == "") }},
	{name: "unfinished", ours: "why it did not", get: func(r mapRow) field { return text(r.m.Why) }},
	{name: "told_by", ours: "what looks were read by: sources (told with each answer), counters (by source, of the server), cached (tokens told with each answer) or ttft (nothing told)", get: func(r mapRow) field { return text(ToldBy([]*result.Map{r.m})) }},
	{name: "prompts_sent", ours: "prompts sent for the first time", get: func(r mapRow) field { return integer(int64(r.m.Found.Count.Prompts)) }},
	{name: "looks", ours: "answers that counted", get: func(r mapRow) field { return integer(int64(r.m.Found.Count.Looks)) }},
	{name: "touches", ours: "requests that only restored the order of the prompts", get: func(r mapRow) field { return integer(int64(r.m.Found.Count.Touches)) }},
	{name: "policy_requests", ours: "requests of the experiments on the policy", get: func(r mapRow) field { return integer(int64(r.m.Found.Count.Policy)) }},
	{name: "failed_requests", ours: "requests without an answer", get: func(r mapRow) field { return integer(int64(r.m.Found.Count.Failed)) }},
	{name: "sent_per_edge", ours: "requests sent, without those for the policy, over the prompts of the largest edge; empty without an edge", get: func(r mapRow) field { return number(r.m.Found.PerEdge) }},
	{name: "reached_tokens", unit: "tokens", ours: "how far it looked: the largest reuse distance", get: func(r mapRow) field { return integer(r.m.Found.Reached.HiTokens) }},
	{name: "prefill_tokens_per_sec", unit: "tokens/s", ours: "prompt tokens/s while new prompts were sent: cold prefill", get: func(r mapRow) field { return number(r.m.Found.Prefill) }},
	{name: "ttft_spread", ours: "standard deviation of the logarithm of TTFT within a tier", get: func(r mapRow) field { return number(r.m.Found.Spread) }},
	{name: "steady", ours: "1: TTFT of the newest and of the deepest prompts moved by no more than 20 % until the end", get: func(r mapRow) field { return boolean(r.m.Found.Steady) }},
	{name: "foreign_tokens", unit: "tokens", ours: "prompt tokens of other clients in the server's counters; empty where none were seen", get: func(r mapRow) field { return positive(max(r.m.Foreign, r.m.Found.Count.Foreign)) }},
	{name: "policy", ours: "answers of the experiments (yes, no, unclear), as question=answer joined by ;", get: func(r mapRow) field { return text(policyText(r.m)) }},
	{name: "found", ours: "what its context's maps found, as the console says it", get: func(r mapRow) field { return text(strings.Join(MapLines(r.sum, r.m.Cell), "; ")) }},
}

func eachMap(sum *result.Summary) func(yield func(mapRow) bool) {
	return func(yield func(mapRow) bool) {
		for _, m := range sum.Maps {
			if !yield(mapRow{sum, m}) {
				return
			}
		}
	}
}

// depthRow is one depth of a map.
type depthRow struct {
	m *result.Map
	d result.Depth
}

// depthColumns are those of tier_map_{context}_{ts}.csv.
var depthColumns = []column[depthRow]{
	{name: "context_size", unit: "tokens", ours: "context as asked", get: func(r depthRow) field { return integer(r.m.Spec.Context) }},
	{name: "trial", ours: "number of the trial, from 1", get: func(r depthRow) field { return integer(int64(r.m.Trial)) }},
	{name: "depth_prompts", ours: "position in the LRU stack of prompts, 1 for the newest", get: func(r depthRow) field { return integer(int64(r.d.Prompts)) }},
	{name: "depth_tokens", unit: "tokens", ours: "reuse distance as sent", get: func(r depthRow) field { return told(r.d.Tokens) }},
	{name: "looks", ours: "answers at this depth", get: func(r depthRow) field { return integer(int64(r.d.Looks)) }},
	{name: "hit_rate_observed", unit: "%", ours: "cached tokens told / prompt tokens", get: func(r depthRow) field { return value(r.d.Hit) }},
	{name: "told_sources", unit: "%", ours: "share of prompt tokens by source, as told, as source=share joined by ;", get: func(r depthRow) field { return text(shares(r.d.Sources)) }},
	{name: "ttft_p50", unit: "s", ours: "median TTFT", get: func(r depthRow) field { return number(r.d.TTFT) }},
	{name: "tier", ours: "the tier that the depth belongs to; empty inside a bracket", get: func(r depthRow) field { return text(r.d.Tier) }},
}

// shares prints shares by source, nearest first.
func shares(sources []result.Source) string {
	parts := make([]string, 0, len(sources))
	for _, s := range sources {
		if s.Share.V > 0 {
			parts = append(parts, s.Name+"="+string(value(s.Share).append(nil)))
		}
	}
	return strings.Join(parts, ";")
}

// depthsOf lists the files of the depths that were looked at, one for each context.
func depthsOf(sum *result.Summary) (out []file) {
	var contexts []int64
	for _, m := range sum.Maps {
		if !slices.Contains(contexts, m.Spec.Context) {
			contexts = append(contexts, m.Spec.Context)
		}
	}
	slices.Sort(contexts)
	for _, c := range contexts {
		rows := func(yield func(depthRow) bool) {
			for _, m := range sum.Maps {
				for _, d := range m.Depths() {
					if m.Spec.Context == c && !yield(depthRow{m, d}) {
						return
					}
				}
			}
		}
		out = append(out, file{fmt.Sprintf("tier_map_%d", c), "one row per depth looked at", func(w io.Writer) error { return writeCSV(w, depthColumns, rows) }})
	}
	return out
}

// mapsJSON gives the member "maps".
func mapsJSON(sum *result.Summary) []byte {
	return append(appendRows([]byte(`"maps":[`), mapKeys, eachMap(sum)), ']')
}
