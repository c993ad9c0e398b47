package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/nearest"
	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/scenario/plandiff"
)

func (a *app) diffCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff OLD NEW | --against REV [FILE...]",
		Short: "Say what a change of scenarios means: does it still compare, is it easier to pass, what does it cost",
		Long: `Say what a change of scenarios means, worked out from the two expanded plans. OLD and NEW are files or
directories; with --against the old side is taken from git, and without FILE every scenario below the
working directory is held against it. Classes, the most serious first: ` + classList() + `.
See docs/diff.md.`,
		Example: "  wsrun diff old.yaml new.yaml\n  wsrun diff --against main\n  wsrun diff --against main --fail-on breaks-comparison,loosened examples/scenarios",
	}
	var against string
	var failOn []string
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := a.oneFormat("text", "markdown", "json", "github"); err != nil {
			return err
		}
		classes, err := failClasses(failOn)
		if err != nil {
			return err
		}
		diffs, err := a.diff(against, args)
		if err != nil {
			return err
		}
		if err := a.printDiff(diffs); err != nil {
			return err
		}
		return failsOn(diffs, classes)
	}
	a.loadFlags(c)
	checked := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		return errors.Join(checked(c, args), notEmpty(c, "against"))
	}
	a.printFlags(c, "text, markdown, json or github (annotations)")
	c.Flags().StringVar(&against, "against", "", "take the old side from git: a `REV`ision, as main or HEAD~1")
	c.Flags().StringSliceVar(&failOn, "fail-on", nil, "exit 4 when there is a finding of one of these `class`es; several with commas")
	return c
}

