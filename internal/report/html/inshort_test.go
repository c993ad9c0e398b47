package html

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// A sweep over many levels says each edge once, where the page of its context begins, and
// folds the sentences of all levels away; what can be read at once stays as it is.
func TestTransitionsInShort(t *testing.T) {
	r := someRun("fixed")
	if all := r.transitionLines(); len(r.shortened(all, r.transitionsInShort(), mostTransitions).More) != 0 {
		t.Errorf("%d sentences are folded away", len(all))
	}
	series := slices.Clone(r.Sum.Series)
	for level := 101; level < 111; level++ { // the same edges at ten more levels, one of them elsewhere
		for _, s := range series {
			more := *s
			more.Level, more.Transitions = level, slices.Clone(s.Transitions)
			for i := range more.Transitions {
				if level == 110 {
					more.Transitions[i].Lo = 50_000
				}
			}
			r.Sum.Series = append(r.Sum.Series, &more)
		}
	}
	all := r.transitionLines()
	got := r.shortened(all, r.transitionsInShort(), mostTransitions)
	if len(got.Shown) != len(r.contexts()) || len(got.More) != len(all) || got.Head != fmt.Sprintf("All %d, of every hit rate and level", len(all)) {
		t.Fatalf("%d sentences and %d folded away as %q, of %d: %q", len(got.Shown), len(got.More), got.Head, len(all), got.Shown)
	}
	first := got.Shown[0]
	equal(t, "about", first.About, "Context 4k, hit rate 100%, 8 in flight:")
	equal(t, "an edge", first.Parts, []string{"tier 1 → tier 2 between 103k and 403k tokens, TTFT x2.00 (+25.9 ms per 1k reused tokens); one point only: add sizes; the same for 20 of 22 pairs of hit rate and level that found it, for the others within 50k to 403k"})
	page := indexOf(t, r)
	if !strings.Contains(page, `<details class="twice">`) || !strings.Contains(reportCSS, ",.twice{display:none!important}") {
		t.Error("paper has every sentence beside the short ones")
	}
	if at := strings.Index(page, "in flight:<ul><li>tier 1"); at < 0 || at > strings.Index(page, "Key figures") {
		t.Error("the finding does not stand before the figures")
	}
}

func TestElsewhere(t *testing.T) {
	edge := func(level int, lo, hi int64) (c crossing) {
		c.SeriesKey = result.SeriesKey{Context: 2000, HitRate: 100, Level: level}
		c.t.From, c.t.To, c.t.Lo, c.t.Hi = "hbm", "dram", lo, hi
		return c
	}
	a, b, c := edge(1, 50_000, 60_000), edge(2, 50_000, 60_000), edge(4, 20_000, 90_000)
	other := edge(8, 1, 2)
	other.t.To = "ssd"
	for _, w := range []struct {
		edges []crossing
		want  string
	}{
		{[]crossing{a, other}, ""},
		{[]crossing{a, b, other}, "; the same for all 2 pairs of hit rate and level that found it"},
		{[]crossing{a, b, c}, "; the same for 2 of 3 pairs of hit rate and level that found it, for the others within 20k to 90k"},
	} {
		if got := elsewhere(a, w.edges); got != w.want {
			t.Errorf("got %q, want %q", got, w.want)
		}
	}
}

// The page of a context says where tiers end at the highest hit rate; what it says of the
// others is folded away when it is long.
func TestOtherHitRatesAreFolded(t *testing.T) {
	r := someRun("fixed")
	plain := string(r.sentences(4000, 8))
	for _, rate := range []float64{20, 40, 60, 80} {
		for _, s := range r.Sum.Series[:len(r.Sum.Series):len(r.Sum.Series)] {
			if s.Context == 4000 && s.Level == 8 && s.HitRate == 100 {
				more := *s
				more.HitRate = rate
				r.Sum.Series = append(r.Sum.Series, &more)
			}
		}
	}
	page := string(r.sentences(4000, 8))
	at, of := strings.Index(page, "Hit rate 100%, 8 in flight: tier 1"), strings.Index(page, "<summary>4 more, of other hit rates")
	if at < 0 || of < at || strings.Index(page, "Hit rate 20%") < of || strings.Contains(plain, "<summary>") {
		t.Errorf("%s\nof one hit rate:\n%s", page, plain)
	}
}
