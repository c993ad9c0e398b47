package html

import (
	"slices"
	"testing"

	"github.com/wsrun/wsrun/runner/result"
)

// The charts of the index begin with the level of the page of the first context: the
// highest that is ok at every size, not one whose points are invalid.
func TestIndexBeginsWithAGoodLevel(t *testing.T) {
	for level, invalid := range map[string]int{"8": 0, "4": 8} {
		r := newWorld([]int64{4000, 8000}, []float64{0, 50, 100}, 100_000, 400_000).measure(1).run()
		for _, m := range r.Sum.Merged {
			m.Validity = result.ValidOK
			if m.Level == invalid && m.Spec.WorkingSet == 400_000 {
				m.Validity = result.ValidInvalid
			}
		}
		p := r.pages()[0].filled()
		if c := controlOf(p, "level"); c == nil || !slices.Equal(c.Default, []string{level}) {
			t.Errorf("level %d is invalid: the index begins with %+v, want level %s", invalid, c, level)
		}
		if c := controlOf(p, "context"); c == nil || !slices.Equal(c.Default, []string{"4000"}) || len(c.Options) != 2 {
			t.Errorf("contexts %+v", c)
		}
		rates := controlOf(p, "rates")
		if rates == nil || !slices.Equal(rates.Default, []string{"50", "100"}) || rates.Options[0].Label != "hit 50%" {
			t.Errorf("hit rates %+v", rates)
		}
		for _, c := range p.View.Charts {
			if c.Bind.By != "hit_rate" || !slices.Equal(c.Bind.Where, []string{"rates", "context", "level"}) {
				t.Errorf("%s is drawn by %s of %v", c.ID, c.Bind.By, c.Bind.Where)
			}
		}
	}
}
