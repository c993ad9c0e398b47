package report

import (
	"testing"

	"github.com/wsrun/wsrun/runner/sample"
)

// A row of the detailed CSV belongs to the window in which the summary counts it: by its
// first token, a failure by its end.
func TestPhaseOfRequest(t *testing.T) {
	ws := []window{{level: 4, start: 100, end: 200}, {level: 8, start: 300, end: 400}}
	for _, c := range []struct {
		name       string
		class      sample.Class
		first, end int64
		phase      sample.Phase
		want       string
	}{
		{"in a window", sample.OK, 150, 160, sample.PhaseLoad, "FIXED_c4_run1"},
		{"first token before, end inside", sample.OK, 90, 150, sample.PhaseLoad, "LOAD"},
		{"first token inside, end after", sample.OK, 199, 350, sample.PhaseLoad, "FIXED_c4_run1"},
		{"at a window's end", sample.OK, 200, 210, sample.PhaseLoad, "LOAD"},
		{"failed without a first token", sample.Status, sample.Never, 100, sample.PhaseLoad, "FIXED_c4_run1"},
		{"broke off inside, first token before", sample.Reset, 90, 150, sample.PhaseLoad, "FIXED_c4_run1"},
		{"broke off after, first token inside", sample.Reset, 150, 250, sample.PhaseLoad, "LOAD"},
		{"broke off in the next level", sample.Malformed, 150, 300, sample.PhaseLoad, "FIXED_c8_run1"},
		{"cut off by wsrun", sample.Censored, 350, 420, sample.PhaseLoad, "FIXED_c8_run1"},
		{"warm-up", sample.OK, 150, 160, sample.PhaseWarmup, "WARMUP"},
	} {
		r := &sample.Request{Class: c.class, FirstToken: c.first, End: c.end, Phase: c.phase}
		id, in := phaseID(r, ws, 2)
		if id != c.want || in != (c.want != "LOAD" && c.want != "WARMUP") {
			t.Errorf("%s: %s %v, want %s", c.name, id, in, c.want)
		}
	}
}
