package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/migrate"
	"github.com/wsrun/wsrun/internal/starter"
	"github.com/wsrun/wsrun/internal/verdict"
	"github.com/wsrun/wsrun/scenario"
	"github.com/wsrun/wsrun/schema"
)

// initFlags are the choices of wsrun init.
type initFlags struct {
	mode, target, name, fromFlags string
}

// Names of what wsrun init writes.
const (
	firstScenario = "scenario.yaml"        // where no file is named
	schemaFile    = "scenario.schema.json" // beside it
)

func (a *app) initCommand() *cobra.Command {
	c := &cobra.Command{Use: "init [FILE]", Short: "Write a commented scenario to begin with, or one made of an old command line",
		Long: `Writes a scenario that is valid as it is, with what most people change first in comments, and beside it the
schema by which an editor completes and explains its keys. FILE is scenario.yaml unless you name one; - is
standard output. What is there already is never overwritten.

--from-flags translates a call of working_set_tester.py: same sizes, levels and durations, each line with the
option that it comes from. Give the call in quotes, as @FILE, or as - on standard input.`,
		Example: `  wsrun init sweep.yaml --target http://localhost:8000
  wsrun init --mode map --target simulator
  wsrun init tiers.yaml --from-flags @run_command_20251220_101500.sh`}
	var f initFlags
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("wsrun init takes one file, %d given\nusage: %s", len(args), c.UseLine())
		}
		for _, name := range []string{"mode", "target"} {
			if c.Flags().Changed("from-flags") && c.Flags().Changed(name) {
				return usagef("--%s is what the call of --from-flags says: leave it out", name)
			}
		}
		return a.initialise(cmp.Or(strings.Join(args, ""), firstScenario), f)
	}
	c.Flags().StringVar(&f.mode, "mode", "fixed", "how it is to be run: "+strings.Join(starter.Modes(), ", "))
	c.Flags().StringVar(&f.target, "target", "http://localhost:8000", "the server's `URL`, or simulator: a scenario that runs within a minute anywhere")
	c.Flags().StringVar(&f.name, "name", "", "the scenario's name; default: the file's, or that of the results folder in --from-flags")
	c.Flags().StringVar(&f.fromFlags, "from-flags", "", "a `call` of working_set_tester.py to translate, @FILE, or - for standard input")
	c.Flags().BoolVar(&a.flags.noColor, "no-color", false, "no colour")
	c.PreRunE = func(c *cobra.Command, _ []string) error { return notEmpty(c, "mode", "target", "name", "from-flags") }
	return c
}

// initialise writes the file and the schema, and says what to do next.
func (a *app) initialise(file string, f initFlags) error {
	if err := freeFile(file); err != nil {
		return err
	}
	text, runFlags, err := a.firstText(file, f)
	if err != nil {
		return err
	}
	opt, err := a.loadOptions()
	if err != nil {
		return err
	}
	plan, problems := scenario.Load(file, []byte(text), opt)
	if len(problems) > 0 {
		fmt.Fprint(a.stderr, scenario.Render(problems, bool(a.paint(a.stderr))))
	}
	if plan == nil {
		return exitError{code: verdict.ExitInvalid, err: errors.New("nothing was written: the scenario would not be valid")}
	}
	if file == "-" {
		_, err := io.WriteString(a.stdout, text)
		return err
	}
	if err := createFile(file, []byte(text)); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "wrote %s\n", file)
	if err := a.schemaBeside(file); err != nil {
		return err
	}
	name := migrate.Quote(filepath.ToSlash(file))
	fmt.Fprintf(a.stderr, "next: wsrun plan %s\n", name)
	run := append([]string{"wsrun", "run", name}, runFlags...)
	fmt.Fprintf(a.stderr, "then: %s\n", strings.Join(run, " "))
	return nil
}

