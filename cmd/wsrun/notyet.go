package main

import (
	"fmt"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
)

// refuse names what the plans ask for that can be planned and not be run, before
// anything is sent: a run without it would answer another question. Files of target.tls
// that cannot be read are found here too.
func (a *app) refuse(plans []*scenario.Plan) error {
	var problems []scenario.Problem
	for _, p := range plans {
		problems = append(problems, scenario.NotYet(p)...)
	}
	if len(problems) == 0 {
		return readable(plans)
	}
	fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	return exitError{code: verdict.ExitInvalid}
}

// readable sees that the files of target.tls can be read.
func readable(plans []*scenario.Plan) error {
	for _, p := range plans {
		if _, err := tlsConfig(p.Scenario.Target.TLS); err != nil {
			return usagef("%s: %v", p.Scenario.Name, err)
		}
	}
	return nil
}
