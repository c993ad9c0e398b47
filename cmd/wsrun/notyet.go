package main

import (
	"fmt"

	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
)

// refuse names what the plans ask for that can be planned and not be run, before
// anything is sent: a run without it would answer another question.
func (a *app) refuse(plans []*scenario.Plan) error {
	var problems []scenario.Problem
	for _, p := range plans {
		problems = append(problems, scenario.NotYet(p)...)
	}
	if len(problems) == 0 {
		return nil
	}
	fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	return exitError{code: verdict.ExitInvalid}
}
