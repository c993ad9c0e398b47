package html

import (
	"slices"
	"testing"
)

// Where sets grow, contexts are compared by the level that each size bore.
func TestHeldLevelsAcrossContexts(t *testing.T) {
	levels := []int{8, 6, 3}
	r := newWorld([]int64{2000, 4000}, []float64{100}, 100_000, 200_000, 400_000).grow(func(step int) (int, [2]int) {
		return levels[step], [2]int{levels[step], levels[step] + step/2}
	}).run()
	p := pageNamed(t, r.comparisons(), "output_metrics_comparison").filled()
	wellMade(t, p)
	held, tab := chartOf(t, p, "held"), tableOf(p, "points")
	if held.Bind.By != "context" || held.Bind.Y[0].Key != "concurrency" {
		t.Errorf("%+v", held.Bind)
	}
	for key, want := range map[string][]string{
		held.Bind.Y[0].Key: {"8", "6", "3", "8", "6", "3"}, held.Bind.Y[0].Lo: {"8", "6", "3", "8", "6", "3"}, held.Bind.Y[0].Hi: {"8", "6", "4", "8", "6", "4"},
		held.Bind.By: {"2000", "2000", "2000", "4000", "4000", "4000"},
	} {
		if got := cells(tab, key); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if good := chartOf(t, p, "goodput"); columnOf(tab, good.Bind.Y[0].Key) == nil {
		t.Error("the goodput chart reads no column")
	}
	fixed := newWorld([]int64{2000}, []float64{100}, 100_000).measure(1).run()
	if ids := chartIDs(pageNamed(t, fixed.comparisons(), "output_metrics_comparison").filled()); slices.Contains(ids, "held") {
		t.Errorf("a fixed run holds no level: %q", ids)
	}
}
