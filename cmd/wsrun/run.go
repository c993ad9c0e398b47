package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/nearest"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/runner/result"
	"github.com/wsrun/wsrun/scenario"
)

func (a *app) runCommand() *cobra.Command {
	c := &cobra.Command{Use: "run FILE... | run --resume RUN", Short: "Run scenarios: table on stdout, everything else in the run directory"}
	c.RunE = func(_ *cobra.Command, args []string) error { return a.run(args) }
	a.runFlags(c)
	return c
}

func (a *app) runFlags(c *cobra.Command) {
	a.loadFlags(c)
	a.printFlags(c, "text or json")
	c.Flags().StringVar(&a.flags.resume, "resume", "", "go on with the run in this directory: what it finished is kept")
	c.Flags().StringArrayVar(&a.flags.only, "only", nil, "run this `cell` only (its key as in wsrun plan --format lines); may be repeated")
	c.Flags().BoolVar(&a.flags.brief, "brief", false, "key: value lines with every key, for scripts")
	c.Flags().BoolVar(&a.flags.verbose, "verbose", false, "a line on stderr for each phase and period")
}

// run runs all scenarios of the call, one after the other; the exit code is that
// of all of them together.
func (a *app) run(args []string) error {
	if err := a.oneFormat("text", "json"); err != nil {
		return err
	}
	if a.flags.resume != "" {
		return a.resume(args)
	}
	plans, err := a.load(args)
	if err != nil {
		return err
	}
	return a.runPlans(plans)
}

// runPlans runs what was loaded, one after the other.
func (a *app) runPlans(plans []*scenario.Plan) error {
	if err := a.refuse(plans); err != nil {
		return err
	}
	if err := onlyKnown(a.flags.only, plans); err != nil {
		return err
	}
	for _, p := range plans {
		if _, _, err := a.reveal(p.Scenario); err != nil {
			return err
		}
	}
	stop := a.watchSignals(abrupt)
	defer stop.stop()
	var codes []int
	for _, p := range plans {
		if stop.on() {
			break
		}
		only := onlyOf(a.flags.only, p)
		if len(a.flags.only) > 0 && len(only) == 0 {
			continue // the cell is another scenario's
		}
		s, err := a.begin(p, only)
		if err != nil {
			return err
		}
		s.titled = len(plans) > 1
		codes = append(codes, s.do(context.Background(), stop))
	}
	return exit(verdict.Combine(codes...))
}

// resume goes on with a run. What its scenario says was settled when it began.
func (a *app) resume(args []string) error {
	switch f := a.flags; {
	case len(args) > 0:
		return usagef("--resume takes its scenario from the run: leave %s out", strings.Join(args, " "))
	case f.target != "" || f.outputDir != "" || f.tiers != "" || len(f.labels) > 0 || len(f.set) > 0:
		return usagef("--resume goes on with what the run was asked for: --set, --target, --output-dir, --tiers and --label cannot change it")
	}
	path, err := result.FindRecord(a.flags.resume)
	if err != nil {
		return usageError{err.Error()}
	}
	w, rec, err := result.Resume(path)
	switch {
	case errors.Is(err, result.ErrNoRun):
		return fmt.Errorf("%w; run the scenario again instead", err)
	case errors.Is(err, result.ErrNotRecord) && path == a.flags.resume: // not one that was spoilt
		return usageError{err.Error()}
	case err != nil:
		return err
	}
	plan, err := planOf(rec, path, a.flags.allowCommands)
	if err == nil {
		err = onlyKnown(a.flags.only, []*scenario.Plan{{Cells: rec.Run.Cells}})
	}
	if err == nil {
		_, _, err = a.reveal(plan.Scenario)
	}
	if err != nil {
		return errors.Join(err, w.Close())
	}
	stop := a.watchSignals(abrupt)
	defer stop.stop()
	s := &session{app: a, plan: plan, dir: filepath.Dir(path), only: a.flags.only, prior: rec, writer: w, id: rec.Run.ID, stamp: rec.Run.Stamp, nonce: rec.Run.Nonce}
	return exit(s.do(context.Background(), stop))
}

// planOf works the plan of a recorded run out again.
func planOf(rec *result.Record, path string, allowCommands bool) (*scenario.Plan, error) {
	plan, problems := scenario.Expand(rec.Run.Scenario)
	if plan == nil {
		var text []string
		for _, p := range problems {
			text = append(text, p.Path+": "+p.Message)
		}
		return nil, fmt.Errorf("the scenario in %s cannot be expanded by this wsrun (it was %s): %s", path, rec.Run.Version, strings.Join(text, "; "))
	}
	if len(rec.Run.Scenario.Warmup.Reset.Command) > 0 && !allowCommands {
		return nil, usagef("the scenario runs a command (warmup.reset.command): allow it with --allow-commands")
	}
	return plan, nil
}

// onlyKnown sees that every --only names a planned cell.
func onlyKnown(only []string, plans []*scenario.Plan) error {
	known := map[string]bool{}
	var keys []string
	for _, p := range plans {
		for _, c := range p.Cells {
			known[c.Key] = true
			keys = append(keys, c.Key)
		}
	}
	for _, key := range only {
		if known[key] {
			continue
		}
		near := ""
		if n := nearest.Name(key, keys); n != "" {
			near = fmt.Sprintf("; did you mean %q?", n)
		}
		return usagef("--only %s: there is no such cell%s; `wsrun plan --format lines` lists them", key, near)
	}
	return nil
}

func onlyOf(only []string, p *scenario.Plan) []string {
	var out []string
	for _, c := range p.Cells {
		for _, key := range only {
			if key == c.Key {
				out = append(out, key)
			}
		}
	}
	return out
}

// defaultKeyEnv may be unset: most servers on a private network want no key.
const defaultKeyEnv = "WSRUN_API_KEY"
