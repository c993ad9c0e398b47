package verdict

import (
	"testing"

	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// A point is named so that it is found in the table; a row of a map by its tier, for it
// has no level.
func TestPointName(t *testing.T) {
	for _, c := range []struct {
		m    result.Merged
		want string
	}{
		{result.Merged{Spec: scenario.Cell{Key: "ctx8000_ws1000_cache50"}, Level: 4}, "ctx8000_ws1000_cache50 conc 4"},
		{result.Merged{Spec: scenario.Cell{Key: "ctx8000_ws9000_cache50", WorkingSet: 3000, Steps: make([]scenario.Step, 2)}, Level: 4}, "ctx8000_ws9000_cache50 at 3k conc 4"},
		{result.Merged{Spec: scenario.Cell{Key: "ctx8000_map"}, Level: 1, Tier: &result.Tier{Name: "dram"}}, "ctx8000_map dram"},
	} {
		if got := pointName(&c.m); got != c.want {
			t.Errorf("named %q, want %q", got, c.want)
		}
	}
}
