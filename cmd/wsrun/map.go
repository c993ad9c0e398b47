package main

import "github.com/wsrun/wsrun/scenario"

// runnable refuses what scenarios may say and this version does not run yet, before
// anything is sent. It is the one place that does.
func runnable(p *scenario.Plan) error {
	switch sc := p.Scenario; {
	case sc.Mode == "map":
		return usagef("%s: mode: map is not supported yet by run; `wsrun plan` shows what it would cost", sc.Name)
	case sc.Access == "depth":
		return usagef("%s: access: depth is not supported yet by run; write cyclic or uniform", sc.Name)
	}
	return nil
}
