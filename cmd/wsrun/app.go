package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/report"
	"github.com/wsrun/wsrun/internal/term"
	"github.com/wsrun/wsrun/internal/verdict"
)

// app is one call of wsrun: where it reads and writes.
type app struct {
	stdin          io.Reader
	stdout, stderr *os.File
	env            term.Lookup
	flags          flags
	hidden         []string // values of variables and keys, which no output may hold
}

// flags are those of all commands; each command registers the ones it has.
type flags struct {
	resume        string
	only          []string
	brief         bool
	format        string
	verbose       bool
	noColor       bool
	env           []string
	set           []string
	allowCommands bool
	target        string
	outputDir     string
	labels        []string
	tiers         string
	profile       string
	listen        string
	log           string
}

func newApp(stdin io.Reader, stdout, stderr *os.File, env term.Lookup) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
}

// exitError ends wsrun with a code; a nil err has been told already.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// exit is the error of a code, nil for 0.
func exit(code int) error {
	if code == verdict.ExitOK {
		return nil
	}
	return exitError{code: code}
}

// execute runs one call and gives its exit code.
func (a *app) execute(args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return verdict.ExitOK
	}
	var coded exitError
	if errors.As(err, &coded) {
		if coded.err != nil {
			a.complain(coded.err)
		}
		return coded.code
	}
	a.complain(err)
	var usage usageError
	if errors.As(err, &usage) {
		return verdict.ExitUsage
	}
	return verdict.ExitFailed
}

// complain tells the person what went wrong.
func (a *app) complain(err error) {
	lines := strings.Split(strings.TrimSpace(a.public(err.Error())), "\n")
	for i, l := range lines {
		lines[i] = term.Clean(l) // some of it may be a server's
	}
	fmt.Fprintf(a.stderr, "%s %s\n", a.paint(a.stderr).Red("wsrun:"), strings.Join(lines, "\n"))
}

func (a *app) paint(f *os.File) term.Paint {
	return term.Paint(term.Colour(term.IsTerminal(f), a.flags.noColor, a.env))
}

// printing says how to print for people on stdout.
func (a *app) printing() report.Options {
	return report.Options{Width: term.Width(a.stdout), Paint: a.paint(a.stdout)}
}

// root builds the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "wsrun FILE... | COMMAND",
		Short: "How much reusable context does each memory tier of an LLM server hold, and what does falling to the next one cost?",
		Long: `wsrun reads a YAML scenario, sweeps the working set over an OpenAI-compatible server, and tells where
each memory tier of its KV cache ends. wsrun FILE... is the same as wsrun run FILE...`,
		Args:          cobra.ArbitraryArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 && !looksLikeScenario(args[0]) {
			return unknownCommand(args[0], commandNames(root))
		}
		if len(args) == 0 && a.flags.resume == "" {
			return usagef("which scenario? Name at least one file, a directory, or - for standard input\n`wsrun help` lists the commands")
		}
		return a.run(args)
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(unknownFlag)
	a.runFlags(root)
	root.AddCommand(a.runCommand(), a.mapCommand(), a.validateCommand(), a.planCommand(), a.diffCommand(), a.reportCommand(), a.tiersCommand(),
		a.simulateCommand(), a.initCommand(), a.explainCommand(), a.schemaCommand(), a.versionCommand(), a.childCommand())
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	a.complete(root)
	return root
}

// commandNames lists the commands that people may call.
func commandNames(root *cobra.Command) []string {
	var out []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			out = append(out, c.Name())
		}
	}
	return out
}

// exactly wants n arguments named what.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s, %d given\nusage: %s", cmd.CommandPath(), what, len(args), cmd.UseLine())
		}
		return nil
	}
}

// printFlags are those of commands that print a result.
func (a *app) printFlags(c *cobra.Command, formats string) {
	c.Flags().StringVar(&a.flags.format, "format", "text", "output on stdout: "+formats)
	c.Flags().BoolVar(&a.flags.noColor, "no-color", false, "no colour (NO_COLOR and FORCE_COLOR are heeded too)")
}

// loadFlags are those of commands that read scenarios.
func (a *app) loadFlags(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.flags.env, "env", nil, "an environment variable that the scenario may read, as ${NAME} or with target.api_key_env, beside WSRUN_*; may be repeated")
	c.Flags().StringArrayVar(&a.flags.set, "set", nil, "`path=value` to lay on the scenario, as working_set.max=5M or stop[0].fail=true; may be repeated")
	c.Flags().BoolVar(&a.flags.allowCommands, "allow-commands", false, "let warmup.reset.command run a command")
	c.Flags().StringVar(&a.flags.target, "target", "", "a URL that replaces the scenario's endpoints or simulator")
	c.Flags().StringVar(&a.flags.outputDir, "output-dir", "", "where results go, instead of output.dir")
	c.Flags().StringArrayVar(&a.flags.labels, "label", nil, "key=value to keep with the results; may be repeated")
	c.Flags().StringVar(&a.flags.tiers, "tiers", "", tiersHelp)
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		return notEmpty(c, "target", "output-dir", "tiers", "resume")
	}
}

// oneFormat checks --format and --brief.
func (a *app) oneFormat(known ...string) error {
	for _, k := range known {
		if a.flags.format == k {
			if a.flags.brief && k != "text" {
				return usagef("--brief and --format %s exclude each other", k)
			}
			return nil
		}
	}
	return usagef("--format %s is unknown; it may be %s", a.flags.format, strings.Join(known, " or "))
}