func classList() string {
	var names []string
	for _, c := range plandiff.Classes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// failClasses reads --fail-on.
func failClasses(names []string) ([]plandiff.Class, error) {
	var out []plandiff.Class
	for _, n := range names {
		class := plandiff.Class(strings.TrimSpace(n))
		if !slices.Contains(plandiff.Classes(), class) {
			hint := ""
			if near := nearest.Name(string(class), strings.Split(classList(), ", ")); near != "" {
				hint = fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, usagef("--fail-on %s: no such class%s: write %s", n, hint, classList())
		}
		out = append(out, class)
	}
	return out, nil
}

// failsOn gives exit 4 where a class was found that the call names.
func failsOn(diffs []plandiff.Diff, classes []plandiff.Class) error {
	for _, d := range diffs {
		for _, c := range classes {
			if d.Count(c) > 0 {
				return exit(verdict.ExitRegression)
			}
		}
	}
	return nil
}

func (a *app) printDiff(diffs []plandiff.Diff) error {
	switch a.flags.format {
	case "markdown":
		return report.DiffMarkdown(a.stdout, diffs)
	case "json":
		return report.DiffJSON(a.stdout, diffs)
	case "github":
		return report.DiffGitHub(a.stdout, diffs)
	}
	return report.Diff(a.stdout, diffs, a.printing())
}

// diff loads both sides and holds them against each other.
func (a *app) diff(against string, args []string) ([]plandiff.Diff, error) {
	opt, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	if against != "" {
		return a.diffAgainst(against, args, opt)
	}
	if len(args) != 2 {
		return nil, usagef("wsrun diff takes an OLD and a NEW file or directory, or --against REV; %s given", report.Plural(len(args), "argument"))
	}
	from, err := listed(args[0])
	if err != nil {
		return nil, err
	}
	to, err := listed(args[1])
	if err != nil {
		return nil, err
	}
	if len(from) == 1 && len(to) == 1 && !isDir(args[0]) && !isDir(args[1]) {
		from[0].key = to[0].key // two files are each other's sides, whatever they are called
	}
	new, err := a.newSides(to, opt)
	if err != nil {
		return nil, err
	}
	why := filepath.ToSlash(args[0]) + " is not there"
	switch {
	case isDir(args[0]):
		why = "not in " + filepath.ToSlash(args[0])
	case args[0] == os.DevNull:
		why = "" // the caller says that there was none
	}
	return plandiff.Files(oldSides(from, opt, "the old file"), new, why), nil
}

// input is a scenario file to read: its path, and what it is paired by.
type input struct{ path, key string }

// listed gives the scenario files of one argument: a directory's, or the file itself. The
// null device is what git names where a file is not there.
func listed(arg string) ([]input, error) {
	switch {
	case arg == os.DevNull:
		return nil, nil
	case !isDir(arg):
		return []input{{arg, filepath.Base(arg)}}, nil
	}
	paths, err := scenario.Files([]string{arg})
	if err != nil {
		return nil, usageError{err.Error()}
	}
	var out []input
	for _, p := range paths {
		key, err := filepath.Rel(arg, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		out = append(out, input{p, key})
	}
	return out, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// oldSides reads the old files, each on its own: one that is no valid scenario counts for
// nothing, and says why. One that is not there is left out.
func oldSides(files []input, opt scenario.Options, name string) []plandiff.Side {
	var out []plandiff.Side
	for _, f := range files {
		plans, problems := scenario.LoadFiles([]string{f.path}, opt)
		side := plandiff.Side{Key: f.key}
		switch {
		case len(plans) == 1 && plans[0] != nil:
			side.Plan = plans[0]
		case missing(problems):
			continue
		default:
			side.Why = name + " is not valid: " + firstProblem(problems)
		}
		out = append(out, side)
	}
	return out
}

// missing reports whether a file could not be read at all.
func missing(problems []scenario.Problem) bool {
	return len(problems) == 1 && problems[0].Code == "unreadable"
}

func firstProblem(problems []scenario.Problem) string {
	for _, p := range problems {
		switch {
		case p.Warning:
		case p.Line > 0:
			return fmt.Sprintf("%s:%d:%d: %s", filepath.ToSlash(p.File), p.Line, p.Col, p.Message)
		default:
			return filepath.ToSlash(p.File) + ": " + p.Message
		}
	}
	return "it cannot be read"
}

// newSides reads the new files, each on its own: that two have one name is for validate to
// say. Every problem of every file is told; one that is no warning ends the call with
// exit 3.
func (a *app) newSides(files []input, opt scenario.Options) ([]plandiff.Side, error) {
	var out []plandiff.Side
	var problems []scenario.Problem
	for _, f := range files {
		plans, found := scenario.LoadFiles([]string{f.path}, opt)
		if plans == nil {
			problems = append(problems, found...)
			continue
		}
		out = append(out, plandiff.Side{Key: f.key, Plan: plans[0]})
	}
	if len(problems) == 0 {
		return out, nil
	}
	if a.flags.format == "github" {
		if err := report.ProblemsGitHub(a.stdout, problems); err != nil {
			return nil, err
		}
	}
	fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	return nil, exitError{code: verdict.ExitInvalid}
}

// diffAgainst takes the old side from git: the same paths, and what they extend, as they
// were then.
func (a *app) diffAgainst(rev string, args []string, opt scenario.Options) ([]plandiff.Diff, error) {
	repo, err := openGit(rev)
	if err != nil {
		return nil, err
	}
	defer repo.close()
	from, to, same, err := repo.inputs(args)
	if err != nil {
		return nil, err
	}
	new, err := a.newSides(to, opt)
	if err != nil {
		return nil, err
	}
	opt.ReadFile = repo.read
	diffs := plandiff.Files(oldSides(from, opt, "in "+rev+" it"), new, "not in "+rev)
	for _, path := range same {
		diffs = append(diffs, plandiff.Diff{Path: path, Status: plandiff.Unchanged})
	}
	return diffs, nil
}

// errNotInRevision is a path that a revision does not have.
var errNotInRevision = fmt.Errorf("not in that revision: %w", fs.ErrNotExist)
