package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

func (a *app) planCommand() *cobra.Command {
	c := &cobra.Command{Use: "plan FILE...", Short: "Show the expanded matrix and what it costs; nothing is sent"}
	var prefill string
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := a.oneFormat("text", "json", "lines"); err != nil {
			return err
		}
		rate, err := prefillRate(prefill)
		if err != nil {
			return err
		}
		plans, err := a.load(args)
		if err != nil {
			return err
		}
		if a.flags.format == "lines" {
			return report.PlanLines(a.stdout, plans) // nothing that an earlier run would change
		}
		rates := prefillRates(plans, rate)
		if a.flags.format == "json" {
			return report.PlanJSON(a.stdout, plans, rates)
		}
		for i, p := range plans {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			if err := report.Plan(a.stdout, p, rates[i], a.printing()); err != nil {
				return err
			}
		}
		return nil
	}
	a.loadFlags(c)
	a.printFlags(c, "text, json or lines (one cell a line)")
	c.Flags().StringVar(&prefill, "prefill-rate", "", "`tokens/s` at which the server computes prompts, as 20k: says how long warm-ups take; without it the rate of the last run of the same scenario and server in output.dir")
	return c
}

// prefillRates gives the rate of each plan's server: as given, else that of the warm-ups
// of the last run of its scenario.
func prefillRates(plans []*scenario.Plan, given float64) []report.Prefill {
	out := make([]report.Prefill, len(plans))
	for i, p := range plans {
		if given > 0 {
			out[i] = report.Prefill{Rate: given, From: "--prefill-rate"}
			continue
		}
		if rate, run := result.LastWarmupRate(p.Scenario.Output.Dir, p.Scenario); rate > 0 {
			out[i] = report.Prefill{Rate: rate, From: "the warm-ups of " + filepath.ToSlash(run)}
		}
	}
	return out
}

// prefillRate reads --prefill-rate; 0 is not known.
func prefillRate(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := scenario.ParseSize(s)
	if err != nil || n == 0 {
		return 0, usagef("--prefill-rate %s: write tokens per second, as 20k", s)
	}
	return float64(n), nil
}
