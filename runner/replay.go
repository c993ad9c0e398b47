package runner

import (
	"fmt"

	"github.com/wsrun/wsrun/runner/control"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

// Replay runs a controller again over what a record knows of a sustained unit, period by
// period, and gives what it decides: the scenario's own controller (ctl nil) decides as it
// did in the run, another one shows what it would have made of the same periods. A period
// is replayed at the level that it had: decisions have no effect on what comes next.
func Replay(sc *scenario.Scenario, u *result.UnitRecord, ctl control.Controller) ([]control.Decision, error) {
	if sc.Mode != "sustained" {
		return nil, fmt.Errorf("replay: mode %s has no controller", sc.Mode)
	}
	if ctl == nil {
		own, err := control.New(controlConfig(sc, u.Spec))
		if err != nil {
			return nil, err
		}
		ctl = own
	}
	ctl.Begin()
	var out []control.Decision
	for _, p := range u.Periods {
		var changed int64
		for _, c := range u.Changes {
			if c.At <= p.Start {
				changed = c.At
			}
		}
		d := ctl.Next(observation(u.Requests, p.Start, p.End, changed))
		if out = append(out, d); d.Over {
			break
		}
	}
	return out, nil
}