// firstText gives the scenario, and the flags that wsrun run needs beside it.
func (a *app) firstText(file string, f initFlags) (text string, runFlags []string, err error) {
	line := "./" + schemaFile
	if file == "-" {
		line = ""
	}
	if f.fromFlags != "" {
		call, err := a.oldCall(f.fromFlags)
		if err != nil {
			return "", nil, err
		}
		r, problems := migrate.Scenario(call, migrate.Options{Name: f.name, Else: cmp.Or(nameOf(file), "working-set-sweep"), Schema: line})
		if len(problems) > 0 {
			return "", nil, oldCallProblems(problems)
		}
		for _, w := range r.RunFlags {
			runFlags = append(runFlags, migrate.Quote(w))
		}
		return r.Text, runFlags, nil
	}
	if !slices.Contains(starter.Modes(), f.mode) {
		return "", nil, usagef("--mode %s is unknown; it may be %s", f.mode, strings.Join(starter.Modes(), ", "))
	}
	usual := map[string]string{"fixed": "sweep"}[f.mode]
	name := cmp.Or(f.name, nameOf(file), usual, f.mode)
	text, err = starter.Text(starter.Options{Mode: f.mode, Name: migrate.Scalar(name), Target: migrate.Scalar(f.target), File: migrate.Quote(filepath.ToSlash(file)), Schema: line})
	return text, nil, err
}

// nameOf makes a scenario's name of its file's, where that says anything.
func nameOf(file string) string {
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	if file == firstScenario || file == "-" {
		return ""
	}
	return migrate.Slug(base)
}

// oldCall gives the text of --from-flags: itself, a file's, or what is on standard input.
func (a *app) oldCall(arg string) (string, error) {
	var src []byte
	var err error
	switch path, isFile := strings.CutPrefix(arg, "@"); {
	case isFile:
		var f *os.File
		if f, err = os.Open(path); err == nil {
			defer f.Close()
			src, err = readCall(f)
		}
	case arg == "-":
		src, err = readCall(a.stdin)
	default:
		return arg, nil
	}
	if err != nil {
		return "", usagef("--from-flags %s cannot be read: %v", arg, err)
	}
	return string(src), nil
}

// maxCall bounds a command line in a file: what is longer is another file.
const maxCall = 1 << 20

func readCall(r io.Reader) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxCall+1))
	if len(src) > maxCall {
		return nil, errors.New("it is longer than 1 MiB: is it the file that holds the call?")
	}
	return src, err
}

// oldCallProblems tells all that is wrong with a call of the original.
func oldCallProblems(problems []migrate.Problem) error {
	var b strings.Builder
	b.WriteString("--from-flags: the call cannot be translated, nothing was written")
	for _, p := range problems {
		b.WriteString("\n  " + p.String())
	}
	return usageError{b.String()}
}

// freeFile refuses a place where the scenario cannot or must not be written.
func freeFile(file string) error {
	if file == "-" {
		return nil
	}
	if ext := filepath.Ext(file); ext != ".yaml" && ext != ".yml" {
		return usagef("%s: a scenario's file ends in .yaml, as %s", file, filepath.ToSlash(filepath.Join(file, firstScenario)))
	}
	if _, err := os.Lstat(file); err == nil {
		return alreadyThere(file)
	}
	if st, err := os.Stat(filepath.Dir(file)); err != nil || !st.IsDir() {
		return usagef("%s: there is no directory %s: make it first", file, filepath.Dir(file))
	}
	return nil
}

func alreadyThere(file string) error {
	return usagef("%s is there already and is not overwritten: choose another name, or wsrun validate %s", file, file)
}

// createFile writes a file that must not be there.
func createFile(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(file)
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", file, err)
	}
	return nil
}

// schemaBeside writes the schema for the editor next to the scenario. One that is there
// is kept: it may be another version's, which other scenarios name.
func (a *app) schemaBeside(file string) error {
	path := filepath.Join(filepath.Dir(file), schemaFile)
	was, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(was, schema.Scenario()):
		return nil
	case err == nil:
		fmt.Fprintf(a.stderr, "%s is there and is another version's: kept; wsrun schema > %s renews it\n", path, migrate.Quote(filepath.ToSlash(path)))
		return nil
	}
	if err := createFile(path, schema.Scenario()); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "wrote %s, for the editor\n", path)
	return nil
}
