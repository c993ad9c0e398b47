package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/schema"
)

// load reads all scenarios of the call. Every problem of every file is told on
// stderr; one that is no warning ends the call with exit 3, before anything is sent.
func (a *app) load(args []string) ([]*scenario.Plan, error) {
	if len(args) == 0 {
		return nil, usagef("which scenario? Name at least one file, a directory, or - for standard input")
	}
	opt, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	plans, problems, err := a.read(args, opt)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	}
	if plans == nil {
		return nil, exitError{code: verdict.ExitInvalid}
	}
	return plans, nil
}

func (a *app) read(args []string, opt scenario.Options) ([]*scenario.Plan, []scenario.Problem, error) {
	stdin := 0
	for _, arg := range args {
		if arg == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return nil, nil, usagef("- (standard input) is named %d times: it can be read once", stdin)
	}
	paths, err := scenario.Files(args)
	if err != nil {
		return nil, nil, usageError{err.Error()}
	}
	plans, problems := scenario.LoadFiles(paths, opt)
	return plans, problems, nil
}

// loadOptions are what the command line and the built-in simulator add.
func (a *app) loadOptions() (scenario.Options, error) {
	labels := map[string]string{}
	for _, l := range a.flags.labels {
		k, v, ok := strings.Cut(l, "=")
		if !ok || k == "" {
			return scenario.Options{}, usagef("--label %s: write key=value", l)
		}
		labels[k] = v
	}
	var tiers map[string]int64
	if a.flags.tiers != "" {
		var err error
		if tiers, err = tierEnds(a.flags.tiers); err != nil {
			return scenario.Options{}, err
		}
	}
	return scenario.Options{
		Tiers: tiers, AllowedEnv: a.flags.env, Env: a.env, Set: a.flags.set, Stdin: a.stdin, AllowCommands: a.flags.allowCommands, Target: a.flags.target, OutputDir: a.flags.outputDir, Labels: labels,
		ProfileNames:      simulator.Names(),
		SimulatorProfiles: func(name string) bool { _, ok := simulator.Builtin(name); return ok },
		CheckProfile:      func(json []byte) error { _, err := simulator.DecodeProfile(json); return err },
	}, nil
}

func (a *app) validateCommand() *cobra.Command {
	c := &cobra.Command{Use: "validate FILE...", Short: "Tell every problem of every scenario; nothing is sent"}
	c.RunE = func(_ *cobra.Command, args []string) error {
		plans, err := a.load(args)
		if err != nil {
			return err
		}
		for _, p := range plans {
			fmt.Fprintf(a.stdout, "%s: ok, %s, %s\n", filepath.ToSlash(p.Path), report.Plural(len(p.Cells), "cell"), report.Plural(p.Estimate().Points, "point"))
		}
		return nil
	}
	a.loadFlags(c)
	c.Flags().BoolVar(&a.flags.noColor, "no-color", false, "no colour")
	return c
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "Print the JSON Schema of scenarios", Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(schema.Scenario())
			return err
		}}
}
