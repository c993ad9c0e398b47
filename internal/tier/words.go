package tier

import (
	"fmt"
	"math"
	"strings"

	"github.com/wsrun/wsrun/internal/stats"
	"github.com/wsrun/wsrun/runner/sample"
	"github.com/wsrun/wsrun/scenario/metric"
)

// headroom is how far above what a server tells advice goes: with the private KV
// of requests in flight and two points on the far side, 1.4 times is enough.
const headroom = 1.4

// sameTTFT is how near to 1 a ratio of medians is said to be unchanged. Where tokens
// say that a part of the requests fell to the next tier, a cost worked out from
// medians that did not move would be noise.
const sameTTFT = 0.05

// Sentence says a transition as people read it:
// hbm -> recompute between 670k and 1.22M tokens, TTFT x5.09 (+28.8 ms per 1k reused tokens)
func Sentence(t Transition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s between %s and %s tokens", t.From, t.To, metric.Size(t.Lo), metric.Size(t.Hi))
	r := t.Ratio()
	still := r > 1-sameTTFT && r < 1+sameTTFT
	switch {
	case still:
		b.WriteString(", median TTFT unchanged: fewer than half of the requests fell")
	case r > 0:
		fmt.Fprintf(&b, ", TTFT x%s", metric.Text(metric.Number, r))
	}
	if t.MsPer1kToken != 0 && !still {
		sign := "+"
		if t.MsPer1kToken < 0 {
			sign = "" // Text prints the minus
		}
		fmt.Fprintf(&b, " (%s%s ms per 1k reused tokens)", sign, metric.Text(metric.Number, t.MsPer1kToken))
	}
	for _, n := range t.Notes {
		b.WriteString("; " + n)
	}
	return b.String()
}

func tooFew(s []signal) string {
	if len(s) == 0 {
		return "no transition: there is no valid point"
	}
	return fmt.Sprintf("no transition: one point only (%s reuse distance): add sizes", tokens(s[0]))
}

// none says why a series has no transition, and what to do.
func none(s []signal, all plateau, open string, opt Options) string {
	first, last := s[0], s[len(s)-1]
	if c, ok := all.all.computed(); all.isRecompute(false, opt.ColdTTFT) {
		why := "every point costs what a cold prompt costs"
		if ok {
			why = fmt.Sprintf("the server told %.3g %% cached", 100-c)
		}
		return fmt.Sprintf("no reuse at any distance from %s to %s (%s): lower working_set.min, or see whether prefix caching is on",
			tokens(first), tokens(last), why)
	}
	if most := mostLooks(s); open == "" && most > 0 && most < fewLooks {
		open = fmt.Sprintf("no point has more than %s: raise duration", plural(most, "request"))
	}
	if open != "" {
		return fmt.Sprintf("no transition up to %s reuse distance: %s", tokens(last), open)
	}
	return fmt.Sprintf("no transition up to %s reuse distance %s", tokens(last), advice(last, opt))
}

func mostLooks(s []signal) int {
	most := 0
	for _, p := range s {
		most = max(most, p.looks)
	}
	return most
}

// advice says what to raise working_set.max to: beyond the least capacity told or stated
// that was not reached, else to twice what was measured.
func advice(last signal, opt Options) string {
	size := max(opt.MaxSize, last.WorkingSet)
	next, passed := beyond(last.ReuseDistance, opt.Capacities)
	switch {
	case next != nil && last.ReuseDistance > 0:
		// Sizes are prompt tokens; reuse distance has the outputs as well.
		want := headroom * float64(next.Tokens) * float64(size) / float64(last.ReuseDistance)
		return fmt.Sprintf("(%s): raise working_set.max to %s", said(next), metric.Size(roundUp(want)))
	case passed != nil:
		return fmt.Sprintf("(%s, and that is passed): a tier beneath it may cost the same; raise working_set.max to %s",
			said(passed), metric.Size(roundUp(2*float64(size))))
	}
	return fmt.Sprintf("(the server tells no capacity): raise working_set.max to %s", metric.Size(roundUp(2*float64(size))))
}

// said says who says that a tier holds so much.
func said(c *sample.Capacity) string {
	if c.Source == Stated {
		return fmt.Sprintf("target.tiers says that %s holds %s", c.Tier, metric.Size(c.Tokens))
	}
	return fmt.Sprintf("the server says its %s holds %s", holder(c.Tier), metric.Size(c.Tokens))
}

// beyond gives the smallest capacity that distance does not pass, and the largest that
// it does; nil where there is none.
func beyond(distance int64, told []sample.Capacity) (next, passed *sample.Capacity) {
	for i, c := range told {
		switch {
		case c.Tokens <= 0:
		case c.Tokens >= distance && (next == nil || c.Tokens < next.Tokens):
			next = &told[i]
		case c.Tokens < distance && (passed == nil || c.Tokens > passed.Tokens):
			passed = &told[i]
		}
	}
	return next, passed
}

// holder is a tier's name in a sentence: the usual short words in capitals.
func holder(name string) string {
	switch name {
	case "hbm", "dram", "ssd":
		return strings.ToUpper(name)
	case "":
		return "cache"
	}
	return name
}

// roundUp rounds up to one significant digit, or two below 3 of the leading digit:
// 8.7M to 9M, 1.23M to 1.3M.
func roundUp(v float64) int64 {
	if v < 1 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	if v < 3*unit {
		unit /= 10
	}
	return int64(math.Ceil(math.Ceil(v/unit-1e-9) * unit))
}

func tokens(s signal) string { return metric.Size(s.ReuseDistance) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// median of sorted seconds; 0 for none.
func median(sorted []float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return stats.Quantile(sorted, 0.5)
}
