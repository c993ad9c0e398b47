package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/report"
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
		switch a.flags.format {
		case "json":
			return report.PlanJSON(a.stdout, plans)
		case "lines":
			return report.PlanLines(a.stdout, plans)
		}
		for i, p := range plans {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			if err := report.Plan(a.stdout, p, rate, a.printing()); err != nil {
				return err
			}
		}
		return nil
	}
	a.loadFlags(c)
	a.printFlags(c, "text, json or lines (one cell a line)")
	c.Flags().StringVar(&prefill, "prefill-rate", "", "`tokens/s` at which the server computes prompts, as 20k: says how long warm-ups take")
	return c
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
