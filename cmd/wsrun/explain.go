package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsrun/wsrun/internal/explain"
	"github.com/wsrun/wsrun/internal/nearest"
	"github.com/wsrun/wsrun/internal/simulator"
	"github.com/wsrun/wsrun/internal/term"
)

// explainWidth is the width of an explanation; a narrower terminal narrows it.
const explainWidth = 80

func (a *app) explainCommand() *cobra.Command {
	c := &cobra.Command{Use: "explain [NAME]", Short: "What a key, metric, problem code, exit code or doubt about a point means",
		Long: `Explains a name that wsrun reads or prints: a key of a scenario, a metric, the code behind a problem, a class
of change, an exit code, the validity of a point and its reasons, a head of a table or a column of a file as it is
printed, a file of a run, an option of working_set_tester.py, a word of the
documentation. Without a name it lists them all. A kind before the name says which is meant.`,
		Example: `  wsrun explain working_set.steps
  wsrun explain metric concurrency
  wsrun explain not-converged
  wsrun explain exit 99
  wsrun explain profile h100-70b`}
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := a.oneFormat("text", "json"); err != nil {
			return err
		}
		return a.explain(args)
	}
	a.printFlags(c, "text or json")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		_, name, unknown := strings.Cut(err.Error(), "unknown flag: --")
		if unknown && len(explain.Find(explain.KindOption, name)) > 0 {
			return usagef("--%s is no flag of explain: an option of working_set_tester.py is explained without its dashes: wsrun explain option %s", name, name)
		}
		return unknownFlag(c, err)
	})
	return c
}

// explain prints what the arguments name: a name, or a kind and a name.
func (a *app) explain(args []string) error {
	if len(args) == 0 {
		return a.explainList()
	}
	if args[0] == "profile" && len(args) <= 2 {
		return a.explainProfile(args[1:])
	}
	kind, name := "", strings.Join(args, " ")
	found := explain.Find("", name) // hot tokens is one name
	if k, ok := explain.KindOf(args[0]); ok && len(args) > 1 {
		kind, name = k, strings.Join(args[1:], " ")
		found = explain.Find(kind, name)
	}
	if len(found) == 0 {
		return unexplained(kind, name)
	}
	if a.flags.format == "json" {
		return a.explainJSON(found)
	}
	return explain.Write(a.stdout, found, a.explainWidth(), a.paint(a.stdout))
}

func (a *app) explainWidth() int {
	if w := term.Width(a.stdout); w > 0 {
		return min(w, explainWidth)
	}
	return explainWidth
}

func (a *app) explainList() error {
	if a.flags.format == "json" {
		return a.explainJSON(explain.All())
	}
	if err := explain.WriteList(a.stdout, a.explainWidth(), a.paint(a.stdout)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n  %s\n", a.paint(a.stdout).Bold("profiles of the simulator (wsrun explain profile NAME)"), strings.Join(simulator.Names(), ", "))
	return err
}

func (a *app) explainJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// unexplained says what an unknown name may have meant.
func unexplained(kind, name string) error {
	names := explain.Names()
	if kind != "" {
		names = slices.DeleteFunc(names, func(n string) bool { return len(explain.Find(kind, n)) == 0 })
	}
	what := "nothing of this name"
	if kind != "" {
		what = "no " + kind + " of this name"
	}
	if near := nearest.Name(name, names); near != "" {
		return usagef("explain %s: there is %s; did you mean %q?", name, what, near)
	}
	if len(names) <= 10 {
		return usagef("explain %s: there is %s; there are %s", name, what, strings.Join(names, ", "))
	}
	return usagef("explain %s: there is %s\n`wsrun explain` lists what there is", name, what)
}

// explainProfile prints a built-in profile as the file that would say the same.
func (a *app) explainProfile(args []string) error {
	if len(args) == 0 {
		for _, name := range simulator.Names() {
			p, _ := simulator.Builtin(name)
			doc, _, _ := strings.Cut(p.Doc, ":")
			fmt.Fprintf(a.stdout, "%-10s  %s\n", name, doc)
		}
		return nil
	}
	p, ok := simulator.Builtin(args[0])
	if !ok {
		near := ""
		if n := nearest.Name(args[0], simulator.Names()); n != "" {
			near = fmt.Sprintf("; did you mean %q?", n)
		} else if _, err := os.Stat(args[0]); err == nil {
			near = "; it is a file already"
		}
		return usagef("explain profile %s: there is no such profile%s (there are %s)", args[0], near, strings.Join(simulator.Names(), ", "))
	}
	if a.flags.format == "json" {
		return a.explainJSON(p)
	}
	src, err := json.Marshal(p)
	if err != nil {
		return err
	}
	text, err := explain.Profile(src)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.stdout, text)
	return err
}
